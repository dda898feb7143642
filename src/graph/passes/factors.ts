// Products regrouped by level: in dh * tanh(c') * (o * (1 - o)) all but dh is free of what the loop carries, so it becomes one factor, which can
// be computed outside, for all steps at once, or where its parts are made.

import type { AnyNode, Graph, Node, Value } from '../graph.ts';
import { type Level, levels, levelsOf, makersOf, type Place, useCounts } from './levels.ts';
import { Writer } from './writer.ts';

export function regroupFactors(place: Place): Graph {
  const { graph, of } = place;
  if (of === undefined) return graph;
  const level = levelsOf(place);
  const uses = useCounts(graph);
  const makers = makersOf(graph);
  const inner = (value: Value): boolean => makers.get(value)?.operation === 'mul' && uses.get(value) === 1;
  const absorbed = new Set(graph.nodes.filter((node) => node.operation === 'mul').flatMap((node) => node.inputs.filter(inner)));
  const factors = (node: AnyNode): Value[] => node.inputs.flatMap((input) => (inner(input) ? factors(makers.get(input)!) : [input]));

  const writer = new Writer();
  const known = new Map<Value, Value>(graph.parameters.map((value) => [value, writer.adopt(value)]));
  const find = (value: Value): Value => known.get(value)!;
  for (const node of graph.nodes) {
    writer.origin = node.origin;
    const root = node.operation === 'mul' && !absorbed.has(node.outputs[0]!);
    const outputs = root
      ? [product(writer, node, factors(node), level, find)]
      : writer.add(node.operation, node.attributes as never, node.inputs.map(find));
    node.outputs.forEach((output, k) => {
      known.set(output, outputs[k]!);
    });
  }
  return writer.graph(graph.results.map(find));
}

function product(
  writer: Writer,
  node: Node<'mul'> & AnyNode,
  factors: readonly Value[],
  level: (value: Value) => Level,
  find: (value: Value) => Value,
): Value {
  const early = factors.filter((value) => level(value) < levels.state).toSorted((a, b) => level(a) - level(b));
  const late = factors.filter((value) => level(value) === levels.state);
  if (factors.length === 2 || early.length === 0 || late.length === 0) return writer.add('mul', {}, node.inputs.map(find))[0]!;
  const times = (values: readonly Value[]): Value => values.map(find).reduce((product, value) => writer.one('mul', {}, product, value));
  return writer.one('mul', {}, times(late), times(early));
}
