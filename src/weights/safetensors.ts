// Reads safetensors: 8 bytes little-endian length of the header, the header in JSON, the tensors. Tensors are read one by one, so that a large file
// is never in memory twice.

import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { halfValue } from '../shared/half.ts';
import { type Tensor, WeightsError } from './file.ts';

/** The format's own limit. */
const LARGEST_HEADER = 1e8;

const bytesOf = { F16: 2, BF16: 2, F32: 4, F64: 8, I64: 8 } as const;
type Kind = keyof typeof bytesOf;
const isKind = (kind: unknown): kind is Kind => typeof kind === 'string' && kind in bytesOf;

interface Entry {
  readonly name: string;
  readonly kind: Kind;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** All tensors of a file, but those of a training's moments and states (`h.W_f#m`). Throws WeightsError. */
export async function readSafetensors(path: string): Promise<Map<string, Tensor>> {
  const name = basename(path);
  const handle = await open(path, 'r').catch(() => {
    throw new WeightsError(`There is no file ${path} that can be read.`);
  });
  try {
    const { size } = await handle.stat();
    const start = await read(handle, 0, 8, size, name);
    const length = start.readBigUInt64LE();
    if (length > BigInt(LARGEST_HEADER)) throw new WeightsError(`${name} is no safetensors file: its header would have ${length} bytes.`);
    const first = 8 + Number(length);
    const header = parse((await read(handle, 8, Number(length), size, name)).toString('utf8'), name);
    const entries = entriesOf(header, size - first, name);
    const found = new Map<string, Tensor>();
    for (const entry of entries) {
      if (entry.name.includes('#')) continue;
      const bytes = await read(handle, first + entry.begin, entry.end - entry.begin, size, name);
      found.set(entry.name, { shape: entry.shape, data: numbersOf(entry.kind, bytes) });
    }
    return found;
  } finally {
    await handle.close();
  }
}

async function read(handle: FileHandle, from: number, length: number, size: number, name: string): Promise<Buffer> {
  if (from + length > size) throw new WeightsError(`${name} is cut short: it has ${size} bytes and needs ${from + length}. Copy it again.`);
  const buffer = Buffer.alloc(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(buffer, done, Math.min(length - done, 2 ** 30), from + done);
    if (bytesRead === 0) throw new WeightsError(`${name} ends while it is read.`);
    done += bytesRead;
  }
  return buffer;
}

function parse(text: string, name: string): Record<string, unknown> {
  try {
    const header: unknown = JSON.parse(text);
    if (typeof header === 'object' && header !== null && !Array.isArray(header)) return header as Record<string, unknown>;
  } catch {
    // told below
  }
  throw new WeightsError(`${name} is no safetensors file: its header is not JSON.`);
}

/** The header's entries in the order of the file: each inside it, of the size that its shape says, none over another. */
function entriesOf(header: Record<string, unknown>, length: number, file: string): Entry[] {
  const entries = Object.entries(header).flatMap(([name, given]): Entry[] => {
    if (name === '__metadata__') return [];
    const { dtype, shape, data_offsets: offsets } = (given ?? {}) as Record<string, unknown>;
    const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
    if (!Array.isArray(shape) || !shape.every(isCount) || !Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount))
      throw new WeightsError(`${file}: the entry of ${name} is damaged.`);
    const [begin, end] = offsets as [number, number];
    if (!isKind(dtype))
      throw new WeightsError(`${file}: ${name} is ${String(dtype)}; ${Object.keys(bytesOf).join(', ')} are read. Convert it to F32.`);
    const count = (shape as number[]).reduce((product, size) => product * size, 1);
    if (end - begin !== count * bytesOf[dtype])
      throw new WeightsError(
        `${file}: ${name} is [${shape.join(', ')}] and has ${end - begin} bytes instead of ${count * bytesOf[dtype]}.`,
      );
    if (end > length) throw new WeightsError(`${file} is cut short: ${name} ends behind the end of the file. Copy it again.`);
    return [{ name, kind: dtype, shape: shape as number[], begin, end }];
  });
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  entries.forEach((entry, k) => {
    const before = entries[k - 1];
    if (before !== undefined && entry.begin < before.end)
      throw new WeightsError(`${file} is damaged: ${before.name} and ${entry.name} lie over each other.`);
  });
  return entries;
}

/** Little-endian numbers as float32. */
export function numbersOf(kind: Kind, bytes: Buffer): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = bytes.length / bytesOf[kind];
  const at: Record<Kind, (k: number) => number> = {
    F16: (k) => halfValue(view.getUint16(2 * k, true)),
    BF16: (k) => single(view.getUint16(2 * k, true) << 16),
    F32: (k) => view.getFloat32(4 * k, true),
    F64: (k) => view.getFloat64(8 * k, true),
    I64: (k) => Number(view.getBigInt64(8 * k, true)),
  };
  const numbers = new Float32Array(count);
  for (let k = 0; k < count; k += 1) numbers[k] = at[kind](k);
  return numbers;
}

const bitsOfSingle = new DataView(new ArrayBuffer(4));
function single(bits: number): number {
  bitsOfSingle.setInt32(0, bits);
  return bitsOfSingle.getFloat32(0);
}
