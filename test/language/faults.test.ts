// What is said of models that cannot be: place and message of every diagnostic.

import assert from 'node:assert/strict';
import { programOf } from './load.ts';
import { assertFaults, marked } from './marks.ts';

type Case = readonly [title: string, text: string, ...messages: (string | RegExp)[]];

const inCell = (lines: string, header = 'x: [I], size H'): string => `cell c(${header}) {\n${lines}\n}\n`;
const rnn = (line: string): string => inCell(`  state h: [H]\n  param W: [H, I], U: [H, H], b: [H]\n${line}`);
const model = (lines: string, inputs = 'input: [T] of Char'): string => `model M(${inputs}) {\n${lines}\n}\n`;

const cells: readonly Case[] = [
  [
    'sizes that differ',
    inCell('  param W_f: [H, I]\n  y = «W_f @ x»', 'x: [E], i: [I], size H'),
    '`W_f @ x`: W_f is [H, I] and x is [E]: I and E are different sizes. Write W_f: [H, E]?',
  ],
  [
    'a vector before its matrix',
    inCell('  param W: [H, I]\n  y = «x @ W»'),
    '`x @ W`: x is [I], W is [H, I]: I meets H. Did you mean `W @ x`?',
  ],
  [
    'no order in common',
    inCell('  y = «scores + h»', 'scores: [S], h: [H]'),
    '`scores + h`: [S] and [H] have no order in common. For every pair of both: outer(scores, h).',
  ],
  [
    'no order in common, sizes or not',
    inCell('  param b: [A]\n  y = «x * b»', 'x: [S, K], size A'),
    '`x * b`: [S, K] and [A]: the dimensions of one must all occur, in order, in the other.',
  ],
  [
    'a join of different ranks',
    inCell('  z = «[y; context]»', 'y: [E], context: [S, K]'),
    '`[y; context]`: [E] and [S, K] cannot be joined: context has the dimension S besides.',
  ],
  ['a stack of different shapes', inCell('  z = [x, «y»]', 'x: [I], y: [K]'), 'To be stacked, all need one shape: [I] and [K].'],
  ['a product with a number', inCell('  y = «x @ 2»'), '`@` is the product of matrices, and 2 is a number: write `*`.'],
  [
    'no next value',
    inCell("  state h, «c»: [H]\n  param W: [H, I]\n  h' = W @ x + c"),
    "`state c` is never given its next value: a line `c' = ...` is missing.",
  ],
  [
    'a next value above its line',
    inCell("  state h, c: [H]\n  param W: [H, I]\n  h' = tanh(«c'»)\n  c' = W @ x"),
    "`c'` is used above its line. Its value before the step is `c`.",
  ],
  ['a name above its line', inCell('  y = «z» + x\n  z = x'), '`z` is used above the line that gives it.'],
  ['an unknown name', inCell('  y = «sigmoids»(x)'), 'Nothing is called `sigmoids`. Did you mean `sigmoid`?'],
  ['an unknown value', inCell('  y = x + «q»', 'x: [I]'), 'Nothing is called `q`.'],
  ['a prime of what is no state', inCell("  y = x\n  z = «y'» + x"), "`y` is no state, so there is no `y'`: write `y`."],
  ['given twice', inCell('  f = tanh(x)\n  «f = x»\n  y = f'), '`f` is given twice: first in line 2.'],
  [
    'a state hidden',
    rnn("  «h = tanh(W @ x)»\n  h' = h"),
    "`h = tanh(...)`: h is a state, and this would hide it. For the next value write h'.",
  ],
  [
    'a next value of no state',
    inCell("  «y' = x»\n  z = x"),
    "`y' = ...` gives a state its next value, and nothing is called y: a line `state y: [H]` is missing.",
  ],
  [
    'a dimension that is none',
    inCell('  param W: [«A», I]\n  y = W @ x'),
    "`A` is no dimension here: it stands in no input's shape and after no `size`.",
  ],
  ['a shape that is declared otherwise', inCell('  y: [H] = «x»', 'x: [I], size H'), '`y` is [H], and this is [I].'],
  ['a next value of another shape', rnn("  h' = «W.T @ h»"), "`h'` is [H], and this is [I]."],
  [
    'a start that is none',
    inCell('  param W: [H, I] = «ortogonal»\n  y = W @ x'),
    'A parameter starts from a number or one of uniform, normal, glorot, he, orthogonal, identity, chrono. Did you mean `orthogonal`?',
  ],
  ['a start with a number too many', inCell('  param W: [H, I] = «identity(3)»\n  y = W @ x'), '`identity` takes no number.'],
  ['a start without its number', inCell('  param W: [H, I] = «normal»\n  y = W @ x'), '`normal` takes one number, as in normal(0.1).'],
  [
    'a reserved input',
    inCell('  y = x', 'x: [I], «layers = 2»'),
    'Every call of a cell takes `layers:` already: an input needs another name.',
  ],
  ['no equation', 'cell «c»(x: [I]) {\n  param b: [I]\n}\n', 'Cell c has no equation: its last line is its value.'],
  [
    'an unused line',
    inCell('  «f = tanh(x)»\n  y = x', 'x: [I]'),
    "Line `f` is used by nothing after it. Only the last line is the cell's value.",
  ],
  ['a function hidden', 'cell «tanh»(x: [I]) {\n  y = x\n}\n', '`tanh` is a function of the language too; in this file it is this cell.'],
  ['a sum along what is not there', inCell('  y = sum(x, over: «H»)'), 'x is [I]: it has no dimension H to work along.'],
  ['too many values', inCell('  y = «tanh(x, x)»'), 'tanh(x) takes one value; here are 2.'],
  ['an argument that a function has not', inCell('  y = «softmax(x, along: I)»', 'x: [I]'), 'softmax has no argument `along`.'],
  ['a value that is called', inCell('  y = «x»(3)', 'x: [I]'), '`x` is a value, no cell or function: it cannot be called.'],
  ['a function as a value', inCell('  y = x + «tanh»', 'x: [I]'), '`tanh` is a function, not a value: it has to be called.'],
  ['a place that is not there', inCell('  y = x[«17»]', 'x: [4]'), 'There is no place 17: the dimension has 4, from 0.'],
  ['a range that is not there', inCell('  y = x[«2:9»]', 'x: [4]'), 'The range 2:9 does not lie within 4.'],
  ['a field of a tensor', inCell('  y = «x.f»', 'x: [I]'), '`x` is [I]: it has no fields. `.T` is the transpose.'],
  ['the transpose of a vector', inCell('  y = «x.T»', 'x: [I]'), '`.T` turns a matrix, and x is [I].'],
  ['dropout of everything', inCell('  y = dropout(x, «1»)', 'x: [I]'), /from 0 to below 1/],
  ['a word of the debugger', inCell('  y = «grad»(x)', 'x: [I]'), '`grad` is for watches and breakpoints; a model cannot use it.'],
  [
    'an image that is none',
    inCell('  param W: [O, C, 3, 3]\n  y = convolve(«x», W)', 'x: [C, Y], size O'),
    'convolve takes an image [C, Y, X], and x is [C, Y].',
  ],
  [
    'a kernel that is none',
    inCell('  param W: [O, C]\n  y = convolve(x, «W»)', 'x: [C, Y, X], size O'),
    'The kernel of convolve is [O, C, height, width], and W is [O, C].',
  ],
  [
    'a kernel of other channels',
    inCell('  param W: [C, O, 3, 5]\n  y = «convolve(x, W)»', 'x: [C, Y, X], size O'),
    '`convolve(x, W)`: x is [C, Y, X] and W is [C, O, 3, 5]: C and O are different numbers of channels. Write W: [C, C, 3, 5]?',
  ],
  [
    'a kernel made of data',
    model('  y = convolve(x, «k»)', 'x: [3, 8, 8], k: [4, 3, 3, 3]'),
    'The kernel of convolve is the same for all examples and steps, and k depends on the data.',
  ],
  [
    'half a stride',
    inCell('  param W: [O, C, 3, 3]\n  y = convolve(x, W, stride: «0.5»)', 'x: [C, Y, X], size O'),
    '`stride:` takes a whole number from 1.',
  ],
  [
    'windows of nothing',
    inCell('  y = max_pool(x, «0»)', 'x: [C, Y, X]'),
    'The side of the windows is a whole number from 1, as in max_pool(x, 2).',
  ],
  ['windows in a vector', inCell('  y = mean_pool(«x», 2)', 'x: [C]'), 'mean_pool takes an image [C, Y, X], and x is [C].'],
  ['places of a matrix', inCell('  y = places(«x»)', 'x: [Y, X]'), 'places takes an image [C, Y, X], and x is [Y, X].'],
  [
    'a state that shrinks',
    "cell a(x: [C, Y, X]) {\n  state h: [C, Y, X]\n  h' = «max_pool(h, 2)»\n}\n",
    /^`h'` is \[C, Y, X\], and this is \[C, Y \/ 2, X \/ 2\]/,
  ],
  [
    'a cell that is given twice',
    'cell a(x: [I]) {\n  y = x\n}\n«cell a(x: [I]) {\n  y = x\n}»\n',
    'Cell a is given twice: first in line 1.',
  ],
  ['a cell that calls itself', 'cell a(x: [I]) {\n  y = «a(x)»\n}\n', /calls itself/],
];

