// A model of numbers runs free: what it says of the next step is what it reads next.

import type { Reader } from './predictor.ts';

/** The `length` steps behind a beginning [steps, width], row-major, in the model's unit. `width` numbers a step. */
export async function forecast(reader: Reader, beginning: Float32Array, width: number, length: number): Promise<Float32Array> {
  const ahead = new Float32Array(length * width);
  let next = await reader.read(beginning, beginning.length / width);
  for (let t = 0; t < length; t += 1) {
    ahead.set(next, t * width);
    if (t + 1 < length) next = await reader.read(next, 1);
  }
  return ahead;
}
