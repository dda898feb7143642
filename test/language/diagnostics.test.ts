// The diagnostics of SPEC section 8, by their numbers: place and words. Those that need a data file are in test/data.

import assert from 'node:assert/strict';
import { repairs as codeActions } from '../../src/language/lsp/code-actions.ts';
import { diagnostics } from '../../src/language/lsp/features.ts';
import { programOf } from './load.ts';
import { assertFaults, marked, offsetOf } from './marks.ts';

type Case = readonly [number: number, title: string, text: string, message: string, others?: Readonly<Record<string, string>>];

const cell = (lines: string, header = 'x: [I], size H'): string => `cell c(${header}) {\n${lines}\n}\n`;
const model = (lines: string, inputs = 'x: [T, 4]'): string => `model M(${inputs}) {\n${lines}\n}\n`;
const trained = 'model M(input: [T] of Char) {\n  h = rnn(embed(input, 4), 8)\n  loss = cross_entropy(linear(h, Char), next(input))\n}\n';

const cases: readonly Case[] = [
  [
    1,
    'sizes that differ',
    cell('  param W_f: [H, I]\n  y = «W_f @ x»', 'x: [E], i: [I], size H'),
    '`W_f @ x`: W_f is [H, I] and x is [E]: I and E are different sizes. Write W_f: [H, E]?',
  ],
  [
    2,
    'a vector before its matrix',
    cell('  param W: [H, I]\n  y = «x @ W»'),
    '`x @ W`: x is [I], W is [H, I]: I meets H. Did you mean `W @ x`?',
  ],
  [
    3,
    'no order in common',
    cell('  y = «scores + h»', 'scores: [S], h: [H]'),
    '`scores + h`: [S] and [H] have no order in common. For every pair of both: outer(scores, h).',
  ],
  [
    4,
    'a join of different ranks',
    cell('  weights = softmax(source @ q)\n  context = weights * source\n  z = «[y; context]»', 'y: [E], q: [K], source: [S, K]'),
    '`[y; context]`: [E] and [S, K] cannot be joined: context has the dimension S besides. `weights @ source` has none.',
  ],
  [
    5,
    'classes where numbers are wanted',
    model('  e = embed(input, 8)\n  y = e @ «input»', 'input: [T] of Char'),
    '`e @ input`: input holds classes of Char, not numbers. embed(input, 64) makes vectors of them.',
  ],
  [
    6,
    'two dimensions of time',
    model('  h = «lstm(image, 8)»', 'image: [3, 64, 64]'),
    'lstm takes x: [I], one step; `image` is [3, 64, 64], two dimensions too many to run over. Which one is time?',
  ],
  [
    7,
    'no next value',
    cell("  state h, «c»: [H]\n  param W: [H, I]\n  h' = W @ x + c"),
    "`state c` is never given its next value: a line `c' = ...` is missing.",
  ],
  [
    8,
    'a next value above its line',
    cell("  state h, c: [H]\n  param W: [H, I]\n  h' = tanh(«c'»)\n  c' = W @ x"),
    "`c'` is used above its line. Its value before the step is `c`.",
  ],
  [9, 'an unknown name', cell('  y = «sigmoids»(x)'), 'Nothing is called `sigmoids`. Did you mean `sigmoid`?'],
  [10, 'a name given twice', cell('  f = tanh(x)\n  «f = x»\n  y = f'), '`f` is given twice: first in line 2.'],
  [
    11,
    'a state hidden',
    cell("  state h: [H]\n  param W: [H, I]\n  «h = tanh(W @ x)»\n  h' = h"),
    "`h = tanh(...)`: h is a state, and this would hide it. For the next value write h'.",
  ],
  [
    12,
    'a start that differs from step to step',
    cell("  g = W @ x\n  state s: [H] = «tanh(g)»\n  s' = s + g", 'x: [I], W: [H, I]'),
    'The initial value of `s` uses g, which is different at each step.',
  ],
  [13, 'a size that is not told', model('  h = «gru(x)»'), '`size H` is not told by the arguments: gru(x) needs it, as in gru(x, 128).'],
  [
    14,
    'two sizes',
    model('  a = gru(x, 256)\n  s = last(a)\n  h = gru(x, 128, from: «s»)'),
    'H is 256 by `from: s` and 128 by the argument.',
  ],
  [
    15,
    'a state of another cell',
    model('  encoder = gru(x, 8)\n  h = lstm(x, 8, from: «last(encoder)»)'),
    '`from: last(encoder)`: encoder is a gru with the state h; lstm needs h and c.',
  ],
  [
    15,
    'a state of two layers',
    model('  encoder = lstm(x, 8, layers: 2)\n  h = lstm(x, 8, from: «last(encoder)»)'),
    '`from: last(encoder)`: encoder has 2 layers, one is needed: `last(encoder[1])`.',
  ],
  [16, 'an input that is not there', model('  h = lstm(x, 8, «layer: 2»)'), 'lstm has no input `layer`. Did you mean `layers`?'],
  [
    17,
    'weights of another shape',
    model('  x = embed(u, 128)\n  h = embed(v, 128, weights: «x»)', 'u: [T] of English, v: [T] of French'),
    '`weights: x`: x is embed with table [English, 128]; here it would be [French, 128].',
  ],
  [
    18,
    'a gate before the step',
    cell("  state s: lstm(H)\n  y = «s.f»\n  s' = lstm(x, from: s)"),
    "`s.f`: f is no state of lstm; it is known only after the step, as a field of s'.",
  ],
  [
    19,
    'the future',
    model(
      '  x = embed(target, 8)\n  first_line = x\n  encoder = «bidirectional(lstm, first_line, 8)»\n  logits = linear(encoder, Char)\n  loss = cross_entropy(logits, next(target))',
      'target: [T] of Char',
    ),
    '`logits` sees the future of `target`: encoder reads it in both directions (line 4), and `next(target)` is what is predicted.',
  ],
  [
    20,
    'no loss',
    'model «Tagger»(words: [T] of Word, tags: [T] of Tag) {\n  h = gru(embed(words, 8), 8)\n  logits = linear(h, Tag)\n}\n',
    'Model Tagger has no line `loss`: it runs, but cannot be trained. Add cross_entropy(logits, tags)?',
  ],
  [
    21,
    'scores of other classes',
    model('  scores = linear(embed(words, 8), Tag)\n  loss = «cross_entropy(scores, words)»', 'words: [T] of Word, tags: [T] of Tag'),
    'cross_entropy compares scores [T, Tag] with classes [T] of Word: they are of Tag and of Word.',
  ],
  [
    24,
    'a setting that is none',
    `${trained}data d = text("a.txt", by: char)\ntrain M on d { «epoch»: 5 }\n`,
    '`epoch` is no setting of train. Did you mean `epochs`?',
  ],
  [
    26,
    'a line for nothing',
    cell('  «g = tanh(x)»\n  y = x', 'x: [I]'),
    "Line `g` is used by nothing after it. Only the last line is the cell's value.",
  ],
  [
    27,
    'the state of what has none',
    cell("  state s: «unit(H)»\n  s' = x", 'unit: cell = linear, x: [H], size H'),
    '`unit(H)`: linear has no state.',
  ],
  [28, 'files that use each other', '«use "cells.rnn"»\n', 'cells.rnn uses this file, which uses it.', { 'cells.rnn': 'use "main.rnn"\n' }],
];

