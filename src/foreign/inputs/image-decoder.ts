// Images decoded in a thread of their own: a large one takes seconds, in which it can be given up.

import { Worker } from 'node:worker_threads';
import { decodeImage, sizeOf } from '../../data/images/picture.ts';
import type { Pixels } from '../../data/images/png.ts';

export type DecoderAnswer = { readonly pixels: Pixels } | { readonly fault: string };

/** Pixels that are decoded at once: faster than a thread starts. */
const FEW = 500_000;

/** As `decodeImage`, aside; throws the signal's reason, too. */
export async function decodedAside(bytes: Uint8Array, fail: (why: string) => Error, signal?: AbortSignal): Promise<Pixels> {
  signal?.throwIfAborted();
  const { width, height } = sizeOf(bytes, fail);
  if (width * height <= FEW) return decodeImage(bytes, fail);
  const worker = new Worker(entry(), { workerData: bytes });
  try {
    const answer = await new Promise<DecoderAnswer>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', () => reject(fail('its decoder has ended.')));
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    if ('fault' in answer) throw fail(answer.fault);
    return answer.pixels;
  } finally {
    void worker.terminate();
  }
}

const entry = (): URL => new URL(import.meta.url.endsWith('.ts') ? './image-worker.ts' : './image-decoder.mjs', import.meta.url);
