// What can be done about a fault and to a text, hints at line ends, colours, and facts of files. «» marks a selection.

import assert from 'node:assert/strict';
import { refactorings, repairs } from '../../src/language/lsp/code-actions.ts';
import { diagnostics } from '../../src/language/lsp/features.ts';
import { FactsOfFiles } from '../../src/language/lsp/file-facts.ts';
import { onTypeFormatting } from '../../src/language/lsp/format.ts';
import { inlayHints } from '../../src/language/lsp/inlay-hints.ts';
import { applied } from '../../src/language/lsp/navigation.ts';
import { semanticTokens, tokenModifiers, tokenTypes } from '../../src/language/lsp/semantic-tokens.ts';
import { placed } from './editor-places.ts';
import { programOf } from './load.ts';
import { marked } from './marks.ts';

const uri = 'file:///models/main.rnn';
const everywhere = { start: { line: 0, character: 0 }, end: { line: 999, character: 0 } };

function placeOf(text: string, offset: number): { line: number; character: number } {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length - 1, character: before.at(-1)!.length };
}

/** The text after the refactoring of a title, at the selection; undefined where it is not offered. */
async function refactored(source: string, title: string): Promise<string | undefined> {
  const { text, marks } = marked(source);
  const range = { start: placeOf(text, marks[0]!.from), end: placeOf(text, marks[0]!.to) };
  const found = refactorings(await programOf(text), uri, range).find((each) => each.title === title);
  return found === undefined ? undefined : applied(text, found.edit?.changes?.[uri] ?? []);
}

describe('refactorings', () => {
  it('write out a library cell above the item that calls it', async () => {
    const after = await refactored(
      '/// Ours.\nmodel M(x: [T, 2]) {\n  h = «»irnn(x, 3)\n  loss = mse(h, linear(x, 3))\n}\n',
      'Write out the library cell here',
    );
    assert.match(
      after!,
      /^\/\/\/ Rectified network[^\n]*\ncell my_irnn\(x: \[I\], size H\) \{\n {2}state h: \[H\]\n[\s\S]*\}\n\n\/\/\/ Ours\.\nmodel M[\s\S]*h = my_irnn\(x, 3\)/,
    );
    const { faults } = await programOf(after!);
    assert.deepEqual(faults, []);
  });
  it('do not write out what is no cell of the library', async () => {
    assert.equal(await refactored('cell a(x: [I]) {\n  y = «»tanh(x)\n}\n', 'Write out the library cell here'), undefined);
  });
  it('name an expression, and align its block', async () => {
    const after = await refactored('cell a(x: [I]) {\n  f = x\n  longer = 2 * «tanh(f + x)» + 1\n}\n', 'Name this expression');
    assert.equal(after, 'cell a(x: [I]) {\n  f      = x\n  part   = tanh(f + x)\n  longer = 2 * part + 1\n}\n');
  });
  it('name an expression with a name that is free', async () => {
    const after = await refactored('cell a(x: [I]) {\n  part = x\n  y = part * «(x + 1)»\n}\n', 'Name this expression');
    assert.match(after!, /part_2 = \(x \+ 1\)\n {2}y {6}= part \* part_2/);
  });
  it('name no half of an expression, and no whole line', async () => {
    assert.equal(await refactored('cell a(x: [I]) {\n  y = x * «x + 1»\n}\n', 'Name this expression'), undefined);
    assert.equal(await refactored('cell a(x: [I]) {\n  y = «x + 1»\n}\n', 'Name this expression'), undefined);
  });
  it('write the shape of a line, and of all', async () => {
    const before = 'cell a(x: [I]) {\n  f = x * 2\n  long = «»f + 1\n}\n';
    assert.equal(await refactored(before, 'Write the shape'), 'cell a(x: [I]) {\n  f         = x * 2\n  long: [I] = f + 1\n}\n');
    assert.equal(
      await refactored(before, 'Write the shapes of all lines'),
      'cell a(x: [I]) {\n  f: [I]    = x * 2\n  long: [I] = f + 1\n}\n',
    );
    assert.equal(await refactored('cell a(x: [I]) {\n  «»f: [I] = x\n}\n', 'Write the shape'), undefined);
  });
  it('align a block', async () => {
    assert.equal(
      await refactored('cell a(x: [I]) {\n  «»f = x\n  long = f\n}\n', 'Align block'),
      'cell a(x: [I]) {\n  f    = x\n  long = f\n}\n',
    );
    assert.equal(await refactored('cell a(x: [I]) {\n  «»f    = x\n  long = f\n}\n', 'Align block'), undefined);
  });
});

