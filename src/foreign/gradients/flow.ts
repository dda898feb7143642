// Which values of a model a gradient can flow to: what depends on wanted values, up to the parts that are differentiated elsewhere.

import type { ModelProto, NodeProto, TensorProto } from '../../onnx/proto.ts';
import { inputsOf, topological } from './order.ts';
import { constantOf } from './reading.ts';
import { rounding, ruleOf } from './rules/table.ts';
import { elementTypesOf, isFloat, isQuantised } from './types.ts';

export interface Flow {
  readonly model: ModelProto;
  /** In topological order. */
  readonly nodes: readonly NodeProto[];
  readonly types: ReadonlyMap<string, number>;
  /** Initialisers and results of Constant nodes. */
  readonly constants: ReadonlyMap<string, TensorProto>;
  readonly producers: ReadonlyMap<string, NodeProto>;
  /** Every name of a value. */
  readonly values: ReadonlySet<string>;
  /** Whether a value has a gradient by its type: floats, and what a rounding operator made of them. */
  carries(value: string): boolean;
}

/** Throws GradientError where the graph has a cycle. */
export function flowOf(model: ModelProto, typesKnown: ReadonlyMap<string, number> = new Map()): Flow {
  const { graph } = model;
  const nodes = topological(graph);
  const types = elementTypesOf(graph, nodes, typesKnown);
  const constants = new Map<string, TensorProto>();
  for (const tensor of graph.initializer) if (tensor.name !== undefined) constants.set(tensor.name, tensor);
  const producers = new Map<string, NodeProto>();
  const rounded = new Set<string>();
  for (const node of nodes) {
    for (const name of node.output) if (name !== '') producers.set(name, node);
    const tensor = node.op_type === 'Constant' ? constantOf(node) : undefined;
    if (tensor !== undefined) constants.set(node.output[0]!, tensor);
    const carried = rounding.has(node.op_type) || (ruleOf(node) !== 'zero' && node.input.some((name) => rounded.has(name)));
    if (carried) for (const name of node.output) if (isQuantised(types.get(name))) rounded.add(name);
  }
  const carries = (value: string): boolean => isFloat(types.get(value)) || rounded.has(value);
  const values = new Set([...graph.input.map(({ name }) => name), ...constants.keys(), ...producers.keys()]);
  return { model, nodes, types, constants, producers, values, carries };
}

/** The inputs of a node that a gradient could flow to, those that its inner graphs read included; none where it is zero by nature. */
export function sourcesOf({ carries }: Flow, node: NodeProto): readonly string[] {
  return ruleOf(node) === 'zero' ? [] : [...new Set(inputsOf(node))].filter(carries);
}

/** Values that depend on one of `from`, itself included, without passing through a node of `opaque`. */
export function dependents(flow: Flow, from: Iterable<string>, opaque: (node: NodeProto) => boolean): ReadonlySet<string> {
  const reached = new Set(from);
  for (const node of flow.nodes) {
    if (opaque(node) || !sourcesOf(flow, node).some((name) => reached.has(name))) continue;
    for (const name of node.output) if (name !== '' && flow.carries(name)) reached.add(name);
  }
  return reached;
}

/** Values that one of `of` depends on, itself included, without passing through a node of `opaque`. */
export function ancestors(flow: Flow, of: Iterable<string>, opaque: (node: NodeProto) => boolean): ReadonlySet<string> {
  const reached = new Set(of);
  for (const node of flow.nodes.toReversed()) {
    if (opaque(node) || !node.output.some((name) => reached.has(name))) continue;
    for (const name of sourcesOf(flow, node)) reached.add(name);
  }
  return reached;
}
