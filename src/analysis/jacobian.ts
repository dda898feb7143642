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
const ROWS = 'rows of the Jacobian';
/** Numbers that one evaluation may give. */
const MOST = 2 ** 23;

interface JacobianGraph {
  readonly size: number;
  readonly graph: Graph;
  /** For each state the parameter for the unit vectors, [rows, units]. */
  readonly vectors: readonly Value[];
}

const graphs = new WeakMap<Recurrence['recur'], JacobianGraph>();

/** J of the timesteps from .. to-1: [to - from, B, S, S], rows the units after the step, columns those before; S are the units of all
 *  states in the recurrence's order. */
export async function stepJacobians(trace: SeededTrace, recurrence: Recurrence, from: number, to: number): Promise<Float32Array> {
  const { recur, states, size } = recurrence;
  let known = graphs.get(recur);
  if (known?.size !== size) {
    known = jacobianGraph(trace, recurrence);
    graphs.set(recur, known);
  }
  const { graph, vectors } = known;
  const batch = trace.sizes.B!;
  const given = new Map<Value, Elements>();
  let start = 0;
  for (const [k, state] of states.entries()) {
    const unit = new Float32Array(size * state.size);
    for (let row = 0; row < state.size; row += 1) unit[(start + row) * state.size + row] = 1;
    given.set(vectors[k]!, unit);
    start += state.size;
  }
  const orders = states.map((state) => {
    const [time, sequence, ...units] = stateOrder(recurrence, state);
    return [time!, sequence!, ROWS, ...units];
  });
  const result = new Float32Array((to - from) * batch * size * size);
  const chunk = Math.max(1, Math.floor(MOST / (batch * size * size)));
  for (let begin = from; begin < to; begin += chunk) {
    const end = Math.min(begin + chunk, to);
    const columns = await trace.evaluate(graph, { from: begin, to: end }, given, orders);
    let first = 0;
    for (const [k, state] of states.entries()) {
      const rows = (end - begin) * batch * size;
      for (let row = 0; row < rows; row += 1) {
        const at = ((begin - from) * batch * size + row) * size + first;
        result.set((columns[k] as Float32Array).subarray(row * state.size, (row + 1) * state.size), at);
      }
      first += state.size;
    }
  }
  return result;
}

function jacobianGraph(trace: SeededTrace, { recur, states, size }: Recurrence): JacobianGraph {
  const step = trace.cut.recomputed(states.map(({ after }) => after));
  const seeds = step.results.map((value) => ({ value, cotangent: makeValue(value.type, 'cotangent') }));
  const derivative = differentiate(
    step,
    seeds,
    states.map(({ before }) => before),
  );
  const backwards = select(derivative.graph, derivative.gradients);
  const rows: Axis = { name: ROWS, size };
  const b = new Builder();
  const vectors = states.map(({ after }) => {
    const units = after.type.axes.filter(({ name }) => name !== recur.node.attributes.axis.name && name !== 'B');
    return b.parameter(tensor([rows, ...units]), 'unit vectors');
  });
  const time = trace.cut.timed.type.axes.find(({ name }) => name === recur.node.attributes.axis.name)!;
  const cotangents = new Map(
    seeds.map(({ value, cotangent }, k) => {
      const missing = value.type.axes.filter(({ name }) => !hasAxis(vectors[k]!, name));
      return [cotangent, missing.reduce((wide, axis) => b.broadcast(wide, axis), vectors[k]!)] as const;
    }),
  );
  const inputs = backwards.parameters.map((parameter) => cotangents.get(parameter) ?? b.adopt(parameter));
  const results = lift(b, backwards, inputs, rows).map((result) => along(b, result, rows));
  const graph = b.graph(results);
  // The number of timesteps is read off a parameter.
  const timed = graph.parameters.some((parameter) => hasAxis(parameter, time.name)) ? [] : [trace.cut.timed];
  return { size, graph: { ...graph, parameters: [...graph.parameters, ...timed] }, vectors };
}
