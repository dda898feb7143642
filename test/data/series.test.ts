// Series: windows, what follows them, parts in time, missing numbers.

import assert from 'node:assert/strict';
import { baselinesOf } from '../../src/data/baselines.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import { evaluationBatches, loadDataset, trainingBatches } from '../../src/data/load.ts';
import type { InputShape, PartName } from '../../src/shared/dataset.ts';
import type { SeriesSource } from '../../src/shared/settings.ts';
import { type Folder, faultOf, input, makeFolder, series } from './sources.ts';

const next = [input('next x: [T, 1]')];
const counting = `day,x,z\n${Array.from({ length: 20 }, (_, k) => `2020-01-${k + 1},${k},${100 - k}`).join('\n')}\n`;

describe('series', () => {
  let folder: Folder;
  beforeEach(() => {
    folder = makeFolder();
  });
  afterEach(() => folder.remove());
  const load = (shapes: readonly InputShape[], more: Partial<SeriesSource> = {}, content = counting): Promise<Dataset> =>
    loadDataset(series(folder.write('s.csv', content), more), shapes);
  const show = (data: Dataset, part: PartName, name: string): string[] =>
    Array.from({ length: data.parts[part].size }, (_, k) => [...data.parts[part].example(k).inputs[name]!].join(' '));

  it('cuts windows with what comes next, and ignores columns that nothing asks for', async () => {
    const data = await load(next, { window: 3 });
    assert.equal(data.parts.training.size, 17);
    assert.deepEqual(data.parts.training.example(4).inputs, { x: Float32Array.of(4, 5, 6), 'next(x)': Float32Array.of(5, 6, 7) });
    assert.deepEqual(data.parts.training.example(4).lengths, { T: 3 });
    assert.deepEqual(data.ragged, []);
  });

  it('moves on by its stride in training', async () => {
    assert.deepEqual(show(await load(next, { window: 4, stride: 5 }), 'training', 'x'), [
      '0 1 2 3',
      '5 6 7 8',
      '10 11 12 13',
      '15 16 17 18',
    ]);
  });

  it('judges each held-out value once, by a full window before it, and trains on none of them', async () => {
    const data = await load(next, { window: 3, validation: 0.2, test: 0.25 });
    const lasts = (part: PartName): number[] => show(data, part, 'next(x)').map((each) => Number(each.split(' ').at(-1)));
    assert.deepEqual(lasts('test'), [15, 16, 17, 18, 19]);
    assert.deepEqual(lasts('validation'), [12, 13, 14]);
    assert.ok(show(data, 'training', 'next(x)').every((each) => each.split(' ').every((value) => Number(value) < 12)));
    const batch = evaluationBatches(data, 'test', { batch: 8, window: 0 })!.at(0);
    const asked = Array.from({ length: 3 }, (_, t) => [...batch.inputs['next(x)']!.subarray(t * 5, t * 5 + 5)]);
    assert.ok(asked.slice(0, 2).flat().every(Number.isNaN));
    assert.deepEqual(asked[2], [15, 16, 17, 18, 19]);
    const trained = trainingBatches(data, { batch: 4, window: 0, seed: 1 }).at(0);
    assert.ok([...trained.inputs['next(x)']!].every((value) => !Number.isNaN(value)));
  });

  it('gives what follows a window, of several columns one', async () => {
    const bindings = { past: { kind: 'columns', names: ['x', 'z'] }, ahead: { kind: 'following', name: 'z', steps: 2 } } as const;
    const data = await load([input('past: [T, Measure]'), input('= ahead: [2]')], { window: 3, bindings, test: 4 });
    assert.deepEqual(data.sizes, { Measure: 2 });
    assert.deepEqual([...data.parts.training.example(0).inputs.past!], [0, 100, 1, 99, 2, 98]);
    assert.deepEqual([...data.parts.training.example(0).inputs.ahead!], [97, 96]);
    assert.deepEqual(show(data, 'test', 'ahead'), ['84 83', '83 82', '82 81']);
  });

  it('binds the dimension of what follows to its length', async () => {
    const bindings = { past: { kind: 'column', name: 'x' }, ahead: { kind: 'following', name: 'x', steps: 4 } } as const;
    const data = await load([input('past: [T, 1]'), input('= ahead: [Ahead]')], { window: 6, bindings });
    assert.deepEqual([data.sizes, data.ragged, data.parts.training.example(0).lengths], [{ Ahead: 4 }, [], { T: 6 }]);
    const { sizes, inputs } = trainingBatches(data, { batch: 3, window: 1, seed: 1 }).at(0);
    assert.deepEqual([sizes, inputs.past!.length, inputs.ahead!.length], [{ T: 6 }, 18, 12]);
    // [B, Ahead]: row by row, each on from its own window's end.
    const [first] = inputs.ahead!;
    assert.deepEqual([...inputs.ahead!.subarray(0, 4)], [first, first! + 1, first! + 2, first! + 3]);
    assert.equal(inputs.past![15], first! - 1);
  });

  it('normalises by what training sees, each column by itself', async () => {
    const data = await load(next, { window: 3, normalise: true, test: 10 });
    assert.deepEqual(data.scales, { x: { mean: [4.5], deviation: [Math.sqrt(8.25)] } });
  });

  it('takes columns of numbers in their order where there is no header', async () => {
    const data = await load(next, { window: 2 }, '2001-01,1\n2001-02,2\n2001-03,3\n2001-04,4\n');
    assert.deepEqual(show(data, 'training', 'x'), ['1 2', '2 3']);
    const [both] = show(await load([input('next x: [T, 1]'), input('y: [T]')], { window: 2 }, '1,5\n2,6\n3,7\n'), 'training', 'y');
    assert.equal(both, '5 6');
  });

  it('judges labels of steps at the last step of a window, each held-out one once', async () => {
    const rows = Array.from({ length: 10 }, (_, k) => `${k},${k === 9 ? '' : k % 3}`);
    const data = await load([input('x: [T, 1]'), input('= s: [T] of S')], { window: 3, test: 4 }, `x,s\n${rows.join('\n')}\n`);
    assert.deepEqual([data.parts.training.size, data.parts.test.size], [4, 4]);
    assert.deepEqual(data.vocabularies.S!.tokens, ['0', '1', '2']);
    const { inputs } = evaluationBatches(data, 'test', { batch: 9, window: 1 })!.at(0);
    // [T, B]: nothing but the last step, where the last label of the file is missing.
    assert.deepEqual([...inputs.s!], [...Array<number>(8).fill(-1), 0, 1, 2, -1]);
    const target = { input: 's', ahead: false };
    assert.deepEqual(baselinesOf(data, 'test', [{ kind: 'accuracy' }], target), { majority: 1 / 3 });
  });

  it('fills missing numbers on the line between their neighbours, and says so', async () => {
    const data = await load(next, { window: 2 }, 'x\n\n1\nNA\n?\n4\n5\nnan\n');
    assert.deepEqual(show(data, 'training', 'x'), ['1 2', '2 3', '3 4', '4 5']);
    assert.deepEqual(data.remarks, ['3 missing numbers of x lie on the line between their neighbours.']);
    assert.deepEqual(data.missing, { x: 3 });
  });

  it('persistence and seasons are what they are by hand', async () => {
    const values = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8];
    const data = await load(next, { window: 4, test: 4 }, `x\n${values.join('\n')}\n`);
    const rmse = (season: number): number =>
      Math.sqrt([8, 9, 10, 11].reduce((sum, k) => sum + (values[k]! - values[k - season]!) ** 2, 0) / 4);
    const metrics = [{ kind: 'persistence' }, { kind: 'seasonal', period: 3 }, { kind: 'seasonal', period: 9 }] as const;
    const found = baselinesOf(data, 'test', metrics, { input: 'x', ahead: true });
    assert.deepEqual(Object.keys(found), ['persistence', 'seasonal(3)']);
    assert.ok(Math.abs(found.persistence! - rmse(1)) < 1e-6 && Math.abs(found['seasonal(3)']! - rmse(3)) < 1e-6);
    const bindings = { past: { kind: 'column', name: 'x' }, ahead: { kind: 'following', name: 'x', steps: 2 } } as const;
    const ahead = await load(
      [input('past: [T, 1]'), input('= ahead: [2]')],
      { window: 4, bindings, test: 4, normalise: true },
      `x\n${values.join('\n')}\n`,
    );
    const naive = Math.sqrt(
      [8, 9, 10].reduce((sum, k) => sum + (values[k]! - values[k - 1]!) ** 2 + (values[k + 1]! - values[k - 1]!) ** 2, 0) / 6,
    );
    const persistence = baselinesOf(ahead, 'test', [{ kind: 'persistence' }], { input: 'ahead', ahead: false }).persistence!;
    assert.ok(Math.abs(persistence - naive) < 1e-5);
  });

  it('takes labels of steps as classes', async () => {
    const data = await load([input('x: [T, 1]'), input('= state: [T] of State')], { window: 2 }, 'x,state\n1,low\n2,low\n3,high\n');
    assert.deepEqual(data.vocabularies.State!.tokens, ['high', 'low']);
    assert.deepEqual(show(data, 'training', 'state'), ['1 1', '1 0']);
  });

  it('says what is too short, missing or of another shape', async () => {
    const fault = (shapes: readonly InputShape[], more: Partial<SeriesSource> = {}, content = counting): Promise<string> =>
      faultOf(() => load(shapes, more, content), folder);
    assert.match(
      await fault(next, { window: 30 }),
      /^window: The training part of s.csv has 20 rows; a window with what it predicts takes 31\. Set a smaller window/,
    );
    assert.match(await fault(next, { window: 1 }, 'x\nNA\n?\n'), /^columns: Column x of s.csv has no number in the training part/);
    assert.match(await fault([input('next y: [T, 1]')]), /^columns: s.csv has no column `y` for the input y\. It has day, x, z/);
    assert.match(await fault(next, {}, 'x\n1\n2\nthree\n4\n5\n'), /^columns: s.csv, line 4, column x: "three" is no number/);
    assert.match(
      await fault([input('next x: [T, 3]')]),
      /^columns: Nothing of s.csv is given to the input x\. Say what it is: it is \[T, 3\], and 1 column is given: write \[T, 1\]/,
    );
  });
});
