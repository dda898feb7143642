// A loss of an output against a target out of a file: its value, and its derivative by the output.

import type { Reading } from '../data/text-stream.ts';
import type { Tensor } from '../runtime/runtime.ts';
import type { Objective } from '../shared/trace.ts';
import { type ObjectiveValue, objectiveOf } from './gradients/objective.ts';
import { InputError } from './inputs/errors.ts';
import { readInputs } from './inputs/read.ts';

type Against = Extract<Objective, { kind: 'against' }>;

/** `mse`: the mean of the squared differences to numbers of the output's shape. `cross_entropy`: the mean of -log p over the last axis, whose rows are
 *  probabilities where they look so, else scores; of classes (the output's shape without its last axis) or of distributions. What is NaN, or a
 *  class below 0, counts nowhere. Throws InputError, GradientError. */
export async function lossAgainst({ loss, target: path }: Against, output: Tensor, reading?: Reading): Promise<ObjectiveValue> {
  const read = async (type: string, shape: readonly number[]): Promise<Tensor> =>
    (await readInputs([{ name: 'target', type, shape }], { all: { kind: 'file', path } }, reading)).inputs.target!;
  if (loss === 'mse') return objectiveOf(output, { kind: 'squared error', target: await read('float32', output.dims) });
  let target: Tensor;
  try {
    target = await read('int64', output.dims.slice(0, -1));
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    // Distributions; where it is neither, the fault is said of classes, which are what targets mostly are.
    target = await read('float32', output.dims).catch(() => Promise.reject(error));
  }
  return objectiveOf(output, { kind: 'cross entropy', target, from: hasProbabilities(output) ? 'probabilities' : 'logits' });
}

/** Whether every row along the last axis adds up to one, of numbers from 0 to 1. */
function hasProbabilities({ dims, data }: Tensor): boolean {
  const classes = dims.at(-1) ?? 0;
  for (let start = 0; start + classes <= data.length && classes > 0; start += classes) {
    let sum = 0;
    for (let c = 0; c < classes; c += 1) {
      const value = Number(data[start + c]);
      if (!(value >= 0 && value <= 1)) return false;
      sum += value;
    }
    if (Math.abs(sum - 1) > 1e-3) return false;
  }
  return data.length > 0;
}
