// Sentences whose translation says two neighbours the other way round, and whether the attention of a model crosses there: node scripts/attention/crossings.ts RUN [--shown 20].
// RUN is a run of pairs from English. Neighbours are found by alignments that are learned from the pairs themselves (word-table.ts); held-out sentences are read by
// the model as people translated them, word by word, so that each has a figure.

import { parseArgs } from 'node:util';
import { crossingFigures } from './crossed.ts';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { shown: { type: 'string', default: '20' } } });
const [folder] = positionals;
if (folder === undefined) throw new Error('Which run? node scripts/attention/crossings.ts RUN');
const found = await crossingFigures(folder);
for (const kind of ['adjective and noun', 'verb and pronoun', 'other words'] as const) {
  const own = found.seen.filter((each) => each.kind === kind);
  const share = (of: readonly unknown[]): string => (own.length === 0 ? '' : ` (${((100 * of.length) / own.length).toFixed(0)} %)`);
  const [crossed, reversed] = [own.filter((each) => each.isCrossed), own.filter((each) => each.places[1] < each.places[0])];
  process.stdout.write(
    `${kind}: ${found.all[kind]} in all ${found.pairs} pairs, ${own.length} of them held out; the strongest places are the two words, crossed, in ${crossed.length}${share(crossed)}, the second before the first in ${reversed.length}${share(reversed)}\n`,
  );
  for (const { source, target, words, places, weights, isCrossed } of own.slice(0, Number(values.shown)))
    process.stdout.write(
      `  ${isCrossed ? 'crossed' : 'not    '}  ${source.join(' ')} | ${target.join(' ')}: ${words.map((word, k) => `${word} looks at ${source[places[k]!]} (${weights[k]!.toFixed(2)})`).join(', ')}\n`,
    );
}
process.exit(0);
