// One sequence's numbers out of tensors that have all sequences of a batch.

import type { Tensor } from '../../runtime/runtime.ts';
import type { Layout } from '../cells/read.ts';
import type { Expected } from '../part.ts';

/** Of a tensor with its batch at axis `batch`: the numbers of one sequence, in the order of the other axes. */
export function featuresOf({ dims, data }: Tensor, batch: number | undefined, item: number): Float32Array {
  if (batch === undefined || dims[batch] === 1) return numbers(data, 0, data.length);
  const inner = dims.slice(batch + 1).reduce((product, size) => product * size, 1);
  const count = dims[batch]!;
  const result = new Float32Array(data.length / count);
  for (let outer = 0; outer * inner < result.length; outer += 1) {
    const from = (outer * count + item) * inner;
    result.set(numbers(data, from, from + inner), outer * inner);
  }
  return result;
}

/** Of a tensor that is stacked over steps; `batch` is the axis of a single step. In the order of time where the loop goes from the end. */
export function stepsOf(tensor: Tensor, batch: number | undefined, item: number, isReverse: boolean): Float32Array {
  const all = featuresOf(tensor, batch === undefined ? undefined : batch + 1, item);
  return isReverse ? turned(all, tensor.dims[0]!) : all;
}

export function expectedOf(
  lines: ReadonlyMap<string, Layout>,
  tensorOf: (name: string) => Tensor | undefined,
  item: number,
  isReverse: boolean,
): Expected[] {
  return [...lines].flatMap(([line, { name, batch }]) => {
    const tensor = tensorOf(name);
    return tensor === undefined ? [] : [{ line, data: stepsOf(tensor, batch, item, isReverse), lastOnly: false }];
  });
}

/** The steps from the last to the first. */
export function turned(data: Float32Array, steps: number): Float32Array {
  const size = data.length / steps;
  const result = new Float32Array(data.length);
  for (let t = 0; t < steps; t += 1) result.set(data.subarray(t * size, (t + 1) * size), (steps - 1 - t) * size);
  return result;
}

function numbers(data: Tensor['data'], from: number, to: number): Float32Array {
  if (data instanceof Float32Array) return data.subarray(from, to);
  return Float32Array.from({ length: to - from }, (_, k) => Number(data[from + k]!));
}
