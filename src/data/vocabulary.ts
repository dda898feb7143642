// The classes of a text: its different characters or words, sorted, so that the same text always gives the same numbers.

import type { Vocabulary } from '../shared/dataset.ts';
import type { TextSource } from '../shared/settings.ts';
import { allUnknown, neverSeen, oneToken } from './errors.ts';

export type { Vocabulary };

export const UNKNOWN = '‹unknown›';

type Cut = Pick<Vocabulary, 'by' | 'lower'>;

export const unitOf = ({ by }: Pick<Cut, 'by'>): 'character' | 'word' => (by === 'char' ? 'character' : 'word');

const WORDS = /[\p{L}\p{M}\p{N}]+(?:['’_-][\p{L}\p{M}\p{N}]+)*|\n|[^\s]/gu;

/** Hands on the characters (code points) or words of a text, one after the other: a large text has no room for all of them at once. Words are
 *  runs of letters, marks, digits and apostrophes or hyphens between them; every other visible character is a word, and so is a line's end. */
export function visitTokens(text: string, { by, lower }: Cut, visit: (token: string) => void): void {
  const cased = lower ? text.toLowerCase() : text;
  if (by === 'char') for (const character of cased) visit(character);
  else for (const [word] of cased.matchAll(WORDS)) visit(word);
}

/** The vocabulary of a text. Throws DataError where it has no two different tokens, or none that is frequent enough. */
export function makeVocabulary(text: string, source: TextSource): Vocabulary {
  const counts = new Map<string, number>();
  visitTokens(text, source, (token) => {
    counts.set(token, (counts.get(token) ?? 0) + 1);
  });
  if (counts.size < 2) throw oneToken(source.path, unitOf(source), [...counts.keys()][0] ?? text);
  const known = [...counts].filter(([, count]) => count >= source.minimum).map(([token]) => token);
  if (known.length === 0) throw allUnknown(source.path, source.minimum);
  known.sort(byCodePoint);
  const { by, lower } = source;
  return known.length === counts.size ? { by, lower, tokens: known } : { by, lower, tokens: [UNKNOWN, ...known], unknown: 0 };
}

/** The numbers of a text's tokens. Throws DataError where a character or word is not in the vocabulary and there is no ‹unknown›. */
export function encode(vocabulary: Vocabulary, text: string): Int32Array {
  const numbers = numbersOf(vocabulary);
  const ids = new Int32Array(text.length);
  const strangers = new Set<string>();
  let length = 0;
  visitTokens(text, vocabulary, (token) => {
    const id = numbers.get(token) ?? vocabulary.unknown;
    if (id === undefined) strangers.add(token);
    else ids[length++] = id;
  });
  if (strangers.size > 0) throw neverSeen([...strangers].slice(0, 12), unitOf(vocabulary), vocabulary.tokens.length);
  return ids.slice(0, length);
}

/** A text of tokens. Words are set with spaces, none before closing and after opening punctuation. */
export function decode(vocabulary: Vocabulary, ids: Iterable<number>): string {
  const tokens = Array.from(ids, (id) => vocabulary.tokens[id] ?? UNKNOWN);
  if (vocabulary.by === 'char') return tokens.join('');
  return tokens.map((token, k) => (k === 0 || closes(token) || opens(tokens[k - 1]!) ? token : ` ${token}`)).join('');
}

const closes = (token: string): boolean => /^[\n.,;:!?)\]}%’”»…]$/u.test(token);
const opens = (token: string): boolean => /^[\n([{“«‘]$/u.test(token);

const tables = new WeakMap<Vocabulary, ReadonlyMap<string, number>>();

function numbersOf(vocabulary: Vocabulary): ReadonlyMap<string, number> {
  let table = tables.get(vocabulary);
  if (table === undefined) {
    table = new Map(vocabulary.tokens.map((token, k) => [token, k]));
    tables.set(vocabulary, table);
  }
  return table;
}

/** Order of code points, which the default order of strings (UTF-16 units) is not. */
function byCodePoint(a: string, b: string): number {
  const [left, right] = [Array.from(a), Array.from(b)];
  for (let k = 0; k < Math.min(left.length, right.length); k += 1) {
    const difference = left[k]!.codePointAt(0)! - right[k]!.codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
