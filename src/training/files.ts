// Files that are whole or not there: written beside their place, synced to the disk, renamed.

import * as node from 'node:fs/promises';
import { dirname } from 'node:path';

/** What the training writes with; tests hand in disks that are full. */
export type Files = Pick<typeof node, 'open' | 'rename' | 'unlink' | 'mkdir' | 'readdir' | 'readFile' | 'rm'>;

export const nodeFiles: Files = node;

/** Writes a file so that a crash at any moment leaves the old content or the new. On failure the old one stands, and nothing beside it. */
export async function replaceFile(
  path: string,
  parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  files: Files = nodeFiles,
): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    const handle = await files.open(temporary, 'w');
    try {
      for await (const part of parts) await handle.writeFile(part);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await files.rename(temporary, path);
  } catch (error) {
    await files.unlink(temporary).catch(() => undefined);
    // What has no system call comes from whoever makes the parts.
    throw (error as NodeJS.ErrnoException).syscall === undefined ? error : cannotWrite(path, error);
  }
  await syncFolder(dirname(path), files);
}

/** Makes a rename last. Windows has no handle of a folder, and needs none. */
async function syncFolder(folder: string, files: Files): Promise<void> {
  const handle = await files.open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

/** A fault of the disk that a person can mend. */
export class DiskError extends Error {
  override name = 'DiskError';
}

export function cannotWrite(path: string, error: unknown): Error {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOSPC' || code === 'EDQUOT') return new DiskError(`The disk is full: ${path} could not be written. Make room.`);
  if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM')
    return new DiskError(`${path} may not be written. Change the folder's permissions, or write to another folder.`);
  if (code === 'ENOENT') return new DiskError(`${path} could not be written: its folder is not there. Make it first.`);
  if (code === 'ENOTDIR' || code === 'EEXIST')
    return new DiskError(`${path} cannot be made: a file of that name stands in the way. Choose another folder.`);
  return error instanceof Error ? new DiskError(`${path} could not be written: ${error.message}`) : new DiskError(String(error));
}
