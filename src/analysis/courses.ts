// Lines of traced sequences over time.

import { arranged } from '../tracing/arrays.ts';
import type { SeededTrace } from '../tracing/trace.ts';
import { type Recurrence, stateOrder } from './recurrences.ts';

/** A value over time: [T, B, units]. */
export interface Course {
  readonly data: Float32Array;
  readonly steps: number;
  readonly batch: number;
}

/** A line in each trace. */
export async function coursesOf(traces: readonly SeededTrace[], instance: string, line: string): Promise<Course[]> {
  const courses: Course[] = [];
  for (const trace of traces) {
    const { steps } = trace.description;
    const [data] = await trace.read({ addresses: [{ instance, line }], from: 0, to: steps });
    courses.push({ data: data!, steps, batch: trace.sizes.B! });
  }
  return courses;
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
