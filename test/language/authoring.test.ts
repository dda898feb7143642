// What helps while one writes: layout, shapes at line ends, signatures, and completion by its place. `|` marks the place in a text.

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { callsAt } from '../../src/language/lsp/call-at.ts';
import { completion } from '../../src/language/lsp/completion.ts';
import { formatting } from '../../src/language/lsp/format.ts';
import { inlayHints } from '../../src/language/lsp/inlay-hints.ts';
import { documentLinks } from '../../src/language/lsp/links.ts';
import { applied } from '../../src/language/lsp/navigation.ts';
import { signatureHelp } from '../../src/language/lsp/signatures.ts';
import type { DataFiles } from '../../src/language/lsp/statement-completion.ts';
import { random } from '../../src/shared/random.ts';
import { programOf } from './load.ts';
import { samples } from './samples.ts';

const root = join(import.meta.dirname, '..', '..');
const sources = globSync(['src/language/std/*.rnn', 'examples/**/*.rnn', 'templates/**/*.rnn'], { cwd: root })
  .filter((path) => !path.includes('runs'))
  .map((path) => [path, readFileSync(join(root, path), 'utf8')] as const);

const formatted = (text: string): string => applied(text, formatting(text));

/** A text without its mark, and where that was. */
function placed(marked: string): { text: string; position: { line: number; character: number } } {
  const at = marked.indexOf('|');
  const before = marked.slice(0, at).split('\n');
  return { text: marked.replace('|', ''), position: { line: before.length - 1, character: before.at(-1)!.length } };
}

