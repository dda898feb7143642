// What is streamed, call by call.

import type { Tensor } from '../../runtime/runtime.ts';
import { halfValue } from '../../shared/half.ts';
import { elementsIn } from './elements.ts';
import type { ModelInput } from './read.ts';

/** The tensor of the k-th call, from 0; what is not streamed is the same in all. It shares memory with the input. */
export function callOf({ type, dims, data, calls }: ModelInput, k: number): Tensor {
  if (calls === undefined) return { type, dims, data };
  const length = elementsIn(dims);
  return { type, dims, data: data.subarray(k * length, (k + 1) * length) };
}

/** All calls of an input as numbers, [calls, ...dims], 1 where it is not streamed; long whole numbers beyond 2^53 lose their last digits. */
export function framesOf({ type, dims, data, calls = 1 }: ModelInput): { dims: readonly number[]; data: ArrayLike<number> } {
  const numbers =
    type === 'float16'
      ? Float32Array.from(data as Uint16Array, halfValue)
      : data instanceof BigInt64Array || data instanceof BigUint64Array
        ? Float64Array.from(data as BigInt64Array, Number)
        : data;
  return { dims: [calls, ...dims], data: numbers };
}
