// The nodes of a graph in topological order, whatever order the file has them in.

import type { GraphProto, NodeProto } from '../../onnx/proto.ts';
import { capturedBy } from './reading.ts';

/** A node's inputs, those of the graphs inside it included. */
export const inputsOf = (node: NodeProto): readonly string[] => [...node.input.filter((name) => name !== ''), ...capturedBy(node)];

/** Nodes after those that they read; of nodes that are free to be exchanged, the file's order stays. Throws GradientError on a cycle. */
export function topological(graph: GraphProto): readonly NodeProto[] {
  const producer = new Map<string, number>();
  graph.node.forEach((node, k) => {
    for (const name of node.output) if (name !== '') producer.set(name, k);
  });
  const waits = graph.node.map((node) => new Set(inputsOf(node).flatMap((name) => producer.get(name) ?? [])));
  const readers = graph.node.map((): number[] => []);
  waits.forEach((needed, k) => {
    for (const other of needed) readers[other]!.push(k);
  });
  const sorted: NodeProto[] = [];
  const left = waits.map((needed) => needed.size);
  let ready = left.flatMap((count, k) => (count === 0 ? [k] : []));
  while (ready.length > 0) {
    const next: number[] = [];
    for (const k of ready) {
      sorted.push(graph.node[k]!);
      for (const reader of readers[k]!) {
        left[reader]! -= 1;
        if (left[reader] === 0) next.push(reader);
      }
    }
    ready = next;
  }
  if (sorted.length < graph.node.length) {
    const stuck = graph.node[left.findIndex((count) => count > 0)]!;
    throw new GradientError(`The graph has a cycle: node ${stuck.name || stuck.output[0]} (${stuck.op_type}) depends on its own result.`);
  }
  return sorted;
}

/** A fault of a request, or of the model that it is made of; the text says what to change. */
export class GradientError extends Error {
  override name = 'GradientError';
}
