// chrF2 of a corpus (Popović 2015) as sacreBLEU defines it: n-grams of up to 6 characters without white space, recall worth twice precision; of several
// references the one that fits best.

const ORDER = 6;
const WEIGHT = 4;

/** Of 100. `references`: one or several for each hypothesis. */
export function chrf(hypotheses: readonly string[], references: readonly (readonly string[])[]): number {
  const sums = emptyCounts();
  hypotheses.forEach((hypothesis, k) => {
    const own = gramsOf(hypothesis);
    const found = references[k]!.map((reference) => compared(own, gramsOf(reference)));
    const best = found.reduce((a, b) => (scoreOf(b) > scoreOf(a) ? b : a));
    best.forEach((each, n) => {
      sums[n]!.own += each.own;
      sums[n]!.other += each.other;
      sums[n]!.shared += each.shared;
    });
  });
  return scoreOf(sums);
}

/** Of each order: n-grams of the hypothesis, of the reference, and those that are in both. */
interface Counts {
  own: number;
  other: number;
  shared: number;
}

const emptyCounts = (): Counts[] => Array.from({ length: ORDER }, () => ({ own: 0, other: 0, shared: 0 }));

type Grams = readonly ReadonlyMap<string, number>[];

function gramsOf(text: string): Grams {
  const letters = Array.from(text.replace(/\s+/gu, ''));
  return Array.from({ length: ORDER }, (_, order) => {
    const counts = new Map<string, number>();
    for (let k = 0; k + order < letters.length; k += 1) {
      const gram = letters.slice(k, k + order + 1).join('');
      counts.set(gram, (counts.get(gram) ?? 0) + 1);
    }
    return counts;
  });
}

function compared(own: Grams, other: Grams): Counts[] {
  return own.map((grams, n): Counts => {
    const known = other[n]!;
    const found = { own: 0, other: 0, shared: 0 };
    for (const count of known.values()) found.other += count;
    // Where the reference is too short for an n-gram, those of the hypothesis do not count against it.
    for (const [gram, count] of grams) {
      if (known.size > 0) found.own += count;
      found.shared += Math.min(count, known.get(gram) ?? 0);
    }
    return found;
  });
}

function scoreOf(counts: readonly Counts[]): number {
  const there = counts.filter(({ own, other }) => own > 0 && other > 0);
  if (there.length === 0) return 0;
  const mean = (share: (each: Counts) => number): number => there.reduce((sum, each) => sum + share(each), 0) / there.length;
  const [precision, recall] = [mean(({ own, shared }) => shared / own), mean(({ other, shared }) => shared / other)];
  return precision + recall === 0 ? 0 : (100 * (1 + WEIGHT) * precision * recall) / (WEIGHT * precision + recall);
}
