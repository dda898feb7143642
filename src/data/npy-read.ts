// Reads NumPy's files of arrays (NEP 1, format versions 1 to 3), and archives of them.

import { open, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { unzipSync } from 'fflate';
import { halfValue } from '../shared/half.ts';
import { badArray, DataError, unreadable } from './errors.ts';

/** Row-major. Numbers are kept as narrowly as the file has them; texts are those of arrays of strings. */
export type ReadArray =
  | { readonly kind: 'numbers'; readonly shape: readonly number[]; readonly data: Numbers; readonly whole: boolean }
  | { readonly kind: 'texts'; readonly shape: readonly number[]; readonly data: readonly string[] };

export interface ArrayFile {
  /** By name; of a .npy file the one array under the file's name. */
  readonly arrays: ReadonlyMap<string, ReadArray>;
  readonly bytes: Uint8Array;
}

/** Largest file: it is read whole. */
const LIMIT = 2 ** 31 - 1;

/** Reads the arrays of a .npz or .npy file that are `wanted`, or all. Throws DataError. */
export async function readArrays(path: string, wanted?: readonly string[]): Promise<ArrayFile> {
  const bytes = await readFile(path).catch((error: unknown) => {
    const code = (error as NodeJS.ErrnoException).code;
    throw code === 'ERR_FS_FILE_TOO_LARGE'
      ? badArray(path, '', `it is larger than ${Math.round(LIMIT / 2 ** 30)} GiB. Split it up.`)
      : unreadable(path, error);
  });
  if (/\.npy$/i.test(path)) return { arrays: new Map([[nameOfFile(path), parse(path, '', bytes)]]), bytes };
  const isWanted = (name: string): boolean => name.endsWith('.npy') && (wanted === undefined || wanted.includes(name.slice(0, -4)));
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(bytes, { filter: ({ name }) => isWanted(name) });
  } catch {
    throw badArray(path, '', 'it is no .npz archive, or was cut short. Write it anew with numpy.savez.');
  }
  return { arrays: new Map(Object.entries(files).map(([name, file]) => [name.slice(0, -4), parse(path, name.slice(0, -4), file)])), bytes };
}

export const nameOfFile = (path: string): string => basename(path).replace(/\.npy$/i, '');

