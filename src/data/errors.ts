// What can be wrong with a person's data, in words that say what to change.

import { basename } from 'node:path';

/** The setting that a fault belongs to: where the editor underlines it. */
export type Fault = 'missing' | 'data' | 'columns' | 'window' | 'batch' | 'minimum' | 'prompt';

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
    `The model has never seen ${tokens.map((each) => JSON.stringify(each)).join(', ')}: its text has ${count(known, `other ${unit}`, unit === 'class' ? 'other classes' : undefined)}. Leave ${tokens.length === 1 ? 'it' : 'them'} out.`,
  );

const mebibytes = (bytes: number): string => Math.round(bytes / 2 ** 20).toLocaleString('en-US');

// ------------------------------------------------------------------------------------------------------ tables, series, arrays

/** `line` counts from 1. */
export const raggedRow = (path: string, line: number, cells: number, expected: number): DataError =>
  new DataError(
    'data',
    `${basename(path)}, line ${line.toLocaleString('en-US')} has ${count(cells, 'cell')} instead of ${expected}. Quote cells that hold the delimiter, or complete the row.`,
  );

export const allLong = (path: string, rows: number, longest: number): DataError =>
  new DataError(
    'data',
    `All of ${basename(path)} is longer than ${longest.toLocaleString('en-US')} tokens: ${count(rows, 'row is', 'rows are')} left out, and none is left. Set longest: ${2 * longest}.`,
  );

/** `line` counts from 1. */
export const noTab = (path: string, line: number, text: string): DataError =>
  new DataError(
    'data',
    `${basename(path)}, line ${line.toLocaleString('en-US')} has no tab: ${JSON.stringify(text.slice(0, 40))}. A line is a text, a tab, and what belongs to it.`,
  );

/** What a source gives, and the inputs that the model has instead. */
export const otherInputs = (source: string, wanted: string, found: string): DataError =>
  new DataError('columns', `${source} gives ${wanted}; the model has ${found}. Give the model these inputs.`);

export const noImages = (folder: string, captions: string, why: string | undefined): DataError =>
  new DataError('data', `No image of ${basename(folder)} has a caption in ${basename(captions)}${why === undefined ? '.' : `: ${why}`}`);

/** `line` is that of its first caption. */
export const notReadImage = (name: string, captions: string, line: number, why: string): DataError =>
  new DataError(
    'data',
    `${name} (${basename(captions)}, line ${line.toLocaleString('en-US')}): ${why} Replace the image, or leave out its captions.`,
  );

export const badAlignment = (path: string, line: number, text: string): DataError =>
  new DataError(
    'data',
    `${basename(path)}, line ${line.toLocaleString('en-US')}: ${JSON.stringify(text.slice(0, 40))} is no alignment of these words. It is written 0-0 1-2: the place of a word of the source, from 0, and that of a word of the target.`,
  );

export const otherLines = (path: string, lines: number, pairs: string, wanted: number): DataError =>
  new DataError(
    'data',
    `${basename(path)} has ${count(lines, 'line')} and ${basename(pairs)} ${wanted.toLocaleString('en-US')}. Each line of one belongs to the same line of the other.`,
  );

export const badTable = (path: string, line: number, why: string): DataError =>
  new DataError('data', `${basename(path)}, line ${line.toLocaleString('en-US')}: ${why}`);

export const longCell = (path: string, line: number, most: number): DataError =>
  new DataError(
    'data',
    `${basename(path)}, line ${line.toLocaleString('en-US')} begins a cell of more than ${mebibytes(most)} MiB. Is a quotation mark never closed?`,
  );

export const noRows = (path: string): DataError =>
  new DataError('data', `${basename(path)} has no rows${path.endsWith('.csv') ? ' below its header' : ''}. Put the examples into it.`);

export const noColumn = (path: string, column: string, input: string, columns: readonly string[]): DataError =>
  new DataError(
    'columns',
    `${basename(path)} has no column \`${column}\` for the input ${input}. It has ${columns.join(', ')}. Name one of them: ${input}: column("${columns[0] ?? '...'}")`,
  );

export const unboundInput = (what: string, input: string, example: string): DataError =>
  new DataError('columns', `Nothing of ${what} is given to the input ${input}. Say what it is: ${example}`);

