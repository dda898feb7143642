// Learning rates from step to step: by hand, and as torch.optim.lr_scheduler computes them (CosineAnnealingLR behind LinearLR, StepLR, ReduceLROnPlateau).

import assert from 'node:assert/strict';
import type { Optimizer, Schedule } from '../../src/shared/settings.ts';
import { heard } from '../../src/training/plateau.ts';
import { afterValidation, freshRate, rateAt } from '../../src/training/rate.ts';

const adam = (schedule?: Schedule): Optimizer => ({ kind: 'adam', rate: 0.1, ...(schedule === undefined ? {} : { schedule }) });
const rates = (schedule: Schedule | undefined, steps: number, pass = 4): number[] =>
  Array.from({ length: steps }, (_, k) => Number(rateAt(adam(schedule), { step: k + 1, steps, pass }, freshRate).toFixed(6)));

describe('learning rates', () => {
  it('stay as they are without a schedule', () => assert.deepEqual(rates(undefined, 3), [0.1, 0.1, 0.1]));

  it('fall along half a cosine, from the whole rate to the last step', () => {
    assert.deepEqual(rates({ kind: 'cosine', warmup: 0, end: 0 }, 5), [0.1, 0.085355, 0.05, 0.014645, 0]);
    assert.deepEqual(rates({ kind: 'cosine', warmup: 0, end: 0.5 }, 3), [0.1, 0.075, 0.05]);
  });

  it('rise in a straight line first', () => {
    assert.deepEqual(rates({ kind: 'cosine', warmup: 2, end: 0 }, 5), [0.05, 0.1, 0.1, 0.05, 0]);
  });

  it('fall in steps of epochs', () => {
    const schedule = { kind: 'step', every: 1, factor: 0.5, after: 2, warmup: 0 } as const;
    assert.deepEqual(rates(schedule, 10, 2), [0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.025, 0.025, 0.0125, 0.0125]);
  });

  it('fall where the loss does not', () => {
    const optimizer = adam({ kind: 'plateau', patience: 2, factor: 0.5, warmup: 0 });
    let state = freshRate;
    const lowered = [3, 2, 2.5, 2.1, 2.2, 2.3, 1, 1.5].map((loss) => {
      state = afterValidation(optimizer, state, loss);
      return state.lowered;
    });
    assert.deepEqual(lowered, [0, 0, 0, 1, 1, 2, 2, 2]);
    assert.equal(rateAt(optimizer, { step: 9, steps: 20, pass: 4 }, state), 0.025);
  });

  it('waiting counts validations since the best', () => {
    const heardOf = (losses: readonly number[]) =>
      losses.reduce((waiting, loss) => heard(waiting, loss), { since: 0 } as Parameters<typeof heard>[0]);
    assert.deepEqual(heardOf([2, 1, 1, 3]), { best: 1, since: 2 });
  });
});
