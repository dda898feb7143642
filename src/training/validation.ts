// How a model does on a held-out part.

import type { Batches, Dataset } from '../data/dataset.ts';
import type { Model } from '../graph/model.ts';
import type { Metric } from '../shared/settings.ts';
import { Tally } from './metrics.ts';
import type { Judged, Trainer } from './trainer.ts';

export interface Validated {
  /** Mean over all that is counted. */
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly tally?: Tally;
  /** The first batch's answers, for samples. */
  readonly first?: Judged;
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
  let first: Judged | undefined;
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
    first ??= part.judged;
  }
  return {
    loss: sum / count,
    metrics: tally?.metrics(wanted) ?? {},
    ...(tally === undefined ? {} : { tally }),
    ...(first === undefined ? {} : { first }),
  };
}
