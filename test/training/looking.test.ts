// Attention that is learned says where things are: trainings of some seconds, decoded greedily, and the strongest places beside the true ones.

import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dateFigures, decodedTest, pairFigures, placesOfDate } from '../../scripts/attention/looked.ts';
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
    const { rows, exact } = await decodedTest(await trained('translation', translation));
    const { errorRate, crossed } = pairFigures(rows);
    const said = JSON.stringify({ exact, errorRate, crossed });
    assert.ok(exact >= 0.7, said);
    assert.ok(crossed.count >= 50 && crossed.right >= 0.8, said);
    assert.ok(errorRate <= 0.2, said);
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
