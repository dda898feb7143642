// What is said of the columns that a model asks of its data.

import assert from 'node:assert/strict';
import { dataFaults, type FileFacts, fileRequests } from '../../src/language/lsp/data-faults.ts';
import { FactsOfFiles } from '../../src/language/lsp/file-facts.ts';
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
const factsOf = (path: string): FileFacts => {
  const columns = files[path.replace('/models/', '')];
  return columns === undefined ? { exists: false, beside: Object.keys(files) } : { exists: true, columns };
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
    trained(named, 'table(«"other.csv"», by: char)'),
    'other.csv has no column `language`, which the model Names wants. It has Name, langauge. Did you mean `langauge`?',
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
  [
    'files of sources without columns',
    `data d = pairs(«"eng-fr.tsv"», by: word, alignments: «"a.align"»)\ndata e = images(«"photo"», captions: "names.csv")\n`,
    'eng-fr.tsv is not there. Paths are relative to this file.',
    'a.align is not there. Paths are relative to this file.',
    'photo is not there. Paths are relative to this file.',
  ],
  ['columns without names, in the order of the inputs', trained(named, 'table("bare.csv", by: char)')],
  [
    'many columns',
    trained(named, 'table("wide.csv", by: char, name: column("c1"), language: column(«"kind"»))'),
    'wide.csv has no column `kind`. It has c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 and 10 others.',
  ],
  [
    'a file that is not there',
    trained(named, 'table(«"measured_tomorrow.csv"», by: char)'),
    'measured_tomorrow.csv is not there. Paths are relative to this file.',
  ],
  ['data that no model is trained on', `${named}data d = table("other.csv", by: char)\n`],
];

const faultsOf = async (text: string): Promise<Fault[]> => dataFaults(await programOf(text), ({ path }) => factsOf(path));

describe('columns of data', () => {
  for (const [title, source, ...messages] of cases)
    it(title, async () => {
      const { text, marks } = marked(source);
      assertFaults({ text, marks }, await faultsOf(text), messages);
    });

  it('a file that is not there is a warning, a column an error', async () => {
    const severities = async (data: string): Promise<string[]> => (await faultsOf(trained(named, data))).map(({ severity }) => severity);
    assert.deepEqual(await severities('table("measured_tomorrow.csv", by: char)'), ['warning']);
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

  it('a name that is close to that of a file there is', async () => {
    const [fault] = await faultsOf(trained(named, 'table("name.csv", by: char)'));
    assert.deepEqual([fault?.message, fault?.repair], ['name.csv is not there. Did you mean names.csv?', '"names.csv"']);
  });

  it('a text that is not there is said too', async () => {
    const text =
      'model M(x: [T] of Char) {\n  loss = cross_entropy(linear(embed(x, 4), Char), next(x))\n}\ndata d = text("none.txt", by: char)\n';
    assert.deepEqual(
      (await faultsOf(text)).map(({ severity, code }) => [severity, code]),
      [['warning', 'no-file']],
    );
  });

  it('files are looked at again when they change, with the names that are looked for', async () => {
    let changed = 1;
    const asked: unknown[] = [];
    const facts = new FactsOfFiles(
      async () => changed,
      async (path, { names, header }) => {
        asked.push([path, names, header]);
        return [{ name: 'name' }, { name: 'language' }];
      },
      async () => [],
    );
    const program = await programOf(trained(named, 'table("names.csv", by: char, header: true, language: column("language"))'));
    assert.equal(dataFaults(program, facts.of).length, 0);
    const looks = [await facts.look(fileRequests(program)), await facts.look(fileRequests(program))];
    changed = 2;
    looks.push(await facts.look(fileRequests(program)));
    assert.deepEqual(looks, [true, false, true]);
    assert.deepEqual(
      asked,
      Array.from({ length: 2 }, () => ['/models/names.csv', ['language', 'name'], true]),
    );
    assert.deepEqual(dataFaults(program, facts.of), []);
  });
});
