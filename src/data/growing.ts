// Whole numbers and floats of which nobody knows how many there will be, in blocks: nothing is copied when one more comes.

const BLOCK = 2 ** 20;
/** The first block begins small. */
const FIRST = 2 ** 10;

/** Numbers of classes as narrow as they can be kept. */
export type Ids = Uint8Array | Uint16Array | Int32Array;

/** Whole numbers from 0, two bytes each while they are small. */
export class GrowingIds {
  readonly #blocks: (Uint16Array | Int32Array)[] = [];
  #block: Uint16Array | Int32Array = new Uint16Array(FIRST);
  #used = 0;
  length = 0;

  push(id: number): void {
    if (this.#used === this.#block.length) {
      const make = this.#block.constructor as Uint16ArrayConstructor;
      if (this.#used < BLOCK) this.#block = doubled(this.#block, (length) => new make(length));
      else {
        this.#blocks.push(this.#block);
        this.#block = new make(BLOCK);
        this.#used = 0;
      }
    }
    if (id > 0xffff && this.#block instanceof Uint16Array) this.#block = Int32Array.from(this.#block);
    this.#block[this.#used] = id;
    this.#used += 1;
    this.length += 1;
  }

  /** Hands on those from .. to-1 in order. */
  visit(visit: (id: number) => void, from = 0, to = this.length): void {
    for (let k = Math.floor(from / BLOCK); k * BLOCK < to; k += 1) {
      const block = this.#blocks[k] ?? this.#block;
      const end = Math.min(BLOCK, to - k * BLOCK);
      for (let at = Math.max(0, from - k * BLOCK); at < end; at += 1) visit(block[at]!);
    }
  }

  /** All of them by other numbers, of which there are `count`. */
  renumbered(numbers: ArrayLike<number>, count: number): Ids {
    const ids = idsFor(count, this.length);
    let at = 0;
    this.visit((id) => {
      ids[at] = numbers[id]!;
      at += 1;
    });
    return ids;
  }
}

/** Floats: of four bytes each, or of eight where they count. */
export class GrowingFloats<Values extends Float32Array | Float64Array = Float32Array> {
  readonly #make: (length: number) => Values;
  readonly #blocks: Values[] = [];
  #block: Values;
  #used = 0;
  length = 0;

  constructor(make: (length: number) => Values) {
    this.#make = make;
    this.#block = make(FIRST);
  }

  push(value: number): void {
    if (this.#used === this.#block.length) {
      if (this.#used < BLOCK) this.#block = doubled(this.#block, this.#make);
      else {
        this.#blocks.push(this.#block);
        this.#block = this.#make(BLOCK);
        this.#used = 0;
      }
    }
    this.#block[this.#used] = value;
    this.#used += 1;
    this.length += 1;
  }

  /** The one at a place below `length`. */
  at(place: number): number {
    const block = Math.floor(place / BLOCK);
    return (this.#blocks[block] ?? this.#block)[place - block * BLOCK]!;
  }

  finish(): Values {
    const whole = this.#make(this.length);
    [...this.#blocks, this.#block.subarray(0, this.#used)].forEach((block, k) => {
      whole.set(block, k * BLOCK);
    });
    return whole;
  }
}

function doubled<Values extends Uint16Array | Int32Array | Float32Array | Float64Array>(
  values: Values,
  make: (length: number) => Values,
): Values {
  const wider = make(2 * values.length);
  wider.set(values);
  return wider;
}

export const growingFloats = (): GrowingFloats => new GrowingFloats((length) => new Float32Array(length));
/** The place where each row begins, and one more. */
export function growingOffsets(): GrowingFloats<Float64Array> {
  const offsets = new GrowingFloats((length) => new Float64Array(length));
  offsets.push(0);
  return offsets;
}

export const idsFor = (classes: number, length: number): Ids =>
  classes <= 0x100 ? new Uint8Array(length) : classes <= 0x10000 ? new Uint16Array(length) : new Int32Array(length);
