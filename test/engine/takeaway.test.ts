// A model is taken away in each format, and its weights come back.

import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportRun } from '../../src/engine/exporting.ts';
import { importWeights } from '../../src/engine/importing.ts';
import { encodeCheckpoint, lastGoodCheckpoint } from '../../src/training/checkpoint.ts';
import { checkpointsOf, readRecord } from '../../src/training/run.ts';
import type { TrainerState } from '../../src/training/trainer.ts';
import { readWeights } from '../../src/weights/read.ts';

const source = `model Names(name: [T] of Letter, kind: one of Kind) {
  x      = embed(name, 3)
  h      = bidirectional(gru, x, 4, layers: 2)
  logits = linear(last(h), Kind)
  loss   = cross_entropy(logits, kind)
}
data names = table("names.csv", by: char, validation: 0.25)
train Names on names { steps: 4, batch: 2, seed: 5 }
`;

describe('a model that is taken away', function () {
  this.timeout(20_000);
  let folder = '';
  let run = '';
  const at = (name: string): string => join(folder, name);
  const weightsOf = async (of: string): Promise<TrainerState> => (await lastGoodCheckpoint(checkpointsOf(of))).checkpoint!.state;
  const assertSame = async (other: string): Promise<void> => {
    const [mine, theirs] = [await weightsOf(run), await weightsOf(other)];
    assert.deepEqual([...theirs.keys()], [...mine.keys()]);
    for (const [name, { data }] of mine) assert.deepEqual(theirs.get(name)!.data, data, name);
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unroll-takeaway-'));
    await writeFile(at('m.rnn'), source);
    const rows = ['ada,a', 'bob,b', 'cid,a', 'dab,b', 'abba,a', 'bad,b', 'cab,a', 'dad,b'];
    await writeFile(at('names.csv'), `name,kind\n${rows.join('\n')}\n`);
    // something to begin with: one weight by name
    const table = { shape: [6, 3], data: Float32Array.from({ length: 18 }, (_, k) => k / 8) };
    const parts = encodeCheckpoint({ step: 0, epoch: 1, window: 0, seed: 1, state: new Map([['x.table', table]]) });
    await writeFile(at('begin.safetensors'), Buffer.concat(parts));
    const { run: made, missing } = await importWeights({
      file: at('m.rnn'),
      weights: at('begin.safetensors'),
      out: at('run'),
      apply: true,
    });
    run = made!.folder;
    assert.ok(missing.length > 0);
    assert.deepEqual((await weightsOf(run)).get('x.table')!.data, table.data);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('begins as a paused run at step 0', async () => {
    const { status, step, steps } = await readRecord(run);
    assert.deepEqual([status, step, steps], [{ kind: 'paused' }, 0, 4]);
  });

  for (const format of ['safetensors', 'onnx'] as const)
    it(`comes back from ${format} bit for bit`, async () => {
      const out = at(`away.${format}`);
      await exportRun({ run, out, format });
      const { missing, run: back } = await importWeights({ file: at('m.rnn'), weights: out, out: at(`back-${format}`), apply: true });
      assert.deepEqual(missing, []);
      await assertSame(back!.folder);
    });

  it('goes to PyTorch as a folder, which holds no path of this machine', async () => {
    const out = at('torch');
    const { files } = await exportRun({ run, out, format: 'pytorch' });
    assert.deepEqual((await readdir(out)).sort(), [
      'README.md',
      'data.json',
      'examples.py',
      'model.py',
      'source',
      'support.py',
      'train.py',
      'weights.safetensors',
    ]);
    for (const name of files)
      if (!name.endsWith('.safetensors')) assert.ok(!(await readFile(join(out, name), 'utf8')).includes(folder), name);
    const data = JSON.parse(await readFile(join(out, 'data.json'), 'utf8')) as {
      class: string;
      source: { path: string };
      lengths: unknown;
      read: unknown;
    };
    assert.deepEqual([data.class, data.source.path, data.lengths], ['Names', 'names.csv', { T: 'lengths_T' }]);
    assert.deepEqual(data.read, ['name', 'lengths_T']);
    const { tensors } = await readWeights(join(out, 'weights.safetensors'));
    const kept = await weightsOf(run);
    assert.deepEqual([...tensors.keys()], [...kept.keys()]);
  });

  it('is looked at without writing anything', async () => {
    const before = await readdir(folder);
    const { report, run: made } = await importWeights({ file: at('m.rnn'), weights: at('begin.safetensors'), apply: false });
    assert.deepEqual([report, made], [[{ weight: 'x.table', from: 'x.table', how: 'by its name' }], undefined]);
    assert.deepEqual(await readdir(folder), before);
  });

  it('is not written over, and what has nothing of it is refused', async () => {
    const again = importWeights({ file: at('m.rnn'), weights: at('begin.safetensors'), out: run, apply: true });
    await assert.rejects(again, /There is a run in .*run already\. Import into another folder\./);
    const other = encodeCheckpoint({
      step: 0,
      epoch: 1,
      window: 0,
      seed: 1,
      state: new Map([['w', { shape: [7], data: new Float32Array(7) }]]),
    });
    await writeFile(at('other.safetensors'), Buffer.concat(other));
    const nothing = importWeights({ file: at('m.rnn'), weights: at('other.safetensors'), out: at('none'), apply: true });
    await assert.rejects(nothing, /Nothing in .* is a weight of this model\. It has w \[7\]; the model has x\.table \[6, 3\]/);
  });
});
