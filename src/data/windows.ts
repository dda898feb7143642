// A text as batches for truncated backpropagation through time (Williams & Peng 1990): the text lies in B rows, each a stretch of it, and a
// batch is the next W tokens of every row, so that the state after one batch is the state before the next.

import { longWindow, manyRows } from './errors.ts';
import type { Corpus } from './text.ts';
import { unitOf } from './vocabulary.ts';

/** The ids that a window shows and those that follow, [W, B] each, row-major: place t of row b stands at t * B + b. */
export interface TextWindow {
  readonly ids: Int32Array;
  /** One step ahead in the true text, at the window's last step too. */
  readonly next: Int32Array;
  /** The first window: what stood before it is not what the state remembers. */
  readonly reset: boolean;
}

/** The windows of one pass over a part of the text. What is left over at the end of each row is not seen. */
export interface Windows {
  readonly count: number;
  at(index: number): TextWindow;
}

/** Windows over the training part. Throws DataError where the text is too short for them. */
export function trainingWindows(corpus: Corpus, batch: number, window: number): Windows {
  const { training: ids, source } = corpus;
  if (ids.length <= window)
    throw longWindow(window, corpus.validation.length > 0 ? 'training part' : 'text', source.path, ids.length, unitOf(source));
  if (ids.length - 1 < batch * window) throw manyRows(batch, window, source.path, ids.length, unitOf(source));
  return windowsOf(ids, batch, window);
}

/** Windows over the validation part, of the same shape as those of training; undefined where nothing is held out.
 *  Where it is too short for as many rows, the rows overlap. */
export function validationWindows(corpus: Corpus, batch: number, window: number): Windows | undefined {
  const { validation: ids, source } = corpus;
  if (source.validation === 0) return undefined;
  if (ids.length <= window) throw longWindow(window, 'validation part', source.path, ids.length, unitOf(source));
  return windowsOf(ids, batch, window);
}

function windowsOf(ids: Int32Array, batch: number, window: number): Windows {
  const stretch = Math.floor((ids.length - 1) / batch);
  const starts = Array.from({ length: batch }, (_, row) =>
    stretch >= window ? row * stretch : Math.floor((row * (ids.length - 1 - window)) / Math.max(1, batch - 1)),
  );
  return {
    count: Math.max(1, Math.floor(stretch / window)),
    at(index) {
      const shown = new Int32Array(window * batch);
      const next = new Int32Array(window * batch);
      for (let row = 0; row < batch; row += 1) {
        const start = starts[row]! + index * window;
        for (let t = 0; t < window; t += 1) {
          shown[t * batch + row] = ids[start + t]!;
          next[t * batch + row] = ids[start + t + 1]!;
        }
      }
      return { ids: shown, next, reset: index === 0 };
    },
  };
}
