// Generated tasks: what each asks is what a person would compute from its input.

import assert from 'node:assert/strict';
import type { Dataset, Example } from '../../src/data/dataset.ts';
import { evaluationBatches, loadDataset, trainingBatches } from '../../src/data/load.ts';
import type { InputShape } from '../../src/shared/dataset.ts';
import type { TaskSource } from '../../src/shared/settings.ts';
import { type Folder, faultOf, input, makeFolder, task } from './sources.ts';

const load = (name: TaskSource['task'], shapes: readonly string[], more: Partial<TaskSource> = {}): Promise<Dataset> =>
  loadDataset(task(name, more), shapes.map(input));

const texts = ({ inputs }: Example, data: Dataset, name: string): string[] => {
  const { classes } = data.inputs.find((each) => each.name === name) as InputShape & { classes: string };
  return [...inputs[name]!].map((id) => data.vocabularies[classes]!.tokens[id]!);
};

describe('tasks', () => {
  const some = (data: Dataset): Example[] => Array.from({ length: 40 }, (_, k) => data.parts.training.example(k));

  it('adding: the sum of the two that are marked, one in each half', async () => {
    const data = await load('adding', ['x: [T, 2]', '= total: [1]'], { options: { length: 20 } });
    for (const { inputs, lengths } of some(data)) {
      const marked = Array.from({ length: 20 }, (_, t) => t).filter((t) => inputs.x![2 * t + 1] === 1);
      assert.deepEqual([lengths, marked.length, marked[0]! < 10, marked[1]! >= 10], [{ T: 20 }, 2, true, true]);
      assert.ok(Math.abs(marked.reduce((sum, t) => sum + inputs.x![2 * t]!, 0) - inputs.total![0]!) < 1e-6);
    }
  });

  it('copying: silence, then the symbols again', async () => {
    const data = await load('copying', ['input: [T] of Symbol', '= output: [T] of Symbol'], {
      options: { symbols: 4, length: 3, delay: 5 },
    });
    for (const example of some(data)) {
      const [read, wanted] = [texts(example, data, 'input').join(''), texts(example, data, 'output').join('')];
      assert.match(read, /^[a-d]{3}····!···$/);
      assert.equal(wanted, `········${read.slice(0, 3)}`);
    }
  });

  it('repeating: the target is the source between its begin and end', async () => {
    const data = await load('repeating', ['source: [S] of Symbol', 'next target: [T] of Symbol'], {
      options: { symbols: 5, length: [2, 6] },
    });
    assert.deepEqual(data.ragged, ['S', 'T']);
    for (const example of some(data)) {
      const [read, wanted] = [texts(example, data, 'source'), texts(example, data, 'target')];
      assert.deepEqual(wanted, ['‹begin›', ...read, '‹end›']);
      assert.ok(read.length >= 2 && read.length <= 6);
    }
  });

  it('temporal order: which of X and Y came first and second', async () => {
    const data = await load('temporal_order', ['input: [T] of Symbol', '= order: one of Answer'], { options: { length: 50 } });
    for (const example of some(data))
      assert.equal(
        texts(example, data, 'input')
          .filter((each) => 'XY'.includes(each))
          .join(''),
        texts(example, data, 'order')[0],
      );
    const times = some(data).map((example) =>
      texts(example, data, 'input')
        .map((each, t) => ('XY'.includes(each) ? t : -1))
        .filter((t) => t >= 0),
    );
    assert.ok(times.every(([a, b]) => a! >= 5 && a! < 10 && b! >= 25 && b! < 30));
  });

  it('parity: of the bits so far, or of all of them', async () => {
    const each = await load('parity', ['bits: [T] of Bit', '= parity: [T] of Parity'], { options: { length: [3, 9] } });
    for (const example of some(each)) {
      const bits = texts(example, each, 'bits').map(Number);
      assert.deepEqual(
        texts(example, each, 'parity'),
        bits.map((_, t) => (bits.slice(0, t + 1).reduce((sum, bit) => sum + bit, 0) % 2 === 0 ? 'even' : 'odd')),
      );
    }
    const whole = await load('parity', ['bits: [T] of Bit', '= parity: one of Parity'], { options: { length: [3, 9] } });
    assert.equal(texts(some(whole)[0]!, whole, 'parity')[0], texts(some(each)[0]!, each, 'parity').at(-1));
  });

  it('flip-flop: the way each switch was thrown last', async () => {
    const data = await load('flip_flop', ['pulses: [T, 3]', '= levels: [T, 3]'], { options: { length: 30 } });
    for (const { inputs } of some(data)) {
      const last = [0, 0, 0];
      for (let k = 0; k < 90; k += 1) {
        if (inputs.pulses![k] !== 0) last[k % 3] = inputs.pulses![k]!;
        assert.equal(inputs.levels![k], last[k % 3]);
      }
    }
  });

  it('embedded Reber: the last symbol but one is the second, and between them a walk through the grammar', async () => {
    const data = await load('embedded_reber', ['next input: [T] of Symbol'], { count: 100 });
    for (const example of some(data)) {
      const text = texts(example, data, 'input').slice(1, -1).join('');
      assert.match(text, /^B(T|P)B.*E\1E$/);
      assert.ok(walks(text.slice(2, -2)), text);
    }
    assert.equal(new Set(some(data).map((example) => texts(example, data, 'input').join(''))).size > 20, true);
  });

  it('keeps inputs in step with one of their dimension that is predicted', async () => {
    const shapes = [input('source: [T] of S'), input('next target: [T] of S')];
    const data = await loadDataset(task('repeating', { options: { length: 4, symbols: 3 } }), shapes);
    const { inputs, lengths } = data.parts.training.example(0);
    assert.deepEqual(lengths, { T: 6 });
    assert.deepEqual([...inputs.source!], [...inputs.target!]);
    assert.deepEqual([inputs.source![0], inputs.source![5]], [0, 1]);
  });

  it('is endless unless a count is given, and the same for one seed', async () => {
    const endless = await load('parity', ['bits: [T] of Bit', '= parity: [T] of Parity'], { validation: 0.1, test: 50 });
    assert.deepEqual(
      [endless.parts.training.size, endless.parts.validation.size, endless.parts.test.size],
      [Number.POSITIVE_INFINITY, 1000, 50],
    );
    const counted = await load('parity', ['bits: [T] of Bit', '= parity: [T] of Parity'], { count: 200, validation: 0.1, test: 50 });
    assert.deepEqual([counted.parts.training.size, counted.parts.validation.size, counted.parts.test.size], [135, 15, 50]);
    const batches = trainingBatches(endless, { batch: 100, window: 1, seed: 1 });
    assert.equal(batches.count, 100);
    assert.deepEqual(batches.at(3), trainingBatches(endless, { batch: 100, window: 1, seed: 1 }).at(3));
    assert.notDeepEqual(batches.at(3), batches.at(103));
    assert.equal(evaluationBatches(endless, 'test', { batch: 20, window: 1 })!.count, 3);
    const other = await load('parity', ['bits: [T] of Bit', '= parity: [T] of Parity'], { seed: 2 });
    assert.notDeepEqual(other.parts.training.example(0), endless.parts.training.example(0));
    assert.notDeepEqual(endless.parts.validation.example(0), endless.parts.training.example(0));
  });

  it('says what a task gives where the model takes something else', async () => {
    const folder: Folder = makeFolder();
    const fault = (shapes: readonly string[]): Promise<string> => faultOf(() => load('adding', shapes), folder);
    assert.equal(
      await fault(['x: [T] of Char']),
      'columns: The task adding gives x: [T, 2] and total: [1]; the model has x: [T] of Char. Give the model these inputs.',
    );
    assert.match(await fault(['x: [T, 3]', '= total: [1]']), /^columns: The task adding/);
    assert.match(await fault(['x: [T, 2]', '= total: [1]', 'more: [1]']), /^columns: The task adding/);
    folder.remove();
  });
});

/** Reber's grammar as a picture has it: nodes with their two ways out. */
function walks(text: string): boolean {
  const ways: Readonly<Record<string, string>> = {
    '0T': '1',
    '0P': '2',
    '1S': '1',
    '1X': '3',
    '2T': '2',
    '2V': '4',
    '3X': '2',
    '3S': '5',
    '4P': '3',
    '4V': '5',
  };
  let node = '0';
  for (const symbol of text.slice(1, -1)) node = ways[node + symbol] ?? 'lost';
  return text.startsWith('B') && text.endsWith('E') && node === '5';
}