describe('layout', () => {
  const cases: readonly (readonly [title: string, before: string, after: string])[] = [
    ['indents by two', 'cell a(x: [I]) {\ny = x\n      z = y\n}\n', 'cell a(x: [I]) {\n  y = x\n  z = y\n}\n'],
    ['aligns equations, a prime counting', "cell a(x: [I]) {\n  f=x\n  h'  =  f\n}", "cell a(x: [I]) {\n  f  = x\n  h' = f\n}"],
    ['aligns with shapes', 'cell a(x: [I]) {\n  f: [I]=x\n  gg = x\n}', 'cell a(x: [I]) {\n  f: [I] = x\n  gg     = x\n}'],
    ['leaves blocks apart', 'cell a(x: [I]) {\n  f = x\n\n  long = f\n}', 'cell a(x: [I]) {\n  f = x\n\n  long = f\n}'],
    [
      'aligns settings',
      'train M on d {\n  epochs: 5\n  optimizer : adam(0.1)\n}',
      'train M on d {\n  epochs:    5\n  optimizer: adam(0.1)\n}',
    ],
    ['leaves settings on one line', 'train M on d { epochs: 5, batch: 3 }', 'train M on d { epochs: 5, batch: 3 }'],
    [
      'aligns comments two places behind the longest',
      'cell a(x: [I]) {\n  f = x // one\n  gate = f   // two\n}',
      'cell a(x: [I]) {\n  f    = x  // one\n  gate = f  // two\n}',
    ],
    [
      'leaves comments that stand in a column',
      'cell a(x: [I]) {\n  f = x       // one\n  g = f       // two\n}',
      'cell a(x: [I]) {\n  f = x       // one\n  g = f       // two\n}',
    ],
    [
      'leaves comments in a column that the longest line reaches',
      'cell a(x: [I]) {\n  f    = x // one\n  gate = f // two\n}',
      'cell a(x: [I]) {\n  f    = x // one\n  gate = f // two\n}',
    ],
    [
      'goes on within brackets',
      'data d = series("a.csv",\nx: column("a"),\nwindow: 3)',
      'data d = series("a.csv",\n  x:      column("a"),\n  window: 3)',
    ],
    [
      'keeps comparisons and defaults',
      'cell a(x: [I], k = 3) {\n  state h: [I] = 0\n\n  f = x == 3\n}',
      'cell a(x: [I], k = 3) {\n  state h: [I] = 0\n\n  f = x == 3\n}',
    ],
    [
      'keeps strings with brackets, and slashes in them',
      'data d = text("a{//.txt")\ncell a(x: [I]) {\ny = x\n}',
      'data d = text("a{//.txt")\n\ncell a(x: [I]) {\n  y = x\n}',
    ],
    ['takes away what ends a line unseen', 'cell a(x: [I]) {  \n  y = x \t\n\t\n}', 'cell a(x: [I]) {\n  y = x\n}'],
    [
      'one blank line between declarations and equations, and between items',
      "use std 1\ncell a(x: [I]) {\n  state h: [I]\n  // what is next\n  h' = x\n}\n\n\n/// b\ncell b(x: [I]) {\n\n  y = x\n}\ndata d = parity()\ndata e = parity()\n",
      "use std 1\n\ncell a(x: [I]) {\n  state h: [I]\n\n  // what is next\n  h' = x\n}\n\n/// b\ncell b(x: [I]) {\n  y = x\n}\n\ndata d = parity()\ndata e = parity()\n",
    ],
    [
      'keeps the line ends of a file',
      'cell a(x: [I]) {\r\n y = x\r\n}\r\ndata d = parity()\r\n',
      'cell a(x: [I]) {\r\n  y = x\r\n}\r\n\r\ndata d = parity()\r\n',
    ],
    ['leaves block comments as they are', '/* a\n     b = c\n*/\nuse std 1', '/* a\n     b = c\n*/\nuse std 1'],
  ];
  for (const [title, before, after] of cases)
    it(title, () => {
      assert.equal(formatted(before), after);
      assert.equal(formatted(after), after);
    });

  it('leaves what is laid out already', () => {
    for (const [path, text] of sources) assert.equal(formatted(text), text, path);
  });

  it('changes white space only, and nothing the second time, whatever is broken', () => {
    const chance = random(3);
    const texts = [...Object.values(samples), ...sources.map(([, text]) => text)];
    for (let k = 0; k < 400; k += 1) {
      let text = texts[k % texts.length]!;
      for (let change = 0; change < 6; change += 1) {
        const at = Math.floor(chance.uniform() * text.length);
        const part = ['', ' ', '\n', '{', '}', '(', ')', '"', '//', '/*', '=', "'", '   '][Math.floor(chance.uniform() * 13)]!;
        text = text.slice(0, at) + part + text.slice(at + Math.floor(chance.uniform() * 3));
      }
      const once = formatted(text);
      assert.equal(once.replace(/\s+/g, ''), text.replace(/\s+/g, ''));
      const written = (of: string): string[] => of.split('\n').filter((line) => line.trim() !== '');
      assert.equal(written(once).length, written(text).length);
      assert.equal(formatted(once), once, text);
    }
  }).timeout(20_000);
});

const source = `use "cells.rnn"
model M(input: [T] of Char, tag: one of Tag) {
  x      = embed(input, 64)
  h      = lstm(x, 32, layers: 2)
  logits = linear(last(h), Tag)
  loss   = cross_entropy(logits, tag)
}
cell mine(x: [I], size H) {
  state h: [H]
  h' = tanh(linear(x, H) + h)
}
data names = table("names.csv", by: char)
train M on names {
  epochs: 5
}
`;
const others = { 'cells.rnn': 'cell other(x: [I]) {\n  y = x\n}\n' };

describe('shapes at line ends', () => {
  it('say what each line is, and which of them run', async () => {
    const program = await programOf(source, others);
    const everywhere = { start: { line: 0, character: 0 }, end: { line: 99, character: 0 } };
    const hints = inlayHints(program, everywhere).map(({ position, label }) => `${position.line}${label}`);
    for (const hint of ['2: [T, 64]', '3: [T, 32]  ↻ T', '4: [Tag]', '9: [H]']) assert.ok(hints.includes(hint), hints.join('\n'));
    const one = inlayHints(program, { start: { line: 3, character: 0 }, end: { line: 3, character: 5 } });
    assert.equal(one.length, 1);
    assert.match((one[0]!.tooltip as { value: string }).value, /T vectors of 32 numbers[\s\S]*runs over T/);
  });
});

