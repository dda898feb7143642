// Computes what counts only where it counts. Rows of different lengths are padded, and the loss of the padding is left out at the end; here it is left out at the
// beginning: what treats each place of the padded axes on its own, and is read where it counts only, is computed for those places, one behind the other.
//
// Of sentences of 5 to 20 words a third of the places are padding, and the scores of the words are the largest product of a model that writes. The number of
// places is known when the graph runs, so this is for runtimes whose sessions serve all sizes.

import { Builder } from '../builder.ts';
import { ancestors } from '../cotangents.ts';
import { type AnyNode, type Axis, axisNames, type Graph, hasAxis, type Node, type Value } from '../graph.ts';
import { isLocal } from '../locality.ts';
import { select } from '../prune.ts';
import { makersOf } from './levels.ts';
import { simplify } from './simplify.ts';

export function packPadded(graph: Graph): Graph {
  if (chosenBy(graph).size === 0) return graph;
  // What reads a mask, or a value under it, reads one and the same.
  let packed = simplify(graph);
  let kept = 0;
  for (;;) {
    packed = select(packed, packed.results);
    const mask = [...chosenBy(packed).keys()][kept];
    if (mask === undefined) return packed;
    const next = packBy(packed, mask);
    if (next === packed) kept += 1;
    packed = next;
  }
}

/** where(mask, x, 0): x counts where the mask holds. */
type Choice = Node<'where'> & AnyNode;

/** By mask: what is chosen by it, of masks that tell padding from the rest. */
function chosenBy(graph: Graph): Map<Value, readonly Choice[]> {
  const maker = makersOf(graph);
  const given = new Set(graph.parameters);
  const tellsPadding = (mask: Value): boolean =>
    conjuncts(maker, mask).some((value) => {
      const node = maker.get(value);
      return node?.operation === 'less' && maker.get(node.inputs[0]!)?.operation === 'iota' && given.has(node.inputs[1]!);
    });
  const isChoice = (node: AnyNode): node is Choice => {
    if (node.operation !== 'where' || !tellsPadding(node.inputs[0]!)) return false;
    const [mask, x, other] = node.inputs;
    const nothing = maker.get(other!);
    return nothing?.operation === 'constant' && nothing.attributes.value === 0 && axisNames(mask!).every((name) => hasAxis(x!, name));
  };
  const choices = graph.nodes.filter(isChoice);
  return Map.groupBy(choices, (node) => node.inputs[0]!);
}

/** The mask, and all that must hold where it does. */
function conjuncts(maker: ReadonlyMap<Value, AnyNode>, mask: Value): Value[] {
  const node = maker.get(mask);
  return [mask, ...(node?.operation === 'and' ? node.inputs.flatMap((input) => conjuncts(maker, input)) : [])];
}

function packBy(graph: Graph, mask: Value): Graph {
  const choices = new Set<AnyNode>(chosenBy(graph).get(mask) ?? []);
  const places = axisNames(mask);
  const region = regionOf(graph, choices, places);
  // Without a product it is not worth the rows that are copied.
  if (![...region].some(({ operation }) => operation === 'contract')) return graph;

  const maker = makersOf(graph);
  const b = new Builder();
  const name = freeName(graph, places.join('*'));
  const axis: Axis = { name, size: name };
  const whole = new Map<Value, Value>(graph.parameters.map((value) => [value, b.adopt(value)]));
  const packed = new Map<Value, Value>();
  const read = (value: Value): Value => {
    if (!places.some((each) => hasAxis(value, each))) return whole.get(value)!;
    let found = packed.get(value);
    if (found === undefined) {
      found = packedFrom(b, value, maker.get(value), whole, mask, axis);
      packed.set(value, found);
    }
    return found;
  };
  const holds = b.constant(1, [axis], 'bool');
  for (const value of conjuncts(maker, mask)) packed.set(value, holds);
  const early = ancestors(graph.nodes, [mask]);
  const isEarly = (node: AnyNode): boolean => node.outputs.some((output) => early.has(output));
  for (const node of [...graph.nodes.filter(isEarly), ...graph.nodes.filter((each) => !isEarly(each))]) {
    b.origin = node.origin;
    if (region.has(node)) {
      packed.set(node.outputs[0]!, b.add(node.operation, node.attributes as never, node.inputs.map(read), node.outputs[0]!.name)[0]!);
      continue;
    }
    const outputs = choices.has(node)
      ? [b.unpack(read(node.inputs[1]!), whole.get(mask)!, name)]
      : b.add(
          node.operation,
          node.attributes as never,
          node.inputs.map((input) => whole.get(input)!),
          node.outputs[0]?.name,
        );
    node.outputs.forEach((output, k) => {
      whole.set(output, outputs[k]!);
    });
  }
  return b.graph(graph.results.map((value) => whole.get(value)!));
}

/** What treats the places one by one and is read under the mask only, the choices themselves not among it. */
function regionOf(graph: Graph, choices: ReadonlySet<AnyNode>, places: readonly string[]): ReadonlySet<AnyNode> {
  const region = new Set<AnyNode>();
  const elsewhere = new Set<Value>(graph.results);
  for (const node of graph.nodes.toReversed()) {
    const [output] = node.outputs;
    const fits =
      node.operation !== 'recur' &&
      node.operation !== 'broadcast' &&
      node.operation !== 'constant' &&
      places.every((name) => hasAxis(output!, name) && isLocal(node, name)) &&
      !elsewhere.has(output!) &&
      !choices.has(node);
    if (fits) region.add(node);
    else for (const [k, input] of node.inputs.entries()) if (!choices.has(node) || k !== 1) elsewhere.add(input);
  }
  return region;
}

/** The packed form of what is computed for all places. */
function packedFrom(
  b: Builder,
  value: Value,
  maker: AnyNode | undefined,
  whole: ReadonlyMap<Value, Value>,
  mask: Value,
  axis: Axis,
): Value {
  const rest = value.type.axes.filter(({ name }) => !hasAxis(mask, name));
  if (maker?.operation === 'constant') return b.constant(maker.attributes.value, [axis, ...rest], value.type.dtype);
  const missing = mask.type.axes.filter(({ name }) => !hasAxis(value, name));
  const spread = missing.reduce((each, lacking) => b.broadcast(each, lacking), whole.get(value)!);
  return b.pack(spread, whole.get(mask)!, axis);
}

/** A name that no axis has. */
function freeName(graph: Graph, stem: string): string {
  const names = new Set([...graph.parameters, ...graph.nodes.flatMap(({ outputs }) => outputs)].flatMap((value) => axisNames(value)));
  let name = stem;
  while (names.has(name)) name += "'";
  return name;
}
