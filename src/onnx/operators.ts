// What an ONNX model file says of itself, without running it.

import type { ForeignPort } from '../shared/foreign.ts';
import { describeValue } from './file/elements.ts';
import { decodeModel, elementTypes, type GraphProto, type ModelProto, type NodeProto, type TensorProto, type ValueInfo } from './proto.ts';

export interface ModelInfo {
  readonly name: string;
  readonly producer: string;
  readonly producerVersion: string;
  /** The version of the file format. */
  readonly irVersion: number;
  /** The versions of the operator sets by domain; '' is ONNX's own. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly inputs: readonly PortInfo[];
  /** Inputs that need not be given: the file has a value for them. */
  readonly defaults: readonly PortInfo[];
  readonly outputs: readonly PortInfo[];
  /** How often each operator occurs, in bodies and functions too. */
  readonly operators: Readonly<Record<string, number>>;
  /** Model-local functions, `domain.name`. */
  readonly functions: readonly string[];
  /** Elements of all initialisers, and of constants of floats, which some tools write instead. */
  readonly parameters: number;
  readonly bytes: number;
  readonly metadata: Readonly<Record<string, string>>;
}

/** An input or output. */
export type PortInfo = ForeignPort;

/** Throws where the bytes are no ONNX model. */
export const modelInfo = (bytes: Uint8Array): ModelInfo => describeModel(modelOf(bytes), bytes.length);

/** Throws where the bytes are no ONNX model. */
export function modelOf(bytes: Uint8Array): ModelProto {
  let model: ModelProto;
  try {
    model = decodeModel(bytes);
  } catch (error) {
    throw new Error(`This is no ONNX model: ${error instanceof Error ? error.message : String(error)}.`, { cause: error });
  }
  if ((model.graph?.node ?? []).length === 0) throw new Error('This is no ONNX model: it has no nodes.');
  return model;
}

/** Of a model that has a graph, as it was decoded of so many bytes. */
export function describeModel(model: ModelProto, bytes: number): ModelInfo {
  const { graph } = model;
  const held = new Set(graph.initializer.map(({ name }) => name));
  return {
    name: graph.name,
    producer: model.producer_name ?? '',
    producerVersion: model.producer_version ?? '',
    irVersion: model.ir_version,
    opsets: Object.fromEntries(model.opset_import.map(({ domain, version }) => [domain, version])),
    inputs: graph.input.filter(({ name }) => !held.has(name)).map(portInfo),
    // Before version 4 every initialiser had to be an input.
    defaults: model.ir_version < 4 ? [] : graph.input.filter(({ name }) => held.has(name)).map(portInfo),
    outputs: graph.output.map(portInfo),
    operators: operatorsOf(model),
    functions: (model.functions ?? []).map((each) => operatorName(each.domain, each.name)),
    parameters: allGraphs(model)
      .flatMap(({ initializer, node }) => [...initializer, ...node.flatMap(weightConstants)])
      .reduce((sum, { dims }) => sum + countOf(dims), 0),
    bytes,
    metadata: Object.fromEntries((model.metadata_props ?? []).map(({ key, value }) => [key, value])),
  };
}

/** Floats of one axis or more; single numbers are settings. */
const weightConstants = ({ op_type, attribute }: NodeProto): TensorProto[] =>
  op_type !== 'Constant'
    ? []
    : attribute.flatMap(({ name, t }) => (name === 'value' && t !== undefined && isFloat(t) && t.dims.length > 0 ? [t] : []));

/** float, float16, double, bfloat16 by the numbers of TensorProto.DataType. */
const FLOATS = new Set([elementTypes.float32, 10, elementTypes.float64, 16]);
const isFloat = ({ data_type }: TensorProto): boolean => FLOATS.has(data_type ?? 0);

/** How often each operator occurs, those of bodies and functions too, in alphabetical order. */
export function operatorsOf(model: ModelProto): Record<string, number> {
  const counts = new Map<string, number>();
  const nodes = [...allGraphs(model), ...(model.functions ?? [])].flatMap(({ node }) => node);
  for (const { op_type, domain } of nodes) {
    const name = operatorName(domain, op_type);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

const operatorName = (domain: string | undefined, name: string): string =>
  domain === undefined || domain === '' || domain === 'ai.onnx' ? name : `${domain}.${name}`;

/** The main graph, its bodies, and those of functions. */
function allGraphs({ graph, functions = [] }: ModelProto): GraphProto[] {
  const found: GraphProto[] = [];
  const bodiesOf = (nodes: readonly NodeProto[]): GraphProto[] =>
    nodes.flatMap(({ attribute }) => attribute.flatMap(({ g, graphs = [] }) => (g === undefined ? graphs : [g, ...graphs])));
  const waiting = [graph, ...functions.flatMap(({ node }) => bodiesOf(node))];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    found.push(next);
    for (const body of bodiesOf(next.node)) waiting.push(body);
  }
  return found;
}

/** 0 where a size is none. */
const countOf = (dims: readonly number[]): number => (dims.some((dim) => dim < 0) ? 0 : dims.reduce((product, dim) => product * dim, 1));

const portInfo = (value: ValueInfo): PortInfo => ({ name: value.name, ...describeValue(value) });
