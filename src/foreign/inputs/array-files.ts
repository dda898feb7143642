// Arrays of NumPy as inputs: .npy, and .npz, which gives several inputs by name. Every number is taken as exactly as the input's type can hold it.

import { basename } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { unzipSync } from 'fflate';
import { type ArrayHeader, headerOf, nameOfFile, otherType } from '../../data/npy-read.ts';
import type { Reading } from '../../data/text-stream.ts';
import { halfValue } from '../../shared/half.ts';
import { asInputError, LIMIT, readAll, withFile } from './bytes.ts';
import { type Element, type ElementData, elementsIn, type Value } from './elements.ts';
import { badFile, badValue, InputError, largeFile, largeTensor, noArray, shapeText } from './errors.ts';
import type { Asked, Found } from './found.ts';

/** The bytes of arrays by name, each a .npy file; of a .npy file the one under the file's name. */
export type Arrays = ReadonlyMap<string, Uint8Array>;

/** Reads the arrays of a file that are `wanted`, and all names. Throws InputError, and the signal's reason. */
export async function openArrays(
  path: string,
  reading: Reading,
  wanted: (name: string, names: readonly string[]) => boolean,
): Promise<{ readonly arrays: Arrays; readonly names: readonly string[] }> {
  const bytes = await withFile(path, (file) => readAll(file, reading));
  if (bytes[0] === 0x93) return { arrays: new Map([[nameOfFile(path), bytes]]), names: [nameOfFile(path)] };
  const names = unzip(path, bytes, () => false).names;
  if (names.length === 0) throw badFile(path, 'there are no arrays in it. Write it with numpy.savez.');
  return { arrays: unzip(path, bytes, (name) => wanted(name, names)).files, names };
}

function unzip(path: string, bytes: Uint8Array, wanted: (name: string) => boolean): { files: Arrays; names: string[] } {
  const names: string[] = [];
  let size = bytes.length;
  try {
    const files = unzipSync(bytes, {
      filter: ({ name, originalSize }) => {
        if (!name.endsWith('.npy')) return false;
        names.push(name.slice(0, -4));
        if (!wanted(name.slice(0, -4))) return false;
        size += originalSize;
        if (size > LIMIT) throw largeFile(path, size, LIMIT);
        return true;
      },
    });
    return { files: new Map(Object.entries(files).map(([name, file]) => [name.slice(0, -4), file])), names };
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw badFile(path, 'it is no .npz archive, is damaged or was cut short. Write it anew with numpy.savez.');
  }
}

/** The array of a file that an input takes: the one that was chosen, the one of its name, or the only one. Throws InputError. */
export function arrayFor(
  path: string,
  { port, choice }: Pick<Asked, 'port' | 'choice'>,
  names: readonly string[],
  ports: readonly string[],
): string {
  if (choice.array !== undefined) {
    if (!names.includes(choice.array)) throw noArray(path, port.name, choice.array, names);
    return choice.array;
  }
  if (names.includes(port.name)) return port.name;
  // numpy.savez(file, a, b) calls them arr_0, arr_1: the inputs in their order.
  const place = ports.indexOf(port.name);
  if (names.length === ports.length && names.every((name) => /^arr_\d+$/.test(name)) && names.includes(`arr_${place}`))
    return `arr_${place}`;
  if (names.length === 1 && ports.length === 1) return names[0]!;
  throw noArray(path, port.name, port.name, names);
}

/** The elements of an array as an input wants them. Throws InputError where one does not fit its type. */
export async function arrayElements({ port, element, choice, reading }: Asked, name: string, bytes: Uint8Array): Promise<Found> {
  const { path } = choice;
  return asInputError(async () => {
    const header = headerOf(path, name, bytes);
    const code = `${header.kind}${header.width}`;
    const read = readers[code];
    if (read === undefined) {
      if (header.kind === 'U' || header.kind === 'S')
        throw badFile(path, `${name} holds texts, and ${port.name} is ${port.type}. Choose an array of numbers.`);
      throw otherType(path, name, header);
    }
    const { shape, count } = header;
    if (count * element.bytes > LIMIT) throw largeTensor(`${name} of ${path}`, shape, count * element.bytes, LIMIT);
    const isSame = codes[element.name] === code && header.little && header.order === undefined;
    const data = isSame ? viewOf(element, bytes, header) : element.make(count);
    if (!isSame)
      await convert(header, bytes, read, reading, (k, value) => {
        const why = element.put(data, k, value);
        if (why !== undefined) throw badValue(path, `${name}${shape.length === 0 ? '' : indexText(shape, k)}`, `${why}.`);
      });
    if (element.name === 'bool') normalise(data);
    return { dims: shape, data, what: `${name} of ${basename(choice.path)}` };
  });
}

/** The elements where they stand in the file's bytes, which are nobody else's; a copy where they do not stand at a multiple of their size. */
function viewOf(element: Element, bytes: Uint8Array, { start, count }: ArrayHeader): ElementData {
  const own = (bytes.byteOffset + start) % element.bytes === 0 ? bytes.subarray(start) : bytes.slice(start);
  const Data = element.make(0).constructor as Float32ArrayConstructor;
  return new Data(own.buffer as ArrayBuffer, own.byteOffset, count) as ElementData;
}

/** Elements between which others may have their turn. */
const PIECE = 2 ** 22;

async function convert(
  { count, start, width, little, order }: ArrayHeader,
  bytes: Uint8Array,
  read: Read,
  { signal }: Reading,
  put: (k: number, value: Value) => void,
): Promise<void> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let from = 0; from < count; from += PIECE) {
    for (let k = from; k < Math.min(count, from + PIECE); k += 1)
      put(k, read(view, start + (order === undefined ? k : order(k)) * width, little));
    if (from + PIECE < count) await setImmediate();
    signal?.throwIfAborted();
  }
}

type Read = (view: DataView, at: number, little: boolean) => Value;

const readers: Readonly<Record<string, Read>> = {
  f2: (view, at, little) => halfValue(view.getUint16(at, little)),
  f4: (view, at, little) => view.getFloat32(at, little),
  f8: (view, at, little) => view.getFloat64(at, little),
  i1: (view, at) => view.getInt8(at),
  i2: (view, at, little) => view.getInt16(at, little),
  i4: (view, at, little) => view.getInt32(at, little),
  i8: (view, at, little) => view.getBigInt64(at, little),
  u1: (view, at) => view.getUint8(at),
  u2: (view, at, little) => view.getUint16(at, little),
  u4: (view, at, little) => view.getUint32(at, little),
  u8: (view, at, little) => view.getBigUint64(at, little),
  b1: (view, at) => view.getUint8(at) !== 0,
};

/** What NumPy calls the types that need no conversion. */
const codes: Readonly<Record<string, string>> = {
  float16: 'f2',
  float32: 'f4',
  float64: 'f8',
  int8: 'i1',
  int16: 'i2',
  int32: 'i4',
  int64: 'i8',
  uint8: 'u1',
  uint16: 'u2',
  uint32: 'u4',
  uint64: 'u8',
  bool: 'b1',
};

function normalise(data: ElementData): void {
  for (let k = 0; k < data.length; k += 1) if (data[k] !== 0) data[k] = 1;
}

/** `[2, 3]`: the index of the k-th element in row-major order. */
export function indexText(shape: readonly number[], k: number): string {
  let rest = k;
  const index = shape.map((_, axis) => {
    const inner = elementsIn(shape.slice(axis + 1));
    const at = Math.floor(rest / inner);
    rest -= at * inner;
    return at;
  });
  return shapeText(index);
}
