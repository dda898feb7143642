// `unroll chat`: a line in, a reply out, until the lines end.

import { resolve } from 'node:path';
import type { Engine } from '../engine/client.ts';
import type { GenerateRequest } from '../engine/requests.ts';
import { type GenerateSettings, searchText } from '../shared/settings.ts';
import { newestRun, readRecord } from '../training/run.ts';
import { type Command, type Given, UsageError } from './command.ts';
import { errorText, type Surroundings, type Terminal } from './terminal.ts';

type Search = GenerateSettings['search'];

export const chatCommand: Command = {
  usage: 'RUN|FILE.rnn [--greedy | --beam N [--penalty A] | --temperature T [--top-k N] [--top-p P]] [--length N] [--seed N]',
  summary: 'A conversation with a model that answers (or translates) what it reads: a line in, a line out, each read by itself.',
  positionals: 1,
  options: {
    greedy: { type: 'boolean' },
    beam: { type: 'string' },
    penalty: { type: 'string' },
    temperature: { type: 'string' },
    'top-k': { type: 'string' },
    'top-p': { type: 'string' },
    length: { type: 'string' },
    seed: { type: 'string' },
  },
  help: {
    greedy: 'the likeliest word each time',
    beam: 'how many beginnings are kept at each step',
    penalty: 'of a beam: the power of the length penalty',
    temperature: 'words are drawn: below 1 likely ones more often, above 1 less',
    'top-k': 'words are drawn from so many of the likeliest',
    'top-p': 'words are drawn from the fewest that have this probability together',
    length: 'how long a reply may be, in the tokens of the model',
    seed: 'decides what is drawn',
  },
  run: chat,
};

async function chat(given: Given, { terminal, engine }: Surroundings): Promise<number> {
  const path = resolve(terminal.folder, given.positionals[0]!);
  const run = path.endsWith('.rnn') ? await newestRun(path) : path;
  const { name, isClass, settings } = await engine.request('sourceOf', { run, examples: false });
  const { model, settings: trained } = await readRecord(run);
  if (name === undefined || isClass || settings === undefined)
    throw new Error(`${model} reads no text before it writes, so there is nothing to say to it. unroll generate lets it write.`);
  const search = searchOf(given, settings.search);
  const length = given.count('length') ?? settings.length;
  const seed = given.count('seed', 0) ?? trained.seed;
  if (terminal.lines === undefined) throw new Error('There is nothing to read lines from.');
  const lines = terminal.lines();
  let reply: AbortController | undefined;
  terminal.onInterrupt(() => {
    if (reply !== undefined) reply.abort();
    else void lines.return?.();
  });
  const isTyped = terminal.columns !== undefined;
  if (isTyped) terminal.error(`${model}: ${searchText(search)}, at most ${length} tokens. Ctrl+C stops a reply, Ctrl+D ends.\n`);
  const ask = (): void => {
    if (isTyped) terminal.out('> ');
  };
  let turn = 0;
  let status = 0;
  ask();
  for await (const line of lines) {
    if (line.trim() !== '') {
      reply = new AbortController();
      const request = { run, sources: [{ kind: 'text', text: line }], search, length, seed: seed + turn, stream: true } as const;
      if (!(await answer(request, terminal, engine, reply.signal))) status = 1;
      reply = undefined;
      turn += 1;
    }
    ask();
  }
  if (isTyped) terminal.out('\n');
  return status;
}

/** Whether there is a reply. In a terminal words come as they are written, unless others may still take their places. */
async function answer(request: GenerateRequest, terminal: Terminal, engine: Engine, signal: AbortSignal): Promise<boolean> {
  const grows = terminal.columns !== undefined && request.search?.kind !== 'beam';
  let shown = '';
  const show = (text: string): void => {
    if (!text.startsWith(shown)) return;
    terminal.out(text.slice(shown.length));
    shown = text;
  };
  try {
    const { rows } = await engine.request(
      'generate',
      request,
      (event) => {
        if (grows && event.name === 'written') show(event.data.text);
      },
      signal,
    );
    const [row] = rows;
    if (row!.text.startsWith(shown)) show(row!.text);
    else terminal.out(`\n${row!.text}`);
    terminal.out('\n');
    if (row!.unknown.length > 0) terminal.error(`Unknown to the model: ${row!.unknown.join(', ')}.\n`);
    if (!row!.ended) terminal.error(`Cut at ${request.length} tokens; --length gives more.\n`);
    return true;
  } catch (error) {
    terminal.out('\n');
    if (signal.aborted) return true;
    terminal.error(`${errorText(error, terminal.folder)}\n`);
    return false;
  }
}

/** How the model chooses its words: as is said, else as its source says. */
function searchOf(given: Given, said: Search): Search {
  const [width, penalty] = [given.count('beam'), given.number('penalty', { least: 0 })];
  const temperature = given.number('temperature', { above: 0 });
  const [topK, topP] = [given.count('top-k'), given.number('top-p', { above: 0, most: 1 })];
  const isDrawn = temperature !== undefined || topK !== undefined || topP !== undefined;
  const isBeam = width !== undefined || penalty !== undefined;
  if ([given.flag('greedy'), isBeam, isDrawn].filter(Boolean).length > 1)
    throw new UsageError('Words are chosen by --greedy, by --beam or drawn (--temperature, --top-k, --top-p): say one of them.');
  if (given.flag('greedy')) return { kind: 'greedy' };
  if (isBeam) {
    const own = said.kind === 'beam' ? said : { width: undefined, penalty: 0 };
    if (width === undefined && own.width === undefined) throw new UsageError('--penalty is of a beam: give its width with --beam.');
    return { kind: 'beam', width: width ?? own.width!, penalty: penalty ?? own.penalty };
  }
  if (!isDrawn) return said;
  const own: Search = said.kind === 'sample' ? said : { kind: 'sample', temperature: 1 };
  return {
    ...own,
    ...(temperature === undefined ? {} : { temperature }),
    ...(topK === undefined ? {} : { topK }),
    ...(topP === undefined ? {} : { topP }),
  };
}
