// Lines over all timesteps of all traces.

import type { SeededTrace } from '../tracing/trace.ts';
import type { Course } from './units.ts';

/** A line of an instance, [T, B, units] by trace. */
export async function coursesOf(traces: readonly SeededTrace[], instance: string, line: string): Promise<Course[]> {
  const courses: Course[] = [];
  for (const trace of traces) {
    const { steps } = trace.description;
    const [data] = await trace.read({ addresses: [{ instance, line }], from: 0, to: steps });
    courses.push({ data: data!, steps, batch: trace.sizes.B! });
  }
  return courses;
}
