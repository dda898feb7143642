// Which element of which input stands where in the initial state of a recurrent operator, and which element of its last state where in
// an output. Every element of an input, and of Y_h and Y_c, has a number; operators that only move elements (Slice, Squeeze, Split,
// Gather, Concat, Transpose, Reshape) are carried out on these numbers. All others end the trail.

import type { NodeProto, TensorProto } from '../../onnx/proto.ts';
import { type FlatGraph, type FlatNode, inOrder, isRecurrent } from './flatten.ts';
import { elementCount as product } from './ports.ts';

/** A tensor of element numbers (`traced`; -1 where an element is not known), or of plain numbers that shapes are computed from. */
export interface Elements {
  readonly dims: readonly number[];
  readonly data: Float64Array;
  readonly traced: boolean;
}

/** Whose elements bear the numbers from `offset` on. */
export interface Source {
  readonly of: { readonly input: string } | { readonly operator: FlatNode; readonly state: 'h' | 'c' };
  readonly dims: readonly number[];
  readonly offset: number;
}

export interface Trail {
  readonly values: ReadonlyMap<string, Elements>;
  readonly sources: readonly Source[];
}

/** Larger tensors are not followed; neither is more than so much in all. */
const limits = { tensor: 1 << 20, all: 1 << 24 };

/** `inputs`: concrete shapes of the graph's inputs. `branch`: which body of every If is followed. One timestep is assumed. */
export function followElements(
  graph: FlatGraph,
  inputs: ReadonlyMap<string, readonly number[]>,
  branch: 'then_branch' | 'else_branch',
): Trail {
  const values = new Map<string, Elements>();
  const sources: Source[] = [];
  let next = 0;
  let budget = limits.all;
  const number = (of: Source['of'], dims: readonly number[]): Elements | undefined => {
    const count = elementCount(dims);
    if (!(count <= limits.tensor) || count === 0) return undefined;
    sources.push({ of, dims, offset: next });
    const data = Float64Array.from({ length: count }, (_, k) => next + k);
    next += count;
    return { dims, data, traced: true };
  };
  const keep = (name: string | undefined, value: Elements | undefined): void => {
    if (name === undefined || name === '' || value === undefined || value.data.length > budget) return;
    budget -= value.data.length;
    values.set(name, value);
  };
  for (const [name, dims] of inputs) keep(name, number({ input: name }, dims));
  for (const [name, tensor] of graph.initializers) if (!values.has(name)) keep(name, numbersOf(tensor));

  const chosen = (node: FlatNode): readonly string[] =>
    node.node.op_type === 'If' ? (node.bodies.find(({ attribute }) => attribute === branch)?.outputs ?? []) : [];
  for (const flat of inOrder(graph.nodes, (node) => [...node.inputs, ...chosen(node)])) {
    const operands = flat.inputs.map((name) => values.get(name));
    if (flat.node.op_type === 'If') {
      chosen(flat).forEach((name, k) => {
        keep(flat.outputs[k], values.get(name));
      });
    } else if (isRecurrent(flat.node)) {
      const dims = stateDims(flat.node, operands);
      const h = dims && number({ operator: flat, state: 'h' }, dims);
      const c = dims && flat.outputs[2] ? number({ operator: flat, state: 'c' }, dims) : undefined;
      keep(flat.outputs[1], h);
      keep(flat.outputs[2], c);
      // The one timestep of Y is Y_h: [T, D, B, H], or [B, T, D, H] with layout 1.
      const batchFirst = intOf(flat.node, 'layout') === 1;
      keep(flat.outputs[0], h && { ...h, dims: batchFirst ? [dims![0]!, 1, dims![1]!, dims![2]!] : [1, ...dims!] });
    } else {
      moved(flat.node, operands).forEach((value, k) => {
        keep(flat.outputs[k], value);
      });
    }
  }
  return { values, sources };
}

/** [D, B, H] of Y_h, or [B, D, H] with layout 1; undefined where the file does not tell. */
function stateDims(node: NodeProto, operands: readonly (Elements | undefined)[]): readonly number[] | undefined {
  const given = operands[5]?.dims ?? operands[6]?.dims;
  if (given?.length === 3) return given;
  const hidden = intOf(node, 'hidden_size');
  if (hidden === undefined || hidden < 1) return undefined;
  const directions = node.attribute.some(({ name, s }) => name === 'direction' && Buffer.from(s ?? []).toString() === 'bidirectional')
    ? 2
    : 1;
  return intOf(node, 'layout') === 1 ? [1, directions, hidden] : [directions, 1, hidden];
}

