// `unroll generate`: what a trained model writes, of its own or for what it is given to read.

import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type NamedArray, npz } from '../data/npz.ts';
import { decodeText } from '../data/text.ts';
import type { GenerateRequest } from '../engine/requests.ts';
import type { PartName } from '../shared/dataset.ts';
import type { WrittenRow } from '../training/decoding/write.ts';
import { replaceFile } from '../training/files.ts';
import { newestRun } from '../training/run.ts';
import { type Command, type Given, UsageError } from './command.ts';
import type { Surroundings, Terminal } from './terminal.ts';

export const generateCommand: Command = {
  usage: 'RUN|FILE.rnn [--input "..."|FILE] [--prompt "..."] [--beam N] [--length N] [--seed N] [--attention OUT.npz|OUT.csv]',
  summary: "Lets a trained model write, as its file's generate statement says: a text of its own, or a row for each that it reads.",
  positionals: 1,
  options: {
    input: { type: 'string' },
    example: { type: 'string' },
    prompt: { type: 'string' },
    beam: { type: 'string' },
    length: { type: 'string' },
    seed: { type: 'string' },
    attention: { type: 'string' },
  },
  help: {
    input: 'what the model reads before it writes: a text, a file with a row a line, or an image (.png, .jpg)',
    example:
      'in place of --input: the place of an example in the held-out part of its data, test or else validation (training:3 for another part)',
    prompt: 'what it goes on from',
    beam: 'how many beginnings are kept at each step',
    length: 'how much it writes at most, in characters or words',
    seed: 'decides what is drawn',
    attention: 'writes where each row looked while it was written: arrays row/line of the shape [written, read], or a table',
  },
  run: generate,
};

async function generate(given: Given, { terminal, engine }: Surroundings): Promise<number> {
  const path = resolve(terminal.folder, given.positionals[0]!);
  const run = path.endsWith('.rnn') ? await newestRun(path) : path;
  const attention = given.text('attention');
  if (attention !== undefined && !/\.(npz|csv)$/.test(attention))
    throw new UsageError(`--attention takes a .npz or .csv file, not ${attention}.`);
  const sources = await sourcesOf(given, terminal);
  const optional = {
    ...{ prompt: given.text('prompt'), length: given.count('length'), seed: given.count('seed', 0), beam: given.count('beam') },
    ...{ sources, attention: attention === undefined ? undefined : true },
  };
  const request = { run, ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)) };
  const { text, rows } = await engine.request('generate', request);
  terminal.out(`${text}\n`);
  const cut = rows.flatMap(({ ended }, row) => (ended ? [] : [row + 1]));
  if (sources !== undefined && cut.length > 0)
    terminal.error(
      `${cut.length === 1 ? `Row ${cut[0]} was` : `${cut.length} rows were`} cut at the length of the generate statement; --length gives more.\n`,
    );
  if (attention !== undefined) await writeAttention(resolve(terminal.folder, attention), rows, terminal);
  return 0;
}

async function sourcesOf(given: Given, { folder }: Terminal): Promise<GenerateRequest['sources']> {
  const [input, example] = [given.text('input'), given.text('example')];
  if (input !== undefined && example !== undefined) throw new UsageError('Give what it reads by --input or by --example, not by both.');
  if (example !== undefined) {
    const found = /^(?:(training|validation|test):)?(\d+)$/.exec(example);
    if (found === null) throw new UsageError(`--example takes a number, or validation:3, not ${example}.`);
    const part = found[1] as PartName | undefined;
    return [{ kind: 'example', ...(part === undefined ? {} : { part }), index: Number(found[2]) }];
  }
  if (input === undefined) return undefined;
  const path = resolve(folder, input);
  const isFile = await stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
  // One word that ends as images do is no sentence: that it is not there is said.
  if (/^\S+\.(png|jpe?g)$/i.test(input) || (isFile && /\.(png|jpe?g)$/i.test(path))) return [{ kind: 'file', path }];
  if (!isFile) return [{ kind: 'text', text: input }];
  const lines = decodeText(path, await readFile(path)).split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  const empty = lines.findIndex((line) => line.trim() === '');
  if (empty >= 0) throw new UsageError(`${input}, line ${empty + 1}: there is nothing to read.`);
  return lines.map((text) => ({ kind: 'text', text }));
}

async function writeAttention(out: string, rows: readonly WrittenRow[], terminal: Terminal): Promise<void> {
  const lines = new Set(rows.flatMap(({ attention }) => Object.keys(attention)));
  if (lines.size === 0) throw new Error('The model looks nowhere: no line of it is a softmax over what it reads.');
  await replaceFile(out, out.endsWith('.npz') ? npz(arrays(rows)) : [Buffer.from(table(rows))]);
  terminal.out(`${[...lines].join(', ')} in ${out}\n`);
}

async function* arrays(rows: readonly WrittenRow[]): AsyncGenerator<NamedArray> {
  for (const [row, { attention }] of rows.entries()) for (const [name, array] of Object.entries(attention)) yield [`${row}/${name}`, array];
}

const END = '‹end›';

/** A line for each weight; `head` counts them where there are several. */
function table(rows: readonly WrittenRow[]): string {
  const cell = (text: string): string => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const lines = ['row,line,head,step,token,place,word,weight'];
  rows.forEach(({ attention, tokens, source }, row) => {
    for (const [name, { shape, data }] of Object.entries(attention)) {
      const places = shape.at(-1)!;
      const heads = shape.slice(1, -1).reduce((product, size) => product * size, 1);
      data.forEach((weight, k) => {
        const [place, head, step] = [k % places, Math.floor(k / places) % heads, Math.floor(k / places / heads)];
        lines.push([row, name, head, step, cell(tokens[step] ?? END), place, cell(source[place] ?? ''), weight].join(','));
      });
    }
  });
  return `${lines.join('\n')}\n`;
}
