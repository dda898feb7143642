// What was decoded last, as much of it as memory is set aside for.

/** Bytes. */
const LIMIT = 2 ** 29;

export class Cache {
  readonly #make: (key: number) => Uint8Array;
  readonly #limit: number;
  /** The one that was used last stands last. */
  readonly #kept = new Map<number, Uint8Array>();
  bytes = 0;

  constructor(make: (key: number) => Uint8Array, limit = LIMIT) {
    this.#make = make;
    this.#limit = limit;
  }

  get(key: number): Uint8Array {
    let found = this.#kept.get(key);
    if (found === undefined) {
      found = this.#make(key);
      this.bytes += found.length;
    } else this.#kept.delete(key);
    this.#kept.set(key, found);
    for (const [old, { length }] of this.#kept) {
      if (this.bytes <= this.#limit || old === key) break;
      this.#kept.delete(old);
      this.bytes -= length;
    }
    return found;
  }
}
