// Files that tests read as inputs, made here byte by byte.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { readInputs } from '../../src/foreign/inputs/read.ts';

export interface Folder {
  path(name: string): string;
  write(name: string, content: string | Uint8Array): string;
  remove(): void;
}

export function makeFolder(): Folder {
  const folder = mkdtempSync(join(tmpdir(), 'unroll-inputs-'));
  const path = (name: string): string => join(folder, name);
  return {
    path,
    write: (name, content) => {
      writeFileSync(path(name), content);
      return path(name);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A .npy file of a type, as NumPy writes it. */
export function npyFile(descr: string, shape: string, bytes: Uint8Array | ArrayBufferLike, { fortran = false } = {}): Uint8Array {
  const header = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${shape}), }\n`;
  const content = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
  return Buffer.concat([
    Uint8Array.from([0x93, ...Buffer.from('NUMPY'), 1, 0, header.length & 255, header.length >> 8]),
    Buffer.from(header, 'latin1'),
    content,
  ]);
}

export const npzFile = (arrays: Readonly<Record<string, Uint8Array>>): Uint8Array =>
  zipSync(Object.fromEntries(Object.entries(arrays).map(([name, bytes]) => [`${name}.npy`, bytes])));

export interface Wave {
  readonly rate?: number;
  readonly channels?: number;
  readonly bits: number;
  readonly isFloat?: boolean;
  readonly isExtensible?: boolean;
  /** The samples' bytes. */
  readonly data: Uint8Array;
  /** Chunks between the format and the samples. */
  readonly between?: readonly Uint8Array[];
  /** What the header says of the length, if it lies. */
  readonly length?: number;
}

export function waveFile({
  rate = 16000,
  channels = 1,
  bits,
  isFloat = false,
  isExtensible = false,
  data,
  between = [],
  length = data.length,
}: Wave): Uint8Array {
  const code = isFloat ? 3 : 1;
  const format = Buffer.alloc(isExtensible ? 40 : 16);
  format.writeUInt16LE(isExtensible ? 0xfffe : code, 0);
  format.writeUInt16LE(channels, 2);
  format.writeUInt32LE(rate, 4);
  format.writeUInt32LE((rate * channels * bits) / 8, 8);
  format.writeUInt16LE((channels * bits) / 8, 12);
  format.writeUInt16LE(bits, 14);
  if (isExtensible) {
    format.writeUInt16LE(22, 16);
    format.writeUInt16LE(bits, 18);
    format.writeUInt16LE(code, 24);
  }
  const head = Buffer.alloc(8);
  head.write('data', 'latin1');
  head.writeUInt32LE(length, 4);
  const body = Buffer.concat([Buffer.from('WAVE'), chunk('fmt ', format), ...between, head, data]);
  return riff(body);
}

export function chunk(name: string, data: Uint8Array): Uint8Array {
  const head = Buffer.alloc(8);
  head.write(name, 'latin1');
  head.writeUInt32LE(data.length, 4);
  return Buffer.concat([head, data, Buffer.alloc(data.length % 2)]);
}

function riff(body: Uint8Array): Uint8Array {
  const head = Buffer.alloc(8);
  head.write('RIFF', 'latin1');
  head.writeUInt32LE(body.length, 4);
  return Buffer.concat([head, body]);
}

/** 16 bits a sample. */
export const pcm16 = (samples: readonly number[]): Uint8Array => new Uint8Array(Int16Array.from(samples).buffer);

/** A PNG of lines that are filtered already: each begins with the number of its filter. */
export function pngFile(
  width: number,
  height: number,
  depth: number,
  colour: number,
  lines: Uint8Array,
  { palette, interlaced = false }: { palette?: Uint8Array; interlaced?: boolean } = {},
): Uint8Array {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([depth, colour, 0, 0, interlaced ? 1 : 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    pngChunk('IHDR', head),
    ...(palette === undefined ? [] : [pngChunk('PLTE', palette)]),
    pngChunk('IDAT', deflateSync(lines)),
    pngChunk('IEND', new Uint8Array()),
  ]);
}

function pngChunk(name: string, data: Uint8Array): Uint8Array {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const body = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

/** `x: float32 [1, T]`, without a shape as `x: int64`. */
export function port(text: string): { name: string; type: string; shape?: (number | string)[] } {
  const [, name, type, shape] = /^([^:]+): (\w+)(?: \[(.*)\])?$/.exec(text)!;
  if (shape === undefined) return { name: name!, type: type! };
  const dims = shape === '' ? [] : shape.split(',').map((dim) => dim.trim());
  return { name: name!, type: type!, shape: dims.map((dim) => (/^\d+$/.test(dim) ? Number(dim) : dim)) };
}

/** One input as a file gives it: its dims, its elements, and the calls if there are several. */
export async function readOne(
  text: string,
  path: string,
  options: object = {},
  dimensions: Readonly<Record<string, number>> = {},
): Promise<string> {
  const only = port(text);
  const { inputs } = await readInputs([only], { inputs: { [only.name]: { kind: 'file', path, ...options } }, dimensions });
  const { dims, data, calls, type } = inputs[only.name]!;
  if (type !== only.type) throw new Error(`${only.name} is ${type}`);
  return `${calls === undefined ? '' : `${calls} x `}[${dims.join(', ')}] ${Array.from(data as ArrayLike<number | bigint>, (value) => (typeof value === 'bigint' ? `${value}n` : `${+value.toFixed(5)}`)).join(' ')}`;
}

export async function faultOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    const { name, message } = error as Error;
    return name === 'InputError' ? message : `${name}: ${(error as Error).stack}`;
  }
  return 'no fault';
}
