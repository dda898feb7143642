// What a model answers while it learns: held-out examples with the truth beside.

import type { Batch, Dataset } from '../data/dataset.ts';
import { decode } from '../data/vocabulary.ts';
import type { Model } from '../graph/model.ts';
import { numberText } from '../shared/numbers.ts';
import type { Sample } from '../shared/training.ts';
import type { Judged } from './trainer.ts';

/** Rows of a sample, and timesteps or numbers of each that are shown. */
const ROWS = 5;
const SHOWN = 60;

/** The first rows of a batch: what was read, what is true, and what the model says. */
export function examplesOf(
  { inputs, rows }: Batch,
  judged: Judged,
  { judged: comparison }: Pick<Model, 'judged'>,
  dataset: Dataset,
): Sample {
  const width = judged.predicted.length / Math.max(1, rows);
  const [read] = dataset.inputs.filter(({ compared }) => !compared);
  const vocabulary = dataset.vocabularies[comparison?.classes ?? ''];
  const scale = dataset.scales[comparison?.input ?? ''];
  const answer = (values: Float32Array, row: number): string => {
    const own: string[] = [];
    for (let k = row * width; k < (row + 1) * width && own.length < SHOWN; k += 1) {
      if (judged.counted[k] === 0) continue;
      const value = values[k]!;
      if (comparison?.loss === 'binary') own.push(value > 0 ? 'yes' : 'no');
      else if (vocabulary !== undefined) own.push(vocabulary.tokens[value] ?? '');
      else
        own.push(
          numberText(
            scale === undefined ? value : value * scale.deviation[k % scale.deviation.length]! + scale.mean[k % scale.mean.length]!,
          ),
        );
    }
    return own.join(vocabulary?.by === 'char' ? '' : ' ');
  };
  const question = (row: number): string => {
    if (read === undefined) return '';
    const values = inputs[read.name]!;
    const isStepped = typeof read.shape[0] === 'string';
    const steps = isStepped ? (inputs[`lengths(${read.shape[0]})`]?.[row] ?? 0) : 1;
    const own = dataset.vocabularies[read.classes ?? ''];
    if (own === undefined) return '';
    const ids = isStepped
      ? Array.from({ length: Math.min(SHOWN, steps || values.length / rows) }, (_, t) => values[t * rows + row]!)
      : [values[row]!];
    return own.by === 'label' ? ids.map((id) => own.tokens[id] ?? '').join(' ') : decode(own, ids);
  };
  return {
    kind: 'examples',
    rows: Array.from({ length: Math.min(ROWS, rows) }, (_, row) => ({
      input: question(row),
      truth: answer(judged.target, row),
      predicted: answer(judged.predicted, row),
    })),
  };
}
