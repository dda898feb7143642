// The classes of a text: its different characters or words, sorted, so that the same text always gives the same numbers.

import type { TextSource } from '../shared/settings.ts';
import { allUnknown, neverSeen } from './errors.ts';

/** Token k has the number k. Plain data: a run keeps it as JSON. */
export interface Vocabulary {
  readonly by: 'char' | 'word';
  readonly lower: boolean;
  readonly tokens: readonly string[];
  /** The number of ‹unknown›, where rare words were cut. */
  readonly unknown?: number;
}

export const UNKNOWN = '‹unknown›';

type Cut = Pick<TextSource, 'by' | 'lower'>;

export const unitOf = ({ by }: Pick<Cut, 'by'>): 'character' | 'word' => (by === 'char' ? 'character' : 'word');

/** A text in characters (code points) or words. Words are runs of letters, marks, digits and apostrophes or hyphens between them; every
 *  other visible character is a word, and so is the end of a line. */
export function tokensOf(text: string, { by, lower }: Cut): string[] {
  const cased = lower ? text.toLowerCase() : text;
  return by === 'char' ? Array.from(cased) : (cased.match(WORDS) ?? []);
}

const WORDS = /[\p{L}\p{M}\p{N}]+(?:['’_-][\p{L}\p{M}\p{N}]+)*|\n|[^\s]/gu;

export function makeVocabulary(tokens: readonly string[], source: TextSource): Vocabulary {
  const counts = new Map<string, number>();
  for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1);
  const known = [...counts].filter(([, count]) => count >= source.minimum).map(([token]) => token);
  if (known.length === 0) throw allUnknown(source.path, source.minimum);
  known.sort(byCodePoint);
  const { by, lower } = source;
  return known.length === counts.size ? { by, lower, tokens: known } : { by, lower, tokens: [UNKNOWN, ...known], unknown: 0 };
}

/** The numbers of a text's tokens. Throws DataError where a character or word is not in the vocabulary and there is no ‹unknown›. */
export function encode(vocabulary: Vocabulary, text: string): Int32Array {
  const numbers = numbersOf(vocabulary);
  const tokens = tokensOf(text, vocabulary);
  const strangers = new Set<string>();
  const ids = Int32Array.from(tokens, (token) => {
    const id = numbers.get(token) ?? vocabulary.unknown;
    if (id === undefined) strangers.add(token);
    return id ?? 0;
  });
  if (strangers.size > 0) throw neverSeen([...strangers].slice(0, 12), unitOf(vocabulary), vocabulary.tokens.length);
  return ids;
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
