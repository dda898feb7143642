// data, train and generate as plain settings; and what is said of those that are wrong.

import assert from 'node:assert/strict';
import { inputShapes } from '../../src/language/index.ts';
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

  it('a beam, copying, and a teacher', async () => {
    const { statements, faults } = await programOf(`${samples.chained}
data said = repeating(100)
train Repeat on said { teacher: ramp(1, 0.7, epochs: 5) }
train Repeat on said { teacher: 0.9 }
generate Repeat { search: beam(5, penalty: 0.6), unknown: copy(decoder[1].weights) }
generate Repeat { search: beam(3) }
`);
    assert.deepEqual(faults, []);
    assert.deepEqual(
      statements.trains.map(({ settings }) => settings?.teacher),
      [
        { from: 1, to: 0.7, epochs: 5 },
        { from: 0.9, to: 0.9, epochs: 0 },
      ],
    );
    assert.deepEqual(
      statements.generates.map(({ settings }) => settings),
      [
        { search: { kind: 'beam', width: 5, penalty: 0.6 }, length: 200, prompt: '', copy: 'decoder[1].weights' },
        { search: { kind: 'beam', width: 3, penalty: 0 }, length: 200, prompt: '' },
      ],
    );
  });

  it('steps, clipping by value, decay and momentum', async () => {
    const { statements } = await programOf(samples.tied);
    assert.deepEqual(statements.data[0]!.source, {
      kind: 'text',
      path: '/models/words.txt',
      by: 'word',
      lower: true,
      minimum: 2,
      test: 0,
      seed: 1,
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

  const dataOf = async (source: string): Promise<unknown> => {
    const { statements, faults } = await programOf(`data d = ${source}\n`);
    assert.deepEqual(
      faults.map(({ message }) => message),
      [],
    );
    return statements.data[0]!.source;
  };
  const held = { validation: 0.1, test: 0, seed: 1 };

  it('tables, series, arrays and tasks', async () => {
    const cut = { by: 'char', lower: false, minimum: 1 };
    assert.deepEqual(await dataOf('table("names.csv", by: char, test: 0.2, seed: 3, longest: 20)'), {
      kind: 'table',
      path: '/models/names.csv',
      ...cut,
      longest: 20,
      bindings: {},
      normalise: false,
      ...held,
      test: 0.2,
      seed: 3,
    });
    assert.deepEqual(
      await dataOf('table("a.tsv", header: false, x: column("A"), y: columns("B", "C"), by: pieces(500), normalise: true)'),
      {
        kind: 'table',
        path: '/models/a.tsv',
        by: 'pieces',
        pieces: 500,
        lower: false,
        minimum: 1,
        header: false,
        bindings: { x: { kind: 'column', name: 'A' }, y: { kind: 'columns', names: ['B', 'C'] } },
        normalise: true,
        ...held,
      },
    );
    assert.deepEqual(
      await dataOf('series("w.csv", past: columns("a", "b"), ahead: following("a", 24), window: 168, split: [0.7, 0.15, 0.15])'),
      {
        kind: 'series',
        path: '/models/w.csv',
        bindings: { past: { kind: 'columns', names: ['a', 'b'] }, ahead: { kind: 'following', name: 'a', steps: 24 } },
        window: 168,
        stride: 1,
        normalise: false,
        validation: 0.15 / 0.85,
        test: 0.15,
        seed: 1,
      },
    );
    assert.deepEqual(await dataOf('arrays("d.npz", image: "x", digit: "y", test: 100)'), {
      kind: 'arrays',
      path: '/models/d.npz',
      bindings: { image: 'x', digit: 'y' },
      normalise: false,
      ...held,
      test: 100,
    });
    assert.deepEqual(await dataOf('embedded_reber(20_000)'), { kind: 'task', task: 'embedded_reber', count: 20_000, options: {}, ...held });
    assert.deepEqual(await dataOf('copying(symbols: 4, length: [3, 5], delay: 20, seed: 2)'), {
      kind: 'task',
      task: 'copying',
      options: { symbols: 4, length: [3, 5], delay: 20 },
      ...held,
      seed: 2,
    });
  });

  it('schedules, metrics, early stopping, freezing, starts', async () => {
    const { statements, faults } = await programOf(`${base}train M on book {
  optimizer: adamw(cosine(0.003, warmup: 500), decay: 1e-5)
  stop:      plateau(patience: 4)
  report:    [perplexity, bits]
  freeze:    [h]
  start:     "runs/M-1"
  samples:   100
}
train M on book { optimizer: sgd(step(1, every: 1, factor: 0.5, after: 8)), report: accuracy }
`);
    assert.deepEqual(faults, []);
    const [first, second] = statements.trains.map(({ settings }) => settings!);
    assert.deepEqual(first!.optimizer, { kind: 'adamw', rate: 0.003, schedule: { kind: 'cosine', warmup: 500, end: 0 }, decay: 1e-5 });
    assert.deepEqual(
      [first!.stop, first!.report, first!.freeze, first!.start, first!.samples],
      [{ patience: 4 }, [{ kind: 'perplexity' }, { kind: 'bits' }], ['h'], '/models/runs/M-1', 100],
    );
    assert.deepEqual(second!.optimizer, { kind: 'sgd', rate: 1, schedule: { kind: 'step', every: 1, factor: 0.5, after: 8, warmup: 0 } });
    assert.deepEqual(second!.report, [{ kind: 'accuracy' }]);
  });

  it('a list of cells is a statement for each', async () => {
    const { statements } = await programOf(`${base}train M on book { }\ntrain M(unit: [rnn, gru]) on book { epochs: 3 }\n`);
    assert.deepEqual(
      statements.trains.map(({ arguments: given, item, label, settings }) => [given, item, label, settings?.epochs]),
      [
        [{}, 0, undefined, 1],
        [{ unit: 'rnn' }, 1, 'unit: rnn', 3],
        [{ unit: 'gru' }, 1, 'unit: gru', 3],
      ],
    );
  });

  it('what a model wants of its data', async () => {
    const program =
      await programOf(`model N(x: [T, Measure], tags: [T] of Tag, total: [1], one: one of Tag, b: [B] of Char, size H = 4, unit: cell = gru) {
  h    = unit(x, H)
  k    = embed(one, H)
  loss = cross_entropy(linear(h, Tag), tags) + mean(mse(linear(last(h), 1), total)) + sum(k) + mean(cross_entropy(linear(embed(b, 3), Char), next(b)))
}
`);
    assert.deepEqual(
      program.faults.filter(({ severity }) => severity === 'error').map(({ message }) => message),
      [],
    );
    assert.deepEqual(inputShapes(program, { model: 'N', arguments: {} }), [
      { name: 'x', shape: ['T', 'Measure'], predicted: false, compared: false },
      { name: 'tags', shape: ['T'], classes: 'Tag', predicted: false, compared: true },
      { name: 'total', shape: [1], predicted: false, compared: true },
      { name: 'one', shape: [], classes: 'Tag', predicted: false, compared: false },
      { name: 'b', shape: ['B.2'], classes: 'Char', predicted: true, compared: false },
    ]);
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
    ['a source that is none', 'data d = «txt("a.txt")»\n', '`txt("a.txt")` is no source of data. Did you mean `text`?'],
    ['pairs without a file', 'data d = «pairs(by: word)»\n', /^pairs takes the name of a file in quotes, as in pairs\("eng-fra.tsv"/],
    [
      'pairs for a model of one sequence',
      'data d = pairs("a.tsv", by: word)\ntrain M on «d» { }\n',
      /^`pairs` gives two sequences of classes/,
    ],
    [
      'images without captions',
      'data d = «images("photographs")»\n',
      /^images needs what people wrote about them, as in captions: "captions.csv"/,
    ],
    ['two folders', 'data d = images("a", «"b"», captions: "c.csv")\n', /^images takes one folder/],
    ['a size that is none', 'data d = images("a", captions: "c.csv", size: «[1, 2, 3]»)\n', /^`size` takes the rows and columns/],
    [
      'a setting of images that is none',
      'data d = images("a", «caption»: "c.csv")\n',
      '`caption` is no setting of images. Did you mean `captions`?',
    ],
    ['a column of pairs', 'data d = pairs("a.tsv", «source»: column("a"))\n', /^`source` is no setting of pairs/],
    ['a setting of dates that is none', 'data d = dates(10, «length»: 3)\n', /^`length` is no setting of dates/],
    ['text without a file', 'data d = «text(by: char)»\n', /^text takes the name of a file in quotes/],
    ['text cut into what is none', 'data d = text("a.txt", by: «line»)\n', '`by` is char, word or pieces, not `line`.'],
    ['a setting of text that is none', 'data d = text("a.txt", «bye»: char)\n', '`bye` is no setting of text. Did you mean `by`?'],
    [
      'everything held out',
      'data d = text("a.txt", validation: «1»)\n',
      '`validation` takes a share from 0 below 1, or a number of examples, not `1`.',
    ],
    ['a teacher of a running text', 'train M on book { teacher: «0.9» }\n', /^`teacher` is for rows that are predicted/],
    [
      'a teacher that is none',
      'data r = repeating(9)\ntrain M on r { teacher: «ramp(1, 0.7)» }\n',
      /^`teacher` is ramp\(1, 0\.7, epochs: 5\)/,
    ],
    [
      'a teacher that says more than the truth',
      'data r = repeating(9)\ntrain M on r { teacher: ramp(1, «1.5», epochs: 2) }\n',
      'The probability of the truth is at most 1.',
    ],
    ['a metric that is none', 'train M on book { report: «acuracy» }\n', /^`acuracy` is nothing to report\. .* Did you mean `accuracy`\?$/],
    ['a metric of rows for a running text', 'train M on book { report: [bits, «bleu»] }\n', /^`bleu` compares rows that a model writes/],
    [
      'a metric that the loss does not allow',
      'train M on book { report: [accuracy, «rmse»] }\n',
      "`rmse` needs a loss of mse, mae or huber; this model's is cross_entropy.",
    ],
    ['a stop that is none', 'train M on book { stop: «early» }\n', /^`stop` is plateau\(patience: 5\)/],
    [
      'a schedule that is none',
      'train M on book { optimizer: adam(«cosin(0.1)») }\n',
      /^`cosin` is no way in which a rate changes.* `cosine`\?$/,
    ],
    [
      'a schedule without a rate',
      'train M on book { optimizer: adam(«cosine(warmup: 5)») }\n',
      'cosine takes the rate that it begins with, as in cosine(0.001).',
    ],
    [
      'a setting of a schedule that is none',
      'train M on book { optimizer: adam(cosine(0.1, «every: 5»)) }\n',
      'cosine takes a rate, and `warmup:` and `end:`.',
    ],
    ['a frozen number', 'train M on book { freeze: [h, «5»] }\n', '`freeze` takes names of lines, as in freeze: [encoder], not `5`.'],
    [
      'a cell of a list that is none',
      'train M(unit: [lstm, «grus»]) on book { }\n',
      '`unit` takes the name of a cell, and nothing is called `grus`.',
    ],
    ['a task with a setting of another', 'data d = adding(«delay»: 10)\n', /^`delay` is no setting of adding\./],
    ['a task with a length of words', 'data d = adding(length: «long»)\n', '`length` takes a whole number from 2, not `long`.'],
    ['a task from long to short', 'data d = adding(length: «[50, 10]»)\n', /^`length` takes a number, or the least and the most/],
    [
      'a table without a file',
      'data d = «table(by: char)»\n',
      /^table takes the name of a file in quotes, as in table\("names.csv", by: char\)\.$/,
    ],
    ['arrays of a table', 'data d = arrays(«"a.csv"»)\n', 'arrays reads a .npz or .npy file, not "a.csv".'],
    ['a column without quotes', 'data d = table("a.csv", x: «column(name)»)\n', /^column takes the name of one column in quotes/],
    [
      'what follows in a table',
      'data d = table("a.csv", x: «following("a", 2)»)\n',
      '`following` looks ahead in time: it is for series(...).',
    ],
    ['following without a number', 'data d = series("a.csv", x: «following("a")»)\n', /^following takes a column and how many values/],
    [
      'shares that are not one',
      'data d = table("a.csv", split: «[0.5, 0.2, 0.1]»)\n',
      /^`split` takes the shares of training, validation and test, which make 1/,
    ],
    ['pieces of a word', 'data d = text("a.txt", by: pieces(«many»))\n', 'The number of pieces takes a whole number from 2, not `many`.'],
    ['data given twice', 'data «book» = text("b.txt", by: char)\n', 'Data `book` is given twice.'],
    ['a beam without a width', 'generate M { search: «beam(penalty: 0.6)» }\n', /^beam takes how many beginnings are kept/],
    ['a beam of nothing', 'generate M { search: beam(«0») }\n', 'The width of a beam takes a whole number from 1, not `0`.'],
    ['a setting of a beam that is none', 'generate M { search: beam(5, «length: 2») }\n', /^beam takes its width and `penalty:`/],
    ['a search that is none', 'generate M { search: «best» }\n', /^`search` is greedy, beam\(5, penalty: 0\.6\) or sample/],
    ['a copy of no line', 'generate M { unknown: «copy» }\n', /^`unknown` is copy\(decoder\.weights\)/],
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
