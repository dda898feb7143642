// The order of axes at the border of a graph, which is the one place where it has a meaning.

import { type AnyNode, type Axis, type Graph, makeValue, tensor, type Value } from '../graph.ts';

/** The graph with the axes of each result in the order of `orders`; a result that is a parameter stays as it is. */
export function orderResults(graph: Graph, orders: readonly (readonly Axis[])[]): Graph {
  const renewed = new Map<Value, Value>();
  graph.results.forEach((result, k) => {
    const order = orders[k]!;
    const inOrder = result.type.axes.every((axis, place) => axis.name === order[place]!.name);
    if (!inOrder && !graph.parameters.includes(result)) renewed.set(result, makeValue(tensor(order, result.type.dtype), result.name));
  });
  if (renewed.size === 0) return graph;
  const renew = (value: Value): Value => renewed.get(value) ?? value;
  const nodes = graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(renew), outputs: node.outputs.map(renew) }) as AnyNode);
  return { parameters: graph.parameters, nodes, results: graph.results.map(renew) };
}
