// One training a run: a file `lock` names the process that has it. The lock of a process that is gone is taken over.

import { randomUUID } from 'node:crypto';
import { open, readFile, rename, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { cannotWrite } from './files.ts';

export class LockedError extends Error {
  override name = 'LockedError';
}

interface Holder {
  readonly process: number;
  readonly host: string;
  /** When the process began, where the system tells it: numbers of processes are used again. */
  readonly began?: string;
  readonly id: string;
}

/** Takes the run for this process until `release`. Throws LockedError where another process, or this one, trains it. */
export async function lockRun(folder: string): Promise<{ release(): Promise<void> }> {
  const path = join(folder, 'lock');
  const began = await beginOf(process.pid);
  const own: Holder = { process: process.pid, host: hostname(), ...(began === undefined ? {} : { began }), id: randomUUID() };
  for (;;) {
    if (await create(path, own)) return { release: () => unlink(path).catch(() => undefined) };
    const holder = await lockHolder(folder);
    if (holder !== undefined) throw locked(path, holder);
    await removeStale(path);
  }
}

/** Who trains the run now; undefined where nobody does. */
export async function lockHolder(folder: string): Promise<Holder | undefined> {
  const holder = parse(await readFile(join(folder, 'lock'), 'utf8').catch(() => ''));
  if (holder === undefined) return undefined;
  if (holder.host !== hostname()) return holder;
  return (await lives(holder)) ? holder : undefined;
}

async function create(path: string, own: Holder): Promise<boolean> {
  try {
    const handle = await open(path, 'wx');
    await handle.writeFile(JSON.stringify(own));
    await handle.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw cannotWrite(path, error);
  }
}

/** Moves a stale lock away. If another process took the run over in between, what was moved is its lock, and is put back. */
async function removeStale(path: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  const moved = await rename(path, aside).then(
    () => true,
    () => false,
  );
  if (!moved) return;
  const holder = parse(await readFile(aside, 'utf8'));
  if (holder !== undefined && holder.host === hostname() && (await lives(holder))) await rename(aside, path);
  else await unlink(aside);
}

async function lives(holder: Holder): Promise<boolean> {
  try {
    process.kill(holder.process, 0);
  } catch (error) {
    // EPERM: it lives, and belongs to someone else.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const began = await beginOf(holder.process);
  return began === undefined || holder.began === undefined || began === holder.began;
}

/** The 22nd field of /proc/PID/stat, ticks since the machine's start; the second, the name, may hold spaces. */
async function beginOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

function parse(text: string): Holder | undefined {
  try {
    const holder = JSON.parse(text) as Holder;
    return typeof holder.process === 'number' ? holder : undefined;
  } catch {
    return undefined;
  }
}

const locked = (path: string, holder: Holder): LockedError =>
  new LockedError(
    holder.host === hostname()
      ? `The run is being trained by process ${holder.process}. Stop that training first, or train into another folder.`
      : `The run is being trained on ${holder.host} (process ${holder.process}). If that training is over, delete ${path}.`,
  );
