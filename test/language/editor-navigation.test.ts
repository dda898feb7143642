// From a name to everything of that name, across files, and giving it another. `|` is the cursor; «» marks what is to be found.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { selectionRanges, symbols, workspaceSymbols } from '../../src/language/lsp/features.ts';
import { applied, definition, highlights, references, rename, renameRange, type Users } from '../../src/language/lsp/navigation.ts';
import { Workspace } from '../../src/language/lsp/workspace.ts';
import type { Program } from '../../src/language/program.ts';
import { placed, programAt } from './editor-places.ts';
import { offsetOf } from './marks.ts';

type Files = Readonly<Record<string, string>>;

/** The files of a folder as an editor has them open, the first in hand. */
async function opened(files: Files): Promise<{ program: Program; users: Users; workspace: Workspace }> {
  const shown = Object.entries(files).map(([name, text]) => ({ path: `/models/${name}`, text, version: 1 }));
  const workspace = new Workspace(() => shown, { read: (path) => readFile(path, 'utf8'), sources: async () => [] });
  return { program: (await workspace.program(shown[0]!.path))!, users: (path) => workspace.users(path), workspace };
}

/** Files without their marks, and the marked places as `name:offset`. */
function unmarked(files: Files): { texts: Files; position: { line: number; character: number }; places: string[] } {
  const texts: Record<string, string> = {};
  const places: string[] = [];
  let position = { line: 0, character: 0 };
  for (const [name, marked] of Object.entries(files)) {
    const bare = marked.replace(/[«»]/g, '');
    if (bare.includes('|')) position = placed(bare).position;
    texts[name] = bare.replace('|', '');
    let at = 0;
    for (const letter of marked.replace('|', '')) {
      if (letter === '«') places.push(`${name}:${at}`);
      if (letter !== '«' && letter !== '»') at += 1;
    }
  }
  return { texts, position, places: places.sort() };
}

const cellFile = (name: string): string => `cell ${name}(x: [I], size H) {
  state h: [H]
  param W: [H, I]

  f  = sigmoid(W @ x)
  h' = f * h
}
`;