const calls: readonly Case[] = [
  [
    'classes where numbers are wanted',
    model('  h = rnn(«input», 8)'),
    '`input` holds classes of Char, not numbers. embed(input, 64) makes vectors of them.',
  ],
  ['classes in a product', model('  y = «input» * 2'), /^`input \* 2`: input holds classes of Char, not numbers\./],
  [
    'numbers where classes are wanted',
    model('  e = embed(«x», 8)', 'x: [T, 4]'),
    'embed takes token: one of V, and `x` is [T, 4]: numbers, no classes.',
  ],
  [
    'two dimensions of time',
    model('  h = «lstm(image, 8)»', 'image: [3, 64, 64]'),
    'lstm takes x: [I], one step; `image` is [3, 64, 64], two dimensions too many to run over. Which one is time?',
  ],
  ['a hint for rows', model('  h = «rnn(image, 8)»', 'image: [28, 28]'), 'rnn runs over the 28 rows of its input.'],
  [
    'a size that is not told',
    model('  h = «gru(x)»', 'x: [T, 4]'),
    '`size H` is not told by the arguments: gru(x) needs it, as in gru(x, 128).',
  ],
  [
    'two sizes',
    model('  a = gru(x, 256)\n  h = gru(x, 128, from: «last(a)»)', 'x: [T, 4]'),
    'H is 256 by `from: last(a)` and 128 by the argument.',
  ],
  [
    'a state of another cell',
    model('  encoder = gru(x, 8)\n  h = lstm(x, 8, from: «last(encoder)»)', 'x: [T, 4]'),
    '`from: last(encoder)`: encoder is a gru with the state h; lstm needs h and c.',
  ],
  [
    'a state of two layers',
    model('  encoder = lstm(x, 8, layers: 2)\n  h = lstm(x, 8, from: «last(encoder)»)', 'x: [T, 4]'),
    /encoder has 2 layers, one is needed/,
  ],
  [
    'from where there is no state',
    model('  a = gru(x, 8)\n  h = linear(x, 8, from: «last(a)»)', 'x: [T, 4]'),
    '`from:` gives linear a state to start from, and it has no state.',
  ],
  ['an input that is not there', model('  h = lstm(x, 8, «layer: 2»)', 'x: [T, 4]'), 'lstm has no input `layer`. Did you mean `layers`?'],
  ['an argument too many', model('  h = lstm(x, 8, «9»)', 'x: [T, 4]'), 'lstm(x, H) has no place for this argument.'],
  [
    'a default by place',
    model('  h = rnn(x, 8, «relu»)', 'x: [T, 4]'),
    'rnn(x, H) has no place for this argument. What has a default is named: `activation: ...`.',
  ],
  ['an argument too few', model('  h = «lstm()»', 'x: [T, 4]'), 'lstm needs `x`, as in lstm(x, 128).'],
  [
    'a size that is no number',
    model('  h = lstm(x, «x»)', 'x: [T, 4]'),
    '`H` of lstm is a size: a whole number or a dimension, and `x` is [T, 4].',
  ],
  ['a size of nothing', model('  h = lstm(x, «0»)', 'x: [T, 4]'), 'A size is a whole number from 1; `H` would be 0.'],
  ['layers of nothing', model('  h = lstm(x, 8, layers: «0»)', 'x: [T, 4]'), '`layers:` takes a whole number from 1.'],
  [
    'dropout of everything between layers',
    model('  h = lstm(x, 8, layers: 2, dropout: «1.5»)', 'x: [T, 4]'),
    '`dropout:` takes a number from 0 to below 1.',
  ],
  ['heads of nothing', model('  h = lstm(x, 8, heads: «0»)', 'x: [T, 4]'), '`heads:` takes a whole number from 1.'],
  ['a field of several heads', model('  h = lstm(x, 8, heads: 2)\n  y = «h.c»', 'x: [T, 4]'), '`h` has 2 heads: write h[0].c.'],
  ['a head that is not there', model('  h = lstm(x, 8, heads: 2)\n  y = «h[2]»', 'x: [T, 4]'), '`h` has the heads 0 to 1: write h[0].'],
  [
    'heads that are no vectors',
    'cell total(x: [I]) {\n  y = sum(x)\n}\nmodel M(x: [4]) {\n  h = total(x, heads: «2»)\n}\n',
    '`heads:` joins the values of total along their last dimension, and each is [].',
  ],
  ['a length that is none', model('  y = sinusoids(«x», 4)', 'x: [T, 4]'), '`x` has to be a dimension or a whole number.'],
  [
    'over what it does not run',
    model('  h = lstm(x, 8, over: «Char»)\n  y = input', 'x: [T, 4], input: [T] of Char'),
    'lstm runs over T, not over Char.',
  ],
  [
    'weights of another cell',
    model('  a = lstm(x, 8)\n  h = gru(x, 8, weights: «a»)', 'x: [T, 4]'),
    '`weights: a`: a is lstm; here it would be gru.',
  ],
  [
    'weights of another shape',
    model('  a = embed(u, 8)\n  h = embed(v, 8, weights: «a»)', 'u: [T] of French, v: [T] of English'),
    '`weights: a`: a is embed with table [French, 8]; here it would be [English, 8].',
  ],
  [
    'a cell that has no state',
    "cell c(x: [I], size H) {\n  state s: «linear(H)»\n  s' = linear(x, H)\n}\n",
    '`linear(H)`: linear has no state.',
  ],
  [
    'a gate of a state record',
    "cell c(x: [I], size H) {\n  state s: lstm(H)\n  y = «s.f»\n  s' = lstm(x, from: s)\n}\n",
    "`s.f`: f is no state of lstm; it is known only after the step, as a field of s'.",
  ],
  ['a field that is not there', model('  h = lstm(x, 8)\n  y = «h.q»', 'x: [T, 4]'), '`h` has no q.'],
  ['a field with a prime', model("  h = lstm(x, 8)\n  y = «h.c'»", 'x: [T, 4]'), 'A field is what it is after each step: write `h.c`.'],
  ['a layer that is not there', model('  h = lstm(x, 8, layers: 2)\n  y = «h[2]»', 'x: [T, 4]'), '`h` has the layers 0 to 1: write h[0].'],
  [
    'a cell that cannot be used so',
    'cell twice(unit: cell, x: [I], size H) {\n  y = unit(unit(x, H), H)\n}\nmodel M(x: [T, 4]) {\n  h = «twice(layer_norm, x, 8)»\n}\n',
    'twice cannot be used so (line 2): layer_norm(x) has no place for this argument.',
  ],
  [
    'scores of other classes',
    model(
      '  e = embed(words, 8)\n  scores = linear(e, Word)\n  loss = «cross_entropy(scores, tags)»',
      'words: [T] of Word, tags: [T] of Tag',
    ),
    'cross_entropy compares scores [T, Word] with classes [T] of Tag: they are of Word and of Tag.',
  ],
  [
    'classes that are numbers',
    model('  loss = cross_entropy(x, «x»)', 'x: [T, 4]'),
    /compares scores with classes, and x is \[T, 4\]: numbers\. For numbers: mse\(x, x\)/,
  ],
  ['no loss', 'model «M»(x: [T, 4]) {\n  h = lstm(x, 8)\n}\n', 'Model M has no line `loss`: it runs, but cannot be trained.'],
  [
    'the future',
    model(
      '  x = embed(input, 8)\n  h = «bidirectional(lstm, x, 8)»\n  logits = linear(h, Char)\n  loss = cross_entropy(logits, next(input))',
    ),
    '`logits` sees the future of `input`: h reads it in both directions (line 3), and `next(input)` is what is predicted.',
  ],
  [
    'the future by looking everywhere',
    model('  x = embed(input, 8)\n  h = «attend(x, x, 4)»\n  logits = linear(h, Char)\n  loss = cross_entropy(logits, next(input))'),
    /sees the future of `input`: h reads it at later steps \(line 3\)/,
  ],
  [
    'nothing of the future, where it looks back only',
    model(
      '  x = embed(input, 8)\n  h = attend(x, x, 4, causal: true)\n  logits = linear(h, Char)\n  loss = cross_entropy(logits, next(input))',
    ),
  ],
  [
    'the future by a mean',
    model('  x = embed(input, 8)\n  m = «x - mean(x, over: T)»\n  logits = linear(m, Char)\n  loss = cross_entropy(logits, next(input))'),
    /sees the future of `input`: m reads it at later steps \(line 3\)/,
  ],
];