describe('repairs', () => {
  const cases: readonly (readonly [title: string, before: string, after: RegExp])[] = [
    ['an unknown name', 'cell a(x: [I]) {\n  y = sigmoids(x)\n}\n', /sigmoid\(x\)/],
    ['a transposed product', 'cell a(x: [I], size H) {\n  param W: [H, I]\n\n  y = x @ W\n}\n', /y = W @ x/],
    ['a missing next value', 'cell a(x: [I]) {\n  state h: [I]\n\n  y = h + x\n}\n', /h' = /],
    ['a setting’s name', 'model M(x: [T, 2]) {\n  loss = mse(x, next(x))\n}\ndata d = adding()\ntrain M on d { epoch: 3 }\n', /epochs: 3/],
  ];
  for (const [title, before, after] of cases)
    it(title, async () => {
      const actions = repairs(uri, diagnostics(await programOf(before)));
      const texts = actions.map((each) => applied(before, each.edit?.changes?.[uri] ?? []));
      assert.ok(
        texts.some((text) => after.test(text)),
        texts.join('\n---\n'),
      );
      assert.ok(actions.filter(({ isPreferred }) => isPreferred === true).length > 0);
    });
});

describe('hints', () => {
  const text =
    'cell a(x: [I], size H) {\n  f = linear(x, H)\n  y: [H] = tanh(f)\n}\nmodel M(x: [T, 2]) {\n  h = lstm(x, 3)\n  loss = mean(h) // comment\n}\n';
  const shown = async (arguments_ = false): Promise<string[]> =>
    inlayHints(await programOf(text), everywhere, { shapes: true, arguments: arguments_ }).map(
      ({ position, label }) => `${position.line}:${position.character}${label}`,
    );
  it('shapes stand at the end of lines that do not say theirs', async () =>
    assert.deepEqual(await shown(), ['1:18: [H]', '5:16: [T, 3]  ↻ T']));
  it('names of inputs, where they are asked for', async () => {
    assert.deepEqual(
      (await shown(true)).filter((each) => /\w:$/.test(each)),
      ['1:16O:', '5:14H:'],
    );
  });
  it('none where they are turned off', async () =>
    assert.deepEqual(inlayHints(await programOf(text), everywhere, { shapes: false, arguments: false }), []));
});

describe('colours', () => {
  it('every name by what it stands for', async () => {
    const text = `cell a(x: [I], unit: cell = gru, size H = 4) {
  state h: [H]
  param W: [H, I] = orthogonal

  f  = tanh(W @ x) + h.T
  h' = f + H * t
}
model M(s: [T] of Char) {
  y = linear(embed(s, over: T), Char).y
}
data d = text("a", by: char)
train M on d { optimizer: adam(0.1), freeze: [y] }
`;
    const lines = text.split('\n');
    const found = semanticTokens(await programOf(text)).map(([line, character, length, type, bits]) => {
      const modifiers = tokenModifiers.filter((_, k) => (bits & (1 << k)) !== 0);
      return `${lines[line]!.slice(character, character + length)} ${[tokenTypes[type], ...modifiers].join('.')}`;
    });
    for (const each of [
      'a class.declaration',
      'x parameter.declaration',
      'I typeParameter',
      'gru class',
      'H typeParameter.declaration',
      'h variable.declaration.state',
      'W variable.declaration.weight',
      'orthogonal enumMember.defaultLibrary',
      'tanh function.defaultLibrary',
      'W variable.weight',
      'x parameter',
      'h variable.state',
      'f variable.declaration',
      'f variable',
      't variable.defaultLibrary.readonly',
      'Char typeParameter',
      'over parameter',
      'd variable.declaration.readonly',
      'text function.defaultLibrary',
      'by parameter',
      'char enumMember',
      'M class',
      'optimizer property',
      'adam function.defaultLibrary',
      'y variable',
    ])
      assert.ok(found.includes(each), `${each} is not among\n${found.join('\n')}`);
    const part = semanticTokens(await programOf(text), { start: { line: 7, character: 0 }, end: { line: 7, character: 0 } });
    assert.deepEqual([...new Set(part.map(([line]) => line))], [7]);
  });
});

describe('what other files say', () => {
  it('files are looked at again when they have changed', async () => {
    const [x, none] = [
      { path: '/x.csv', names: [] },
      { path: '/none.csv', names: [] },
    ];
    const state = { changed: 1, columns: ['a'] };
    let looks = 0;
    const facts = new FactsOfFiles(
      async (path) => {
        if (path === '/none.csv') throw new Error('not there');
        return state.changed;
      },
      async () => {
        looks += 1;
        return state.columns.map((name) => ({ name }));
      },
      async () => ['x.csv'],
    );
    assert.equal(await facts.look([x, none]), true);
    assert.equal(await facts.look([x, none]), false);
    assert.deepEqual([facts.of(x)?.columns, facts.of(none)?.exists, looks], [['a'], false, 1]);
    Object.assign(state, { changed: 2, columns: ['a', 'b'] });
    assert.equal(await facts.look([x]), true);
    assert.deepEqual([facts.of(x)?.columns, looks], [['a', 'b'], 2]);
  });
  it('errors of a used file are told where it is used', async () => {
    const program = await programOf('use "cells.rnn"\n', { 'cells.rnn': 'cell a(x: [I]) {\n  y = zz + x\n}\n' });
    const [found] = diagnostics(program);
    assert.match(String(found!.message), /^cells\.rnn, line 2: Nothing is called `zz`/);
    assert.equal(found!.relatedInformation?.[0]?.location.range.start.line, 1);
  });
});

describe('layout while one types', () => {
  const typed = (source: string, letter: string): string => {
    const { text, position } = placed(source);
    return applied(text, onTypeFormatting(text, position, letter));
  };
  it('a brace lays out its item', () => {
    assert.equal(typed('cell a(x: [I]) {\nf = x\n   long = f\n  }|\n', '}'), 'cell a(x: [I]) {\n  f    = x\n  long = f\n}\n');
  });
  it('a new line aligns the block above, and leaves its own', () => {
    assert.equal(
      typed('cell a(x: [I]) {\n  f = x\n  long = f\n      |\n}\n', '\n'),
      'cell a(x: [I]) {\n  f    = x\n  long = f\n      \n}\n',
    );
  });
});
