// A text as batches for truncated backpropagation through time (Williams & Peng 1990): the text lies in B rows, each a stretch of it, and a
// batch is the next W tokens of every row, so that the state after one batch is the state before the next.

import { longWindow, manyRows } from './errors.ts';
import type { Ids } from './growing.ts';
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
  /** What stands before the first window of each row: read first, so that the state is that of the text's middle, and not counted. */
  readonly lead?: TextWindow;
}

/** Windows over the training part. Throws DataError where the text is too short for them. */
export function trainingWindows(corpus: Corpus, batch: number, window: number): Windows {
  const { training: ids, source } = corpus;
  if (ids.length <= window)
    throw longWindow(window, corpus.validation.length > 0 ? 'training part' : 'text', source.path, ids.length, unitOf(source));
  if (ids.length - 1 < batch * window) throw manyRows(batch, window, source.path, ids.length, unitOf(source));
  return windowsOf(ids, batch, window);
}

/** Windows over a held-out part, of the same shape as those of training; undefined where nothing is held out. Each row is led by what stands
 *  before it in the text. Where the part is too short for as many rows, the rows overlap. */
export function heldOutWindows(corpus: Corpus, part: 'validation' | 'test', batch: number, window: number): Windows | undefined {
  const { source, [part]: held } = corpus;
  if (source[part] === 0) return undefined;
  if (held.length <= window) throw longWindow(window, `${part} part`, source.path, held.length, unitOf(source));
  const before = part === 'validation' ? corpus.training : corpus.validation.length > 0 ? corpus.validation : corpus.training;
  const lead = Math.min(window, before.length);
  const ids = new Int32Array(lead + held.length);
  ids.set(before.subarray(before.length - lead));
  ids.set(held, lead);
  return windowsOf(ids, batch, window, lead);
}

export const validationWindows = (corpus: Corpus, batch: number, window: number): Windows | undefined =>
  heldOutWindows(corpus, 'validation', batch, window);

/** Windows over what follows the first `lead` ids. */
function windowsOf(ids: Ids, batch: number, window: number, lead = 0): Windows {
  const length = ids.length - lead;
  const stretch = Math.floor((length - 1) / batch);
  const starts = Array.from(
    { length: batch },
    (_, row) => lead + (stretch >= window ? row * stretch : Math.floor((row * (length - 1 - window)) / Math.max(1, batch - 1))),
  );
  const cut = (offset: number, reset: boolean): TextWindow => {
    const shown = new Int32Array(window * batch);
    const next = new Int32Array(window * batch);
    for (let row = 0; row < batch; row += 1) {
      const start = starts[row]! + offset;
      for (let t = 0; t < window; t += 1) {
        shown[t * batch + row] = ids[start + t]!;
        next[t * batch + row] = ids[start + t + 1]!;
      }
    }
    return { ids: shown, next, reset };
  };
  const led = lead >= window;
  return {
    count: Math.max(1, Math.floor(stretch / window)),
    at: (index) => cut(index * window, index === 0 && !led),
    ...(led ? { lead: cut(-window, true) } : {}),
  };
}
