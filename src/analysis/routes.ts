// The ways on which a gradient goes back through one step of a recurrence.
//
// Seen from the states before the step, a way begins either with elementwise equations alone (the direct way: an LSTM's cell through its
// forget gate, a GRU's state through z), or with a product, which mixes units (U @ h). Each way gets a copy of the states before of its own, so that one
// derivative gives what comes back on each, and their sum is the whole gradient, exactly. On the way through a product the gradient
// at its result is given too: what is lost before it is lost by gates and saturation, what is lost behind it by the weight.

import { Builder } from '../graph/builder.ts';
import { differentiate } from '../graph/differentiate.ts';
import { type AnyNode, type Graph, makeValue, type OperationName, type Origin, type Value } from '../graph/graph.ts';
import { select } from '../graph/prune.ts';
import type { Elements } from '../tracing/arrays.ts';
import type { SeededTrace } from '../tracing/trace.ts';
import { type Recurrence, stateOrder } from './recurrences.ts';

/** One way back through a step. */
export interface Route {
  /** `direct`: elementwise all the way. */
  readonly kind: 'direct' | 'product';
  /** The weight of the product, by its name in the model: `h.U_f`; absent where it multiplies two values. */
  readonly weight?: string;
  /** The line in which the product stands. */
  readonly origin?: Origin;
}

/** What goes back on one way at each step. */
export interface RouteGradients {
  readonly route: Route;
  /** The gradient at the product's result, [T, B, ...]; absent on the direct way. */
  readonly inside?: Float32Array;
  /** The gradient that reaches each state before the step, [T, B, units], in the recurrence's order. */
  readonly before: readonly Float32Array[];
}

interface RoutesGraph {
  readonly graph: Graph;
  readonly routes: readonly Route[];
  /** By way the copies of the states before; in the order of the states. */
  readonly copies: readonly (readonly Value[])[];
  readonly cotangents: readonly Value[];
  readonly inside: readonly Value[];
}

const graphs = new WeakMap<Recurrence['recur'], RoutesGraph>();

/** Elementwise, or another view of the same numbers: what belongs to the way behind it. */
const TRANSPARENT = new Set<OperationName>([
  'neg',
  'exp',
  'log',
  'sqrt',
  'abs',
  'sigmoid',
  'tanh',
  'relu',
  'gelu',
  'softplus',
  'erf',
  'sin',
  'cos',
  'add',
  'sub',
  'mul',
  'div',
  'pow',
  'minimum',
  'maximum',
  'where',
  'concat',
  'slice',
  'pad',
  'split',
  'merge',
  'rename',
  'broadcast',
]);

/** What goes back on each way at the timesteps from .. to-1, given the gradient that reaches each state after the step from behind it:
 *  `cotangents` are [to - from, B, units] in the recurrence's order. */
export async function routesBack(
  trace: SeededTrace,
  recurrence: Recurrence,
  window: { readonly from: number; readonly to: number },
  cotangents: readonly Float32Array[],
): Promise<RouteGradients[]> {
  const { recur, states } = recurrence;
  const known = graphs.get(recur) ?? routesGraph(trace, recurrence);
  graphs.set(recur, known);
  const { graph, routes, copies, inside } = known;
  const given = new Map<Value, Elements>(known.cotangents.map((value, k) => [value, cotangents[k]!]));
  const read = await Promise.all(states.map(({ before }) => trace.stored(before, window)));
  for (const own of copies) for (const [k, copy] of own.entries()) given.set(copy, read[k]!);
  const order = states.map((state) => stateOrder(recurrence, state));
  const time = recur.node.attributes.axis.name;
  const orders = [...copies.flatMap(() => order), ...inside.map(() => [time, 'B'])];
  const results = (await trace.evaluate(graph, window, given, orders)) as Float32Array[];
  const first = copies.length * states.length;
  return routes.map((route, k): RouteGradients => {
    const own = results.slice(k * states.length, (k + 1) * states.length);
    return route.kind === 'direct' ? { route, before: own } : { route, before: own, inside: results[first + k - 1]! };
  });
}

