// A tensor of a step's body, as a view of an expression: which axis is the batch, and how the others walk over the expression's elements. Transposes,
// reshapes, slices and splits only change the view.

import { PartError } from '../part.ts';
import { contiguous, type Expression, sameNumbers, sizeOf } from './expression.ts';
import type { Expressions } from './expressions.ts';

export interface Tensor {
  readonly kind: 'tensor';
  readonly of: Expression;
  readonly offset: number;
  readonly axes: readonly Axis[];
}

export interface Axis {
  readonly size: number;
  /** Elements of the expression between two places of this axis. */
  readonly stride: number;
  readonly isBatch: boolean;
}

/** Whole numbers that are known: shapes, axes, places. */
export interface Integers {
  readonly kind: 'integers';
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

export type Value = Tensor | Integers;

/** Sizes that must be equal and are not. */
export class SizeError extends PartError {
  readonly sizes: readonly [number, number];

  constructor(message: string, a: number, b: number) {
    super(message);
    this.sizes = [a, b];
  }
}

export const shapeOfTensor = ({ axes }: Tensor): number[] => axes.map(({ size }) => size);

/** The expression, row-major, seen as a tensor of this shape whose axis `batch` is the batch. */
export function tensorOf(of: Expression, shape: readonly number[], batch: number | undefined): Tensor {
  const sizes = shape.map((size, k) => (k === batch ? 1 : size));
  const strides = contiguous(sizes);
  return {
    kind: 'tensor',
    of,
    offset: 0,
    axes: shape.map((size, k) => ({ size, stride: k === batch || size === 1 ? 0 : strides[k]!, isBatch: k === batch })),
  };
}

const isFeature = ({ size, isBatch }: Axis): boolean => !isBatch && size > 1;

/** What it is for one sequence, without axes of size 1. */
export function expressionOf(make: Expressions, { of, offset, axes }: Tensor): Expression {
  const own = axes.filter(isFeature);
  const moving = own.filter(({ stride }) => stride !== 0);
  const view = make.view(
    of,
    offset,
    moving.map(({ stride }) => stride),
    moving.map(({ size }) => size),
  );
  if (moving.length === own.length) return view;
  return make.spread(
    view,
    own.flatMap(({ stride }, k) => (stride === 0 ? [] : [k])),
    own.map(({ size }) => size),
  );
}

/** Applies what works element by element: axes meet from the right as in NumPy. */
export function elementwise(
  make: Expressions,
  operands: readonly Tensor[],
  apply: (operands: readonly Expression[]) => Expression,
): Tensor {
  const rank = Math.max(0, ...operands.map(({ axes }) => axes.length));
  const at = (tensor: Tensor, place: number): Axis | undefined => tensor.axes[place - (rank - tensor.axes.length)];
  const met = Array.from({ length: rank }, (_, place): { size: number; isBatch: boolean } => {
    let [size, isBatch] = [1, false];
    for (const tensor of operands) {
      const axis = at(tensor, place);
      if (axis === undefined || (axis.size === 1 && !axis.isBatch)) continue;
      if (size !== 1 || isBatch) {
        if (axis.isBatch !== isBatch && axis.size > 1 && size > 1) throw new PartError('It computes across sequences of the batch.');
        if (axis.size !== size && axis.size !== 1 && size !== 1 && !isBatch)
          throw new SizeError(`Sizes of ${axis.size} and ${size} meet.`, axis.size, size);
      }
      size = Math.max(size, axis.size);
      isBatch ||= axis.isBatch;
    }
    return { size, isBatch };
  });
  const features = met.flatMap(({ size, isBatch }, place) => (size > 1 && !isBatch ? [place] : []));
  const whole = operands.filter((tensor) => features.length > 0 && tensor.axes.some(isFeature));
  const [first] = [...whole].sort((a, b) => Number(a.of.isWeight) - Number(b.of.isWeight));
  if (first !== undefined && whole.every((tensor) => isAlike(tensor, first, rank))) {
    const results = operands.map((tensor) =>
      !whole.includes(tensor)
        ? expressionOf(make, tensor)
        : sameNumbers(tensor.of.shape, first.of.shape)
          ? tensor.of
          : make.reshaped(tensor.of, first.of.shape),
    );
    const axes = met.map(({ size, isBatch }, place) => ({ size, isBatch, stride: at(first, place)?.stride ?? 0 }));
    return { kind: 'tensor', of: apply(results), offset: first.offset, axes };
  }
  const shape = features.map((place) => met[place]!.size);
  const results = operands.map((tensor) => {
    const own = expressionOf(make, tensor);
    if (own.shape.length === 0 || sameNumbers(own.shape, shape)) return own;
    const places = features.flatMap((place, k) => {
      const axis = at(tensor, place);
      return axis !== undefined && isFeature(axis) ? [k] : [];
    });
    return make.spread(own, places, shape);
  });
  const of = apply(results);
  const strides = contiguous(shape);
  const axes = met.map(({ size, isBatch }, place) => ({
    size,
    isBatch,
    stride: features.includes(place) ? strides[features.indexOf(place)]! : 0,
  }));
  return { kind: 'tensor', of, offset: 0, axes };
}

/** Whether two tensors walk over their expressions alike, so that the expressions themselves can be computed with. A weight's can be reshaped. */
function isAlike(tensor: Tensor, first: Tensor, rank: number): boolean {
  if (tensor === first) return true;
  if (tensor.offset !== first.offset || sizeOf(tensor.of.shape) !== sizeOf(first.of.shape)) return false;
  if (!tensor.of.isWeight && !sameNumbers(tensor.of.shape, first.of.shape)) return false;
  const walk = ({ axes }: Tensor): string =>
    axes.flatMap((axis, k) => (isFeature(axis) ? [`${k - axes.length + rank} ${axis.size} ${axis.stride}`] : [])).join(', ');
  return walk(tensor) === walk(first);
}

export function permuted(tensor: Tensor, order: readonly number[]): Tensor {
  return { ...tensor, axes: order.map((k) => tensor.axes[k]!) };
}

/** `count` places of an axis from `start` on. */
export function sliced(tensor: Tensor, axis: number, start: number, count: number, step = 1): Tensor {
  const own = tensor.axes[axis]!;
  if (start === 0 && count === own.size && step === 1) return tensor;
  if (own.isBatch && own.size > 1) throw new PartError('It takes single sequences out of the batch.');
  const axes = tensor.axes.map((each, k) => (k === axis ? { ...each, size: count, stride: count === 1 ? 0 : each.stride * step } : each));
  return { ...tensor, offset: tensor.offset + start * own.stride, axes };
}

/** An axis taken away at one of its places. */
export function picked(tensor: Tensor, axis: number, place: number): Tensor {
  const one = sliced(tensor, axis, place, 1);
  return { ...one, axes: one.axes.filter((_, k) => k !== axis) };
}

/** Throws where sequences of the batch would be mixed with other axes. */
export function reshaped(make: Expressions, tensor: Tensor, shape: readonly number[]): Tensor {
  const before = tensor.axes;
  const [from, to] = [sizeOf(shapeOfTensor(tensor)), sizeOf(shape)];
  if (from !== to) throw new SizeError(`It has ${from} numbers, and is to be [${shape.join(', ')}].`, from, to);
  const axes: Axis[] = [];
  for (let [k, j] = [0, 0]; k < before.length || j < shape.length; ) {
    // The smallest groups of axes on both sides that have as many places.
    const group = before.slice(k, ++k);
    const sizes = shape.slice(j, ++j);
    for (;;) {
      const [own, wanted] = [sizeOf(group.map(({ size }) => size)), sizeOf(sizes)];
      if (own === wanted) break;
      if (own < wanted) group.push(before[k++]!);
      else sizes.push(shape[j++]!);
    }
    const batch = group.find(({ isBatch }) => isBatch);
    const moving = group.filter(({ size, isBatch }) => size > 1 && !isBatch);
    const place = batch === undefined ? -1 : sizes.indexOf(batch.size);
    if (batch !== undefined && place >= 0 && moving.length === 0) {
      axes.push(...sizes.map((size, at) => ({ size, stride: 0, isBatch: at === place })));
      continue;
    }
    const isMixed = batch !== undefined && batch.size > 1;
    const step = isMixed ? undefined : mergedStride(moving);
    if (step === undefined) return moved(make, tensor, shape);
    const strides = contiguous(sizes).map((each) => each * step);
    axes.push(...sizes.map((size, at) => ({ size, stride: size === 1 ? 0 : strides[at]!, isBatch: false })));
  }
  return { ...tensor, axes };
}

/** Reshaped where the elements do not lie as the new shape wants them: what is there becomes an expression of its own. */
function moved(make: Expressions, tensor: Tensor, shape: readonly number[]): Tensor {
  const batch = tensor.axes.findIndex(({ isBatch, size }) => isBatch && size > 1);
  if (batch >= 0 && !batchIsFirst(tensor, shape)) {
    const text = tensor.axes.map(({ size, isBatch }) => (isBatch ? `batch ${size}` : size)).join(', ');
    throw new PartError(`It makes [${shape.join(', ')}] of [${text}], which mixes the batch with other axes.`);
  }
  return tensorOf(expressionOf(make, tensor), shape, batch >= 0 ? batch : undefined);
}

/** The batch stays where it is in front, so that what is behind can be reshaped for itself. */
function batchIsFirst({ axes }: Tensor, shape: readonly number[]): boolean {
  const at = axes.findIndex(({ isBatch }) => isBatch);
  return (
    at >= 0 &&
    axes.slice(0, at).every(({ size }) => size === 1) &&
    shape[at] === axes[at]!.size &&
    shape.slice(0, at).every((size) => size === 1)
  );
}

/** The stride of axes that are walked as one; undefined where they do not lie one behind the other. */
function mergedStride(axes: readonly Axis[]): number | undefined {
  if (axes.length === 0) return 0;
  for (let k = 0; k + 1 < axes.length; k += 1) if (axes[k]!.stride !== axes[k + 1]!.stride * axes[k + 1]!.size) return undefined;
  return axes.at(-1)!.stride;
}

/** Further axes, and axes of size 1 at as many places as wanted. */
export function expanded(tensor: Tensor, shape: readonly number[], batch: (size: number) => boolean): Tensor {
  const rank = Math.max(shape.length, tensor.axes.length);
  const axes = Array.from({ length: rank }, (_, place): Axis => {
    const own = tensor.axes[place - (rank - tensor.axes.length)] ?? { size: 1, stride: 0, isBatch: false };
    const wanted = shape[place - (rank - shape.length)] ?? 1;
    if (wanted === 1 || own.size === wanted) return own;
    if (own.size !== 1) throw new SizeError(`Sizes of ${own.size} and ${wanted} meet.`, own.size, wanted);
    // Each sequence has the same: no axis is needed.
    return batch(wanted) && place < rank - 1 ? own : { size: wanted, stride: 0, isBatch: own.isBatch };
  });
  return { ...tensor, axes };
}
