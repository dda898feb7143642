// `report.json`: how a trained model does on what it has not learned from, beside those who do not learn.

import { readFile } from 'node:fs/promises';
import { baselinesOf } from '../data/baselines.ts';
import type { Batches, Dataset } from '../data/dataset.ts';
import { evaluationBatches } from '../data/load.ts';
import type { Model } from '../graph/model.ts';
import type { TrainSettings } from '../shared/settings.ts';
import type { RunReport } from '../shared/training.ts';
import { type DecodeHeldOut, decodedMetrics } from './decoding/figures.ts';
import { type Files, nodeFiles, replaceFile } from './files.ts';
import { usualMetrics } from './metrics.ts';
import { reportOf } from './run.ts';
import type { Trainer } from './trainer.ts';
import { validate } from './validation.ts';

/** Measures the test part, or the validation part where there is no other; undefined where nothing is held out. `step`: whose weights they are. */
export async function measure(
  trainer: Trainer,
  model: Model,
  dataset: Dataset,
  settings: TrainSettings,
  step: number,
  decode?: DecodeHeldOut,
): Promise<RunReport | undefined> {
  const part = dataset.parts.test.size > 0 ? 'test' : 'validation';
  const batches: Batches | undefined = evaluationBatches(dataset, part, settings);
  if (batches === undefined) return undefined;
  const metrics = settings.report ?? usualMetrics(model.judged);
  const { loss, metrics: answered, tally } = await validate(trainer, batches, model, dataset, metrics);
  const wanted = decodedMetrics(metrics);
  const decoded = wanted.length === 0 ? undefined : await decode?.(await trainer.state(), part, wanted);
  const aer = dataset.parts[part].alignment === undefined ? undefined : await decode?.aligned?.(await trainer.state(), part);
  const found = { ...answered, ...decoded, ...(aer === undefined ? {} : { aer }) };
  const { judged } = model;
  const target = judged?.input === undefined ? undefined : { input: judged.input, ahead: judged.ahead };
  const baselines = baselinesOf(dataset, part, metrics, target);
  const wants = (...kinds: string[]): boolean => metrics.some(({ kind }) => kinds.includes(kind));
  const { classes, confusion } = tally?.byClass() ?? {};
  return {
    ...{ part, step, loss, metrics: found, baselines },
    // Where nothing else is said, they belong to accuracy and F1.
    ...(confusion !== undefined && (wants('confusion') || (settings.report === undefined && wants('accuracy'))) ? { confusion } : {}),
    ...(tally !== undefined && wants('by_length') ? { byLength: tally.byLength() } : {}),
    ...(classes !== undefined && (wants('f1') || (settings.report === undefined && wants('accuracy'))) ? { classes } : {}),
  };
}

export function writeReport(folder: string, report: RunReport, files: Files = nodeFiles): Promise<void> {
  return replaceFile(reportOf(folder), [Buffer.from(`${JSON.stringify(report, undefined, 2)}\n`)], files);
}

/** The report of a run; undefined where there is none yet, or it is damaged. */
export async function readReport(folder: string): Promise<RunReport | undefined> {
  try {
    return JSON.parse(await readFile(reportOf(folder), 'utf8')) as RunReport;
  } catch {
    return undefined;
  }
}
