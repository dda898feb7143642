// What a model answers on held-out data, and when it is shown: on models that are known to say what they read.

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Batch } from '../../src/data/dataset.ts';
import { evaluationBatches } from '../../src/data/load.ts';
import { type OpenedJob, openJob } from '../../src/engine/job.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import type { Sample } from '../../src/shared/training.ts';
import { initialise } from '../../src/training/initialise.ts';
import { realSteps, Throughput } from '../../src/training/pace.ts';
import { openPartsTrainer } from '../../src/training/parts-trainer.ts';
import { measure } from '../../src/training/report.ts';
import { examplesOf, Occasions } from '../../src/training/samples.ts';
import { openSessionTrainer } from '../../src/training/session-trainer.ts';
import { validate, validationInterval } from '../../src/training/validation.ts';

describe('held-out data', function () {
  this.timeout(30_000);
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unroll-samples-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function jobOf(source: string, file: string, text: string): Promise<OpenedJob> {
    await writeFile(join(folder, file), text);
    await writeFile(join(folder, 'm.rnn'), source);
    return openJob(join(folder, 'm.rnn'));
  }
  const trainersOf = async ({ model, settings }: OpenedJob) => {
    const start = initialise(model.weights, 1);
    const runtime = createRuntime();
    return [
      await openSessionTrainer(model, settings, start, runtime, { device: 'cpu', threads: 1 }),
      await openPartsTrainer(model, settings, start, runtime, 2),
    ];
  };

  /** Two columns of different size, 40 rows. */
  const table = Array.from({ length: 40 }, (_, t) => [100 + 10 * Math.sin(t), 0.5 * (t % 3)] as const);
  const csv = `a,b\n${table.map((row) => row.join(',')).join('\n')}\n`;
  /** Says that all stays as it is. */
  const same = `data it = series("it.csv", window: 6, normalise: true, validation: 8, test: 8)

model Same(x: [T, 2]) {
  param g: [2] = 1

  y    = g * x
  loss = mse(y, next(x))
}

train Same on it { batch: 3, report: [rmse, mae, persistence, seasonal(3)] }
`.replace('window: 6,', 'x: columns("a", "b"), window: 6,');

  it('of numbers is measured in its own unit, once a window, beside persistence', async () => {
    const job = await jobOf(same, 'it.csv', csv);
    const pairs = (season: number): number[] =>
      Array.from({ length: 8 }, (_, k) => 32 + k).flatMap((t) => [0, 1].map((c) => table[t]![c as 0 | 1] - table[t - season]![c as 0 | 1]));
    const rmse = (differences: number[]): number => Math.sqrt(differences.reduce((sum, each) => sum + each * each, 0) / differences.length);
    const mae = (differences: number[]): number => differences.reduce((sum, each) => sum + Math.abs(each), 0) / differences.length;
    for (const trainer of await trainersOf(job)) {
      const report = await measure(trainer, job.model, job.data, job.settings, 0);
      await trainer.close();
      const near = (actual: number | undefined, expected: number): void =>
        assert.ok(Math.abs(actual! / expected - 1) < 1e-5, `${actual} is not ${expected}`);
      assert.equal(report?.part, 'test');
      assert.deepEqual(Object.keys(report.metrics), ['rmse', 'mae']);
      near(report.metrics.rmse, rmse(pairs(1)));
      near(report.metrics.mae, mae(pairs(1)));
      near(report.baselines.persistence, rmse(pairs(1)));
      near(report.baselines['seasonal(3)'], rmse(pairs(3)));
      assert.equal(report.confusion, undefined);
    }
  });

  const shown = async (job: OpenedJob): Promise<Extract<Sample, { kind: 'examples' }>['rows']> => {
    const [trainer, other] = await trainersOf(job);
    const batches = evaluationBatches(job.data, 'validation', job.settings)!;
    const { some } = await validate(trainer!, batches, job.model, job.data, []);
    await trainer!.close();
    await other!.close();
    const sample = examplesOf(batches.at(some!.batch), some!.judged, job.model, job.data);
    assert.ok(sample.kind === 'examples');
    return sample.rows;
  };

  it('of numbers is shown in its own unit: what came last, what is true, what is said', async () => {
    const [first] = await shown(await jobOf(same.replace('batch: 3', 'batch: 1'), 'it.csv', csv));
    // The fifth of eight windows: it ends before row 28.
    const text = (value: number): string =>
      value === 0 ? '0' : value === 0.5 ? '.50' : value === 1 ? '1' : value < 99.95 ? value.toFixed(1) : value.toFixed(0);
    const steps = table.slice(22, 28).map(([a, b]) => `(${text(a)} ${text(b)})`);
    assert.equal(first!.input.replaceAll('1.00', '1'), steps.join(' '));
    assert.deepEqual(first!.truth.split(' ').map(Number).map(Math.round), table[28]!.map(Math.round));
    assert.deepEqual(first!.predicted.split(' ').map(Number).map(Math.round), table[27]!.map(Math.round));
  });

  it('of classes is shown as texts, without padding', async () => {
    const rows = ['ab', 'cab', 'a', 'bb', 'accab', 'b', 'cc', 'abc', 'ba', 'c'];
    const source = `data it = table("it.csv", by: char, validation: 0.5)

model Echo(word: [T] of Char, tags: [T] of Char) {
  param g: [Char, Char] = identity

  logits = 9 * g[word]
  loss   = cross_entropy(logits, tags)
}

train Echo on it { batch: 8 }
`;
    const found = await shown(await jobOf(source, 'it.csv', `word,tags\n${rows.map((word) => `${word},${word}`).join('\n')}\n`));
    assert.equal(found.length, 5);
    for (const { input, truth, predicted } of found) {
      assert.ok(rows.includes(input), input);
      assert.deepEqual([truth, predicted], [input, input]);
    }
  });
});

