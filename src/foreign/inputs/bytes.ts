// Files of an input, read whole or in part: never more than is allowed, saying how far it is, and until it is told to stop.

import { type FileHandle, open, stat } from 'node:fs/promises';
import { DataError } from '../../data/errors.ts';
import { type Reading, readText } from '../../data/text-stream.ts';
import { badFile, emptyInput, InputError, largeFile, unreadableFile } from './errors.ts';

/** Bytes that a file or a tensor may have: all of it is held in memory. */
export const LIMIT = 2 ** 31;

/** Bytes of a text that is held whole; V8's strings end a little above. */
export const TEXT_LIMIT = 2 ** 28;

const CHUNK = 2 ** 22;

export interface OpenFile {
  readonly path: string;
  readonly size: number;
  /** Fewer than `length` bytes at the end of the file. */
  read(at: number, length: number): Promise<Uint8Array>;
}

/** Opens a file for as long as `use` runs. Throws InputError where it cannot be read, is a folder, empty, or no plain file. */
export async function withFile<Result>(path: string, use: (file: OpenFile) => Promise<Result>): Promise<Result> {
  let handle: FileHandle | undefined;
  try {
    // To open a pipe would wait for who writes into it.
    const entry = await stat(path);
    if (entry.isDirectory()) throw Object.assign(new Error('a folder'), { code: 'EISDIR' });
    if (!entry.isFile()) throw badFile(path, 'it is no plain file. Copy what it gives into one.');
    handle = await open(path);
    const opened = handle;
    const { size } = await opened.stat();
    if (size === 0) throw emptyInput(path);
    const read = async (at: number, length: number): Promise<Uint8Array> => {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - at)));
      const { bytesRead } = await opened.read(bytes, 0, bytes.length, at);
      return bytes.subarray(0, bytesRead);
    };
    return await use({ path, size, read });
  } catch (error) {
    if (error instanceof InputError || error instanceof DataError || (error as NodeJS.ErrnoException).code === undefined) throw error;
    throw unreadableFile(path, error);
  } finally {
    await handle?.close();
  }
}

/** All bytes of a file, or those from `from` to before `to`. Throws InputError, and the signal's reason. */
export async function readAll(
  file: OpenFile,
  reading: Reading = {},
  { limit = LIMIT, from = 0, to = file.size } = {},
): Promise<Uint8Array> {
  if (to - from > limit) throw largeFile(file.path, to - from, limit);
  const bytes = new Uint8Array(to - from);
  let length = 0;
  while (length < bytes.length) {
    reading.signal?.throwIfAborted();
    const part = await file.read(from + length, Math.min(CHUNK, bytes.length - length));
    if (part.length === 0) break;
    bytes.set(part, length);
    length += part.length;
    reading.progress?.(from + length, file.size);
  }
  return bytes.subarray(0, length);
}

/** The text of a file. Throws InputError where there is none, it is too large or no UTF-8, and the signal's reason. */
export async function readWholeText(path: string, reading: Reading = {}): Promise<string> {
  const size = await withFile(path, async (file) => file.size);
  if (size > TEXT_LIMIT) throw largeFile(path, size, TEXT_LIMIT);
  const pieces: string[] = [];
  await asInputError(async () => {
    for await (const piece of readText(path, reading)) pieces.push(piece);
  });
  return pieces.join('');
}

/** What the readers of data sets say, said of an input. */
export async function asInputError<Result>(read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    throw error instanceof DataError ? new InputError(error.message.replace(/ in the data line/, '')) : error;
  }
}
