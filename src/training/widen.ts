// Batches of few lengths. Where a model is compiled for each length, a ragged batch is padded a little further: a padded step changes nothing.

import type { Batch } from '../data/dataset.ts';
import type { Model } from '../graph/model.ts';

/** The batch with its ragged dimensions padded to one of few lengths: at most an eighth longer, and so that there are 8 lengths at most from one power of two to
 *  the next. A batch without them is handed on as it is. */
export function widened(batch: Batch, { inputs }: Pick<Model, 'inputs'>): Batch {
  const ragged = Object.keys(batch.sizes).filter((dimension) => batch.inputs[`lengths(${dimension})`] !== undefined);
  const sizes = { ...batch.sizes };
  for (const dimension of ragged) sizes[dimension] = longerLength(batch.sizes[dimension]!);
  if (ragged.every((dimension) => sizes[dimension] === batch.sizes[dimension])) return batch;
  const padded = Object.entries(batch.inputs).map(([name, values]) => {
    const first = inputs.find((input) => input.name === name)?.value.type.axes[0]?.size;
    if (typeof first !== 'string' || !ragged.includes(first)) return [name, values] as const;
    const width = values.length / batch.sizes[first]!;
    const wide = values instanceof Int32Array ? new Int32Array(sizes[first]! * width) : new Float32Array(sizes[first]! * width);
    // Time is the first axis, so that what is added stands at the end.
    wide.set(values);
    return [name, wide] as const;
  });
  return { ...batch, sizes, inputs: Object.fromEntries(padded) };
}

/** The next number that is a multiple of an eighth of a power of two, such as 1 .. 16, 18, 20, .. 32, 36, .. 64, 72. */
export function longerLength(length: number): number {
  const step = 2 ** Math.max(0, Math.ceil(Math.log2(Math.max(1, length))) - 4);
  return Math.ceil(length / step) * step;
}
