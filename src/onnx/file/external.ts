// Values of tensors in files of their own, which lie in the model's folder; what leads out of it is refused.

import type { Stats } from 'node:fs';
import { open, realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, sep, win32 } from 'node:path';
import type { StringEntry } from '../proto.ts';
import { ModelFileError, quoted } from './error.ts';

export interface ExternalPlace {
  readonly location: string;
  readonly offset: number;
  /** In bytes; absent: as many as the tensor has. */
  readonly length?: number;
}

/** Where a tensor's entries say that its values are; else what is wrong with them, as the rest of a sentence. */
export function externalPlace(entries: readonly StringEntry[]): ExternalPlace | string {
  const of = (key: string): string | undefined => entries.find((entry) => entry.key === key)?.value;
  const location = of('location') ?? '';
  if (location === '') return 'keeps its values outside of the model file and does not say in which';
  const [offset, length] = [of('offset') ?? '0', of('length')];
  for (const [name, text] of [
    ['offset', offset],
    ['length', length],
  ] as const)
    if (text !== undefined && !(/^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text))))
      return `has ${quoted(text)} as ${name} of its values in ${quoted(location)}, which is no number of bytes`;
  return { location, offset: Number(offset), ...(length === undefined ? {} : { length: Number(length) }) };
}

/** The files beside a model that its tensors are kept in. */
export class ExternalFiles {
  readonly model: string;
  readonly found = new Map<string, Promise<ExternalFile>>();

  constructor(model: string) {
    this.model = model;
  }

  /** The file of a location, looked at once. Never rejects: what is wrong is its fault. */
  file(location: string): Promise<ExternalFile> {
    const known = this.found.get(location) ?? findFile(this.model, location);
    this.found.set(location, known);
    return known;
  }

  /** Bytes from the offset on. Nothing is allocated that the file does not have. Throws ModelFileError. */
  async read(name: string, { location, offset }: ExternalPlace, bytes: number): Promise<Uint8Array> {
    const file = await this.file(location);
    const model = basename(this.model);
    if (file.path === undefined) throw new ModelFileError(`${model} keeps ${name} in ${file.fault}`);
    if (offset + bytes > file.bytes) throw new ModelFileError(`${model}: ${tooShort(name, file, offset, bytes)}`);
    const handle = await open(file.path, 'r').catch(() => {
      throw new ModelFileError(`${model} keeps ${name} in ${quoted(location)}, which cannot be read. See to its permissions.`);
    });
    try {
      const buffer = new Uint8Array(bytes);
      for (let done = 0; done < bytes; ) {
        const { bytesRead } = await handle.read(buffer, done, Math.min(bytes - done, 2 ** 30), offset + done);
        if (bytesRead === 0) throw new ModelFileError(`${quoted(location)} ends while ${name} is read.`);
        done += bytesRead;
      }
      return buffer;
    } finally {
      await handle.close();
    }
  }
}

export interface ExternalFile {
  /** As the model says it. */
  readonly location: string;
  /** Absolute, without links; absent where it cannot be read. */
  readonly path?: string;
  readonly bytes: number;
  /** Begins with the location: `w.bin, which is not there. Copy it beside the model.` */
  readonly fault?: string;
  /** It lies outside of the model's folder; whoever runs the model must not let that be read. */
  readonly outside: boolean;
}

/** A sentence without its file: `w.bin is cut short: ...` */
export const tooShort = (name: string, { location, bytes: there }: ExternalFile, offset: number, bytes: number): string =>
  `${quoted(location)} is cut short: ${name} has ${bytes} bytes from ${offset} on, and the file ends at ${there}. Copy it again.`;

async function findFile(model: string, location: string): Promise<ExternalFile> {
  const shown = quoted(location);
  const failed = (fault: string, outside = false): ExternalFile => ({ location, bytes: 0, fault: `${shown}, ${fault}`, outside });
  const refused = (): ExternalFile =>
    failed('outside its folder; that is not read. Copy it beside the model, and export with a relative path.', true);
  if (location.includes('\0')) return failed('which is no name of a file.');
  if (isAbsolute(location) || win32.isAbsolute(location) || /^[a-z]:/i.test(location)) return refused();
  const folder = dirname(model);
  const leaves = (from: string, to: string): boolean => {
    const inside = relative(from, to);
    return isAbsolute(inside) || inside === '..' || inside.startsWith(`..${sep}`);
  };
  if (leaves(folder, join(folder, location))) return refused();
  let target: string;
  let found: Stats;
  try {
    target = await realpath(join(folder, location));
    if (leaves(await realpath(folder), target)) return refused();
    found = await stat(target);
  } catch {
    return failed('which is not there. Copy it beside the model.');
  }
  if (!found.isFile()) return failed('which is no file.');
  return { location, path: target, bytes: found.size, outside: false };
}
