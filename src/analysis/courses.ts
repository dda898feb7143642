// Lines of traced sequences over time.

import type { SeededTrace } from '../tracing/trace.ts';
import type { Recurrence } from './recurrences.ts';

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
export async function stateCourses(traces: readonly SeededTrace[], { states }: Pick<Recurrence, 'states'>): Promise<Course[][]> {
  const found: Course[][] = [];
  for (const { instance, name } of states) found.push(await coursesOf(traces, instance.path, `${name}'`));
  return found;
}
