// A recurrence over a reversed sequence whose outputs are reversed again is one that runs from the end: no copies, and the form that ONNX has.

import type { AnyNode, Graph, Node, Value } from '../graph.ts';

export function foldReversals(graph: Graph): Graph {
  const producers = new Map<Value, AnyNode>();
  const readers = new Map<Value, AnyNode[]>();
  for (const node of graph.nodes) {
    for (const output of node.outputs) producers.set(output, node);
    for (const input of node.inputs) readers.set(input, [...(readers.get(input) ?? []), node]);
  }
  /** The sequence behind a reversal of the whole axis. */
  const turned = (node: AnyNode | undefined, axis: string): Value | undefined =>
    node?.operation === 'reverse' && node.attributes.axis === axis && node.inputs.length === 1 ? node.inputs[0] : undefined;

  const replaced = new Map<AnyNode, AnyNode>();
  const gone = new Set<AnyNode>();
  for (const node of graph.nodes) {
    if (node.operation !== 'recur') continue;
    const { axis, reverse, scanned, states } = node.attributes;
    const inputs = node.inputs.slice(0, scanned).map((input) => turned(producers.get(input), axis.name));
    const stacked = node.outputs.slice(0, node.outputs.length - states);
    const users = stacked.map((output) => readers.get(output) ?? []);
    const folds =
      scanned > 0 &&
      inputs.every((input) => input !== undefined) &&
      !stacked.some((output) => graph.results.includes(output)) &&
      users.every((each) => each.length === 1 && turned(each[0], axis.name) !== undefined);
    if (!folds) continue;
    for (const [user] of users) gone.add(user!);
    const folded: Node<'recur'> = {
      ...node,
      attributes: { ...node.attributes, reverse: !reverse },
      inputs: [...inputs, ...node.inputs.slice(scanned)],
      outputs: [...users.map(([user]) => user!.outputs[0]!), ...node.outputs.slice(stacked.length)],
    };
    replaced.set(node, folded);
  }
  if (replaced.size === 0) return graph;
  return { ...graph, nodes: graph.nodes.filter((node) => !gone.has(node)).map((node) => replaced.get(node) ?? node) };
}
