// How a model does on a held-out part.

import type { Batches, Dataset } from '../data/dataset.ts';
import type { Model } from '../graph/model.ts';
import type { Metric } from '../shared/settings.ts';
import { Tally } from './metrics.ts';
import type { Judged, Trainer } from './trainer.ts';

export interface Validated {
  /** Mean over all that is counted; NaN where nothing is. */
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly tally?: Tally;
  /** The answers to a batch in the middle, for samples: where rows are sorted by length, neither the shortest nor the longest. */
  readonly some?: { readonly batch: number; readonly judged: Judged };
}

/** Share of the time that validation may take. */
const SHARE = 0.05;

/** Steps between two validations: where data comes in passes, whole passes; else 1, 2 or 5 times a power of ten. A batch of validation takes about
 *  a third of a step. */
export function validationInterval(validation: Batches | undefined, training: Batches, { running }: Pick<Dataset, 'running'>): number {
  if (validation === undefined) return Number.POSITIVE_INFINITY;
  const least = Math.max(10, validation.count / 3 / SHARE);
  if (!running && training.count >= 10) return training.count * Math.max(1, Math.round(least / training.count));
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((factor) => factor * power).find((interval) => interval >= least)!;
}

/** Goes through a part once. */
export async function validate(
  trainer: Trainer,
  batches: Batches,
  { judged }: Pick<Model, 'judged'>,
  dataset: Pick<Dataset, 'vocabularies' | 'scales'>,
  wanted: readonly Metric[],
): Promise<Validated> {
  let [sum, count] = [0, 0];
  let some: Validated['some'];
  const tally =
    judged === undefined
      ? undefined
      : new Tally(judged, dataset.vocabularies[judged.classes ?? '']?.tokens, dataset.scales[judged.input ?? '']);
  if (batches.lead !== undefined) await trainer.evaluate(batches.lead);
  for (let k = 0; k < batches.count; k += 1) {
    const part = await trainer.evaluate(batches.at(k));
    sum += part.sum;
    count += part.count;
    if (part.judged === undefined) continue;
    tally?.add(part.judged);
    if (k === Math.floor(batches.count / 2)) some = { batch: k, judged: part.judged };
  }
  return {
    loss: sum / count,
    metrics: tally?.metrics(wanted) ?? {},
    ...(tally === undefined ? {} : { tally }),
    ...(some === undefined ? {} : { some }),
  };
}
