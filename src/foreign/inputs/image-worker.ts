// The thread that decodes one image.

import { parentPort, workerData } from 'node:worker_threads';
import { decodeImage } from '../../data/images/picture.ts';
import type { DecoderAnswer } from './image-decoder.ts';

class Fault extends Error {}

const answer = ((): DecoderAnswer => {
  try {
    return { pixels: decodeImage(workerData as Uint8Array, (why) => new Fault(why)) };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { fault: error.message };
  }
})();
parentPort!.postMessage(answer, 'pixels' in answer ? [answer.pixels.data.buffer as ArrayBuffer] : []);
