// Byte-pair encoding (Sennrich, Haddow & Birch 2016): the most frequent pair of neighbouring pieces becomes one piece, again and again.
//
// It works on characters and not on bytes, so that every piece can be read; what the training part never shows is ‹unknown›. A word takes the space
// before it along, so that the pieces of a text put together are the text, to the last space. Where no space comes for long (Chinese, DNA), a stretch
// ends after 32 characters.

/** Words with the space before them, and other white space by itself: all of a text. */
const STRETCHES = / ?[^\s]{1,32}|\s/gu;

export function visitStretches(text: string, visit: (stretch: string) => void): void {
  for (const [stretch] of text.matchAll(STRETCHES)) visit(stretch);
}

/** Pieces in the order of their numbers: characters first, then what was joined. */
export interface Pieces {
  readonly tokens: readonly string[];
  readonly merges: readonly (readonly [left: number, right: number])[];
}

interface Word {
  pieces: number[];
  readonly count: number;
}

/** At most `size` pieces of the stretches with their counts; fewer where no pair occurs twice. Of pairs equally frequent, the one that was made first. */
export function learnPieces(counts: ReadonlyMap<string, number>, size: number): Pieces {
  const characters = [...new Set([...counts.keys()].flatMap((stretch) => [...stretch]))].sort(byCodePoint);
  const tokens = [...characters];
  const numbers = new Map(tokens.map((token, k) => [token, k]));
  const words = [...counts].map(
    ([stretch, count]): Word => ({ pieces: Array.from(stretch, (character) => numbers.get(character)!), count }),
  );
  const merges: (readonly [number, number])[] = [];
  const pairs = new Pairs();
  words.forEach((word, k) => {
    pairs.add(word, k, 1);
  });
  pairs.settle();
  while (tokens.length < size) {
    const best = pairs.best();
    if (best === undefined) break;
    const [left, right] = best;
    const made = tokens.length;
    tokens.push(tokens[left]! + tokens[right]!);
    merges.push(best);
    for (const k of pairs.wordsWith(best)) {
      const word = words[k]!;
      pairs.add(word, k, -1);
      word.pieces = joined(word.pieces, left, right, made);
      pairs.add(word, k, 1);
    }
    pairs.settle();
  }
  return { tokens, merges };
}

/** A pair as one number. */
export const pairKey = (left: number, right: number): number => left * 2 ** 21 + right;

/** The pieces of a stretch: the pair that was joined first in learning is joined first. Characters that are no piece are `unknown`. */
export function encodePieces(
  stretch: string,
  numbers: ReadonlyMap<string, number>,
  ranks: ReadonlyMap<number, readonly [rank: number, made: number]>,
  unknown: number,
): number[] {
  let pieces = Array.from(stretch, (character) => numbers.get(character) ?? unknown);
  for (;;) {
    let best: readonly [rank: number, made: number] | undefined;
    let pair: readonly [number, number] | undefined;
    for (let k = 1; k < pieces.length; k += 1) {
      const found = ranks.get(pairKey(pieces[k - 1]!, pieces[k]!));
      if (found === undefined || (best !== undefined && found[0] >= best[0])) continue;
      best = found;
      pair = [pieces[k - 1]!, pieces[k]!];
    }
    if (best === undefined || pair === undefined) return pieces;
    pieces = joined(pieces, pair[0], pair[1], best[1]);
  }
}

function joined(pieces: readonly number[], left: number, right: number, made: number): number[] {
  const result: number[] = [];
  for (let k = 0; k < pieces.length; k += 1) {
    if (pieces[k] === left && pieces[k + 1] === right) {
      result.push(made);
      k += 1;
    } else result.push(pieces[k]!);
  }
  return result;
}

interface Pair {
  readonly left: number;
  readonly right: number;
  count: number;
  /** The words in which it has occurred. */
  readonly words: Set<number>;
}

/** How often each pair of neighbours occurs; the most frequent by a heap whose entries may be out of date. */
class Pairs {
  readonly #pairs = new Map<number, Pair>();
  readonly #heap: { readonly count: number; readonly order: number; readonly pair: Pair }[] = [];
  readonly #order = new Map<Pair, number>();
  readonly #changed = new Set<Pair>();

  add({ pieces, count }: Word, index: number, sign: 1 | -1): void {
    for (let k = 1; k < pieces.length; k += 1) {
      const [left, right] = [pieces[k - 1]!, pieces[k]!];
      const key = pairKey(left, right);
      let pair = this.#pairs.get(key);
      if (pair === undefined) {
        pair = { left, right, count: 0, words: new Set() };
        this.#pairs.set(key, pair);
        this.#order.set(pair, this.#order.size);
      }
      pair.count += sign * count;
      if (sign > 0) pair.words.add(index);
      this.#changed.add(pair);
    }
  }

  /** Puts what has changed in its place by its count. */
  settle(): void {
    for (const pair of this.#changed) if (pair.count > 1) this.#push(pair);
    this.#changed.clear();
  }

  wordsWith([left, right]: readonly [number, number]): number[] {
    return [...(this.#pairs.get(pairKey(left, right))?.words ?? [])];
  }

  best(): readonly [number, number] | undefined {
    for (;;) {
      const top = this.#heap[0];
      if (top === undefined) return undefined;
      if (top.count === top.pair.count) return [top.pair.left, top.pair.right];
      // It has changed since, and stands where it belongs now.
      this.#pop();
    }
  }

  #push(pair: Pair): void {
    const heap = this.#heap;
    const entry = { count: pair.count, order: this.#order.get(pair)!, pair };
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(entry, heap[above]!)) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below += 1;
      if (!isBefore(heap[below]!, last)) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = last;
  }
}

const isBefore = (a: { readonly count: number; readonly order: number }, b: { readonly count: number; readonly order: number }): boolean =>
  a.count > b.count || (a.count === b.count && a.order < b.order);

/** Order of code points, which the default order of strings (UTF-16 units) is not. */
export function byCodePoint(a: string, b: string): number {
  const [left, right] = [Array.from(a), Array.from(b)];
  for (let k = 0; k < Math.min(left.length, right.length); k += 1) {
    const difference = left[k]!.codePointAt(0)! - right[k]!.codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
