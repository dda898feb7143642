// Which axis of weights, values and their weighed sum is what: sequences of the batch, heads, steps, places, features.

import type { Tensor } from '../../runtime/runtime.ts';
import { PartError } from '../part.ts';
import type { Move, WeighedSum } from './sites.ts';

/** By axes of `item` (sequences side by side), `head`, `step` (what attends), `place` (what is attended to), `feature`. Row-major. */
export interface AttentionNumbers {
  readonly items: number;
  readonly heads: number;
  readonly steps: number;
  readonly places: number;
  readonly features: number;
  /** [items, heads, steps, places] */
  readonly scores: Float32Array;
  readonly weights: Float32Array;
  /** [items, heads, places, features] */
  readonly values: Float32Array;
  /** [items, heads, steps, features] */
  readonly context: Float32Array;
  /** A tensor of the weights' shape, or of the context's, in the same order. */
  asWeights(tensor: Tensor): Float32Array;
  asContext(tensor: Tensor): Float32Array;
}

export interface AttentionTensors {
  /** As the softmax has them. */
  readonly scores: Tensor;
  readonly weights: Tensor;
  readonly values: Tensor;
  readonly context: Tensor;
  /** That lie in the batch, the heads of a sequence side by side. */
  readonly heads: number;
  /** Sizes of a value that the weights were reshaped to. */
  shapeOf(name: string): readonly number[];
}

/** Throws PartError where the axes do not fit together. */
export function attentionNumbers(moves: readonly Move[], product: WeighedSum, tensors: AttentionTensors): AttentionNumbers {
  const scores = moved(tensors.scores, moves, tensors);
  const weights = moved(tensors.weights, moves, tensors);
  const labels = labelsOf(product, weights.dims, tensors.values.dims);
  const sizes = new Map<string, number>();
  const learn = (names: readonly string[], dims: readonly number[]): void => {
    if (names.length !== dims.length) throw new PartError('Its weights and values have axes that are not those of a weighed sum.');
    names.forEach((name, k) => {
      sizes.set(name, Math.max(sizes.get(name) ?? 1, dims[k]!));
    });
  };
  learn(labels.weights, weights.dims);
  learn(labels.values, tensors.values.dims);
  const of = (which: (name: string) => boolean): string[] => [...sizes.keys()].filter(which);
  const [inWeights, inValues, inResult] = [new Set(labels.weights), new Set(labels.values), new Set(labels.result)];
  const places = of((name) => inWeights.has(name) && inValues.has(name) && !inResult.has(name));
  const step = labels.step ?? of((name) => inWeights.has(name) && inResult.has(name) && !inValues.has(name)).at(-1);
  const batch = of((name) => inWeights.has(name) && inResult.has(name) && name !== step);
  const features = of((name) => inValues.has(name) && !inWeights.has(name));
  if (places.length === 0) throw new PartError('Its weights are not over the places that are added up.');
  // Sequences come first, heads within them.
  const [item, ...heads] = batch;
  const items = item === undefined ? [] : [item];
  const steps = step === undefined ? [] : [step];
  const count = (names: readonly string[]): number => names.reduce((product, name) => product * sizes.get(name)!, 1);
  const read = (tensor: Tensor, names: readonly string[], order: readonly string[]): Float32Array => arranged(tensor, names, order, sizes);
  // Row by row, the heads of one sequence come before the next: what is read is the same.
  const inBatch = heads.length === 0 && count(items) % tensors.heads === 0 ? tensors.heads : 1;
  const asContext = (tensor: Tensor): Float32Array => read(tensor, labels.result, [...items, ...heads, ...steps, ...features]);
  const asWeights = (tensor: Tensor): Float32Array =>
    read(moved(tensor, moves, tensors), labels.weights, [...items, ...heads, ...steps, ...places]);
  const result: AttentionNumbers = {
    items: count(items) / inBatch,
    heads: count(heads) * inBatch,
    steps: count(steps),
    places: count(places),
    features: count(features),
    scores: read(scores, labels.weights, [...items, ...heads, ...steps, ...places]),
    weights: read(weights, labels.weights, [...items, ...heads, ...steps, ...places]),
    values: read(tensors.values, labels.values, [...items, ...heads, ...places, ...features]),
    context: asContext(tensors.context),
    asWeights,
    asContext,
  };
  if (!addUp(result)) throw new PartError('Its weights do not add up to 1 over the places that are added up.');
  return result;
}