describe('samples', () => {
  let clock = 0;
  const now = (): number => clock;
  const stepsOf = (occasions: Occasions, last: number, cost = 0, from = 1): number[] => {
    const steps: number[] = [];
    for (let step = from; step <= last; step += 1) {
      clock += 100;
      if (!occasions.isDue(step, step === last)) continue;
      steps.push(step);
      clock += cost;
      occasions.made(step, clock - cost);
    }
    return steps;
  };
  beforeEach(() => {
    clock = 0;
  });

  const cases: [what: string, steps: () => number[], expected: number[]][] = [
    [
      'come ten times, but not in the first seconds',
      () => stepsOf(new Occasions(undefined, 100, 0, now), 100),
      [30, 40, 50, 60, 70, 80, 90, 100],
    ],
    [
      'cost little: one that takes a second waits for the next',
      () => stepsOf(new Occasions(undefined, 1000, 0, now), 1000, 1000),
      [100, 434, 768, 1000],
    ],
    ['come as they are asked for, whatever they cost', () => stepsOf(new Occasions(4, 10, 0, now), 10, 5000), [4, 8]],
    ['do not come where none is wanted', () => stepsOf(new Occasions(0, 10, 0, now), 10), []],
    ['come at the same steps after a pause', () => stepsOf(new Occasions(4, 20, 6, now), 20, 0, 7), [8, 12, 16, 20]],
  ];
  for (const [what, steps, expected] of cases) it(what, () => assert.deepEqual(steps(), expected));
});

describe('throughput', () => {
  const batch = (lengths: Readonly<Record<string, number[]>>, sizes: Readonly<Record<string, number>>, rows = 3): Batch => ({
    rows,
    sizes,
    inputs: Object.fromEntries(Object.entries(lengths).map(([name, each]) => [`lengths(${name})`, Int32Array.from(each)])),
    reset: true,
  });

  const cases: [what: string, batch: Batch, steps: number][] = [
    ['counts no padding', batch({ T: [1, 2, 5] }, { T: 5 }), 8],
    ['counts rows of one length whole', batch({}, { T: 5 }), 15],
    ['counts the longer of two sequences', batch({ S: [1, 1, 2], T: [1, 2, 5] }, { S: 2, T: 5 }), 8],
    ['counts a fixed sequence beside a ragged one', batch({ S: [1, 1, 2] }, { S: 2, T: 5 }), 15],
    ['counts examples where there are no steps', batch({}, {}), 3],
  ];
  for (const [what, given, steps] of cases) it(what, () => assert.equal(realSteps(given), steps));

  it('is that of the recent steps', () => {
    let clock = 0;
    const throughput = new Throughput(() => clock);
    const found = Array.from({ length: 100 }, (_, k) => {
      clock += k < 50 ? 1000 : 500;
      return throughput.learned(batch({}, { T: 4 }));
    });
    assert.deepEqual([found[0], found[1], found[49], found[99]], [undefined, 12, 12, 24]);
  });
});

describe('validations', () => {
  const batches = (count: number) => ({ count, at: () => assert.fail() });
  const cases: [held: number, training: number, running: boolean, interval: number][] = [
    [1, 17, true, 10],
    [6, 17, true, 50],
    [20, 1000, true, 200],
    // Whole passes, where data comes in passes.
    [1, 17, false, 17],
    [1, 4, false, 10],
    [6, 12, false, 36],
  ];
  for (const [held, training, running, interval] of cases)
    it(`of ${held} batches come every ${interval} steps of ${training} a pass${running ? ' of a text' : ''}`, () =>
      assert.equal(validationInterval(batches(held), batches(training), { running }), interval));
  it('do not come where nothing is held out', () =>
    assert.equal(validationInterval(undefined, batches(9), { running: true }), Number.POSITIVE_INFINITY));
});
