// Trainings that wait for the validation loss: early stopping and the plateau schedule, across pauses, faults and longer ends.

import assert from 'node:assert/strict';
import * as node from 'node:fs/promises';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunSummary } from '../../src/shared/training.ts';
import { lastGoodCheckpoint } from '../../src/training/checkpoint.ts';
import { readLog } from '../../src/training/log.ts';
import { readReport } from '../../src/training/report.ts';
import { checkpointsOf, logOf } from '../../src/training/run.ts';
import { type Job, type Surroundings, type TrainHooks, type TrainOptions, train } from '../../src/training/train.ts';
import { type FakeOptions, fakeJob, fakeTrainer, numbersOf } from './fake.ts';

let folder: string;
let job: Job;

/** After 10, 20, 30, ... steps. */
const losses = [5, 4, 3, 3.5, 3.2, 3.1, 2, 3, 3, 3, 3, 3];
const validation = (step: number): number => losses[Math.ceil(step / 10) - 1]!;

const outcome = async (run: string) => {
  const { checkpoint } = await lastGoodCheckpoint(checkpointsOf(run));
  const { state, ...rest } = checkpoint!;
  return { ...rest, weights: numbersOf(state) };
};
const curves = async (run: string) =>
  (await readLog(logOf(run))).map(({ step, loss, learningRate, validationLoss }) => ({ step, loss, learningRate, validationLoss }));

const messages: string[] = [];
async function run(
  options: TrainOptions = {},
  fake: FakeOptions = {},
  hooks: TrainHooks = {},
  around: Partial<Surroundings> = {},
): Promise<RunSummary> {
  messages.length = 0;
  return train(
    job,
    options,
    { message: (text) => messages.push(text), ...hooks },
    {
      openTrainer: fakeTrainer({ validation, ...fake }),
      ...around,
    },
  );
}
/** Options of a training that is paused behind a step. */
function pausedAt(step: number): readonly [FakeOptions, TrainHooks] {
  let reached = 0;
  return [{ onStep: (each) => (reached = each) }, { stop: () => (reached === step ? 'pause' : undefined) }];
}

