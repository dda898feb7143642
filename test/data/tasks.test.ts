// Generated tasks: what each asks is what a person would compute from its input.

import assert from 'node:assert/strict';
import type { Dataset, Example } from '../../src/data/dataset.ts';
import { exampleOfText } from '../../src/data/example-text.ts';
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

  it('dates: what is written, as machines write it', async () => {
    const data = await load('dates', ['written: [S] of Letter', 'next date: [T] of Digit'], { count: 3000, test: 100, validation: 0.1 });
    assert.deepEqual([data.parts.training.size, data.parts.test.size, data.ragged], [2610, 100, ['S', 'T']]);
    const months = 'january february march april may june july august september october november december'.split(' ');
    const ways = new Set<string>();
    for (let k = 0; k < 1000; k += 1) {
      const example = data.parts.training.example(k);
      const [read, wanted] = [texts(example, data, 'written').join(''), texts(example, data, 'date')];
      assert.deepEqual([wanted[0], wanted.at(-1), wanted.length], ['‹begin›', '‹end›', 12]);
      const date = wanted.slice(1, -1).join('');
      const [year, month, day] = date.split('-').map(Number) as [number, number, number];
      // Every number that is read is the year (or its end), the month or the day, and every name is the month's or the weekday's.
      const weekday = new Date(`${date}T00:00Z`).toLocaleDateString('en-US', { weekday: 'long', timeZone: 'UTC' }).toLowerCase();
      for (const number of read.match(/\d+/g)!) assert.ok([year, year % 100, month, day].includes(Number(number)), `${read} ${date}`);
      for (const name of read
        .replace(/\d(st|nd|rd|th)\b/g, '')
        .replace(/\b(the|of)\b/g, '')
        .match(/[a-z]+/g) ?? [])
        assert.ok(months[month - 1]!.startsWith(name) || weekday.startsWith(name), `${read} ${date}`);
      const numbers = read.match(/\d+/g)!.map(Number);
      if (/^[\d.]+$/.test(read)) assert.deepEqual(numbers, [day, month, year]);
      if (read.includes('/')) assert.deepEqual(numbers, [month, day, year]);
      ways.add(
        read.replace(/[a-z]+/g, (name) => (/^(st|nd|rd|th)$/.test(name) ? 'th' : 'a')).replace(/\d+/g, (n) => (n.length > 2 ? 'Y' : 'd')),
      );
      assert.equal(data.parts.training.length!(k), Math.max(read.length, 12));
    }
    assert.ok(ways.size >= 12, [...ways].join(' | '));
    // A text that is typed is cut into letters.
    const typed = exampleOfText(data, data.inputs, 'tuesday 5 may 1998');
    assert.equal(typed.inputs.written!.length, 18);
    const shared = await load('dates', ['written: [S] of Letter', 'next date: [T] of Letter']);
    assert.match(texts(shared.parts.training.example(0), shared, 'date').join(''), /^‹begin›\d{4}-\d\d-\d\d‹end›$/);
  });

  it('shapes: a caption says what stands where, and boxes have it', async () => {
    const size = 32;
    const shapes = [`image: [3, ${size}, ${size}]`, 'next caption: [T] of Word', 'boxes: [2, 6]'];
    const data = await load('shapes', shapes, { count: 500, options: { size } });
    const captions = new Set<string>();
    const colours: Readonly<Record<string, readonly [number, number, number]>> = {
      red: [0.85, 0.12, 0.1],
      green: [0.1, 0.6, 0.2],
      blue: [0.12, 0.25, 0.85],
      yellow: [0.95, 0.8, 0.1],
      purple: [0.55, 0.15, 0.65],
    };
    for (let k = 0; k < 200; k += 1) {
      const example = data.parts.training.example(k);
      const words = texts(example, data, 'caption');
      const said = words.slice(1, -1).join(' ');
      captions.add(said);
      assert.match(said, /^a \w+ (circle|square|triangle)( (above|below|left of|right of) a \w+ (circle|square|triangle))?$/);
      const boxes = data.parts.training.boxes!(k);
      assert.equal(boxes.length, said.includes(' a ') ? 2 : 1);
      assert.deepEqual(
        [...example.inputs.boxes!.slice(0, 4)],
        [boxes[0]!.x, boxes[0]!.y, boxes[0]!.width, boxes[0]!.height].map(Math.fround),
      );
      const [first, second] = boxes.map(({ x, y, width, height, from, to }) => {
        const [, colour] = words.slice(from, to);
        // The middle of each has the colour that its words say.
        const at = Math.floor(y + height / 2) * size + Math.floor(x + width / 2);
        const seen = [0, 1, 2].map((channel) => example.inputs.image![channel * size * size + at]!);
        assert.ok(
          seen.every((value, channel) => Math.abs(value - colours[colour!]![channel]!) < 0.01),
          `${said}: ${seen}`,
        );
        return { x: x + width / 2, y: y + height / 2, width };
      });
      if (second === undefined) continue;
      const [dx, dy] = [first!.x - second.x, first!.y - second.y];
      const where = Math.abs(dx) > Math.abs(dy) ? (dx < 0 ? 'left of' : 'right of') : dy < 0 ? 'above' : 'below';
      assert.ok(said.includes(` ${where} `) && first!.width > second.width, said);
    }
    assert.ok(captions.size > 100);
    const { image } = data.parts.training.example(0).inputs;
    assert.deepEqual([image!.length, data.ragged, image!.every((value) => value >= 0 && value <= 1)], [3 * size * size, ['T'], true]);
    // Only who asks for the boxes has them.
    const usual = await load('shapes', ['picture: [3, Y, X]', 'next words: [T] of Word'], { count: 10 });
    assert.deepEqual(
      [usual.sizes, Object.keys(usual.parts.training.example(0).inputs)],
      [{ Y: 64, X: 64 }, ['picture', 'words', 'next(words)']],
    );
    const spare = makeFolder();
    spare.remove();
    assert.match(
      await faultOf(() => load('shapes', ['image: [3, 32, 32]', 'next caption: [T] of Word']), spare),
      /^columns: The task shapes gives image: \[3, 64, 64\] and caption: \[T\] of Symbol; the model has image: \[3, 32, 32\]/,
    );
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
