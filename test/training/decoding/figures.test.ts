import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keptOf } from '../../../src/data/load.ts';
import { openJob } from '../../../src/engine/job.ts';
import { runTraining } from '../../../src/engine/training.ts';
import { createRuntime } from '../../../src/runtime/onnxruntime.ts';
import type { StepRecord } from '../../../src/shared/training.ts';
import { lastGoodCheckpoint } from '../../../src/training/checkpoint.ts';
import { heldOutDecoder } from '../../../src/training/decoding/figures.ts';
import { nodeFiles } from '../../../src/training/files.ts';
import { checkpointsOf } from '../../../src/training/run.ts';

const source = `model Repeat(source: [S] of Symbol, target: [T] of Symbol) {
  encoder = bidirectional(gru, embed(source, 12), 16)
  decoder = attending_decoder(embed(target, 12), encoder, 24)
  logits  = linear(decoder, Symbol)
  loss    = cross_entropy(logits, next(target))
}

data repeating = repeating(800, symbols: 5, length: [2, 4], seed: 1)

train Repeat on repeating { epochs: 12, batch: 20, optimizer: adam(0.02), report: [exact, bleu, chrf] }
generate Repeat { search: greedy, length: 9 }
`;

describe('figures of decoded rows', function () {
  this.timeout(60_000);
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unroll-figures-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('are measured on the held-out part; exact rows are those whose answers to the truth are all right', async () => {
    const file = join(folder, 'repeat.rnn');
    await writeFile(file, source);
    const records: StepRecord[] = [];
    const run = await runTraining({ file, device: 'cpu', threads: 1 }, { progress: (record) => records.push(record) });
    assert.deepEqual(run.status, { kind: 'done' });
    const report = JSON.parse(await readFile(join(run.folder, 'report.json'), 'utf8'));
    assert.ok(report.metrics.exact > 0.2, `it has learned: ${report.metrics.exact}`);

    const { model, data, shapes } = await openJob(file);
    const { checkpoint } = await lastGoodCheckpoint(checkpointsOf(run.folder), nodeFiles);
    const decode = heldOutDecoder(
      { model, shapes, kept: keptOf(data) },
      data,
      { search: { kind: 'greedy' }, length: 9, prompt: '' },
      createRuntime,
    );
    const found = await decode(checkpoint!.state, 'validation', ['exact', 'bleu', 'chrf']);
    // Two ways to the same number: counting answers under the truth, and decoding.
    assert.ok(Math.abs(found.exact! - report.metrics.exact) < 1e-9, `${found.exact} is not ${report.metrics.exact}`);
    assert.deepEqual([found.bleu, found.chrf], [report.metrics.bleu, report.metrics.chrf]);
    assert.ok(found.chrf! > 30 && found.chrf! < 100);
    const measured = records.filter(({ metrics }) => metrics !== undefined);
    assert.ok(measured.length >= 2 && measured.every(({ metrics }) => Number.isFinite(metrics!.bleu) && Number.isFinite(metrics!.chrf)));
  });

  it('are refused for a model that writes no rows', async () => {
    const file = join(folder, 'sum.rnn');
    await writeFile(
      file,
      `model M(input: [T] of Symbol, order: one of Order) {
  loss = cross_entropy(linear(last(gru(embed(input, 4), 4)), Order), order)
}
data d = temporal_order(40, length: 20)
train M on d { epochs: 1, report: bleu }
`,
    );
    await assert.rejects(runTraining({ file }, {}), /`bleu` compares rows that a model writes/);
  });
});