describe('a training that waits for the validation loss', () => {
  afterEach(() => rm(folder, { recursive: true }));

  describe('early stopping', () => {
    beforeEach(async () => {
      ({ folder, job } = await fakeJob({ steps: 120, stop: { patience: 2 } }));
    });

    it('ends where the loss has not fallen, says so, and keeps the best weights', async () => {
      const summary = await run();
      assert.deepEqual([summary.status.kind, summary.step, summary.steps, summary.validationLoss], ['done', 50, 50, 3]);
      assert.deepEqual(messages, [
        'The weights of step 30 are kept: they have the lowest validation loss.',
        'Stopped early at step 50: the validation loss has not fallen for 2 validations. Give more steps or epochs to go on.',
      ]);
      const kept = await outcome(summary.folder);
      assert.deepEqual([kept.step, kept.bestOf, kept.validationLoss], [50, 30, 3]);
      assert.deepEqual([(await readReport(summary.folder))?.step, (await readReport(summary.folder))?.part], [30, 'validation']);
      const short = await outcome((await run({ steps: 30 })).folder);
      assert.deepEqual(kept.weights['h.W'], short.weights['h.W']);
    });

    it('is the same after pauses, wherever they are', async () => {
      const whole = await run();
      const out = join(folder, 'paused');
      for (const [k, step] of [1, 29, 30, 31, 49].entries())
        assert.equal((await run({ out, resume: k > 0 }, ...pausedAt(step))).status.kind, 'paused');
      assert.equal((await run({ out, resume: true })).step, 50);
      assert.deepEqual(await outcome(out), await outcome(whole.folder));
      assert.deepEqual(await curves(out), await curves(whole.folder));
    });

    it('is the same after a fault', async () => {
      const whole = await run();
      const out = join(folder, 'broken');
      await assert.rejects(run({ out }, { throwAt: 47 }), /the runtime broke/);
      await run({ out, resume: true });
      assert.deepEqual(await outcome(out), await outcome(whole.folder));
      assert.deepEqual(await curves(out), await curves(whole.folder));
    });

    it('is ended by a resume where the best weights could not be written', async () => {
      const whole = await run();
      const out = join(folder, 'full');
      let written = 0;
      const files = {
        ...node,
        async open(path: string, flags: string) {
          if (path.includes('step-00000050') && flags === 'w' && ++written === 2)
            throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'open' });
          return node.open(path, flags);
        },
      } as typeof node;
      await assert.rejects(run({ out }, {}, {}, { files }), /The disk is full: .* The checkpoint of step 50 is safe\./);
      const steps: number[] = [];
      await run({ out, resume: true }, { onStep: (step) => steps.push(step) });
      assert.deepEqual(steps, []);
      assert.deepEqual(await outcome(out), await outcome(whole.folder));
    });

    it('stays ended when it is resumed, and goes on from the best weights when it is given more', async () => {
      const { folder: out } = await run();
      const ended = await outcome(out);
      const again = await run({ out, resume: true });
      assert.deepEqual([again.status.kind, again.step], ['done', 50]);
      assert.match(messages.join('\n'), /Stopped early at step 50/);
      assert.deepEqual(await outcome(out), ended);
      const more = await run({ out, resume: true, steps: 200 });
      assert.match(messages.join('\n'), /The training had stopped early\. It goes on, and waits anew/);
      // 2 at step 70 is the new best.
      assert.deepEqual([more.step, more.validationLoss, (await outcome(out)).bestOf], [90, 2, 70]);
    });

    it('keeps the best weights at the last step too', async () => {
      const summary = await run({ steps: 35 });
      assert.deepEqual([summary.status.kind, summary.step, (await outcome(summary.folder)).bestOf], ['done', 35, 30]);
    });

    it('takes a loss that is no number for one that has not fallen', async () => {
      const summary = await run({}, { validation: (step) => (step === 10 ? 5 : Number.NaN) });
      assert.deepEqual([summary.step, summary.validationLoss, (await outcome(summary.folder)).bestOf], [30, 5, 10]);
      const measured = (await curves(summary.folder)).filter(({ validationLoss }) => validationLoss !== undefined);
      assert.deepEqual(
        measured.map(({ step }) => step),
        [10],
      );
    });
  });

  describe('what waits for a validation', () => {
    it('is refused where nothing is held out', async () => {
      ({ folder, job } = await fakeJob({ stop: { patience: 2 } }, 0));
      await assert.rejects(
        run(),
        /^RunError: `stop` waits for the validation loss, and nothing is held out .* Set `validation: 0\.1` in the data line\.$/,
      );
      const optimizer = { kind: 'sgd', rate: 1, schedule: { kind: 'plateau', patience: 1, factor: 0.5, warmup: 0 } } as const;
      job = { ...job, settings: { ...job.settings, optimizer } };
      await assert.rejects(run(), /^RunError: `stop` and the rate wait for/);
    });
  });

  describe('a rate that waits', () => {
    beforeEach(async () => {
      const schedule = { kind: 'plateau', patience: 2, factor: 0.5, warmup: 4 } as const;
      ({ folder, job } = await fakeJob({ steps: 120, optimizer: { kind: 'sgd', rate: 0.4, schedule } }));
    });

    it('falls behind the validations that brought nothing, and rises first', async () => {
      const rates = (await curves((await run()).folder)).map(({ learningRate }) => learningRate);
      assert.deepEqual(rates.slice(0, 5), [0.1, 0.2, 0.30000000000000004, 0.4, 0.4]);
      const changes = rates.flatMap((rate, k) => (k > 4 && rate !== rates[k - 1] ? [[k + 1, rate]] : []));
      assert.deepEqual(changes, [
        [51, 0.2],
        [91, 0.1],
        [111, 0.05],
      ]);
    });

    it('waits on after a pause, as if there had been none', async () => {
      const whole = await run();
      const out = join(folder, 'paused');
      for (const [k, step] of [44, 50, 51, 89].entries()) await run({ out, resume: k > 0 }, ...pausedAt(step));
      await run({ out, resume: true });
      assert.deepEqual(await curves(out), await curves(whole.folder));
      assert.deepEqual(await outcome(out), await outcome(whole.folder));
    });
  });

  describe('a rate that falls until the end', () => {
    it('falls until the new end where the training is given more steps, which is said', async () => {
      const schedule = { kind: 'cosine', warmup: 0, end: 0 } as const;
      ({ folder, job } = await fakeJob({ steps: 3, optimizer: { kind: 'sgd', rate: 0.1, schedule } }));
      const { folder: out } = await run();
      await run({ out, resume: true, steps: 5 });
      assert.equal(messages.filter((text) => text === 'The learning rate now falls until step 5, not 3.').length, 1);
      const rates = (await curves(out)).map(({ learningRate }) => Number(learningRate.toFixed(4)));
      assert.deepEqual(rates, [0.1, 0.05, 0, 0.0146, 0]);
    });
  });
});
