// Encoders and decoders on pairs: two sequences, each with lengths of its own.

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { evaluationBatches } from '../../src/data/load.ts';
import { openJob } from '../../src/engine/job.ts';
import { initialise } from '../../src/training/initialise.ts';
import { openTrainer } from '../../src/training/open-trainer.ts';
import { readReport } from '../../src/training/report.ts';
import { train } from '../../src/training/train.ts';

const translate = `model Translate(source: [S] of English, target: [T] of French) {
  encoder = bidirectional(gru, embed(source, 8), 8)
  decoder = attending_decoder(embed(target, 8), encoder, 12)
  logits  = linear(decoder, French)
  loss    = cross_entropy(logits, next(target))
}
data pairs = pairs("pairs.tsv", by: word, validation: 40)
train Translate on pairs { epochs: 1 }
`;

const dates = `model Dates(written: [S] of Letter, date: [T] of Digit) {
  encoder = bidirectional(lstm, embed(written, 32), 32)
  decoder = attending_decoder(embed(date, 16), encoder, 64, unit: lstm)
  logits  = linear(decoder, Digit)
  loss    = cross_entropy(logits, next(date))
}
data dates = dates(5_000, seed: 1, test: 200)
train Dates on dates { steps: 120, batch: 50, optimizer: adam(0.01), clip: 1, report: [accuracy, exact] }
`;

describe('training on pairs', function () {
  this.timeout(120_000);
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unroll-pairs-'));
    const words = (k: number, count: number): string =>
      Array.from({ length: count }, (_, at) => 'abcdefgh'[(k * 7 + at * 3) % 8]).join(' ');
    const lines = Array.from({ length: 100 }, (_, k) => `${words(k, 1 + (k % 9))}\t${words(k + 1, 1 + ((k * 5) % 7))}`);
    await writeFile(join(folder, 'pairs.tsv'), lines.join('\n'));
    await writeFile(join(folder, 'pairs.rnn'), translate);
    await writeFile(join(folder, 'dates.rnn'), dates);
  });
  after(() => rm(folder, { recursive: true }));

  it('what a pair costs does not depend on those that it is padded with', async () => {
    const { model, data, settings } = await openJob(join(folder, 'pairs.rnn'));
    assert.deepEqual([data.ragged, data.parts.validation.size], [['S', 'T'], 40]);
    const trainer = await openTrainer(model, settings, initialise(model.weights, 1), { device: 'cpu', threads: 1 });
    try {
      const costs = await Promise.all(
        [1, 13].map(async (batch) => {
          const batches = evaluationBatches(data, 'validation', { batch, window: 1 })!;
          let [sum, count] = [0, 0];
          for (let k = 0; k < batches.count; k += 1) {
            const part = await trainer.evaluate(batches.at(k));
            sum += part.sum;
            count += part.count;
          }
          return { sum, count };
        }),
      );
      // Every token of the target, and its end.
      const asked = Array.from({ length: 40 }, (_, k) => data.parts.validation.example(k).lengths.T! - 1).reduce((a, b) => a + b, 0);
      assert.deepEqual([costs[0]!.count, costs[1]!.count], [asked, asked]);
      assert.ok(Math.abs(costs[0]!.sum - costs[1]!.sum) < 1e-4 * costs[0]!.sum, `${costs[0]!.sum} ${costs[1]!.sum}`);
    } finally {
      await trainer.close();
    }
  });

  it('attention learns to read dates', async () => {
    const job = await openJob(join(folder, 'dates.rnn'));
    const out = join(folder, 'run');
    const { status } = await train(job, { out, device: 'cpu', threads: 2 }, {}, { openTrainer });
    const report = await readReport(out);
    assert.deepEqual([status.kind, report!.part], ['done', 'test']);
    assert.ok(report!.metrics.accuracy! > 0.7 && report!.baselines.majority! < 0.25, JSON.stringify(report));
  });
});
