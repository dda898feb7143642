// Completion by its place, in texts as they are while one types. `|` is the cursor.

import assert from 'node:assert/strict';
import { completion } from '../../src/language/lsp/completion.ts';
import type { DataFiles } from '../../src/language/lsp/statement-completion.ts';
import { offered, placed } from './editor-places.ts';
import { programOf } from './load.ts';
import { samples } from './samples.ts';

const cell = (lines: string): string => `/// Ours.
cell mine(x: [I], size H, pace = 0.5, activation = tanh) {
  state h, c: [H]
  param W: [H, I], U: [H, H], b: [H]

${lines}
}
`;
const model = (lines: string): string => `${cell("  c' = c\n  h' = tanh(W @ x + U @ h)")}
model M(input: [T] of Char, tag: one of Tag, unit: cell = lstm) {
  x = embed(input, 64)
${lines}
}
`;

/** What comes first, what is there at all, and what is not. */
interface Case {
  readonly first?: readonly string[];
  readonly has?: readonly string[];
  readonly lacks?: readonly string[];
}

const cases: readonly (readonly [title: string, text: string, expected: Case])[] = [
  [
    'a new line of a cell: next values that are missing',
    cell('  |'),
    { first: ["c' =", "h' ="], has: ['state', 'param'], lacks: ['tanh', 'W'] },
  ],
  ['a new line: only those that are missing', cell("  c' = c\n  h|"), { first: ["h' ="], lacks: ["c' ="] }],
  ['a new line of a model without a loss', model('  logits = linear(last(lstm(x, 8)), Tag)\n  |'), { first: ['loss ='], lacks: ['state'] }],
  [
    'behind an equals sign: lines above, the nearest first',
    cell('  f = W @ x\n  g = U @ h\n  k = |'),
    { first: ['g', 'f'], has: ['h', 'W', 'lstm', 'mine', 'sigmoid', 'H'] },
  ],
  ['not what is given below', cell('  f = |\n  g = U @ h'), { lacks: ['g'] }],
  ['behind @: what the product can take', cell('  f = W @ |'), { first: ['x'], has: ['h'] }],
  ['behind @: of the state’s matrix the state', cell('  f = U @ h\n  g = U @ |'), { first: ['f', 'h', 'c'] }],
  ['behind @ in the middle of a line', cell("  f = tanh(W @ | + U @ h)\n  h' = f"), { first: ['x'] }],
  ['in a shape: dimensions', cell('  z: [|'), { first: ['H', 'I'], lacks: ['tanh', 'x'] }],
  ['in the shape of a parameter', cell('  param V: [H, |'), { first: ['H', 'I'], lacks: ['lstm'] }],
  ['behind the colon of a state', cell('  state s: |'), { first: ['[ ]'], has: ['lstm', 'gru'], lacks: ['linear'] }],
  [
    'starts of a parameter',
    cell('  param V: [H, I] = |'),
    { first: ['uniform', 'normal', 'glorot'], has: ['orthogonal', 'chrono', 'H'], lacks: ['tanh'] },
  ],
  [
    'fields of a run: states, lines, parameters',
    model('  h = lstm(x, 8)\n  y = h.|'),
    { first: ['c', 'h', 'f'], has: ['W_f'], lacks: ['tanh', 'T'] },
  ],
  ['fields of a line of a run', model('  h = bidirectional(lstm, x, 8)\n  y = h.forward.|'), { has: ['c', 'f', 'o'] }],
  ['fields behind a name that is being typed', model('  h = lstm(x, 8)\n  y = tanh(h.W|) + 1'), { has: ['W_f'] }],
  ['a matrix has its transpose', cell('  z = W.|'), { first: ['T'] }],
  ['a vector has no fields', cell('  z = x.|'), { lacks: ['T', 'x'] }],
  ['nothing in a number', cell('  z = 0.|'), { lacks: ['T'] }],
  ['inputs of a cell: what it declares first', model('  y = embed(|'), { first: ['input', 'tag'] }],
  ['a size: dimensions', model('  y = lstm(x, |'), { first: ['Char', 'T', 'Tag'], has: ['layers', 'from'] }],
  ['a cell that is wanted', model('  y = bidirectional(|'), { first: ['attend'].slice(1), has: ['lstm', 'gru', 'mine'] }],
  ['arguments that are not given yet', model('  y = mine(x, 8, pace: 1, |'), { has: ['activation', 'layers', 'dropout'], lacks: ['pace'] }],
  ['values of an argument: functions', model('  y = mine(x, 8, activation: |'), { first: ['gelu', 'relu'], lacks: ['x'] }],
  ['a state to start from', model('  e = lstm(x, 8)\n  y = lstm(x, 8, from: |'), { first: ['last(e)'], lacks: ['x'] }],
  [
    'parameters of a call of the same cell',
    model('  e = lstm(x, 8)\n  g = gru(x, 8)\n  y = lstm(x, 8, weights: |'),
    { first: ['e'], lacks: ['g', 'x'] },
  ],
  ['the dimension to run over', model('  y = lstm(x, 8, over: |'), { has: ['T'], lacks: ['x', 'lstm'] }],
  ['over what a function works', model('  y = mean(x, |'), { has: ['over'] }],
  ['a call in a call', model('  y = lstm(tanh(|'), { first: ['x'] }],
  ['a call over several lines', model('  y = lstm(\n    x,\n    |'), { has: ['layers', 'T'] }],
  ['a line that goes on', model('  y = x +\n    |'), { first: ['x'], lacks: ['loss ='] }],
  ['types of inputs', 'model M(input: |', { first: ['[ ]', '[T] of'], has: ['one of', 'cell', 'number'] }],
  ['vocabularies of the file', `${model('  y = x')}\nmodel N(a: [T] of |`, { first: ['Char', 'Tag'] }],
  ['a cell as a default', 'cell a(x: [I], unit: cell = |', { has: ['lstm', 'gru'] }],
  [
    'between items: the words of the language, and what is often begun',
    `${model('  y = x')}\n|`,
    { first: ['cell', 'data', 'generate', 'model', 'train', 'use'], has: ['model that forecasts', 'cell with gates, as a GRU'] },
  ],
  ['between items, in an empty file', '|', { first: ['cell'] }],
  ['a word that is being typed between items', `${cell("  h' = h")}\nmod|`, { has: ['model'] }],
  ['a training: its model', `${model('  y = x')}\ntrain |`, { first: ['M'] }],
  ['a training: its data', `data book = text("a")\n${model('  y = x')}\ntrain M on |`, { first: ['book'], lacks: ['M'] }],
  ['a training: what the model is given', `${model('  y = x')}\ntrain M(|`, { first: ['unit'], lacks: ['input'] }],
  ['a training: cells for it', `${model('  y = x')}\ntrain M(unit: [gru, |`, { has: ['lstm', 'mine'] }],
  ['settings in the order of their use', 'train M on d {\n  |\n}', { first: ['epochs', 'steps', 'batch'] }],
  ['settings on one line', 'train M on d { epochs: 3, |', { first: ['steps'], lacks: ['epochs'] }],
  ['a setting’s value', 'generate M {\n  search: |', { first: ['beam', 'greedy', 'sample'] }],
  ['nothing in a comment', cell('  z = x // |'), { lacks: ['x'] }],
  ['nothing in a block comment', cell('  /* z = |'), { lacks: ['x'] }],
  ['the library', 'use |', { first: ['std'] }],
];