describe('references across files', () => {
  const cases: readonly (readonly [title: string, files: Files])[] = [
    [
      'a state, its next value and its fields',
      { 'main.rnn': "cell a(x: [I]) {\n  state «h|»: [I]\n\n  «h»' = x + «h»\n}\ncell b(x: [I]) {\n  y = a(x).«h» + a(x)\n}\n" },
    ],
    [
      'a state of the same name in another cell is another',
      { 'main.rnn': "cell a(x: [I]) {\n  state «h»: [I]\n\n  «h|»' = x\n}\ncell b(x: [I]) {\n  state h: [I]\n\n  h' = h + x\n}\n" },
    ],
    ['a dimension', { 'main.rnn': 'cell a(x: [«I|»], z: [«I», K]) {\n  param W: [K, «I»]\n\n  y = x + W @ z / sqrt(«I»)\n}\n' }],
    [
      'a vocabulary',
      {
        'main.rnn': 'model M(a: [T] of «Char», b: [T] of «Char») {\n  y = linear(embed(a, 8), «Ch|ar»)\n  loss = cross_entropy(y, b)\n}\n',
      },
    ],
    [
      'a cell, from where it is used',
      {
        'main.rnn':
          'use "cells.rnn"\nmodel M(x: [T, 3]) {\n  y = «mi|ne»(x, 4)\n  z = bidirectional(«mine», x, 4)\n}\ntrain M on d { epochs: 1 }\n',
        'cells.rnn': cellFile('«mine»'),
        'third.rnn': 'use "cells.rnn"\ncell c(x: [I]) {\n  state s: «mine»(4)\n\n  s\' = «mine»(x, from: s)\n}\n',
        'other.rnn': 'cell mine(x: [I]) {\n  y = x\n}\n',
      },
    ],
    [
      'a line of a cell, from a field in another file',
      {
        'main.rnn': 'use "cells.rnn"\nmodel M(x: [T, 3]) {\n  h = mine(x, 4)\n  y = h.«f|» + h.«f»\n}\n',
        'cells.rnn': cellFile('mine').replace('  f  =', '  «f»  =').replace('= f *', '= «f» *'),
      },
    ],
    [
      'a model, its trainings and what it writes',
      { 'main.rnn': 'model «M|»(x: [T, 2]) {\n  loss = mse(x, next(x))\n}\ntrain «M» on d { steps: 1 }\ngenerate «M» { length: 3 }\n' },
    ],
    [
      'a frozen line',
      { 'main.rnn': 'model M(x: [T, 2]) {\n  «enc|» = gru(x, 2)\n  loss = mse(«enc», next(x))\n}\ntrain M on d { freeze: [«enc»] }\n' },
    ],
    [
      'an input that is given by name',
      { 'main.rnn': 'cell a(x: [I], «pace|» = 1) {\n  y = x * «pace»\n}\ncell b(x: [I]) {\n  y = a(x, «pace»: 2)\n}\n' },
    ],
    [
      'an input that a training gives',
      {
        'main.rnn':
          'model M(x: [T, 2], «unit|»: cell = gru) {\n  h = «unit»(x, 2)\n  loss = mse(h, next(x))\n}\ntrain M(«unit»: lstm) on d { steps: 1 }\n',
      },
    ],
    [
      'an input that data binds',
      {
        'main.rnn':
          'model M(«past|»: [T, 2]) {\n  loss = mse(«past», next(«past»))\n}\ndata d = series("a.csv", «past»: columns("a", "b"), window: 3)\ntrain M on d { steps: 1 }\n',
      },
    ],
  ];
  for (const [title, files] of cases)
    it(title, async () => {
      const { texts, position, places } = unmarked(files);
      const { program, users } = await opened(texts);
      const found = (await references(program, position, users)).map(({ uri, range }) => {
        const name = uri.split('/').at(-1)!;
        return `${name}:${offsetOf(texts[name]!, { line: range.start.line, column: range.start.character })}`;
      });
      assert.deepEqual(found.sort(), places);
    });

  it('highlights tell writing from reading', async () => {
    const [program, position] = await programAt('cell a(x: [I]) {\n  f = x\n  y = f| * f\n}\n');
    assert.deepEqual(
      highlights(program, position).map(({ range, kind }) => [range.start.line, kind]),
      [
        [1, 3],
        [2, 2],
        [2, 2],
      ],
    );
  });

  it('a definition in the library, in a used file, and the used file itself', async () => {
    const files = { 'main.rnn': 'use "cells.rnn"\nmodel M(x: [T, 3]) {\n  y = mine(gru(x, 4), 4)\n}\n', 'cells.rnn': cellFile('mine') };
    const { program } = await opened(files);
    const goes = (line: number, character: number): string => {
      const found = definition(program, { line, character });
      return `${found?.uri.split('/').at(-1)}:${found?.range.start.line}`;
    };
    assert.equal(goes(2, 7), 'cells.rnn:0');
    assert.match(goes(2, 12), /recurrent\.rnn:\d+/);
    assert.equal(goes(0, 7), 'cells.rnn:0');
  });
});

describe('renaming', () => {
  const files = {
    'main.rnn': 'use "cells.rnn"\nmodel M(x: [T, 3]) {\n  h = mine(x, 4)\n  y = h.f + lstm(x, 4)\n  loss = mse(y, next(linear(x, 4)))\n}\n',
    'cells.rnn': cellFile('mine'),
  };
  const renamed = async (of: Files, to: string): Promise<Files | string> => {
    const { texts, position } = unmarked(of);
    const { program, users } = await opened(texts);
    const edits = await rename(program, position, to, users);
    if (typeof edits === 'string') return edits;
    return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, applied(text, edits.get(`/models/${name}`) ?? [])]));
  };

  it('a cell in the file that declares it and in those that use it', async () => {
    const found = await renamed({ ...files, 'main.rnn': files['main.rnn'].replace('mine(', 'mi|ne(') }, 'slow');
    assert.deepEqual(found, { 'main.rnn': files['main.rnn'].replace('mine', 'slow'), 'cells.rnn': cellFile('slow') });
  });
  it('a field, from where it is read', async () => {
    const found = await renamed({ ...files, 'main.rnn': files['main.rnn'].replace('h.f', 'h.f|') }, 'keep');
    assert.ok(typeof found !== 'string');
    assert.match(found['main.rnn']!, /h\.keep \+/);
    assert.match(found['cells.rnn']!, /keep {2}= sigmoid[\s\S]*keep \* h/);
  });

  const refusals: readonly (readonly [title: string, text: string, to: string, why: RegExp])[] = [
    ['a word of the language', 'cell a(x: [I]) {\n  f| = x\n}\n', 'state', /no name/],
    ['a name that the cell has', 'cell a(x: [I]) {\n  f| = x\n  g = f\n}\n', 'g', /a has `g` already/],
    ['the name of a dimension', 'cell a(x: [I]) {\n  f| = x\n}\n', 'I', /has `I` already/],
    ['the name of a library cell', 'cell mi|ne(x: [I]) {\n  f = x\n}\n', 'lstm', /cell `lstm` in the standard library/],
    ['the name of another model', 'model M|(x: [T, 2]) {\n  y = x\n}\nmodel N(x: [T, 2]) {\n  y = x\n}\n', 'N', /model `N` in this file/],
    ['a library cell', 'model M(x: [T, 2]) {\n  y = ls|tm(x, 2)\n}\n', 'mine', /Write out the library cell/],
    [
      'a state of a library cell',
      'model M(x: [T, 2]) {\n  h = lstm(x, 2)\n  y = h.c|\n}\n',
      'memory',
      /belongs to a cell of the standard library/,
    ],
    ['a function', 'cell a(x: [I]) {\n  f = tan|h(x)\n}\n', 'squash', /function of the language/],
    ['a setting', 'train M on d { epo|chs: 3 }\n', 'passes', /setting of the language/],
    ['nothing', 'cell a(x: [I]) {\n  f = x |+ 1\n}\n', 'g', /Nothing that has a name/],
  ];
  for (const [title, text, to, why] of refusals)
    it(`is refused: ${title}`, async () => assert.match(String(await renamed({ 'main.rnn': text }, to)), why));

  it('says beforehand what cannot be renamed, and shows what can', async () => {
    const [program, position] = await programAt('model M(x: [T, 2]) {\n  y = ls|tm(x, 2)\n}\n');
    assert.match(String(renameRange(program, position)), /standard library/);
    assert.deepEqual(renameRange(program, { line: 1, character: 2 }), { start: { line: 1, character: 2 }, end: { line: 1, character: 3 } });
  });
});

