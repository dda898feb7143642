// Batches of examples, padded to the longest of each. Rows of like length come together, so that little is padded, and chance decides all the rest.
//
// A batch is made from its number alone: what training sees at step n does not depend on how it came there.

import type { PartName } from '../shared/dataset.ts';
import { type Batch, type Batches, type Dataset, type Example, lengthOf, type Part } from './dataset.ts';
import { shuffled } from './split.ts';
import { dimensionOf } from './store.ts';
import { PASS } from './tasks.ts';

/** Batches whose rows are sorted by their length together: more would tell the order of the data by its lengths. */
const POOL = 50;

export function batchesOf(dataset: Dataset, rows: number, seed: number): Batches {
  const part = dataset.parts.training;
  if (!Number.isFinite(part.size)) {
    const take = (index: number): Batch =>
      batchAt(
        dataset,
        part,
        Array.from({ length: rows }, (_, row) => index * rows + row),
      );
    return { count: Math.max(1, Math.round(PASS / rows)), at: take };
  }
  const count = Math.ceil(part.size / rows);
  let pass = -1;
  let order: readonly Int32Array[] = [];
  return {
    count,
    at(index) {
      const wanted = Math.floor(index / count);
      if (wanted !== pass) {
        order = passOf(dataset, part, rows, seed, wanted);
        pass = wanted;
      }
      return batchAt(dataset, part, order[index % count]!);
    },
  };
}

/** The batches of one pass: a permutation, sorted by length within pools, cut, and the batches in another order. */
function passOf({ ragged }: Dataset, part: Part, rows: number, seed: number, pass: number): readonly Int32Array[] {
  const order = shuffled(part.size, 'examples', seed, pass);
  if (ragged.length > 0)
    for (let from = 0; from < order.length; from += POOL * rows) {
      const pool = order.subarray(from, from + POOL * rows);
      pool.set(sortedByLength(part, pool));
    }
  const batches = Array.from({ length: Math.ceil(part.size / rows) }, (_, k) => order.subarray(k * rows, (k + 1) * rows));
  return Array.from(shuffled(batches.length, 'batches', seed, pass), (k) => batches[k]!);
}

/** The shorter first; those of one length as they stood. */
function sortedByLength(part: Part, examples: Int32Array): Int32Array {
  // Length and place in one number, which sorts faster than by a comparison.
  const keys = Float64Array.from(examples, (index, place) => lengthOf(part, index) * examples.length + place);
  return Int32Array.from(keys.sort(), (key) => examples[key % examples.length]!);
}

/** All examples of a held-out part, each once. */
export function heldOutBatches(dataset: Dataset, name: Exclude<PartName, 'training'>, rows: number): Batches | undefined {
  const part = dataset.parts[name];
  if (part.size === 0) return undefined;
  const all = Int32Array.from({ length: part.size }, (_, k) => k);
  const order = dataset.ragged.length > 0 ? sortedByLength(part, all) : all;
  const count = Math.ceil(part.size / rows);
  return { count, at: (index) => batchAt(dataset, part, order.subarray(index * rows, (index + 1) * rows), dataset.judgedAtEnd) };
}

/** Examples side by side. `onlyEnd`: what comes next, or what is compared with, is asked for at the last step of each row alone. */
export function batchAt(dataset: Dataset, part: Part, indices: ArrayLike<number>, onlyEnd = false): Batch {
  return joined(
    dataset,
    Array.from(indices, (index) => part.example(index)),
    onlyEnd,
  );
}

export function joined(
  { inputs: shapes, ragged }: Pick<Dataset, 'inputs' | 'ragged'>,
  examples: readonly Example[],
  onlyEnd = false,
): Batch {
  const rows = examples.length;
  const sizes: Record<string, number> = {};
  for (const { lengths } of examples)
    for (const [dimension, length] of Object.entries(lengths)) sizes[dimension] = Math.max(sizes[dimension] ?? 0, length);
  const inputs: Record<string, Int32Array | Float32Array> = {};
  for (const dimension of ragged) inputs[`lengths(${dimension})`] = Int32Array.from(examples, ({ lengths }) => lengths[dimension] ?? 0);
  for (const shape of shapes) {
    const first = dimensionOf(shape);
    const dimension = first !== undefined && sizes[first] !== undefined ? first : undefined;
    for (const name of shape.predicted ? [shape.name, `next(${shape.name})`] : [shape.name]) {
      const each = examples.map((example) => example.inputs[name]!);
      if (dimension === undefined) inputs[name] = together(each, shape.classes !== undefined);
      else {
        const skipped = onlyEnd && (name !== shape.name || shape.compared);
        inputs[name] = interleaved(
          each,
          examples.map(({ lengths }) => lengths[dimension]!),
          sizes[dimension]!,
          shape.classes !== undefined,
          skipped,
        );
      }
    }
  }
  return { rows, sizes, inputs, reset: true };
}

type Values = Int32Array | Float32Array;
const filled = (length: number, isClasses: boolean): Values => (isClasses ? new Int32Array(length) : new Float32Array(length));

function together(each: readonly Values[], isClasses: boolean): Values {
  const width = each[0]!.length;
  const whole = filled(each.length * width, isClasses);
  each.forEach((values, row) => {
    whole.set(values, row * width);
  });
  return whole;
}

/** [T, B, ...] from rows of [T, ...]. */
function interleaved(each: readonly Values[], lengths: readonly number[], steps: number, isClasses: boolean, onlyEnd: boolean): Values {
  const rows = each.length;
  const width = Math.max(...each.map((values, row) => (lengths[row]! > 0 ? values.length / lengths[row]! : 0)));
  const whole = filled(steps * rows * width, isClasses);
  each.forEach((values, row) => {
    const length = lengths[row]!;
    for (let t = 0; t < length; t += 1) {
      const isAsked = !onlyEnd || t === length - 1;
      for (let k = 0; k < width; k += 1)
        whole[(t * rows + row) * width + k] = isAsked ? values[t * width + k]! : isClasses ? -1 : Number.NaN;
    }
  });
  return whole;
}
