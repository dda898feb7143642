// Products of a body in terms of products that it has anyway: the derivative of a sigmoid gate i with candidate g is i g (1 - i), and i g is
// there; that of tanh in o (1 - tanh(c')^2) is o - h' tanh(c'), where h' = o tanh(c').

import { type AnyNode, axisNames, type Graph, type Value } from '../graph.ts';
import { makersOf, type Place, positionsOf, useCounts } from './levels.ts';
import { numberOf } from './simplify.ts';
import { Writer } from './writer.ts';

export function reuseProducts({ graph, of }: Place): Graph {
  if (of === undefined) return graph;
  const makers = makersOf(graph);
  const uses = useCounts(graph);
  const positions = positionsOf(graph);
  const single = (value: Value): boolean => makers.get(value)?.operation === 'mul' && uses.get(value) === 1;
  const absorbed = new Set(graph.nodes.filter((node) => node.operation === 'mul').flatMap((node) => node.inputs.filter(single)));
  const factorsOf = (node: AnyNode): Value[] => node.inputs.flatMap((input) => (single(input) ? factorsOf(makers.get(input)!) : [input]));

  const writer = new Writer();
  const known = new Map<Value, Value>(graph.parameters.map((value) => [value, writer.adopt(value)]));
  const find = (value: Value): Value => known.get(value)!;
  /** Products of two that stand before, by their factors. */
  const products = new Map<string, Value>();
  const key = (a: Value, b: Value): string => [a.id, b.id].sort((x, y) => x - y).join();
  for (const node of graph.nodes.toSorted((a, b) => positions.get(a.outputs[0]!)! - positions.get(b.outputs[0]!)!)) {
    writer.origin = node.origin;
    let outputs: readonly Value[];
    if (node.operation === 'mul' && !absorbed.has(node.outputs[0]!)) {
      outputs = [shorter(writer, factorsOf(node).map(find), (a, b) => products.get(key(a, b)))];
      const [a, b] = node.inputs.map(find);
      if (!products.has(key(a!, b!))) products.set(key(a!, b!), outputs[0]!);
    } else {
      outputs = writer.add(node.operation, node.attributes as never, node.inputs.map(find), node.outputs[0]!.name);
    }
    node.outputs.forEach((output, k) => {
      known.set(output, outputs[k]!);
    });
  }
  return writer.graph(graph.results.map(find));
}

function shorter(writer: Writer, given: readonly Value[], product: (a: Value, b: Value) => Value | undefined): Value {
  let factors = [...given];
  const replace = (gone: readonly Value[], by: Value): void => {
    factors = [...factors.filter((factor) => !gone.includes(factor)), by];
  };
  for (const x of given) {
    for (const bend of given) {
      // x (1 - y^2) = x - (x y) y
      const y = squareComplement(writer, bend);
      const found = y === undefined || x === bend ? undefined : product(x, y);
      if (found === undefined || !factors.includes(x) || !factors.includes(bend)) continue;
      replace([x, bend], writer.one('sub', {}, x, writer.one('mul', {}, found, y!)));
    }
  }
  for (const [j, a] of given.entries()) {
    for (const b of given.slice(j + 1)) {
      const found = product(a, b);
      if (found !== undefined && a !== b && factors.includes(a) && factors.includes(b) && given.length > 2) replace([a, b], found);
    }
  }
  return factors.reduce((whole, factor) => writer.one('mul', {}, whole, factor));
}

/** y, where the value is 1 - y * y with the axes of y. */
function squareComplement(writer: Writer, value: Value): Value | undefined {
  const difference = writer.madeBy(value, 'sub');
  if (difference === undefined || numberOf(writer, difference.inputs[0]!) !== 1) return undefined;
  const square = writer.madeBy(difference.inputs[1]!, 'mul');
  if (square === undefined || square.inputs[0] !== square.inputs[1]) return undefined;
  return axisNames(square.inputs[0]!).length === axisNames(value).length ? square.inputs[0] : undefined;
}
