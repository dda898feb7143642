// A text as a model reads it: a file of UTF-8 cut into characters or words, numbered by a vocabulary, its end held out for validation.

import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import type { TextSource } from '../shared/settings.ts';
import { binaryFile, emptyFile, notUtf8, tooLarge, unreadable, utf16File } from './errors.ts';
import { encode, makeVocabulary, type Vocabulary } from './vocabulary.ts';

/** A text in numbers. `validation` is the last tenth, or what the data line says. */
export interface Corpus {
  readonly source: TextSource;
  readonly vocabulary: Vocabulary;
  readonly training: Int32Array;
  readonly validation: Int32Array;
  /** SHA-256 of the file, hexadecimal: tells whether it has changed since. */
  readonly digest: string;
}

/** Largest file that is read, in bytes: its characters and their numbers are held in memory. */
const LIMIT = 256 * 2 ** 20;

/** Reads the text of a `data` line. A run that goes on gives its own vocabulary. Throws DataError. */
export async function loadText(source: TextSource, vocabulary?: Vocabulary): Promise<Corpus> {
  const bytes = await readBytes(source.path);
  const text = decodeText(source.path, bytes);
  const known = vocabulary ?? makeVocabulary(text, source);
  const ids = encode(known, text);
  const held = Math.floor(ids.length * source.validation);
  return {
    source,
    vocabulary: known,
    training: ids.subarray(0, ids.length - held),
    validation: ids.subarray(ids.length - held),
    digest: createHash('sha256').update(bytes).digest('hex'),
  };
}

async function readBytes(path: string): Promise<Buffer> {
  try {
    const { size } = await stat(path);
    if (size > LIMIT) throw tooLarge(path, size, LIMIT);
    return await readFile(path);
  } catch (error) {
    throw error instanceof Error && error.name === 'DataError' ? error : unreadable(path, error);
  }
}

/** The text of a file's bytes, without a byte order mark. Throws DataError where they are no UTF-8 text. */
export function decodeText(path: string, bytes: Buffer): string {
  if (bytes.length === 0) throw emptyFile(path);
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) throw utf16File(path);
  const zero = bytes.indexOf(0);
  if (zero >= 0) throw binaryFile(path, zero + 1);
  if (!isUtf8(bytes)) throw badByte(path, bytes);
  const text = new TextDecoder().decode(bytes);
  if (text === '') throw emptyFile(path);
  return text;
}

function badByte(path: string, bytes: Buffer): Error {
  let line = 1;
  let start = 0;
  for (;;) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline < 0 ? bytes.length : newline;
    const part = bytes.subarray(start, end);
    if (!isUtf8(part)) {
      const column = soundPrefix(part);
      return notUtf8(path, line, column + 1, part[column]!);
    }
    start = end + 1;
    line += 1;
  }
}

/** Number of bytes before the first that belongs to no character. */
function soundPrefix(bytes: Buffer): number {
  let place = 0;
  while (place < bytes.length) {
    const lead = bytes[place]!;
    const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    const character = bytes.subarray(place, place + length);
    if (character.length < length || !isUtf8(character)) break;
    place += length;
  }
  return place;
}