describe('the structure of a source', () => {
  it('selections grow from a name to its expression, its line, its item', async () => {
    const [program, position] = await programAt('cell a(x: [I]) {\n  f = tanh(x| + 1) * 2\n}\n');
    const texts: string[] = [];
    for (let each = selectionRanges(program, [position])[0]; each !== undefined; each = each.parent!) {
      const of = (at: { line: number; character: number }): number => offsetOf(program.main.text, { line: at.line, column: at.character });
      texts.push(program.main.text.slice(of(each.range.start), of(each.range.end)));
    }
    assert.deepEqual(texts.slice(0, 5), ['x', 'x + 1', 'tanh(x + 1)', 'tanh(x + 1) * 2', 'f = tanh(x + 1) * 2']);
  });
  it('symbols have shapes, and are found in all files by their letters', async () => {
    const { program, workspace } = await opened({ 'main.rnn': 'model Names(x: [T, 3]) {\n  y = x\n}\n', 'cells.rnn': cellFile('mine') });
    assert.deepEqual(
      symbols(program)[0]?.children?.map(({ name, detail }) => [name, detail]),
      [['y', '[T, 3]']],
    );
    const programs = [program, (await workspace.program('/models/cells.rnn'))!];
    assert.deepEqual(
      workspaceSymbols(programs, 'mn').map(({ name }) => name),
      ['mine'],
    );
    assert.deepEqual(
      workspaceSymbols(programs, '(').map(({ name }) => name),
      [],
    );
  });
});

describe('the workspace', () => {
  it('loads a document once a version, and what uses it again when it changes', async () => {
    const texts: Record<string, { text: string; version: number }> = {
      '/m/main.rnn': { text: 'use "cells.rnn"\nmodel M(x: [T, 3]) {\n  y = mine(x, 4)\n}\n', version: 1 },
      '/m/cells.rnn': { text: cellFile('mine'), version: 1 },
    };
    const workspace = new Workspace(() => Object.entries(texts).map(([path, each]) => ({ path, ...each })), {
      read: (path) => readFile(path, 'utf8'),
      sources: async () => [],
    });
    const first = await workspace.program('/m/main.rnn');
    assert.equal(await workspace.program('/m/main.rnn'), first);
    assert.deepEqual(
      first?.faults.filter(({ severity }) => severity === 'error'),
      [],
    );
    texts['/m/cells.rnn'] = { text: cellFile('other'), version: 2 };
    assert.deepEqual(workspace.changed('/m/cells.rnn'), ['/m/main.rnn']);
    const second = await workspace.program('/m/main.rnn');
    assert.match(second?.faults.map(({ message }) => message).join() ?? '', /`mine`/);
    assert.equal(await workspace.program('/m/none.rnn'), undefined);
  });
});
