// Images as inputs, in the order of axes and of the size that the input has.

import { basename } from 'node:path';
import { isJpeg } from '../../data/images/jpeg.ts';
import { orientationOf, upright } from '../../data/images/orientation.ts';
import { MOST_BYTES, tooManyPixels } from '../../data/images/picture.ts';
import type { Pixels } from '../../data/images/png.ts';
import { type Plane, resized } from '../../data/images/resize.ts';
import type { ImageOptions } from '../../shared/inputs.ts';
import { LIMIT, readAll, withFile } from './bytes.ts';
import { badFile, badValue, InputError, shapeText } from './errors.ts';
import { wantedShape } from './fit.ts';
import type { Asked, Found } from './found.ts';
import { decodedAside } from './image-decoder.ts';
import { dimensionKey, type Port } from './ports.ts';

/** The pixels of an image in the input's shape: [1, 3, H, W], [1, H, W, 3], with one channel (grey) or four (with alpha), without the batch,
 *  or without channels; resized where H and W are fixed. Throws InputError. */
export async function imageElements({ port, element, choice, reading, sizes }: Asked): Promise<Found> {
  const { path } = choice;
  const layout = layoutOf({ ...port, ...(port.shape === undefined ? {} : { shape: wantedShape(port, sizes) }) }, choice);
  const pixels = await readImage(path, reading);
  const size = sizeFor(pixels, layout.height, layout.width);
  if (size.height * size.width * layout.channels * element.bytes > LIMIT) throw badFile(path, tooManyPixels(size.width, size.height));
  const { mean = [], spread = [] } = choice;
  for (const [what, each] of Object.entries({ mean, spread }))
    if (each.length > 1 && each.length !== layout.channels)
      throw badFile(path, `${what} has ${each.length} values for ${layout.channels} channels.`);
  const [dims, place] = arrangement(layout, size.height, size.width);
  const data = element.make(dims.reduce((product, dim) => product * dim, 1));
  for (let channel = 0; channel < layout.channels; channel += 1) {
    reading.signal?.throwIfAborted();
    const { data: values } = resized(channelOf(pixels, channel, layout.channels), size.height, size.width);
    const unit = element.isFloat && choice.bytes !== true ? 255 : 1;
    const [middle, scale] = [mean[channel] ?? mean[0] ?? 0, spread[channel] ?? spread[0] ?? 1];
    for (let k = 0; k < values.length; k += 1) {
      const value = (values[k]! / unit - middle) / scale;
      const why = element.put(data, place(channel, k), element.isFloat ? value : Math.round(value));
      if (why !== undefined) throw badValue(path, `row ${Math.floor(k / size.width)}, column ${k % size.width}`, `${why}.`);
    }
  }
  const isResized = size.height !== pixels.height || size.width !== pixels.width;
  return {
    dims,
    data,
    what: basename(path),
    ...(isResized
      ? { remarks: [`${basename(path)}: ${pixels.height} x ${pixels.width} pixels were resized to ${size.height} x ${size.width}.`] }
      : {}),
  };
}

/** Decodes an image whose header says that it is not too large, turned as it was seen. Throws InputError, and the signal's reason. */
export async function readImage(path: string, reading: Asked['reading']): Promise<Pixels> {
  const bytes = await withFile(path, (file) => readAll(file, reading, { limit: MOST_BYTES }));
  const pixels = await decodedAside(bytes, (why) => badFile(path, why), reading.signal);
  return isJpeg(bytes) ? upright(pixels, orientationOf(bytes)) : pixels;
}

export interface Layout {
  readonly rank: number;
  readonly channels: number;
  /** The axes of the channels (absent where there is none), rows and columns. */
  readonly channelAxis?: number;
  readonly rowAxis: number;
  readonly height?: number;
  readonly width?: number;
}

