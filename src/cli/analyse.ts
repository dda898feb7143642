// `unroll analyse`: why a model remembers or forgets, in words with the numbers behind them.

import { resolve } from 'node:path';
import { studies } from '../analysis/studies/studies.ts';
import { npz } from '../data/npz.ts';
import type { AnalyseRequest, CheckpointChoice } from '../engine/requests.ts';
import { analysisArrays } from '../report/arrays.ts';
import { comparisonTable, comparisonText } from '../report/compare.ts';
import { analysisDocument, comparisonDocument } from '../report/document.ts';
import { analysisText } from '../report/plain.ts';
import { analysisTable } from '../report/table.ts';
import type { Analysis, StudyName } from '../shared/analysis.ts';
import { replaceFile } from '../training/files.ts';
import { type Command, type Given, UsageError } from './command.ts';
import { compared, named } from './compare-memory.ts';
import { inputHelp, inputOf, inputOptions } from './foreign.ts';
import type { Surroundings } from './terminal.ts';
import { INTERRUPTED, watched } from './watched.ts';

export const analyseCommand: Command = {
  usage:
    'RUN|FILE.rnn|MODEL.onnx [MORE ...] [--cells A,B] [--json] [--report FILE.html] [--sequences N] [--length T] [--needs K] [--also STUDIES] [--try] [--train STEPS]',
  summary:
    'Tells how far back a model remembers, where its gradient is lost, and what would mend it: gradients by lag, the factors of each step, spectra of the Jacobians, gates and units. A FILE is analysed as it starts, untrained; of an ONNX model its recurrent layers, on --input or --random. Of several (also RUN@start, RUN@best, FILE.rnn:Model), or of a FILE with several --cells, it tells all side by side.',
  positionals: 1,
  morePositionals: 7,
  options: {
    json: { type: 'boolean' },
    report: { type: 'string' },
    model: { type: 'string' },
    checkpoint: { type: 'string' },
    part: { type: 'string' },
    sequences: { type: 'string' },
    length: { type: 'string' },
    needs: { type: 'string' },
    threshold: { type: 'string' },
    seed: { type: 'string' },
    also: { type: 'string' },
    try: { type: 'boolean' },
    cells: { type: 'string' },
    train: { type: 'string' },
    input: { type: 'string' },
    ...inputOptions,
  },
  help: {
    json: 'all of it as one JSON object',
    report: 'also as a page with charts, which needs nothing beside it; the numbers are in a .csv and an .npz file of the same name',
    model: 'of a FILE: which of its models; the first that is trained',
    checkpoint: 'of a RUN: last (unless told otherwise), best, start (before training), or the step of one that it keeps',
    part: 'of an ONNX model: only the recurrent layers of this name, as `unroll info` has it; all by default',
    sequences: 'how many sequences of the held-out data, 16',
    length: 'the steps after which they are cut, 100',
    needs: 'the lag that memory should reach; the length of the sequences',
    threshold: 'of the gradient, below which it counts as forgotten, 0.001',
    seed: 'of the vector that the gradient begins with, 1',
    also: `what takes longer, with commas between: ${Object.entries(studies)
      .map(([name, { title }]) => `${name} (${title})`)
      .join(', ')}`,
    try: 'makes each repair on a copy of the source, and shows before and after; those of clipping and the window by a short training',
    cells: 'of a FILE: cells of the library or its own, with commas between, which take the place of its recurrent cell in turn',
    train:
      'with --cells: train each for so many steps first, with the same data and seed; with --try: train both sides for so many steps first; 100 for clipping and the window, else none',
    input: 'of an ONNX model: the file that it is run on, .npz, .npy, .csv, .json, .wav, .txt or an image',
    ...inputHelp,
  },
  run: analyse,
};

async function analyse(given: Given, around: Surroundings): Promise<number> {
  const { terminal } = around;
  const report = given.text('report');
  if (report !== undefined && !/\.html?$/.test(report)) throw new UsageError(`--report takes the name of an .html file, not ${report}.`);
  const status = await watched(around, given.flag('json'), (engine) => analyseWith(given, { terminal, engine }, report));
  if (status !== undefined) return status;
  terminal.error('Interrupted. Nothing is written.\n');
  return INTERRUPTED;
}

