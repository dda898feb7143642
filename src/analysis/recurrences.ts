// What is recurrent in a traced model: loops over time, with the states that they hand from step to step.

import type { Value } from '../graph/graph.ts';
import type { Instance, Model } from '../graph/model.ts';
import { product, sizesOf } from '../tracing/arrays.ts';
import type { Observed } from '../tracing/states.ts';
import type { SeededTrace } from '../tracing/trace.ts';

/** A state of a recurrence, with the cell's instance that it belongs to. */
export interface RecurrentState {
  readonly instance: Instance;
  /** Without a prime: `c`. */
  readonly name: string;
  /** Units of one sequence. */
  readonly size: number;
  /** Before each step, and after it; [T, B, ...]. */
  readonly before: Value;
  readonly after: Value;
}

export interface Recurrence {
  /** The path of the instance that runs: `h[1]`. */
  readonly path: string;
  /** The name of its cell: `lstm`. */
  readonly cell: string;
  /** It goes from the end of the sequence to its beginning. */
  readonly reverse: boolean;
  readonly recur: Observed;
  /** In the order of the recurrence. */
  readonly states: readonly RecurrentState[];
  /** Units of all states together. */
  readonly size: number;
  /** What layers behind read: the state called h, or the first. */
  readonly shown: RecurrentState;
}

/** All recurrences of a model, in the order of its graph. Those are left out that have a state which is no cell's, or which holds no real numbers. */
export function recurrencesOf(trace: SeededTrace): Recurrence[] {
  const { model } = trace;
  const owners = new Map<Value, { readonly instance: Instance; readonly name: string }>();
  for (const instance of model.instances)
    for (const { name, after } of instance.states) owners.set(trace.original(after), { instance, name });
  return trace.cut.recurs.flatMap((recur): Recurrence[] => {
    const { axis, reverse } = recur.node.attributes;
    const states = recur.after.flatMap((after, place): RecurrentState[] => {
      const owner = owners.get(after);
      if (owner === undefined || after.type.dtype !== 'float') return [];
      const own = after.type.axes.filter(({ name }) => name !== axis.name && name !== 'B');
      return [{ ...owner, after, before: recur.before[place]!, size: product(sizesOf(own, trace.sizes)) }];
    });
    if (states.length === 0 || states.length < recur.after.length) return [];
    const runs = outermost(model, states[0]!.instance);
    const shown = states.find(({ name }) => name === 'h') ?? states[0]!;
    const size = states.reduce((sum, state) => sum + state.size, 0);
    return [{ path: runs.path, cell: runs.cell, reverse, recur, states, size, shown }];
  });
}

/** The instance that runs over time, within which a cell's step stands. */
function outermost(model: Model, instance: Instance): Instance {
  let found = instance;
  while (found.axis === undefined) {
    const parent = model.instances.find(({ path }) => path === found.parent);
    if (parent === undefined || parent.path === '') return instance;
    found = parent;
  }
  return found;
}

/** The order of axes in which states' values are read: time, sequences, units. */
export const stateOrder = ({ recur }: Recurrence, state: RecurrentState): string[] => {
  const time = recur.node.attributes.axis.name;
  return [time, 'B', ...state.after.type.axes.map(({ name }) => name).filter((name) => name !== time && name !== 'B')];
};