describe('completion by place', () => {
  for (const [title, text, { first = [], has = [], lacks = [] }] of cases)
    it(title, async () => {
      const found = await offered(text);
      assert.deepEqual(found.slice(0, first.length), first, found.join(' '));
      for (const label of has) assert.ok(found.includes(label), `${label} is not among ${found.join(' ')}`);
      for (const label of lacks) assert.ok(!found.includes(label), `${label} is among ${found.join(' ')}`);
    });

  const files: DataFiles = {
    list: async (below = '') => (below === '' ? ['names.csv', 'cells.rnn', 'main.rnn', 'data/'] : below === 'data/' ? ['more.csv'] : []),
    columns: async (path) =>
      path === 'names.csv'
        ? [
            { name: 'surname', kind: 'text', examples: ['Ada'] },
            { name: 'language', kind: 'category', examples: ['English'] },
          ]
        : [],
    self: 'main.rnn',
  };
  it('files to use, not the file itself', async () => assert.deepEqual(await offered('use "|"', files), ['cells.rnn', 'data/']));
  it('files in folders', async () => assert.deepEqual(await offered('data d = table("data/|")', files), ['more.csv']));
  it('columns as inputs of the model that is trained on them', async () => {
    const found = await offered('model M(|) {\n}\ndata names = table("names.csv")\ntrain M on names {\n}\n', files);
    assert.deepEqual(found.slice(0, 2), ['language', 'surname']);
  });
  it('columns have the type that their cells have', async () => {
    const { text, position } = placed('model M(s|) {\n}\ndata names = table("names.csv")\n');
    const items = await completion(await programOf(text), position, files);
    assert.deepEqual(
      items.slice(0, 2).map(({ insertText }) => insertText),
      ['surname: [T] of Char', 'language: one of Language'],
    );
  });

  it('answers at every place of every text, cut off there', async () => {
    for (const text of Object.values(samples))
      for (let at = 0; at < text.length; at += 23) {
        const { text: cut, position } = placed(`${text.slice(0, at)}|`);
        await completion(await programOf(cut), position, files);
      }
  }).timeout(60_000);
});
