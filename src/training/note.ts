// A person's words about a run. They have a file of their own, so that run.json is not written beside a training that writes it too.

import { unlink } from 'node:fs/promises';
import { cannotWrite, replaceFile } from './files.ts';
import { notePath, readRecord } from './run.ts';

/** Keeps a note, whole or not at all; an empty one is taken away. Throws RunError where the folder is no run, DiskError. */
export async function writeNote(folder: string, text: string): Promise<void> {
  await readRecord(folder);
  const note = text.trim();
  if (note !== '') {
    await replaceFile(notePath(folder), [Buffer.from(`${note}\n`)]);
    return;
  }
  await unlink(notePath(folder)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw cannotWrite(notePath(folder), error);
  });
}
