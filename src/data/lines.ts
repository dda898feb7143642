// A text file line by line, of any size.

import { setImmediate } from 'node:timers/promises';
import { longCell } from './errors.ts';
import { type Reading, readText } from './text-stream.ts';

export interface Line {
  /** Counts from 1. */
  readonly line: number;
  readonly text: string;
}

/** Characters of a line. */
const LONGEST = 2 ** 20;

/** The lines of a file, as many at a time as come with a piece of it; returns the SHA-256 of its bytes. Throws DataError, and the signal's reason. */
export async function* linesOf(path: string, reading: Reading = {}): AsyncGenerator<readonly Line[], string, undefined> {
  let rest = '';
  let line = 0;
  const numbered = (texts: readonly string[]): Line[] =>
    texts.map((text) => {
      line += 1;
      return { line, text };
    });
  const pieces = readText(path, reading);
  try {
    for (;;) {
      const piece = await pieces.next();
      if (piece.done === true) {
        if (rest !== '') yield numbered([rest.replace(/\r$/, '')]);
        return piece.value;
      }
      const parts = (rest + piece.value).split(/\r\n|\n|\r(?!$)/);
      rest = parts.pop()!;
      if (rest.length > LONGEST) throw longCell(path, line + parts.length + 1, LONGEST);
      yield numbered(parts);
      await setImmediate();
    }
  } finally {
    await pieces.return('');
  }
}
