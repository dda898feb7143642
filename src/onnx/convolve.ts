// Convolutions and windows side by side in ONNX's operators.
//
// The gradient for the image is ConvTranspose. The gradient for the kernel is a product of matrices: what each offset sees, side by side (im2col; Chellapilla,
// Puri & Simard 2006), with the cotangent, which on a CPU takes about half the time of a Conv whose kernel is the cotangent.

import { type Axis, axisNames, axisOf, hasAxis, type Node, type Pool, type Value, type Window, type WindowPart } from '../graph/graph.ts';
import { GraphError, show } from '../graph/shapes.ts';
import type { Pattern, Scope } from './scope.ts';

export function lowerConvolve(scope: Scope, { attributes: { over, windows, makes }, inputs, outputs }: Node<'convolve'>): void {
  const [y] = outputs;
  const part = (name: WindowPart): Value => inputs.find((input) => windows.every((window) => hasAxis(input, window[name].name)))!;
  const inner = windows.flatMap(({ whole, place, offset }) => [whole.name, place.name, offset.name]);
  const own = (value: Value): string[] => scope.orderOf(value).filter((name) => !over.includes(name) && !inner.includes(name));
  const spatial = (name: WindowPart): string[][] => windows.map((window) => [window[name].name]);
  const batch = axisNames(inputs[0]!).filter((name) => hasAxis(inputs[1]!, name) && !over.includes(name));
  const sizes = windows.map((window) => sizesOf(scope, window));
  if (makes === 'offset') {
    lowerKernel(scope, { x: part('whole'), places: part('place'), y: y!, over, batch, windows, sizes });
    return;
  }
  const [x, kernel] = makes === 'place' ? [part('whole'), part('offset')] : [part('place'), part('offset')];
  if (batch.length > 0) throw new GraphError(`convolve: the kernel ${show(kernel)} has ${batch.join(', ')} of ${show(x)}`);
  const summed = scope.orderOf(x).filter((name) => over.includes(name));
  const [rows, channels] = [own(x), own(kernel)];
  const image = scope.grouped(x, [rows, summed, ...spatial(makes === 'place' ? 'whole' : 'place')]);
  const weights = makes === 'place' ? [channels, summed] : [summed, channels];
  const attributes = {
    kernel_shape: sizes.map(({ offset }) => offset),
    strides: windows.map(({ stride }) => stride),
    pads: [...windows.map(({ before }) => before), ...sizes.map(({ after }) => Math.max(0, after))],
    ...(makes === 'whole' && sizes.some(({ after }) => after < 0) ? { output_padding: sizes.map(({ after }) => Math.max(0, -after)) } : {}),
  };
  const operands = [image, scope.grouped(kernel, [...weights, ...spatial('offset')])];
  const made = scope.node(makes === 'place' ? 'Conv' : 'ConvTranspose', operands, attributes, y!.name);
  scope.defineGrouped(y!, [rows, channels, ...spatial(makes)], made);
}

interface Sizes extends Readonly<Record<WindowPart, number>> {
  /** How many offsets reach behind the last place; negative where the last places are not seen. */
  readonly after: number;
}

function sizesOf(scope: Scope, window: Window): Sizes {
  const size = (axis: Axis): number => {
    const found = scope.size(axis);
    if (typeof found !== 'number') throw new GraphError(`convolve: the length of ${axis.name} is not known`);
    return found;
  };
  const [whole, place, offset] = [size(window.whole), size(window.place), size(window.offset)];
  const after = (place - 1) * window.stride + offset - window.before - whole;
  const places = Math.floor((whole + window.before + Math.max(0, after) - offset) / window.stride) + 1;
  if (places !== place) throw new GraphError(`convolve: ${window.whole.name} has ${places} places, not ${place}`);
  return { whole, place, offset, after };
}

interface KernelGradient {
  readonly x: Value;
  readonly places: Value;
  readonly y: Value;
  readonly over: Pattern;
  readonly batch: Pattern;
  readonly windows: readonly Window[];
  readonly sizes: readonly Sizes[];
}

