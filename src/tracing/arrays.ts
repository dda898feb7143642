// Arrays of elements with named axes: windows of them, and other orders of their axes.

import type { Axis } from '../graph/graph.ts';

/** Floats, integers, truth values of 0 and 1. */
export type Elements = Float32Array | Int32Array | Uint8Array;

/** What symbolic sizes are bound to. */
export type Sizes = Readonly<Record<string, number>>;

/** What the length of all of a sequence is called where its own name means that of a window. */
export const wholeOf = (axis: string): string => `all of ${axis}`;

/** An axis with another name than its size is as long as the whole, whatever window of that is meant. */
export const sizesOf = (axes: readonly Axis[], sizes: Sizes): number[] =>
  axes.map(({ name, size }) => {
    if (typeof size === 'number') return size;
    return (name === size ? undefined : sizes[wholeOf(size)]) ?? sizes[size]!;
  });

export const product = (numbers: readonly number[]): number => numbers.reduce((result, each) => result * each, 1);

/** Places from .. to-1 along an axis; the same memory where these stand together. */
export function windowOf(data: Elements, axes: readonly Axis[], sizes: Sizes, name: string, from: number, to: number): Elements {
  const place = axes.findIndex((axis) => axis.name === name);
  if (place < 0) return data;
  const lengths = sizesOf(axes, sizes);
  const length = lengths[place]!;
  const outer = product(lengths.slice(0, place));
  const inner = product(lengths.slice(place + 1));
  if (outer === 1) return data.subarray(from * inner, to * inner);
  const result = new (data.constructor as Float32ArrayConstructor)(outer * (to - from) * inner);
  for (let k = 0; k < outer; k += 1) {
    result.set(data.subarray((k * length + from) * inner, (k * length + to) * inner), k * (to - from) * inner);
  }
  return result;
}

/** The elements with the named axes first, in that order, and the others behind them as they are. */
export function arranged(data: Elements, axes: readonly Axis[], sizes: Sizes, first: readonly string[]): Elements {
  const lengths = sizesOf(axes, sizes);
  const strides = axes.map((_, k) => product(lengths.slice(k + 1)));
  const front = first.map((name) => axes.findIndex((axis) => axis.name === name)).filter((place) => place >= 0);
  const order = [...front, ...axes.keys().filter((place) => !front.includes(place))].filter((place) => lengths[place] !== 1);
  if (order.every((place, k) => k === 0 || place > order[k - 1]!)) return data;
  const result = new (data.constructor as Float32ArrayConstructor)(data.length);
  let at = 0;
  const last = order.length - 1;
  const copy = (depth: number, offset: number): void => {
    const place = order[depth]!;
    const [length, stride] = [lengths[place]!, strides[place]!];
    if (depth < last) for (let k = 0; k < length; k += 1) copy(depth + 1, offset + k * stride);
    else if (stride === 1) {
      result.set(data.subarray(offset, offset + length), at);
      at += length;
    } else for (let from = offset, end = at + length; at < end; at += 1, from += stride) result[at] = data[from]!;
  };
  copy(0, 0);
  return result;
}

/** The elements with axes in this order, the same along those that they do not have. */
export function spread(data: Elements, axes: readonly Axis[], sizes: Sizes, order: readonly Axis[]): Elements {
  const own = order.filter(({ name }) => axes.some((axis) => axis.name === name));
  const ordered = arranged(
    data,
    axes,
    sizes,
    own.map(({ name }) => name),
  );
  if (own.length === order.length) return ordered;
  const lengths = sizesOf(order, sizes);
  const result = new (data.constructor as Float32ArrayConstructor)(product(lengths));
  let at = 0;
  // The place among the axes that it has, row-major.
  const fill = (depth: number, place: number): void => {
    const axis = order[depth];
    if (axis === undefined) {
      result[at] = ordered[place]!;
      at += 1;
      return;
    }
    for (let k = 0; k < lengths[depth]!; k += 1) fill(depth + 1, own.includes(axis) ? place * lengths[depth]! + k : place);
  };
  fill(0, 0);
  return result;
}
