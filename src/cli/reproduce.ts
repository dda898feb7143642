// `unroll reproduce`: figures of the literature, computed anew, beside those that were published.

import { resolve } from 'node:path';
import { reproductions } from '../analysis/reproduce/reproductions.ts';
import { text } from '../report/words.ts';
import type { Reproduced } from '../shared/analysis.ts';
import { type Command, type Given, UsageError } from './command.ts';
import type { Surroundings } from './terminal.ts';
import { INTERRUPTED, watched } from './watched.ts';

const FOLDER = '.unroll/reproduce';

export const reproduceCommand: Command = {
  usage: 'NAME [--json] [--seed N] [--keep DIR] [--fresh]',
  summary: `Computes a figure of the literature anew, and sets it beside the published one; the status is 1 where it lies outside its band. Ctrl+C stops it; what was trained until then is kept, and not trained again. NAME: ${Object.entries(
    reproductions,
  )
    .map(([name, { time }]) => `${name} (${time})`)
    .join(', ')}.`,
  positionals: 1,
  options: { json: { type: 'boolean' }, seed: { type: 'string' }, keep: { type: 'string' }, fresh: { type: 'boolean' } },
  help: {
    json: 'as one JSON object',
    seed: 'of weights, data, inputs and the vector that the gradient begins with, 1',
    keep: `the folder in which trainings that are over are kept, ${FOLDER}`,
    fresh: 'trains all of it anew',
  },
  run: reproduce,
};

async function reproduce(given: Given, around: Surroundings): Promise<number> {
  const { terminal } = around;
  const name = given.positionals[0]!;
  if (!Object.hasOwn(reproductions, name))
    throw new UsageError(`There is no reproduction ${name}. There are ${Object.keys(reproductions).join(', ')}.`);
  const keep = resolve(terminal.folder, given.text('keep') ?? FOLDER);
  const found = await watched(around, given.flag('json'), (engine) =>
    engine.request('reproduce', { name, seed: given.count('seed', 0) ?? 1, keep, fresh: given.flag('fresh') }),
  );
  if (found === undefined) {
    terminal.error('Interrupted. The same command goes on from what was trained until now.\n');
    return INTERRUPTED;
  }
  terminal.out(given.flag('json') ? `${JSON.stringify(found)}\n` : reproducedText(found));
  return found.rows.every(({ passes = true }) => passes) ? 0 : 1;
}

function reproducedText({ title, source, rows, seconds }: Reproduced): string {
  const lines = rows.map(({ what, quantity, ours, figure, low, high, passes }) => [
    what,
    quantity,
    text(ours),
    figure === undefined ? '–' : text(figure),
    `${text(low)} to ${text(high)}`,
    passes === undefined ? 'not judged' : passes ? 'passes' : 'FAILS',
  ]);
  const notes = rows.flatMap(({ what, note }) => (note === undefined ? [] : [`${what}: ${note}`]));
  return [
    `${title}\n${source}\n`,
    table([['', '', 'ours', 'published', 'band', ''], ...lines]),
    ...(notes.length === 0 ? [] : ['', ...notes]),
    `\n${text(seconds)} s\n`,
  ].join('\n');
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, k) => Math.max(...rows.map((row) => row[k]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, k) => cell.padEnd(widths[k]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
