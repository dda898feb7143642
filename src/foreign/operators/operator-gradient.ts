// Cotangents across the border of an LSTM, GRU or RNN operator: from Y, Y_h and Y_c to the states of its cells, and from the cells' inputs back
// to X and the initial states.

import type { NodeProto } from '../../onnx/proto.ts';
import type { Tensor } from '../../runtime/runtime.ts';
import type { Numbers, OperatorGradient } from '../part.ts';
import type { OperatorSettings } from './recurrent-operator.ts';

export interface OperatorSizes {
  readonly X: Numbers;
  readonly lengths: readonly number[];
  readonly steps: number;
  readonly batch: number;
  readonly hidden: number;
}

export function operatorGradient(
  { input, output }: NodeProto,
  { batchFirst, directions, kind }: OperatorSettings,
  { X, lengths, steps, batch, hidden }: OperatorSizes,
): OperatorGradient {
  const count = directions.length;
  const seeds = kind === 'LSTM' ? ["h'", "c'"] : ["h'"];
  /** Where the state of a sequence stands in [D, B, H], and its step in [T, D, B, H]. */
  const stateRow = (run: number, item: number): number => (batchFirst ? item * count + run : run * batch + item);
  const stepRow = (run: number, item: number, t: number): number =>
    batchFirst ? (item * steps + t) * count + run : (t * count + run) * batch + item;
  const inputRow = (item: number, t: number): number => (batchFirst ? item * steps + t : t * batch + item);
  const width = X.shape[2]!;
  return {
    form: 'operator',
    outputs: output.filter((name) => name !== ''),
    inputs: [input[0], input[5], ...(kind === 'LSTM' ? [input[6]] : [])].filter((name) => name !== undefined && name !== '') as string[],
    seeds,
    seed: (run, item, cotangents) => {
      const length = lengths[item]!;
      const last = directions[run] === 'reverse' ? 0 : length - 1;
      const of = (index: number): Float32Array | undefined => {
        const found = output[index] ? cotangents.get(output[index]) : undefined;
        return found === undefined ? undefined : Float32Array.from(found.data as Float32Array);
      };
      return seeds.map((_, place) => {
        const seed = new Float32Array(length * hidden);
        const [all, final] = [place === 0 ? of(0) : undefined, of(place + 1)];
        if (all !== undefined)
          for (let t = 0; t < length; t += 1) {
            const row = stepRow(run, item, t) * hidden;
            seed.set(all.subarray(row, row + hidden), t * hidden);
          }
        const row = stateRow(run, item) * hidden;
        if (final !== undefined) for (let unit = 0; unit < hidden; unit += 1) seed[last * hidden + unit]! += final[row + unit]!;
        return seed;
      });
    },
    back: (of) => {
      const found = new Map<string, Tensor>();
      const dX = new Float32Array(X.data.length);
      const states = (['h_0', 'c_0'] as const).map((name, k) => ({
        name,
        port: input[5 + k] ?? '',
        data: new Float32Array(count * batch * hidden),
      }));
      for (const [item, length] of lengths.entries())
        for (let run = 0; run < count; run += 1) {
          const x = of(run, item, 'x');
          for (let t = 0; x !== undefined && t < length; t += 1)
            for (let k = 0; k < width; k += 1) dX[inputRow(item, t) * width + k]! += x[t * width + k]!;
          for (const { name, data } of states) {
            const state = of(run, item, name);
            if (state !== undefined) data.set(state, stateRow(run, item) * hidden);
          }
        }
      if (input[0]) found.set(input[0], { type: 'float32', dims: X.shape, data: dX });
      const dims = batchFirst ? [batch, count, hidden] : [count, batch, hidden];
      for (const { port, data } of states) if (port !== '') found.set(port, { type: 'float32', dims, data });
      return found;
    },
  };
}