describe('signatures', () => {
  const shown = async (line: string): Promise<string | undefined> => {
    const { text, position } = placed(source.replace('  loss   = cross_entropy(logits, tag)', line));
    const help = signatureHelp(await programOf(text, others), position);
    if (help === undefined) return undefined;
    const [signature] = help.signatures;
    const [from, to] = (signature!.parameters![help.activeParameter!]?.label ?? [0, 0]) as [number, number];
    return `${signature!.label.slice(0, signature!.label.indexOf('(') + 1)}: ${signature!.label.slice(from, to)}`;
  };
  it('of cells, with what comes next', async () => {
    assert.equal(await shown('  z = lstm(|'), 'lstm(: x: [I]');
    assert.equal(await shown('  z = lstm(x, |'), 'lstm(: size H');
    assert.equal(await shown('  z = lstm(x, 3, layers: |'), 'lstm(: layers: 2');
    assert.equal(await shown('  z = lstm(tanh(|'), 'tanh(: x');
    assert.equal(await shown('  z = lstm(tanh(x), 3|'), 'lstm(: size H');
    assert.equal(await shown('  z = rnn(x, 3, activation: |relu)'), 'rnn(: activation = tanh');
    assert.equal(await shown('  z = lstm(x, 3, |'), 'lstm(: ');
    assert.equal(await shown('  z = lstm(x, layers: 2, |'), 'lstm(: size H');
    assert.equal(await shown('  z = bidirectional(lstm, [x; x], |'), 'bidirectional(: size H');
    assert.equal(await shown('  z = lstm(x, 3 // |'), undefined);
  });
  it('of functions, sources, optimizers and schedules', async () => {
    assert.equal(await shown('  z = clip(x, |'), 'clip(: lowest');
    assert.equal(await shown('}\ndata d = table("a.csv", test: |'), 'table(: test: 0');
    assert.equal(await shown('}\ntrain M on names { optimizer: adam(cosine(0.1, warmup: |'), 'cosine(: warmup: 100');
    assert.equal(await shown('}\ndata d = pairs("a.tsv", alignments: |'), 'pairs(: alignments: "eng-fra.align"');
    assert.equal(await shown('}\ndata d = shapes(10, size: |'), 'shapes(: size: 64');
    assert.equal(await shown('  z = |'), undefined);
    assert.equal(await shown('  z = nothing(|'), undefined);
    assert.equal(await shown('}\ncell a(x: [I], |'), undefined);
    assert.equal(await shown('}\ngenerate M { search: sample(temperature: 1, top_k: |'), 'sample(: top_k: 40');
  });
  it('the calls around a place, in strings and comments none', () => {
    assert.deepEqual(
      callsAt('f(a, g("(", b: h(1), |'.replace('|', ''), 21).map(({ callee, position, given }) => [callee, position, given]),
      [
        ['g', 1, ['b']],
        ['f', 1, []],
      ],
    );
    assert.deepEqual(callsAt('x = 3 // f(', 11), []);
  });
});

