// Trainings on examples of different lengths, with all that computes: shuffled batches, dropout, early stopping and a plateau, a test part.

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { evaluationBatches } from '../../src/data/load.ts';
import { type OpenedJob, openJob } from '../../src/engine/job.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import { random } from '../../src/shared/random.ts';
import type { StepRecord } from '../../src/shared/training.ts';
import { lastGoodCheckpoint } from '../../src/training/checkpoint.ts';
import { readLog } from '../../src/training/log.ts';
import { openTrainer } from '../../src/training/open-trainer.ts';
import { readReport } from '../../src/training/report.ts';
import { checkpointsOf, logOf } from '../../src/training/run.ts';
import { openSessionTrainer } from '../../src/training/session-trainer.ts';
import { type TrainHooks, type TrainOptions, train } from '../../src/training/train.ts';
import { numbersOf } from './fake.ts';

const source = `data words = table("words.csv", by: char, validation: 0.2, test: 0.2)

model Words(word: [T] of Letter, kind: one of Kind) {
  x    = embed(word, 4)
  h    = gru(x, 8, layers: 2, dropout: 0.2)
  loss = cross_entropy(linear(last(h), Kind), kind)
}

train Words on words { steps: 150, batch: 16, optimizer: adam(plateau(0.1, patience: 1, factor: 0.5)), stop: plateau(patience: 2), clip: 1 }
`;

/** Words of 1 to 9 letters: of the kind of their last vowel, or none; one in six of any kind. */
function wordsText(): string {
  const chance = random(3, 'words');
  const rows = Array.from({ length: 130 }, () => {
    const word = Array.from({ length: 1 + Math.floor(chance.uniform() * 9) }, () => 'abcde'[Math.floor(chance.uniform() * 5)]).join('');
    const kind =
      chance.uniform() < 1 / 6 ? ['a', 'e', 'none'][Math.floor(chance.uniform() * 3)] : (/[ae](?=[^ae]*$)/.exec(word)?.[0] ?? 'none');
    return `${word},${kind}`;
  });
  return `word,kind\n${rows.join('\n')}\n`;
}

