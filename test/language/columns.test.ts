// What is said of the columns that a model asks of its data.

import assert from 'node:assert/strict';
import { DataError } from '../../src/data/errors.ts';
import { type ColumnsOf, columnFaults } from '../../src/language/column-faults.ts';
import type { Fault } from '../../src/shared/source.ts';
import { programOf } from './load.ts';
import { assertFaults, marked, offsetOf } from './marks.ts';

const named =
  'model Names(name: [T] of Letter, language: one of Language) {\n  h = gru(embed(name, 4), 8)\n  loss = cross_entropy(linear(last(h), Language), language)\n}\n';
const numbers = 'model M(past: [T, 2], next_one: [1]) {\n  h = gru(past, 8)\n  loss = mse(linear(last(h), 1), next_one)\n}\n';
const trained = (model: string, data: string): string =>
  `${model}data d = ${data}\ntrain ${/model (\w+)/.exec(model)![1]} on d { epochs: 1 }\n`;

const files: Readonly<Record<string, readonly string[]>> = {
  'names.csv': ['name', 'language'],
  'other.csv': ['Name', 'langauge'],
  'bare.csv': ['1', '2'],
  'weather.csv': ['day', 'temperature', 'wind'],
  'digits.npz': ['images', 'labels'],
  'one.npy': ['one'],
  'wide.csv': Array.from({ length: 20 }, (_, k) => `c${k}`),
};
const columnsOf: ColumnsOf = async (path) => {
  const found = files[path.replace('/models/', '')];
  if (path.endsWith('broken.csv')) throw new DataError('data', 'broken.csv, line 3 has 1 cell instead of 2.');
  if (found === undefined) throw new DataError('missing', `There is no file ${path}.`);
  return found.map((name) => ({ name }));
};

const cases: readonly (readonly [title: string, text: string, ...messages: string[]])[] = [
  ['columns that are there', trained(named, 'table("names.csv", by: char)')],
  [
    'a column that a binding asks for',
    trained(named, 'table("names.csv", by: char, language: column(«"langauge"»))'),
    'names.csv has no column `langauge`. It has name, language. Did you mean `language`?',
  ],
  [
    'a column that an input asks for',
    trained(named, 'table("other.csv", by: char)').replace('data d', 'data «d»'),
    'other.csv has no column `language` for the input language of Names. It has Name, langauge. Did you mean `langauge`?',
  ],
  [
    'one of several columns of a series',
    trained(numbers, 'series("weather.csv", past: columns("wind", «"temprature"»), next_one: following("temperature", 1))'),
    'weather.csv has no column `temprature`. It has day, temperature, wind. Did you mean `temperature`?',
  ],
  [
    'an array',
    trained(numbers, 'arrays("digits.npz", past: «"image"», next_one: "labels")'),
    'digits.npz has no array `image`. It has images, labels. Did you mean `images`?',
  ],
  ['the one array of a file', trained('model M(x: [4, 2]) {\n  loss = mean(gru(x, 8) ** 2)\n}\n', 'arrays("one.npy")')],
  ['columns without names, in the order of the inputs', trained(named, 'table("bare.csv", by: char)')],
  [
    'many columns',
    trained(named, 'table("wide.csv", by: char, name: column("c1"), language: column(«"kind"»))'),
    'wide.csv has no column `kind`. It has c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 and 10 others.',
  ],
  [
    'a file that is not there',
    trained(named, 'table(«"later.csv"», by: char)'),
    'There is no file later.csv here. Paths are relative to this file.',
  ],
  ['a file that cannot be read', trained(named, 'table(«"broken.csv"», by: char)'), 'broken.csv, line 3 has 1 cell instead of 2.'],
  ['data that no model is trained on', `${named}data d = table("other.csv", by: char)\n`],
  [
    'a text has no columns',
    trained('model M(x: [T] of Char) {\n  loss = cross_entropy(linear(embed(x, 4), Char), next(x))\n}\n', 'text("none.txt", by: char)'),
  ],
];

const faultsOf = async (text: string): Promise<Fault[]> => columnFaults(await programOf(text), columnsOf);

describe('columns of data', () => {
  for (const [title, source, ...messages] of cases)
    it(title, async () => {
      const { text, marks } = marked(source);
      assertFaults({ text, marks }, await faultsOf(text), messages);
    });

  it('a file that is not there is a warning, a column an error', async () => {
    const severities = async (data: string): Promise<string[]> => (await faultsOf(trained(named, data))).map(({ severity }) => severity);
    assert.deepEqual(await severities('table("later.csv", by: char)'), ['warning']);
    assert.deepEqual(await severities('table("other.csv", by: char)'), ['error']);
  });

  it('the one that is meant can be put there', async () => {
    const text = trained(named, 'table("names.csv", by: char, language: column("langauge"))');
    const [fault] = await faultsOf(text);
    const { start, end } = fault!.range;
    assert.deepEqual(await faultsOf(text.slice(0, offsetOf(text, start)) + fault!.repair! + text.slice(offsetOf(text, end))), []);
  });

  it('an input can be told its column', async () => {
    const text = trained(named, 'table("other.csv", by: char)');
    const [edit] = (await faultsOf(text))[0]!.repairs![0]!.edits;
    const at = offsetOf(text, edit!.range.start);
    const mended = text.slice(0, at) + edit!.text + text.slice(at);
    assert.match(mended, /by: char, language: column\("langauge"\)\)/);
    assert.deepEqual(await faultsOf(mended), []);
  });

  it('the names that are looked for, and whether there is a header, are handed on', async () => {
    const asked: unknown[] = [];
    const program = await programOf(trained(named, 'table("names.csv", by: char, header: true, language: column("language"))'));
    await columnFaults(program, async (path, options) => {
      asked.push([path, options]);
      return [{ name: 'name' }, { name: 'language' }];
    });
    assert.deepEqual(asked, [['/models/names.csv', { header: true, names: ['language', 'name'] }]]);
  });
});
