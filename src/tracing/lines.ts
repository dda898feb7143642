// Lines by what they are in the graph.

import type { Graph, Value } from '../graph/graph.ts';

/** The value that one is a copy of. A model brings a line's axes into the order of its source by adding zero; the line's gradient is that
 *  of the value itself, not of the copy, which nothing reads. */
export function sameNumbers(graph: Graph): (value: Value) => Value {
  const originals = new Map<Value, Value>();
  const zeros = new Set<Value>();
  for (const node of graph.nodes) {
    const [output] = node.outputs;
    if (node.operation === 'constant' && node.attributes.value === 0) zeros.add(output!);
    const [zero, value] = node.inputs;
    const isCopy = node.operation === 'add' && zeros.has(zero!) && value!.type.axes.length === output!.type.axes.length;
    if (isCopy) originals.set(output!, originals.get(value!) ?? value!);
  }
  return (value) => originals.get(value) ?? value;
}
