// Writes every recurrence of a known length out, step after step: for devices that have no loop.
//
// What the body computes from held values only is computed once. A concatenation joins at most `fanIn` values (WebGPU binds few buffers to
// one kernel), so stacked outputs are joined as a tree. A loop that scans what another has stacked reads the steps as they were made.

import { Builder } from '../builder.ts';
import { type Axis, axisOf, type Graph, type Node, type RecurAttributes, type Value } from '../graph.ts';
import { GraphError, show } from '../shapes.ts';
import { orderResults } from './order.ts';

export interface UnrollOptions {
  /** Most operands of one concat. */
  readonly fanIn: number;
  /** The numbers of symbolic lengths. */
  readonly sizes: Readonly<Record<string, number>>;
}

/** The graph without `recur`. Its axes keep their symbolic sizes; it is one for these lengths all the same. */
export function unroll(graph: Graph, options: UnrollOptions): Graph {
  const builder = new Builder();
  const known = new Map<Value, Value>();
  for (const parameter of graph.parameters) known.set(builder.adopt(parameter), parameter);
  const used = usedValues(graph);
  emit({ builder, options, rows: new Map() }, graph, known, used);
  const unrolled = builder.graph(graph.results.map((value) => find(known, value)));
  return orderResults(
    unrolled,
    graph.results.map((value) => value.type.axes),
  );
}

interface Unrolling {
  readonly builder: Builder;
  readonly options: UnrollOptions;
  /** The steps of stacked outputs, without the axis. */
  readonly rows: Map<Value, { readonly axis: string; readonly values: readonly Value[] }>;
}

/** Adds the graph's nodes, recurrences unrolled; `known` maps its values to those of the builder. */
function emit(unrolling: Unrolling, graph: Graph, known: Map<Value, Value>, used: ReadonlySet<Value>): void {
  const { builder } = unrolling;
  const outside = builder.origin;
  for (const node of graph.nodes) {
    builder.origin = node.origin ?? outside;
    const inputs = node.inputs.map((value) => find(known, value));
    const outputs =
      node.operation === 'recur'
        ? steps(unrolling, node, inputs, used)
        : builder.add(node.operation, node.attributes as never, inputs, node.outputs[0]?.name);
    node.outputs.forEach((output, k) => {
      if (outputs[k] !== undefined) known.set(output, outputs[k]);
    });
  }
  builder.origin = outside;
}

/** The outputs of a recurrence; undefined where nothing reads them. */
function steps(unrolling: Unrolling, node: Node<'recur'>, inputs: readonly Value[], used: ReadonlySet<Value>): (Value | undefined)[] {
  const { builder, options } = unrolling;
  const { axis, reverse, scanned, held, states, body } = node.attributes;
  const size = typeof axis.size === 'number' ? axis.size : options.sizes[axis.size];
  if (size === undefined) throw new GraphError(`the length ${axis.size} of a recurrence is not known`);
  const outputCount = body.results.length - states;
  const bodyUsed = usedValues(body);

  const { once, each } = splitBody(node.attributes);
  const shared = new Map<Value, Value>();
  body.parameters.slice(scanned, scanned + held).forEach((parameter, k) => {
    shared.set(parameter, inputs[scanned + k]!);
  });
  emit(unrolling, once, shared, bodyUsed);

  let state = inputs.slice(scanned + held);
  const rows: Value[][] = Array.from({ length: outputCount }, () => []);
  for (let step = 0; step < size; step++) {
    const t = reverse ? size - 1 - step : step;
    const known = new Map(shared);
    body.parameters.slice(0, scanned).forEach((parameter, k) => {
      known.set(parameter, rowOf(unrolling, inputs[k]!, axis, t));
    });
    body.parameters.slice(scanned + held).forEach((parameter, k) => {
      known.set(parameter, state[k]!);
    });
    emit(unrolling, each, known, bodyUsed);
    const results = body.results.map((value) => find(known, value));
    results.slice(0, outputCount).forEach((value, k) => {
      if (used.has(node.outputs[k]!)) rows[k]![t] = value;
    });
    state = results.slice(outputCount);
  }
  const outputs = rows.map((values) => {
    if (values.length === 0) return undefined;
    const stack = stacked(builder, values, axis, options.fanIn);
    unrolling.rows.set(stack, { axis: axis.name, values });
    return stack;
  });
  return [...outputs, ...state];
}

/** Step t of a scanned value, without its axis. */
function rowOf({ builder, rows }: Unrolling, value: Value, axis: Axis, t: number): Value {
  const known = rows.get(value);
  if (known?.axis === axis.name) return known.values[t]!;
  return builder.gather(value, builder.constant(t, [], 'int'), axis.name);
}

/** Values side by side along a new axis. */
function stacked(builder: Builder, values: readonly Value[], axis: Axis, fanIn: number): Value {
  if (values.length === 1) return builder.broadcast(values[0]!, axis);
  const joined = (parts: readonly Value[], to: Axis): Value =>
    builder.concat(
      parts,
      parts.map(() => axis.name),
      to,
    );
  let parts: readonly Value[] = values.map((value) => builder.broadcast(value, { name: axis.name, size: 1 }));
  while (parts.length > fanIn) {
    const groups = Array.from({ length: Math.ceil(parts.length / fanIn) }, (_, k) => parts.slice(k * fanIn, (k + 1) * fanIn));
    parts = groups.map((group) => {
      const size = group.reduce((sum, part) => sum + Number(axisOf(part, axis.name)!.size), 0);
      return group.length === 1 ? group[0]! : joined(group, { name: axis.name, size });
    });
  }
  return joined(parts, axis);
}

/** The body's nodes that depend on neither step nor state, and the others. */
function splitBody({ scanned, held, body }: RecurAttributes): { once: Graph; each: Graph } {
  const changing = new Set<Value>([...body.parameters.slice(0, scanned), ...body.parameters.slice(scanned + held)]);
  for (const node of body.nodes)
    if (node.inputs.some((input) => changing.has(input))) for (const output of node.outputs) changing.add(output);
  const of = (keep: boolean): Graph => ({ ...body, nodes: body.nodes.filter((node) => changing.has(node.outputs[0]!) === keep) });
  return { once: of(false), each: of(true) };
}

function usedValues(graph: Graph): Set<Value> {
  return new Set([...graph.results, ...graph.nodes.flatMap((node) => node.inputs)]);
}

function find(known: ReadonlyMap<Value, Value>, value: Value): Value {
  const found = known.get(value);
  if (found === undefined) throw new GraphError(`${show(value)} is used before it is made`);
  return found;
}
