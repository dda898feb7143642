// Chance for the example data: seeded by a name, so that a file is made again to the byte.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { random } from '../../src/shared/random.ts';
import { root } from '../root.ts';

export interface Chance {
  readonly uniform: () => number;
  readonly normal: () => number;
  /** A whole number of 0 .. count - 1. */
  below(count: number): number;
  /** A whole number of least .. most. */
  between(least: number, most: number): number;
  pick<T>(values: readonly T[]): T;
  /** True in this share of the cases. */
  happens(share: number): boolean;
}

export function chanceOf(name: string): Chance {
  const { uniform, normal } = random(name);
  const below = (count: number): number => Math.floor(uniform() * count);
  return {
    uniform,
    normal,
    below,
    between: (least, most) => least + below(most - least + 1),
    pick: (values) => values[below(values.length)]!,
    happens: (share) => uniform() < share,
  };
}

/** Writes a file of examples/, and says how large it is. */
export function writeExample(name: string, content: string | Uint8Array): void {
  writeFileSync(join(root, 'examples', name), content);
  console.log(`examples/${name}: ${content.length.toLocaleString('en-US')} bytes`);
}
