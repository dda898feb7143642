// Gives symbolic sizes their numbers: what runs on a GPU is compiled for one T and one B.

import { Builder } from '../builder.ts';
import { type Axis, type Graph, type TensorType, tensor, type Value } from '../graph.ts';
import { GraphError, show } from '../shapes.ts';

export function bindSizes(graph: Graph, sizes: Readonly<Record<string, number>>): Graph {
  const axis = (given: Axis): Axis =>
    typeof given.size === 'string' && sizes[given.size] !== undefined ? { name: given.name, size: sizes[given.size]! } : given;
  const type = (given: TensorType): TensorType => tensor(given.axes.map(axis), given.dtype);

  /** Attributes with each axis bound, at any depth: axes are the only objects with a size. */
  const bound = (attribute: unknown): unknown => {
    if (Array.isArray(attribute)) return attribute.map(bound);
    if (typeof attribute !== 'object' || attribute === null) return attribute;
    if ('nodes' in attribute) return walk(attribute as Graph);
    if ('size' in attribute) return axis(attribute as Axis);
    return Object.fromEntries(Object.entries(attribute).map(([name, value]) => [name, bound(value)]));
  };

  const walk = (each: Graph): Graph => {
    const builder = new Builder();
    const known = new Map<Value, Value>();
    const find = (value: Value): Value => {
      const found = known.get(value);
      if (found === undefined) throw new GraphError(`${show(value)} is used before it is made`);
      return found;
    };
    for (const parameter of each.parameters) known.set(parameter, builder.parameter(type(parameter.type), parameter.name));
    for (const node of each.nodes) {
      builder.origin = node.origin;
      const outputs = builder.add(node.operation, bound(node.attributes) as never, node.inputs.map(find), node.outputs[0]?.name);
      node.outputs.forEach((output, k) => {
        known.set(output, outputs[k]!);
      });
    }
    return builder.graph(each.results.map(find));
  };
  return walk(graph);
}
