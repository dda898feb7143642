// How many numbers training changes, by instance.

import type { Instance } from './check/core.ts';
import { evaluate } from './check/dimensions.ts';

export interface ParameterCount {
  readonly path: string;
  readonly cell: string;
  /** Of the instance with everything within it; undefined where a length comes from data that is not known. */
  readonly count: number | undefined;
}

/** Parameters of each instance below a model (or a cell), shared ones where they were first. `classes` gives the sizes of vocabularies. */
export function parameterCounts(root: Instance, classes: Readonly<Record<string, number>> = {}): ParameterCount[] {
  const seen = new Set<string>();
  const counts: ParameterCount[] = [];
  const count = (instance: Instance): number | undefined => {
    const entry = { path: instance.path, cell: instance.cell.name, count: 0 as number | undefined };
    counts.push(entry);
    let sum: number | undefined = 0;
    for (const { weight, shape } of instance.params) {
      if (seen.has(weight)) continue;
      seen.add(weight);
      const sizes = shape.map((dimension) => evaluate(dimension, (name) => classes[name]));
      sum = sum === undefined || sizes.some((size) => size === undefined) ? undefined : sum + sizes.reduce<number>((a, b) => a * b!, 1);
    }
    for (const inner of instance.nested) {
      const own = count(inner);
      sum = sum === undefined || own === undefined ? undefined : sum + own;
    }
    entry.count = sum;
    return sum;
  };
  count(root);
  return counts;
}