/** A cell that is no number, where numbers are wanted. */
export const noNumber = (path: string, line: number, column: string, text: string): DataError =>
  new DataError(
    'columns',
    `${basename(path)}, line ${line.toLocaleString('en-US')}, column ${column}: ${JSON.stringify(text.slice(0, 40))} is no number. Correct the cell, or leave it empty for a missing value.`,
  );

export const numbersPerCell = (path: string, line: number, column: string, found: number, expected: number): DataError =>
  new DataError(
    'columns',
    `${basename(path)}, line ${line.toLocaleString('en-US')}, column ${column} holds ${count(found, 'number')}; the model takes ${expected}.`,
  );

export const classesPerCell = (path: string, line: number, column: string, found: number, expected: number): DataError =>
  new DataError(
    'columns',
    `${basename(path)}, line ${line.toLocaleString('en-US')}, column ${column} holds ${count(found, 'class', 'classes')}; the model takes ${expected}. A dimension with a name, as in [T], takes rows of any length.`,
  );

export const noNumbers = (path: string, column: string): DataError =>
  new DataError(
    'columns',
    `Column ${column} of ${basename(path)} has no number in the training part. Take another column, or fill this one.`,
  );

export const piecesTogether = (path: string, inputs: readonly string[], dimension: string): DataError =>
  new DataError(
    'columns',
    inputs.length === 1
      ? `${inputs[0]} has ${dimension} classes in each row of ${basename(path)}; pieces are as many as they come. Write a name for the dimension, as in [T], or by: char.`
      : `${inputs.join(' and ')} share the dimension ${dimension}, and pieces of ${basename(path)} do not come in the same number. Cut by: word or by: char, or give each a dimension of its own.`,
  );

/** SPEC diagnostic 23. */
export const unequalLengths = (
  path: string,
  line: number,
  parts: readonly (readonly [name: string, length: number])[],
  dimension: string,
): DataError =>
  new DataError(
    'columns',
    `${basename(path)}, line ${line.toLocaleString('en-US')}: ${parts.map(([name, length]) => `${name} has ${length}`).join(', ')}; the model says that ${parts.length === 2 ? 'both' : 'all'} are [${dimension}].`,
  );

export const emptyPart = (what: string, part: string, examples: number, left: number): DataError =>
  new DataError(
    'data',
    `The ${part} part of ${what} is empty: of ${count(examples, 'example')} ${left} would be left for it. ${
      part === 'training' ? 'Hold out less (validation, test)' : `Set a larger ${part}, as in ${part}: 0.2, or ${part}: 0`
    }, or give more data.`,
  );

export const oneClass = (what: string, input: string, token: string): DataError =>
  new DataError('columns', `The input ${input} is ${JSON.stringify(token)} in every row of ${what}: there is nothing to tell apart.`);

export const missingArray = (path: string, name: string, names: readonly string[], input: string): DataError =>
  new DataError(
    'columns',
    `${basename(path)} has no array \`${name}\` for the input ${input}. It has ${names.join(', ')}. As in ${input}: "${names[0] ?? 'x'}"`,
  );

export const wrongShape = (
  path: string,
  name: string,
  found: readonly number[],
  input: string,
  expected: readonly (number | string)[],
): DataError =>
  new DataError(
    'columns',
    `The array ${name} of ${basename(path)} has examples of the shape [${found.join(', ')}]; the input ${input} is [${expected.join(', ')}].`,
  );

export const unequalCounts = (path: string, counts: readonly (readonly [name: string, examples: number])[]): DataError =>
  new DataError(
    'data',
    `The arrays of ${basename(path)} hold different numbers of examples: ${counts.map(([name, examples]) => `${name} ${examples.toLocaleString('en-US')}`).join(', ')}. The first axis counts the examples.`,
  );

export const badArray = (path: string, name: string, why: string): DataError =>
  new DataError('data', `${name === '' ? '' : `${name} of `}${basename(path)} cannot be read: ${why}`);

export const shortSeries = (path: string, part: string, rows: number, needed: number): DataError =>
  new DataError(
    'window',
    `The ${part} part of ${basename(path)} has ${count(rows, 'row')}; a window with what it predicts takes ${needed}. Set a smaller window, or hold out ${part === 'training' ? 'less' : 'more'}.`,
  );

export const taskInputs = (task: string, wanted: string, found: string): DataError => otherInputs(`The task ${task}`, wanted, found);
