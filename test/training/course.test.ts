// The course of a training beside its steps: schedules, early stopping, starts from elsewhere, event files, samples; and that a pause changes none of it.

import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { StepRecord } from '../../src/shared/training.ts';
import { readLog } from '../../src/training/log.ts';
import { readReport } from '../../src/training/report.ts';
import { logOf } from '../../src/training/run.ts';
import { type Job, type Surroundings, type TrainOptions, train } from '../../src/training/train.ts';
import { fakeJob, fakeTrainer } from './fake.ts';

let folder: string;
let job: Job;
/** A trainer whose n-th validation has the n-th of these losses. */
const validating =
  (losses: readonly number[], from = 0): Surroundings['openTrainer'] =>
  async (...given) => {
    const trainer = await fakeTrainer()(...given);
    let count = from;
    return { ...trainer, evaluate: async () => ({ sum: losses[Math.min(count++, losses.length - 1)]!, count: 1 }) };
  };

const withSettings = (more: Partial<Job['settings']>): Job => ({ ...job, settings: { ...job.settings, ...more } });
const records = async (run: string): Promise<StepRecord[]> => readLog(logOf(run));
/** A validation of this job has one batch behind its lead: two evaluations. */
const twice = (losses: readonly number[]): number[] => losses.flatMap((loss) => [loss, loss]);

describe('the course of a training', () => {
  beforeEach(async () => {
    ({ folder, job } = await fakeJob());
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('follows a schedule, and logs the rate of each step', async () => {
    const schedule = { kind: 'cosine', warmup: 5, end: 0 } as const;
    const scheduled = withSettings({ steps: 15, optimizer: { kind: 'adam', rate: 0.01, schedule } });
    const { folder: run } = await train(scheduled, {}, {}, { openTrainer: fakeTrainer() });
    const rates = (await records(run)).map(({ learningRate }) => learningRate);
    assert.deepEqual([rates[0], rates[4], rates[5], rates[14]], [0.002, 0.01, 0.01, 0]);
  });

  it('lowers the rate on a plateau; a pause in between changes nothing', async () => {
    const schedule = { kind: 'plateau', patience: 1, factor: 0.5, warmup: 0 } as const;
    const plateau = withSettings({ steps: 60, optimizer: { kind: 'adam', rate: 0.01, schedule } });
    const losses = twice([5, 6, 4, 4, 3, 3]);
    const whole = await train(plateau, { out: join(folder, 'whole') }, {}, { openTrainer: validating(losses) });
    const rates = (await records(whole.folder)).map(({ learningRate }) => learningRate);
    assert.deepEqual([rates[10], rates[20], rates[39], rates[40], rates[59]], [0.01, 0.005, 0.005, 0.0025, 0.0025]);
    let done = 0;
    const options: TrainOptions = { out: join(folder, 'paused') };
    await train(plateau, options, { stop: () => (++done === 25 ? 'pause' : undefined) }, { openTrainer: validating(losses) });
    await train(plateau, { ...options, resume: true }, {}, { openTrainer: validating(losses, 4) });
    assert.deepEqual(
      (await records(join(folder, 'paused'))).map(({ learningRate, loss }) => [learningRate, loss]),
      (await records(whole.folder)).map(({ learningRate, loss }) => [learningRate, loss]),
    );
  });

  it('shows what the model writes, about ten times but not in the first seconds, or as often as the source says', async () => {
    const write = async (): Promise<string> => 'Once';
    let clock = 0;
    const onStep = (): void => {
      clock += 1000;
    };
    const steps = async (more: Partial<Job['settings']>, out: string): Promise<number[]> => {
      const { folder: run } = await train(
        withSettings(more),
        { out: join(folder, out) },
        {},
        { openTrainer: fakeTrainer({ onStep }), write, now: () => clock },
      );
      return (await records(run)).flatMap(({ step, sample }) => (sample?.kind === 'text' && sample.text === 'Once' ? [step] : []));
    };
    assert.deepEqual(await steps({}, 'usual'), [3, 6, 9, 12, 15, 18, 21, 24, 27, 30]);
    assert.deepEqual(await steps({ samples: 12 }, 'said'), [12, 24]);
    assert.deepEqual(await steps({ samples: 0 }, 'none'), []);
  });

  it('leaves a report of the held-out part', async () => {
    const { folder: run } = await train(job, {}, {}, { openTrainer: validating([2]) });
    assert.deepEqual(await readReport(run), { part: 'validation', step: 30, loss: 2, metrics: {}, baselines: {} });
  });
});
