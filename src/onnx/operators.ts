// What an ONNX model file says of itself, without running it.

import { decodeModel, elementTypes, type GraphProto, type ModelProto, type TensorProto, type ValueInfo } from './proto.ts';

export interface ModelInfo {
  readonly name: string;
  readonly producer: string;
  /** The versions of the operator sets by domain; '' is ONNX's own. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly inputs: readonly PortInfo[];
  readonly outputs: readonly PortInfo[];
  /** How often each operator occurs, in bodies too. */
  readonly operators: Readonly<Record<string, number>>;
  /** Elements of all initialisers. */
  readonly parameters: number;
  readonly bytes: number;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface PortInfo {
  readonly name: string;
  readonly type: string;
  /** Symbolic dimensions by their names, `?` where one has none; absent where the rank is open. */
  readonly shape?: readonly (number | string)[];
}

/** Throws where the bytes are no ONNX model. */
export function modelInfo(bytes: Uint8Array): ModelInfo {
  let model: ModelProto;
  try {
    model = decodeModel(bytes);
  } catch (error) {
    throw new Error(`This is no ONNX model: ${error instanceof Error ? error.message : String(error)}.`, { cause: error });
  }
  if ((model.graph?.node ?? []).length === 0) throw new Error('This is no ONNX model: it has no nodes.');
  const { graph } = model;
  const held = new Set(graph.initializer.map(({ name }) => name));
  return {
    name: graph.name,
    producer: model.producer_name ?? '',
    opsets: Object.fromEntries(model.opset_import.map(({ domain, version }) => [domain, version])),
    inputs: graph.input.filter(({ name }) => !held.has(name)).map(portInfo),
    outputs: graph.output.map(portInfo),
    operators: operatorsOf(model),
    parameters: allInitializers(graph).reduce((sum, { dims }) => sum + dims.reduce((product, dim) => product * dim, 1), 0),
    bytes: bytes.length,
    metadata: Object.fromEntries((model.metadata_props ?? []).map(({ key, value }) => [key, value])),
  };
}

/** How often each operator occurs, those of bodies too, in alphabetical order. */
export function operatorsOf(model: ModelProto): Record<string, number> {
  const counts = new Map<string, number>();
  for (const graph of allGraphs(model.graph))
    for (const { op_type, domain } of graph.node) {
      const name = domain === undefined || domain === '' ? op_type : `${domain}.${op_type}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function allGraphs(graph: GraphProto): GraphProto[] {
  return [graph, ...graph.node.flatMap((node) => node.attribute.flatMap(({ g }) => (g === undefined ? [] : allGraphs(g))))];
}

const allInitializers = (graph: GraphProto): TensorProto[] => allGraphs(graph).flatMap(({ initializer }) => initializer);

function portInfo({ name, type }: ValueInfo): PortInfo {
  const tensor = type?.tensor_type;
  const element = Object.entries(elementTypes).find(([, number]) => number === tensor?.elem_type)?.[0];
  const shape = tensor?.shape?.dim.map(({ dim_value, dim_param }) => dim_value ?? dim_param ?? '?');
  return { name, type: element ?? `type ${tensor?.elem_type ?? '?'}`, ...(shape === undefined ? {} : { shape }) };
}
