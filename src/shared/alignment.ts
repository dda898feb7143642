// How far attention looks at what belongs together, as people have said it.

import type { Link } from './trace.ts';

/** Alignment error rate over pairs (Och & Ney 2003): 1 - (|A ∩ S| + |A ∩ P|) / (|A| + |S|), the sure links S being among the possible ones P. `found`: the links A of
 *  each pair, as the strongest attention of each step of the target gives them. NaN where there are none at all. */
export function alignmentErrorRate(
  found: readonly (readonly Pick<Link, 'source' | 'target'>[])[],
  truth: readonly (readonly Link[])[],
): number {
  let [right, all] = [0, 0];
  found.forEach((links, k) => {
    const key = ({ source, target }: Pick<Link, 'source' | 'target'>): string => `${source} ${target}`;
    const own = new Set(links.map(key));
    const sure = new Set(truth[k]!.filter((link) => link.sure).map(key));
    const possible = new Set(truth[k]!.map(key));
    for (const link of own) right += Number(sure.has(link)) + Number(possible.has(link));
    all += own.size + sure.size;
  });
  return 1 - right / all;
}

/** The links that weights make, [steps, heads, places]: each step's strongest place (of the mean of the heads) with the word that is written there, a step on;
 *  without the steps that write ‹end›, or nothing. `words`: the number of words that are written. */
export function strongestLinks(
  weights: ArrayLike<number>,
  { heads, places }: { readonly heads: number; readonly places: number },
  words: number,
): Pick<Link, 'source' | 'target'>[] {
  const links: Pick<Link, 'source' | 'target'>[] = [];
  for (let step = 0; step < words && (step + 1) * heads * places <= weights.length; step += 1) {
    let [source, most] = [0, Number.NEGATIVE_INFINITY];
    for (let place = 0; place < places; place += 1) {
      let sum = 0;
      for (let head = 0; head < heads; head += 1) sum += weights[(step * heads + head) * places + place]!;
      if (sum > most) [source, most] = [place, sum];
    }
    links.push({ source, target: step + 1 });
  }
  return links;
}
