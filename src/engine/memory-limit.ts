// A bound on the memory that a model of others may take: a damaged one may ask for any amount, and the machine is not its own.
//
// A run in the runtime blocks its thread, so another thread watches; past the bound it ends the process, and the client says so. What is bounded is
// resident memory beyond what the process had before.

import { totalmem } from 'node:os';
import { Worker } from 'node:worker_threads';

export interface WatchSetup {
  /** Bytes that the process may have; 0 while nothing is watched. */
  readonly limit: Float64Array<SharedArrayBuffer>;
}

/** What models may take unless UNROLL_MEMORY (MiB, of the environment) says otherwise: half of the machine's memory. */
const LEAST = 2 ** 31;
export const allowedMemory = (): number => {
  const said = Number(process.env.UNROLL_MEMORY ?? '');
  return said > 0 ? said * 2 ** 20 : Math.max(LEAST, totalmem() / 2);
};

/** For models on numbers that are made for them, which are few: 2 GiB beside what is read of its file. */
export const usualMemory = (fileBytes: number): number => Math.min(allowedMemory(), LEAST + 16 * fileBytes);

const limit = new Float64Array(new SharedArrayBuffer(8));
let watch: Worker | undefined;
let running = 0;

/** Does something that may take so many bytes more than the process has; it ends the process where it takes more. */
export async function withinMemory<Result>(bytes: number, work: () => Promise<Result>): Promise<Result> {
  if (watch === undefined) {
    watch = new Worker(entry(), { workerData: { limit } satisfies WatchSetup });
    watch.unref();
  }
  limit[0] = Math.max(running === 0 ? 0 : limit[0]!, process.memoryUsage.rss() + bytes);
  running += 1;
  try {
    return await work();
  } finally {
    running -= 1;
    if (running === 0) limit[0] = 0;
  }
}

const entry = (): URL => new URL(import.meta.url.endsWith('.ts') ? './memory-watch.ts' : './memory-watch.mjs', import.meta.url);
