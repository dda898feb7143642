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

/** Opens a model with its weights; the states begin as its source says. Throws RunError where the model does not predict its input. */
export async function openPredictor(
  model: Model,
  weights: TrainerState,
  runtime: Runtime,
  options: SessionOptions = { device: 'cpu', threads: 1 },
): Promise<Predictor & { close(): Promise<void> }> {
  const prediction = model.prediction;
  if (prediction === undefined)
    throw new RunError(`${model.name} does not predict its own input: its loss compares nothing with next(...), so it cannot generate.`);
  const graph = select(model.graph, [prediction.logits, ...model.states.map(({ after }) => after)]);
  const names = parameterNames(model);
  const results = ['logits', ...model.states.map(({ name }) => `${name} after`)];
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
  const input = model.inputs.find(({ name }) => name === prediction.input)!.value;
  const sizes = (value: Value, steps: number): number[] =>
    value.type.axes.map(({ name, size }) => (typeof size === 'number' ? size : input.type.axes[0]!.name === name ? steps : 1));
  const filled = (value: Value, steps: number, fill: number): Tensor => {
    const dims = sizes(value, steps);
    return { type: 'float32', dims, data: new Float32Array(dims.reduce((product, size) => product * size, 1)).fill(fill) };
  };
  const place = prediction.logits.type.axes.findIndex(({ name }) => name === input.type.axes[0]!.name);
  let states: (Tensor | Resident)[] = model.states.map(({ before, initial }) => filled(before, 1, initial ?? 0));

  return {
    async read(ids) {
      const feed = (value: Value): Tensor | Resident => {
        const state = model.states.findIndex(({ before }) => before === value);
        if (state >= 0) return states[state]!;
        if (value === input) return { type: 'int32', dims: sizes(value, ids.length), data: ids };
        // What is left are masks of dropout, which is off.
        return fixed.get(value) ?? filled(value, ids.length, 1);
      };
      const feeds = Object.fromEntries(graph.parameters.map((value) => [names.get(value)!, feed(value)]));
      const found = await session.run(feeds);
      states = results.slice(1).map((name) => found[name]!);
      return scoresAt(found.logits as Tensor, place, ids.length - 1);
    },
    close: () => session.release(),
  };
}

/** The scores of one step, for one row: the axis at `place` is time. */
function scoresAt({ dims, data }: Tensor, place: number, step: number): Float32Array {
  const stride = dims.slice(place + 1).reduce((product, size) => product * size, 1);
  return (data as Float32Array).filter((_, k) => Math.floor(k / stride) % dims[place]! === step);
}