/** What an operator that moves elements gives; nothing where it is another, or its operands are unknown. */
export function moved(node: NodeProto, operands: readonly (Elements | undefined)[]): readonly (Elements | undefined)[] {
  const [x] = operands;
  const list = (k: number, name: string): readonly number[] | undefined =>
    node.input[k] !== undefined && node.input[k] !== '' ? plain(operands[k]) : intsOf(node, name);
  switch (node.op_type) {
    case 'Constant':
      return [constant(node)];
    case 'Identity':
    case 'Cast':
    case 'CastLike':
    case 'Dropout':
      return [x];
    case 'Shape': {
      const dims = x?.dims.slice(intOf(node, 'start') ?? 0, intOf(node, 'end') ?? x.dims.length);
      return [dims && numbers(dims)];
    }
    case 'Squeeze': {
      if (x === undefined) return [];
      const axes = list(1, 'axes')?.map((axis) => (axis < 0 ? axis + x.dims.length : axis));
      return [
        reshaped(
          x,
          x.dims.filter((dim, k) => (axes === undefined ? dim !== 1 : !axes.includes(k))),
        ),
      ];
    }
    case 'Unsqueeze': {
      const axes = list(1, 'axes');
      if (x === undefined || axes === undefined) return [];
      const rank = x.dims.length + axes.length;
      const added = new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis)));
      const rest = [...x.dims];
      return [
        reshaped(
          x,
          Array.from({ length: Math.min(rank, 16) }, (_, k) => (added.has(k) ? 1 : (rest.shift() ?? 1))),
        ),
      ];
    }
    case 'Reshape': {
      const shape = list(1, 'shape');
      return x === undefined || shape === undefined ? [] : [reshaped(x, inferred(shape, x.dims))];
    }
    case 'Flatten': {
      const axis = intOf(node, 'axis') ?? 1;
      const split = x && (axis < 0 ? axis + x.dims.length : axis);
      return [x && reshaped(x, [elementCount(x.dims.slice(0, split)), elementCount(x.dims.slice(split))])];
    }
    case 'Transpose': {
      if (x === undefined) return [];
      const order = intsOf(node, 'perm') ?? x.dims.map((_, k) => x.dims.length - 1 - k);
      if (order.length !== x.dims.length) return [];
      const dims = order.map((axis) => x.dims[axis] ?? 0);
      return [picked(x, dims, (at) => x.dims.map((_, axis) => at[order.indexOf(axis)] ?? 0))];
    }
    case 'Slice':
      return [x && sliced(node, x, operands)];
    case 'Gather': {
      const indices = operands[1];
      if (x === undefined || indices === undefined || indices.traced) return [];
      const axis = wrapped(intOf(node, 'axis') ?? 0, x.dims.length);
      const rank = indices.dims.length;
      const dims = [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)];
      const strides = stridesOf(indices.dims);
      return [
        picked(x, dims, (at) => {
          const place = strides.reduce((sum, stride, k) => sum + stride * at[axis + k]!, 0);
          return [...at.slice(0, axis), wrapped(indices.data[place]!, x.dims[axis]!), ...at.slice(axis + rank)];
        }),
      ];
    }
    case 'Split': {
      if (x === undefined) return [];
      const axis = wrapped(intOf(node, 'axis') ?? 0, x.dims.length);
      const count = node.output.length;
      const even = Math.ceil((x.dims[axis] ?? 0) / count);
      const parts = list(1, 'split') ?? Array.from({ length: count }, (_, k) => Math.min(even, x.dims[axis]! - k * even));
      let start = 0;
      return parts.map((size) => {
        const from = start;
        start += size;
        return picked(
          x,
          x.dims.map((dim, k) => (k === axis ? size : dim)),
          (at) => at.map((each, k) => (k === axis ? each + from : each)),
        );
      });
    }
    case 'Concat':
      return [joined(operands, intOf(node, 'axis') ?? 0)];
    case 'Expand': {
      const shape = plain(operands[1]);
      if (x === undefined || shape === undefined) return [];
      const rank = Math.max(shape.length, x.dims.length);
      const own = [...Array<number>(rank - x.dims.length).fill(1), ...x.dims];
      const asked = [...Array<number>(rank - shape.length).fill(1), ...shape];
      const dims = own.map((dim, k) => Math.max(dim, asked[k]!));
      return [picked({ ...x, dims: own }, dims, (at) => at.map((each, k) => (own[k] === 1 ? 0 : each)))];
    }
    case 'ConstantOfShape': {
      const shape = plain(x);
      const count = shape === undefined ? 0 : elementCount(shape);
      const fill = node.attribute.find(({ name }) => name === 'value')?.t;
      const value = fill === undefined ? 0 : (numbersOf(fill)?.data[0] ?? Number.NaN);
      return shape === undefined || count > limits.tensor
        ? []
        : [{ dims: shape, data: new Float64Array(count).fill(value), traced: false }];
    }
    case 'Add':
    case 'Sub':
    case 'Mul':
    case 'Div':
    case 'Mod':
      return [arithmetic(node.op_type, x, operands[1])];
    default:
      return [];
  }
}

