// BLEU of a corpus (Papineni et al. 2002) as sacreBLEU defines it (Post 2018): its 13a tokens, n-grams up to 4, exponential smoothing, the closest reference's
// length for the brevity penalty, upper and lower case as they are.

const ORDER = 4;

/** Of 100. `references`: one or several for each hypothesis. */
export function bleu(hypotheses: readonly string[], references: readonly (readonly string[])[]): number {
  const [right, all] = [new Float64Array(ORDER), new Float64Array(ORDER)];
  let [length, closest] = [0, 0];
  hypotheses.forEach((hypothesis, k) => {
    const own = tokens13a(hypothesis);
    const others = references[k]!.map(tokens13a);
    length += own.length;
    closest += closestLength(own.length, others);
    for (let n = 1; n <= ORDER; n += 1) {
      const known = others.map((other) => countsOf(other, n));
      for (const [gram, count] of countsOf(own, n)) {
        all[n - 1]! += count;
        right[n - 1]! += Math.min(count, Math.max(0, ...known.map((counts) => counts.get(gram) ?? 0)));
      }
    }
  });
  if (right.every((count) => count === 0) || all.some((count) => count === 0)) return 0;
  const brevity = length < closest ? Math.exp(1 - closest / length) : 1;
  // Each order without a match counts half of the one before it.
  let smooth = 1;
  const precisions = Array.from(right, (count, n) => {
    if (count > 0) return count / all[n]!;
    smooth *= 2;
    return 1 / (smooth * all[n]!);
  });
  return 100 * brevity * Math.exp(precisions.reduce((sum, each) => sum + Math.log(each), 0) / ORDER);
}

/** What mteval-v13a.pl takes for tokens: punctuation by itself, but points and commas in numbers. */
export function tokens13a(text: string): readonly string[] {
  const plain = text
    .trimEnd()
    .replaceAll('<skipped>', '')
    .replaceAll('-\n', '')
    .replaceAll('\n', ' ')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>');
  return ` ${plain} `
    .replace(/([{-~[-` -&(-+:-@/])/gu, ' $1 ')
    .replace(/([^0-9])([.,])/gu, '$1 $2 ')
    .replace(/([.,])([^0-9])/gu, ' $1 $2')
    .replace(/([0-9])(-)/gu, '$1 $2 ')
    .split(/\s+/u)
    .filter((token) => token !== '');
}

/** Of two equally close the shorter. */
const closestLength = (length: number, others: readonly (readonly string[])[]): number =>
  others
    .map((other) => other.length)
    .reduce((best, each) => {
      const [a, b] = [Math.abs(length - each), Math.abs(length - best)];
      return a < b || (a === b && each < best) ? each : best;
    });

function countsOf(tokens: readonly string[], n: number): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (let k = 0; k + n <= tokens.length; k += 1) {
    const gram = tokens.slice(k, k + n).join(' ');
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}
