// PyTorch beside us, as a process of its own that lives as long as the bench.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Batch } from '../../data/dataset.ts';
import type { CaptionsSize } from './captions.ts';
import type { Size } from './cases.ts';
import type { TranslationSize } from './translation.ts';

export interface Peer {
  readonly version: string;
  /** Milliseconds of each of `repeat` steps. */
  steps(cell: string, size: Size, repeat: number): Promise<number[]>;
  /** The same of a translation model, on these sentences: [S, B] and [T, B], with the lengths of the rows. `write`: of decoding so many steps instead. */
  translation(size: TranslationSize, batch: Batch, repeat: number, write?: number): Promise<number[]>;
  /** The same of a model that tells what images show: [B, 3, H, W], and captions [T, B] with the lengths of the rows. */
  captions(size: CaptionsSize, words: number, batch: Batch, repeat: number): Promise<number[]>;
  close(): void;
}

/** The interpreter is UNROLL_PYTHON, else python3. Undefined where it has no PyTorch. */
export async function openPeer(threads: number): Promise<Peer | undefined> {
  const python = process.env.UNROLL_PYTHON ?? 'python3';
  if (spawnSync(python, ['-c', 'import torch'], { stdio: 'ignore' }).status !== 0) return undefined;
  const child = spawn(python, [script()], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ask = asking(child);
  const { version } = (await ask({ threads })) as { version: string };
  return {
    version,
    async steps(cell, { inputs, size, batch, steps }, repeat) {
      const { milliseconds } = (await ask({ cell, inputs, size, batch, steps, repeat })) as { milliseconds: number[] };
      return milliseconds;
    },
    async translation({ words, embedding, units }, { rows, inputs }, repeat, write) {
      const sentences = Object.fromEntries(Object.entries(inputs).map(([name, numbers]) => [name, Array.from(numbers)]));
      const { milliseconds } = (await ask({
        words,
        embedding,
        units,
        rows,
        sentences,
        repeat,
        ...(write === undefined ? {} : { write }),
      })) as { milliseconds: number[] };
      return milliseconds;
    },
    async captions({ pixels, channels, embedding, units }, words, { rows, inputs }, repeat) {
      const images = Object.fromEntries(Object.entries(inputs).map(([name, numbers]) => [name, Array.from(numbers)]));
      const { milliseconds } = (await ask({ pixels, channels, embedding, units, words, rows, images, repeat })) as {
        milliseconds: number[];
      };
      return milliseconds;
    },
    close: () => child.kill(),
  };
}

function asking(child: ChildProcess): (request: object) => Promise<unknown> {
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return async (request) => {
    child.stdin!.write(`${JSON.stringify(request)}\n`);
    const line = await lines.next();
    if (line.done === true) throw new Error('PyTorch ended before it answered.');
    return JSON.parse(line.value);
  };
}

/** Beside this file, or beside the bundle. */
const script = (): string => fileURLToPath(new URL('./peer.py', import.meta.url));