/** The names of a file's arrays, from the archive's directory alone. Throws DataError. */
export async function arrayNames(path: string): Promise<readonly string[]> {
  if (/\.npy$/i.test(path)) return [nameOfFile(path)];
  const file = await open(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  try {
    const { size } = await file.stat();
    const tail = Buffer.alloc(Math.min(size, 2 ** 20));
    await file.read(tail, 0, tail.length, size - tail.length);
    // The entries of the directory stand together at the end: signature 0x02014b50, sizes of name, extra field and comment at 28, 30, 32.
    const names: string[] = [];
    for (let at = tail.indexOf('PK\u0001\u0002'); at >= 0 && at + 46 <= tail.length; at = tail.indexOf('PK\u0001\u0002', at + 4)) {
      const name = tail.subarray(at + 46, at + 46 + tail.readUInt16LE(at + 28)).toString('utf8');
      if (name.endsWith('.npy')) names.push(name.slice(0, -4));
    }
    if (names.length === 0) throw badArray(path, '', 'it holds no arrays, or is no .npz archive.');
    return names;
  } catch (error) {
    throw error instanceof DataError ? error : unreadable(path, error);
  } finally {
    await file.close();
  }
}

export type Numbers = Uint8Array | Int32Array | Float32Array | Float64Array;

type Read = (view: DataView, at: number, little: boolean) => number;

/** What numbers of a type are kept in. */
const keepers: Readonly<Record<string, new (length: number) => Numbers>> = {
  b1: Uint8Array,
  u1: Uint8Array,
  i1: Int32Array,
  u2: Int32Array,
  i2: Int32Array,
  i4: Int32Array,
  f2: Float32Array,
  f4: Float32Array,
};

const types: Readonly<Record<string, readonly [size: number, read: Read]>> = {
  f2: [2, (view, at, little) => halfValue(view.getUint16(at, little))],
  f4: [4, (view, at, little) => view.getFloat32(at, little)],
  f8: [8, (view, at, little) => view.getFloat64(at, little)],
  i1: [1, (view, at) => view.getInt8(at)],
  i2: [2, (view, at, little) => view.getInt16(at, little)],
  i4: [4, (view, at, little) => view.getInt32(at, little)],
  i8: [8, (view, at, little) => Number(view.getBigInt64(at, little))],
  u1: [1, (view, at) => view.getUint8(at)],
  u2: [2, (view, at, little) => view.getUint16(at, little)],
  u4: [4, (view, at, little) => view.getUint32(at, little)],
  u8: [8, (view, at, little) => Number(view.getBigUint64(at, little))],
  b1: [1, (view, at) => view.getUint8(at)],
};

/** What stands before the elements of an array, and where they are. */
export interface ArrayHeader {
  /** `f`, `i`, `u`, `b` of numbers; `U`, `S` of texts; others as NumPy names them. */
  readonly kind: string;
  /** Bytes of a number; characters of a text. */
  readonly width: number;
  readonly little: boolean;
  readonly shape: readonly number[];
  /** Elements. */
  readonly count: number;
  /** Offset of the first one. */
  readonly start: number;
  /** Where the k-th of the row-major order stands; absent where they stand in that order. */
  readonly order?: (k: number) => number;
}

/** Throws DataError where the bytes are no array, or it has fewer elements than its header says. */
export function headerOf(path: string, name: string, bytes: Uint8Array): ArrayHeader {
  const fail = (why: string): Error => badArray(path, name, why);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || bytes[0] !== 0x93 || Buffer.from(bytes.subarray(1, 6)).toString('latin1') !== 'NUMPY')
    throw fail('it is no NumPy array. Write it with numpy.save.');
  const major = bytes[6]!;
  const [before, length] = major === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  const start = before + length;
  if (start > bytes.length) throw fail('it was cut short.');
  const header = Buffer.from(bytes.subarray(before, start)).toString(major >= 3 ? 'utf8' : 'latin1');
  const type = /'descr':\s*'([<>|=]?)([a-zA-Z])(\d*)'/.exec(header);
  const shape = /'shape':\s*\(([^)]*)\)/
    .exec(header)?.[1]
    ?.split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')
    .map(Number);
  if (/'descr':\s*'\|?O'/.test(header))
    throw fail('it holds Python objects. Rows of different lengths belong into a table of JSON lines; others into an array of one type.');
  if (type === null || shape === undefined || shape.some((each) => !Number.isInteger(each) || each < 0))
    throw fail('its header is not understood.');
  const kind = type[2]!;
  const width = Number(type[3]) || (kind === 'b' ? 1 : 0);
  const count = shape.reduce((product, each) => product * each, 1);
  if (!(start + count * width * (kind === 'U' ? 4 : 1) <= bytes.length)) throw fail('it was cut short.');
  const fortran = /'fortran_order':\s*True/.test(header) && shape.length > 1;
  return { kind, width, little: type[1] !== '>', shape, count, start, ...(fortran ? { order: transposed(shape) } : {}) };
}

/** A type of numbers that is not read. */
export const otherType = (path: string, name: string, { kind, width }: ArrayHeader): Error =>
  badArray(path, name, `its type ${kind}${width || ''} is not read. Convert it, as with array.astype("float32").`);

/** An array from the bytes of its file. Throws DataError. */
export function parse(path: string, name: string, bytes: Uint8Array): ReadArray {
  const header = headerOf(path, name, bytes);
  const { kind, width, little, shape, count, start, order } = header;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (kind === 'U' || kind === 'S') {
    const size = width * (kind === 'U' ? 4 : 1);
    const text = (k: number): string => textAt(view, start + k * size, width, kind === 'U', little);
    return { kind: 'texts', shape, data: Array.from({ length: count }, (_, k) => text(order === undefined ? k : order(k))) };
  }
  const written = `${kind}${width}`;
  const [size, read] = types[written] ?? [];
  if (size === undefined || read === undefined) throw otherType(path, name, header);
  const data = new (keepers[written] ?? Float64Array)(count);
  for (let k = 0; k < count; k += 1) data[k] = read(view, start + (order === undefined ? k : order(k)) * size, little);
  return { kind: 'numbers', shape, data, whole: kind !== 'f' };
}

/** Where the k-th element of the row-major order stands in a column-major file. */
function transposed(shape: readonly number[]): (k: number) => number {
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, each) => product * each, 1));
  return (k) => {
    let rest = k;
    let at = 0;
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      at += (rest % shape[axis]!) * strides[axis]!;
      rest = Math.floor(rest / shape[axis]!);
    }
    return at;
  };
}

function textAt(view: DataView, at: number, length: number, wide: boolean, little: boolean): string {
  let text = '';
  for (let k = 0; k < length; k += 1) {
    const code = wide ? view.getUint32(at + 4 * k, little) : view.getUint8(at + k);
    if (code === 0) break;
    text += String.fromCodePoint(code);
  }
  return text;
}
