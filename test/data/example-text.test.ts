// Typed text as an example of a model's data.

import assert from 'node:assert/strict';
import { exampleOfText } from '../../src/data/example-text.ts';
import { keptOf, loadDataset } from '../../src/data/load.ts';
import type { InputShape } from '../../src/shared/dataset.ts';
import { type Folder, faultOf, input, makeFolder, table, task } from './sources.ts';

describe('typed text', () => {
  let folder: Folder;
  beforeEach(() => {
    folder = makeFolder();
  });
  afterEach(() => folder.remove());
  const example = async (shapes: readonly InputShape[], content: string, typed: string) => {
    const data = await loadDataset(table(folder.write('a.csv', content), { lower: true }), shapes);
    const { inputs, lengths } = exampleOfText(keptOf(data), shapes, typed);
    return { inputs: Object.fromEntries(Object.entries(inputs).map(([name, values]) => [name, [...values]])), lengths };
  };

  it('is cut as the data was; what it does not say is nothing', async () => {
    const shapes = [input('name: [T] of Letter'), input('year: [1]'), input('= language: one of Language'), input('= age: [1]')];
    assert.deepEqual(await example(shapes, 'name,year,language,age\nAb,1,x,2\nba,2,y,3\n', 'BAB'), {
      inputs: { name: [1, 0, 1], year: [0], language: [-1], age: [Number.NaN] },
      lengths: { T: 3 },
    });
  });

  it('stands between begin and end where it is predicted', async () => {
    assert.deepEqual(await example([input('next name: [T] of Letter')], 'name\nab\nba\n', 'b'), {
      inputs: { name: [0, 3, 1], 'next(name)': [3, 1, -1] },
      lengths: { T: 3 },
    });
  });

  it('is symbols of a task, and says what is none', async () => {
    const shapes = [input('i: [T] of Symbol'), input('= o: one of Answer')];
    const kept = keptOf(await loadDataset(task('temporal_order'), shapes));
    assert.deepEqual([...exampleOfText(kept, shapes, '[aXbY]').inputs.i!], [6, 0, 4, 1, 5, 7]);
    assert.match(
      await faultOf(() => exampleOfText(kept, shapes, 'aZ'), folder),
      /^prompt: The model has never seen "Z": it knows a b c d X Y/,
    );
  });

  it('is refused by a model that looks at an image too', async () => {
    const shapes = [input('next name: [T] of Letter'), input('photo: [3, 4, 4]')];
    const kept = keptOf(await loadDataset(table(folder.write('a.csv', 'name\nab\nba\n'), { lower: true }), shapes.slice(0, 1)));
    assert.match(
      await faultOf(() => exampleOfText(kept, shapes, 'ab'), folder),
      /^prompt: The model also reads the image photo, which cannot be typed/,
    );
    const made: InputShape = {
      ...input('seen: [8, 2, 2]'),
      network: { path: 'eyes.onnx', takes: 'x', gives: 'y', of: 'photo' },
    };
    assert.match(await faultOf(() => exampleOfText(kept, [shapes[0]!, made], 'ab'), folder), /reads the image photo/);
  });
});
