// The nodes of a graph and of the bodies inside it (If, Loop, Scan) in one list, with values under names that are unique over all of them.

import type { GraphProto, NodeProto, TensorProto } from '../../onnx/proto.ts';

export interface FlatNode {
  readonly node: NodeProto;
  /** Unique names; '' where an optional input is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly bodies: readonly FlatBody[];
}

export interface FlatBody {
  readonly attribute: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export interface FlatGraph {
  readonly nodes: readonly FlatNode[];
  readonly initializers: ReadonlyMap<string, TensorProto>;
}

/** Bodies deeper than this are left out. */
const deepest = 100;

/** Values of the outermost graph keep their names. */
export function flatten(graph: GraphProto): FlatGraph {
  const nodes: FlatNode[] = [];
  const initializers = new Map<string, TensorProto>();
  let scopes = 0;

  const enter = (inner: GraphProto, outer: (name: string) => string, depth: number): FlatBody => {
    const scope = scopes++;
    const own = new Map<string, string>();
    const define = (name: string): string => {
      const key = scope === 0 ? name : `${scope}\u0000${name}`;
      own.set(name, key);
      return key;
    };
    const resolve = (name: string): string => (name === '' ? '' : (own.get(name) ?? outer(name)));
    for (const initializer of inner.initializer) initializers.set(define(initializer.name ?? ''), initializer);
    const inputs = inner.input.map(({ name }) => define(name));
    for (const node of inner.node) for (const output of node.output) if (output !== '') define(output);
    for (const node of inner.node) {
      const graphs = depth >= deepest ? [] : node.attribute.flatMap(({ name, g }) => (g === undefined ? [] : [{ name, g }]));
      const bodies = graphs.map(({ name, g }) => ({ ...enter(g, resolve, depth + 1), attribute: name }));
      nodes.push({ node, inputs: node.input.map(resolve), outputs: node.output.map(resolve), bodies });
    }
    return { attribute: '', inputs, outputs: inner.output.map(({ name }) => resolve(name)) };
  };
  enter(graph, (name) => name, 0);
  return { nodes, initializers };
}

/** Nodes after what they read; those on a cycle are left out. `depends` names what a node reads. */
export function inOrder(nodes: readonly FlatNode[], depends: (node: FlatNode) => readonly string[]): FlatNode[] {
  const makers = new Map<string, number>();
  nodes.forEach((node, k) => {
    for (const output of node.outputs) if (output !== '') makers.set(output, k);
  });
  const waits = nodes.map((node) => new Set(depends(node).flatMap((name) => makers.get(name) ?? [])));
  const readers = nodes.map((): number[] => []);
  waits.forEach((made, k) => {
    for (const maker of made) readers[maker]!.push(k);
  });
  const missing = waits.map((made) => made.size);
  const ready = missing.flatMap((count, k) => (count === 0 ? [k] : []));
  for (let next = 0; next < ready.length; next++)
    for (const reader of readers[ready[next]!]!) if (--missing[reader]! === 0) ready.push(reader);
  return ready.map((k) => nodes[k]!);
}

/** The LSTM, GRU and RNN operators, and their quantized kin: operands stand in the same places. */
export const isRecurrent = ({ op_type }: NodeProto): boolean => /^(LSTM|GRU|RNN|DynamicQuantizeLSTM)$/.test(op_type);

/** What people call a node: its name, or what it makes. */
export const nodeTitle = (node: NodeProto): string => node.name || node.output.find((name) => name !== '') || node.op_type;
