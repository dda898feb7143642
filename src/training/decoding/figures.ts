// What a model is worth that writes rows: held-out rows are decoded greedily, and compared with what people wrote.
//
// Exact rows need no decoding: where all answers to the true beginnings are right, greedy decoding gives the same row, and only there. So `exact` is
// counted with the other answers (metrics.ts).

import type { Dataset } from '../../data/dataset.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { GenerateSettings, Metric } from '../../shared/settings.ts';
import { type DecodedMetric, decodedScores, referencesOf } from '../decoded.ts';
import { RunError } from '../run.ts';
import type { TrainerState } from '../trainer.ts';
import { RowWriter, type WritingModel } from './write.ts';

/** Decodes a held-out part, at most `most` rows of it, the first; figures by their names. */
export type DecodeHeldOut = (
  weights: TrainerState,
  part: 'validation' | 'test',
  wanted: readonly DecodedMetric[],
  most?: number,
) => Promise<Partial<Record<DecodedMetric, number>>>;

/** Rows that are decoded at a validation; a report has all. */
export const VALIDATED = 200;

/** Of what is reported, what is measured on decoded rows. */
export const decodedMetrics = (metrics: readonly Metric[]): readonly DecodedMetric[] =>
  metrics.flatMap(({ kind }) => (kind === 'bleu' || kind === 'chrf' ? [kind] : []));

/** `said`: how the source lets the model write; its search is greedy here. */
export function heldOutDecoder(writing: WritingModel, data: Dataset, said: GenerateSettings, runtime: () => Runtime): DecodeHeldOut {
  return async (weights, name, wanted, most = Number.POSITIVE_INFINITY) => {
    const part = data.parts[name];
    const writer = await RowWriter.open(writing, weights, { ...said, search: { kind: 'greedy' }, prompt: '' }, runtime());
    try {
      const places = Array.from({ length: Math.min(most, part.size) }, (_, index) => index);
      const rows = await writer.write(places.map((index) => ({ example: part.example(index) })));
      return decodedScores(
        wanted,
        rows.map(({ text }) => text),
        places.map((index) => referencesOf(data, part, index)),
      );
    } finally {
      await writer.close();
    }
  };
}

/** Throws RunError where rows are to be decoded of a model that writes none. */
export function checkDecoded(metrics: readonly Metric[], name: string, decode: DecodeHeldOut | undefined): void {
  const [first] = decodedMetrics(metrics);
  if (first === undefined || decode !== undefined) return;
  throw new RunError(
    `\`report: ${first}\` compares rows that a model writes, and ${name} writes none: its loss compares nothing with next(...) of a row.`,
  );
}
