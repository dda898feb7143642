// The classes of a text or a column: its different characters, words, pieces or labels, sorted, so that the same data always gives the same numbers.

import type { Vocabulary } from '../shared/dataset.ts';
import type { Cutting } from '../shared/settings.ts';
import { allUnknown, neverSeen, oneToken } from './errors.ts';
import { byCodePoint, encodePieces, learnPieces, pairKey, visitStretches } from './pieces.ts';
import { joinsNext, joinsPrevious, visitWords } from './words.ts';

export type { Vocabulary };

export const UNKNOWN = '‹unknown›';
export const BEGIN = '‹begin›';
export const END = '‹end›';

type Cut = Pick<Vocabulary, 'by' | 'lower' | 'apostrophes'>;

export const unitOf = ({ by }: Pick<Cut, 'by'>): 'character' | 'word' | 'piece' | 'class' =>
  (({ char: 'character', word: 'word', pieces: 'piece', label: 'class' }) as const)[by];

const WORDS = /[\p{L}\p{M}\p{N}]+(?:['’_-][\p{L}\p{M}\p{N}]+)*|\n|[^\s]/gu;

/** Hands on the characters (code points), words or stretches of a text, one after the other: a large text has no room for all of them at once. Words are
 *  runs of letters, marks, digits and apostrophes or hyphens between them; every other visible character is a word, and so is a line's end.
 *  What is cut into pieces is handed on in the stretches that pieces never go beyond (pieces.ts). */
export function visitTokens(text: string, { by, lower, apostrophes }: Cut, visit: (token: string) => void): void {
  const cased = lower ? text.toLowerCase() : text;
  if (by === 'char') for (const character of cased) visit(character);
  else if (by === 'pieces') visitStretches(cased, visit);
  else if (by === 'label') visit(cased);
  else if (apostrophes) visitWords(cased, visit);
  else for (const [word] of cased.matchAll(WORDS)) visit(word);
}

/** Tokens numbered as they are met, before it is known which of them become classes. */
export class Tokens {
  readonly #numbers = new Map<string, number>();
  readonly tokens: string[] = [];

  number(token: string): number {
    let number = this.#numbers.get(token);
    if (number === undefined) {
      number = this.tokens.length;
      this.#numbers.set(token, number);
      this.tokens.push(token);
    }
    return number;
  }
}

export interface Found {
  readonly vocabulary: Vocabulary;
  /** The classes of each token that was met: one, or its pieces. */
  readonly classes: Int32Array | readonly (readonly number[])[];
}

/** The vocabulary of the tokens that were met, from how often each occurs where it is learned from. A token that occurs less often than
 *  `minimum` (or nowhere there) is ‹unknown›; `framed`: rows stand between ‹begin› and ‹end›. */
export function vocabularyOf(
  tokens: readonly string[],
  counts: ArrayLike<number>,
  { by, lower, minimum, pieces = 8000, apostrophes }: Cut & { readonly minimum: number; readonly pieces?: number },
  framed = false,
): Found {
  if (by === 'pieces') return piecesOf(tokens, counts, { lower, pieces }, framed);
  const known = tokens.filter((_, k) => counts[k]! >= minimum).sort(byCodePoint);
  const special = [...(known.length < tokens.length ? [UNKNOWN] : []), ...(framed ? [BEGIN, END] : [])];
  const numbers = new Map(known.map((token, k) => [token, special.length + k]));
  const cut = apostrophes && by === 'word' ? { by, lower, apostrophes } : { by, lower };
  const vocabulary = { ...cut, tokens: [...special, ...known], ...specialNumbers(special) };
  return { vocabulary, classes: Int32Array.from(tokens, (token) => numbers.get(token) ?? 0) };
}

function piecesOf(
  stretches: readonly string[],
  counts: ArrayLike<number>,
  { lower, pieces: size }: { readonly lower: boolean; readonly pieces: number },
  framed: boolean,
): Found {
  const learned = new Map(stretches.flatMap((stretch, k) => (counts[k]! > 0 ? [[stretch, counts[k]!] as const] : [])));
  const characters = new Set([...learned.keys()].flatMap((stretch) => [...stretch]));
  const strange = stretches.some((stretch, k) => counts[k] === 0 && [...stretch].some((character) => !characters.has(character)));
  const special = [...(strange ? [UNKNOWN] : []), ...(framed ? [BEGIN, END] : [])];
  const { tokens, merges } = learnPieces(learned, size - special.length);
  const shifted = merges.map(([left, right]) => [left + special.length, right + special.length] as const);
  const vocabulary: Vocabulary = { by: 'pieces', lower, tokens: [...special, ...tokens], merges: shifted, ...specialNumbers(special) };
  const table = tableOf(vocabulary);
  return { vocabulary, classes: stretches.map((stretch) => encodePieces(stretch, table.numbers, table.ranks, 0)) };
}

function specialNumbers(special: readonly string[]): Pick<Vocabulary, 'unknown' | 'begin' | 'end'> {
  const place = (token: string): number | undefined => (special.includes(token) ? special.indexOf(token) : undefined);
  const [unknown, begin, end] = [UNKNOWN, BEGIN, END].map(place);
  return {
    ...(unknown === undefined ? {} : { unknown }),
    ...(begin === undefined ? {} : { begin }),
    ...(end === undefined ? {} : { end }),
  };
}

/** The vocabulary of a text. Throws DataError where it has no two different tokens, or none that is frequent enough. */
export function makeVocabulary(text: string, source: Cutting & { readonly path: string }): Vocabulary {
  const tokens = new Tokens();
  const counts: number[] = [];
  visitTokens(text, source, (token) => {
    const number = tokens.number(token);
    counts[number] = (counts[number] ?? 0) + 1;
  });
  return checkedVocabulary(tokens.tokens, counts, source).vocabulary;
}

/** The vocabulary of a text's tokens. Throws as makeVocabulary does. */
export function checkedVocabulary(
  tokens: readonly string[],
  counts: ArrayLike<number>,
  source: Cutting & { readonly path: string },
): Found {
  if (tokens.length < 2) throw oneToken(source.path, unitOf(source), tokens[0] ?? '');
  if (source.by !== 'pieces' && !tokens.some((_, k) => counts[k]! >= source.minimum)) throw allUnknown(source.path, source.minimum);
  return vocabularyOf(tokens, counts, source);
}

/** The numbers of a text's tokens. Throws DataError where a character or word is not in the vocabulary and there is no ‹unknown›. */
export function encode(vocabulary: Vocabulary, text: string): Int32Array {
  // Nothing is no label, either.
  if (text === '') return new Int32Array();
  const ids: number[] = [];
  const strangers = new Set<string>();
  const coder = coderOf(vocabulary);
  visitTokens(text, vocabulary, (token) => {
    for (const id of coder(token)) {
      if (id < 0) strangers.add(token);
      ids.push(id);
    }
  });
  if (strangers.size > 0) throw neverSeen([...strangers].slice(0, 12), unitOf(vocabulary), vocabulary.tokens.length);
  return Int32Array.from(ids);
}

/** The classes of a token, as a known vocabulary has them; -1 where there is none and no ‹unknown› either. */
export function coderOf(vocabulary: Vocabulary): (token: string) => readonly number[] {
  const { numbers, ranks } = tableOf(vocabulary);
  const unknown = vocabulary.unknown ?? -1;
  if (vocabulary.by !== 'pieces') return (token) => [numbers.get(token) ?? unknown];
  const known = new Map<string, readonly number[]>();
  return (stretch) => {
    let pieces = known.get(stretch);
    if (pieces === undefined) {
      pieces = encodePieces(stretch, numbers, ranks, unknown);
      if (known.size < 100_000) known.set(stretch, pieces);
    }
    return pieces;
  };
}

/** A text of tokens. Words are set with spaces, none before closing and after opening punctuation, nor where they were cut at an apostrophe. */
export function decode(vocabulary: Vocabulary, ids: Iterable<number>): string {
  return joined(
    vocabulary,
    Array.from(ids, (id) => vocabulary.tokens[id] ?? UNKNOWN),
  );
}

/** Tokens put together as `decode` does, be they in the vocabulary or not. */
export function joined({ by, apostrophes }: Pick<Vocabulary, 'by' | 'apostrophes'>, tokens: readonly string[]): string {
  if (by === 'char' || by === 'pieces') return tokens.join('');
  const joins = apostrophes ? (a: string, b: string) => joinsNext(a) || joinsPrevious(b) : () => false;
  return tokens
    .map((token, k) => (k === 0 || closes(token) || opens(tokens[k - 1]!) || joins(tokens[k - 1]!, token) ? token : ` ${token}`))
    .join('');
}

const closes = (token: string): boolean => /^[\n.,;:!?)\]}%’”»…]$/u.test(token);
const opens = (token: string): boolean => /^[\n([{“«‘]$/u.test(token);

interface Table {
  readonly numbers: ReadonlyMap<string, number>;
  /** By the numbers of the pair. */
  readonly ranks: ReadonlyMap<number, readonly [rank: number, made: number]>;
}

const tables = new WeakMap<Vocabulary, Table>();

function tableOf(vocabulary: Vocabulary): Table {
  let table = tables.get(vocabulary);
  if (table === undefined) {
    const { tokens, merges = [] } = vocabulary;
    const special = [vocabulary.unknown, vocabulary.begin, vocabulary.end];
    const numbers = new Map(tokens.flatMap((token, k) => (special.includes(k) ? [] : [[token, k] as const])));
    const ranks = new Map(
      merges.map(([left, right], rank) => [pairKey(left, right), [rank, tokens.length - merges.length + rank] as const]),
    );
    table = { numbers, ranks };
    tables.set(vocabulary, table);
  }
  return table;
}
