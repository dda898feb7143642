import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { lockRun } from '../../src/training/lock.ts';
import { doneOf, lengthWith, moreFault } from '../../src/training/more.ts';
import { writeNote } from '../../src/training/note.ts';
import { nameFault, renameRun } from '../../src/training/rename-run.ts';
import { listRuns, readRecord, summarise } from '../../src/training/run.ts';
import { type Job, train } from '../../src/training/train.ts';
import { fakeJob, fakeTrainer, settings } from './fake.ts';

let folder: string;
let job: Job;
let run: string;
describe('a run', () => {
  beforeEach(async () => {
    ({ folder, job } = await fakeJob());
    ({ folder: run } = await train(job, {}, {}, { openTrainer: fakeTrainer() }));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('has the name of its folder: renamed, it knows its source and its data, and goes on', async () => {
    const renamed = await renameRun(run, 'with dropout .2');
    assert.equal(renamed, join(folder, 'runs', 'with dropout .2'));
    assert.deepEqual(await readdir(join(folder, 'runs')), ['with dropout .2']);
    const record = await readRecord(renamed);
    assert.deepEqual([record.file, record.data], [job.file, job.data.source]);
    assert.ok(!(await readdir(renamed)).includes('lock'), 'nothing is left that says it is trained');
    const longer = await train(job, { out: renamed, resume: true, steps: 40 }, {}, { openTrainer: fakeTrainer() });
    assert.deepEqual([longer.name, longer.step, longer.status.kind], ['with dropout .2', 40, 'done']);
  });

  it('keeps its name while it is trained', async () => {
    const lock = await lockRun(run);
    await assert.rejects(renameRun(run, 'other'), /Tiny-1 is being trained\. Pause it first/);
    await lock.release();
    assert.equal(basename(await renameRun(run, 'other')), 'other');
  });

  it('takes no name that is taken, and none that a folder cannot have everywhere', async () => {
    await mkdir(join(folder, 'runs', 'Other'));
    for (const [name, fault] of [
      ['Other', /There is a folder or file Other already/],
      ['other', /There is Other already, which some systems take for the same name/],
      ['', /Write a name/],
      [' a', /Leave out the blanks/],
      ['../a', /“\/”/],
      ['a\\b', /“\\”/],
      ['a\nb', /control characters/],
      ['.a', /would be hidden/],
      ['a.', /Windows drops a point/],
      ['nul', /Windows keeps the name nul/],
      ['COM1.txt', /Windows keeps the name COM1/],
      ['ä'.repeat(101), /too long for a folder/],
    ] as const) {
      await assert.rejects(renameRun(run, name), fault);
    }
    assert.equal(await renameRun(run, 'Tiny-1'), run, 'its own name is no change');
    assert.equal(nameFault('tiny-1', 'Tiny-1', ['Tiny-1', 'Other']), undefined, 'its own name in other letters');
    assert.equal(nameFault('größe 2', 'Tiny-1', ['Tiny-1']), undefined);
    assert.deepEqual((await readdir(join(folder, 'runs'))).sort(), ['Other', 'Tiny-1']);
    await assert.rejects(renameRun(join(folder, 'runs', 'Other'), 'New'), /is no run/);
  });

  it('has a note beside its record, which is told with it and taken away when it is empty', async () => {
    const before = await readFile(join(run, 'run.json'), 'utf8');
    await writeNote(run, '  Forgets after 40 steps.\nTry b_f = 3.\n');
    assert.equal((await summarise(run)).note, 'Forgets after 40 steps.\nTry b_f = 3.');
    assert.equal(await readFile(join(run, 'note.md'), 'utf8'), 'Forgets after 40 steps.\nTry b_f = 3.\n');
    assert.equal(await readFile(join(run, 'run.json'), 'utf8'), before);
    await writeNote(run, ' \n');
    await writeNote(run, '');
    assert.equal((await summarise(run)).note, undefined);
    assert.ok(!(await readdir(run)).includes('note.md'));
    await assert.rejects(writeNote(join(folder, 'nothing'), 'a'), /is no run/);
  });

  it('tells its source, and when it was begun', async () => {
    const [summary] = await listRuns(join(folder, 'runs'));
    assert.equal(summary?.file, job.file);
    assert.ok(Math.abs(Date.parse(summary!.started!) - Date.now()) < 60_000);
  });
});

describe('going on beyond the end', function () {
  this.timeout(20_000);

  const adam = settings.optimizer;
  const base = { batch: 1, window: 1, optimizer: adam, seed: 1, device: 'auto' } as const;

  it('counts in epochs, or in steps where the statement does; a begun epoch is finished first', () => {
    for (const [own, step, pass, done, length] of [
      [{ epochs: 5 }, 50, 10, { unit: 'epochs', count: 5 }, { epochs: 8 }],
      [{ epochs: 5 }, 21, 10, { unit: 'epochs', count: 3 }, { epochs: 6 }],
      [{ epochs: 5 }, 20, 10, { unit: 'epochs', count: 2 }, { epochs: 5 }],
      [{ epochs: 3 }, 7, 7, { unit: 'epochs', count: 1 }, { epochs: 4 }],
      [{}, 100, 10, { unit: 'epochs', count: 10 }, { epochs: 13 }],
      [{ steps: 30 }, 12, 10, { unit: 'steps', count: 12 }, { steps: 15 }],
    ] as const) {
      const found = doneOf({ settings: { ...base, ...own }, step, pass });
      assert.deepEqual(found, done);
      assert.deepEqual(lengthWith(found, 3), length);
    }
  });

  it('says which numbers there can be', () => {
    for (const text of ['1', ' 20 ', '1000000']) assert.equal(moreFault(text, 'epochs'), undefined);
    for (const text of ['', '0', '-1', '1.5', '1e3', 'ten', '1000001'])
      assert.match(moreFault(text, 'steps')!, /^Write how many steps more: a whole number from 1 to 1,000,000\.$/);
  });

  it('trains a run that is done for as many epochs more', async () => {
    const epochs = await fakeJob({ epochs: 2 });
    const { steps, ...passes } = epochs.job.settings;
    assert.equal(steps, 30);
    const around = { openTrainer: fakeTrainer() };
    const first = await train({ ...epochs.job, settings: passes }, {}, {}, around);
    const more = lengthWith(doneOf(await readRecord(first.folder)), 1);
    assert.deepEqual([first.step, more], [34, { epochs: 3 }]);
    const second = await train({ ...epochs.job, settings: passes }, { out: first.folder, resume: true, ...more }, {}, around);
    assert.deepEqual([second.step, second.steps, second.status.kind], [51, 51, 'done']);
    await rm(epochs.folder, { recursive: true });
  });

  it('gives a training that has stopped early its patience anew', async () => {
    const stopping = await fakeJob({ steps: 400, stop: { patience: 2 } });
    const around = { openTrainer: fakeTrainer() };
    const first = await train(stopping.job, {}, {}, around);
    assert.ok(first.step < 400, 'it stops early');
    const validations: number[] = [];
    const progress = ({ step, validationLoss }: { step: number; validationLoss?: number }) => {
      if (validationLoss !== undefined) validations.push(step);
    };
    await train(stopping.job, { out: first.folder, resume: true, steps: first.step + 200 }, { progress }, around);
    assert.ok(validations.length >= 2, `validated at ${validations.join(', ')}`);
    await rm(stopping.folder, { recursive: true });
  });
});
