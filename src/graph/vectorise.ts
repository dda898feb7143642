// Recurrences without the loop: where the states around each step are known, every line of the body is a function of one step's
// values alone, and all steps are computed at once. "Store the states, recompute the lines" rests on it.

import { Builder } from './builder.ts';
import { type AnyNode, type Axis, axisNames, type Graph, hasAxis, type Node, tensor, type Value } from './graph.ts';
import { recurParts } from './recur.ts';
import { GraphError, show } from './shapes.ts';

/** The states of a recurrence, as parameters of the vectorised graph. */
export interface KnownStates {
  /** Before each step, stacked along the axis. */
  readonly before: readonly Value[];
  /** After each step, stacked; where given, outputs that are a state are not computed again. */
  readonly after?: readonly Value[];
  /** After the last step. */
  readonly final: readonly Value[];
}

/** The graph with those recurrences computed for all places at once whose states are known. The known states are parameters behind the others;
 *  the results are as before, in the same order. */
export function vectorise(graph: Graph, known: ReadonlyMap<AnyNode, KnownStates>): Graph {
  const b = new Builder();
  const values = new Map<Value, Value>();
  const find = (value: Value): Value => values.get(value)!;
  for (const parameter of graph.parameters) values.set(parameter, b.adopt(parameter));
  for (const { before, after, final } of known.values()) for (const state of [...before, ...(after ?? []), ...final]) b.adopt(state);
  for (const node of graph.nodes) {
    b.origin = node.origin;
    const inputs = node.inputs.map(find);
    const states = known.get(node);
    const outputs =
      node.operation === 'recur' && states !== undefined
        ? allSteps(b, node, inputs, states)
        : b.add(node.operation, node.attributes as never, inputs, node.outputs[0]?.name);
    node.outputs.forEach((output, k) => {
      values.set(output, outputs[k]!);
    });
  }
  return b.graph(graph.results.map(find));
}

function allSteps(b: Builder, node: Node<'recur'>, inputs: readonly Value[], { before, after, final }: KnownStates): Value[] {
  const { axis, scanned, held, body } = node.attributes;
  const parts = recurParts(node);
  const results = lift(b, { ...body, results: parts.body.outputs }, [...inputs.slice(0, scanned + held), ...before], axis);
  const stacked = parts.body.outputs.map((output, k) => {
    const state = parts.body.after.indexOf(output);
    return after?.[state] ?? along(b, results[k]!, axis);
  });
  return [...stacked, ...final];
}

/** Puts a graph's nodes into b, for inputs of which some have one more axis; gives its results. */
export function lift(b: Builder, graph: Graph, inputs: readonly Value[], axis: Axis): Value[] {
  const values = new Map<Value, Value>(graph.parameters.map((parameter, k) => [parameter, inputs[k]!]));
  const find = (value: Value): Value => {
    const found = values.get(value);
    if (found === undefined) throw new GraphError(`${show(value)} is used before it is made`);
    return found;
  };
  const outside = b.origin;
  for (const node of graph.nodes) {
    b.origin = node.origin ?? outside;
    const outputs = liftNode(b, node, node.inputs.map(find), axis);
    node.outputs.forEach((output, k) => {
      values.set(output, outputs[k]!);
    });
  }
  b.origin = outside;
  return graph.results.map(find);
}

/** One node for inputs of which some have one more axis. */
export function liftNode(b: Builder, node: AnyNode, inputs: readonly Value[], axis: Axis): readonly Value[] {
  if (!inputs.some((input) => hasAxis(input, axis.name))) return b.add(node.operation, node.attributes as never, inputs);
  const all = (): Value[] => inputs.map((input) => along(b, input, axis));
  switch (node.operation) {
    case 'concat':
      return b.add('concat', node.attributes, all());
    case 'reverse':
      return b.add('reverse', node.attributes, all());
    case 'scatterAdd': {
      const [updates, index] = inputs;
      if (!hasAxis(index!, axis.name)) return b.add('scatterAdd', node.attributes, inputs);
      return [b.scatterAdd(along(b, updates!, axis), index!, node.attributes.axis, [...node.attributes.keep, axis.name])];
    }
    case 'recur':
      return liftRecur(b, node, inputs, axis);
    default:
      return b.add(node.operation, node.attributes as never, inputs);
  }
}

/** An inner recurrence runs once, with the axis as one more batch axis of its states. */
function liftRecur(b: Builder, node: Node<'recur'>, inputs: readonly Value[], axis: Axis): readonly Value[] {
  const { scanned, held, states, body } = node.attributes;
  const given = inputs.map((input, k) => (k < scanned + held ? input : along(b, input, axis)));
  const inner = new Builder();
  const parameters = given.map((input, k) => {
    const { type, name } = body.parameters[k]!;
    return inner.parameter(hasAxis(input, axis.name) ? tensor([axis, ...type.axes], type.dtype) : type, name);
  });
  const results = lift(inner, body, parameters, axis);
  const outputs = results.slice(0, results.length - states);
  const next = results.slice(outputs.length).map((state) => along(inner, state, axis));
  return b.recur(given, { ...node.attributes, body: inner.graph([...outputs, ...next]) });
}

/** The value, the same along an axis that it may not have. */
export const along = (b: Builder, value: Value, axis: Axis): Value =>
  axisNames(value).includes(axis.name) ? value : b.broadcast(value, axis);
