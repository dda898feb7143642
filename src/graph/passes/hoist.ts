// Takes out of loops what does not depend on the state: once a sequence what reads held values only, and for all steps at once what
// reads this step's inputs (a product with the weights becomes one over all timesteps).

import { Builder } from '../builder.ts';
import { type AnyNode, type Graph, hasAxis, makeValue, type Node, type Value } from '../graph.ts';
import { recurParts } from '../recur.ts';
import { liftNode } from '../vectorise.ts';
import { elementwise } from './elementwise.ts';
import { type Level, levels, levelsOf, type Place } from './levels.ts';

export function hoist({ graph }: Place): Graph {
  const b = new Builder();
  const known = new Map<Value, Value>();
  for (const parameter of graph.parameters) known.set(parameter, b.adopt(parameter));
  const find = (value: Value): Value => known.get(value)!;
  for (const node of graph.nodes) {
    b.origin = node.origin;
    const inputs = node.inputs.map(find);
    const outputs =
      node.operation === 'recur'
        ? hoistFrom(b, node, inputs)
        : b.add(node.operation, node.attributes as never, inputs, node.outputs[0]!.name);
    node.outputs.forEach((output, k) => {
      known.set(output, outputs[k]!);
    });
  }
  return b.graph(graph.results.map(find));
}

/** Operations that cost nothing: not worth a tensor of their own. */
const free: ReadonlySet<string> = new Set<AnyNode['operation']>(['rename', 'constant', 'broadcast', 'stopGradient', 'iota']);

/** Elementwise nodes whose value at a step is a sequence of its own, read in the loop only: all steps of it would not fit into the cache, and
 *  nothing is saved, since the same numbers are computed either way. */
function bulkyNodes(body: Graph, level: (value: Value) => Level, axis: string): ReadonlySet<AnyNode> {
  const bulky = new Set<AnyNode>();
  const elsewhere = new Set<Value>(body.results.filter((value) => level(value) < levels.state));
  for (const node of body.nodes.toReversed()) {
    const [output] = node.outputs;
    const isSequence = output!.type.axes.some(({ name, size }) => typeof size === 'string' && name !== 'B' && name !== axis);
    if (elementwise.has(node.operation) && level(output!) === levels.step && isSequence && !elsewhere.has(output!)) bulky.add(node);
    else if (level(output!) < levels.state) for (const input of node.inputs) elsewhere.add(input);
  }
  return bulky;
}

function hoistFrom(b: Builder, node: Node<'recur'>, inputs: readonly Value[]): readonly Value[] {
  const { axis, body } = node.attributes;
  const level = levelsOf({ graph: body, of: node });
  const parts = recurParts({ ...node, inputs });
  const outside = new Map<Value, Value>();
  const give = (parameters: readonly Value[], given: readonly Value[]): void => {
    parameters.forEach((parameter, k) => {
      outside.set(parameter, given[k]!);
    });
  };
  give(parts.body.scanned, parts.inputs.scanned);
  give(parts.body.held, parts.inputs.held);
  const makers = new Map<Value, AnyNode>();
  const kept: AnyNode[] = [];
  const outsideOrigin = b.origin;
  const bulky = bulkyNodes(body, level, axis.name);
  for (const each of body.nodes) {
    const early = level(each.outputs[0]!) < levels.state && each.operation !== 'recur' && !bulky.has(each);
    if (!early) {
      kept.push(each);
      continue;
    }
    b.origin = each.origin ?? outsideOrigin;
    const lifted = liftNode(
      b,
      each,
      each.inputs.map((input) => outside.get(input)!),
      axis,
    );
    each.outputs.forEach((output, k) => {
      outside.set(output, lifted[k]!);
      makers.set(output, each);
    });
  }
  b.origin = outsideOrigin;

  // The body again, with parameters for what it still reads of the rest.
  const inner = new Builder();
  const given: { readonly scanned: [Value, Value][]; readonly held: [Value, Value][] } = { scanned: [], held: [] };
  const parameters = new Map<Value, Value>();
  const made = new Map<Value, Value>();
  const read = (value: Value): Value => {
    const known = made.get(value) ?? parameters.get(value);
    if (known !== undefined) return known;
    const maker = makers.get(value);
    if (maker !== undefined && free.has(maker.operation)) {
      const again = inner.add(maker.operation, maker.attributes as never, maker.inputs.map(read), maker.outputs[0]!.name)[0]!;
      made.set(value, again);
      return again;
    }
    const parameter = makeValue(value.type, value.name);
    parameters.set(value, parameter);
    const whole = outside.get(value)!;
    (level(value) === levels.step && hasAxis(whole, axis.name) ? given.scanned : given.held).push([whole, parameter]);
    return parameter;
  };
  for (const state of parts.body.before) made.set(state, state);
  for (const each of kept) {
    inner.origin = each.origin;
    const outputs = inner.add(each.operation, each.attributes as never, each.inputs.map(read), each.outputs[0]!.name);
    each.outputs.forEach((output, k) => {
      made.set(output, outputs[k]!);
    });
  }
  const after = parts.body.after.map(read);
  const stays = parts.body.outputs.map((output) => outside.get(output) === undefined || !hasAxis(outside.get(output)!, axis.name));
  const stacked = parts.body.outputs.filter((_, k) => stays[k]).map(read);
  const scanned = given.scanned.map(([, parameter]) => parameter);
  const held = given.held.map(([, parameter]) => parameter);
  const outputs = b.recur([...given.scanned.map(([whole]) => whole), ...given.held.map(([whole]) => whole), ...parts.inputs.initial], {
    ...node.attributes,
    scanned: scanned.length,
    held: held.length,
    body: { parameters: [...scanned, ...held, ...parts.body.before], nodes: inner.graph([]).nodes, results: [...stacked, ...after] },
  });
  let next = 0;
  const whole = parts.body.outputs.map((output, k) => {
    if (!stays[k]) return outside.get(output)!;
    next += 1;
    return outputs[next - 1]!;
  });
  return [...whole, ...outputs.slice(stacked.length)];
}
