// Which words of a language go with which of another, learned from pairs of sentences alone: IBM Model 1 (Brown, Della Pietra, Della Pietra & Mercer 1993, equations
// 8 to 14) in both directions, and the links on which both agree.

import type { Link } from '../../src/shared/trace.ts';

export interface WordPair {
  readonly source: readonly string[];
  readonly target: readonly string[];
}

type WordLink = Pick<Link, 'source' | 'target'>;

const ROUNDS = 12;
/** Stands before each sentence, for words that come from none. */
const NOTHING = '';

/** Probabilities of a word given one of the other language. */
class WordTable {
  readonly #probabilities = new Map<string, Map<string, number>>();

  /** Expectation maximisation from equal probabilities. */
  constructor(pairs: readonly { readonly given: readonly string[]; readonly said: readonly string[] }[]) {
    for (let round = 0; round < ROUNDS; round += 1) {
      const counts = new Map<string, Map<string, number>>();
      for (const { given, said } of pairs)
        for (const word of said) {
          const shares = [NOTHING, ...given].map((other) => (round === 0 ? 1 : this.of(word, other)));
          const sum = shares.reduce((total, share) => total + share, 0);
          [NOTHING, ...given].forEach((other, k) => {
            const own = counts.get(other) ?? new Map<string, number>();
            counts.set(other, own.set(word, (own.get(word) ?? 0) + shares[k]! / sum));
          });
        }
      for (const [other, own] of counts) {
        const sum = own.values().reduce((total, count) => total + count, 0);
        this.#probabilities.set(other, new Map(own.entries().map(([word, count]) => [word, count / sum])));
      }
    }
  }

  of(word: string, given: string): number {
    return this.#probabilities.get(given)?.get(word) ?? 0;
  }

  /** The place of the word that `word` most likely comes from, -1 where that is none of them. */
  from(word: string, given: readonly string[]): number {
    const all = [NOTHING, ...given].map((other) => this.of(word, other));
    return all.indexOf(Math.max(...all)) - 1;
  }
}

/** The links of each pair, as places from 0. */
export function alignedWords(pairs: readonly WordPair[]): readonly (readonly WordLink[])[] {
  const there = new WordTable(pairs.map(({ source, target }) => ({ given: source, said: target })));
  const back = new WordTable(pairs.map(({ source, target }) => ({ given: target, said: source })));
  return pairs.map((pair) =>
    pair.target.flatMap((word, target) => {
      const source = there.from(word, pair.source);
      return source >= 0 && back.from(pair.source[source]!, pair.target) === target ? [{ source, target }] : [];
    }),
  );
}

/** Neighbours in the target whose sources are neighbours the other way round: "maison rouge", "red house". */
export interface Crossing {
  /** Places of the first and the second in the target, then in the source. */
  readonly target: readonly [number, number];
  readonly source: readonly [number, number];
}

export function crossingsOf(links: readonly WordLink[]): readonly Crossing[] {
  return links.flatMap((first) =>
    links
      .filter((second) => second.target === first.target + 1 && second.source === first.source - 1)
      .map((second): Crossing => ({ target: [first.target, second.target], source: [first.source, second.source] })),
  );
}
