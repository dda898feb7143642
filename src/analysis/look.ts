// A quick look at a model's memory while it is trained: gradients by lag, dead and saturated units, by what the whole analysis computes them.

import type { LayerLook, MemoryLook } from '../shared/training.ts';
import type { Evaluator } from '../tracing/evaluator.ts';
import type { TraceSource } from '../tracing/source.ts';
import { openTrace, type SeededTrace } from '../tracing/trace.ts';
import { gatesOf, type Sequences } from './analyse.ts';
import { coursesOf } from './courses.ts';
import { backwardPass, normsByLag, ratioMeans, seedsOf } from './lag.ts';
import { type Recurrence, recurrencesOf } from './recurrences.ts';
import { type Course, OPEN, stateUnits } from './units.ts';
import { MOSTLY } from './verdict.ts';

export interface LookOptions {
  readonly groups: readonly Sequences[];
  /** For so many sequences side by side. It serves again, and is closed by whoever made it. */
  readonly evaluator: (batch: number) => Evaluator;
  readonly seed: number;
}

/** Where the model has nothing recurrent, `layers` is empty. */
export async function look(
  model: TraceSource['model'],
  weights: TraceSource['weights'],
  { groups, evaluator, seed }: LookOptions,
): Promise<MemoryLook> {
  const traces: SeededTrace[] = [];
  // The longest first, as in the whole analysis, so that each group has the vector that it has there.
  for (const group of groups.toSorted((a, b) => b.steps - a.steps))
    traces.push(
      await openTrace(
        { id: 0, title: model.name, model, weights, tokens: [], by: 'number', seeds: seedsOf(model), ...group },
        evaluator(group.batch),
      ),
    );
  const layers: LayerLook[] = [];
  const count = traces.length === 0 ? 0 : recurrencesOf(traces[0]!).length;
  for (let place = 0; place < count; place += 1) layers.push(await lookAt(traces, place, seed));
  return {
    sequences: groups.reduce((sum, { batch }) => sum + batch, 0),
    steps: Math.max(0, ...groups.map(({ steps }) => steps)),
    layers,
  };
}

async function lookAt(traces: readonly SeededTrace[], place: number, seed: number): Promise<LayerLook> {
  const recurrence = recurrencesOf(traces[0]!)[place]!;
  const { states, reverse, path } = recurrence;
  const norms: Float64Array[][] = states.map(() => []);
  for (const [k, trace] of traces.entries()) {
    const { after } = await backwardPass(trace, recurrencesOf(trace)[place]!, seed + k);
    for (const [n, gradient] of after.entries()) norms[n]!.push(...normsByLag(gradient, trace.description.steps, trace.sizes.B!, reverse));
  }
  const lags = lagsWithin(Math.max(...norms[0]!.map(({ length }) => length)));
  const gradient = states.flatMap(({ name }, k) =>
    norms[k]!.some(([first]) => first! > 0) ? [[name, ratioMeans(norms[k]!, lags)] as const] : [],
  );
  let [dead, stuck] = [0, 0];
  for (const { instance, name } of states) {
    const units = stateUnits(name, await coursesOf(traces, instance.path, `${name}'`));
    dead += units.dead.length;
    stuck += units.stuck.length;
  }
  return {
    layer: path,
    lags,
    gradient: Object.fromEntries(gradient),
    units: recurrence.size,
    dead,
    stuck,
    saturated: await saturatedOf(traces, recurrence),
  };
}

/** 1, 2, 5, 10, 20, ... of sequences of so many steps. */
export function lagsWithin(steps: number): number[] {
  const lags: number[] = [];
  for (let decade = 1; decade < steps; decade *= 10)
    for (const factor of [1, 2, 5]) if (factor * decade < steps) lags.push(factor * decade);
  return lags;
}

async function saturatedOf(traces: readonly SeededTrace[], { states, path }: Recurrence): Promise<LayerLook['saturated']> {
  const found: LayerLook['saturated'][number][] = [];
  for (const instance of new Set(states.map((each) => each.instance)))
    for (const { line, below, above } of await gatesOf(traces, path, instance))
      found.push({ line, units: below.length, low: most(below), high: most(above) });
  if (found.length > 0) return found;
  for (const { instance, name } of states) {
    const courses = await coursesOf(traces, instance.path, `${name}'`);
    if (courses.every(({ data }) => data.every((value) => Math.abs(value) <= 1))) found.push({ line: `${name}'`, ...ends(courses) });
  }
  return found;
}

const most = (shares: readonly number[]): number => shares.filter((share) => share > MOSTLY).length;

/** Units of a squashed state that are at an end of -1 .. 1 most of the time. */
function ends(courses: readonly Course[]): { units: number; low: number; high: number } {
  const { data: first, steps: length, batch: width } = courses[0]!;
  const units = first.length / (length * width);
  const [low, high] = [new Float64Array(units), new Float64Array(units)];
  let rows = 0;
  for (const { data, steps, batch } of courses) {
    rows += steps * batch;
    for (let k = 0; k < data.length; k += 1) {
      if (data[k]! < -OPEN) low[k % units]! += 1;
      if (data[k]! > OPEN) high[k % units]! += 1;
    }
  }
  const share = (counts: Float64Array): number[] => Array.from(counts, (each) => each / rows);
  return { units, low: most(share(low)), high: most(share(high)) };
}
