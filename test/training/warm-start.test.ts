import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastGoodCheckpoint, writeCheckpoint } from '../../src/training/checkpoint.ts';
import { checkpointsOf } from '../../src/training/run.ts';
import { train } from '../../src/training/train.ts';
import type { TrainerState } from '../../src/training/trainer.ts';
import { ownWeights, startedFrom } from '../../src/training/warm-start.ts';
import { languageModel, startOf } from '../passes/models.ts';
import { fakeJob, fakeTrainer } from './fake.ts';

const model = languageModel('rnn');
const start = startOf(model);
const filled = (
  name: string,
  value: number,
  shape = start.get(name)!.shape,
): [string, { shape: readonly number[]; data: Float32Array }] => [
  name,
  { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value) },
];

describe('weights that start from elsewhere', function () {
  this.timeout(10_000);
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unroll-start-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('are taken by name and shape, and what was not is told', () => {
    const given = new Map([filled('x.table', 7), filled('logits.W', 7, [9, 9]), filled('other', 1, [2])]);
    const { state, message } = startedFrom(model, start, given, 'runs/A');
    assert.ok(state.get('x.table')!.data.every((value) => value === 7));
    assert.deepEqual([...state.keys()], [...start.keys()]);
    for (const name of [...start.keys()].filter((each) => each !== 'x.table')) assert.deepEqual(state.get(name), start.get(name));
    const missing = model.weights.map(({ name }) => name).filter((name) => name !== 'x.table' && name !== 'logits.W');
    assert.equal(
      message,
      `1 of ${model.weights.length} weights start from runs/A. The others are drawn as the source says: ${missing.join(', ')} are not there; logits.W is [9, 9] there and [7, 4] here.`,
    );
    assert.equal(
      startedFrom(model, start, start, 'runs/A').message,
      `${model.weights.length} of ${model.weights.length} weights start from runs/A.`,
    );
  });

  it('are refused where none fits, or where they are no numbers', () => {
    assert.throws(
      () => startedFrom(model, start, new Map([filled('other', 1, [2])]), 'runs/A'),
      /^RunError: `start`: no weight of runs\/A has a name and shape of this model's\. It has other; the model has x\.table, .* and \d+ more\.$/,
    );
    assert.throws(() => startedFrom(model, start, new Map([filled('x.table', Number.NaN)]), 'runs/A'), /x\.table of runs\/A holds NaN/);
  });

  it('are those of the newest sound checkpoint of a run, or of a file', async () => {
    const checkpoint = (step: number): Parameters<typeof writeCheckpoint>[1] => ({
      step,
      epoch: 1,
      window: 0,
      seed: 1,
      state: new Map([filled('x.table', step)]),
    });
    await mkdir(checkpointsOf(folder));
    const first = await writeCheckpoint(checkpointsOf(folder), checkpoint(1));
    const second = await writeCheckpoint(checkpointsOf(folder), checkpoint(2));
    const stepOf = async (path: string): Promise<number> => (await ownWeights(path)).get('x.table')!.data[0]!;
    assert.deepEqual([await stepOf(folder), await stepOf(first), await stepOf(second)], [2, 1, 2]);
    await writeFile(second, 'no');
    assert.equal(await stepOf(folder), 1);
    await assert.rejects(ownWeights(second), /^RunError: `start`: .*step-00000002\.safetensors cannot be read: it is cut short\.$/);
    await assert.rejects(ownWeights(join(folder, 'nowhere')), /^RunError: `start`: there is no run or file .*nowhere\.$/);
    await rm(first);
    await assert.rejects(ownWeights(folder), /has no sound checkpoint/);
  });

  it('are where a training begins, without the moments of the other', async () => {
    const { folder: other, job } = await fakeJob({ steps: 3 });
    const first = await train(job, {}, {}, { openTrainer: fakeTrainer() });
    const messages: string[] = [];
    let state: TrainerState | undefined;
    const settings = { ...job.settings, start: first.folder };
    await train(
      { ...job, settings },
      {},
      { message: (text) => messages.push(text) },
      {
        openTrainer: (_, __, given, ...rest) => {
          state = given;
          return fakeTrainer()(_, __, given, ...rest);
        },
      },
    );
    const { checkpoint } = await lastGoodCheckpoint(checkpointsOf(first.folder));
    assert.deepEqual([...state!.keys()], ['h.W']);
    assert.deepEqual(state!.get('h.W'), checkpoint!.state.get('h.W'));
    assert.equal(messages[0], `1 of 1 weights start from ${first.folder}.`);
    // Another reader of files is taken where one is given.
    const read = async (): Promise<TrainerState> => new Map([['h.W', { shape: [4], data: Float32Array.of(1, 2, 3, 4) }]]);
    await train(
      { ...job, settings: { ...settings, start: 'x.onnx' } },
      {},
      {},
      {
        readWeights: read,
        openTrainer: (_, __, given, ...rest) => {
          state = given;
          return fakeTrainer()(_, __, given, ...rest);
        },
      },
    );
    assert.deepEqual([...state!.get('h.W')!.data], [1, 2, 3, 4]);
    await rm(other, { recursive: true });
  });
});
