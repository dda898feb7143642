// The thread that watches the memory of its process.

import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import type { WatchSetup } from './memory-limit.ts';

const { limit } = workerData as WatchSetup;

/** Milliseconds between two looks: memory is written at some gigabytes a second. */
const INTERVAL = 20;

setInterval(() => {
  const most = limit[0]!;
  if (most === 0 || process.memoryUsage.rss() <= most) return;
  limit[0] = 0;
  writeSync(2, `It took more than ${(most / 2 ** 30).toFixed(1)} GiB of memory; the environment's UNROLL_MEMORY, in MiB, allows more.\n`);
  process.kill(process.pid, 'SIGKILL');
}, INTERVAL);
