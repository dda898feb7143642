// Writes every recurrence of a known length out, step after step: for devices that have no loop.
//
// What the body computes from held values only is computed once. A concatenation joins at most `fanIn` values (WebGPU binds few buffers to
// one kernel), so stacked outputs are joined as a tree.

import { Builder } from '../builder.ts';
import { type Axis, axisOf, type Graph, type Node, type RecurAttributes, type Value } from '../graph.ts';
import { GraphError, show } from '../shapes.ts';
import { orderResults } from './order.ts';

export interface UnrollOptions {
  /** Most operands of one concat. */
  readonly fanIn: number;
}

/** The graph without `recur`. Every length must be a number (bindSizes). */
export function unroll(graph: Graph, options: UnrollOptions): Graph {
  const builder = new Builder();
  const known = new Map<Value, Value>();
  for (const parameter of graph.parameters) known.set(builder.adopt(parameter), parameter);
  const used = usedValues(graph);
  emit(builder, graph, known, used, options);
  const unrolled = builder.graph(graph.results.map((value) => find(known, value)));
  return orderResults(
    unrolled,
    graph.results.map((value) => value.type.axes),
  );
}

/** Adds the graph's nodes, recurrences unrolled; `known` maps its values to those of the builder. */
function emit(builder: Builder, graph: Graph, known: Map<Value, Value>, used: ReadonlySet<Value>, options: UnrollOptions): void {
  const outside = builder.origin;
  for (const node of graph.nodes) {
    builder.origin = node.origin ?? outside;
    const inputs = node.inputs.map((value) => find(known, value));
    const outputs =
      node.operation === 'recur'
        ? steps(builder, node, inputs, used, options)
        : builder.add(node.operation, node.attributes as never, inputs, node.outputs[0]?.name);
    node.outputs.forEach((output, k) => {
      if (outputs[k] !== undefined) known.set(output, outputs[k]);
    });
  }
  builder.origin = outside;
}

/** The outputs of a recurrence; undefined where nothing reads them. */
function steps(
  builder: Builder,
  node: Node<'recur'>,
  inputs: readonly Value[],
  used: ReadonlySet<Value>,
  options: UnrollOptions,
): (Value | undefined)[] {
  const { axis, reverse, scanned, held, states, body } = node.attributes;
  const { size } = axis;
  if (typeof size !== 'number') throw new GraphError(`the length ${size} of a recurrence is not a number`);
  const stacked = body.results.length - states;
  const bodyUsed = usedValues(body);

  const { once, each } = splitBody(node.attributes);
  const shared = new Map<Value, Value>();
  body.parameters.slice(scanned, scanned + held).forEach((parameter, k) => {
    shared.set(parameter, inputs[scanned + k]!);
  });
  emit(builder, once, shared, bodyUsed, options);

  let state = inputs.slice(scanned + held);
  const rows: Value[][] = Array.from({ length: stacked }, () => []);
  for (let step = 0; step < size; step++) {
    const t = reverse ? size - 1 - step : step;
    const known = new Map(shared);
    body.parameters.slice(0, scanned).forEach((parameter, k) => {
      known.set(parameter, rowOf(builder, inputs[k]!, axis, t));
    });
    body.parameters.slice(scanned + held).forEach((parameter, k) => {
      known.set(parameter, state[k]!);
    });
    emit(builder, each, known, bodyUsed, options);
    const results = body.results.map((value) => find(known, value));
    results.slice(0, stacked).forEach((value, k) => {
      if (used.has(node.outputs[k]!)) rows[k]![t] = builder.broadcast(value, { name: axis.name, size: 1 });
    });
    state = results.slice(stacked);
  }
  return [...rows.map((each) => (each.length === 0 ? undefined : join(builder, each, axis, options.fanIn))), ...state];
}

/** Step t of a scanned value, without its axis. */
function rowOf(builder: Builder, value: Value, axis: Axis, t: number): Value {
  return builder.gather(value, builder.constant(t, [], 'int'), axis.name);
}

function join(builder: Builder, parts: readonly Value[], axis: Axis, fanIn: number): Value {
  if (parts.length === 1) return parts[0]!;
  const joined: Value[] = [];
  for (let start = 0; start < parts.length; start += fanIn) {
    const group = parts.slice(start, start + fanIn);
    const size = group.reduce((sum, part) => sum + Number(axisOf(part, axis.name)!.size), 0);
    joined.push(
      group.length === 1
        ? group[0]!
        : builder.concat(
            group,
            group.map(() => axis.name),
            { name: axis.name, size },
          ),
    );
  }
  return join(builder, joined, axis, fanIn);
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
