// Takes into a loop what only combines its stacked outputs: joins of them (and of what it scans), and factors that another loop reads.
// A step's values are still in the cache there, and a value that is joined in the body anyway is stacked as it is.

import { type AnyNode, axisNames, type Graph, hasAxis, type Node, type Operations, type Value } from '../graph.ts';
import { recurParts } from '../recur.ts';
import { elementwise } from './elementwise.ts';
import type { Place } from './levels.ts';
import { Writer } from './writer.ts';

export function pull({ graph }: Place): Graph {
  let result = graph;
  for (let k = 0; k < result.nodes.length; k += 1) {
    const node = result.nodes[k]!;
    if (node.operation === 'recur') result = pullInto(result, node);
  }
  return result;
}

function pullInto(graph: Graph, home: Node<'recur'> & AnyNode): Graph {
  const pulled = candidates(graph, home);
  if (pulled.length === 0) return graph;
  const parts = recurParts(home);
  const { body } = home.attributes;

  const writer = new Writer();
  const inside = new Map<Value, Value>(body.parameters.map((value) => [value, writer.adopt(value)]));
  const numbers = new Map<Value, Operations['constant']>(
    graph.nodes.flatMap((node) => (node.operation === 'constant' ? [[node.outputs[0]!, node.attributes] as const] : [])),
  );
  const find = (value: Value): Value => inside.get(value) ?? writer.one('constant', numbers.get(value)!);
  for (const node of body.nodes) {
    writer.origin = node.origin;
    writer.add(node.operation, node.attributes as never, node.inputs.map(find), node.outputs[0]!.name).forEach((output, k) => {
      inside.set(node.outputs[k]!, output);
    });
  }
  parts.inputs.scanned.forEach((value, k) => {
    for (const { name, source } of namesOf(graph, value)) inside.set(source, name(writer, find(parts.body.scanned[k]!)));
  });
  parts.outputs.stacked.forEach((value, k) => {
    inside.set(value, find(parts.body.outputs[k]!));
  });
  for (const node of pulled) {
    writer.origin = node.origin;
    const made =
      node.operation === 'concat'
        ? joined(writer, node, node.inputs.map(find))
        : writer.add(node.operation, node.attributes as never, node.inputs.map(find))[0]!;
    inside.set(node.outputs[0]!, made);
  }

  // A rename costs nothing: it also stays where it was.
  const gone = new Set<AnyNode>(pulled.filter((node) => node.operation !== 'rename'));
  const read = new Set([...graph.results, ...graph.nodes.filter((node) => !gone.has(node)).flatMap((node) => node.inputs)]);
  const leaving = [...gone].map((node) => node.outputs[0]!).filter((value) => read.has(value));
  const replacement: AnyNode = {
    ...home,
    attributes: {
      ...home.attributes,
      body: writer.graph([...parts.body.outputs.map(find), ...leaving.map(find), ...parts.body.after.map(find)]),
    },
    outputs: [...parts.outputs.stacked, ...leaving, ...parts.outputs.final],
  };
  return { ...graph, nodes: graph.nodes.flatMap((node) => (node === home ? [replacement] : gone.has(node) ? [] : [node])) };
}

/** The join as the body would write it, under the name that it has outside. */
function joined(writer: Writer, node: Node<'concat'>, parts: readonly Value[]): Value {
  const { from, to } = node.attributes;
  const { value, axis } = writer.concat(parts.map((part, k) => ({ value: part, axis: from[k]! })));
  return writer.rename(value, axis.name, to.name);
}

function candidates(graph: Graph, home: Node<'recur'> & AnyNode): AnyNode[] {
  const { axis, scanned } = home.attributes;
  const { outputs } = recurParts(home);
  const made = new Set<Value>(outputs.stacked);
  const given = home.inputs.slice(0, scanned).flatMap((value) => namesOf(graph, value).map(({ source }) => source));
  const near = new Set<Value>([...outputs.stacked, ...given]);
  const results = new Set(graph.results);
  const possible: AnyNode[] = [];
  for (const node of graph.nodes) {
    const [output] = node.outputs;
    const touches = node.inputs.some((input) => made.has(input));
    const fits = node.inputs.every((input) => near.has(input) || isNumber(graph, input));
    if (!touches || !fits || !movable(node, axis.name)) continue;
    possible.push(node);
    made.add(output!);
    near.add(output!);
  }
  // From the last to the first: a factor moves if whatever reads it is a loop, or moves too.
  const chosen = new Set<AnyNode>();
  for (const node of possible.toReversed()) {
    const [output] = node.outputs;
    const readers = graph.nodes.filter((each) => each.inputs.includes(output!));
    const byLoops = readers.every((each) => chosen.has(each) || (each.operation === 'recur' && scans(each, output!)));
    if (
      node.operation === 'concat' ||
      (node.operation === 'rename' && readers.some((each) => chosen.has(each))) ||
      (byLoops && elementwise.has(node.operation) && !results.has(output!))
    )
      chosen.add(node);
  }
  // What a chosen node reads must be at hand inside.
  const kept = new Set<Value>([...outputs.stacked, ...given]);
  return possible.filter((node) => {
    const ready = chosen.has(node) && node.inputs.every((input) => kept.has(input) || isNumber(graph, input));
    if (ready) kept.add(node.outputs[0]!);
    return ready;
  });
}

/** A value and what it was before it was renamed, each with how it is made from the value. */
function namesOf(graph: Graph, value: Value): { readonly source: Value; readonly name: (writer: Writer, value: Value) => Value }[] {
  const node = graph.nodes.find((each) => each.outputs[0] === value);
  const own = { source: value, name: (_: Writer, given: Value) => given };
  if (node?.operation !== 'rename') return [own];
  const { from, to } = node.attributes;
  const before = namesOf(graph, node.inputs[0]!);
  return [
    own,
    ...before.map(({ source, name }) => ({ source, name: (writer: Writer, given: Value) => name(writer, writer.rename(given, to, from)) })),
  ];
}

function movable(node: AnyNode, axis: string): boolean {
  if (node.operation === 'concat') return !node.attributes.from.includes(axis) && node.inputs.every((input) => hasAxis(input, axis));
  if (node.operation === 'rename') return node.attributes.from !== axis && node.attributes.to !== axis;
  return elementwise.has(node.operation) && node.outputs.every((output) => hasAxis(output, axis));
}

function scans(node: Node<'recur'>, value: Value): boolean {
  return node.inputs.every((input, k) => input !== value || k < node.attributes.scanned);
}

const isNumber = (graph: Graph, value: Value): boolean =>
  axisNames(value).length === 0 && graph.nodes.some((node) => node.operation === 'constant' && node.outputs[0] === value);