function sliced(node: NodeProto, x: Elements, operands: readonly (Elements | undefined)[]): Elements | undefined {
  const given = (k: number, name: string): readonly number[] | undefined => {
    if (node.input.length <= 1) return intsOf(node, name);
    return node.input[k] === undefined || node.input[k] === '' ? undefined : plain(operands[k]);
  };
  const [starts, ends] = [given(1, 'starts'), given(2, 'ends')];
  if (starts === undefined || ends === undefined) return undefined;
  if ([3, 4].some((k) => (node.input[k] ?? '') !== '' && operands[k] === undefined)) return undefined;
  const axes = given(3, 'axes') ?? starts.map((_, k) => k);
  const steps = given(4, 'steps') ?? starts.map(() => 1);
  const from = x.dims.map(() => 0);
  const step = x.dims.map(() => 1);
  const dims = [...x.dims];
  for (const [k, given] of axes.entries()) {
    const axis = wrapped(given, x.dims.length);
    const [size, by] = [x.dims[axis], steps[k] ?? 1];
    if (size === undefined || by === 0) return undefined;
    const clamp = (at: number): number => Math.min(Math.max(at < 0 ? at + size : at, by < 0 ? -1 : 0), by < 0 ? size - 1 : size);
    // An end far below zero walks backwards past the first element.
    const [start, end] = [Math.max(clamp(starts[k]!), 0), clamp(ends[k] ?? 0)];
    from[axis] = start;
    step[axis] = by;
    dims[axis] = Math.max(0, Math.ceil((end - start) / by));
  }
  return picked(x, dims, (at) => at.map((each, k) => from[k]! + each * step[k]!));
}

function joined(operands: readonly (Elements | undefined)[], given: number): Elements | undefined {
  const parts = operands.filter((each) => each !== undefined);
  if (parts.length !== operands.length || parts.length === 0) return undefined;
  const axis = wrapped(given, parts[0]!.dims.length);
  const dims = parts[0]!.dims.map((dim, k) => (k === axis ? parts.reduce((sum, part) => sum + (part.dims[k] ?? 0), 0) : dim));
  if (!(elementCount(dims) <= limits.tensor)) return undefined;
  const traced = parts.some((part) => part.traced);
  const data = new Float64Array(elementCount(dims));
  const outer = elementCount(dims.slice(0, axis));
  const widths = parts.map((part) => elementCount(part.dims.slice(axis)));
  if (parts.some((part, k) => widths[k]! * outer !== part.data.length)) return undefined;
  if (widths.reduce((sum, width) => sum + width, 0) * outer !== data.length) return undefined;
  let to = 0;
  for (let row = 0; row < outer; row++)
    parts.forEach((part, k) => {
      const piece = part.data.subarray(row * widths[k]!, (row + 1) * widths[k]!);
      if (traced && !part.traced) data.fill(-1, to, to + piece.length);
      else data.set(piece, to);
      to += piece.length;
    });
  return { dims, data, traced };
}

/** Numbers that shapes are made of. */
function arithmetic(op: string, a: Elements | undefined, b: Elements | undefined): Elements | undefined {
  if (a === undefined || b === undefined || a.traced || b.traced || Math.max(a.data.length, b.data.length) > 64) return undefined;
  const [long, short] = a.data.length >= b.data.length ? [a, b] : [b, a];
  if (short.data.length !== 1 && short.data.length !== long.data.length) return undefined;
  const at = (value: Elements, k: number): number => value.data[value.data.length === 1 ? 0 : k]!;
  const compute = {
    Add: (p: number, q: number) => p + q,
    Sub: (p: number, q: number) => p - q,
    Mul: (p: number, q: number) => p * q,
    // With the sign of the divisor, as of whole numbers.
    Mod: (p: number, q: number) => p - q * Math.floor(p / q),
  }[op];
  const divide = (p: number, q: number): number => Math.trunc(p / q);
  return { dims: long.dims, data: Float64Array.from(long.data, (_, k) => (compute ?? divide)(at(a, k), at(b, k))), traced: false };
}

