// Attention that is learned says where things are: trainings of some seconds, decoded greedily, and the strongest places beside the true ones.

import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crossingFigures } from '../../scripts/attention/crossed.ts';
import { dateFigures, decodedTest, pairFigures, placesOfDate } from '../../scripts/attention/looked.ts';
import { alignedWords, crossingsOf } from '../../scripts/attention/word-table.ts';
import { root } from '../../scripts/root.ts';
import { runTraining } from '../../src/engine/training.ts';

const dates = `model Dates(written: [S] of Letter, date: [T] of Digit) {
  encoder = bidirectional(lstm, embed(written, 24), 24)
  decoder = attending_decoder(embed(date, 12), encoder, 48, unit: lstm)
  logits  = linear(decoder, Digit)
  loss    = cross_entropy(logits, next(date))
}
data dates = dates(4_000, seed: 1, test: 200)
train Dates on dates { epochs: 6, batch: 50, optimizer: adam(0.008) }
`;

const translation = `model Translate(source: [S] of English, target: [T] of French) {
  encoder = bidirectional(gru, embed(source, 24), 24)
  decoder = attending_decoder(embed(target, 24), encoder, 48)
  logits  = linear(decoder, French)
  loss    = cross_entropy(logits, next(target))
}
data sentences = pairs("translations.tsv", by: word, lower: true, test: 200)
train Translate on sentences { epochs: 7, batch: 32, optimizer: adam(0.008), clip: 1 }
`;

describe('attention that was learned', function () {
  this.timeout(180_000);
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unroll-looking-'));
  });
  after(() => rm(folder, { recursive: true }));

  async function trained(name: string, source: string): Promise<string> {
    const file = join(folder, `${name}.rnn`);
    await writeFile(file, source);
    const run = await runTraining({ file, device: 'cpu', threads: 2 }, {});
    assert.equal(run.status.kind, 'done');
    return run.folder;
  }

  it('a date: its digits come from the characters that say the same', async () => {
    const { rows, exact } = await decodedTest(await trained('dates', dates));
    const { year, month, day } = dateFigures(rows);
    const said = JSON.stringify({ exact, year, month, day });
    assert.ok(exact >= 0.9, said);
    // The year's last digits are theirs alone; a month's digits are told by any of its letters, a day's by its neighbours too.
    assert.ok(year.right >= 0.97 && year.weight >= 0.7, said);
    assert.ok(month.right >= 0.8 && day.right >= 0.75, said);
  });

  it('a sentence: where French puts the adjective behind its noun, the attention crosses', async () => {
    await copyFile(join(root, 'examples', 'translations.tsv'), join(folder, 'translations.tsv'));
    const run = await trained('translation', translation);
    const { rows, exact } = await decodedTest(run);
    const { errorRate, crossed } = pairFigures(rows);
    const said = JSON.stringify({ exact, errorRate, crossed });
    assert.ok(exact >= 0.7, said);
    assert.ok(crossed.count >= 50 && crossed.right >= 0.8, said);
    assert.ok(errorRate <= 0.2, said);
    // The same without marks: neighbours are found in the pairs themselves, and the model reads what people wrote.
    const { pairs, seen } = await crossingFigures(run);
    const turned = seen.filter(({ kind }) => kind === 'adjective and noun');
    assert.equal(pairs, 2400);
    assert.ok(
      turned.length >= 150 && turned.filter(({ isCrossed }) => isCrossed).length >= 0.9 * turned.length,
      JSON.stringify(turned.slice(0, 5)),
    );
  });

  it('neighbours that cross are found in pairs as they are marked by hand', async () => {
    const text = await readFile(join(root, 'examples', 'translations.tsv'), 'utf8');
    const rows = text
      .trim()
      .split('\n')
      .map((line) => line.split('\t') as [string, string, string]);
    const found = alignedWords(rows.map(([source, target]) => ({ source: source.split(' '), target: target.split(' ') })));
    const [own, marked] = [new Set<string>(), new Set<string>()];
    rows.forEach(([source, , links], row) => {
      const keys = (of: Parameters<typeof crossingsOf>[0], into: Set<string>): void => {
        // What "does not" and "ne ... pas" have to do with each other is a matter of taste.
        for (const crossing of crossingsOf(of))
          if (!crossing.source.some((place) => source.split(' ')[place] === 'not'))
            into.add(`${row} ${crossing.target} ${crossing.source}`);
      };
      keys(found[row]!, own);
      keys(
        Array.from(links.matchAll(/(\d+)-(\d+)/g), ([, from, to]) => ({ source: Number(from), target: Number(to) })),
        marked,
      );
    });
    const both = [...own].filter((key) => marked.has(key)).length;
    const said = `${both} of ${own.size} found and ${marked.size} marked`;
    assert.ok(both >= 0.95 * own.size && both >= 0.95 * marked.size && marked.size > 1000, said);
  });

  it('knows where the parts of a written date stand', () => {
    const parts = (written: string): Record<string, string> =>
      Object.fromEntries(Object.entries(placesOfDate(written)).map(([part, [from, to]]) => [part, written.slice(from, to)]));
    assert.deepEqual(parts('monday, march 3, 1975'), { year: '75', month: 'march', day: '3' });
    assert.deepEqual(parts('mon 3 mar 2075'), { year: '75', month: 'mar', day: '3' });
    assert.deepEqual(parts("may 21 '98"), { year: '98', month: 'may', day: '21' });
    assert.deepEqual(parts('the 2nd of august 1911'), { year: '11', month: 'august', day: '2' });
    assert.deepEqual(parts('7-dec-1999'), { year: '99', month: 'dec', day: '7' });
    assert.deepEqual(parts('03.11.1960'), { year: '60', month: '11', day: '03' });
    assert.deepEqual(parts('11/3/1960'), { year: '60', month: '11', day: '3' });
  });
});
