// What can be wrong with the input that a person chose, in words that say what to change.

import { basename } from 'node:path';
import { count } from '../../data/errors.ts';

export class InputError extends Error {
  override name = 'InputError';
}

export const shapeText = (shape: readonly (number | string)[]): string => `[${shape.join(', ')}]`;

/** A file of an input, and what is wrong with it. */
export const badFile = (path: string, why: string): InputError => new InputError(`${basename(path)}: ${why}`);

/** `error` as Node gives it. */
export function unreadableFile(path: string, error: unknown): InputError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') return new InputError(`There is no file ${path}. Choose another, or put it there.`);
  if (code === 'EISDIR') return new InputError(`${path} is a folder. Choose a file.`);
  if (code === 'EACCES' || code === 'EPERM') return new InputError(`${path} may not be read. Change its permissions.`);
  return new InputError(`${path} could not be read: ${error instanceof Error ? error.message : String(error)}`);
}

export const emptyInput = (path: string): InputError => badFile(path, 'it is empty. Choose a file that holds the input.');

export const largeFile = (path: string, bytes: number, limit: number): InputError =>
  badFile(path, `it has ${mebibytes(bytes)} MiB; files of up to ${mebibytes(limit)} MiB are held in memory. Cut a part out of it.`);

export const unknownKind = (path: string): InputError =>
  badFile(path, 'files of this kind are not read. Choose .npy, .npz, .csv, .tsv, .json, .jsonl, .txt, .wav, .png or .jpg.');

/** A value that the input's type cannot have. `where` names the place, as `row 3, column b`. */
export const badValue = (path: string, where: string, why: string): InputError => badFile(path, `${where}: ${why}`);

export const noChoice = (names: readonly string[]): InputError =>
  new InputError(
    `Nothing is chosen for ${names.join(', ')}. Choose a file, zeros or random numbers for ${names.length === 1 ? 'it' : 'each of them'}.`,
  );

export const noInput = (name: string, names: readonly string[]): InputError =>
  new InputError(`The model has no input ${name}. Its inputs: ${names.join(', ')}.`);

export const noArray = (path: string, input: string, wanted: string, names: readonly string[]): InputError =>
  badFile(
    path,
    `there is no array ${wanted} in it for the input ${input}. It has ${listed(names)}. Name one of them, or rename the array to ${input}.`,
  );

export const oneForMany = (path: string, inputs: readonly string[]): InputError =>
  badFile(
    path,
    `it holds one array, and ${count(inputs.length, 'input')} (${listed(inputs)}) would take it. Say which one, and choose something else for the others.`,
  );

export const openSize = (key: string, uses: readonly string[]): InputError =>
  new InputError(`The size of the dimension ${key} (${uses.join(', ')}) is open. Say how large it is.`);

export const badSize = (key: string, size: unknown): InputError =>
  new InputError(`The dimension ${key} cannot be ${String(size)}. Sizes are whole numbers from 1.`);

export const openRank = (input: string): InputError =>
  new InputError(
    `The model says nothing of the shape of ${input}. Choose a file for it, or say the sizes of its axes: ${input}[0], ${input}[1], ...`,
  );

export const largeTensor = (what: string, dims: readonly number[], bytes: number, limit: number): InputError =>
  new InputError(
    `${what} ${shapeText(dims)} would have ${mebibytes(bytes)} MiB; inputs have at most ${mebibytes(limit)} MiB. Make it smaller.`,
  );

export const unsupportedType = (input: string, type: string): InputError =>
  new InputError(
    `${input} is of the type ${type}, which cannot be fed. Types that can: floats of 16 to 64 bits, whole numbers of 8 to 64 bits, bool.`,
  );

export const unknownChoice = (name: string, kind: unknown, kinds: readonly string[]): InputError =>
  new InputError(`What is chosen for ${name} is ${String(kind)}, which is no kind of input. There are ${kinds.join(', ')}.`);

/** As many names as a person reads. */
export function listed(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  const shown = names.slice(0, 20).join(', ');
  return names.length > 20 ? `${shown} and ${names.length - 20} more` : shown;
}

export const mebibytes = (bytes: number): string => {
  const size = bytes / 2 ** 20;
  return size < 10 ? size.toFixed(1) : Math.round(size).toLocaleString('en-US');
};
