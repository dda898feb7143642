// Scheduled sampling (Bengio et al. 2015): a model that reads the truth while it learns, and its own words afterwards, is now and then given its own
// words while it learns.
//
// In two passes (parallel scheduled sampling, Duckworth et al. 2019, with one pass of predictions; Mihaylova & Martins 2019): a pass without learning
// says what the model would choose after each true beginning, its best class; then each place of the input keeps the truth with the probability of the
// schedule, else it is the class that was chosen for it; from that the step learns, with the true targets. So all steps of a row stay products over
// time, on any device, and a place that is replaced was chosen after a true beginning, not after one that is mixed already, as it would be in a loop.

import type { Batch } from '../data/dataset.ts';
import type { Model } from '../graph/model.ts';
import { random } from '../shared/random.ts';
import type { TrainSettings } from '../shared/settings.ts';
import { RunError } from './run.ts';
import type { Judged } from './trainer.ts';

type Teacher = NonNullable<TrainSettings['teacher']>;

/** The probability of the truth at a step, counted from 1; `pass` are the steps of an epoch. */
export function truthAt({ from, to, epochs }: Teacher, step: number, pass: number): number {
  const share = epochs === 0 ? 1 : Math.min(1, (step - 1) / (epochs * pass));
  return from + (to - from) * share;
}

/** The batch with some places of the predicted input replaced by what the model chose for them. What chance decides follows from the seed and the
 *  step's number alone. First places stay, and so does padding. */
export function mixed(batch: Batch, input: string, { predicted, counted }: Judged, truth: number, seed: number, step: number): Batch {
  const { rows } = batch;
  const read = batch.inputs[input]!.slice();
  const width = predicted.length / rows;
  const steps = read.length / rows;
  const chance = random('teacher', seed, step);
  for (let t = 1; t < steps; t += 1)
    for (let row = 0; row < rows; row += 1) {
      const place = row * width + t - 1;
      if (chance.uniform() >= truth && counted[place] !== 0) read[t * rows + row] = predicted[place]!;
    }
  return { ...batch, inputs: { ...batch.inputs, [input]: read } };
}

/** The input that a model reads its own words of. Throws RunError where it predicts none, or its data is one running text. */
export function taughtInput({ name, prediction, judged }: Model, running: boolean): string {
  if (prediction === undefined || judged?.input !== prediction.input || !judged.ahead || judged.over === undefined)
    throw new RunError(
      `\`teacher\`: ${name} predicts no classes of its own input, so there is nothing of its own that it could read. Leave it away.`,
    );
  if (running) throw new RunError('`teacher` is for rows that are predicted; a running text is always read as it stands. Leave it away.');
  return prediction.input;
}
