// Pictures for a page: a PNG file of an image as the model sees it.

import { deflateSync } from 'node:zlib';
import { SIGNATURE } from './png.ts';

/** `data:image/png;base64,...` of [channels, height, width] with values 0 .. 1: grey of one channel, RGB of three, RGBA of four. */
export function pictureAddress(values: ArrayLike<number>, channels: 1 | 3 | 4, height: number, width: number): string {
  const lines = new Uint8Array(height * (1 + width * channels));
  for (let row = 0, at = 0; row < height; row += 1) {
    at += 1;
    for (let column = 0; column < width; column += 1)
      for (let channel = 0; channel < channels; channel += 1)
        lines[at++] = Math.round(255 * Math.min(1, Math.max(0, values[(channel * height + row) * width + column]!)));
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, { 1: 0, 3: 2, 4: 6 }[channels]], 8);
  const parts = [chunk('IHDR', head), chunk('IDAT', deflateSync(lines)), chunk('IEND', Buffer.alloc(0))];
  return `data:image/png;base64,${Buffer.concat([SIGNATURE, ...parts]).toString('base64')}`;
}

function chunk(name: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

/** ISO/IEC 15948, annex D. */
function crc32(bytes: Uint8Array): number {
  let rest = 0xffffffff;
  for (const byte of bytes) {
    rest ^= byte;
    for (let bit = 0; bit < 8; bit += 1) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  }
  return ~rest >>> 0;
}
