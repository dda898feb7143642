// How a camera was held, as EXIF says it (CIPA DC-008, tag 274): most programs turn the image when they show it, and so what was written about it is about
// the turned one.

import type { Pixels } from './png.ts';

/** 1 .. 8, of the first EXIF segment of a JPEG file; 1, as it stands, where nothing sound is said. */
export function orientationOf(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    if (marker === 0xda || marker === 0xd9) break;
    const length = view.getUint16(at + 2);
    const end = Math.min(bytes.length, at + 2 + length);
    const isExif = marker === 0xe1 && end - at > 18 && view.getUint32(at + 4) === EXIF && view.getUint16(at + 8) === 0;
    if (isExif) return fromTiff(new DataView(bytes.buffer, bytes.byteOffset + at + 10, end - at - 10));
    at += 2 + length;
  }
  return 1;
}

const EXIF = 0x45786966;
const TAG = 274;

function fromTiff(view: DataView): number {
  const order = view.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) return 1;
  const little = order === 0x4949;
  const start = view.getUint32(4, little);
  if (start + 2 > view.byteLength) return 1;
  const count = view.getUint16(start, little);
  for (let k = 0; k < count; k += 1) {
    const at = start + 2 + 12 * k;
    if (at + 12 > view.byteLength) return 1;
    if (view.getUint16(at, little) !== TAG) continue;
    const value = view.getUint16(at + 8, little);
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

/** The image as it was seen. */
export function upright({ width, height, channels, data }: Pixels, orientation: number): Pixels {
  if (orientation === 1) return { width, height, channels, data };
  const isTurned = orientation >= 5;
  const [columns, rows] = isTurned ? [height, width] : [width, height];
  const turned = new (data.constructor as Uint8ArrayConstructor)(data.length);
  for (let row = 0; row < rows; row += 1)
    for (let column = 0; column < columns; column += 1) {
      const [x, y] = isTurned ? [row, column] : [column, row];
      // 2 and 7 are mirrored; 3 and 4 upside down; 6 was turned to the left, 8 to the right.
      const fromX = [2, 3, 7, 8].includes(orientation) ? width - 1 - x : x;
      const fromY = [3, 4, 6, 7].includes(orientation) ? height - 1 - y : y;
      const [to, from] = [(row * columns + column) * channels, (fromY * width + fromX) * channels];
      for (let k = 0; k < channels; k += 1) turned[to + k] = data[from + k]!;
    }
  return { width: columns, height: rows, channels, data: turned };
}
