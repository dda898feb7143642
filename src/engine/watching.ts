// A training is watched: with the weights of a step, what its memory is like; and where a number that is not finite came about.

import { look } from '../analysis/look.ts';
import { type AlongAxis, firstGradient, firstValue } from '../analysis/non-finite.ts';
import type { Model } from '../graph/model.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { MemoryLook, NonFinite } from '../shared/training.ts';
import { axesBeside, timeAxis } from '../tracing/describe.ts';
import { type Evaluator, RuntimeEvaluator } from '../tracing/evaluator.ts';
import { fixedTime, loosened } from '../tracing/loosen.ts';
import { openTrace } from '../tracing/trace.ts';
import { drawMask, sizesOf } from '../training/masks.ts';
import { maskName, stateName } from '../training/step.ts';
import type { FaultyStep } from '../training/train.ts';
import type { TrainerState } from '../training/trainer.ts';
import { examplesOf, grouped } from './analysing.ts';
import type { OpenedJob } from './job.ts';

/** Sequences that are looked at, the most steps of each, and the seed of the vector that the gradient begins with. */
export const WATCHED = { sequences: 8, length: 200, seed: 1 } as const;

export interface Watcher {
  /** Undefined where the model has nothing recurrent. */
  look(weights: TrainerState): Promise<MemoryLook | undefined>;
  close(): Promise<void>;
}

/** What it looks at is read when it first looks, and its sessions serve again. */
export function watcherOf({ whole, data }: Pick<OpenedJob, 'whole' | 'data'>, createRuntime: () => Runtime): Watcher {
  const fixed = fixedTime(whole);
  const model: Model = fixed === undefined ? whole : loosened(whole, fixed.name);
  const evaluators = new Map<number, RuntimeEvaluator>();
  let runtime: Runtime | undefined;
  let groups: ReturnType<typeof grouped> | undefined;
  let isRecurrent = model.instances.some(({ states }) => states.length > 0);
  const evaluator = (batch: number): Evaluator => {
    runtime ??= createRuntime();
    const kept = evaluators.get(batch) ?? new RuntimeEvaluator(runtime, { B: batch });
    evaluators.set(batch, kept);
    return { run: (...given) => kept.run(...given), close: async () => undefined };
  };
  return {
    async look(weights) {
      if (!isRecurrent) return undefined;
      groups ??= grouped(model, examplesOf(data, WATCHED.sequences, WATCHED.length), WATCHED.length, fixed?.size);
      const found = await look(model, weights, { groups, evaluator, seed: WATCHED.seed });
      isRecurrent = found.layers.length > 0;
      return isRecurrent ? found : undefined;
    },
    async close() {
      await Promise.all([...evaluators.values()].map((each) => each.close()));
    },
  };
}

/** Where the first number that is not finite comes about in a step: with the numbers that it begins with, on its batch, with its dropout. */
export async function firstNonFinite(
  { model, shapes, settings }: Pick<OpenedJob, 'model' | 'shapes' | 'settings'>,
  { state, batch, step }: FaultyStep,
  runtime: Runtime,
): Promise<NonFinite | undefined> {
  const loose = fixedTime(model);
  const stepped = duringStep(loose === undefined ? model : loosened(model, loose.name));
  const sizes = sizesOf(batch);
  const inputs: Record<string, Float32Array | Int32Array> = { ...batch.inputs };
  model.dropout.forEach((mask, k) => {
    inputs[maskName(k)] = drawMask(mask, k, settings.seed, step, sizes).data;
  });
  for (const { name, before, initial } of model.states) {
    const known = state.get(stateName(name));
    const length = before.type.axes.reduce((product, { size }) => product * (typeof size === 'number' ? size : sizes[size]!), 1);
    inputs[stateName(name)] = batch.reset || known?.data.length !== length ? new Float32Array(length).fill(initial ?? 0) : known.data;
  }
  const time = timeAxis(stepped)!.name;
  const axes = [...axesBeside(stepped), time];
  const traces: AlongAxis[] = [];
  try {
    for (const axis of axes) {
      const source = {
        ...{ id: 0, title: model.name, model: stepped, weights: state, inputs, batch: batch.rows, tokens: [], by: 'number' as const },
        ...{ lengths: batch.sizes, time: axis, steps: batch.sizes[axis] ?? loose!.size },
      };
      const evaluator = new RuntimeEvaluator(runtime, { B: batch.rows });
      const trace = await openTrace(source, evaluator).catch(async (error: unknown) => {
        await evaluator.close();
        throw error;
      });
      const lengths = batch.inputs[`lengths(${axis})`];
      traces.push({ axis, trace, ...(lengths === undefined ? {} : { lengths }) });
    }
    const targets = new Set(shapes.flatMap(({ name, compared }) => [`next(${name})`, ...(compared ? [name] : [])]));
    const broken = new Set([...state].flatMap(([name, { data }]) => (data.every(Number.isFinite) ? [] : [name])));
    const looked = { targets, inputs, broken };
    return (await firstValue(traces, looked)) ?? (await firstGradient(traces, looked));
  } finally {
    await Promise.all(traces.map(({ trace }) => trace.close()));
  }
}

/** What else a step is given stands among the inputs: the states that the window before it left, and the masks of dropout. */
const duringStep = (model: Model): Model => ({
  ...model,
  inputs: [
    ...model.inputs,
    ...model.states.map(({ name, before }) => ({ name: stateName(name), value: before })),
    ...model.dropout.map(({ value }, k) => ({ name: maskName(k), value })),
  ],
  states: [],
  dropout: [],
});
