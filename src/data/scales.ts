// Numbers to mean 0 and deviation 1, each feature by itself, as the training part has them.

import type { Scale } from '../shared/dataset.ts';
import type { StoredInput } from './store.ts';

/** Mean and deviation of each feature (the last dimension) over the rows; a feature that never changes keeps its unit. */
export function scaleOf({ data, width, offsets, shape }: StoredInput, rows: Int32Array): Scale {
  // The last dimension counts the features, unless it is time.
  const features = shape.shape.length > (offsets === undefined ? 0 : 1) ? lastOf(shape.shape.at(-1), width) : 1;
  const running = new Running(features);
  for (const row of rows) {
    const [from, to] = offsets === undefined ? [row, row + 1] : [offsets[row]!, offsets[row + 1]!];
    for (let k = from * width; k < to * width; k += 1) running.add(k % features, data[k]!);
  }
  return running.scale();
}

/** Mean and deviation of numbers that come one after the other, exact also where they are large beside what they differ by (Welford 1962). */
export class Running {
  readonly #counts: Float64Array;
  readonly #means: Float64Array;
  readonly #squares: Float64Array;

  constructor(features: number) {
    this.#counts = new Float64Array(features);
    this.#means = new Float64Array(features);
    this.#squares = new Float64Array(features);
  }

  /** Takes a number, unless it is missing. */
  add(feature: number, value: number): void {
    if (Number.isNaN(value)) return;
    this.#counts[feature]! += 1;
    const before = value - this.#means[feature]!;
    this.#means[feature]! += before / this.#counts[feature]!;
    this.#squares[feature]! += before * (value - this.#means[feature]!);
  }

  /** The mean of a feature without numbers is NaN; the deviation of one that never changes is 1. */
  scale(): Scale {
    const mean = Array.from(this.#means, (each, k) => (this.#counts[k] === 0 ? Number.NaN : each));
    const deviation = Array.from(this.#squares, (square, k) => (square > 0 ? Math.sqrt(square / this.#counts[k]!) : 1));
    return { mean, deviation };
  }
}

/** How many numbers of these rows are missing. */
export function missingIn({ data, width, offsets }: StoredInput, rows: Int32Array): number {
  let missing = 0;
  for (const row of rows) {
    const [from, to] = offsets === undefined ? [row, row + 1] : [offsets[row]!, offsets[row + 1]!];
    for (let k = from * width; k < to * width; k += 1) if (Number.isNaN(data[k]!)) missing += 1;
  }
  return missing;
}

const lastOf = (size: number | string | undefined, width: number): number => (typeof size === 'number' ? size : width);

/** In the model's unit. Missing numbers stay NaN. */
export function normalised(stored: StoredInput, scale: Scale): StoredInput {
  const data = (stored.data as Float32Array).map((value, k) => toModel(value, k, scale));
  return { ...stored, data };
}

/** With the mean of its feature where a number is missing; and how many were. */
export function completed(stored: StoredInput, { mean }: Scale): { readonly stored: StoredInput; readonly missing: number } {
  const whole = stored.data as Float32Array;
  const missing = whole.reduce((sum, value) => (Number.isNaN(value) ? sum + 1 : sum), 0);
  if (missing === 0) return { stored, missing };
  return { stored: { ...stored, data: whole.map((value, k) => (Number.isNaN(value) ? mean[k % mean.length]! : value)) }, missing };
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
