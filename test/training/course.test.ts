// The course of a training beside its steps: schedules, early stopping, starts from elsewhere, event files, samples; and that a pause changes none of it.

import assert from 'node:assert/strict';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { StepRecord } from '../../src/shared/training.ts';
import { lastGoodCheckpoint } from '../../src/training/checkpoint.ts';
import { readLog } from '../../src/training/log.ts';
import { readReport } from '../../src/training/report.ts';
import { checkpointsOf, logOf } from '../../src/training/run.ts';
import { type Job, type Surroundings, type TrainOptions, train } from '../../src/training/train.ts';
import { fakeJob, fakeTrainer, numbersOf } from './fake.ts';

let folder: string;
let job: Job;
beforeEach(async () => {
  ({ folder, job } = await fakeJob());
});
afterEach(() => rm(folder, { recursive: true }));

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
  it('follows a schedule, and logs the rate of each step', async () => {
    const schedule = { kind: 'cosine', warmup: 5, end: 0 } as const;
    const scheduled = withSettings({ steps: 15, optimizer: { kind: 'adam', rate: 0.01, schedule } });
    const { folder: run } = await train(scheduled, {}, {}, { openTrainer: fakeTrainer() });
    const rates = (await records(run)).map(({ learningRate }) => learningRate);
    assert.deepEqual([rates[0], rates[4], rates[5], rates[14]], [0.002, 0.01, 0.01, 0]);
  });

  it('ends where the loss has not fallen, with the best weights', async () => {
    const stopping = withSettings({ steps: 100, stop: { patience: 2 } });
    const messages: string[] = [];
    const losses = twice([5, 3, 4, 4, 1]);
    const {
      folder: run,
      status,
      step,
    } = await train(stopping, {}, { message: (text) => messages.push(text) }, { openTrainer: validating(losses) });
    assert.deepEqual([status.kind, step], ['done', 40]);
    assert.match(messages.at(-1)!, /^Stopped early: the validation loss has not fallen for 2 validations\. The best weights are kept/);
    const { checkpoint } = await lastGoodCheckpoint(checkpointsOf(run));
    const { folder: half } = await train(
      { ...job, settings: { ...job.settings, steps: 20 } },
      { out: join(folder, 'half') },
      {},
      { openTrainer: fakeTrainer() },
    );
    const { checkpoint: best } = await lastGoodCheckpoint(checkpointsOf(half));
    assert.equal(checkpoint!.step, 40);
    assert.deepEqual(numbersOf(checkpoint!.state), numbersOf(best!.state));
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

  it('starts from the weights of another run, and says so', async () => {
    const { folder: first } = await train(job, {}, {}, { openTrainer: fakeTrainer() });
    const { checkpoint } = await lastGoodCheckpoint(checkpointsOf(first));
    const messages: string[] = [];
    const later = withSettings({ start: first, steps: 1, seed: 9 });
    let started: Record<string, number[]> = {};
    const open: Surroundings['openTrainer'] = async (model, settings, start, options) => {
      started = numbersOf(start);
      return fakeTrainer()(model, settings, start, options);
    };
    await train(later, {}, { message: (text) => messages.push(text) }, { openTrainer: open });
    assert.deepEqual(started, { 'h.W': numbersOf(checkpoint!.state)['h.W'] });
    assert.match(messages[0]!, /^1 of 1 weights start from .*Tiny-1\.$/);
    await assert.rejects(
      train(withSettings({ start: join(folder, 'nowhere') }), {}, {}, { openTrainer: fakeTrainer() }),
      /`start`: there is no run or file/,
    );
  });

  it('writes event files where that is asked for, one for each session', async () => {
    const { folder: run } = await train(job, { tensorBoard: true, steps: 5 }, {}, { openTrainer: fakeTrainer() });
    await train(job, { tensorBoard: true, out: run, resume: true, steps: 8 }, {}, { openTrainer: fakeTrainer() });
    const events = (await readdir(run)).filter((name) => name.startsWith('events.out.tfevents.'));
    assert.ok(events.length >= 1);
  });

  it('shows what the model writes, about ten times, or as often as the source says', async () => {
    const write = async (): Promise<string> => 'Once';
    const steps = async (more: Partial<Job['settings']>, out: string): Promise<number[]> => {
      const { folder: run } = await train(withSettings(more), { out: join(folder, out) }, {}, { openTrainer: fakeTrainer(), write });
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
