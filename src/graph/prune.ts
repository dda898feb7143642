// Leaves of a graph what its results need.

import type { AnyNode, Graph, Node, Value } from './graph.ts';
import { recurParts } from './recur.ts';

/** The graph with these results, without nodes, parameters, and outputs, states and inputs of recurrences that none of them needs. */
export function select(graph: Graph, results: readonly Value[]): Graph {
  const { nodes, needed } = prune(graph.nodes, results);
  return { parameters: graph.parameters.filter((parameter) => needed.has(parameter)), nodes, results };
}

function prune(nodes: readonly AnyNode[], results: readonly Value[]): { nodes: AnyNode[]; needed: ReadonlySet<Value> } {
  const needed = new Set(results);
  const kept: AnyNode[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((output) => needed.has(output))) continue;
    const smaller = node.operation === 'recur' ? pruneRecur(node, needed) : node;
    for (const input of smaller.inputs) needed.add(input);
    kept.push(smaller);
  }
  return { nodes: kept.reverse(), needed };
}

function pruneRecur(node: Node<'recur'>, needed: ReadonlySet<Value>): Node<'recur'> {
  const { inputs, outputs, body } = recurParts(node);
  const stacked = places(outputs.stacked, (output) => needed.has(output));
  let states = places(outputs.final, (output) => needed.has(output));
  for (;;) {
    const results = [...pick(body.outputs, stacked), ...pick(body.after, states)];
    const inside = prune(node.attributes.body.nodes, results);
    const reached = places(body.before, (before, k) => states.includes(k) || inside.needed.has(before));
    if (reached.length > states.length) {
      states = reached;
      continue;
    }
    const scanned = places(body.scanned, (parameter) => inside.needed.has(parameter));
    const held = places(body.held, (parameter) => inside.needed.has(parameter));
    const parameters = [...pick(body.scanned, scanned), ...pick(body.held, held), ...pick(body.before, states)];
    return {
      ...node,
      attributes: {
        ...node.attributes,
        scanned: scanned.length,
        held: held.length,
        states: states.length,
        body: { parameters, nodes: inside.nodes, results },
      },
      inputs: [...pick(inputs.scanned, scanned), ...pick(inputs.held, held), ...pick(inputs.initial, states)],
      outputs: [...pick(outputs.stacked, stacked), ...pick(outputs.final, states)],
    };
  }
}

const places = (values: readonly Value[], keep: (value: Value, place: number) => boolean): number[] =>
  values.flatMap((value, place) => (keep(value, place) ? [place] : []));

const pick = (values: readonly Value[], places: readonly number[]): Value[] => places.map((place) => values[place]!);
