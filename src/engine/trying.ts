// Repairs on trial: the edit is made on a copy of the source in memory, and both sides are looked at on the same data with the same seed.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { AnalyseOptions } from '../analysis/analyse.ts';
import { judged } from '../analysis/repairs/judged.ts';
import type { Read } from '../language/index.ts';
import { readOver } from '../language/rewrite/rewrite.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Analysis, Repair, Training, Tried } from '../shared/analysis.ts';
import { edited } from '../shared/edits.ts';
import { RunError, readRecord } from '../training/run.ts';
import { analyseTraced } from './analysing.ts';
import { openJob, readSource, statementOfFile } from './job.ts';
import type { AnalyseRequest, FileSource, TryRequest } from './requests.ts';
import { trainShortly } from './short-training.ts';
import { sourceOfTrace, untrained } from './traces.ts';

/** Steps of both trainings, where a repair acts while a model is trained. */
const STEPS = 100;

type Hooks = Pick<AnalyseOptions, 'signal' | 'progress'>;

interface Side {
  readonly analysis: Analysis;
  readonly training?: Training;
}

/** Throws what `analyse` and `train` throw, and the signal's reason. */
export async function tryRepairs(
  { source, repairs, train, ...options }: TryRequest,
  runtime: Runtime,
  { signal, progress }: Hooks = {},
): Promise<Tried[]> {
  const file = await fileOf(source);
  const before = new Map<number, Side>();
  const tried: Tried[] = [];
  const sides = repairs.length + 1;
  for (const [k, { repair, against, layer }] of repairs.entries()) {
    const steps = train ?? (repair.kind === 'clipping' || repair.kind === 'window' ? STEPS : 0);
    const from = (part: number): Hooks => ({
      ...(signal === undefined ? {} : { signal }),
      progress: (share) => progress?.((part + share) / sides),
    });
    const own = before.get(steps) ?? (await sideOf(file, readSource, steps, options, runtime, from(k)));
    before.set(steps, own);
    const texts = await editedTexts(repair);
    const other = await sideOf(file, readOver(texts, readSource), steps, options, runtime, from(k + 1));
    const training =
      own.training === undefined || other.training === undefined ? {} : { training: { before: own.training, after: other.training } };
    const about = { repair, against, ...(layer === undefined ? {} : { layer }), before: own.analysis, after: other.analysis, ...training };
    tried.push({ ...about, ...judged(about) });
  }
  progress?.(1);
  return tried;
}

/** The file of a run as it is now, and the statement that it was trained by. */
async function fileOf(source: AnalyseRequest['source']): Promise<FileSource> {
  if (source.kind === 'file') return source;
  if (source.kind === 'onnx') throw new Error('What would be changed of an ONNX model is not its source: open it as a model first.');
  const { file, statement } = await readRecord(source.folder);
  return { file, statement };
}

async function editedTexts({ edits = [], text }: Repair): Promise<ReadonlyMap<string, string>> {
  if (edits.length === 0) throw new Error(`This cannot be tried, as it is no change of the source: ${text}`);
  const texts = new Map<string, string>();
  for (const uri of new Set(edits.map(({ range }) => range.uri))) {
    const changed = edited(await readFile(uri, 'utf8'), uri, edits);
    if (changed === undefined) throw new Error(`${basename(uri)} has changed since it was analysed. Analyse it again.`);
    texts.set(uri, changed);
  }
  return texts;
}

async function sideOf(
  source: FileSource,
  read: Read,
  steps: number,
  options: Omit<AnalyseRequest, 'source'>,
  runtime: Runtime,
  { signal, progress }: Hooks,
): Promise<Side> {
  if (steps === 0)
    return {
      analysis: await analyseTraced(await untrained(source, read), options, runtime, {
        ...(signal === undefined ? {} : { signal }),
        ...(progress === undefined ? {} : { progress }),
      }),
    };
  const folder = await mkdtemp(join(tmpdir(), 'unroll-try-'));
  try {
    const out = join(folder, 'run');
    const job = await openJob(source.file, await statementOfFile(source.file, source), undefined, read);
    const { training } = await trainShortly(job, { out, steps, signal, progress: (share) => progress?.(0.7 * share) });
    // A training whose first step fails has no weights but those that it began with.
    const traced = await sourceOfTrace({ kind: 'run', folder: out }).catch((error: unknown) => {
      if (!(error instanceof RunError) || training.failed === undefined) throw error;
      return untrained(source, read);
    });
    const analysis = await analyseTraced(traced, options, runtime, {
      ...(signal === undefined ? {} : { signal }),
      progress: (share) => progress?.(0.7 + 0.3 * share),
    });
    return { analysis, training };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
