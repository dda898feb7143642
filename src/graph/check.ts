// Whether a graph is sound. A pass that gives an unsound one is wrong; tests ask after every pass.

import type { AnyNode, Graph, OperationName, TensorType, Value } from './graph.ts';
import { GraphError, type Rule, sameAxes, show, typeRules } from './shapes.ts';

/** What is wrong, one sentence a fault; nothing for a sound graph: every value is made once and before it is read, has the type that its
 *  operation's rule gives, and bodies read only what they are given. */
export function check(graph: Graph, where = ''): string[] {
  const faults: string[] = [];
  const known = new Set<Value>();
  const fault = (text: string): void => {
    faults.push(where === '' ? text : `${where}: ${text}`);
  };
  const make = (value: Value): void => {
    if (known.has(value)) fault(`${show(value)} is made twice`);
    known.add(value);
    const names = value.type.axes.map((axis) => axis.name);
    if (new Set(names).size < names.length) fault(`${show(value)} has an axis twice`);
  };
  graph.parameters.forEach(make);
  for (const node of graph.nodes) {
    for (const input of node.inputs) if (!known.has(input)) fault(`${node.operation} reads ${show(input)}, which is not made before it`);
    for (const text of checkTypes(node)) fault(text);
    node.outputs.forEach(make);
    if (node.operation === 'recur') faults.push(...check(node.attributes.body, `${where}recur over ${node.attributes.axis.name}`));
  }
  for (const result of graph.results) if (!known.has(result)) fault(`the result ${show(result)} is not made`);
  return faults;
}

function checkTypes(node: AnyNode): string[] {
  const rule = typeRules[node.operation] as Rule<OperationName>;
  let types: readonly TensorType[];
  try {
    types = rule(node.inputs, node.attributes);
  } catch (error) {
    if (error instanceof GraphError) return [`${node.operation}: ${error.message}`];
    throw error;
  }
  if (types.length !== node.outputs.length) return [`${node.operation} has ${node.outputs.length} outputs instead of ${types.length}`];
  return node.outputs.flatMap((output, k) => {
    const type = types[k]!;
    const fits = type.dtype === output.type.dtype && sameAxes(type.axes, output.type.axes);
    return fits ? [] : [`${node.operation} gives ${show({ id: output.id, type })}, not ${show(output)}`];
  });
}
