// The learning rate from step to step.

import type { Optimizer } from '../shared/settings.ts';
import { fresh, heard, type Waiting } from './plateau.ts';

/** What a schedule keeps between steps: how often the rate has been lowered, and what it waits for. */
export interface RateState {
  readonly lowered: number;
  readonly waiting: Waiting;
}

export const freshRate: RateState = { lowered: 0, waiting: fresh };

/** How far a training is: steps from 1, epochs done as a fraction. */
export interface Progress {
  readonly step: number;
  /** Of the whole training. */
  readonly steps: number;
  /** Steps of one pass over the data. */
  readonly pass: number;
}

/**
 * The rate of a step. Cosine: Loshchilov & Hutter 2017, eq. 5, without restarts, behind a linear warm-up (Goyal et al. 2017). Step: the rate times
 * factor ** n, n growing every `every` epochs behind the first `after`. Plateau: the rate times factor for each time that the validation loss
 * has not fallen for `patience` validations.
 */
export function rateAt({ rate, schedule }: Optimizer, { step, steps, pass }: Progress, { lowered }: RateState): number {
  if (schedule === undefined) return rate;
  const { warmup } = schedule;
  if (step <= warmup) return (rate * step) / warmup;
  switch (schedule.kind) {
    case 'cosine': {
      const done = Math.min(1, (step - 1 - warmup) / Math.max(1, steps - 1 - warmup));
      return rate * (schedule.end + ((1 - schedule.end) * (1 + Math.cos(Math.PI * done))) / 2);
    }
    case 'step': {
      const epochs = Math.floor((step - 1) / pass);
      const times = epochs < schedule.after ? 0 : Math.floor((epochs - schedule.after) / schedule.every) + 1;
      return rate * schedule.factor ** times;
    }
    case 'plateau':
      return rate * schedule.factor ** lowered;
  }
}

/** What a validation changes of it. */
export function afterValidation({ schedule }: Optimizer, { lowered, waiting }: RateState, loss: number): RateState {
  if (schedule?.kind !== 'plateau') return { lowered, waiting };
  const next = heard(waiting, loss);
  return next.since < schedule.patience ? { lowered, waiting: next } : { lowered: lowered + 1, waiting: { ...next, since: 0 } };
}