function lowerKernel(scope: Scope, { x, places, y, over, batch, windows, sizes }: KernelGradient): void {
  const isInner = (name: string): boolean => windows.some(({ whole, place }) => whole.name === name || place.name === name);
  const own = (value: Value): string[] =>
    scope.orderOf(value).filter((name) => !over.includes(name) && !batch.includes(name) && !isInner(name));
  const rows = scope.orderOf(x).filter((name) => over.includes(name));
  const [inputs, outputs] = [own(x), own(places)];
  const before = batch.map((name) => [name]);
  const image = scope.grouped(x, [...before, rows, inputs, ...windows.map(({ whole }) => [whole.name])]);
  const spatial = windows.map((_, k) => before.length + 2 + k);
  const axes = scope.integers(...spatial);
  // All axes are told: around a Conv, the runtime moves them, and would compute those of an input on the CPU.
  const outer = [...before, rows, inputs].map(() => 0);
  const ends = sizes.map(({ after }) => Math.max(0, after));
  const pads = scope.integers(...outer, ...windows.map((window) => window.before), ...outer, ...ends);
  const padded = scope.node('Pad', [image, pads]);
  const steps = scope.integers(...windows.map(({ stride }) => stride));
  const seen = offsetsOf(sizes).map((offset) => {
    const last = offset.map((start, k) => start + (sizes[k]!.place - 1) * windows[k]!.stride + 1);
    return scope.node('Slice', [padded, scope.integers(...offset), scope.integers(...last), axes, steps]);
  });
  const columns = scope.node('Concat', seen, { axis: before.length + 1 });
  // Of the Reshapes: 0 leaves a length as it is.
  const flat = scope.integers(...before.map(() => 0), 0, 0, -1);
  const turned = [...before.map((_, k) => k), before.length, before.length + 2, before.length + 1];
  const right = scope.node('Transpose', [scope.node('Reshape', [columns, flat])], { perm: turned });
  const cotangent = scope.grouped(places, [...before, rows, outputs, ...windows.map(({ place }) => [place.name])]);
  const products = scope.node('MatMul', [scope.node('Reshape', [cotangent, flat]), right]);
  const sum = scope.node('ReduceSum', [products, scope.integers(before.length)], { keepdims: 0 }, y.name);
  scope.defineGrouped(y, [...before, outputs, [...windows.map(({ offset }) => offset.name), ...inputs]], sum);
}

/** All places of a kernel, the last axis fastest. */
function offsetsOf(sizes: readonly Sizes[]): number[][] {
  return sizes.reduce<number[][]>((all, { offset }) => all.flatMap((each) => Array.from({ length: offset }, (_, k) => [...each, k])), [[]]);
}

export function lowerPool(scope: Scope, { attributes: { windows, of }, inputs: [x], outputs }: Node<'pool'>): void {
  const { image, groups } = asImages(scope, x!, windows);
  const ends = windows.map(({ from, to, size }) => {
    const [length, places] = [scope.size(axisOf(x!, from)!), scope.size(to)];
    if (typeof length !== 'number' || typeof places !== 'number')
      throw new GraphError(`pool of ${show(x!)}: the length of ${from} is not known`);
    return places * size - length;
  });
  const lengths = windows.map(({ size }) => size);
  const attributes = { kernel_shape: lengths, strides: lengths, pads: [...windows.map(() => 0), ...ends] };
  const operator = of === 'max' ? 'MaxPool' : 'AveragePool';
  scope.defineGrouped(outputs[0]!, groups, scope.node(operator, [image], attributes, outputs[0]!.name));
}

export function lowerUnpool(scope: Scope, { attributes: { windows }, inputs: [x], outputs }: Node<'unpool'>): void {
  const { image, groups } = asImages(scope, x!, windows);
  const scales = scope.initializer('float32', [windows.length + 2], [1, 1, ...windows.map(({ size }) => size)]);
  const attributes = { mode: 'nearest', nearest_mode: 'floor', coordinate_transformation_mode: 'asymmetric' };
  const whole = scope.node('Resize', [image, '', scales], attributes, outputs[0]!.name);
  const lengths = windows.map(({ to }) => scope.size(to) as number);
  const isCut = windows.some(({ from, size }, k) => Number(scope.size(axisOf(x!, from)!)) * size !== lengths[k]);
  const starts = windows.map(() => 0);
  const cut = (): string =>
    scope.node('Slice', [whole, scope.integers(...starts), scope.integers(...lengths), scope.integers(...windows.map((_, k) => k + 2))]);
  scope.defineGrouped(outputs[0]!, groups, isCut ? cut() : whole);
}

/** The value as [batch, channels, windows...], and the groups of the result's axes. */
function asImages(scope: Scope, x: Value, windows: readonly Pool[]): { readonly image: string; readonly groups: readonly Pattern[] } {
  const rest = scope.orderOf(x).filter((name) => windows.every(({ from }) => from !== name));
  const isOpen = (name: string): boolean => typeof axisOf(x, name)!.size === 'string';
  const [rows, channels] = [rest.filter(isOpen), rest.filter((name) => !isOpen(name))];
  const image = scope.grouped(x, [rows, channels, ...windows.map(({ from }) => [from])]);
  return { image, groups: [rows, channels, ...windows.map(({ to }) => [to.name])] };
}