const starts: readonly Case[] = [
  [
    'a start that is different at each step',
    "cell c(y: [E], source: [S, K], size H) {\n  state s: [H] = tanh(linear(y, H))\n  param U: [H, K]\n  s' = s + U @ first(source)\n}\nmodel M(a: [T, 3], b: [S, 4]) {\n  h = «c(a, b, 5)»\n}\n",
    'c cannot be used so (line 2): The initial value of `s` uses y, which is different at each step.',
  ],
  [
    'a start of another shape',
    inCell("  state h: [H] = «x»\n  param W: [H, I]\n  h' = h + W @ x"),
    '`h` is [H], and its initial value is [I].',
  ],
];

describe('faults of cells and models', () => {
  for (const [title, source, ...messages] of [...cells, ...calls, ...starts])
    it(title, async () => {
      const { text, marks } = marked(source);
      const { faults } = await programOf(text);
      const silent = /no line `loss`/;
      const told = messages.some((message) => silent.test(String(message)))
        ? faults
        : faults.filter(({ message }) => !silent.test(message));
      assertFaults({ text, marks }, told, messages);
    });

  it('several at once, each in its line', async () => {
    const { text, marks } = marked(
      'cell a(x: [I], size H) {\n  param W: [H, I]\n  f = W @ «q»\n  g = «tan»(x)\n  y = «x @ W»\n}\nmodel M(x: [T, 4]) {\n  h = lstm(«y», 8)\n}\n',
    );
    const { faults } = await programOf(text);
    const errors = faults.filter(({ severity }) => severity === 'error');
    assertFaults({ text, marks }, errors, [/`q`/, /`tan`.*`tanh`/, /Did you mean `W @ x`/, /`y`/]);
  });

  it('what is wrong with a cell is not said again of its uses', async () => {
    const { text, marks } = marked(
      'cell a(x: [I], size H) {\n  y = «q» + x\n}\nmodel M(x: [T, 4], y: [T, 4]) {\n  h = a(x, 4)\n  loss = mse(h, y)\n}\n',
    );
    assertFaults({ text, marks }, (await programOf(text)).faults, [/`q`/]);
  });
});