function picked(x: Elements, dims: readonly number[], place: (at: number[]) => readonly number[]): Elements | undefined {
  const count = elementCount(dims);
  if (!(count >= 0 && count <= limits.tensor)) return undefined;
  const [own, strides] = [stridesOf(dims), stridesOf(x.dims)];
  const data = new Float64Array(count);
  for (let k = 0; k < count; k++) {
    const from = place(own.map((stride, axis) => Math.floor(k / stride) % dims[axis]!));
    data[k] = x.data[from.reduce((sum, at, axis) => sum + at * strides[axis]!, 0)] ?? -1;
  }
  return { dims, data, traced: x.traced };
}

const reshaped = (x: Elements, dims: readonly number[]): Elements | undefined =>
  elementCount(dims) === x.data.length ? { ...x, dims } : undefined;

function inferred(shape: readonly number[], dims: readonly number[]): number[] {
  const kept = shape.map((size, k) => (size === 0 ? (dims[k] ?? 1) : size));
  const known = kept.reduce((product, size) => (size === -1 ? product : product * size), 1);
  return kept.map((size) => (size === -1 ? elementCount(dims) / known : size));
}

function constant(node: NodeProto): Elements | undefined {
  const tensor = node.attribute.find(({ name }) => name === 'value')?.t;
  if (tensor !== undefined) return numbersOf(tensor);
  const single = node.attribute.find(({ name }) => name === 'value_int' || name === 'value_float');
  if (single !== undefined) return { ...numbers([single.i ?? single.f ?? 0]), dims: [] };
  const several = node.attribute.find(({ name }) => name === 'value_ints' || name === 'value_floats');
  return several === undefined ? undefined : numbers(several.name === 'value_ints' ? (several.ints ?? []) : (several.floats ?? []));
}

/** Small tensors of whole or real numbers: what shapes, axes and indices are made of. */
export function numbersOf({ data_type, dims, raw_data, data_location, ...lists }: TensorProto): Elements | undefined {
  const count = elementCount(dims);
  if (!(count <= 4096) || data_location === 1) return undefined;
  const listed = [lists.int64_data, lists.int32_data, lists.float_data, lists.double_data].find(
    (each) => each !== undefined && each.length > 0,
  );
  let data = Float64Array.from(listed ?? []);
  if (listed === undefined && raw_data !== undefined) {
    const width = { 1: 4, 6: 4, 7: 8, 9: 1, 11: 8 }[data_type];
    if (width === undefined || raw_data.byteLength < count * width) return undefined;
    const view = new DataView(raw_data.buffer, raw_data.byteOffset, raw_data.byteLength);
    data = Float64Array.from({ length: count }, (_, k) => {
      if (data_type === 1) return view.getFloat32(4 * k, true);
      if (data_type === 6) return view.getInt32(4 * k, true);
      if (data_type === 7) return Number(view.getBigInt64(8 * k, true));
      return data_type === 9 ? view.getUint8(k) : view.getFloat64(8 * k, true);
    });
  }
  return data.length === count ? { dims, data, traced: false } : undefined;
}

/** NaN where a dimension is none. */
const elementCount = (dims: readonly number[]): number =>
  dims.every((dim) => Number.isSafeInteger(dim) && dim >= 0) ? product(dims) : Number.NaN;

const numbers = (list: readonly number[]): Elements => ({ dims: [list.length], data: Float64Array.from(list), traced: false });
const plain = (value: Elements | undefined): number[] | undefined =>
  value === undefined || value.traced || value.data.length > 64 ? undefined : Array.from(value.data);
const wrapped = (index: number, size: number): number => (index < 0 ? index + size : index);
export const intOf = (node: NodeProto, name: string): number | undefined => node.attribute.find((each) => each.name === name)?.i;
export const intsOf = (node: NodeProto, name: string): readonly number[] | undefined => {
  const found = node.attribute.find((each) => each.name === name);
  return found?.ints !== undefined && found.ints.length > 0 ? found.ints : undefined;
};

export function stridesOf(dims: readonly number[]): number[] {
  const strides = dims.map(() => 1);
  for (let k = dims.length - 2; k >= 0; k--) strides[k] = strides[k + 1]! * dims[k + 1]!;
  return strides;
}
