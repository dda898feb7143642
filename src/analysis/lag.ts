// g(k): how much of the gradient is left k steps back (Bengio, Simard & Frasconi 1994; Pascanu, Mikolov & Bengio 2013).
//
// The objective is h_T · v, with v drawn from N(0, 1): one backward pass from the last step gives all lags of all sequences.

import type { LagCurve } from '../shared/analysis.ts';
import { random } from '../shared/random.ts';
import type { Address } from '../shared/trace.ts';
import { product, sizesOf } from '../tracing/arrays.ts';
import type { SeededTrace } from '../tracing/trace.ts';
import type { Recurrence, RecurrentState } from './recurrences.ts';
import { geometricMean, horizonOf } from './statistics.ts';

/** Gradients of one trace, by states in the recurrence's order; each [T, B, units] by timestep. */
export interface BackwardPass {
  /** The whole gradient of the state after each step. */
  readonly after: readonly Float32Array[];
  /** What reaches the state before each step: the gradient that is handed to the step before. */
  readonly before: readonly Float32Array[];
  /** What the gradient begins with, at the last step of the state that is shown: [B, units]. */
  readonly seed: Float32Array;
}

/** The addresses that a source must have as seeds, so that the gradient can begin at every layer. */
export const seedsOf = (model: SeededTrace['model']): { readonly instance: string; readonly line: string }[] =>
  model.instances.flatMap(({ path, states }) =>
    states.filter(({ after }) => after.type.dtype === 'float').map(({ name }) => ({ instance: path, line: `${name}'` })),
  );

/** One backward pass from the last step of a recurrence (its first timestep, where it runs from the end). The trace's source has the seeds of
 *  seedsOf. */
export async function backwardPass(trace: SeededTrace, recurrence: Recurrence, seed: number): Promise<BackwardPass> {
  const { states } = recurrence;
  const v = begin(trace, recurrence, seed);
  // What both share is computed once.
  const read = await gradients(trace, [...addressesOf(recurrence, "'"), ...addressesOf(recurrence, '')]);
  return { after: read.slice(0, states.length), before: read.slice(states.length), seed: v };
}

/** Of the same pass the gradients of the states after each step alone: all that curves are made of. */
export async function gradientsAfter(trace: SeededTrace, recurrence: Recurrence, seed: number): Promise<BackwardPass['after']> {
  begin(trace, recurrence, seed);
  return gradients(trace, addressesOf(recurrence, "'"));
}

/** Seeds the trace with v at the last step; [B, units]. */
function begin(trace: SeededTrace, { shown, path, reverse }: Recurrence, seed: number): Float32Array {
  const chance = random(seed, path, 'v');
  const v = Float32Array.from({ length: trace.sizes.B! * shown.size }, () => chance.normal());
  const cotangents = seedsOf(trace.model).map(({ instance, line }) => {
    const owner = trace.model.instances.find((each) => each.path === instance)!;
    const { after } = owner.states.find(({ name }) => `${name}'` === line)!;
    const given = new Float32Array(product(sizesOf(after.type.axes, trace.sizes)));
    if (owner === shown.instance && line === `${shown.name}'`) given.set(v, reverse ? 0 : given.length - v.length);
    return given;
  });
  trace.seed(cotangents);
  return v;
}

const addressesOf = ({ states }: Recurrence, prime: "'" | ''): Address[] =>
  states.map(({ instance, name }) => ({ instance: instance.path, line: `${name}${prime}` }));

const gradients = (trace: SeededTrace, addresses: readonly Address[]): Promise<readonly Float32Array[]> =>
  trace.read({ addresses, from: 0, to: trace.description.steps, gradient: true });

/** The norm of each sequence's gradient by lag, [B][T], ∞ where floats do not hold it: lag 0 is the step at which it begins. */
export function normsByLag(gradient: Float32Array, steps: number, batch: number, reverse: boolean): Float64Array[] {
  const units = gradient.length / (steps * batch);
  return Array.from({ length: batch }, (_, row) =>
    Float64Array.from({ length: steps }, (_, lag) => {
      const t = reverse ? lag : steps - 1 - lag;
      let sum = 0;
      for (let unit = 0, at = (t * batch + row) * units; unit < units; unit += 1, at += 1) sum += gradient[at]! ** 2;
      // Of finite states a gradient that is no number has been beyond all of them before.
      return Number.isFinite(sum) ? Math.sqrt(sum) : Number.POSITIVE_INFINITY;
    }),
  );
}

/** Each sequence's norms over the first; those without a gradient at its beginning are left out. */
const ratiosOf = (norms: readonly Float64Array[]): Float64Array[] =>
  norms.map((each) => each.map((norm) => (each[0] === 0 ? Number.NaN : norm / each[0]!))).filter(([first]) => first === 1);

/** g at some lags, as the curve has it. */
export function ratioMeans(norms: readonly Float64Array[], lags: readonly number[]): number[] {
  const ratios = ratiosOf(norms);
  return lags.map((lag) => geometricMean(ratios.filter(({ length }) => length > lag).map((each) => each[lag]!)).value);
}

/** The curve of a state from the norms of all sequences, which may be of different lengths. */
export function lagCurve(state: RecurrentState['name'], norms: readonly Float64Array[], threshold: number, seed: number): LagCurve {
  const ratios = ratiosOf(norms);
  const reach = Math.max(0, ...ratios.map(({ length }) => length));
  const estimates = Array.from({ length: reach }, (_, lag) => {
    const there = ratios.filter(({ length }) => length > lag).map((each) => each[lag]!);
    const long = norms.filter(({ length }) => length > lag);
    const sum = (at: number): number => long.reduce((total, each) => total + each[at]!, 0);
    return { ...geometricMean(there), ofMeans: sum(lag) / sum(0), sequences: there.length };
  });
  return {
    state,
    mean: estimates.map(({ value }) => value),
    low: estimates.map(({ low }) => low),
    high: estimates.map(({ high }) => high),
    ofMeans: estimates.map(({ ofMeans }) => ofMeans),
    sequences: estimates.map(({ sequences }) => sequences),
    horizon: horizonOf(ratios, threshold, seed),
  };
}

/** About so many numbers from 1 to `last`, evenly by their logarithms. */
export const spreadLags = (last: number, count: number): number[] => [
  ...new Set(Array.from({ length: count }, (_, k) => Math.round(last ** (k / Math.max(1, count - 1))))),
];
