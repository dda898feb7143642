// data, train and generate as plain settings; and what is said of those that are wrong.

import assert from 'node:assert/strict';
import { programOf } from './load.ts';
import { assertFaults, marked } from './marks.ts';
import { samples } from './samples.ts';

const base = `model M(input: [T] of Char, unit: cell = lstm) {
  h    = unit(embed(input, 4), 4)
  loss = cross_entropy(linear(h, Char), next(input))
}
data book = text("book.txt", by: char)
`;

describe('data, train and generate', () => {
  it('as plain settings', async () => {
    const { statements } = await programOf(samples.writer);
    assert.deepEqual(
      statements.data.map(({ name, source }) => ({ name, source })),
      [
        {
          name: 'book',
          source: { kind: 'text', path: '/models/book.txt', by: 'char', lower: false, minimum: 1, test: 0, seed: 1, validation: 0.2 },
        },
      ],
    );
    const [train] = statements.trains;
    assert.deepEqual([train!.model, train!.data, train!.arguments], ['Writer', 'book', { unit: 'gru' }]);
    assert.deepEqual(train!.settings, {
      epochs: 2,
      batch: 16,
      window: 32,
      optimizer: { kind: 'adam', rate: 0.002 },
      clip: 1,
      seed: 1,
      device: 'auto',
    });
    assert.deepEqual(
      statements.generates.map(({ settings }) => settings),
      [{ search: { kind: 'sample', temperature: 0.8, topK: 10 }, length: 100, prompt: 'Once' }],
    );
  });

  it('with the defaults of the language', async () => {
    const { statements, faults } = await programOf(`${base}train M on book { }\ngenerate M { }\n`);
    assert.deepEqual(faults, []);
    assert.deepEqual(statements.trains[0]!.settings, {
      epochs: 1,
      batch: 32,
      window: 64,
      optimizer: { kind: 'adam', rate: 0.001 },
      seed: 1,
      device: 'auto',
    });
    assert.deepEqual(statements.generates[0]!.settings, { search: { kind: 'sample', temperature: 1 }, length: 200, prompt: '' });
  });

  it('steps, clipping by value, decay and momentum', async () => {
    const { statements } = await programOf(samples.tied);
    assert.deepEqual(statements.data[0]!.source, {
      kind: 'text',
      path: '/models/words.txt',
      by: 'word',
      lower: true,
      minimum: 2,
      validation: 0.1,
    });
    assert.deepEqual(statements.trains[0]!.settings, {
      steps: 10,
      batch: 4,
      window: 8,
      optimizer: { kind: 'sgd', rate: 0.1, momentum: 0.9 },
      seed: 3,
      device: 'cpu',
    });
    const more = await programOf(`${base}train M on book { clip_value: 5, decay: 1e-5, optimizer: adamw(0.003) }\n`);
    assert.deepEqual(more.statements.trains[0]!.settings?.optimizer, { kind: 'adamw', rate: 0.003, decay: 1e-5 });
    assert.equal(more.statements.trains[0]!.settings?.clipValue, 5);
  });

  const wrong: readonly (readonly [title: string, text: string, ...messages: (string | RegExp)[]])[] = [
    ['a setting that is none', 'train M on book { «epoch»: 5 }\n', '`epoch` is no setting of train. Did you mean `epochs`?'],
    ['a setting given twice', 'train M on book { epochs: 5, «epochs»: 6 }\n', '`epochs` is given twice.'],
    ['a half epoch', 'train M on book { epochs: «0.5» }\n', '`epochs` takes a whole number from 1, not `0.5`.'],
    ['a batch of words', 'train M on book { batch: «many» }\n', '`batch` takes a whole number from 1, not `many`.'],
    ['a negative clip', 'train M on book { clip: «-1» }\n', '`clip` takes a number above 0, not `-1`.'],
    ['epochs and steps', 'train M on book { epochs: 5, steps: «9» }\n', 'Either `epochs` or `steps` says how long to train, not both.'],
    ['a device that is none', 'train M on book { device: «gpu» }\n', '`device` is auto, cpu, webgpu, cuda, directml or coreml, not `gpu`.'],
    [
      'an optimizer that is none',
      'train M on book { optimizer: «adm(0.1)» }\n',
      /^`adm\(0\.1\)` is no optimizer\..* Did you mean `adam`\?$/,
    ],
    ['an optimizer without its rate', 'train M on book { optimizer: «adam()» }\n', 'adam takes a learning rate, as in adam(0.001).'],
    ['a rate of nothing', 'train M on book { optimizer: adam(«0») }\n', 'The learning rate takes a number above 0, not `0`.'],
    [
      'a rate that changes',
      'train M on book { optimizer: adam(«cosine(0.1, warmup: 5)») }\n',
      /^A learning rate that changes \(`cosine`\) is not supported by this version/,
    ],
    [
      'settings of later',
      'train M on book { «teacher»: 1, «report»: accuracy, «freeze»: [h] }\n',
      '`teacher` is not supported by this version.',
      '`report` is not supported by this version. It is left out.',
      '`freeze` is not supported by this version.',
    ],
    ['a model that is not there', 'train «N» on book { }\n', 'There is no model `N` in this file.'],
    ['data that is not there', 'train M on «bok» { }\n', 'There is no data `bok` in this file. Did you mean `book`?'],
    ['no data', '«train M { }»\n', '`train M` needs its data: train M on NAME { ... }.'],
    ['a reserved word for a name', 'train M(«cell»: gru) on book { }\n', '`cell` is a word of the language, and no name.'],
    [
      'an argument that the model has not',
      'train M(«units: gru») on book { }\n',
      'Model M has no input `units` that could be given here. Did you mean `unit`?',
    ],
    ['a cell that is none', 'train M(unit: «grus») on book { }\n', '`unit` takes the name of a cell, and nothing is called `grus`.'],
    ['cells to compare', 'train M(unit: «[gru, lstm]») on book { }\n', /^A list of cells to compare is not supported by this version/],
    ['a source that is none', 'data d = «txt("a.txt")»\n', '`txt("a.txt")` is no source of data. Did you mean `text`?'],
    ['a source of later', 'data d = «pairs("a.tsv", by: word)»\n', /^`pairs` is not supported by this version/],
    ['a task of later', 'data d = «adding(length: 10)»\n', /^`adding` is not supported by this version/],
    ['text without a file', 'data d = «text(by: char)»\n', /^text takes the name of a file in quotes/],
    ['text cut into what is none', 'data d = text("a.txt", by: «line»)\n', '`by` is char or word, not `line`.'],
    ['text cut into pieces', 'data d = text("a.txt", by: «pieces(100)»)\n', /^`pieces` is not supported by this version/],
    ['a setting of text that is none', 'data d = text("a.txt", «bye»: char)\n', '`bye` is no setting of text. Did you mean `by`?'],
    ['everything held out', 'data d = text("a.txt", validation: «1»)\n', '`validation` takes a number from 0 below 1, not `1`.'],
    ['data given twice', 'data «book» = text("b.txt", by: char)\n', 'Data `book` is given twice.'],
    ['a search of later', 'generate M { search: «beam(5)» }\n', /^`beam` is not supported by this version/],
    ['a search that is none', 'generate M { search: «best» }\n', /^`search` is greedy or sample/],
    ['a temperature of nothing', 'generate M { search: sample(temperature: «0») }\n', '`temperature` takes a number above 0, not `0`.'],
    ['a prompt without quotes', 'generate M { prompt: «ROMEO» }\n', '`prompt` takes a text in quotes, not `ROMEO`.'],
  ];
  for (const [title, source, ...messages] of wrong)
    it(title, async () => {
      const { text, marks } = marked(base + source);
      assertFaults({ text, marks }, (await programOf(text)).faults, messages);
    });

  it('a model that cannot be trained with the cell of a further statement', async () => {
    const { text, marks } = marked(`${base}train M on book { }\n«train M(unit: layer_norm) on book { }»\n`);
    const { faults } = await programOf(text);
    assertFaults({ text, marks }, faults, ['M cannot be trained so (line 2): layer_norm(x) has no place for this argument.']);
  });

  it('a model that cannot be trained', async () => {
    const source =
      'model N(input: [T] of Char) {\n  h = embed(input, 4)\n}\ndata book = text("book.txt", by: char)\n«train N on book { }»\n';
    const { text, marks } = marked(source);
    const { faults } = await programOf(text);
    assertFaults(
      { text, marks },
      faults.filter(({ severity }) => severity === 'error'),
      [/^Model N has no line `loss`/],
    );
  });

  it('a text for a model that takes more than a text', async () => {
    const source =
      'model N(x: [T, 4], y: [T, 4]) {\n  loss = mse(x, y)\n}\ndata book = text("book.txt", by: char)\ntrain N on «book» { }\n';
    const { text, marks } = marked(source);
    assertFaults({ text, marks }, (await programOf(text)).faults, [/^`text` gives one sequence of classes.*the inputs x and y\.$/]);
  });
});
