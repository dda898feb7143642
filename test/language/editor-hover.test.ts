// What is said of a name under the mouse. `|` stands in the name.

import assert from 'node:assert/strict';
import { hover } from '../../src/language/lsp/hover.ts';
import { programAt } from './editor-places.ts';

const said = async (text: string): Promise<string> => {
  const [program, position] = await programAt(text);
  const found = hover(program, position);
  return found !== undefined && typeof found.contents === 'object' && 'value' in found.contents ? found.contents.value : '';
};

const writer = (line: string, train = 'epochs: 5', data = 'text("book.txt", by: char)'): string =>
  `model W(input: [T] of Char) {\n  x = embed(input, 64)\n${line}\n  loss = cross_entropy(linear(h, Char), next(input))\n}\ndata book = ${data}\ntrain W on book { ${train} }\n`;

const cases: readonly (readonly [title: string, text: string, ...says: RegExp[]])[] = [
  // 4 x (128 x 64 + 128 x 128 + 128) = 98,816
  [
    'parameters and their memory',
    writer('  h| = lstm(x, 128)'),
    /h: \[T, 128\]/,
    /\*\*98,816 parameters\*\*: 386 KiB, 1\.1 MiB with the moments of Adam/,
  ],
  [
    'parameters by their shape',
    writer('  h| = lstm(x, 128)'),
    /`W_f` `W_i` `W_g` `W_o` \[128, 64\]: 32,768/,
    /`b_f` `b_i` `b_g` `b_o` \[128\]: 512/,
  ],
  [
    'without sharing, over the window',
    writer('  h| = lstm(x, 128)', 'window: 50'),
    /unrolled over T = 50 steps without sharing has 50 × 98,816 = 4,940,800/,
  ],
  ['without sharing, over a length that is not known', 'model M(x: [T, 2]) {\n  h| = rnn(x, 3)\n}\n', /T × 18: 1,800 for 100 steps/],
  ['without sharing, over a length that is written', 'model M(x: [28, 2]) {\n  h| = rnn(x, 3)\n}\n', /28 × 18 = 504/],
  ['the optimizer’s memory', writer('  h| = lstm(x, 128)', 'optimizer: rmsprop(0.01)'), /772 KiB with the moments of RMSProp/],
  ['an optimizer that keeps nothing', writer('  h| = lstm(x, 128)', 'optimizer: sgd(0.01)'), /parameters\*\*: 386 KiB\./],
  // six lines of 128 numbers, 64 steps, 32 rows, 4 bytes
  ['values of a training step', writer('  h| = lstm(x, 128)'), /about 6\.0 MiB \(batch 32, T = 64\)/],
  ['a layer without a state shares nothing over time', writer('  h| = linear(x, 8)'), /520 parameters(?![\s\S]*without sharing)/],
  ['a vocabulary that is not known yet', writer('  h = lstm(x, 8)\n  y| = linear(h, Char)'), /depends on the vocabulary/],
  [
    'a model with all its parameters',
    'mod|el M(x: [T, 2]) {\n  h = rnn(x, 3)\n}\n'.replace('mod|el M', 'model M|'),
    /model M\(x: \[T, 2\]\)/,
    /\*\*18 parameters\*\*/,
  ],
  [
    'a cell of the library: formula and source',
    'model M(x: [T, 2]) {\n  h = gr|u(x, 3)\n}\n',
    /cell gru\(x: \[I\], size H\)/,
    /PyTorch, Keras 2 and cuDNN/,
    /h' = \(1 - z\) \* n \+ z \* h/,
  ],
  [
    'a field of a library cell: its equation',
    'model M(x: [T, 2]) {\n  h = lstm(x, 3)\n  y = h.f|\n}\n',
    /f: \[T, 3\]\nf = sigmoid\(W_f @ x/,
    /forget gate/,
    /step after step/,
  ],
  [
    'a line that is the same at each step',
    'cell a(x: [I], keys: [S, K]) {\n  param U: [K, K]\n\n  p| = keys @ U\n  y = sum(p) * x\n}\n',
    /p: \[S, K\]/,
  ],
  [
    'a parameter and how it starts',
    'cell a(x: [I], size H) {\n  param W|: [H, I] = orthogonal\n\n  y = W @ x\n}\n',
    /param W: \[H, I\] = orthogonal/,
    /all steps share it/,
    /random rotation/,
  ],
  ['a state', "cell a(x: [I]) {\n  state h|: [I]\n\n  h' = x + h\n}\n", /state h: \[I\]/, /starts at 0/],
  ['an input of a model', writer('  h = lstm(x, 8)').replace('input:', 'in|put:'), /input: \[T\] of Char/, /from the data/],
  [
    'a vocabulary',
    writer('  h = lstm(x, 8)').replace('Char)', 'Ch|ar)'),
    /vocabulary of `input`/,
    /data `book`, text\("book\.txt", by: char\)/,
  ],
  ['a length that data binds', writer('  h = lstm(x, 8)').replace('[T]', '[T|]'), /length that data binds: of `input`/],
  [
    'a dimension of a cell, at each use',
    'cell a(x: [I], size H|) {\n  y = linear(x, H)\n}\nmodel M(x: [T, 2]) {\n  p = a(x, 3)\n  q = a(x, 4)\n}\n',
    /size H/,
    /Here it is 3 in `p`, 4 in `q`/,
  ],
  ['a setting with what holds without it', 'train M on d { bat|ch: 3 }\n', /batch: 32/, /Without it: 32/],
  ['a setting of data', 'data d = text("a.txt", lo|wer: true)\n', /Capital letters/, /Without it: false/],
  ['a source', 'data d = tab|le("a.csv")\n', /table\(/],
  [
    'data, and what is held out',
    `${writer('  h = lstm(x, 8)', 'epochs: 1', 'text("a.txt", test: 0.2)').replace('on book', 'on bo|ok')}`,
    /Held out: 10 % for validation, 20 % for the test/,
  ],
  ['an optimizer', 'train M on d { optimizer: ada|m(0.1) }\n', /Kingma & Ba/],
  ['a metric', 'train M on d { report: [perplex|ity] }\n', /equally likely classes/],
  ['a schedule’s argument', 'train M on d { optimizer: adam(cosine(0.1, war|mup: 3)) }\n', /Steps in which the rate rises/],
  ['an argument of every call', 'model M(x: [T, 2]) {\n  h = lstm(x, 3, lay|ers: 2)\n}\n', /in series/],
  ['the transpose', 'cell a(x: [I]) {\n  param W: [I, I]\n\n  y = W.T| @ x\n}\n', /transpose/],
  ['the step', 'cell a(x: [I]) {\n  y = x * t|\n}\n', /number of the step/],
];

describe('hover', () => {
  for (const [title, text, ...says] of cases)
    it(title, async () => {
      const found = await said(text);
      for (const each of says) assert.match(found, each);
    });
  it('cells of a used file, on its name', async () => {
    const [program, position] = await programAt('use "cel|ls.rnn"\n', { 'cells.rnn': 'cell a(x: [I]) {\n  y = x\n}\n' });
    assert.match(JSON.stringify(hover(program, position)), /cell a\(x: \[I\]\)/);
  });
  it('nothing in comments, and at what has no name', async () => {
    assert.equal(await said('cell a(x: [I]) {\n  y = x // a tanh| here\n}\n'), '');
    assert.equal(await said('cell a(x: [I]) {\n  y = x |+ 1\n}\n'), '');
  });
});