function routesGraph(trace: SeededTrace, { recur, states }: Recurrence): RoutesGraph {
  const step = trace.cut.recomputed(states.map(({ after }) => after));
  const beginnings = states.map(({ before }) => before);
  const reached = new Set<Value>(beginnings);
  const makers = new Map<Value, AnyNode>();
  for (const node of step.nodes) {
    if (!node.inputs.some((input) => reached.has(input))) continue;
    for (const output of node.outputs) {
      reached.add(output);
      makers.set(output, node);
    }
  }
  const mixing = step.nodes.filter(({ operation, outputs }) => reached.has(outputs[0]!) && !TRANSPARENT.has(operation));
  const b = new Builder();
  for (const parameter of step.parameters) b.adopt(parameter);
  /** Values of the step that no way changes: those that the states before do not reach, and the results of products. */
  const shared = new Map<Value, Value>(step.parameters.filter((parameter) => !reached.has(parameter)).map((each) => [each, each]));
  const copiesOf = (): { readonly copies: readonly Value[]; readonly known: Map<Value, Value> } => {
    const copies = beginnings.map(({ type, name }) => b.parameter(type, name));
    return { copies, known: new Map(beginnings.map((value, k) => [value, copies[k]!])) };
  };
  const rebuilt = (value: Value, known: Map<Value, Value>): Value => {
    const found = shared.get(value) ?? known.get(value);
    if (found !== undefined) return found;
    const node = makers.get(value)!;
    b.origin = node.origin;
    const inputs = node.inputs.map((input) => rebuilt(input, known));
    b.origin = node.origin;
    const outputs = b.add(node.operation, node.attributes as never, inputs, value.name);
    node.outputs.forEach((output, k) => {
      known.set(output, outputs[k]!);
    });
    return known.get(value)!;
  };
  const copies: (readonly Value[])[] = [];
  const share = (node: AnyNode, outputs: readonly Value[]): void => {
    for (const [k, output] of node.outputs.entries()) shared.set(output, outputs[k]!);
  };
  const inside: Value[] = [];
  const routes: Route[] = [];
  const weights = weightNames(trace, step);
  for (const node of step.nodes) {
    if (!reached.has(node.outputs[0]!)) {
      b.origin = node.origin;
      const outputs = b.add(
        node.operation,
        node.attributes as never,
        node.inputs.map((input) => shared.get(input)!),
        node.outputs[0]?.name,
      );
      share(node, outputs);
    } else if (mixing.includes(node)) {
      const way = copiesOf();
      copies.push(way.copies);
      b.origin = node.origin;
      const inputs = node.inputs.map((input) => rebuilt(input, way.known));
      b.origin = node.origin;
      const outputs = b.add(node.operation, node.attributes as never, inputs, node.outputs[0]?.name);
      share(node, outputs);
      inside.push(outputs[0]!);
      const weight = node.inputs.map((input) => weights.get(input)).find((name) => name !== undefined);
      routes.push({
        kind: 'product',
        ...(weight === undefined ? {} : { weight }),
        ...(node.origin === undefined ? {} : { origin: node.origin }),
      });
    }
  }
  const direct = copiesOf();
  const after = step.results.map((value) => rebuilt(value, direct.known));
  b.origin = undefined;
  const cotangents = after.map((value) => makeValue(value.type, 'cotangent'));
  const all = [direct.copies, ...copies];
  const wrt = [...all.flat(), ...inside];
  const derivative = differentiate(
    b.graph(after),
    after.map((value, k) => ({ value, cotangent: cotangents[k]! })),
    wrt,
  );
  const graph = select(derivative.graph, derivative.gradients);
  const time = recur.node.attributes.axis.name;
  const timed = graph.parameters.some(({ type }) => type.axes.some(({ name }) => name === time)) ? [] : [trace.cut.timed];
  return {
    graph: { ...graph, parameters: [...graph.parameters, ...timed] },
    routes: [{ kind: 'direct' }, ...routes],
    copies: all,
    cotangents,
    inside,
  };
}

/** The model's weights, and other views of them, by value. */
function weightNames({ model }: SeededTrace, step: Graph): ReadonlyMap<Value, string> {
  const names = new Map<Value, string>(model.weights.map(({ name, value }) => [value, name]));
  for (const { operation, inputs, outputs } of step.nodes) {
    const [first] = inputs;
    const known = inputs.length === 1 && TRANSPARENT.has(operation) ? names.get(first!) : undefined;
    if (known !== undefined) names.set(outputs[0]!, known);
  }
  return names;
}
