// Several models side by side: runs, their checkpoints, untrained files, or one file with several cells.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type Facts, warningsOf } from '../analysis/alike.ts';
import type { Read } from '../language/index.ts';
import { namedCells, readOver, rewritten } from '../language/rewrite/rewrite.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Analysis, Compared, Comparison } from '../shared/analysis.ts';
import type { RunReport } from '../shared/training.ts';
import { product } from '../tracing/arrays.ts';
import { readLog } from '../training/log.ts';
import { readReport } from '../training/report.ts';
import { logOf, openRun, RunError, summarise } from '../training/run.ts';
import { type AnalyseHooks, analyseModel, analyseTraced } from './analysing.ts';
import { checkpointOf } from './chosen-weights.ts';
import { openJob, openModelJob, openRewritable, readSource, statementOfFile } from './job.ts';
import type { AnalyseRequest, CompareCellsRequest, CompareRequest, FileSource } from './requests.ts';
import { trainingOf, trainShortly } from './short-training.ts';
import { sourceOfTrace, type TracedModel, untrained } from './traces.ts';

type Settings = Omit<AnalyseRequest, 'source'>;

interface Side {
  readonly compared: Compared;
  /** What it has of its data and its chance; absent of an ONNX model. */
  readonly facts?: Facts;
}

/** Throws what `analyse` throws. */
export async function compareModels(
  { sources, ...settings }: CompareRequest,
  runtime: Runtime,
  hooks: AnalyseHooks = {},
): Promise<Comparison> {
  const began = performance.now();
  if (sources.length < 2) throw new Error('Choose two models or more to compare them.');
  const sides: Side[] = [];
  for (const [place, source] of sources.entries())
    sides.push(await sideOf(source, settings, runtime, partOf(hooks, place, sources.length)));
  const names = sides.map(({ compared }) => compared.name);
  return comparison(names.join(' | '), sides, began);
}

/** Throws what `analyse` and `train` throw, and where a cell cannot take the place of the model's own. */
export async function compareCells(
  { source, cells, train = 0, ...settings }: CompareCellsRequest,
  runtime: Runtime,
  hooks: AnalyseHooks = {},
): Promise<Comparison> {
  const began = performance.now();
  const { data } = await openModelJob(source.file, source);
  const program = await openRewritable(source.file, source, data);
  const layer = program.model.instances.find(({ states }) => states.length > 0)?.path;
  if (layer === undefined) throw new Error(`${program.model.name} has no recurrent layer whose cell could be another.`);
  const statement = await statementOfFile(source.file, source);
  const sides: Side[] = [];
  for (const [place, cell] of cells.entries()) {
    const texts = await rewritten(program, { kind: 'cell', layer, cell, everywhere: true });
    if (texts === undefined) throw misfit(program, cell, source.file);
    const read = readOver(texts, readSource);
    const part = partOf(hooks, place, cells.length);
    sides.push(await cellSide({ ...source, statement }, { name: cell, read, train }, settings, runtime, part));
  }
  return comparison(`${program.model.name}: ${cells.join(' | ')}`, sides, began);
}

function misfit(source: Parameters<typeof namedCells>[0], cell: string, file: string): Error {
  const known = namedCells(source);
  return new Error(
    known.includes(cell)
      ? `The cell ${cell} cannot take the place of the model's own in ${basename(file)}: it would not fit what is handed to it. Write it there to see what is wrong.`
      : `${basename(file)} knows no cell ${cell}. It knows ${known.join(', ')}.`,
  );
}

const comparison = (title: string, sides: readonly Side[], began: number): Comparison => ({
  title,
  compared: sides.map(({ compared }) => compared),
  warnings: warningsOf(sides.flatMap(({ facts }) => (facts === undefined ? [] : [facts]))),
  seconds: (performance.now() - began) / 1000,
});

const partOf = ({ reading, signal, progress }: AnalyseHooks, place: number, of: number): AnalyseHooks => ({
  ...(reading === undefined ? {} : { reading }),
  ...(signal === undefined ? {} : { signal }),
  progress: (share) => progress?.((place + share) / of),
});

function sideOf(source: AnalyseRequest['source'], settings: Settings, runtime: Runtime, hooks: AnalyseHooks): Promise<Side> {
  switch (source.kind) {
    case 'run':
      return runSide(source, settings, runtime, hooks);
    case 'file':
      return fileSide(source, settings, runtime, hooks);
    case 'onnx':
      return analyseModel({ source, ...settings }, runtime, hooks).then((analysis) => ({
        compared: { name: basename(source.file), analysis },
      }));
  }
}

