import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Batch } from '../../src/data/dataset.ts';
import { openJob } from '../../src/engine/job.ts';
import { lastGoodCheckpoint } from '../../src/training/checkpoint.ts';
import { nodeFiles } from '../../src/training/files.ts';
import { openTrainer } from '../../src/training/open-trainer.ts';
import { checkpointsOf } from '../../src/training/run.ts';
import { mixed, taughtInput, truthAt } from '../../src/training/teacher.ts';
import { train } from '../../src/training/train.ts';

const source = (teacher: string): string => `model Repeat(source: [S] of Symbol, target: [T] of Symbol) {
  encoder = gru(embed(source, 4), 6)
  decoder = gru(embed(target, 4), 6, from: last(encoder))
  logits  = linear(decoder, Symbol)
  loss    = cross_entropy(logits, next(target))
}

data repeating = repeating(60, symbols: 4, length: [2, 5], seed: 1)

train Repeat on repeating { epochs: 4, batch: 10, optimizer: adam(0.01)${teacher} }
`;

describe('teacher', () => {
  const teacher = { from: 1, to: 0.7, epochs: 5 };

  it('tells the truth less and less often, then as often as it was told to', () => {
    assert.deepEqual(
      [1, 51, 101, 500].map((step) => Math.round(1000 * truthAt(teacher, step, 20))),
      [1000, 850, 700, 700],
    );
    assert.equal(truthAt({ from: 0.9, to: 0.9, epochs: 0 }, 1, 20), 0.9);
  });

  /** Rows of 300 steps, the third of 100: class 1 is true, class 2 is predicted; one step more is padded. */
  const [rows, steps] = [3, 300];
  const batch: Batch = { rows, sizes: { T: steps }, inputs: { target: new Int32Array(rows * steps).fill(1) }, reset: true };
  const width = steps + 1;
  const counted = Float32Array.from({ length: rows * width }, (_, k) => (k % width < (k < 2 * width ? steps - 1 : 99) ? 1 : 0));
  const judged = { rows, predicted: new Float32Array(rows * width).fill(2), target: counted, counted, sum: 0 };
  const read = (seed: number, step: number): Int32Array => mixed(batch, 'target', judged, 0.7, seed, step).inputs.target as Int32Array;

  it('replaces real places behind the first with their probability, by seed and step', () => {
    const found = read(1, 1);
    assert.ok([0, 1, 2].every((row) => found[row] === 1));
    for (let t = 100; t < steps; t += 1) assert.equal(found[t * rows + 2], 1);
    const share = found.filter((id) => id === 2).length / (2 * 299 + 99);
    // Four standard deviations of 697 throws.
    assert.ok(Math.abs(share - 0.3) < 4 * Math.sqrt((0.3 * 0.7) / 697), `${share}`);
    assert.deepEqual(read(1, 1), found);
    assert.notDeepEqual(read(1, 2), found);
    assert.notDeepEqual(read(2, 1), found);
    assert.ok((batch.inputs.target as Int32Array).every((id) => id === 1));
  });

  it('gives each place what was predicted for it', () => {
    const classes = {
      ...judged,
      predicted: Float32Array.from({ length: rows * width }, (_, k) => 1000 * Math.floor(k / width) + (k % width)),
    };
    const found = mixed(batch, 'target', classes, 0, 1, 1).inputs.target as Int32Array;
    for (let row = 0; row < 2; row += 1) for (let t = 1; t < steps; t += 1) assert.equal(found[t * rows + row], 1000 * row + t - 1);
  });

  describe('in a training', () => {
    let folder: string;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'unroll-teacher-'));
    });
    afterEach(() => rm(folder, { recursive: true }));
    const jobOf = async (text: string) => {
      const file = join(folder, 'repeat.rnn');
      await writeFile(file, source(text));
      return openJob(file);
    };
    const weightsOf = async (run: string): Promise<string> => {
      const { checkpoint } = await lastGoodCheckpoint(checkpointsOf(run), nodeFiles);
      return JSON.stringify([...checkpoint!.state].map(([name, { data }]) => [name, [...data]]));
    };

    it('changes what is learned, and a resumed training equals one that was never paused', async () => {
      const job = await jobOf(', teacher: ramp(0.9, 0.2, epochs: 2)');
      const run = (out: string, options: object = {}, hooks: object = {}) =>
        train(job, { out: join(folder, out), device: 'cpu', threads: 1, ...options }, hooks, { openTrainer });
      await run('whole');
      let done = 0;
      await run('paused', {}, { stop: () => (++done === 9 ? 'pause' : undefined) });
      await run('paused', { resume: true });
      assert.equal(await weightsOf(join(folder, 'paused')), await weightsOf(join(folder, 'whole')));
      const plain = await jobOf('');
      await train(plain, { out: join(folder, 'plain'), device: 'cpu', threads: 1 }, {}, { openTrainer });
      assert.notEqual(await weightsOf(join(folder, 'plain')), await weightsOf(join(folder, 'whole')));
      const always = await jobOf(', teacher: 1');
      await train(always, { out: join(folder, 'always'), device: 'cpu', threads: 1 }, {}, { openTrainer });
      assert.equal(await weightsOf(join(folder, 'always')), await weightsOf(join(folder, 'plain')));
    });

    it('is refused where nothing of its own could be read', async () => {
      const { model } = await jobOf('');
      const { prediction: _, ...none } = model;
      assert.throws(() => taughtInput(none, false), /^RunError: `teacher`: Repeat predicts no classes of its own input/);
      assert.throws(() => taughtInput(model, true), /^RunError: `teacher` is for rows/);
      assert.equal(taughtInput(model, false), 'target');
    });
  });
});
