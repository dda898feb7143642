// Batches: every example once a pass, rows of like length together, padding that lengths tell of, and the same batch for the same number.

import assert from 'node:assert/strict';
import type { Batch, Dataset } from '../../src/data/dataset.ts';
import { evaluationBatches, loadDataset, trainingBatches } from '../../src/data/load.ts';
import { previewOf } from '../../src/data/preview.ts';
import { random } from '../../src/shared/random.ts';
import { type Folder, input, makeFolder, table, text } from './sources.ts';

const settings = { batch: 8, window: 5, seed: 3 };

describe('batches', () => {
  let folder: Folder;
  let data: Dataset;
  const chance = random(1);
  const words = Array.from({ length: 203 }, (_, k) => `${k}${'x'.repeat(Math.floor(chance.uniform() * 30))}`);

  before(async () => {
    folder = makeFolder();
    const path = folder.write('a.csv', `word,label\n${words.map((word, k) => `${word},${k % 3}`).join('\n')}\n`);
    data = await loadDataset(table(path, { validation: 20 }), [input('word: [T] of Letter'), input('= label: one of Label')]);
  });
  after(() => folder.remove());

  const rowsOf = ({ rows, inputs }: Batch): string[] =>
    Array.from({ length: rows }, (_, row) => {
      const letters = Array.from({ length: inputs['lengths(T)']![row]! }, (_step, t) => inputs.word![t * rows + row]!);
      return letters.map((id) => data.vocabularies.Letter!.tokens[id]).join('');
    });

  it('shows every example once a pass, in another order each pass', () => {
    const batches = trainingBatches(data, settings);
    assert.equal(batches.count, 23);
    const pass = (k: number): string[] => Array.from({ length: batches.count }, (_, n) => rowsOf(batches.at(k * batches.count + n))).flat();
    const [first, second] = [pass(0), pass(1)];
    assert.equal(new Set(first).size, 183);
    assert.deepEqual([...first].sort(), [...second].sort());
    assert.notDeepEqual(first, second);
    assert.ok(first.every((word) => words.includes(word)));
  });

  it('is made from its number alone', () => {
    const [one, other] = [trainingBatches(data, settings), trainingBatches(data, settings)];
    const ahead = [60, 3, 25].map((k) => one.at(k));
    assert.deepEqual(
      [25, 3, 60].map((k) => other.at(k)),
      [ahead[2], ahead[1], ahead[0]],
    );
    assert.notDeepEqual(trainingBatches(data, { ...settings, seed: 4 }).at(3), ahead[1]);
  });

  it('pads little, with class 0, and tells the lengths', () => {
    const batches = trainingBatches(data, settings);
    let [real, padded] = [0, 0];
    for (let k = 0; k < batches.count; k += 1) {
      const { rows, sizes, inputs } = batches.at(k);
      const lengths = inputs['lengths(T)']!;
      assert.equal(sizes.T, Math.max(...lengths));
      assert.equal(inputs.word!.length, sizes.T * rows);
      lengths.forEach((length, row) => {
        for (let t = length; t < sizes.T!; t += 1) assert.equal(inputs.word![t * rows + row], 0);
        real += length;
      });
      padded += sizes.T * rows - [...lengths].reduce((sum, each) => sum + each, 0);
    }
    assert.ok(padded < real / 10, `${padded} of padding beside ${real}`);
  });

  it('validates on each held-out example once', () => {
    const batches = evaluationBatches(data, 'validation', settings)!;
    const all = Array.from({ length: batches.count }, (_, k) => rowsOf(batches.at(k))).flat();
    assert.deepEqual([all.length, new Set(all).size], [20, 20]);
    assert.equal(evaluationBatches(data, 'test', settings), undefined);
  });

  it('a text is read on from batch to batch', async () => {
    const path = folder.write('t.txt', 'abcdefghijklmnopqrstuvwxyz'.repeat(4));
    const running = await loadDataset(text(path, { test: 0.2, validation: 0.1 }), [input('next input: [Time] of Char')]);
    assert.deepEqual([running.parts.training.size, running.parts.validation.size, running.parts.test.size], [76, 8, 20]);
    const batches = trainingBatches(running, { batch: 2, window: 5, seed: 1 });
    const { sizes, rows, inputs, reset } = batches.at(1);
    assert.deepEqual([sizes, rows, reset, Object.keys(inputs)], [{ Time: 5 }, 2, false, ['input', 'next(input)']]);
    assert.deepEqual(batches.at(batches.count), batches.at(0));
  });

  it('the preview has the numbers of each column, in the unit of the data and without rounding noise', async () => {
    const path = folder.write('m.csv', `a,b\n${Array.from({ length: 60 }, (_, k) => `${k % 5},${(k % 3) * 1000}`).join('\n')}\n`);
    const source = {
      kind: 'series',
      path,
      bindings: { past: { kind: 'columns', names: ['b', 'a'] }, ahead: { kind: 'following', name: 'a', steps: 1 } },
      window: 5,
      stride: 1,
      normalise: true,
      validation: 0.2,
      test: 0,
      seed: 1,
    } as const;
    const preview = previewOf(await loadDataset(source, [input('past: [T, M]'), input('ahead: [1]')]));
    const [past] = preview.inputs;
    assert.equal(past!.numbers, undefined);
    assert.deepEqual(
      past!.features!.map(({ name, least, most, missing }) => [name, least, most, missing]),
      [
        ['b', 0, 2000, 0],
        ['a', 0, 4, 0],
      ],
    );
    assert.deepEqual(preview.examples[0]!.cells, { past: ['0 0', '1,000 1', '2,000 2', '0 3', '1,000 4'], ahead: ['0'] });
  });

  it('the preview counts what the batches hold', () => {
    const preview = previewOf(data);
    assert.equal(preview.title, 'a.csv');
    assert.deepEqual(
      preview.parts.map(({ name, examples }) => [name, examples]),
      [
        ['training', 183],
        ['validation', 20],
      ],
    );
    const [lengths] = preview.lengths;
    assert.equal(
      lengths!.bars.reduce((sum, { count }) => sum + count, 0),
      203,
    );
    assert.deepEqual(
      [lengths!.least, lengths!.most],
      [Math.min(...words.map(({ length }) => length)), Math.max(...words.map(({ length }) => length))],
    );
    const letters = preview.vocabularies.find(({ dimension }) => dimension === 'Letter')!;
    assert.equal(letters.classes[0]!.token, 'x');
    assert.equal(
      letters.classes.reduce((sum, { count }) => sum + count, 0),
      preview.parts[0]!.steps,
    );
    assert.ok(words.includes(preview.examples[0]!.cells.word!.join('')));
    assert.deepEqual(
      preview.inputs.map(({ name, type, from }) => `${name}: ${type}, ${from}`),
      ['word: [T] of Letter, column "word", by character', 'label: one of Label, column "label", as a label'],
    );
  });
});
