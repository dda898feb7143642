// Sizes that the file leaves open, and what they turn out to be.

import type { StepBody } from '../part.ts';
import type { Given } from './given.ts';

/** Sizes that are not known yet, as numbers that nothing else has. */
export class Sizes {
  readonly #known = new Map<string, number>();
  readonly #open = new Map<number, string>();
  readonly #said = new Set<number>();
  #next = 0;

  of(name: string, shape: readonly (number | undefined)[]): number[] {
    for (const size of shape) if (size !== undefined) this.#said.add(size);
    return shape.map((size, k) => {
      if (size !== undefined) return size;
      const key = `${name} ${k}`;
      const known = this.#known.get(key);
      if (known !== undefined) return known;
      const open = primes[this.#next++ % primes.length]!;
      this.#known.set(key, open);
      this.#open.set(open, key);
      return open;
    });
  }

  isKnown(size: number): boolean {
    return !this.#open.has(size);
  }

  isOpen = (a: number, b: number): boolean => this.#solved(a, b) !== undefined || this.#solved(b, a) !== undefined;

  /** Takes two sizes for equal. Whether that tells one that was not known. */
  learn(a: number, b: number): boolean {
    const found = this.#solved(a, b) ?? this.#solved(b, a);
    if (found === undefined) return false;
    this.#known.set(this.#open.get(found.open)!, found.size);
    this.#open.delete(found.open);
    return true;
  }

  /** `a` as a multiple of an open size, or one plus sizes that are known by now. */
  #solved(a: number, b: number): { readonly open: number; readonly size: number } | undefined {
    const known = [...this.#said, ...[...this.#known.values()].filter((size) => !this.#open.has(size))];
    for (const open of this.#open.keys()) {
      if (a === b) continue;
      for (let times = 1; times <= 8; times += 1) if (a === times * open && b % times === 0) return { open, size: b / times };
      for (const rest of known) if (a === open + rest && b > rest) return { open, size: b - rest };
    }
    return undefined;
  }

  /** Two open sizes together, of which something else has to tell one first. */
  isUndecided(a: number): boolean {
    const open = [...this.#open.keys()];
    return open.some((one) => open.some((other) => one < other && a === one + other));
  }
}

const primes = [1009, 1109, 1213, 1319, 1423, 1523, 1627, 1733, 1847, 1949, 2053, 2153, 2251, 2351, 2459, 2557, 2657, 2767, 2879, 2999];

/** What is taken for granted where the file says nothing. */
export interface Guess {
  /** Of values of which not even that is known. */
  readonly rank: number;
  /** Sizes in front of [..., B, H] that are not known are 1. */
  readonly ones: boolean;
}

export function guesses(body: StepBody, given: (name: string) => Given | undefined): readonly Guess[] {
  const shapes = [...body.states.map(({ before }) => before), ...body.scanned].map((name) => given(name)?.shape);
  const ranks = shapes.every((shape) => shape !== undefined) ? [2] : [2, 3, 1];
  const isOpen = shapes.some((shape) => shape !== undefined && shape.length > 2 && shape.includes(undefined));
  return ranks.flatMap((rank) => (isOpen ? [true, false] : [true]).map((ones) => ({ rank, ones })));
}
