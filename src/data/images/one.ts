// One image out of a file, as a model takes the images of its data.

import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { InputShape } from '../../shared/dataset.ts';
import { DataError, unreadable } from '../errors.ts';
import { type Form, MOST_BYTES, pictureOf } from './picture.ts';

/** Whether an input can be an image: [channels, height, width] of numbers, with 1, 3 or 4 channels. */
export const isImage = ({ shape, classes, network }: InputShape): boolean =>
  network === undefined &&
  classes === undefined &&
  shape.length === 3 &&
  shape.every((length) => typeof length === 'number') &&
  [1, 3, 4].includes(Number(shape[0]));

/** [channels, height, width] of 0 to 1, stretched to the input's size. Throws DataError. */
export async function imageOf(path: string, { shape }: InputShape): Promise<Float32Array> {
  const [channels, height, width] = shape as readonly number[];
  const fail = (why: string): DataError => new DataError('data', `${basename(path)}: ${why}`);
  try {
    const { size } = await stat(path);
    if (size > MOST_BYTES)
      throw fail(`it has ${Math.round(size / 2 ** 20)} MiB, of which ${MOST_BYTES / 2 ** 20} are read. Make it smaller.`);
    const form: Form = { channels: channels as Form['channels'], height: height!, width: width! };
    return Float32Array.from(pictureOf(await readFile(path), form, fail), (value) => value / 255);
  } catch (error) {
    throw error instanceof DataError ? error : unreadable(path, error);
  }
}
