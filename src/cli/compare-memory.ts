// `unroll analyse A B`, and `--cells`: several models side by side.

import { resolve } from 'node:path';
import type { AnalyseRequest, CheckpointChoice } from '../engine/requests.ts';
import type { Comparison } from '../shared/analysis.ts';
import { type Given, UsageError } from './command.ts';
import type { Surroundings } from './terminal.ts';

type Source = AnalyseRequest['source'];

/** Several models, or one with several cells; undefined of one alone. `plain`: the source of a path. */
export async function compared(
  given: Given,
  { terminal, engine }: Surroundings,
  settings: Omit<AnalyseRequest, 'source'>,
  plain: (path: string) => Promise<Source>,
): Promise<Comparison | undefined> {
  const { positionals } = given;
  const cells = given
    .text('cells')
    ?.split(',')
    .map((each) => each.trim());
  const train = given.count('train', 0);
  if (given.flag('try') && (cells !== undefined || positionals.length > 1)) throw new UsageError('--try is of one model.');
  if (cells === undefined && train !== undefined && !given.flag('try')) throw new UsageError('--train is for --cells and --try.');
  const sources: Source[] = [];
  for (const written of positionals) sources.push(named(written, terminal.folder) ?? (await plain(resolve(terminal.folder, written))));
  const [source, ...more] = sources as [Source, ...Source[]];
  if (cells === undefined) return more.length === 0 ? undefined : engine.request('compareMemory', { sources, ...settings });
  if (more.length > 0 || source.kind !== 'file') throw new UsageError('--cells is of one .rnn file, whose cell is replaced.');
  if (cells.length < 2 || cells.includes('')) throw new UsageError('--cells takes two cells or more with commas between, as in rnn,lstm.');
  return engine.request('compareCells', { source, cells, ...settings, ...(train === undefined ? {} : { train }) });
}

/** `RUN@best`, `FILE.rnn:Model`; undefined of a path alone. */
export function named(written: string, folder: string): Source | undefined {
  const [, file, model] = /^(.*\.rnn):([\p{L}_][\p{L}\p{M}\p{N}_]*)$/u.exec(written) ?? [];
  if (file !== undefined && model !== undefined) return { kind: 'file', file: resolve(folder, file), model };
  const [, run, choice] = /^(.*)@(start|best|last|\d+)$/.exec(written) ?? [];
  if (run === undefined || choice === undefined) return undefined;
  return { kind: 'run', folder: resolve(folder, run), checkpoint: /^\d/.test(choice) ? Number(choice) : (choice as CheckpointChoice) };
}
