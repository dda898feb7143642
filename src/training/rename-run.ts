// A run's name is that of its folder; it keeps its place, so that the paths in run.json, which are relative, stay right.

import { readdir, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { cannotWrite } from './files.ts';
import { LockedError, lockRun } from './lock.ts';
import { RunError, readRecord } from './run.ts';

/** Gives a run another name, and returns its folder. Throws RunError where the name cannot be one or the run is being trained, DiskError. */
export async function renameRun(folder: string, name: string): Promise<string> {
  const own = basename(folder);
  const fault = nameFault(name, own, await readdir(dirname(folder)).catch(() => []));
  if (fault !== undefined) throw new RunError(fault);
  if (name === own) return folder;
  await readRecord(folder);
  const target = join(dirname(folder), name);
  // Whoever has the lock trains it; with it, nobody can begin to while the folder moves.
  const lock = await lockRun(folder).catch((error: unknown) => {
    throw error instanceof LockedError ? beingTrained(own) : error;
  });
  try {
    await rename(folder, target);
  } catch (error) {
    await lock.release();
    throw cannotWrite(target, error);
  }
  await unlink(join(target, 'lock'));
  return target;
}

/** Why a run cannot be called so, as a sentence that says what to change; undefined where it can. `others` stand beside it, itself among them. */
export function nameFault(name: string, own: string, others: readonly string[]): string | undefined {
  if (name.trim() === '') return 'Write a name: it becomes the name of the folder.';
  if (name !== name.trim()) return 'Leave out the blanks before and behind the name.';
  const forbidden = /[/\\:*?"<>|]/.exec(name)?.[0];
  if (forbidden !== undefined) return `A folder cannot have “${forbidden}” in its name on every system: write another sign.`;
  if (/\p{Cc}/u.test(name)) return 'A name has no tabs, line ends or other control characters.';
  if (name.startsWith('.')) return 'A name that begins with a point would be hidden: begin with a letter or a digit.';
  if (name.endsWith('.')) return 'Windows drops a point at the end of a name: leave it out.';
  if (/^(con|prn|aux|nul|com\d|lpt\d)(\..*)?$/i.test(name)) return `Windows keeps the name ${name} for itself: choose another.`;
  if (Buffer.byteLength(name) > LONGEST) return `The name is too long for a folder: at most ${LONGEST} bytes.`;
  if (name === own) return undefined;
  if (others.includes(name)) return `There is a folder or file ${name} already: choose another name.`;
  const taken = others.find((other) => other !== own && folded(other) === folded(name));
  if (taken !== undefined) return `There is ${taken} already, which some systems take for the same name: choose another.`;
  return undefined;
}

/** Bytes of a name: room for what is written beside a file for a moment. */
const LONGEST = 200;

/** Some systems tell neither case nor the two ways to write an accent apart. */
const folded = (name: string): string => name.normalize('NFC').toLowerCase();

const beingTrained = (name: string): RunError => new RunError(`${name} is being trained. Pause it first; then it can have another name.`);
