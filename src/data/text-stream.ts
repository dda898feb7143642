// A text file read in pieces, checked as it goes by: what is no UTF-8 text is said with its place, and never is the whole file in memory.

import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Reading } from '../shared/reading.ts';
import { binaryFile, emptyFile, notUtf8, unreadable, utf16File } from './errors.ts';

export type { Reading } from '../shared/reading.ts';

const CHUNK = 2 ** 20;

/** The text of a file, a piece of `chunk` bytes after the other, without a byte order mark; returns the SHA-256 of its bytes, hexadecimal.
 *  Throws DataError where it cannot be read or is no UTF-8 text, and the signal's reason. */
export async function* readText(
  path: string,
  { signal, progress }: Reading = {},
  chunk = CHUNK,
): AsyncGenerator<string, string, undefined> {
  const hash = createHash('sha256');
  const decoder = new TextDecoder();
  const place = new Place(path);
  let empty = true;
  let first = true;
  let seen = 0;
  try {
    const file = await stat(path);
    if (file.isDirectory()) throw Object.assign(new Error('a folder'), { code: 'EISDIR' });
    for await (const read of createReadStream(path, { highWaterMark: chunk, ...(signal === undefined ? {} : { signal }) })) {
      const bytes = read as Buffer;
      if (first && bytes.length >= 2 && ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)))
        throw utf16File(path);
      first = false;
      hash.update(bytes);
      seen += bytes.length;
      progress?.(seen, file.size);
      place.check(bytes);
      const text = decoder.decode(bytes, { stream: true });
      if (text === '') continue;
      empty = false;
      yield text;
    }
    place.end();
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    throw error instanceof Error && error.name === 'DataError' ? error : unreadable(path, error);
  }
  if (empty) throw emptyFile(path);
  return hash.digest('hex');
}

/** Where the bytes stand: characters may lie across two chunks. */
class Place {
  readonly #path: string;
  #line = 1;
  /** Bytes of the file, and of the line in hand, before the chunk. */
  #bytes = 0;
  #column = 0;
  #rest: Buffer = Buffer.alloc(0);

  constructor(path: string) {
    this.#path = path;
  }

  check(chunk: Buffer): void {
    const zero = chunk.indexOf(0);
    if (zero >= 0) throw binaryFile(this.#path, this.#bytes + zero + 1);
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const whole = bytes.length - openEnd(bytes);
    const sound = bytes.subarray(0, whole);
    if (!isUtf8(sound)) this.#fail(sound);
    const last = sound.lastIndexOf(0x0a);
    for (let at = sound.indexOf(0x0a); at >= 0; at = sound.indexOf(0x0a, at + 1)) this.#line += 1;
    this.#column = last < 0 ? this.#column + whole : whole - last - 1;
    this.#bytes += chunk.length;
    this.#rest = Buffer.from(bytes.subarray(whole));
  }

  end(): void {
    if (this.#rest.length > 0) this.#fail(this.#rest);
  }

  #fail(bytes: Buffer): never {
    let line = this.#line;
    let column = this.#column;
    let start = 0;
    for (;;) {
      const newline = bytes.indexOf(0x0a, start);
      const part = bytes.subarray(start, newline < 0 ? bytes.length : newline);
      if (!isUtf8(part) || newline < 0) {
        const sound = soundPrefix(part);
        throw notUtf8(this.#path, line, column + sound + 1, part[sound] ?? 0);
      }
      start = newline + 1;
      line += 1;
      column = 0;
    }
  }
}

/** Bytes at the end that may be the beginning of a character. */
function openEnd(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return back < (byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4) ? back : 0;
  }
  return 0;
}

/** Number of bytes before the first that belongs to no character. */
export function soundPrefix(bytes: Buffer): number {
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
