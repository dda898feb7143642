// A training of a few steps in a folder that is gone afterwards, to compare what comes of it.

import type { Training } from '../shared/analysis.ts';
import type { RunSummary, StepRecord } from '../shared/training.ts';
import { readLog } from '../training/log.ts';
import { openTrainer } from '../training/open-trainer.ts';
import { logOf } from '../training/run.ts';
import { train } from '../training/train.ts';
import type { OpenedJob } from './job.ts';

export interface ShortTraining {
  readonly run: RunSummary;
  readonly training: Training;
}

/** Throws what `train` throws, and the signal's reason. */
export async function trainShortly(
  job: OpenedJob,
  {
    out,
    steps,
    signal,
    progress,
  }: { readonly out: string; readonly steps: number; readonly signal?: AbortSignal | undefined; progress?(share: number): void },
): Promise<ShortTraining> {
  // What is decoded for a report takes longer than the steps; and a device takes longer to begin than it saves.
  const { report = [], ...settings } = job.settings;
  const judged = report.filter(({ kind }) => kind !== 'bleu' && kind !== 'chrf');
  const run = await train(
    { ...job, settings: { ...settings, ...(judged.length === 0 ? {} : { report: judged }) } },
    { out, steps, everyStep: true, device: 'cpu' },
    { progress: ({ step }) => progress?.(step / steps), stop: () => (signal?.aborted === true ? 'cancel' : undefined) },
    { openTrainer },
  );
  signal?.throwIfAborted();
  return { run, training: trainingOf(run, await readLog(logOf(out))) };
}

/** What of a run's log is compared. */
export function trainingOf({ step, seconds, status, lossFunction }: RunSummary, records: readonly StepRecord[]): Training {
  const of = (read: (record: StepRecord) => number | undefined): (readonly [number, number])[] =>
    records.flatMap((record) => {
      const value = read(record);
      return value === undefined ? [] : [[record.step, value] as const];
    });
  return {
    steps: step,
    loss: of(({ loss }) => loss),
    gradientNorm: of(({ gradientNorm }) => gradientNorm),
    validationLoss: of(({ validationLoss }) => validationLoss),
    ...(lossFunction === undefined ? {} : { lossFunction }),
    clipped: records.length === 0 ? 0 : records.filter(({ clipped }) => clipped).length / records.length,
    seconds,
    ...(status.kind === 'failed' ? { failed: status.what } : {}),
  };
}
