// Takes out of loops what only their stacked outputs need: a line that is a function of the states after the step and of what is scanned is
// computed for all steps at once, behind the loop. The counterpart of hoisting.

import { Builder } from '../builder.ts';
import { type AnyNode, type Graph, hasAxis, type Node, type Value } from '../graph.ts';
import { recurParts } from '../recur.ts';
import { GraphError, show } from '../shapes.ts';
import { liftNode } from '../vectorise.ts';

export function sinkOutputs(graph: Graph): Graph {
  const b = new Builder();
  const known = new Map<Value, Value>();
  const find = (value: Value): Value => {
    const found = known.get(value);
    if (found === undefined) throw new GraphError(`${show(value)} is used before it is made`);
    return found;
  };
  for (const parameter of graph.parameters) known.set(parameter, b.adopt(parameter));
  for (const node of graph.nodes) {
    b.origin = node.origin;
    const inputs = node.inputs.map(find);
    const outputs =
      node.operation === 'recur' ? sunk(b, node, inputs) : b.add(node.operation, node.attributes as never, inputs, node.outputs[0]?.name);
    node.outputs.forEach((output, k) => {
      known.set(output, outputs[k]!);
    });
  }
  return b.graph(graph.results.map(find));
}

/** The recurrence that stacks the states after each step instead of what can be computed from them; gives its outputs as they were. */
function sunk(b: Builder, node: Node<'recur'>, inputs: readonly Value[]): readonly Value[] {
  const { axis, scanned, held, body: graph } = node.attributes;
  const { body } = recurParts(node);
  const given = new Set([...body.scanned, ...body.held, ...body.after]);
  const tails = body.outputs.map((output) => (body.after.includes(output) ? undefined : tailOf(graph.nodes, output, given)));
  const needed = new Set(tails.flatMap((tail) => (tail === undefined ? [] : tail.flatMap((each) => each.inputs))));
  const states = body.after.filter((state) => needed.has(state) && !body.outputs.includes(state));
  const kept = [...body.outputs.filter((_, k) => tails[k] === undefined), ...new Set(states)];
  const outputs = b.recur(inputs, { ...node.attributes, body: { ...graph, results: [...kept, ...body.after] } });

  const origin = b.origin;
  const outside = new Map<Value, Value>();
  graph.parameters.slice(0, scanned + held).forEach((parameter, k) => {
    outside.set(parameter, inputs[k]!);
  });
  kept.forEach((value, k) => {
    outside.set(value, outputs[k]!);
  });
  for (const tail of tails)
    for (const each of tail ?? []) {
      if (outside.has(each.outputs[0]!)) continue;
      b.origin = each.origin ?? origin;
      const made = liftNode(
        b,
        each,
        each.inputs.map((input) => outside.get(input)!),
        axis,
      );
      each.outputs.forEach((output, k) => {
        outside.set(output, made[k]!);
      });
    }
  b.origin = origin;
  const stacked = body.outputs.map((output) => {
    const value = outside.get(output)!;
    return hasAxis(value, axis.name) ? value : b.broadcast(value, axis);
  });
  return [...stacked, ...outputs.slice(kept.length)];
}

/** The nodes that make the output from what is given, in order; undefined where it needs more than that. */
function tailOf(nodes: readonly AnyNode[], output: Value, given: ReadonlySet<Value>): readonly AnyNode[] | undefined {
  const needed = new Set<Value>(given.has(output) ? [] : [output]);
  const tail: AnyNode[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((each) => needed.has(each))) continue;
    tail.push(node);
    for (const each of node.outputs) needed.delete(each);
    for (const input of node.inputs) if (!given.has(input)) needed.add(input);
  }
  return needed.size === 0 ? tail.reverse() : undefined;
}
