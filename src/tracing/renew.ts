// A graph with other axes in the places of its own.

import { type AnyNode, type Axis, type Graph, makeValue, type RecurAttributes, type Value } from '../graph/graph.ts';

export interface Renewed {
  /** The value that stands for one of before; the same where none of its axes changes. */
  renew(value: Value): Value;
  graph(graph: Graph): Graph;
}

/** `axis` gives what stands for each axis; the very same where it stays. */
export function renewed(axis: (axis: Axis) => Axis): Renewed {
  const known = new Map<Value, Value>();
  const renew = (value: Value): Value => {
    let found = known.get(value);
    if (found === undefined) {
      const axes = value.type.axes.map(axis);
      const changes = axes.some((each, k) => each !== value.type.axes[k]);
      found = changes ? makeValue({ ...value.type, axes }, value.name) : value;
      known.set(value, found);
    }
    return found;
  };
  const node = (each: AnyNode): AnyNode =>
    ({ ...each, attributes: attributesOf(each), inputs: each.inputs.map(renew), outputs: each.outputs.map(renew) }) as AnyNode;
  const attributesOf = (each: AnyNode): unknown => {
    if (each.operation === 'recur') {
      const attributes = each.attributes as RecurAttributes;
      return { ...attributes, axis: axis(attributes.axis), body: graph(attributes.body) };
    }
    return Object.fromEntries(Object.entries(each.attributes).map(([key, value]) => [key, attributeOf(value)]));
  };
  const attributeOf = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    if ('axes' in value) return { ...value, axes: (value as { axes: readonly Axis[] }).axes.map(axis) };
    return 'name' in value && 'size' in value ? axis(value as Axis) : value;
  };
  const graph = ({ parameters, nodes, results }: Graph): Graph => ({
    parameters: parameters.map(renew),
    nodes: nodes.map(node),
    results: results.map(renew),
  });
  return { renew, graph };
}
