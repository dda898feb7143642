// Places in a text where a reader would begin: after the end of a paragraph, else of a line, else of a sentence; else evenly apart.

import type { Corpus } from '../data/text.ts';
import { decode } from '../data/vocabulary.ts';
import type { Beginning } from './requests.ts';

/** Timesteps that are shown of each. */
const shown = 80;

/** At most `count` places of the validation part, the first of them its start. */
export function beginningsOf(corpus: Corpus, count: number): Beginning[] {
  const { validation, vocabulary } = corpus;
  const text = (from: number): string =>
    decode(vocabulary, validation.subarray(from, from + shown))
      .replace(/\s+/g, ' ')
      .trim();
  const starts = startsOf(validation, vocabulary.tokens);
  const chosen = Array.from(
    { length: Math.min(count, starts.length) },
    (_, k) => starts[Math.floor((k * starts.length) / Math.min(count, starts.length))]!,
  );
  return chosen.map((from) => ({
    sequence: { kind: 'data', part: 'validation', from, length: 400 },
    text: text(from),
    detail: `t = ${from.toLocaleString('en-US')}`,
  }));
}

function startsOf(ids: Int32Array, tokens: readonly string[]): number[] {
  const newline = tokens.indexOf('\n');
  const stop = tokens.indexOf('.');
  const room = Math.max(1, ids.length - shown);
  const after = (ends: (k: number) => boolean): number[] => {
    const found = [0];
    for (let k = 1; k < room; k += 1) if (ends(k - 1) && ids[k] !== newline) found.push(k);
    return found;
  };
  const candidates = [
    after((k) => ids[k] === newline && ids[k - 1] === newline),
    after((k) => ids[k] === newline),
    after((k) => tokens[ids[k]!] === ' ' && ids[k - 1] === stop),
  ];
  return candidates.find((starts) => starts.length > 4) ?? Array.from({ length: 8 }, (_, k) => Math.floor((k * room) / 8));
}
