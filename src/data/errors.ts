// What can be wrong with a person's data, in words that say what to change.

import { basename } from 'node:path';

/** The setting that a fault belongs to: where the editor underlines it. */
export type Fault = 'missing' | 'data' | 'window' | 'batch' | 'minimum' | 'prompt';

export class DataError extends Error {
  override name = 'DataError';
  readonly about: Fault;

  constructor(about: Fault, message: string) {
    super(message);
    this.about = about;
  }
}

export const count = (value: number, one: string, many = `${one}s`): string =>
  `${value.toLocaleString('en-US')} ${value === 1 ? one : many}`;

/** A file that could not be read; `error` as Node gives it. */
export function unreadable(path: string, error: unknown): DataError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT')
    return new DataError('missing', `There is no file ${path}. Put the text there, or change the path in the data line.`);
  if (code === 'EISDIR') return new DataError('data', `${path} is a folder. Name a text file in the data line.`);
  if (code === 'EACCES' || code === 'EPERM') return new DataError('data', `${path} may not be read. Change its permissions.`);
  return new DataError('data', `${path} could not be read: ${error instanceof Error ? error.message : String(error)}`);
}

export const emptyFile = (path: string): DataError =>
  new DataError('data', `${basename(path)} is empty. Put the text to learn from into it.`);

export const tooLarge = (path: string, bytes: number, limit: number): DataError =>
  new DataError(
    'data',
    `${basename(path)} has ${mebibytes(bytes)} MiB; texts of up to ${mebibytes(limit)} MiB are held in memory. Cut off a part, as with: head -c ${mebibytes(limit)}M.`,
  );

export const binaryFile = (path: string, place: number): DataError =>
  new DataError(
    'data',
    `${basename(path)} is no text: byte ${place.toLocaleString('en-US')} is 0. Name a text file (UTF-8) in the data line.`,
  );

export const utf16File = (path: string): DataError => new DataError('data', `${basename(path)} is encoded as UTF-16. Save it as UTF-8.`);

/** `line` counts from 1, `column` (a byte of the line) too. */
export const notUtf8 = (path: string, line: number, column: number, byte: number): DataError =>
  new DataError(
    'data',
    `${basename(path)} is not UTF-8: line ${line}, byte ${column} is 0x${byte.toString(16).padStart(2, '0')}. Save the file as UTF-8.`,
  );

export const oneToken = (path: string, unit: string, token: string): DataError =>
  new DataError(
    'data',
    `${basename(path)} holds only the ${unit} ${JSON.stringify(token)}; with nothing else to tell it from there is nothing to predict. Put a real text into it.`,
  );

export const allUnknown = (path: string, minimum: number): DataError =>
  new DataError('minimum', `No word of ${basename(path)} occurs ${minimum} times. Set a smaller minimum.`);

export const longWindow = (window: number, part: string, path: string, size: number, unit: string): DataError =>
  new DataError(
    'window',
    `The window of ${window} is longer than the ${part} of ${basename(path)} (${count(size, unit)}). ${
      size > 1 ? `Set a window of at most ${size - 1}` : 'Set a smaller window'
    }, or take a longer text.`,
  );

export const manyRows = (batch: number, window: number, path: string, size: number, unit: string): DataError => {
  const rows = Math.floor((size - 1) / window);
  const steps = Math.floor((size - 1) / batch);
  const ways = [rows > 0 ? `batch: ${rows}` : '', steps > 0 ? `window: ${steps}` : ''].filter((way) => way !== '').join(' or ');
  return new DataError(
    'batch',
    `The training part of ${basename(path)} (${count(size, unit)}) is too short for ${count(batch, 'row')} of a window of ${window}, which take ${(batch * window + 1).toLocaleString('en-US')}. Set ${ways} or less.`,
  );
};

export const neverSeen = (tokens: readonly string[], unit: string, known: number): DataError =>
  new DataError(
    'prompt',
    `The model has never seen ${tokens.map((each) => JSON.stringify(each)).join(', ')}: its text has ${count(known, `other ${unit}`)}. Leave ${tokens.length === 1 ? 'it' : 'them'} out.`,
  );

const mebibytes = (bytes: number): string => Math.round(bytes / 2 ** 20).toLocaleString('en-US');
