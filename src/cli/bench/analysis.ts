// What the gradient laboratory costs: the gradient by all lags beside a training step on the same sequences, and the whole analysis.

import { setTimeout as rest } from 'node:timers/promises';
import { analyse } from '../../analysis/analyse.ts';
import { gradientsAfter, normsByLag, seedsOf } from '../../analysis/lag.ts';
import { recurrencesOf } from '../../analysis/recurrences.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { RuntimeEvaluator } from '../../tracing/evaluator.ts';
import { openTrace } from '../../tracing/trace.ts';
import { initialise } from '../../training/initialise.ts';
import { openTrainer } from '../../training/open-trainer.ts';
import { cells, modelOf, type Size } from './cases.ts';
import { benchSettings, median, someBatch } from './measure.ts';

export interface MeasuredAnalysis {
  readonly what: 'gradient' | 'whole';
  readonly size: string;
  readonly cell: string;
  /** Medians in milliseconds: the analysis, from what a model and its sequences are; and a training step on the same. */
  readonly took: number;
  readonly step: number;
  /** Of the gradient by lag to the training step; of the whole analysis its milliseconds. */
  readonly ratio: number;
  readonly target: number;
}

const whole = 5000;
const beside = 3;

/** `gradient`: of one sequence and of several; `whole`: all that the page shows. */
export const analysisCases: readonly {
  readonly what: MeasuredAnalysis['what'];
  readonly cell: string;
  readonly size: Size;
  readonly target: number;
}[] = [
  ...['lstm', 'gru', 'rnn'].map((cell) => ({
    what: 'gradient' as const,
    cell,
    size: { name: 'T1000 H256 B1', inputs: 64, size: 256, batch: 1, steps: 1000 },
    target: beside,
  })),
  { what: 'gradient', cell: 'lstm', size: { name: 'T1000 H256 B16', inputs: 64, size: 256, batch: 16, steps: 1000 }, target: beside },
  ...['lstm', 'gru', 'rnn'].map((cell) => ({
    what: 'whole' as const,
    cell,
    size: { name: 'T200 H128 B16', inputs: 64, size: 128, batch: 16, steps: 200 },
    target: whole,
  })),
];

/** As between the turns of the training steps. */
const PAUSE = 60;
const WARM_UP = 1;

export async function measureAnalysis(
  { what, cell: name, size, target }: (typeof analysisCases)[number],
  rounds: number,
  threads: number,
  runtime: Runtime,
): Promise<MeasuredAnalysis> {
  const model = await modelOf(cells.find((each) => each.name === name)!, size);
  const weights = initialise(model.weights, 1);
  const batch = someBatch(
    size,
    model.inputs.map((each) => each.name),
  );
  const settings = benchSettings(size.batch, size.steps, 0.002);
  const trainer = await openTrainer(model, settings, initialise(model.weights, 1), { device: 'cpu', threads });
  const group = { inputs: batch.inputs as Record<string, Int32Array>, steps: size.steps, batch: size.batch, lengths: {} };
  const gradient = async (): Promise<void> => {
    const source = { id: 0, title: '', model, weights, tokens: [], by: 'number' as const, seeds: seedsOf(model), ...group };
    const trace = await openTrace(source, new RuntimeEvaluator(runtime, { B: size.batch }), { parity: false });
    try {
      const [recurrence] = recurrencesOf(trace);
      for (const each of await gradientsAfter(trace, recurrence!, 1)) normsByLag(each, size.steps, size.batch, false);
    } finally {
      await trace.close();
    }
  };
  const all = async (): Promise<void> => {
    await analyse(model, weights, { title: '', groups: [group], evaluator: (rows) => new RuntimeEvaluator(runtime, { B: rows }) });
  };
  const times = { took: [] as number[], step: [] as number[] };
  try {
    for (let round = 0; round < rounds + WARM_UP; round += 1) {
      const start = performance.now();
      await (what === 'gradient' ? gradient() : all());
      const took = performance.now() - start;
      await rest(PAUSE);
      const before = performance.now();
      await trainer.step(batch, round + 1, settings.optimizer.rate);
      const step = performance.now() - before;
      await rest(PAUSE);
      if (round < WARM_UP) continue;
      times.took.push(took);
      times.step.push(step);
    }
  } finally {
    await trainer.close();
  }
  const [took, step] = [median(times.took), median(times.step)];
  return { what, size: size.name, cell: name, took, step, ratio: what === 'gradient' ? took / step : took, target };
}
