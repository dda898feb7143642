// How fast the steps go, how much they learn from, and how long the rest will take.

import type { Batch } from '../data/dataset.ts';

/** Steps that the present speed is taken over. */
const RECENT = 32;

export class Pace {
  readonly #now: () => number;
  readonly #began: number;
  readonly #times: number[];
  #steps = 0;

  /** `now` in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
    this.#began = now();
    this.#times = [this.#began];
  }

  /** A step is done. */
  step(): void {
    this.#steps += 1;
    this.#times.push(this.#now());
    if (this.#times.length > RECENT + 1) this.#times.shift();
  }

  get stepsPerSecond(): number {
    const span = this.#times.at(-1)! - this.#times[0]!;
    return span > 0 ? ((this.#times.length - 1) * 1000) / span : 0;
  }

  /** From the mean over all steps so far, in which validation and checkpoints are; undefined for the first, which are slower. */
  secondsFor(steps: number): number | undefined {
    return this.#steps < 3 ? undefined : (steps * this.seconds) / this.#steps;
  }

  get seconds(): number {
    return (this.#now() - this.#began) / 1000;
  }
}

/** Data that is learned from, over the recent steps. */
export class Throughput {
  readonly #now: () => number;
  readonly #past: { readonly time: number; readonly steps: number }[] = [];

  /** `now` in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** A batch has been learned from. Gives the real timesteps a second; undefined for the first. */
  learned(batch: Batch): number | undefined {
    this.#past.push({ time: this.#now(), steps: realSteps(batch) });
    if (this.#past.length > RECENT + 1) this.#past.shift();
    const span = this.#past.at(-1)!.time - this.#past[0]!.time;
    const steps = this.#past.slice(1).reduce((sum, each) => sum + each.steps, 0);
    return span > 0 ? (steps * 1000) / span : undefined;
  }
}

/** Timesteps without padding; rows, where there are no timesteps. Of several sequences in an example, the longer counts. */
export function realSteps({ rows, sizes, inputs }: Batch): number {
  const lengths = Object.entries(inputs).filter(([name]) => name.startsWith('lengths('));
  const ragged = lengths.map(([, each]) => (each as Int32Array).reduce((sum, length) => sum + length, 0));
  const whole = Object.entries(sizes).filter(([name]) => inputs[`lengths(${name})`] === undefined);
  return Math.max(rows, ...ragged, ...whole.map(([, length]) => rows * length));
}
