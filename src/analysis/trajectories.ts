// Trajectories of the states in their principal components.

import type { Trajectories } from '../shared/analysis.ts';
import { type Components, coordinates, evenly, principalComponents } from '../tracing/components.ts';
import type { Course } from './courses.ts';
import type { RecurrentState } from './recurrences.ts';

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
