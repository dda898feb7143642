// Protocol-buffer bytes, field by field: the position in them, what reading costs, and errors. Nothing is allocated by claim.

export interface DecodeLimits {
  /** What the objects made of the bytes may take, in bytes, roughly; values that are views of the file do not count. */
  readonly memory: number;
  /** How deep messages may lie in each other; a body of If, Loop or Scan lies three below its graph. */
  readonly depth: number;
}

/** The depth is that of onnxruntime's decoder and of our encoder. */
export const decodeLimits: DecodeLimits = { memory: 2 ** 30, depth: 100 };

/** Where the bytes are not what the schema says. */
export class DecodeError extends Error {
  override name = 'DecodeError';
  /** 'large' and 'deep': beyond a limit. */
  readonly kind: 'damaged' | 'short' | 'large' | 'deep';
  /** Fields from the outermost to the one at fault: `graph`, `node[3]`, `input[0]`. */
  readonly place: string[] = [];
  constructor(kind: DecodeError['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}

/** What small values take in memory: a string, a view, an element of a list. */
export const costs = { string: 24, view: 160, element: 8 };
const longestText = 2 ** 26;

/** Above it, doubles are not 64-bit integers any more; a larger one would come back from the encoder as a negative number. */
const largestInt64 = 2 ** 63 - 1024;
const largestUint64 = 2 ** 64 - 2048;

/** The position in the bytes, and what reading costs. */
export class Reader {
  readonly bytes: Buffer;
  readonly limits: DecodeLimits;
  at = 0;
  spent = 0;
  /** Halves of the varint read last, unsigned. */
  low = 0;
  high = 0;

  constructor(bytes: Uint8Array, limits: DecodeLimits) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.limits = limits;
  }

  spend(cost: number): void {
    this.spent += cost;
    if (this.spent > this.limits.memory)
      throw new DecodeError('large', `its parts would take more than ${Math.round(this.limits.memory / 2 ** 20)} MiB of memory`);
  }

  need(count: number, end: number): void {
    if (count <= end - this.at) return;
    const where = end === this.bytes.length ? 'the file ends' : 'what holds it ends';
    throw new DecodeError('short', `at byte ${this.at}, ${count} bytes are announced, and ${where} after ${end - this.at}`);
  }

  varint(end: number): void {
    this.low = 0;
    this.high = 0;
    for (let k = 0; k < 10; k += 1) {
      if (this.at >= end) this.need(1, end);
      const byte = this.bytes[this.at]!;
      this.at += 1;
      const seven = byte & 127;
      if (k < 4) this.low += seven * 2 ** (7 * k);
      else if (k === 4) {
        this.low += (seven & 15) * 2 ** 28;
        this.high = seven >> 4;
      } else this.high += k < 9 ? seven * 2 ** (7 * k - 32) : (seven & 1) * 2 ** 31;
      if (byte < 128) return;
    }
    throw new DecodeError('damaged', `a number has more than ten bytes at byte ${this.at}`);
  }

  /** An unsigned number that counts: a tag, or a length. */
  unsigned(end: number): number {
    const first = this.at < end ? this.bytes[this.at]! : 128;
    if (first < 128) {
      this.at += 1;
      return first;
    }
    this.varint(end);
    return this.high * 2 ** 32 + this.low;
  }

  /** Reads a length, and returns where what follows it ends. */
  stop(end: number): number {
    const length = this.unsigned(end);
    this.need(length, end);
    return this.at + length;
  }

  number(type: string, end: number): number {
    switch (type) {
      case 'float':
        this.need(4, end);
        this.at += 4;
        return this.bytes.readFloatLE(this.at - 4);
      case 'double':
        this.need(8, end);
        this.at += 8;
        return this.bytes.readDoubleLE(this.at - 8);
    }
    this.varint(end);
    if (type === 'int32') return this.low | 0;
    if (type === 'uint64') return Math.min(this.high * 2 ** 32 + this.low, largestUint64);
    return Math.min((this.high | 0) * 2 ** 32 + this.low, largestInt64);
  }

  string(end: number): string {
    const stop = this.stop(end);
    const start = this.at;
    if (stop - start > longestText) throw new DecodeError('large', `it has ${stop - start} bytes, more than a text here may have`);
    this.spend(costs.string + stop - start);
    this.at = stop;
    return this.bytes.toString('utf8', start, stop);
  }

  /** A view of the bytes. */
  view(stop: number): Uint8Array {
    this.spend(costs.view);
    const start = this.at;
    this.at = stop;
    return new Uint8Array(this.bytes.buffer, this.bytes.byteOffset + start, stop - start);
  }

  /** What the schema does not know. */
  skip(wire: number, end: number): void {
    switch (wire) {
      case 0:
        this.varint(end);
        return;
      case 1:
      case 5: {
        const size = wire === 1 ? 8 : 4;
        this.need(size, end);
        this.at += size;
        return;
      }
      case 2:
        this.at = this.stop(end);
        return;
      default:
        throw new DecodeError('damaged', `a field is of wire type ${wire} at byte ${this.at}`);
    }
  }
}
