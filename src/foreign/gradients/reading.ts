// What is read of a node of another's model: attributes, and constants among its inputs.

import { type AttributeProto, elementTypes, type GraphProto, type NodeProto, type TensorProto } from '../../onnx/proto.ts';

const text = new TextDecoder();

export const attributeOf = (node: NodeProto, name: string): AttributeProto | undefined => node.attribute.find((each) => each.name === name);

/** Zero is not always written into a file: an attribute that is there without a number is 0. */
export function intOf(node: NodeProto, name: string, otherwise: number): number {
  const found = attributeOf(node, name);
  return found === undefined ? otherwise : (found.i ?? 0);
}

export function floatOf(node: NodeProto, name: string, otherwise: number): number {
  const found = attributeOf(node, name);
  return found === undefined ? otherwise : (found.f ?? 0);
}

export const intsOf = (node: NodeProto, name: string): readonly number[] | undefined => {
  const found = attributeOf(node, name);
  return found === undefined ? undefined : (found.ints ?? []);
};

export function textOf(node: NodeProto, name: string, otherwise: string): string {
  const found = attributeOf(node, name)?.s;
  return found === undefined ? otherwise : text.decode(found);
}

/** The tensor that a Constant node holds; undefined where it holds none (text, a sparse tensor). */
export function constantOf(node: NodeProto): TensorProto | undefined {
  for (const { name, t, f, i, floats, ints } of node.attribute) {
    if (name === 'value') return t;
    if (name === 'value_float') return { data_type: elementTypes.float32, dims: [], float_data: [f ?? 0] };
    if (name === 'value_int') return { data_type: elementTypes.int64, dims: [], int64_data: [i ?? 0] };
    if (name === 'value_floats') return { data_type: elementTypes.float32, dims: [floats?.length ?? 0], float_data: floats ?? [] };
    if (name === 'value_ints') return { data_type: elementTypes.int64, dims: [ints?.length ?? 0], int64_data: ints ?? [] };
  }
  return undefined;
}

/** The numbers of a small tensor in the model itself; undefined of other types, and of data in other files. */
export function smallNumbers(tensor: TensorProto): readonly number[] | undefined {
  const { raw_data: raw, data_type: type } = tensor;
  if (tensor.data_location === 1) return undefined;
  if (raw === undefined || raw.length === 0)
    return [tensor.float_data, tensor.int32_data, tensor.int64_data, tensor.double_data].find(
      (each) => each !== undefined && each.length > 0,
    );
  if (raw.length > 4096) return undefined;
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const each = (size: number, read: (offset: number) => number): number[] =>
    Array.from({ length: Math.floor(raw.length / size) }, (_, k) => read(k * size));
  if (type === elementTypes.float32) return each(4, (at) => view.getFloat32(at, true));
  if (type === elementTypes.float64) return each(8, (at) => view.getFloat64(at, true));
  if (type === elementTypes.int64) return each(8, (at) => Number(view.getBigInt64(at, true)));
  if (type === elementTypes.int32) return each(4, (at) => view.getInt32(at, true));
  if (type === elementTypes.bool || type === elementTypes.uint8) return [...raw];
  return undefined;
}

const captures = new WeakMap<NodeProto, readonly string[]>();

/** Values that the graphs inside a node (branches, bodies of loops) take from around it. */
export function capturedBy(node: NodeProto): readonly string[] {
  const known = captures.get(node) ?? findCaptured(node);
  captures.set(node, known);
  return known;
}

function findCaptured(node: NodeProto): readonly string[] {
  const captured = new Set<string>();
  const visit = (graph: GraphProto, around: ReadonlySet<string>): void => {
    const own = new Set(around);
    for (const { name } of graph.input) own.add(name);
    for (const { name } of graph.initializer) own.add(name ?? '');
    for (const inner of graph.node) for (const name of inner.output) own.add(name);
    for (const inner of graph.node) {
      for (const name of inner.input) if (name !== '' && !own.has(name)) captured.add(name);
      for (const { g } of inner.attribute) if (g !== undefined) visit(g, own);
    }
    for (const { name } of graph.output) if (!own.has(name)) captured.add(name);
  };
  for (const { g } of node.attribute) if (g !== undefined) visit(g, new Set());
  return [...captured];
}
