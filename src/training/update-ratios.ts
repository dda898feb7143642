// How far a step moves the weights, measured against them: about 1e-3 is healthy, far above it is unstable, far below it nothing is learned.

import type { Model } from '../graph/model.ts';
import type { TrainerState } from './trainer.ts';

/** Share of the time that measuring may take. */
const SHARE = 0.02;

/** Norm of the change over norm of the weights, by block: the weights that a line of a cell reads first, as `h.f`. */
export function updateRatios(model: Model, before: TrainerState, after: TrainerState): Record<string, number> {
  const sums = new Map<string, { change: number; size: number }>();
  for (const { name, block } of blocksOf(model)) {
    const [from, to] = [before.get(name)?.data, after.get(name)?.data];
    if (from === undefined || to === undefined) continue;
    const sum = sums.get(block) ?? { change: 0, size: 0 };
    for (let k = 0; k < from.length; k += 1) {
      sum.change += (to[k]! - from[k]!) ** 2;
      sum.size += from[k]! ** 2;
    }
    sums.set(block, sum);
  }
  return Object.fromEntries(
    [...sums].flatMap(([block, { change, size }]) => (size > 0 ? [[block, Math.sqrt(change / size)] as const] : [])),
  );
}

/** Each weight with the block that it belongs to. */
export function blocksOf({
  weights,
  instances,
}: Pick<Model, 'weights' | 'instances'>): readonly { readonly name: string; readonly block: string }[] {
  const blocks = new Map<string, string>();
  for (const { path, lines, weights: own } of instances)
    for (const { name, weight } of own) {
      if (blocks.has(weight)) continue;
      const reader = lines.find(({ text }) => reads(text, name));
      // A cell with one line that computes is a block by itself.
      const isAlone = lines.filter(({ text }) => own.some((each) => reads(text, each.name))).length <= 1;
      blocks.set(
        weight,
        reader === undefined || isAlone ? path : [path, reader.name.replace(/'$/, '')].filter((part) => part !== '').join('.'),
      );
    }
  return weights.map(({ name }) => ({ name, block: blocks.get(name) ?? name }));
}

const reads = (text: string, name: string): boolean => new RegExp(`(?<![\\p{L}\\p{N}_.])${name}(?![\\p{L}\\p{N}_'])`, 'u').test(text);

/** Says when it is time to measure again: at first (from a time on, in milliseconds), and then so seldom that it costs next to nothing. */
export class Seldom {
  readonly #now: () => number;
  #next: number;

  constructor(now: () => number, from = Number.NEGATIVE_INFINITY) {
    this.#now = now;
    this.#next = from;
  }

  get isDue(): boolean {
    return this.#now() >= this.#next;
  }

  /** It took from `start` until now. */
  took(start: number): void {
    const now = this.#now();
    this.#next = now + Math.max(1000, (now - start) / SHARE);
  }
}
