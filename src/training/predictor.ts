// A trained model as a predictor of its own input: the forward graph alone, one row, the states handed from one call to the next.

import type { Value } from '../graph/graph.ts';
import type { Model } from '../graph/model.ts';
import { select } from '../graph/prune.ts';
import { lower } from '../onnx/lower.ts';
import type { Resident, Runtime, SessionOptions, Tensor } from '../runtime/runtime.ts';
import type { Predictor } from './generate.ts';
import { RunError } from './run.ts';
import { parameterNames } from './step.ts';
import type { TrainerState } from './trainer.ts';

/** A model read step by step; it remembers what it has read. */
export interface Reader {
  /** Reads `steps` timesteps of its input, [steps, ...], and gives what the line says at the last of them. */
  read(values: Int32Array | Float32Array, steps: number): Promise<Float32Array>;
  close(): Promise<void>;
}

/** One line of a model as what one input gives. */
export interface ReadLine {
  readonly input: string;
  readonly line: Value;
}

/** Opens a model that predicts the classes of its own input. Throws RunError where it does not. */
export async function openPredictor(
  model: Model,
  weights: TrainerState,
  runtime: Runtime,
  options: SessionOptions = { device: 'cpu', threads: 1 },
): Promise<Predictor & { close(): Promise<void> }> {
  const { prediction } = model;
  if (prediction === undefined) throw predictsNothing(model);
  const reader = await openReader(model, { input: prediction.input, line: prediction.logits }, weights, runtime, options);
  return { read: (ids) => reader.read(ids, ids.length), close: () => reader.close() };
}

/** Inputs that a line needs beside one: with them the model cannot go on from what it says itself. */
export function readBeside(model: Model, { input, line }: ReadLine): readonly string[] {
  const { parameters } = select(model.graph, [line]);
  return model.inputs.filter(({ name, value }) => name !== input && parameters.includes(value)).map(({ name }) => name);
}

/** Opens a model with its weights for one input and one line; the states begin as its source says. Throws RunError where a weight is missing, or the
 *  line needs other inputs. */
export async function openReader(
  model: Model,
  reading: ReadLine,
  weights: TrainerState,
  runtime: Runtime,
  options: SessionOptions = { device: 'cpu', threads: 1 },
): Promise<Reader> {
  const { input: inputName, line } = reading;
  const others = readBeside(model, reading);
  if (others.length > 0)
    throw new RunError(
      `${model.name} reads ${others.join(' and ')} beside ${inputName}, and to generate from a source of its own is not possible yet. Debug it: each step shows its answer.`,
    );
  const graph = select(model.graph, [line, ...model.states.map(({ after }) => after)]);
  const names = parameterNames(model);
  const results = ['line', ...model.states.map(({ name }) => `${name} after`)];
  const session = await runtime.open(
    lower(graph, { inputs: graph.parameters.map((value) => names.get(value)!), outputs: results }).bytes,
    options,
  );

  const fixed = new Map<Value, Tensor>();
  for (const { name, value } of model.weights) {
    const weight = weights.get(name);
    if (weight === undefined) throw new RunError(`The checkpoint has no weight ${name}, which the model needs.`);
    fixed.set(value, { type: 'float32', dims: weight.shape, data: weight.data });
  }
  const input = model.inputs.find(({ name }) => name === inputName)!.value;
  const time = input.type.axes[0]!.name;
  const sizes = (value: Value, steps: number): number[] =>
    value.type.axes.map(({ name, size }) => (typeof size === 'number' ? size : time === name ? steps : 1));
  const filled = (value: Value, steps: number, fill: number): Tensor => {
    const dims = sizes(value, steps);
    return { type: 'float32', dims, data: new Float32Array(dims.reduce((product, size) => product * size, 1)).fill(fill) };
  };
  const place = line.type.axes.findIndex(({ name }) => name === time);
  let states: (Tensor | Resident)[] = model.states.map(({ before, initial }) => filled(before, 1, initial ?? 0));

  return {
    async read(values, steps) {
      const feed = (value: Value): Tensor | Resident => {
        const state = model.states.findIndex(({ before }) => before === value);
        if (state >= 0) return states[state]!;
        if (value === input) return { type: values instanceof Int32Array ? 'int32' : 'float32', dims: sizes(value, steps), data: values };
        // What is left are masks of dropout, which is off.
        return fixed.get(value) ?? filled(value, steps, 1);
      };
      const feeds = Object.fromEntries(graph.parameters.map((value) => [names.get(value)!, feed(value)]));
      const found = await session.run(feeds);
      states = results.slice(1).map((name) => found[name]!);
      return atStep(found.line as Tensor, place, steps - 1);
    },
    close: () => session.release(),
  };
}

/** What one step has, for one row: the axis at `place` is time. */
function atStep({ dims, data }: Tensor, place: number, step: number): Float32Array {
  const stride = dims.slice(place + 1).reduce((product, size) => product * size, 1);
  return (data as Float32Array).filter((_, k) => Math.floor(k / stride) % dims[place]! === step);
}

/** Why a model cannot write. */
export const predictsNothing = ({ name, judged }: Pick<Model, 'name' | 'judged'>): RunError =>
  judged?.ahead === true && judged.classes !== undefined
    ? new RunError(
        `${name} cannot write: the scores that it compares with next(...) have no line of their own. Write logits = ... above the loss, loss = cross_entropy(logits, next(...)), and train it again.`,
      )
    : new RunError(`${name} does not predict its own input: its loss compares nothing with next(...), so it cannot generate.`);
