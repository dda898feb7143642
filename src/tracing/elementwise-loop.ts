// Elementwise recurrences, step by step in single precision: for states that are cheap once their gates are known.

import type { AnyNode, Graph, Value } from '../graph/graph.ts';

/** out[o + k] from x[a + k] and y[b + k], k < width. */
type Operation = (width: number, out: Float32Array, o: number, x: Float32Array, a: number, y: Float32Array, b: number) => void;

const one =
  (f: (x: number) => number): Operation =>
  (width, out, o, x, a) => {
    for (let k = 0; k < width; k += 1) out[o + k] = f(x[a + k]!);
  };

const two =
  (f: (x: number, y: number) => number): Operation =>
  (width, out, o, x, a, y, b) => {
    for (let k = 0; k < width; k += 1) out[o + k] = f(x[a + k]!, y[b + k]!);
  };

/** The usual three have loops of their own, since a call for each number takes longer than what it computes. */
const operations: Readonly<Partial<Record<AnyNode['operation'], Operation>>> = {
  add: (width, out, o, x, a, y, b) => {
    for (let k = 0; k < width; k += 1) out[o + k] = x[a + k]! + y[b + k]!;
  },
  sub: (width, out, o, x, a, y, b) => {
    for (let k = 0; k < width; k += 1) out[o + k] = x[a + k]! - y[b + k]!;
  },
  mul: (width, out, o, x, a, y, b) => {
    for (let k = 0; k < width; k += 1) out[o + k] = x[a + k]! * y[b + k]!;
  },
  div: two((x, y) => x / y),
  minimum: two(Math.min),
  maximum: two(Math.max),
  neg: one((x) => -x),
  abs: one(Math.abs),
  exp: one(Math.exp),
  log: one(Math.log),
  sqrt: one(Math.sqrt),
  tanh: one(Math.tanh),
  sigmoid: one((x) => 1 / (1 + Math.exp(-x))),
  relu: one((x) => Math.max(x, 0)),
  broadcast: one((x) => x),
};

/** Whether a node is one that the loop computes. */
export const isElementwise = ({ operation, outputs: [output] }: AnyNode): boolean =>
  (operation === 'constant' || operation in operations) && output!.type.dtype === 'float';

/** A state that a graph takes a step further: its parameter for the state before, and the numbers of all states, [T + 1, width]. Those before the
 *  first step are given: they stand first, or last where time goes backwards. */
export interface SteppedState {
  readonly before: Value;
  readonly rows: Float32Array;
}

/** Numbers at a step: from `base`, and further by `stride` with each. */
interface Place {
  readonly data: Float32Array;
  readonly base: number;
  readonly stride: number;
}

/** Fills the states after each step. The graph, all of it elementwise, makes them in order from those before and from `given`: [T, width], or [width]
 *  where it is the same at each step. */
export function elementwiseLoop(
  graph: Graph,
  states: readonly SteppedState[],
  given: ReadonlyMap<Value, Float32Array>,
  { length, reverse }: { readonly length: number; readonly reverse: boolean },
): void {
  const width = states[0]!.rows.length / (length + 1);
  const places = new Map<Value, Place>();
  for (const [value, data] of given) places.set(value, { data, base: 0, stride: data.length === width ? 0 : width });
  for (const { before, rows } of states) places.set(before, { data: rows, base: reverse ? width : 0, stride: width });
  const after = states.map(({ rows }): Place => ({ data: rows, base: reverse ? 0 : width, stride: width }));
  const work: { readonly operate: Operation; readonly out: Place; readonly x: Place; readonly y: Place }[] = [];
  const written = new Set<number>();
  for (const { operation, attributes, inputs, outputs } of graph.nodes) {
    const result = graph.results.indexOf(outputs[0]!);
    const constant = operation === 'constant';
    if (result >= 0 && !constant) written.add(result);
    const out = result >= 0 && !constant ? after[result]! : { data: new Float32Array(width), base: 0, stride: 0 };
    places.set(outputs[0]!, out);
    if (constant) out.data.fill(attributes.value);
    else {
      const [x, y] = inputs.map((input) => places.get(input)!);
      work.push({ operate: operations[operation]!, out, x: x!, y: y ?? x! });
    }
  }
  // A state may be another one, or what it was.
  for (const [k, result] of graph.results.entries()) {
    const x = places.get(result)!;
    if (!written.has(k)) work.push({ operate: operations.broadcast!, out: after[k]!, x, y: x });
  }
  for (let k = 0; k < length; k += 1) {
    const t = reverse ? length - 1 - k : k;
    for (const { operate, out, x, y } of work)
      operate(width, out.data, out.base + t * out.stride, x.data, x.base + t * x.stride, y.data, y.base + t * y.stride);
  }
}