async function analyseWith(given: Given, around: Surroundings, report: string | undefined): Promise<number> {
  const { terminal } = around;
  const path = resolve(terminal.folder, given.positionals[0]!);
  const plain = (each: string) => sourceOf(each, given, around);
  const comparison = await compared(given, around, settingsOf(given), plain);
  if (comparison !== undefined) {
    await write(report, terminal.folder, comparisonDocument(comparison), comparisonTable(comparison));
    terminal.out(given.flag('json') ? `${JSON.stringify(comparison)}\n` : comparisonText(comparison));
    return 0;
  }
  const source = named(given.positionals[0]!, terminal.folder) ?? (await plain(path));
  const found = await around.engine.request('analyse', { source, ...settingsOf(given) });
  const analysis = await withTrials(source, found, given, around);
  await write(report, terminal.folder, analysisDocument(analysis), analysisTable(analysis), npz(analysisArrays(analysis)));
  if (given.flag('json')) terminal.out(`${JSON.stringify(analysis)}\n`);
  else terminal.out(analysisText(analysis));
  return 0;
}

/** A page, and its numbers beside it. */
async function write(
  report: string | undefined,
  folder: string,
  page: string,
  table: string,
  arrays?: Parameters<typeof replaceFile>[1],
): Promise<void> {
  if (report === undefined) return;
  const file = resolve(folder, report);
  await replaceFile(file, [Buffer.from(page)]);
  await replaceFile(file.replace(/\.html?$/, '.csv'), [Buffer.from(table)]);
  if (arrays !== undefined) await replaceFile(file.replace(/\.html?$/, '.npz'), arrays);
}

async function sourceOf(path: string, given: Given, { terminal }: Surroundings): Promise<AnalyseRequest['source']> {
  const [model, part, checkpoint] = [given.text('model'), given.text('part'), checkpointOf(given.text('checkpoint'))];
  const isRun = !/\.(onnx|rnn)$/i.test(path);
  if (checkpoint !== undefined && !isRun) throw new UsageError('--checkpoint is of a run: give the folder of one.');
  if (path.endsWith('.rnn')) return { kind: 'file', file: path, ...(model === undefined ? {} : { model }) };
  if (isRun) return { kind: 'run', folder: path, ...(checkpoint === undefined ? {} : { checkpoint }) };
  return { kind: 'onnx', file: path, input: await inputOf(given, terminal), ...(part === undefined ? {} : { part }) };
}

/** What `--try` adds: each repair that is an edit, once. */
async function withTrials(source: AnalyseRequest['source'], analysis: Analysis, given: Given, { engine }: Surroundings): Promise<Analysis> {
  const train = given.count('train', 0);
  if (!given.flag('try')) return analysis;
  const found = analysis.verdicts.flatMap(({ kind: against, layer, repairs }) =>
    repairs.filter(({ edits }) => edits !== undefined).map((repair) => ({ repair, against, ...(layer === undefined ? {} : { layer }) })),
  );
  const repairs = [...new Map(found.toReversed().map((each) => [JSON.stringify(each.repair.edits), each])).values()].toReversed();
  if (repairs.length === 0) return analysis;
  const { also, ...options } = settingsOf(given);
  return {
    ...analysis,
    tried: await engine.request('tryRepair', { source, repairs, ...options, ...(train === undefined ? {} : { train }) }),
  };
}

function settingsOf(given: Given): Omit<AnalyseRequest, 'source'> {
  const optional = {
    sequences: given.count('sequences'),
    length: given.count('length', 2),
    needs: given.count('needs'),
    seed: given.count('seed', 0),
    also: studiesOf(given.text('also')),
    threshold: thresholdOf(given.text('threshold')),
  };
  return Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined));
}

function checkpointOf(written: string | undefined): CheckpointChoice | undefined {
  if (written === undefined || written === 'last' || written === 'best' || written === 'start') return written;
  if (!/^\d+$/.test(written)) throw new UsageError(`--checkpoint takes last, best, start, or a number of steps, not ${written}.`);
  return Number(written);
}

function studiesOf(written: string | undefined): StudyName[] | undefined {
  return written?.split(',').map((each) => {
    const name = each.trim();
    if (!Object.hasOwn(studies, name)) throw new UsageError(`There is no study ${name}. There are ${Object.keys(studies).join(', ')}.`);
    return name as StudyName;
  });
}

function thresholdOf(written: string | undefined): number | undefined {
  if (written === undefined) return undefined;
  const value = Number(written);
  if (!(value > 0 && value < 1)) throw new UsageError(`--threshold takes a number between 0 and 1, not ${written}.`);
  return value;
}
