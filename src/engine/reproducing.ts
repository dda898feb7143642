// A figure of the literature, computed anew; models that it needs are trained as `unroll train` does it, in a folder that is gone afterwards.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AnalyseOptions } from '../analysis/analyse.ts';
import type { ReproduceOptions } from '../analysis/reproduce/reproduction.ts';
import { reproductions } from '../analysis/reproduce/reproductions.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Reproduced } from '../shared/analysis.ts';
import { RuntimeEvaluator } from '../tracing/evaluator.ts';
import { examplesOf, grouped } from './analysing.ts';
import { sourceOfTrace } from './traces.ts';
import { runTraining } from './training.ts';

export async function reproduce(
  { name, seed }: { readonly name: string; readonly seed: number },
  runtime: Runtime,
  { signal, progress }: Pick<AnalyseOptions, 'signal' | 'progress'> = {},
): Promise<Reproduced> {
  const reproduction = reproductions[name];
  if (reproduction === undefined) throw new Error(`There is no reproduction ${name}.`);
  const began = performance.now();
  const rows = await reproduction.run({
    evaluator: (batch) => new RuntimeEvaluator(runtime, { B: batch }),
    seed,
    train: trainer(signal),
    check: (done) => {
      signal?.throwIfAborted();
      if (done !== undefined) progress?.(done);
    },
  });
  const { title, source } = reproduction;
  return { name, title, source, rows, seconds: (performance.now() - began) / 1000 };
}

/** Throws the signal's reason, and what a training throws. */
export function trainer(signal?: AbortSignal): ReproduceOptions['train'] {
  return async (source, { seed, sequences, length, progress }) => {
    const folder = await mkdtemp(join(tmpdir(), 'unroll-reproduce-'));
    try {
      const file = join(folder, 'model.rnn');
      const out = join(folder, 'run');
      await writeFile(file, source);
      let steps = Number.POSITIVE_INFINITY;
      const run = await runTraining(
        // On the CPU, so that a seed means the same on every machine's graphics.
        { file, out, seed, device: 'cpu' },
        {
          started: (begun) => {
            steps = begun.steps;
          },
          progress: ({ step }) => progress?.(step / steps),
          stop: () => (signal?.aborted === true ? 'cancel' : undefined),
        },
      );
      signal?.throwIfAborted();
      if (run.status.kind === 'failed') throw new Error(run.status.what);
      const { model, weights, dataset } = await sourceOfTrace({ kind: 'run', folder: out });
      return { model, weights, groups: grouped(model, examplesOf(await dataset(), sequences, length), length) };
    } finally {
      await rm(folder, { recursive: true });
    }
  };
}