describe('training on examples', function () {
  this.timeout(120_000);
  let folder: string;
  let job: OpenedJob;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unroll-examples-'));
    await writeFile(join(folder, 'words.csv'), wordsText());
    await writeFile(join(folder, 'words.rnn'), source);
    job = await openJob(join(folder, 'words.rnn'));
  });
  after(() => rm(folder, { recursive: true }));

  const run = (name: string, options: TrainOptions = {}, hooks: TrainHooks = {}) =>
    train(job, { out: join(folder, name), device: 'cpu', threads: 2, everyStep: true, ...options }, hooks, { openTrainer });
  /** All but what the clock says. */
  const outcome = async (name: string) => {
    const out = join(folder, name);
    const { checkpoint } = await lastGoodCheckpoint(checkpointsOf(out));
    const records = (await readLog(logOf(out))).map((record): Partial<StepRecord> => {
      const { stepsPerSecond, secondsLeft, stepsOfDataPerSecond, updateRatios, sample, ...rest } = record;
      return rest;
    });
    const { state, ...rest } = checkpoint!;
    return { records, rest, numbers: numbersOf(state), report: await readReport(out) };
  };

  it('gives the same numbers, bit by bit, for the same seed, and others for another', async () => {
    await run('first');
    await run('second');
    assert.deepEqual(await outcome('second'), await outcome('first'));
    await run('third', { seed: 2, steps: 3 });
    assert.notDeepEqual((await outcome('third')).records[2]?.loss, (await outcome('first')).records[2]?.loss);
  });

  it('goes on after any number of pauses as if there had been none', async () => {
    const { records } = await outcome('first');
    const end = records.length;
    assert.ok(
      records.some(({ learningRate }) => learningRate! < 0.1),
      'the rate has fallen',
    );
    assert.ok(end < 150, 'it has stopped early');
    for (const [k, at] of [3, 20, 21, end - 1].entries()) {
      let step = 0;
      const hooks: TrainHooks = {
        // The last record that was written when `stop` is asked is that of the step before.
        stop: () => (step === at - 1 ? 'pause' : undefined),
        started(summary) {
          step = summary.step;
        },
        progress(record) {
          step = record.step;
        },
      };
      const paused = await run('paused', { resume: k > 0 }, hooks);
      assert.deepEqual([paused.status.kind, paused.step], ['paused', at]);
    }
    await run('paused', { resume: true });
    assert.deepEqual(await outcome('paused'), await outcome('first'));
  });

  it('measures the test part with the weights that are kept, as one counts by hand', async () => {
    const { report, numbers, rest } = await outcome('first');
    assert.equal(report?.part, 'test');
    assert.notEqual(report.step, rest.step);
    assert.equal(report.step, rest.bestOf);
    const { model, data, settings } = job;
    const state = new Map(
      model.weights.map(({ name, value }) => [
        name,
        { shape: value.type.axes.map(({ size }) => Number(size)), data: Float32Array.from(numbers[name]!) },
      ]),
    );
    const trainer = await openSessionTrainer(model, settings, state, createRuntime(), { device: 'cpu', threads: 1 });
    // One row at a time: nothing is padded.
    const batches = evaluationBatches(data, 'test', { ...settings, batch: 1 })!;
    const classes = data.vocabularies.Kind!.tokens;
    const counts = classes.map(() => classes.map(() => 0));
    let loss = 0;
    for (let k = 0; k < batches.count; k += 1) {
      const batch = batches.at(k);
      const { sum, judged } = await trainer.evaluate(batch);
      loss += sum / batches.count;
      counts[(batch.inputs.kind as Int32Array)[0]!]![judged!.predicted[0]!]! += 1;
    }
    await trainer.close();
    const diagonal = classes.reduce((sum, _, k) => sum + counts[k]![k]!, 0);
    assert.ok(Math.abs(report.loss - loss) < 1e-5, `${report.loss} is not ${loss}`);
    assert.ok(Math.abs(report.metrics.accuracy! - diagonal / batches.count) < 1e-12);
    assert.deepEqual(report.confusion, { classes, counts });
    const f1 = classes.map((_, k) => {
      const answered = counts.reduce((sum, row) => sum + row[k]!, 0);
      const there = counts[k]!.reduce((sum, each) => sum + each, 0);
      const [precision, recall] = [counts[k]![k]! / answered, counts[k]![k]! / there];
      return (2 * precision * recall) / (precision + recall);
    });
    assert.ok(Math.abs(report.metrics.f1! - f1.reduce((sum, each) => sum + each, 0) / classes.length) < 1e-12);
    const kinds = (part: 'training' | 'test'): number[] =>
      Array.from({ length: data.parts[part].size }, (_, k) => data.parts[part].example(k).inputs.kind![0]!);
    const shares = (part: 'training' | 'test'): number[] =>
      classes.map((_, id) => kinds(part).filter((each) => each === id).length / kinds(part).length);
    const most = Math.max(...shares('training'));
    // Where two are as frequent, either will do.
    assert.ok(shares('test').some((share, id) => shares('training')[id] === most && share === report.baselines.majority));
  });

  it('counts real timesteps in its throughput, and shows held-out examples', async () => {
    const records = await readLog(logOf(join(folder, 'first')));
    const sample = records.flatMap((record) => record.sample ?? []).at(-1);
    assert.ok(sample?.kind === 'examples' && sample.rows.length === 5);
    for (const { input, truth } of sample.rows)
      assert.ok(
        wordsText().includes(`
${input},${truth}
`),
        `${input} is ${truth}`,
      );
    assert.ok(records.slice(1).every(({ stepsOfDataPerSecond }) => stepsOfDataPerSecond! > 0));
  });
});
