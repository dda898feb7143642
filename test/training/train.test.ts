import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as node from 'node:fs/promises';
import { mkdir, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { StepRecord } from '../../src/shared/training.ts';
import { lastGoodCheckpoint } from '../../src/training/checkpoint.ts';
import { readLog } from '../../src/training/log.ts';
import { readReport } from '../../src/training/report.ts';
import { checkpointsOf, EVENTS, listRuns, logOf, newestRun, openRun, summarise } from '../../src/training/run.ts';
import { type Job, type Surroundings, type TrainOptions, train } from '../../src/training/train.ts';
import { type FakeOptions, fakeJob, fakeTrainer, numbersOf } from './fake.ts';

let folder: string;
let job: Job;
const around = (options: FakeOptions = {}, more: Partial<Surroundings> = {}): Surroundings => ({
  openTrainer: fakeTrainer(options),
  ...more,
});
const quick = async (options: TrainOptions = {}, fake: FakeOptions = {}) => train(job, options, {}, around(fake));
const weightsOf = async (run: string) => {
  const { checkpoint } = await lastGoodCheckpoint(checkpointsOf(run));
  return { step: checkpoint!.step, ...numbersOf(checkpoint!.state) };
};

describe('training', function () {
  this.timeout(20_000);

  beforeEach(async () => {
    ({ folder, job } = await fakeJob());
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('keeps a run that can be opened by itself', async () => {
    const records: StepRecord[] = [];
    const summary = await train(job, { everyStep: true }, { progress: (record) => records.push(record) }, around());
    assert.equal(summary.name, 'Tiny-1');
    assert.deepEqual(summary.status, { kind: 'done' });
    assert.deepEqual([summary.step, summary.steps, summary.parameters, summary.device], [30, 30, 4, 'cpu']);
    assert.equal(summary.settings, 'adam .01 · clip 1 · batch 2 · window 5');
    assert.deepEqual(
      records.map(({ step }) => step),
      Array.from({ length: 30 }, (_, k) => k + 1),
    );
    assert.deepEqual(
      records.map(({ epoch }) => epoch).filter((epoch, k, all) => epoch !== all[k - 1]),
      [1, 2],
    );
    assert.equal(
      records.findIndex(({ epoch }) => epoch === 2),
      17,
    );
    assert.deepEqual(
      records.filter(({ validationLoss }) => validationLoss !== undefined).map(({ step }) => step),
      [10, 20, 30],
    );
    assert.deepEqual(await readLog(logOf(summary.folder)), records);
    const run = await openRun(summary.folder);
    assert.deepEqual(
      [...run.sources],
      [
        ['std/recurrent.rnn', 'cell rnn {}'],
        ['tiny.rnn', 'model Tiny {}'],
      ],
    );
    assert.deepEqual(run.data.vocabularies, job.data.vocabularies);
    assert.equal(await newestRun(job.file), summary.folder);
    assert.deepEqual((await readdir(summary.folder)).sort(), ['checkpoints', 'log.jsonl', 'report.json', 'run.json', 'source']);
  });

  it('hands records on no faster than eyes follow, but the first, the validated and the last', async () => {
    const steps: number[] = [];
    let clock = 0;
    const now = (): number => clock;
    const onStep = (): void => {
      clock += 7;
    };
    await train(job, {}, { progress: ({ step }) => steps.push(step) }, around({ onStep }, { now }));
    assert.deepEqual(steps, [1, 9, 10, 18, 20, 28, 30]);
  });

  it('goes on after a pause as if there had been none', async () => {
    const whole = await quick();
    for (const at of [1, 9, 17, 18]) {
      const out = join(folder, `paused-${at}`);
      let done = 0;
      const paused = await train(job, { out }, { stop: () => (++done === at ? 'pause' : undefined) }, around());
      assert.deepEqual([paused.status.kind, paused.step], ['paused', at]);
      const resumed = await quick({ out, resume: true });
      assert.deepEqual(resumed.status, { kind: 'done' });
      assert.deepEqual(await weightsOf(out), await weightsOf(whole.folder));
      assert.deepEqual(
        (await readLog(logOf(out))).map(({ loss }) => loss),
        (await readLog(logOf(whole.folder))).map(({ loss }) => loss),
      );
    }
  });

  it('can be cancelled, and taken up all the same', async () => {
    const cancelled = await train(job, {}, { stop: () => 'cancel' }, around());
    assert.deepEqual(cancelled.status, { kind: 'cancelled' });
    assert.equal((await quick({ out: cancelled.folder, resume: true })).step, 30);
  });

  it('goes on to more steps than it first had', async () => {
    const whole = await quick({ steps: 40 });
    const half = await quick({ steps: 12 });
    await quick({ out: half.folder, resume: true, steps: 40 });
    assert.deepEqual(await weightsOf(half.folder), await weightsOf(whole.folder));
  });

  it('counts epochs in passes over the windows', async () => {
    assert.equal((await quick({ epochs: 2 })).steps, 34);
  });

  it('stops at the first number that is not finite and names the step', async () => {
    const failed = await quick({}, { nanAt: 14 });
    assert.deepEqual(failed.status, {
      kind: 'failed',
      what: 'The loss became NaN at step 14. The checkpoint of step 0 is safe. Set a smaller rate than 0.01.',
    });
    assert.equal((await lastGoodCheckpoint(checkpointsOf(failed.folder))).checkpoint?.step, 0);
    assert.equal((await quick({ out: failed.folder, resume: true })).status.kind, 'done');
  });

  it('repeats the steps since the last checkpoint to find out where it went wrong', async () => {
    const before = await quick({ steps: 13 });
    const asked: number[] = [];
    let state: Record<string, number[]> | undefined;
    const first = { of: 'value', layer: 'h', line: 'f', t: 3, row: 1, unit: [2], value: Number.NaN } as const;
    const failed = await train(
      job,
      {},
      {},
      around(
        { nanAt: 14 },
        {
          async firstNonFinite(step) {
            asked.push(step.step);
            state = numbersOf(step.state);
            return { first, text: 'It was there.' };
          },
        },
      ),
    );
    assert.deepEqual(failed.status, {
      kind: 'failed',
      what: 'The loss became NaN at step 14. It was there. The checkpoint of step 0 is safe. Set a smaller rate than 0.01.',
      first,
    });
    assert.deepEqual(asked, [14]);
    const { step, ...numbers } = await weightsOf(before.folder);
    assert.equal(step, 13);
    assert.deepEqual(state, numbers);
  });

  it('goes on where the memory cannot be looked at', async () => {
    const messages: string[] = [];
    const look = async (): Promise<never> => {
      throw new Error('no trace');
    };
    const summary = await train(job, { watch: 5 }, { message: (text) => messages.push(text) }, around({}, { look }));
    assert.equal(summary.status.kind, 'done');
    assert.deepEqual(messages, ['The memory of step 1 could not be looked at: no trace']);
  });

  it('never keeps a checkpoint with a number that is not finite', async () => {
    const broken: Surroundings['openTrainer'] = async (...parameters) => ({
      ...(await fakeTrainer()(...parameters)),
      state: async () => new Map([['h.W', { shape: [1], data: Float32Array.of(Number.NaN) }]]),
    });
    const failed = await train(job, {}, {}, { openTrainer: broken });
    assert.match(
      failed.status.kind === 'failed' ? failed.status.what : '',
      /^The weight h\.W\[0\] became NaN or infinite at step 30\. The checkpoint of step 0 is safe/,
    );
    assert.deepEqual(await readdir(checkpointsOf(failed.folder)), ['step-00000000.safetensors']);
  });

  it('uses the checkpoint before a damaged one, and says so', async () => {
    const whole = await quick();
    const out = (await quick({ steps: 20 })).folder;
    await truncate(join(checkpointsOf(out), 'step-00000020.safetensors'), 100);
    const messages: string[] = [];
    await train(job, { out, resume: true, steps: 30 }, { message: (text) => messages.push(text) }, around());
    assert.match(messages[0]!, /step-00000020\.safetensors is not used: it is cut short/);
    assert.equal(messages[1], 'Resumed from step 0.');
    assert.deepEqual(await weightsOf(out), await weightsOf(whole.folder));
  });

  it('says when all steps are done already', async () => {
    const { folder: out } = await quick();
    const messages: string[] = [];
    const again = await train(job, { out, resume: true }, { message: (text) => messages.push(text) }, around());
    assert.deepEqual(messages, ['Resumed from step 30.', 'All 30 steps are done. Give more steps to go on.']);
    assert.deepEqual([again.status.kind, again.step], ['done', 30]);
  });

  it('does not write over another run', async () => {
    const { folder: out } = await quick();
    await assert.rejects(quick({ out }), /There is a run in .* already\. Resume it, or train into another folder\./);
  });

  it('keeps its seed', async () => {
    const { folder: out } = await quick({ seed: 4 });
    assert.equal((await quick({ out, resume: true, steps: 31, seed: 4 })).step, 31);
    await assert.rejects(quick({ out, resume: true, seed: 5 }), /The run has the seed 4 and keeps it/);
  });

  it('is refused while another training has the run', async () => {
    const out = join(folder, 'taken');
    let second: Promise<unknown> | undefined;
    await train(
      job,
      { out },
      {
        started() {
          second = assert.rejects(quick({ out, resume: true }), /The run is being trained by process \d+\. Stop that training first/);
        },
      },
      around(),
    );
    await second;
  });

  it('takes over the lock of a process that is gone', async () => {
    const out = join(folder, 'stale');
    const gone = spawn(process.execPath, ['-e', '']);
    await once(gone, 'exit');
    for (const text of [
      JSON.stringify({ process: gone.pid, host: hostname(), id: 'x' }),
      '{"proc',
      JSON.stringify({ process: process.pid, host: hostname(), began: '1', id: 'y' }),
    ]) {
      await rm(out, { recursive: true, force: true });
      await mkdir(out);
      await writeFile(join(out, 'lock'), text);
      assert.equal((await quick({ out })).status.kind, 'done');
    }
  });

  it('respects the lock of another machine', async () => {
    const out = join(folder, 'shared');
    await mkdir(out);
    await writeFile(join(out, 'lock'), JSON.stringify({ process: 1, host: 'elsewhere', id: 'x' }));
    await assert.rejects(quick({ out }), /trained on elsewhere \(process 1\).*delete .*lock/);
  });

  it('leaves no folder behind where the training cannot begin', async () => {
    const refuse = async (): Promise<never> => {
      throw new Error('There is no cuda here.');
    };
    await mkdir(join(folder, 'there'));
    for (const openTrainer of [refuse, fakeTrainer({ throwAt: 1 })])
      for (const out of ['none', 'there'])
        await assert.rejects(
          train(job, { out: join(folder, out), tensorBoard: true }, {}, { openTrainer }),
          /^Error: (There is no cuda here\.|the runtime broke)$/,
        );
    assert.deepEqual((await readdir(folder)).sort(), ['some.txt', 'there']);
    assert.deepEqual(await readdir(join(folder, 'there')), []);
  });

  it('fails with the last checkpoint safe when the runtime breaks', async () => {
    const out = join(folder, 'broken');
    await assert.rejects(quick({ out }, { throwAt: 5 }), /the runtime broke.* The checkpoint of step 0 is safe\./);
    assert.equal((await summarise(out)).status.kind, 'failed');
  });

  it('can be moved with its file and its text', async () => {
    const { folder: out } = await quick({ steps: 5 });
    const moved = `${folder}-moved`;
    await rename(folder, moved);
    const { record } = await openRun(out.replace(folder, moved));
    await rename(moved, folder);
    assert.deepEqual([record.file, 'path' in record.data ? record.data.path : ''], [join(moved, 'tiny.rnn'), join(moved, 'some.txt')]);
  });

  it('writes event files where it is asked to, one more for each time that it goes on', async () => {
    const out = join(folder, 'shown');
    const eventsOf = async (): Promise<string[]> => (await readdir(out)).filter((name) => name.startsWith(EVENTS)).sort();
    await quick({ out, steps: 3 });
    assert.deepEqual(await eventsOf(), []);
    await quick({ out, resume: true, steps: 5, tensorBoard: true });
    const [file, ...more] = await eventsOf();
    assert.deepEqual(more, []);
    const size = (await stat(join(out, file!))).size;
    await quick({ out, resume: true, steps: 7, tensorBoard: true });
    const all = await Promise.all((await eventsOf()).map(async (name) => (await stat(join(out, name))).size));
    assert.equal(
      all.reduce((sum, each) => sum + each, 0),
      2 * size,
    );
  });

  it('keeps the report of the end, whole, also where the disk was full before', async () => {
    const out = join(folder, 'full');
    const files = {
      ...node,
      async open(path: string, flags: string) {
        if (path.includes('report.json') && flags === 'w')
          throw Object.assign(new Error('ENOSPC: no space left on device, open'), { code: 'ENOSPC', syscall: 'open' });
        return node.open(path, flags);
      },
    } as typeof node;
    await assert.rejects(
      train(job, { out }, {}, around({}, { files })),
      /The disk is full: .*report\.json could not be written\. Make room\. The checkpoint of step 30 is safe\./,
    );
    assert.equal(await readReport(out), undefined);
    assert.equal((await summarise(out)).status.kind, 'failed');
    await quick({ out, resume: true });
    assert.deepEqual(Object.keys((await readReport(out))!), ['part', 'step', 'loss', 'metrics', 'baselines']);
    await writeFile(join(out, 'report.json'), '{"part":');
    assert.equal(await readReport(out), undefined);
  });

  it('tells of a run whose process was killed', async () => {
    const { folder: out } = await quick({ steps: 5 });
    const path = join(out, 'run.json');
    await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), status: { kind: 'running', process: 1 } }));
    const [summary] = await listRuns(join(folder, 'runs'));
    assert.match(summary?.status.kind === 'failed' ? summary.status.what : '', /^The process ended before the training did/);
  });

  it('says that the disk is full, and what is safe', async () => {
    const out = join(folder, 'full');
    let left = 12;
    const files = {
      ...node,
      async open(path: string, flags: string) {
        if (flags === 'w' && --left < 0)
          throw Object.assign(new Error('ENOSPC: no space left on device, open'), { code: 'ENOSPC', syscall: 'write' });
        return node.open(path, flags);
      },
    } as typeof node;
    let clock = 0;
    const onStep = (): void => {
      clock += 6000;
    };
    await assert.rejects(train(job, { out }, {}, around({ onStep }, { files, now: () => clock })), (error: Error) => {
      assert.match(error.message, /^The disk is full: .* could not be written\. Make room\. The checkpoint of step \d+ is safe\.$/);
      return true;
    });
    const kept = await weightsOf(out);
    assert.ok(kept.step > 0);
    const whole = await quick();
    await quick({ out, resume: true });
    assert.deepEqual(await weightsOf(out), await weightsOf(whole.folder));
  });

  it('says that a folder may not be written', async () => {
    const files = {
      ...node,
      // As Node does it on a read-only file system.
      mkdir: async (_path: string, options?: { recursive?: boolean }) => {
        throw Object.assign(new Error('mkdir'), { code: options?.recursive === true ? 'ENOENT' : 'EROFS', syscall: 'mkdir' });
      },
    } as unknown as typeof node;
    await assert.rejects(
      train(job, { out: join(folder, 'readonly') }, {}, around({}, { files })),
      /readonly may not be written\. Change the folder's permissions, or write to another folder/,
    );
  });

  it('keeps checkpoints seconds apart', async () => {
    let clock = 0;
    const onStep = (): void => {
      clock += 1000;
    };
    const { folder: out } = await train(job, {}, {}, around({ onStep }, { now: () => clock }));
    const steps = (await readdir(checkpointsOf(out))).map((name) => Number(name.slice(5, 13))).sort((a, b) => a - b);
    assert.deepEqual(steps.at(-1), 30);
    assert.ok(steps.length >= 3 && steps.slice(1).every((step, k) => step - steps[k]! >= 2), String(steps));
  });
});
