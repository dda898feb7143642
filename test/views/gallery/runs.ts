// Training runs by formula: losses that fall as such losses do, with noise, clipping and a validation every fifty steps.

import { random } from '../../../src/shared/random.ts';
import type { MemoryLook, RunStatus, RunSummary, StepRecord } from '../../../src/shared/training.ts';

export interface FormulaRun {
  readonly summary: RunSummary;
  readonly records: readonly StepRecord[];
}

/** Gradients that reach further as the training goes on, in two layers, of which the first forgets sooner. */
export const memoryAt = (step: number): MemoryLook => ({
  sequences: 8,
  steps: 200,
  layers: [0.85, 0.95].map((kept, layer) => {
    const lags = [1, 2, 5, 10, 20, 50, 100];
    const each = kept + 0.03 * (1 - Math.exp(-step / 300));
    return {
      layer: `h[${layer}]`,
      lags,
      gradient: { h: lags.map((lag) => 0.6 * each ** lag), c: lags.map((lag) => each ** lag) },
      units: 512,
      dead: layer,
      stuck: Math.floor(step / 100),
      saturated: [{ line: 'f', units: 256, low: 0, high: Math.floor(step / 20) }],
    };
  }),
});

export function formulaRun(
  name: string,
  settings: string,
  floor: number,
  done: number,
  steps: number,
  status: RunStatus,
  seed: number,
): FormulaRun {
  const chance = random(seed, name);
  const records: StepRecord[] = [];
  for (let step = 1; step <= done; step++) {
    const curve = floor + 2.1 * (step + 6) ** -0.42 + 1.2 * Math.exp(-step / 25);
    const gradientNorm = 0.26 * Math.exp(0.35 * chance.normal()) + 0.9 * Math.exp(-step / 12);
    const stepsPerSecond = 9.6 + 1.1 * chance.normal();
    records.push({
      kind: 'step',
      step,
      epoch: Math.floor(step / 270),
      loss: curve + 0.035 * chance.normal() - 0.09,
      gradientNorm,
      clipped: gradientNorm > 0.25,
      learningRate: 0.002,
      stepsPerSecond,
      ...(status.kind === 'running' ? { secondsLeft: (steps - step) / 9.6 } : {}),
      ...(step % 50 === 0 ? { validationLoss: curve + 0.02 * Math.log1p(step / 300) } : {}),
      ...(step === 1 || step % 40 === 0 ? { memory: memoryAt(step) } : {}),
    });
  }
  const last = records.at(-1);
  const measured = records.findLast((record) => record.validationLoss !== undefined);
  return {
    summary: {
      name,
      folder: `runs/${name}`,
      model: 'Sentences',
      settings,
      status,
      step: done,
      steps,
      ...(last === undefined ? {} : { loss: last.loss }),
      ...(measured === undefined ? {} : { validationLoss: measured.validationLoss! }),
      device: 'cpu',
      parameters: 328_704,
      seconds: done / 9.6,
    },
    records,
  };
}
