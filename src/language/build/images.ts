// The language's functions of images in operations of the graph.

import { type Axis, axisNames } from '../../graph/graph.ts';
import type { TensorType } from '../check/core.ts';
import { type BuiltTensor, freshName, names, present, renamed } from './built.ts';
import { SizeUnknown } from './environment.ts';
import type { Applied } from './functions.ts';

/** Place j is of what is around place stride * j, as far as it lies in the image: of a window of 3 one to each side, of one of 2 itself and the next. */
export function convolve(applied: Applied): BuiltTensor {
  const { b, node, operands, isReserved } = applied;
  const [x, kernel] = operands as [BuiltTensor, BuiltTensor];
  const [stride] = node.numbers as [number];
  const [image, weights] = [present(b, x), present(b, kernel)];
  const taken = new Set([...axisNames(image), ...axisNames(weights)]);
  const fresh = (name: string): string => {
    const found = freshName(name, (each) => taken.has(each) || isReserved(each));
    taken.add(found);
    return found;
  };
  const [channels, ...sides] = x.axes as readonly [Axis, ...Axis[]];
  const [made, , ...offsets] = kernel.axes as readonly [Axis, Axis, ...Axis[]];
  const out = { name: fresh(made.name), size: made.size };
  const windows = sides.map((whole, k) => {
    const offset = { name: fresh(offsets[k]!.name), size: lengthOf(applied, 1, k + 2) };
    const count = Math.ceil(lengthOf(applied, 0, k + 1) / stride);
    return { whole, place: { name: fresh(`${count}`), size: count }, offset, stride, before: Math.floor((offset.size - 1) / 2) };
  });
  const to = [out.name, channels.name, ...windows.map(({ offset }) => offset.name)];
  const value = b.convolve(image, renamed(b, weights, names(kernel.axes), to), [channels.name], windows);
  return { kind: 'tensor', value, axes: [out, ...windows.map(({ place }) => place)] };
}

export const pool =
  (of: 'max' | 'mean') =>
  (applied: Applied): BuiltTensor => {
    const { b, node, operands, isReserved } = applied;
    const [x] = operands as [BuiltTensor];
    const [size] = node.numbers as [number];
    if (size === 1) return x;
    const image = present(b, x);
    const taken = new Set(axisNames(image));
    const windows = node.along.map((place) => {
      const count = Math.ceil(lengthOf(applied, 0, place) / size);
      const name = freshName(`${count}`, (each) => taken.has(each) || isReserved(each));
      taken.add(name);
      return { from: x.axes[place]!.name, to: { name, size: count }, size };
    });
    const axes = x.axes.map((axis) => windows.find(({ from }) => from === axis.name)?.to ?? axis);
    return { kind: 'tensor', value: b.pool(image, of, windows), axes };
  };

export function places(applied: Applied): BuiltTensor {
  const { b, operands, isReserved } = applied;
  const [f] = operands as [BuiltTensor];
  const image = present(b, f);
  const [channels, height, width] = f.axes as readonly [Axis, Axis, Axis];
  const count = lengthOf(applied, 0, 1) * lengthOf(applied, 0, 2);
  const to = { name: freshName(`${count}`, (each) => isReserved(each) || axisNames(image).includes(each)), size: count };
  return { kind: 'tensor', value: b.merge(image, [height.name, width.name], to), axes: [to, channels] };
}

/** Of an image, which has to be known before anything runs. */
function lengthOf({ node, operands }: Applied, operand: number, place: number): number {
  const { size } = operands[operand]!.axes[place]!;
  if (typeof size === 'number') return size;
  throw new SizeUnknown((node.operands[operand]!.core.type as TensorType).shape[place]!);
}
