// Turns of a model's training steps, and of what runs beside it.

import { setTimeout as rest } from 'node:timers/promises';
import type { Batch } from '../../data/dataset.ts';
import type { Model } from '../../graph/model.ts';
import { initialise } from '../../training/initialise.ts';
import { openTrainer } from '../../training/open-trainer.ts';
import { benchSettings, type Effort, median } from './measure.ts';

const WARM_UP = 2;
/** As between the turns of other steps. */
const PAUSE = 60;

export interface Turns {
  /** Medians in milliseconds, and the ratio of ours to the other's. */
  readonly step: number;
  readonly other?: number;
  readonly ratio?: number;
}

/** Steps with Adam at 0.001, the gradient clipped at 1, on one batch again and again; `other` gives the milliseconds of each of so many of its own. */
export async function inTurns(
  model: Model,
  batch: Batch,
  threads: number,
  effort: Effort,
  other: ((steps: number) => Promise<readonly number[]>) | undefined,
): Promise<Turns> {
  const settings = benchSettings(batch.rows, 1, 0.001);
  const trainer = await openTrainer(model, settings, initialise(model.weights, 1), { device: 'cpu', threads });
  let number = 0;
  try {
    const step = (): Promise<unknown> => {
      number += 1;
      return trainer.step(batch, number, settings.optimizer.rate);
    };
    return await turnsOf(step, effort, other);
  } finally {
    await trainer.close();
  }
}

/** Whatever is done again and again, in turns with the other. */
export async function turnsOf(
  run: () => Promise<unknown>,
  { rounds, steps }: Effort,
  other: ((steps: number) => Promise<readonly number[]>) | undefined,
): Promise<Turns> {
  const times: Record<'step' | 'other', number[]> = { step: [], other: [] };
  for (let round = 0; round < rounds; round += 1) {
    for (let k = 0; k < steps; k += 1) {
      const start = performance.now();
      await run();
      if (k >= WARM_UP) times.step.push(performance.now() - start);
    }
    await rest(PAUSE);
    if (other === undefined) continue;
    times.other.push(...(await other(steps)).slice(WARM_UP));
    await rest(PAUSE);
  }
  const step = median(times.step);
  return other === undefined ? { step } : { step, other: median(times.other), ratio: step / median(times.other) };
}
