// An image file as a model takes it: turned as it was seen, on white where it is transparent, in the model's channels and size.

import { decodeJpeg, isJpeg, jpegHeader } from './jpeg.ts';
import { orientationOf, upright } from './orientation.ts';
import { decodePng, isPng, type Pixels, pngHeader } from './png.ts';
import { type Plane, resized } from './resize.ts';

/** Pixels that are decoded: about 30 bytes each are in use at the same time. */
export const MOST_PIXELS = 50e6;
export const LONGEST_SIDE = 65_535;
/** Bytes of a file. */
export const MOST_BYTES = 2 ** 28;

export const tooManyPixels = (width: number, height: number): string =>
  `it has ${width.toLocaleString('en-US')} x ${height.toLocaleString('en-US')} pixels; images of up to ${Math.round(MOST_PIXELS / 1e6)} million are read, of at most ${LONGEST_SIDE.toLocaleString('en-US')} on a side. Make it smaller.`;

/** The size in the header of a PNG or JPEG file, of which the beginning is enough. Throws what `fail` makes where it is neither, or too large. */
export function sizeOf(bytes: Uint8Array, fail: (why: string) => Error): { readonly width: number; readonly height: number } {
  const kind = isPng(bytes) ? 'png' : isJpeg(bytes) ? 'jpeg' : undefined;
  if (kind === undefined) throw fail('it is neither a PNG nor a JPEG image. Convert it to one of them.');
  const { width, height } = kind === 'png' ? pngHeader(bytes, fail) : jpegHeader(bytes, fail);
  if (width * height > MOST_PIXELS || Math.max(width, height) > LONGEST_SIDE) throw fail(tooManyPixels(width, height));
  return { width, height };
}

/** Decodes a PNG or JPEG file whose header says that it is not too large, as it stands in the file. Throws what `fail` makes. */
export function decodeImage(bytes: Uint8Array, fail: (why: string) => Error): Pixels {
  sizeOf(bytes, fail);
  return isPng(bytes) ? decodePng(bytes, fail) : decodeJpeg(bytes, fail);
}

export interface Form {
  /** 1 is grey, 3 RGB, 4 RGBA. */
  readonly channels: 1 | 3 | 4;
  readonly height: number;
  readonly width: number;
}

/** [channels, height, width] of 0 .. 255. The image is stretched to the size. Throws what `fail` makes. */
export function pictureOf(bytes: Uint8Array, form: Form, fail: (why: string) => Error): Uint8Array {
  const pixels = upright(decodeImage(bytes, fail), isJpeg(bytes) ? orientationOf(bytes) : 1);
  const area = form.height * form.width;
  const picture = new Uint8Array(form.channels * area);
  for (let channel = 0; channel < form.channels; channel += 1) {
    const { data } = resized(planeOf(pixels, channel, form.channels), form.height, form.width);
    for (let k = 0; k < area; k += 1) picture[channel * area + k] = Math.round(Math.min(255, Math.max(0, data[k]!)));
  }
  return picture;
}

/** One of the channels that are wanted. Grey is the luma of ITU-R BT.601. What is transparent shows the white behind it, but where alpha is wanted too. */
function planeOf({ width, height, channels, data }: Pixels, channel: number, wanted: Form['channels']): Plane {
  const values = new Float32Array(width * height);
  const hasAlpha = channels === 2 || channels === 4;
  const hasColour = channels >= 3;
  const alphaAt = (at: number): number => (hasAlpha ? data[at + channels - 1]! : 255);
  for (let k = 0, at = 0; k < values.length; k += 1, at += channels) {
    if (channel === 3) {
      values[k] = alphaAt(at);
      continue;
    }
    const own = !hasColour
      ? data[at]!
      : wanted === 1
        ? 0.299 * data[at]! + 0.587 * data[at + 1]! + 0.114 * data[at + 2]!
        : data[at + channel]!;
    values[k] = hasAlpha && wanted !== 4 ? 255 + ((own - 255) * alphaAt(at)) / 255 : own;
  }
  return { width, height, data: values };
}
