// Tensors put together.

import type { Tensor, TensorData } from '../runtime/runtime.ts';

/** Tensors of one type and of one shape but for an axis, one behind the other along it. */
export function concatenated(tensors: readonly Tensor[], axis: number): Tensor {
  const [first] = tensors as readonly [Tensor, ...Tensor[]];
  const outer = first.dims.slice(0, axis).reduce((product, size) => product * size, 1);
  const widths = tensors.map(({ data }) => data.length / outer);
  const width = widths.reduce((sum, each) => sum + each, 0);
  const data = new (first.data.constructor as Float32ArrayConstructor)(outer * width);
  let at = 0;
  tensors.forEach((tensor, k) => {
    for (let row = 0; row < outer; row += 1)
      data.set((tensor.data as Float32Array).subarray(row * widths[k]!, (row + 1) * widths[k]!), row * width + at);
    at += widths[k]!;
  });
  const size = tensors.reduce((sum, { dims }) => sum + dims[axis]!, 0);
  return { type: first.type, dims: first.dims.map((each, k) => (k === axis ? size : each)), data: data as TensorData };
}

/** Tensors of one type and shape as one with an axis more, in front. */
export const stacked = (tensors: readonly Tensor[]): Tensor =>
  concatenated(
    tensors.map((each) => ({ ...each, dims: [1, ...each.dims] })),
    0,
  );

/** What was concatenated, in so many tensors of one size along the axis. */
export function separated({ type, dims, data }: Tensor, axis: number, count: number): Tensor[] {
  const outer = dims.slice(0, axis).reduce((product, size) => product * size, 1);
  const width = data.length / outer / count;
  const own = dims.map((size, k) => (k === axis ? size / count : size));
  return Array.from({ length: count }, (_, at) => {
    const part = new (data.constructor as Float32ArrayConstructor)(outer * width);
    for (let row = 0; row < outer; row += 1)
      part.set((data as Float32Array).subarray((row * count + at) * width, (row * count + at + 1) * width), row * width);
    return { type, dims: own, data: part as TensorData };
  });
}
