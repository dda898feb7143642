// PNG (ISO/IEC 15948) to pixels. Nothing is inflated beyond the bytes that the header allows, which the packages for it that we looked at do not promise.

import { inflateSync } from 'node:zlib';

/** Samples of 8 bits, row-major, interleaved: grey, grey and alpha, RGB or RGBA. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 2 | 3 | 4;
  /** 0..255; of images of 16 bits, with a fraction. */
  readonly data: Uint8Array | Float32Array;
}

export interface PngHeader {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colour: number;
  readonly isInterlaced: boolean;
}

export const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Samples a pixel by the type of colour: grey, RGB, palette, grey and alpha, RGBA. */
const samples: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const depths: Readonly<Record<number, readonly number[]>> = { 0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16] };

export const isPng = (bytes: Uint8Array): boolean => SIGNATURE.equals(bytes.subarray(0, 8));

/** From the first 33 bytes. Throws what `fail` makes. */
export function pngHeader(bytes: Uint8Array, fail: (why: string) => Error): PngHeader {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (head.length < 33 || head.toString('latin1', 12, 16) !== 'IHDR') throw fail('it is no PNG image, or was cut short.');
  const [width, height, depth, colour, method, filter, interlace] = [
    head.readUInt32BE(16),
    head.readUInt32BE(20),
    ...head.subarray(24, 29),
  ] as [number, number, number, number, number, number, number];
  if (width === 0 || height === 0 || depths[colour]?.includes(depth) !== true || method !== 0 || filter !== 0 || interlace > 1)
    throw fail('its header is damaged.');
  return { width, height, depth, colour, isInterlaced: interlace === 1 };
}

/** Throws what `fail` makes where the file is damaged or was cut short. */
export function decodePng(bytes: Uint8Array, fail: (why: string) => Error): Pixels {
  const header = pngHeader(bytes, fail);
  const { width, height, depth, colour } = header;
  const { packed, palette } = chunksOf(bytes, fail);
  const count = samples[colour]!;
  const passes = header.isInterlaced ? ADAM7 : [[0, 0, 1, 1] as const];
  const areas = passes.map(([x, y, dx, dy]) => ({
    x,
    y,
    dx,
    dy,
    columns: Math.ceil((width - x) / dx),
    rows: Math.ceil((height - y) / dy),
  }));
  const lineBytes = (columns: number): number => Math.ceil((columns * count * depth) / 8);
  const expected = areas.reduce((sum, { columns, rows }) => sum + (columns > 0 && rows > 0 ? rows * (1 + lineBytes(columns)) : 0), 0);
  let lines: Uint8Array;
  try {
    lines = inflateSync(packed, { maxOutputLength: expected + 1 });
  } catch {
    throw fail('it is damaged, or was cut short.');
  }
  if (lines.length < expected) throw fail('it was cut short.');
  const raw = depth === 16 ? new Float32Array(width * height * count) : new Uint8Array(width * height * count);
  const step = Math.max(1, (count * depth) / 8);
  let at = 0;
  for (const { x, y, dx, dy, columns, rows } of areas) {
    if (columns <= 0 || rows <= 0) continue;
    const length = lineBytes(columns);
    let above: Uint8Array = new Uint8Array(length);
    for (let row = 0; row < rows; row += 1) {
      const line = lines.subarray(at + 1, at + 1 + length);
      if (!unfilter(lines[at]!, line, above, step)) throw fail('it is damaged.');
      above = line;
      at += 1 + length;
      for (let column = 0; column < columns; column += 1) {
        const to = ((y + row * dy) * width + x + column * dx) * count;
        for (let k = 0; k < count; k += 1) raw[to + k] = sampleOf(line, column * count + k, depth, colour === 3);
      }
    }
  }
  return colour === 3
    ? coloured(raw as Uint8Array, palette, width, height, fail)
    : { width, height, channels: count as Pixels['channels'], data: raw };
}

/** First column and row, and the steps, of each pass of an interlaced image. */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

function chunksOf(bytes: Uint8Array, fail: (why: string) => Error): { packed: Uint8Array; palette: Uint8Array } {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array[] = [];
  let palette: Uint8Array = new Uint8Array();
  for (let at = 8; at + 8 <= file.length; ) {
    const length = file.readUInt32BE(at);
    const name = file.toString('latin1', at + 4, at + 8);
    if (name === 'IEND') break;
    if (at + 12 + length > file.length) throw fail('it was cut short.');
    if (name === 'IDAT') parts.push(file.subarray(at + 8, at + 8 + length));
    if (name === 'PLTE') palette = file.subarray(at + 8, at + 8 + length);
    at += 12 + length;
  }
  return { packed: Buffer.concat(parts), palette };
}

/** Undoes what was done to a line for better compression; false where it is none of the five ways. */
function unfilter(way: number, line: Uint8Array, above: Uint8Array, step: number): boolean {
  if (way > 4) return false;
  for (let k = 0; way !== 0 && k < line.length; k += 1) {
    const left = k < step ? 0 : line[k - step]!;
    const up = above[k]!;
    const corner = k < step ? 0 : above[k - step]!;
    line[k]! += way === 1 ? left : way === 2 ? up : way === 3 ? (left + up) >> 1 : paeth(left, up, corner);
  }
  return true;
}

function paeth(left: number, up: number, corner: number): number {
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

/** As 0..255; an index into the palette as it is. */
function sampleOf(line: Uint8Array, k: number, depth: number, isIndex: boolean): number {
  if (depth === 8) return line[k]!;
  if (depth === 16) return (line[2 * k]! * 256 + line[2 * k + 1]!) / 257;
  const bit = k * depth;
  const value = (line[bit >> 3]! >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
  return isIndex ? value : (value * 255) / ((1 << depth) - 1);
}

function coloured(indices: Uint8Array, palette: Uint8Array, width: number, height: number, fail: (why: string) => Error): Pixels {
  const data = new Uint8Array(3 * indices.length);
  for (let k = 0; k < indices.length; k += 1) {
    const at = 3 * indices[k]!;
    if (at + 3 > palette.length) throw fail('a pixel has a colour that is not in its palette.');
    for (let channel = 0; channel < 3; channel += 1) data[3 * k + channel] = palette[at + channel]!;
  }
  return { width, height, channels: 3, data };
}