/** Where an input of a shape has channels, rows and columns. Throws InputError where it is no image's shape. */
export function layoutOf(port: Pick<Port, 'name' | 'shape'>, { layout }: ImageOptions): Layout {
  const shape = port.shape ?? ['?', 3, '?', '?'];
  const rank = shape.length;
  const isChannels = (axis: number): boolean =>
    CHANNELS.has(shape[axis] as number) || (typeof shape[axis] === 'string' && /^c$|channel/i.test(shape[axis]));
  const sizeAt = (axis: number): number | undefined =>
    dimensionKey({ type: '', ...port, shape }, axis) === undefined ? (shape[axis] as number) : undefined;
  const make = (rowAxis: number, channelAxis?: number): Layout => {
    const [height, width] = [sizeAt(rowAxis), sizeAt(rowAxis + 1)];
    const channels = channelAxis === undefined ? 1 : (sizeAt(channelAxis) ?? 3);
    return {
      rank,
      channels,
      rowAxis,
      ...(channelAxis === undefined ? {} : { channelAxis }),
      ...(height === undefined ? {} : { height }),
      ...(width === undefined ? {} : { width }),
    };
  };
  const before = rank - 3;
  const isOne = shape.slice(0, Math.max(0, before)).every((dim) => dim === 1 || typeof dim === 'string');
  if (rank === 2) return make(0);
  if (rank >= 3 && rank <= 6 && isOne) {
    if (layout === 'channels-last') return checked(port, make(before, rank - 1));
    if (layout === 'channels-first') return checked(port, make(rank - 2, before));
    // Three axes may be a batch of grey rows; a batch before them says that one of them is the channels.
    if (isChannels(before) && shape[before] !== 1) return make(rank - 2, before);
    if (isChannels(rank - 1)) return make(before, rank - 1);
    if (isChannels(before) && rank > 3) return make(rank - 2, before);
    if (rank > 3 && typeof shape[before] === 'string') return make(rank - 2, before);
    if (rank > 3 && typeof shape[rank - 1] === 'string') return make(before, rank - 1);
    if (rank === 3 && (shape[0] === 1 || typeof shape[0] === 'string')) return make(1);
  }
  throw new InputError(
    `${port.name} is ${shapeText(shape)}, which is no image's shape. Images are [1, 3, H, W] or [1, H, W, 3], with 1 channel or 4 too: choose another kind of file.`,
  );
}

const CHANNELS: ReadonlySet<number> = new Set([1, 3, 4]);

function checked(port: Pick<Port, 'name' | 'shape'>, layout: Layout): Layout {
  if (!CHANNELS.has(layout.channels))
    throw new InputError(
      `${port.name} is ${shapeText(port.shape ?? [])}: images have 1, 3 or 4 channels, not ${layout.channels}. Choose the other order of axes.`,
    );
  return layout;
}

/** Where only one side is fixed, the image keeps its proportions. */
function sizeFor(pixels: Pixels, height?: number, width?: number): { height: number; width: number } {
  if (height !== undefined && width !== undefined) return { height, width };
  if (height !== undefined) return { height, width: Math.max(1, Math.round((pixels.width * height) / pixels.height)) };
  if (width !== undefined) return { height: Math.max(1, Math.round((pixels.height * width) / pixels.width)), width };
  return { height: pixels.height, width: pixels.width };
}

/** The dims, and where the k-th pixel of a channel stands. */
function arrangement(
  { rank, channels, channelAxis, rowAxis }: Layout,
  height: number,
  width: number,
): [number[], (channel: number, k: number) => number] {
  const dims = Array.from({ length: rank }, () => 1);
  dims[rowAxis] = height;
  dims[rowAxis + 1] = width;
  if (channelAxis !== undefined) dims[channelAxis] = channels;
  const isLast = channelAxis !== undefined && channelAxis > rowAxis;
  return [dims, (channel, k) => (isLast ? k * channels + channel : channel * height * width + k)];
}

/** One of the channels that are wanted. Grey is the luma of ITU-R BT.601; alpha is 255 where the image has none, and left out where the input has none. */
function channelOf({ width, height, channels, data }: Pixels, channel: number, wanted: number): Plane {
  const values = new Float32Array(width * height);
  const hasColour = channels >= 3;
  const hasAlpha = channels % 2 === 0;
  const offset = channel === 3 ? channels - 1 : hasColour ? channel : 0;
  if (channel === 3 && !hasAlpha) values.fill(255);
  else if (wanted === 1 && hasColour)
    for (let k = 0, at = 0; k < values.length; k += 1, at += channels)
      values[k] = 0.299 * data[at]! + 0.587 * data[at + 1]! + 0.114 * data[at + 2]!;
  else for (let k = 0; k < values.length; k += 1) values[k] = data[k * channels + offset]!;
  return { width, height, data: values };
}
