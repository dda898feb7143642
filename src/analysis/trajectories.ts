// Trajectories of the states in their principal components.

import type { Trajectories } from '../shared/analysis.ts';
import { arranged } from '../tracing/arrays.ts';
import { type Components, coordinates, evenly, principalComponents } from '../tracing/components.ts';
import type { SeededTrace } from '../tracing/trace.ts';
import { type Recurrence, type RecurrentState, stateOrder } from './recurrences.ts';
import type { Course } from './units.ts';

/** Components, sequences and points of each that are told. */
const COMPONENTS = 3;
const PATHS = 6;
const POINTS = 200;
/** States that the components are of, evenly chosen. */
const ROWS = 2000;

/** All states of a layer side by side, at any step of any sequence: what a step makes the next of. Sequences are counted through the traces. */
export class StateRows {
  readonly #courses: readonly (readonly Course[])[];
  readonly #sizes: readonly number[];
  /** Sequences by their trace, and place in it. */
  readonly sequences: readonly { readonly trace: number; readonly row: number; readonly steps: number }[];
  readonly size: number;

  /** Courses by state, each in each trace. */
  constructor(courses: readonly (readonly Course[])[]) {
    this.#courses = courses;
    this.#sizes = courses.map(([first]) => first!.data.length / (first!.steps * first!.batch));
    this.size = this.#sizes.reduce((sum, size) => sum + size, 0);
    this.sequences = courses[0]!.flatMap(({ steps, batch }, trace) => Array.from({ length: batch }, (_, row) => ({ trace, row, steps })));
  }

  at(sequence: number, t: number): Float64Array {
    const { trace, row } = this.sequences[sequence]!;
    const whole = new Float64Array(this.size);
    let start = 0;
    for (const [k, courses] of this.#courses.entries()) {
      const { data, batch } = courses[trace]!;
      const size = this.#sizes[k]!;
      whole.set(data.subarray((t * batch + row) * size, (t * batch + row + 1) * size), start);
      start += size;
    }
    return whole;
  }

  /** At most so many states, evenly over all sequences and steps. */
  sample(most: number): Float64Array[] {
    const places = this.sequences.flatMap(({ steps }, sequence) => Array.from({ length: steps }, (_, t) => [sequence, t] as const));
    return evenly(places.length, most).map((place) => this.at(...places[place]!));
  }
}

/** The states after each step of a recurrence, in its order; each in each trace. */
export async function stateCourses(traces: readonly SeededTrace[], recurrence: Recurrence): Promise<Course[][]> {
  const found: Course[][] = [];
  for (const state of recurrence.states) {
    const courses: Course[] = [];
    for (const trace of traces) {
      const { steps } = trace.description;
      const stored = await trace.stored(state.after, { from: 0, to: steps });
      const data = arranged(stored, state.after.type.axes, trace.sizes, stateOrder(recurrence, state)) as Float32Array;
      courses.push({ data, steps, batch: trace.sizes.B! });
    }
    found.push(courses);
  }
  return found;
}

export const componentsOf = (rows: StateRows): Components => principalComponents(rows.sample(ROWS), COMPONENTS);

/** Paths of the first sequences. */
export function trajectoriesOf(states: readonly Pick<RecurrentState, 'name'>[], rows: StateRows): Trajectories {
  const components = componentsOf(rows);
  return {
    states: states.map(({ name }) => name),
    units: rows.size,
    explained: components.explained,
    paths: rows.sequences.slice(0, PATHS).map(({ steps }, sequence) => {
      const timesteps = evenly(steps, POINTS);
      return { sequence, timesteps, at: timesteps.map((t) => coordinates(components, rows.at(sequence, t))) };
    }),
  };
}