describe('completion', () => {
  const files: DataFiles = {
    list: async () => ['names.csv', 'book.txt', 'digits.npz', 'eng-fra.tsv', 'eng-fra.align', 'main.rnn', 'photos/'],
    columns: async (path) =>
      path === 'names.csv'
        ? [
            { name: 'surname', kind: 'text', examples: ['Ada'] },
            { name: 'age', kind: 'number', examples: ['3'] },
          ]
        : [],
  };
  const offered = async (marked: string): Promise<string[]> => {
    const { text, position } = placed(marked);
    return (await completion(await programOf(text, others), position, files)).map(({ label }) => label);
  };
  const has = async (marked: string, ...labels: string[]): Promise<void> => {
    const found = await offered(marked);
    for (const label of labels) assert.ok(found.includes(label), `${label} is not among ${found.join(', ')}`);
  };
  const tail = '\ntrain M on names {\n  epochs: 5\n}\n';

  it('sources of data, and their files by the ending', async () => {
    await has(`${source}data d = |`, 'text', 'table', 'series', 'arrays', 'adding', 'embedded_reber');
    await has(`${source}data d = |`, 'pairs', 'dialogue', 'images', 'dates', 'shapes');
    assert.deepEqual(await offered(`${source}data d = table("|")${tail}`), ['names.csv', 'eng-fra.tsv', 'photos/']);
    assert.deepEqual(await offered(`${source}data d = text("b|")`), ['book.txt', 'photos/']);
    assert.deepEqual(await offered(`${source}data d = arrays("|`), ['digits.npz', 'photos/']);
    assert.deepEqual(await offered(`${source}data d = pairs("|`), ['book.txt', 'eng-fra.tsv', 'photos/']);
    assert.deepEqual(await offered(`${source}data d = pairs("eng-fra.tsv", alignments: "|`), ['book.txt', 'eng-fra.align', 'photos/']);
    assert.deepEqual(await offered(`${source}data d = images("|`), ['photos/']);
    assert.deepEqual(await offered(`${source}data d = images("photos", captions: "|")`), [
      'names.csv',
      'book.txt',
      'eng-fra.tsv',
      'photos/',
    ]);
  });
  it('settings of a source that are not given yet, and inputs of the models', async () => {
    const found = await offered(`${source}data d = table("names.csv", by: char, |)`);
    assert.ok(
      ['test', 'header', 'input', 'tag'].every((each) => found.includes(each)) && !found.includes('by') && !found.includes('window'),
    );
    await has(`${source}data d = copying(|`, 'symbols', 'delay', 'length');
    await has(`${source}data d = images("photos", |`, 'captions', 'by', 'minimum', 'size', 'longest', 'test');
    await has(`${source}data d = shapes(|`, 'size', 'seed');
    const pairs = await offered(`${source}data d = pairs("eng-fra.tsv", by: word, |`);
    assert.ok(pairs.includes('alignments') && !pairs.includes('by') && !pairs.includes('input') && !pairs.includes('normalise'));
    await has(`${source}data d = pairs("eng-fra.tsv", by: |`, 'char', 'word', 'pieces');
    await has(`${source}data d = table("names.csv", by: |`, 'char', 'word', 'pieces');
  });
  it('columns of the data file', async () => {
    assert.deepEqual(await offered(`${source}data d = table("names.csv", input: column("|"))`), ['surname', 'age']);
    assert.deepEqual(await offered(`${source}data d = table("names.csv", input: column("s|`), ['surname', 'age']);
    await has(`${source}data d = series("names.csv", input: |`, 'column', 'columns', 'following');
  });
  it('settings of a training and their values', async () => {
    const inTrain = (line: string): string => source.replace('  epochs: 5\n', `  epochs: 5\n${line}\n`);
    const settings = await offered(inTrain('  |'));
    assert.ok(settings.includes('optimizer') && settings.includes('stop') && !settings.includes('epochs'));
    await has(inTrain('  optimizer: |'), 'adam', 'sgd', 'adamw', 'rmsprop');
    await has(inTrain('  optimizer: adam(|'), 'cosine', 'step', 'plateau');
    await has(inTrain('  optimizer: adam(cosine(0.1, |'), 'warmup', 'end');
    await has(inTrain('  report: [accuracy, |'), 'f1', 'confusion', 'perplexity');
    await has(inTrain('  stop: |'), 'plateau');
    await has(inTrain('  freeze: [|'), 'x', 'h', 'logits');
    await has(inTrain('  device: |'), 'cpu', 'webgpu');
  });
  it('nothing in comments', async () => assert.deepEqual(await offered(`${source}// data d = |`), []));
  it('links to the files', async () => {
    const links = documentLinks(await programOf(source, others)).map(({ target }) => target!.split('/').at(-1));
    assert.deepEqual(links, ['cells.rnn', 'names.csv']);
    const images = await programOf('data d = images("photos", captions: "c.csv")\ndata e = pairs("a.tsv", alignments: "a.align")\n');
    assert.deepEqual(
      documentLinks(images).map(({ target }) => target!.split('/').at(-1)),
      ['photos', 'c.csv', 'a.tsv', 'a.align'],
    );
  });
});
