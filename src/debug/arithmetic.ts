// Arithmetic of small tensors, for watches and conditions: elementwise with spreading, reductions along named axes, products, indexing.
// What goes wrong is thrown as `Mistake` with a sentence for the person who wrote the expression.

import { row, scalar, sizeOf, type Tensor } from './tensor.ts';

/** Something in an expression that cannot be computed; the message says what. */
export class Mistake extends Error {}

export const map = (tensor: Tensor, f: (x: number) => number): Tensor => ({
  shape: tensor.shape,
  dimensions: tensor.dimensions,
  data: Float64Array.from(tensor.data, f),
});

/** Elementwise over two tensors. The axes of the smaller are found in the larger, in order, from the right; an axis of 1 spreads. */
export const zip = (a: Tensor, b: Tensor, f: (x: number, y: number) => number, sign: string): Tensor => {
  if (b.shape.length === 0) {
    const y = b.data[0]!;
    return map(a, (x) => f(x, y));
  }
  if (a.shape.length === 0) {
    const x = a.data[0]!;
    return map(b, (y) => f(x, y));
  }
  const [large, small] = a.shape.length >= b.shape.length ? [a, b] : [b, a];
  const shape = [...large.shape];
  const strides = new Array<number>(shape.length).fill(0);
  const ownStrides = new Array<number>(shape.length).fill(0);
  let axis = shape.length - 1;
  let stride = 1;
  for (let k = small.shape.length - 1; k >= 0; k--) {
    const size = small.shape[k]!;
    while (axis >= 0 && shape[axis] !== size && size !== 1 && large.shape[axis] !== 1) axis--;
    if (axis < 0) throw new Mistake(`${shapeText(a)} ${sign} ${shapeText(b)}: their sizes do not fit.`);
    if (size !== 1) {
      shape[axis] = size;
      strides[axis] = stride;
    }
    stride *= size;
    axis--;
  }
  let own = 1;
  for (let k = shape.length - 1; k >= 0; k--) {
    ownStrides[k] = large.shape[k] === 1 ? 0 : own;
    own *= large.shape[k]!;
  }
  const data = new Float64Array(sizeOf(shape));
  const place = new Array<number>(shape.length).fill(0);
  for (let k = 0; k < data.length; k++) {
    let fromSmall = 0;
    let fromLarge = 0;
    for (let j = 0; j < place.length; j++) {
      fromSmall += place[j]! * strides[j]!;
      fromLarge += place[j]! * ownStrides[j]!;
    }
    const x = large.data[fromLarge]!;
    const y = small.data[fromSmall]!;
    data[k] = large === a ? f(x, y) : f(y, x);
    for (let j = place.length - 1; j >= 0; j--) {
      if (++place[j]! < shape[j]!) break;
      place[j] = 0;
    }
  }
  return { shape, dimensions: large.dimensions, data };
};

/** Along the axes named, or all: `f` gets the elements and gives one number. */
export const reduce = (tensor: Tensor, over: readonly string[], f: (values: ArrayLike<number>) => number): Tensor => {
  if (over.length === 0) return scalar(f(tensor.data));
  return over.reduce((reduced, name) => alongAxis(reduced, axisOf(reduced, name), (values) => [f(values)], true), tensor);
};

/** Replaces each line of elements along one axis by others; with `drop` the axis goes. */
export const alongAxis = (tensor: Tensor, axis: number, f: (values: Float64Array) => ArrayLike<number>, drop = false): Tensor => {
  const length = tensor.shape[axis]!;
  const inner = sizeOf(tensor.shape.slice(axis + 1));
  const outer = sizeOf(tensor.shape.slice(0, axis));
  const made: number[][] = [];
  let after = length;
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < inner; i++) {
      const values = Float64Array.from({ length }, (_, k) => tensor.data[(o * length + k) * inner + i]!);
      const results = Array.from(f(values));
      after = results.length;
      made.push(results);
    }
  const data = new Float64Array(outer * after * inner);
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < inner; i++) for (let k = 0; k < after; k++) data[(o * after + k) * inner + i] = made[o * inner + i]![k]!;
  const rest = <T>(items: readonly T[], item: T[]): T[] => [...items.slice(0, axis), ...item, ...items.slice(axis + 1)];
  return {
    shape: rest(tensor.shape, drop ? [] : [after]),
    dimensions: rest(tensor.dimensions, drop ? [] : [after === length ? tensor.dimensions[axis]! : String(after)]),
    data,
  };
};

/** The axis of a name, or the last one where no name is given. */
export const axisOf = (tensor: Tensor, name: string): number => {
  const axis = tensor.dimensions.lastIndexOf(name);
  if (axis < 0) throw new Mistake(`${shapeText(tensor)} has no dimension ${name}.`);
  return axis;
};