describe('diagnostics of the language', () => {
  for (const [number, title, source, message, others] of cases)
    it(`${number}. ${title}`, async () => {
      const { text, marks } = marked(source);
      const { faults } = await programOf(text, others);
      const told = faults.filter(({ code }) => number === 20 || code !== 'no-loss');
      assertFaults({ text, marks }, told, [message]);
    });
});

/** The text with the first repair of its first diagnostic of a kind. */
async function repaired(text: string, code: string): Promise<string> {
  const given = diagnostics(await programOf(text)).filter((each) => each.code === code);
  const [action] = codeActions('file:///main.rnn', given.slice(0, 1));
  assert.ok(action, `${code} has a repair`);
  const edits = action.edit?.changes?.['file:///main.rnn'] ?? [];
  const placed = edits.map(({ range: { start, end }, newText }) => ({
    from: offsetOf(text, { line: start.line, column: start.character }),
    to: offsetOf(text, { line: end.line, column: end.character }),
    newText,
  }));
  return placed.sort((a, b) => b.from - a.from).reduce((all, { from, to, newText }) => all.slice(0, from) + newText + all.slice(to), text);
}

describe('repairs', () => {
  const tagger = 'model Tagger(words: [T] of Word, tags: [T] of Tag) {\n  h = gru(embed(words, 8), 8)\n';
  const repairs: readonly (readonly [title: string, code: string, before: string, after: string])[] = [
    [
      'a missing next value stands before the cell’s value',
      'no-next',
      cell("  state h, c: [H]\n  param W: [H, I]\n  h' = W @ x + c"),
      cell("  state h, c: [H]\n  param W: [H, I]\n  c' = c\n  h' = W @ x + c"),
    ],
    [
      'a missing next value where all is on one line',
      'no-next',
      "cell c(x: [H]) { state h, c: [H]\n  h' = x + c }\n",
      "cell c(x: [H]) { state h, c: [H]\n  c' = c\n  h' = x + c }\n",
    ],
    [
      'the loss against classes',
      'no-loss',
      `${tagger}  logits = linear(h, Tag) // scores\n}\n`,
      `${tagger}  logits = linear(h, Tag) // scores\n  loss = cross_entropy(logits, tags)\n}\n`,
    ],
    [
      'the loss where the brace closes the line',
      'no-loss',
      `${tagger}  logits = linear(h, Tag) }\n`,
      `${tagger}  logits = linear(h, Tag)\n  loss = cross_entropy(logits, tags)\n }\n`,
    ],
    [
      'the loss of what is predicted',
      'no-loss',
      model('  h = gru(embed(input, 8), 8)\n  y = linear(h, Char)', 'input: [T] of Char'),
      model('  h = gru(embed(input, 8), 8)\n  y = linear(h, Char)\n  loss = cross_entropy(y, next(input))', 'input: [T] of Char'),
    ],
    [
      'the loss of numbers',
      'no-loss',
      model('  h = gru(a, 8)\n  y = linear(h, 3)', 'a: [T, 4], b: [T, 3]'),
      model('  h = gru(a, 8)\n  y = linear(h, 3)\n  loss = mse(y, b)', 'a: [T, 4], b: [T, 3]'),
    ],
    [
      'a state of the top layer',
      'from',
      model('  e = lstm(x, 8, layers: 2)\n  h = lstm(x, 8, from: last(e))\n  loss = mean(h)'),
      model('  e = lstm(x, 8, layers: 2)\n  h = lstm(x, 8, from: last(e[1]))\n  loss = mean(h)'),
    ],
    [
      'an option of a call',
      'argument',
      model('  h = lstm(x, 8, layer: 2)\n  loss = mean(h)'),
      model('  h = lstm(x, 8, layers: 2)\n  loss = mean(h)'),
    ],
  ];
  for (const [title, code, before, after] of repairs)
    it(title, async () => {
      const text = await repaired(before, code);
      assert.equal(text, after);
      assert.deepEqual((await programOf(text)).faults, []);
    });
});
