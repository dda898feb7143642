// The memory that the parts of a training step share, and the places where they wait for each other.
//
// Each part computes the gradient of its rows of the batch; each then adds up the gradients of one range of the parameters, updates the
// parameters of that range and puts them here, where the others fetch them.

/** Where the parts meet. Numbers of a part: loss sum, count, sum of squares of its range of the gradient. */
export interface BoardSize {
  readonly parts: number;
  readonly parameters: number;
}

const arrived = 0;
const failed = 1;
const numbersOfAPart = 3;
/** Looks at the counter before a thread is put to sleep: waking it takes longer than most waits. */
const looks = 20_000;

export class Board {
  readonly memory: SharedArrayBuffer;
  readonly #control: Int32Array;
  readonly #numbers: Float64Array;
  /** One whole gradient a part. */
  readonly gradients: readonly Float32Array[];
  readonly parameters: Float32Array;
  readonly #parts: number;
  #round = 0;

  constructor({ parts, parameters }: BoardSize, memory?: SharedArrayBuffer) {
    const head = 64;
    const numbers = 8 * Math.ceil((numbersOfAPart * parts * 8) / 8);
    this.memory = memory ?? new SharedArrayBuffer(head + numbers + 4 * parameters * (parts + 1));
    this.#parts = parts;
    this.#control = new Int32Array(this.memory, 0, 2);
    this.#numbers = new Float64Array(this.memory, head, numbersOfAPart * parts);
    const floats = (place: number): Float32Array => new Float32Array(this.memory, head + numbers + 4 * parameters * place, parameters);
    this.gradients = Array.from({ length: parts }, (_, part) => floats(part));
    this.parameters = floats(parts);
  }

  put(part: number, kind: keyof typeof places, value: number): void {
    this.#numbers[part * numbersOfAPart + places[kind]] = value;
  }

  /** The sum over all parts. */
  total(kind: keyof typeof places): number {
    let total = 0;
    for (let part = 0; part < this.#parts; part += 1) total += this.#numbers[part * numbersOfAPart + places[kind]]!;
    return total;
  }

  /** Waits until all parts are here. Throws where one of them has failed. */
  meet(): void {
    this.#round += 1;
    const enough = this.#round * this.#parts;
    if (Atomics.add(this.#control, arrived, 1) + 1 >= enough) Atomics.notify(this.#control, arrived);
    for (let k = 0; ; k += 1) {
      const count = Atomics.load(this.#control, arrived);
      if (Atomics.load(this.#control, failed) !== 0) throw new Error('Another part of the training step has failed.');
      if (count >= enough) return;
      if (k > looks) Atomics.wait(this.#control, arrived, count, 1000);
    }
  }

  fail(): void {
    Atomics.store(this.#control, failed, 1);
    Atomics.notify(this.#control, arrived);
  }
}

const places = { sum: 0, count: 1, squares: 2 } as const;
