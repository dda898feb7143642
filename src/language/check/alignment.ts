// How shapes meet: broadcasting by name, and products.

import type { Alignment, TensorType } from './core.ts';
import { type Dimension, equate, isOpen, isSame, isWrittenAs, numberOf } from './dimensions.ts';

export interface Broadcast {
  readonly shape: readonly Dimension[];
  readonly at: readonly Alignment[];
}

/** The dimensions of each operand found, in order, in those of the longest; undefined where that cannot be. Names are compared as they
 *  are written first, so that `[S]` finds S in `[S, A]` also where both are 64; then by what they are bound to. */
export function broadcast(shapes: readonly (readonly Dimension[])[]): Broadcast | undefined {
  let result: readonly Dimension[] = [];
  for (const shape of shapes) {
    const merged = merge(result, shape);
    if (merged === undefined) return undefined;
    result = merged;
  }
  const at: Alignment[] = [];
  for (const shape of shapes) {
    const found = align(shape, result);
    if (found === undefined) return undefined;
    at.push(found);
  }
  return { shape: result, at };
}

function merge(a: readonly Dimension[], b: readonly Dimension[]): readonly Dimension[] | undefined {
  const [large, small] = a.length >= b.length ? [a, b] : [b, a];
  if (align(small, large) !== undefined) return large;
  if (large.length === small.length && align(large, small) !== undefined) return small;
  return undefined;
}

function align(small: readonly Dimension[], large: readonly Dimension[]): Alignment | undefined {
  const found = match(small, large, isWrittenAs) ?? match(small, large, isSame);
  if (found !== undefined) return found;
  const offset = large.length - small.length;
  if (offset < 0 || !small.every((dimension, k) => canMeet(dimension, large[offset + k]!))) return undefined;
  const isBound = small.every((dimension, k) => numberOf(dimension) === 1 || equate(dimension, large[offset + k]!));
  return isBound ? small.map((_, k) => offset + k) : undefined;
}

const canMeet = (a: Dimension, b: Dimension): boolean => numberOf(a) === 1 || isSame(a, b) || isOpen(a) || isOpen(b);

/** From the right, each dimension at the next place where it occurs; a length of 1 spreads over whatever stands at its place. */
function match(
  small: readonly Dimension[],
  large: readonly Dimension[],
  same: (a: Dimension, b: Dimension) => boolean,
): Alignment | undefined {
  const at: number[] = [];
  let place = large.length - 1;
  for (let k = small.length - 1; k >= 0; k -= 1) {
    let candidate = place;
    while (candidate >= 0 && !same(small[k]!, large[candidate]!)) candidate -= 1;
    if (candidate >= 0) {
      at.unshift(candidate);
      place = candidate - 1;
    } else if (numberOf(small[k]!) === 1 && place >= 0) {
      at.unshift(-1);
      place -= 1;
    } else return undefined;
  }
  return at;
}

/** The places that `a @ b` contracts, as in NumPy: the last of a with the last but one of b (or b's only one). */
export const contractedPlaces = (a: readonly Dimension[], b: readonly Dimension[]): readonly [number, number] => [
  a.length - 1,
  Math.max(0, b.length - 2),
];

/** Makes shapes equal, dimension by dimension. */
export const unifyShapes = (a: readonly Dimension[], b: readonly Dimension[]): boolean =>
  a.length === b.length && a.every((dimension, k) => equate(dimension, b[k]!));

export const unifyTensors = (a: TensorType, b: TensorType): boolean =>
  unifyShapes(a.shape, b.shape) &&
  (a.classes === undefined) === (b.classes === undefined) &&
  (a.classes === undefined || equate(a.classes, b.classes!));