/** What was done with the weights, done with a tensor of their shape. */
function moved(tensor: Tensor, moves: readonly Move[], { shapeOf }: AttentionTensors): Tensor {
  let at = tensor;
  for (const move of moves) {
    if (move.kind === 'reshaped') at = { ...at, dims: shapeOf(move.as) };
    if (move.kind !== 'transposed') continue;
    const order = move.order ?? at.dims.map((_, k) => at.dims.length - 1 - k);
    const names = at.dims.map((_, k) => String(k));
    const sizes = new Map(at.dims.map((size, k) => [String(k), size]));
    const data = arranged(at, names, order.map(String), sizes);
    at = { type: 'float32', dims: order.map((k) => at.dims[k]!), data };
  }
  return at;
}

interface Labels {
  readonly weights: readonly string[];
  readonly values: readonly string[];
  readonly result: readonly string[];
  /** The axis of the steps, where its place tells. */
  readonly step?: string;
}

function labelsOf({ form }: WeighedSum, weights: readonly number[], values: readonly number[]): Labels {
  switch (form.kind) {
    case 'einsum':
      return { weights: [...form.weights], values: [...form.values], result: [...form.result] };
    case 'matmul':
      return matmulLabels(weights.length, values.length, form.weightsFirst);
    case 'sum':
      return sumLabels(weights, values, form);
  }
}

function matmulLabels(weights: number, values: number, weightsFirst: boolean): Labels {
  const inner = (rank: number, outer: string, isLast: boolean): string[] =>
    rank < 2 ? ['place'] : isLast ? [outer, 'place'] : ['place', outer];
  const lead = (rank: number): string[] => Array.from({ length: Math.max(0, rank - 2) }, (_, k) => `batch ${rank - 3 - k}`);
  const all = lead(Math.max(weights, values));
  const [steps, features] = [weights < 2 ? [] : ['step'], values < 2 ? [] : ['feature']];
  return {
    weights: [...lead(weights), ...inner(weights, 'step', weightsFirst)],
    values: [...lead(values), ...inner(values, 'feature', !weightsFirst)],
    result: [...all, ...(weightsFirst ? [...steps, ...features] : [...features, ...steps])],
    step: 'step',
  };
}

/** Axes of size 1 are spread over those of the other. */
function sumLabels(weights: readonly number[], values: readonly number[], form: Extract<WeighedSum['form'], { kind: 'sum' }>): Labels {
  const rank = Math.max(weights.length, values.length);
  const size = (dims: readonly number[], k: number): number => dims[k - rank + dims.length] ?? 1;
  const [given] = form.axes;
  const place = given! < 0 ? given! + rank : given!;
  const name = (k: number): string => (k === place ? 'place' : `axis ${k}`);
  const own = (dims: readonly number[], others: readonly number[]): string[] =>
    dims.map((_, j) => {
      const k = j + rank - dims.length;
      // What is 1 here and not there is not an axis of this one.
      return k !== place && size(dims, k) === 1 && size(others, k) > 1 ? `one ${dims === weights ? 'weight' : 'value'} ${k}` : name(k);
    });
  const result = Array.from({ length: rank }, (_, k) => k).flatMap((k) => (k === place ? (form.keepsAxes ? ['one'] : []) : [name(k)]));
  return { weights: own(weights, values), values: own(values, weights), result };
}

/** A tensor with its axes in another order; what it lacks of an axis is the same at every place of it. */
export function arranged(
  { dims, data }: Tensor,
  names: readonly string[],
  order: readonly string[],
  sizes: ReadonlyMap<string, number>,
): Float32Array {
  const strides = new Array<number>(dims.length).fill(1);
  for (let k = dims.length - 2; k >= 0; k -= 1) strides[k] = strides[k + 1]! * dims[k + 1]!;
  const axes = order.map((name) => {
    const k = names.indexOf(name);
    return { size: sizes.get(name) ?? 1, stride: k < 0 || dims[k] === 1 ? 0 : strides[k]! };
  });
  const result = new Float32Array(axes.reduce((product, { size }) => product * size, 1));
  const source = data as ArrayLike<number>;
  let at = 0;
  const walk = (k: number, from: number): void => {
    if (k === axes.length) {
      result[at++] = source[from]!;
      return;
    }
    const { size, stride } = axes[k]!;
    for (let place = 0; place < size; place += 1) walk(k + 1, from + place * stride);
  };
  walk(0, 0);
  return result;
}

/** Each row of weights adds up to 1, or sees nothing. */
function addUp({ weights, places }: AttentionNumbers): boolean {
  for (let from = 0; from < weights.length; from += places) {
    let sum = 0;
    for (let k = from; k < from + places; k += 1) sum += weights[k]!;
    if (Math.abs(sum - 1) > 1e-3 && sum !== 0 && !Number.isNaN(sum)) return false;
  }
  return true;
}
