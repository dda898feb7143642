// Numbers to mean 0 and deviation 1, each feature by itself, as the training part has them.

import type { Scale } from '../shared/dataset.ts';
import type { StoredInput } from './store.ts';

/** Mean and deviation of each feature (the last dimension) over the rows; a feature that never changes keeps its unit. */
export function scaleOf({ data, width, offsets, shape }: StoredInput, rows: Int32Array): Scale {
  // The last dimension counts the features, unless it is time.
  const features = shape.shape.length > (offsets === undefined ? 0 : 1) ? lastOf(shape.shape.at(-1), width) : 1;
  const sums = new Float64Array(features);
  const squares = new Float64Array(features);
  const counts = new Float64Array(features);
  for (const row of rows) {
    const [from, to] = offsets === undefined ? [row, row + 1] : [offsets[row]!, offsets[row + 1]!];
    for (let k = from * width; k < to * width; k += 1) {
      const value = data[k]!;
      if (Number.isNaN(value)) continue;
      const feature = k % features;
      sums[feature]! += value;
      squares[feature]! += value * value;
      counts[feature]! += 1;
    }
  }
  return scaleFrom(sums, squares, counts);
}

export function scaleFrom(sums: Float64Array, squares: Float64Array, counts: Float64Array): Scale {
  const mean = Array.from(sums, (sum, k) => sum / Math.max(1, counts[k]!));
  const deviation = Array.from(squares, (square, k) => {
    const variance = Math.max(0, square / Math.max(1, counts[k]!) - mean[k]! ** 2);
    // What is left of rounding is no deviation.
    return variance > 1e-12 * Math.max(1, mean[k]! ** 2) ? Math.sqrt(variance) : 1;
  });
  return { mean, deviation };
}

const lastOf = (size: number | string | undefined, width: number): number => (typeof size === 'number' ? size : width);

/** In the model's unit. Missing numbers stay NaN. */
export function normalised(stored: StoredInput, scale: Scale): StoredInput {
  const data = Float32Array.from(stored.data as Float32Array, (value, k) => toModel(value, k, scale));
  return { ...stored, data };
}

/** With the mean of its feature where a number is missing; and how many were. */
export function completed(stored: StoredInput, { mean }: Scale): { readonly stored: StoredInput; readonly missing: number } {
  let missing = 0;
  const data = Float32Array.from(stored.data as Float32Array, (value, k) => {
    if (!Number.isNaN(value)) return value;
    missing += 1;
    return mean[k % mean.length]!;
  });
  return missing === 0 ? { stored, missing } : { stored: { ...stored, data }, missing };
}

const toModel = (value: number, k: number, { mean, deviation }: Scale): number =>
  (value - mean[k % mean.length]!) / deviation[k % deviation.length]!;

/** Numbers of the model in the data's own unit; row-major with the features last. */
export function denormalised(values: Float32Array, scale: Scale | undefined): Float32Array {
  if (scale === undefined) return values;
  const { mean, deviation } = scale;
  return values.map((value, k) => value * deviation[k % deviation.length]! + mean[k % mean.length]!);
}

/** Numbers in the data's own unit as the model takes them. */
export const normalisedValues = (values: Float32Array, scale: Scale | undefined): Float32Array =>
  scale === undefined ? values : values.map((value, k) => toModel(value, k, scale));
