// NumPy's files of arrays (NEP 1, format version 1.0), and archives of them.

import { Zip, ZipPassThrough } from 'fflate';
import type { NumericData } from '../shared/numeric.ts';

export interface NumericArray {
  readonly shape: readonly number[];
  /** Row-major. */
  readonly data: NumericData;
  /** Where the data is the bits of halves, or 0 and 1. */
  readonly type?: 'float16' | 'bool';
}

/** A `.npy` file. */
export function npy({ shape, data, type: said }: NumericArray): Uint8Array {
  const type = said === undefined ? kinds[data.constructor.name] : said === 'bool' ? '|b1' : '<f2';
  const sizes = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': ${sizes}, }`;
  // The numbers begin at a multiple of 64 bytes; 10 bytes stand before the text, a newline after it.
  const header = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`;
  const file = new Uint8Array(10 + header.length + data.byteLength);
  file.set([0x93, ...Buffer.from('NUMPY'), 1, 0, header.length & 255, header.length >> 8]);
  file.set(Buffer.from(header, 'latin1'), 10);
  file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 10 + header.length);
  return file;
}

/** NumPy's words, by the array's. */
const kinds: Readonly<Record<string, string>> = {
  Float32Array: '<f4',
  Float64Array: '<f8',
  Int8Array: '|i1',
  Uint8Array: '|u1',
  Int16Array: '<i2',
  Uint16Array: '<u2',
  Int32Array: '<i4',
  Uint32Array: '<u4',
  BigInt64Array: '<i8',
  BigUint64Array: '<u8',
};

/** The bytes of a `.npz` file, with one array in memory at a time: `numpy.load(...)['h/f']` reads the array of that name. */
export async function* npz(arrays: Iterable<NamedArray> | AsyncIterable<NamedArray>): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks: Uint8Array[] = [];
  const zip = new Zip((error, chunk) => {
    if (error !== null) throw error;
    chunks.push(chunk);
  });
  for await (const [name, array] of arrays) {
    const file = new ZipPassThrough(`${name}.npy`);
    zip.add(file);
    file.push(npy(array), true);
    yield* chunks.splice(0);
  }
  zip.end();
  yield* chunks;
}

export type NamedArray = readonly [name: string, array: NumericArray];
