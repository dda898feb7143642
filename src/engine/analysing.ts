// An analysis of a run or of an untrained file: the model on sequences of its own data.

import { type AnalyseOptions, analyse, type Sequences } from '../analysis/analyse.ts';
import type { Dataset, Example } from '../data/dataset.ts';
import type { Model } from '../graph/model.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Analysis } from '../shared/analysis.ts';
import { product } from '../tracing/arrays.ts';
import { timeAxis } from '../tracing/describe.ts';
import { RuntimeEvaluator } from '../tracing/evaluator.ts';
import { fixedTime, loosened } from '../tracing/loosen.ts';
import type { AnalyseRequest } from './requests.ts';
import { heldOut } from './sequence.ts';
import { sourceOfTrace } from './traces.ts';

/** Sequences unless told otherwise, and the most steps of each. */
const SEQUENCES = 16;
const LENGTH = 100;

/** Throws AnalysisError, DataError, or the signal's reason. */
export async function analyseModel(
  { source, sequences = SEQUENCES, length = LENGTH, needs, threshold, seed = 1, also = [] }: AnalyseRequest,
  runtime: Runtime,
  { signal, progress }: Pick<AnalyseOptions, 'signal' | 'progress'> = {},
): Promise<Analysis> {
  const { model: written, weights, state, dataset } = await sourceOfTrace(source);
  const fixed = fixedTime(written);
  const model = fixed === undefined ? written : loosened(written, fixed.name);
  const data = await dataset();
  const examples = examplesOf(data, sequences, length);
  return analyse(model, weights, {
    title: `${model.name} · ${state}`,
    groups: grouped(model, examples, length, fixed?.size),
    evaluator: (batch) => new RuntimeEvaluator(runtime, { B: batch }),
    seed,
    also,
    ...(needs === undefined ? {} : { needs: { lag: needs, why: 'as told' } }),
    ...(threshold === undefined ? {} : { threshold }),
    ...(signal === undefined ? {} : { signal }),
    ...(progress === undefined ? {} : { progress }),
  });
}

/** So many examples, evenly over the part that is held out. */
export function examplesOf({ parts, running }: Dataset, count: number, length: number): Example[] {
  const part = heldOut(parts);
  if (running) {
    const steps = Math.min(length, part.size);
    const room = part.size - steps;
    const many = Math.max(1, Math.min(count, Math.floor(part.size / steps)));
    return Array.from({ length: many }, (_, k) => part.example(Math.floor((k * room) / Math.max(1, many - 1)), steps));
  }
  const many = Math.min(count, part.size);
  const every = Number.isFinite(part.size) ? part.size / many : 1;
  return Array.from({ length: many }, (_, k) => part.example(Math.floor(k * every)));
}

/** Side by side what is of the same length, cut after so many steps of the model's time. */
export function grouped(model: Model, examples: readonly Example[], length: number, fixed?: number): Sequences[] {
  const time = timeAxis(model)?.name ?? 'T';
  const groups = new Map<string, Example[]>();
  for (const { inputs, lengths } of examples) {
    const whole = lengths[time] ?? fixed ?? 0;
    const steps = Math.min(whole, length);
    if (steps < 2) continue;
    const cut = Object.fromEntries(
      model.inputs.map(({ name, value }) => {
        const data = inputs[name]!;
        // What runs along time has it first.
        const runs = value.type.axes[0]?.name === time;
        return [name, runs ? data.subarray(0, (data.length / whole) * steps) : data];
      }),
    );
    const own = { ...lengths, [time]: steps };
    const key = JSON.stringify(Object.entries(own).sort());
    groups.set(key, [...(groups.get(key) ?? []), { inputs: cut, lengths: own }]);
  }
  return [...groups.values()].map((members): Sequences => {
    const { lengths } = members[0]!;
    const { [time]: steps, ...others } = lengths;
    return { steps: steps!, batch: members.length, lengths: others, inputs: sideBySide(model, members) };
  });
}

/** Examples of the same lengths with the batch's axis where the model has it. */
function sideBySide(model: Model, members: readonly Example[]): Sequences['inputs'] {
  return Object.fromEntries(
    model.inputs.map(({ name, value }) => {
      const { axes } = value.type;
      const place = axes.findIndex((axis) => axis.name === 'B');
      const { lengths } = members[0]!;
      const outer = product(axes.slice(0, place).map(({ size }) => (typeof size === 'number' ? size : lengths[size]!)));
      const all = members.map(({ inputs }) => inputs[name]!);
      const inner = all[0]!.length / outer;
      const result = new (all[0]!.constructor as Float32ArrayConstructor)(all.length * all[0]!.length);
      for (const [row, data] of all.entries())
        for (let k = 0; k < outer; k += 1) result.set(data.subarray(k * inner, (k + 1) * inner), (k * all.length + row) * inner);
      return [name, result];
    }),
  );
}
