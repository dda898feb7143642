// The Jacobian of one step of a recurrence, d (states after) / d (states before), at many timesteps at once.
//
// The states around each step are known, so that a step is a function of one timestep's values alone (tracing/cut.ts). Its derivative from a
// cotangent backwards gets one more axis, along which the cotangents are the unit vectors: all rows of all timesteps are one batched
// evaluation, in which whatever does not depend on the cotangent is computed once.

import { Builder } from '../graph/builder.ts';
import { differentiate } from '../graph/differentiate.ts';
import { type Axis, type Graph, hasAxis, makeValue, tensor, type Value } from '../graph/graph.ts';
import { select } from '../graph/prune.ts';
import { along, lift } from '../graph/vectorise.ts';
import type { Elements } from '../tracing/arrays.ts';
import type { SeededTrace } from '../tracing/trace.ts';
import { type Recurrence, stateOrder } from './recurrences.ts';

/** The axis of the rows. */
export const ROWS = 'rows of the Jacobian';
/** Numbers that one evaluation may give. */
const MOST = 2 ** 23;

/** The derivative of a step, with the axis of the rows. */
export interface JacobianGraph {
  readonly graph: Graph;
  /** For each result of the step the parameter for the unit vectors, [rows, units]: unitVectors fills them. */
  readonly vectors: readonly Value[];
}

/** By the recurrence, with the units that it is for. */
const graphs = new WeakMap<Recurrence['recur'], JacobianGraph & { readonly size: number }>();

/** J of the timesteps from .. to-1: [to - from, B, S, S], rows the units after the step, columns those before; S are the units of all
 *  states in the recurrence's order. */
export async function stepJacobians(trace: SeededTrace, recurrence: Recurrence, from: number, to: number): Promise<Float32Array> {
  const { recur, states, size } = recurrence;
  let known = graphs.get(recur);
  if (known?.size !== size) {
    known = { ...graphOfSteps(trace, recurrence), size };
    graphs.set(recur, known);
  }
  const { graph, vectors } = known;
  const batch = trace.sizes.B!;
  const sizes = states.map((state) => state.size);
  const given = new Map<Value, Elements>(unitVectors(sizes).map((unit, k) => [vectors[k]!, unit]));
  const orders = states.map((state) => {
    const [time, sequence, ...units] = stateOrder(recurrence, state);
    return [time!, sequence!, ROWS, ...units];
  });
  const result = new Float32Array((to - from) * batch * size * size);
  const chunk = Math.max(1, Math.floor(MOST / (batch * size * size)));
  for (let begin = from; begin < to; begin += chunk) {
    const end = Math.min(begin + chunk, to);
    const columns = await trace.evaluate(graph, { from: begin, to: end }, given, orders);
    const whole = result.subarray((begin - from) * batch * size * size, (end - from) * batch * size * size);
    joinColumns(columns as Float32Array[], sizes, whole);
  }
  return result;
}

/** Unit vectors for the results of a step, which have so many units each. */
export function unitVectors(sizes: readonly number[]): Float32Array[] {
  const rows = sizes.reduce((sum, size) => sum + size, 0);
  let start = 0;
  return sizes.map((size) => {
    const unit = new Float32Array(rows * size);
    for (let row = 0; row < size; row += 1) unit[(start + row) * size + row] = 1;
    start += size;
    return unit;
  });
}

/** Columns by state, [.., rows, units], side by side: [.., rows, all units]. */
export function joinColumns(columns: readonly Float32Array[], sizes: readonly number[], into: Float32Array): void {
  const width = sizes.reduce((sum, size) => sum + size, 0);
  let first = 0;
  for (const [k, size] of sizes.entries()) {
    for (let row = 0; row < into.length / width; row += 1)
      into.set(columns[k]!.subarray(row * size, (row + 1) * size), row * width + first);
    first += size;
  }
}

function graphOfSteps(trace: SeededTrace, { recur, states, size }: Recurrence): JacobianGraph {
  const time = recur.node.attributes.axis.name;
  const step = trace.cut.recomputed(states.map(({ after }) => after));
  const { graph, vectors } = jacobianGraph(
    step,
    states.map(({ before }) => before),
    size,
    [time, 'B'],
  );
  // The number of timesteps is read off a parameter.
  const timed = graph.parameters.some((parameter) => hasAxis(parameter, time)) ? [] : [trace.cut.timed];
  return { graph: { ...graph, parameters: [...graph.parameters, ...timed] }, vectors };
}

/** The Jacobian of a graph's results with respect to some of its parameters, of so many units in all, for each place along the outer axes. Its results are the
 *  columns of each parameter, with the axis ROWS. */
export function jacobianGraph(step: Graph, before: readonly Value[], size: number, outer: readonly string[]): JacobianGraph {
  const seeds = step.results.map((value) => ({ value, cotangent: makeValue(value.type, 'cotangent') }));
  const derivative = differentiate(step, seeds, before);
  const backwards = select(derivative.graph, derivative.gradients);
  const rows: Axis = { name: ROWS, size };
  const b = new Builder();
  const vectors = step.results.map((after) => {
    const units = after.type.axes.filter(({ name }) => !outer.includes(name));
    return b.parameter(tensor([rows, ...units]), 'unit vectors');
  });
  const cotangents = new Map(
    seeds.map(({ value, cotangent }, k) => {
      const missing = value.type.axes.filter(({ name }) => !hasAxis(vectors[k]!, name));
      return [cotangent, missing.reduce((wide, axis) => b.broadcast(wide, axis), vectors[k]!)] as const;
    }),
  );
  const inputs = backwards.parameters.map((parameter) => cotangents.get(parameter) ?? b.adopt(parameter));
  const results = lift(b, backwards, inputs, rows).map((result) => along(b, result, rows));
  return { graph: b.graph(results), vectors };
}
