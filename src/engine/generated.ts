// Sources that are generated for models of others.

import { createHash } from 'node:crypto';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

/** Where the source for a model stands: in `folder` (one of the system's for passing files unless told otherwise), in a folder of the file's own; of
 *  several for one model in one named `what`. */
export const generatedPath = (file: string, folder: string = join(tmpdir(), 'unroll-generated'), what = ''): string =>
  join(folder, createHash('sha256').update(file).digest('hex').slice(0, 12), what, `${basename(file)}.rnn`);

/** Writes a generated source, for reading only. */
export async function keepGenerated(path: string, text: string): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true });
  await chmod(path, 0o644).catch(() => undefined);
  await writeFile(path, text);
  await chmod(path, 0o444);
}
