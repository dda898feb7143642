// How fast the steps go, and how long the rest will take.

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
