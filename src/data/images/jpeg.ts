// JPEG to pixels, by jpeg-js, within the memory that the header says it takes.

import { decode } from 'jpeg-js';
import type { Pixels } from './png.ts';

export const isJpeg = (bytes: Uint8Array): boolean => bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;

export interface JpegHeader {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

/** From the frame header, which stands behind the other segments. Throws what `fail` makes. */
export function jpegHeader(bytes: Uint8Array, fail: (why: string) => Error): JpegHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 2; at + 9 < bytes.length; ) {
    if (bytes[at] !== 0xff) throw fail('it is damaged.');
    const marker = bytes[at + 1]!;
    // Fill bytes, and markers without a segment.
    if (marker === 0xff || marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += marker === 0xff ? 1 : 2;
      continue;
    }
    if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) {
      if (marker > 0xc2)
        throw fail('it is coded in a way of JPEG that is hardly used (neither baseline nor progressive). Convert it to PNG.');
      const [height, width, channels] = [view.getUint16(at + 5), view.getUint16(at + 7), bytes[at + 9]!];
      if (width === 0 || height === 0) throw fail('its header is damaged.');
      return { width, height, channels };
    }
    if (marker === 0xda) break;
    at += 2 + view.getUint16(at + 2);
  }
  throw fail('it was cut short, or is damaged.');
}

/** RGB; grey images too. Throws what `fail` makes where the file is damaged or was cut short. */
export function decodeJpeg(bytes: Uint8Array, fail: (why: string) => Error): Pixels {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // The decoder would take what is missing at the end for grey.
  if (file.lastIndexOf(END) < 0) throw fail('it was cut short.');
  // Each scan goes over all pixels; programs write about ten.
  let scans = 0;
  for (let at = file.indexOf(SCAN); at >= 0; at = file.indexOf(SCAN, at + 2)) scans += 1;
  if (scans > MOST_SCANS) throw fail(`it goes over its pixels ${scans} times, which nobody writes. It is damaged.`);
  try {
    const { width, height, data } = decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      maxMemoryUsageInMB: 1536,
    });
    return { width, height, channels: 3, data };
  } catch (error) {
    throw fail(`it is damaged, or was cut short (${error instanceof Error ? error.message : String(error)}).`);
  }
}

const MOST_SCANS = 64;
const SCAN = Buffer.from([0xff, 0xda]);
const END = Buffer.from([0xff, 0xd9]);
