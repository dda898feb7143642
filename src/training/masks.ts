// Dropout masks (Srivastava et al. 2014), drawn on the host by seed, step and place: a run that is resumed draws what it would have drawn.

import type { Batch } from '../data/dataset.ts';
import type { DropoutMask } from '../graph/model.ts';
import { random } from '../shared/random.ts';

export interface Drawn {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** 1 / (1 - rate) with probability 1 - rate, else 0; axes as those of the mask. */
export function drawMask(
  { value, rate }: DropoutMask,
  place: number,
  seed: number,
  step: number,
  sizes: Readonly<Record<string, number>>,
): Drawn {
  const dims = value.type.axes.map(({ size }) => (typeof size === 'number' ? size : sizes[size]!));
  const data = new Float32Array(dims.reduce((product, each) => product * each, 1));
  const chance = random('dropout', seed, step, place);
  const kept = 1 / (1 - rate);
  for (let k = 0; k < data.length; k += 1) data[k] = chance.uniform() < rate ? 0 : kept;
  return { dims, data };
}

/** Lengths of the open axes of a batch. */
export const sizesOf = ({ sizes, rows }: Pick<Batch, 'sizes' | 'rows'>): Record<string, number> => ({ ...sizes, B: rows });