/** A run, of whose log counts what led to the weights that are looked at. */
async function runSide(
  source: Extract<AnalyseRequest['source'], { readonly kind: 'run' }>,
  settings: Settings,
  runtime: Runtime,
  hooks: AnalyseHooks,
): Promise<Side> {
  const { folder, checkpoint = 'last' } = source;
  const run = await openRun(folder);
  const { record } = run;
  const traced = await loaded(await sourceOfTrace(source));
  const analysis = await analyseTraced(traced, settings, runtime, hooks);
  const step = checkpoint === 'start' ? 0 : (await checkpointOf(run, checkpoint)).step;
  const summary = await summarise(folder, record);
  const report = await readReport(folder);
  const seconds = summary.step === 0 ? 0 : (summary.seconds * step) / summary.step;
  const records = (await readLog(logOf(folder))).filter((each) => each.step <= step);
  const label = record.label === undefined ? '' : `, ${record.label.replace(/^\w+: /, '')}`;
  const name = `${basename(folder)}${source.checkpoint === undefined ? '' : `@${checkpoint}`}${label}`;
  return {
    compared: {
      name,
      analysis,
      parameters: parametersOf(traced),
      ...(step === 0 ? {} : { training: trainingOf({ ...summary, step, seconds }, records) }),
      ...byLength(report?.step === step ? report : undefined),
    },
    facts: {
      name,
      digest: traced.data.digest,
      kept: record.digest,
      data: record.data,
      seed: record.settings.seed,
      steps: step,
      length: analysis.steps,
      sequences: analysis.sequences,
    },
  };
}

async function fileSide(
  source: { readonly kind: 'file' } & FileSource,
  settings: Settings,
  runtime: Runtime,
  hooks: AnalyseHooks,
): Promise<Side> {
  const { settings: trained } = await openModelJob(source.file, source);
  const traced = await loaded(await untrained(source));
  const analysis = await analyseTraced(traced, settings, runtime, hooks);
  const name = source.model === undefined ? basename(source.file) : `${basename(source.file)}:${source.model}`;
  return {
    compared: { name, analysis, parameters: parametersOf(traced) },
    facts: factsOf(name, traced, trained.seed, 0, analysis),
  };
}

async function cellSide(
  source: FileSource & { readonly statement: number },
  { name, read, train }: { readonly name: string; readonly read: Read; readonly train: number },
  settings: Settings,
  runtime: Runtime,
  { signal, progress, ...hooks }: AnalyseHooks,
): Promise<Side> {
  const signals = signal === undefined ? {} : { signal };
  const start = await loaded(await untrained(source, read));
  const job = await openJob(source.file, source.statement, undefined, read);
  if (train === 0) {
    const analysis = await analyseTraced(start, settings, runtime, {
      ...hooks,
      ...signals,
      ...(progress === undefined ? {} : { progress }),
    });
    const facts = factsOf(name, start, job.settings.seed, 0, analysis);
    return { compared: { name, analysis, parameters: parametersOf(start) }, facts };
  }
  const folder = await mkdtemp(join(tmpdir(), 'unroll-cells-'));
  try {
    const out = join(folder, 'run');
    const { training } = await trainShortly(job, { out, steps: train, signal, progress: (share) => progress?.(0.8 * share) });
    const report = await readReport(out);
    // Where its first step fails there are no weights but those that it began with.
    const traced = await sourceOfTrace({ kind: 'run', folder: out }).catch((error: unknown) => {
      if (!(error instanceof RunError) || training.failed === undefined) throw error;
      return start;
    });
    const analysis = await analyseTraced(traced, settings, runtime, {
      ...hooks,
      ...signals,
      progress: (share) => progress?.(0.8 + 0.2 * share),
    });
    return {
      compared: { name, analysis, parameters: parametersOf(start), training, ...byLength(report) },
      facts: factsOf(name, start, job.settings.seed, training.steps, analysis),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type Loaded = TracedModel & { readonly data: Awaited<ReturnType<TracedModel['dataset']>> };

/** With its data, which is read once. */
async function loaded(traced: TracedModel): Promise<Loaded> {
  const data = await traced.dataset();
  return { ...traced, data, dataset: async () => data };
}

const factsOf = (name: string, { data }: Loaded, seed: number, steps: number, { steps: length, sequences }: Analysis): Facts => ({
  name,
  digest: data.digest,
  data: data.source,
  seed,
  steps,
  length,
  sequences,
});

const parametersOf = ({ model, weights }: TracedModel): number =>
  model.weights.reduce((sum, { name }) => sum + product(weights.get(name)?.shape ?? [0]), 0);

const byLength = (report: RunReport | undefined): Pick<Compared, 'byLength'> =>
  report?.byLength === undefined || report.byLength.length === 0 ? {} : { byLength: report.byLength };
