// From the tensor graph to ONNX: chooses the order of axes in memory and writes the operators.

import { Builder } from '../graph/builder.ts';
import type { AnyNode, Axis, DataType, Graph, Node, Value } from '../graph/graph.ts';
import { lowerContract } from './contract.ts';
import { findFusions } from './fuse.ts';
import { type ElementType, encodeModel, type ModelProto, type ValueInfo } from './proto.ts';
import { decrement, rules, type Surroundings } from './rules.ts';
import { Scope, type Shared } from './scope.ts';
import { valueInfo } from './write.ts';

export interface LowerOptions {
  /** Names of the graph's parameters and results, in their order; they must be distinct. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Sizes that symbolic axes are fixed to. */
  readonly sizes?: Readonly<Record<string, number>>;
  /** May use operators that only onnxruntime has, and that it has for the CPU only (com.microsoft); by default yes. */
  readonly extensions?: boolean;
  /** Asked first for each recurrence: whether it has written it (as an operator of its own). Else it becomes a Scan. */
  readonly recurrence?: (scope: Scope, node: Node<'recur'>) => boolean;
}

/** A tensor at the border of the model: its dims are those of the axes, in that order. */
export interface Port {
  readonly name: string;
  readonly element: ElementType;
  readonly axes: readonly Axis[];
}

export interface Lowered {
  readonly bytes: Uint8Array;
  readonly model: ModelProto;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

const elements: Readonly<Record<DataType, ElementType>> = { float: 'float32', int: 'int32', bool: 'bool' };

/** Tensors cross the border in the order of `value.type.axes`: float as float32, int as int32, bool as bool. */
export function lower(graph: Graph, options: LowerOptions): Lowered {
  const scope = new Scope(sharedOf(options));
  const port = (value: Value, name: string): Port => ({ name, element: elements[value.type.dtype], axes: value.type.axes });
  const inputs = graph.parameters.map((value, k) => port(value, options.inputs[k]!));
  const outputs = graph.results.map((value, k) => port(value, options.outputs[k]!));
  graph.parameters.forEach((value, k) => {
    scope.define(
      value,
      value.type.axes.map((axis) => axis.name),
      inputs[k]!.name,
    );
    value.type.axes.forEach((axis, position) => {
      scope.bindSymbol(axis.size, inputs[k]!.name, position);
    });
  });
  lowerNodes(scope, graph.nodes, graph.results, options.recurrence);
  graph.results.forEach((value, k) => {
    const order = value.type.axes.map((axis) => axis.name);
    const made = scope.need(value, order);
    scope.nodes.push({ op_type: 'Identity', name: outputs[k]!.name, input: [made], output: [outputs[k]!.name], attribute: [] });
  });
  const info = ({ name, element, axes }: Port): ValueInfo =>
    valueInfo(
      name,
      element,
      axes.map((axis) => scope.size(axis)),
    );
  const model: ModelProto = {
    ir_version: 10,
    producer_name: 'unroll',
    opset_import: [{ domain: '', version: 21 }, ...(scope.shared.extensions ? [{ domain: 'com.microsoft', version: 1 }] : [])],
    graph: {
      name: 'graph',
      node: scope.nodes,
      initializer: scope.shared.initializers,
      input: inputs.map(info),
      output: outputs.map(info),
    },
  };
  return { bytes: encodeModel(model), model, inputs, outputs };
}

function sharedOf({ inputs, outputs, sizes = {}, extensions = true }: LowerOptions): Shared {
  const names = new Set<string>([...inputs, ...outputs]);
  let count = 0;
  return {
    initializers: [],
    sizes,
    extensions,
    element: (dtype) => elements[dtype],
    fresh(hint) {
      const stem = hint.replaceAll(/[^A-Za-z0-9_.']/g, '_');
      let name: string;
      do {
        count += 1;
        name = `${stem}_${count}`;
      } while (names.has(name));
      return name;
    },
  };
}

function lowerNodes(
  scope: Scope,
  nodes: readonly AnyNode[],
  results: readonly Value[],
  recurrence: LowerOptions['recurrence'] = () => false,
): void {
  const { products, splits, decrements, absorbed } = findFusions(nodes, results, scope.shared.extensions);
  for (const node of nodes) {
    if (absorbed.has(node)) continue;
    scope.origin = node.origin;
    const fused = products.get(node);
    if (fused !== undefined) {
      const [a, b] = fused.product.inputs;
      lowerContract(scope, a!, b!, fused.product.attributes.over, node.outputs[0]!, fused.epilogue);
      continue;
    }
    const pieces = splits.get(node);
    if (pieces !== undefined) {
      split(scope, pieces);
      continue;
    }
    const row = decrements.get(node);
    if (row !== undefined) {
      decrement(scope, node.inputs[0]!, row, node.outputs[0]!);
      continue;
    }
    if (node.operation === 'recur' && recurrence(scope, node)) continue;
    const rule = rules[node.operation] as (scope: Scope, node: AnyNode, around: Surroundings) => void;
    rule(scope, node, around);
  }
  scope.origin = undefined;
}

function split(scope: Scope, pieces: readonly Node<'slice'>[]): void {
  const [x] = pieces[0]!.inputs;
  const { from } = pieces[0]!.attributes;
  const order = scope.orderOf(x!);
  const sizes = scope.integers(...pieces.map(({ attributes }) => attributes.to.size as number));
  const hints = pieces.map(({ outputs }) => outputs[0]!.name ?? 'piece');
  const names = scope.nodeOf('Split', [scope.need(x!, order), sizes], { axis: order.indexOf(from) }, hints);
  pieces.forEach(({ attributes, outputs }, k) => {
    scope.define(
      outputs[0]!,
      order.map((name) => (name === from ? attributes.to.name : name)),
      names[k]!,
    );
  });
}

const around: Surroundings = {
  expand(scope, build) {
    const builder = new Builder();
    const result = build(builder);
    const inner = builder.graph([result]);
    lowerNodes(scope, inner.nodes, inner.results);
    return result;
  },
  lowerNodes,
};
