// What a gradient is of: one element of an output, its sum, or a loss against a target; and the cotangent of the output that it begins with.

import type { Tensor } from '../../runtime/runtime.ts';
import { halfValue } from '../../shared/half.ts';
import { GradientError } from './order.ts';

export type Objective =
  /** One element, by its index along each axis; negative ones count from the end. */
  | { readonly kind: 'element'; readonly index: readonly number[] }
  | { readonly kind: 'sum' }
  /** Mean of the squared differences; a target that is NaN counts nowhere. */
  | { readonly kind: 'squared error'; readonly target: Tensor }
  /** Mean of -log p(target) over all places but the last axis, which has a score (or a probability) a class. Targets are classes (integers, of
   *  the output's shape without the last axis; below 0: counts nowhere) or distributions (floats, of the output's shape). */
  | { readonly kind: 'cross entropy'; readonly target: Tensor; readonly from: 'logits' | 'probabilities' };

export interface ObjectiveValue {
  readonly value: number;
  /** Derivative by the output, in its shape: float64 of a float64 output, else float32. */
  readonly cotangent: Tensor;
}

/** Throws GradientError where index or target do not fit the output. */
export function objectiveOf(output: Tensor, objective: Objective): ObjectiveValue {
  const values = numbersOf(output);
  const { value, cotangent } = differentiated(values, output.dims, objective);
  const double = output.type === 'float64';
  return {
    value,
    cotangent: {
      type: double ? 'float64' : 'float32',
      dims: [...output.dims],
      data: double ? cotangent : Float32Array.from(cotangent),
    },
  };
}

/** Half precision comes as its bits. */
const numbersOf = ({ type, data }: Tensor): Float64Array =>
  Float64Array.from(data as ArrayLike<number>, type === 'float16' ? halfValue : Number);

interface Differentiated {
  readonly value: number;
  readonly cotangent: Float64Array;
}

function differentiated(values: Float64Array, dims: readonly number[], objective: Objective): Differentiated {
  switch (objective.kind) {
    case 'element':
      return element(values, dims, objective.index);
    case 'sum':
      return { value: values.reduce((sum, each) => sum + each, 0), cotangent: new Float64Array(values.length).fill(1) };
    case 'squared error':
      return squaredError(values, dims, objective.target);
    case 'cross entropy':
      return crossEntropy(values, dims, objective.target, objective.from);
  }
}

function element(values: Float64Array, dims: readonly number[], index: readonly number[]): Differentiated {
  if (index.length !== dims.length)
    throw new GradientError(`The output is [${dims.join(', ')}]: an element of it has ${dims.length} indices, not ${index.length}.`);
  let flat = 0;
  index.forEach((given, axis) => {
    const size = dims[axis]!;
    const at = given < 0 ? given + size : given;
    if (!Number.isInteger(at) || at < 0 || at >= size)
      throw new GradientError(`The output is [${dims.join(', ')}]: it has no element ${given} along axis ${axis}.`);
    flat = flat * size + at;
  });
  const cotangent = new Float64Array(values.length);
  cotangent[flat] = 1;
  return { value: values[flat]!, cotangent };
}

function squaredError(values: Float64Array, dims: readonly number[], target: Tensor): Differentiated {
  if (!same(dims, target.dims)) throw misfit(dims, target);
  const expected = numbersOf(target);
  const differences = values.map((each, k) => each - expected[k]!);
  const count = differences.reduce((sum, each) => sum + (Number.isNaN(each) ? 0 : 1), 0) || 1;
  const known = differences.map((each) => (Number.isNaN(each) ? 0 : each));
  return {
    value: known.reduce((sum, each) => sum + each * each, 0) / count,
    cotangent: known.map((each) => (2 * each) / count),
  };
}

function crossEntropy(values: Float64Array, dims: readonly number[], target: Tensor, from: 'logits' | 'probabilities'): Differentiated {
  const classes = dims.at(-1);
  if (classes === undefined) throw new GradientError('The output is one number: a cross entropy needs an axis of classes.');
  const rows = classes === 0 ? 0 : values.length / classes;
  const weights = distributions(dims, target, rows, classes);
  const counted = weights.reduce((sum, row) => sum + (row === undefined ? 0 : 1), 0) || 1;
  const cotangent = new Float64Array(values.length);
  let value = 0;
  weights.forEach((row, k) => {
    if (row === undefined) return;
    const start = k * classes;
    const scores = values.subarray(start, start + classes);
    const mass = row.reduce((sum, each) => sum + each, 0);
    const top = scores.reduce((most, each) => Math.max(most, each), -Infinity);
    const total = scores.reduce((sum, each) => sum + Math.exp(each - top), 0);
    row.forEach((weight, c) => {
      const score = scores[c]!;
      const log = from === 'logits' ? score - top - Math.log(total) : Math.log(score);
      if (weight !== 0) value -= (weight * log) / counted;
      const slope = from === 'logits' ? (mass * Math.exp(score - top)) / total - weight : weight === 0 ? 0 : -weight / score;
      cotangent[start + c] = slope / counted;
    });
  });
  return { value, cotangent };
}

/** The weight of each class, a row a place; undefined where a place does not count. */
function distributions(dims: readonly number[], target: Tensor, rows: number, classes: number): (readonly number[] | undefined)[] {
  const numbers = Array.from(numbersOf(target));
  const places = Array.from({ length: rows }, (_, k) => k);
  const integers = !target.type.startsWith('float');
  if (!integers && same(dims, target.dims))
    return places.map((k) => {
      const row = numbers.slice(k * classes, (k + 1) * classes);
      return row.some(Number.isNaN) ? undefined : row;
    });
  if (!integers || !same(dims.slice(0, -1), target.dims)) throw misfit(dims, target);
  return places.map((k) => {
    const chosen = numbers[k]!;
    if (chosen >= classes)
      throw new GradientError(`The target has class ${chosen}, and the output [${dims.join(', ')}] has ${classes} classes.`);
    return chosen < 0 ? undefined : Array.from({ length: classes }, (_, c) => (c === chosen ? 1 : 0));
  });
}

const same = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((size, k) => size === b[k]);

const misfit = (dims: readonly number[], target: Tensor): GradientError =>
  new GradientError(`A target of ${target.type} [${target.dims.join(', ')}] does not fit an output of [${dims.join(', ')}].`);