/** The matrix product as NumPy has it, of vectors and matrices. */
export const product = (a: Tensor, b: Tensor): Tensor => {
  if (a.shape.length === 0 || b.shape.length === 0) throw new Mistake('@ takes vectors and matrices; numbers are multiplied by *.');
  if (a.shape.length > 2 || b.shape.length > 2) throw new Mistake(`${shapeText(a)} @ ${shapeText(b)}: at most matrices here.`);
  const inner = a.shape.at(-1)!;
  if (inner !== b.shape[0]) throw new Mistake(`${shapeText(a)} @ ${shapeText(b)}: ${inner} meets ${b.shape[0]}.`);
  const rows = a.shape.length === 2 ? a.shape[0]! : 1;
  const columns = b.shape.length === 2 ? b.shape[1]! : 1;
  const data = new Float64Array(rows * columns);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) {
      let sum = 0;
      for (let k = 0; k < inner; k++) sum += a.data[r * inner + k]! * b.data[k * columns + c]!;
      data[r * columns + c] = sum;
    }
  return {
    shape: [...a.shape.slice(0, -1), ...b.shape.slice(1)],
    dimensions: [...a.dimensions.slice(0, -1), ...b.dimensions.slice(1)],
    data,
  };
};

export const transpose = (tensor: Tensor): Tensor => {
  const [rows, columns] = tensor.shape;
  if (rows === undefined || columns === undefined || tensor.shape.length > 2)
    throw new Mistake(`.T turns a matrix, not ${shapeText(tensor)}.`);
  const data = new Float64Array(rows * columns);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) data[c * rows + r] = tensor.data[r * columns + c]!;
  return { shape: [columns, rows], dimensions: tensor.dimensions.toReversed(), data };
};

export const outer = (a: Tensor, b: Tensor): Tensor => ({
  shape: [...a.shape, ...b.shape],
  dimensions: [...a.dimensions, ...b.dimensions],
  data: Float64Array.from(Array.from(a.data).flatMap((x) => Array.from(b.data, (y) => x * y))),
});

/** `[a; b]`: one behind the other along the last axis. */
export const join = (parts: readonly Tensor[]): Tensor => {
  const rows = sizeOf(parts[0]!.shape.slice(0, -1));
  if (parts.some(({ shape }) => shape.length === 0 || sizeOf(shape.slice(0, -1)) !== rows))
    throw new Mistake(`[${parts.map(shapeText).join('; ')}]: only their last dimension may differ.`);
  const widths = parts.map(({ shape }) => shape.at(-1)!);
  const width = widths.reduce((sum, size) => sum + size, 0);
  const data: number[] = [];
  for (let r = 0; r < rows; r++)
    for (const [k, part] of parts.entries()) data.push(...Array.from(part.data).slice(r * widths[k]!, (r + 1) * widths[k]!));
  return { shape: [...parts[0]!.shape.slice(0, -1), width], dimensions: [...parts[0]!.dimensions.slice(0, -1), String(width)], data };
};

/** `[a, b]`: a new first axis. */
export const stack = (parts: readonly Tensor[]): Tensor => {
  const [first] = parts;
  if (!first) return { shape: [0], dimensions: ['0'], data: [] };
  if (parts.some((part) => shapeText(part) !== shapeText(first)))
    throw new Mistake(`[${parts.map(shapeText).join(', ')}]: they must be alike.`);
  return {
    shape: [parts.length, ...first.shape],
    dimensions: [String(parts.length), ...first.dimensions],
    data: parts.flatMap(({ data }) => Array.from(data)),
  };
};

/** Element or row `index` of the first axis; negative from the end. */
export const element = (tensor: Tensor, index: number): Tensor => {
  const size = tensor.shape[0];
  if (size === undefined) throw new Mistake('A number has no elements.');
  const at = index < 0 ? size + index : index;
  if (!Number.isInteger(index) || at < 0 || at >= size)
    throw new Mistake(`There is no element ${index} of ${shapeText(tensor)}: 0 to ${size - 1}.`);
  return row(tensor, at);
};

/** `f[0:3]` along the first axis. */
export const section = (tensor: Tensor, from: number | undefined, to: number | undefined): Tensor => {
  const size = tensor.shape[0];
  if (size === undefined) throw new Mistake('A number has no elements.');
  const bound = (place: number | undefined, otherwise: number): number =>
    place === undefined ? otherwise : Math.min(size, Math.max(0, place < 0 ? size + place : place));
  const [start, end] = [bound(from, 0), bound(to, size)];
  return stackOf(
    tensor,
    Array.from({ length: Math.max(0, end - start) }, (_, k) => start + k),
  );
};

const stackOf = (tensor: Tensor, rows: readonly number[]): Tensor => ({
  ...tensor,
  shape: [rows.length, ...tensor.shape.slice(1)],
  dimensions: [String(rows.length), ...tensor.dimensions.slice(1)],
  data: rows.flatMap((index) => Array.from(row(tensor, index).data)),
});

export const shapeText = ({ shape }: Tensor): string => (shape.length === 0 ? 'a number' : `[${shape.join(', ')}]`);