describe('files that use others', () => {
  const mine = "cell mine(x: [I], size H) {\n  state h: [H]\n  param W: [H, I]\n  h' = tanh(W @ x) + h\n}\n";
  it('have their cells', async () => {
    const program = await programOf('use "cells.rnn"\nmodel M(x: [T, 4], y: [T, 8]) {\n  h = mine(x, 8)\n  loss = mse(h, y)\n}\n', {
      'cells.rnn': mine,
    });
    assert.deepEqual(program.faults, []);
  });
  it('hear what is wrong with them, there', async () => {
    const program = await programOf('use "cells.rnn"\n', { 'cells.rnn': mine.replace('+ h', '+ q') });
    assert.deepEqual(
      program.faults.map(({ range, message }) => [range.uri, range.start.line, message]),
      [['/models/cells.rnn', 3, 'Nothing is called `q`.']],
    );
  });
  const cases: readonly (readonly [title: string, text: string, others: Record<string, string>, message: RegExp])[] = [
    ['cannot use what is not there', '«use "nothing.rnn"»\n', {}, /^nothing\.rnn cannot be read/],
    ['cannot use themselves', '«use "main.rnn"»\n', {}, /^A file does not use itself/],
    [
      'cannot use models',
      '«use "other.rnn"»\n',
      { 'other.rnn': 'model M(x: [T, 4], y: [T, 4]) {\n  loss = mse(x, y)\n}\n' },
      /holds the model M/,
    ],
    ['have one library', '«use kit 2»\n', {}, /no library `kit`/],
    ['have one edition', '«use std 7»\n', {}, /knows edition 1/],
  ];
  for (const [title, source, others, message] of cases)
    it(title, async () => {
      const { text, marks } = marked(source);
      assertFaults({ text, marks }, (await programOf(text, others)).faults, [message]);
    });
  it('cannot use each other', async () => {
    const program = await programOf('use "a.rnn"\n', { 'a.rnn': 'use "main.rnn"\n' });
    assert.deepEqual(
      program.faults.map(({ range, message }) => [range.uri, message]),
      [['/models/main.rnn', 'a.rnn uses this file, which uses it.']],
    );
  });
});
