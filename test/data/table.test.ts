// Tables: cells to classes and numbers, rows to parts, and what is wrong with a file.

import assert from 'node:assert/strict';
import { readdirSync, truncateSync } from 'node:fs';
import { columnsOf } from '../../src/data/columns.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import { keptOf, loadDataset, trainingBatches } from '../../src/data/load.ts';
import { decode } from '../../src/data/vocabulary.ts';
import type { PartName } from '../../src/shared/dataset.ts';
import type { TableSource } from '../../src/shared/settings.ts';
import { type Folder, faultOf, input, makeFolder, table, text } from './sources.ts';

const names = [input('name: [T] of Letter'), input('= language: one of Language')];

describe('tables', () => {
  let folder: Folder;
  beforeEach(() => {
    folder = makeFolder();
  });
  afterEach(() => folder.remove());

  const load = (file: string, content: string | Uint8Array, shapes = names, more: Partial<TableSource> = {}): Promise<Dataset> =>
    loadDataset(table(folder.write(file, content), more), shapes);
  const fault = (file: string, content: string | Uint8Array, shapes = names, more: Partial<TableSource> = {}): Promise<string> =>
    faultOf(() => load(file, content, shapes, more), folder);

  /** `ab/x` for each row: the first input as text, the second as label. */
  const rows = (data: Dataset, part: PartName = 'training'): string[] =>
    Array.from({ length: data.parts[part].size }, (_, k) => {
      const { inputs } = data.parts[part].example(k);
      return data.inputs
        .map(({ name, classes }) =>
          classes === undefined
            ? [...inputs[name]!].join(' ')
            : [...inputs[name]!].map((id) => data.vocabularies[classes]!.tokens[id] ?? '?').join(''),
        )
        .join('/');
    });

  it('binds columns by the names of the inputs, whatever their order', async () => {
    const data = await load('a.csv', 'language,year,name\nRussian,1,Ada\nGerman,2,Bo\n');
    assert.deepEqual(rows(data), ['Ada/Russian', 'Bo/German']);
    assert.deepEqual(data.vocabularies.Letter!.tokens, ['A', 'B', 'a', 'd', 'o']);
    assert.deepEqual(data.vocabularies.Language!.tokens, ['German', 'Russian']);
    assert.deepEqual(data.ragged, ['T']);
    assert.deepEqual(data.parts.training.example(0).lengths, { T: 3 });
  });

  it('binds other columns where the data line says so', async () => {
    const bindings = { name: { kind: 'column', name: 'Surname' }, language: { kind: 'column', name: 'L' } } as const;
    assert.deepEqual(rows(await load('a.csv', 'Surname,L\nAb,x\nBa,y\n', names, { bindings })), ['Ab/x', 'Ba/y']);
  });

  it('takes columns in order where there is no header', async () => {
    assert.deepEqual(rows(await load('a.csv', 'ab,x\nba,y\n')), ['ab/x', 'ba/y']);
    assert.deepEqual(rows(await load('b.csv', 'name,language\nba,y\n', names, { header: false })), ['name/language', 'ba/y']);
    const unknown = await load('c.csv', 'surname,tongue\nba,y\n');
    assert.deepEqual(rows(unknown), ['surname/tongue', 'ba/y']);
    assert.deepEqual(unknown.remarks, [
      'c.csv has no header: its columns are taken in their order. If its first line names them, say header: true.',
    ]);
    const alone = await load('d.csv', 'sentence\nab\nb\n', [input('name: [T] of Letter')], { header: true });
    assert.deepEqual(rows(alone), ['ab', 'b']);
  });

  it('reads quoted fields, delimiters and line ends in them, byte order marks, mixed line ends and empty lines', async () => {
    const data = await load('a.csv', '\ufeffname,language\r\n"a,b",x\n\n"c""d",y\r\n"e\nf",x\r');
    assert.deepEqual(rows(data), ['a,b/x', 'c"d/y', 'e\nf/x']);
  });

  it('reads tabs, semicolons and JSON lines', async () => {
    const expected = ['ab/x', 'ba/y'];
    assert.deepEqual(rows(await load('a.tsv', 'name\tlanguage\nab\tx\nba\ty\n')), expected);
    assert.deepEqual(rows(await load('a.csv', 'name;language\nab;x\nba;y\n')), expected);
    assert.deepEqual(rows(await load('a.jsonl', '{"name":"ab","language":"x"}\n{"language":"y","name":"ba"}')), expected);
    assert.deepEqual(
      rows(await load('a.jsonl', '{"name":"ab"}\r\n{"name":"ab","language":"x"}\r\n\r{"language":"y","name":"ba"}\r')),
      expected,
    );
  });

  it('cuts words and lists, and shares a vocabulary and a length by the name of the dimension', async () => {
    const tags = [input('words: [T] of Word'), input('= tags: [T] of Tag')];
    const data = await load('a.tsv', 'words\ttags\nthe cat sat\tD N V\na dog\tD N\n', tags, { by: 'word' });
    assert.deepEqual(data.vocabularies.Tag!.tokens, ['D', 'N', 'V']);
    const lists = await load('a.jsonl', '{"words":["New York","is"],"tags":["N","V"]}\n', tags, { by: 'word' });
    assert.deepEqual(lists.vocabularies.Word!.tokens, ['New York', 'is']);
    const shared = [input('said: [S] of Word'), input('next reply: [T] of Word')];
    const both = await load('b.tsv', 'said\treply\nhello you\thello\n', shared, { by: 'word' });
    assert.deepEqual(both.vocabularies.Word!.tokens, ['‹begin›', '‹end›', 'hello', 'you']);
    assert.deepEqual([...both.parts.training.example(0).inputs.reply!], [0, 2, 1]);
    assert.deepEqual([...both.parts.training.example(0).inputs['next(reply)']!], [2, 1, -1]);
    assert.deepEqual(both.parts.training.example(0).lengths, { S: 2, T: 3 });
  });

  it('keeps rows in step that share a dimension with one that is predicted', async () => {
    const shapes = [input('next words: [T] of Word'), input('= tags: [T] of Tag'), input('stress: [T]'), input('seen: [T] of Word')];
    const data = await load('a.tsv', 'words\ttags\tstress\tseen\na b\tX Y\t1 2\tb a\nc\tY\t3\tc\n', shapes, { by: 'word' });
    const { inputs, lengths } = data.parts.training.example(0);
    assert.deepEqual(data.vocabularies.Word!.tokens, ['‹begin›', '‹end›', 'a', 'b', 'c']);
    assert.deepEqual(data.vocabularies.Tag!.tokens, ['X', 'Y']);
    assert.deepEqual(lengths, { T: 4 });
    assert.deepEqual(Object.fromEntries(Object.entries(inputs).map(([name, values]) => [name, [...values]])), {
      words: [0, 2, 3, 1],
      'next(words)': [2, 3, 1, -1],
      tags: [-1, 0, 1, -1],
      stress: [0, 1, 2, 0],
      seen: [0, 3, 2, 1],
    });
  });

  it('takes classes of a fixed number, from one column or several', async () => {
    const shapes = [input('d: [3] of D'), input('= y: one of Y')];
    const data = await load('a.csv', 'd,y\n1 2 3,a\n3 2 1,b\n', shapes, { by: 'word' });
    assert.deepEqual([...data.parts.training.example(1).inputs.d!], [2, 1, 0]);
    assert.deepEqual(trainingBatches(data, { batch: 2, window: 1, seed: 1 }).at(0).inputs.d!.length, 6);
    const bindings = { d: { kind: 'columns', names: ['p', 'q', 'r'] } } as const;
    const wide = await load('b.csv', 'p,q,r,y\nx,y,x,a\ny,y,x,b\n', shapes, { bindings });
    assert.deepEqual([...wide.parts.training.example(1).inputs.d!], [1, 1, 0]);
    assert.match(
      await fault('a.csv', 'd,y\n1 2 3,a\n3 2,b\n', shapes, { by: 'word' }),
      /^columns: a.csv, line 3, column d holds 2 classes; the model takes 3\./,
    );
  });

  it('says in which row lengths differ', async () => {
    const tags = [input('words: [T] of Word'), input('= tags: [T] of Tag')];
    assert.equal(
      await fault('pos.tsv', 'words\ttags\na b\tX Y\na b c d e\tX Y X Y\n', tags, { by: 'word' }),
      'columns: pos.tsv, line 3: words has 5, tags has 4; the model says that both are [T].',
    );
    assert.match(
      await fault('pos.tsv', 'words\ttags\na b c\tX Y\n', tags, { by: 'word', longest: 2 }),
      /^columns: pos.tsv, line 2: words has 3, tags has 2;/,
    );
    assert.match(
      await fault('pos.tsv', 'words\ttags\nlow lower\tX Y\n', tags, { by: 'pieces', pieces: 12 }),
      /^columns: words and tags share the dimension T, and pieces of pos.tsv do not come in the same number\. Cut by: word/,
    );
  });

  it('reads numbers: one, several columns, sequences in a cell', async () => {
    const one = await load('a.csv', 'x,y\n1 2 3,.5\n4;5,-1e3\n"[6, 7]",2\n', [input('x: [T]'), input('= y: [1]')]);
    assert.deepEqual(rows(one), ['1 2 3/0.5', '4 5/-1000', '6 7/2']);
    const bindings = { x: { kind: 'columns', names: ['a', 'b'] } } as const;
    const wide = await load('b.csv', 'a,b,y\n1,2,x\n3,4,y\n', [input('x: [Measure]'), input('= y: one of Y')], { bindings });
    assert.deepEqual(wide.sizes, { Measure: 2 });
    assert.deepEqual(rows(wide), ['1 2/x', '3 4/y']);
    const steps = await load('c.jsonl', '{"x":[[1,2],[3,4]],"y":0}\n', [input('x: [T, 2]'), input('= y: [1]')]);
    assert.deepEqual(steps.parts.training.example(0).lengths, { T: 2 });
    const open = await load('d.jsonl', '{"y":1}\n{"x":[[1,3]],"y":0}\n{"x":[[3,5],[7,9]],"y":0}\n', [
      input('x: [T, M]'),
      input('= y: [1]'),
    ]);
    assert.deepEqual([rows(open), open.sizes, open.remarks], [['1 3/0', '3 5 7 9/0'], { M: 2 }, ['1 row without any step is left out.']]);
    const grid = await load('e.csv', 'x,y\n,1\n1 2 3 4,0\n3 4 5 6,0\n', [input('x: [2, M]'), input('= y: [1]')]);
    assert.deepEqual([rows(grid), grid.sizes], [['2 3 4 5/1', '1 2 3 4/0', '3 4 5 6/0'], { M: 2 }]);
    assert.match(
      await fault('f.jsonl', '{"x":[[1,2],[3],[4]],"y":0}\n', [input('x: [T, M]'), input('= y: [1]')]),
      /^columns: f.jsonl, line 1, column x holds 1 number; the model takes 2/,
    );
  });

  it('normalises by the training part alone, and leaves what never changes', async () => {
    const content = `x,c,y\n${Array.from({ length: 40 }, (_, k) => `${k},7,${k % 2 === 0 ? 'a' : 'b'}`).join('\n')}\n`;
    const bindings = { x: { kind: 'columns', names: ['x', 'c'] } } as const;
    const data = await load('a.csv', content, [input('x: [2]'), input('= y: one of Y')], {
      bindings,
      normalise: true,
      test: 0.25,
      validation: 0.25,
    });
    const { training } = data.parts;
    const { mean, deviation } = data.scales.x!;
    const values = Array.from({ length: training.size }, (_, k) => training.example(k).inputs.x![0]!);
    assert.ok(Math.abs(values.reduce((sum, each) => sum + each, 0)) < 1e-4);
    assert.ok(Math.abs(values.reduce((sum, each) => sum + each * each, 0) / values.length - 1) < 1e-5);
    assert.deepEqual([mean[1], deviation[1], training.example(0).inputs.x![1]], [7, 1, 0]);
    const all = (['training', 'validation', 'test'] as const).flatMap((name) =>
      Array.from(
        { length: data.parts[name].size },
        (_, k) => Math.round(data.parts[name].example(k).inputs.x![0]! * deviation[0]! + mean[0]!) + 0,
      ),
    );
    assert.deepEqual(
      all.sort((a, b) => a - b),
      Array.from({ length: 40 }, (_, k) => k),
    );
  });

  it('missing values: means where they are read, nothing where they are compared with, a class of their own where they are a label that is read', async () => {
    const data = await load('a.csv', 'x,k,y\n1,a,2\n,b,\n3,,NA\n', [input('x: [1]'), input('k: one of K'), input('= y: [1]')]);
    assert.deepEqual(data.parts.training.size, 1);
    assert.deepEqual(data.remarks, ['2 rows whose answer is missing are left out.']);
    const read = await load('b.csv', 'x,k,y\n1,a,2\n,b,4\n3,,6\n', [input('x: [1]'), input('k: one of K'), input('= y: [1]')]);
    assert.deepEqual(rows(read), ['1/a/2', '2/b/4', '3/‹missing›/6']);
    assert.deepEqual(read.remarks, ["1 missing number of x is the training part's mean."]);
    const partly = await load('c.csv', 'a,b,x\n1,,0\n2,3,1\n', [input('x: [1]'), input('= y: [2]')], {
      bindings: { y: { kind: 'columns', names: ['a', 'b'] } },
    });
    assert.deepEqual([...partly.parts.training.example(0).inputs.y!], [1, Number.NaN]);
  });

  it('draws the parts by the seed, each row in one', async () => {
    const content = `name,language\n${Array.from({ length: 50 }, (_, k) => `${'abcde'[k % 5]}${k},${'xy'[k % 2]}`).join('\n')}\n`;
    const parts = async (seed: number): Promise<string[][]> => {
      const data = await load('a.csv', content, names, { test: 0.2, validation: 5, seed });
      return (['training', 'validation', 'test'] as const).map((name) => rows(data, name));
    };
    const [one, again, other] = [await parts(1), await parts(1), await parts(2)];
    assert.deepEqual(one, again);
    assert.notDeepEqual(one[2], other[2]);
    assert.deepEqual(
      one.map(({ length }) => length),
      [35, 5, 10],
    );
    assert.equal(new Set(one.flat()).size, 50);
  });

  it('classes that training never sees: unknown letters, named answers, and both are said', async () => {
    const content = `name,language\n${Array.from({ length: 30 }, (_, k) => `a${String.fromCharCode(97 + (k % 26))},x`).join('\n')}\nqq,rare\nzz,y\n`;
    const data = await load('a.csv', content, names, { test: 0.5 });
    const { Letter, Language } = data.vocabularies;
    assert.equal(Letter!.unknown, 0);
    assert.deepEqual(Language!.tokens, ['rare', 'x', 'y']);
    assert.match(data.remarks.join(' '), /classes of Letter are in held-out rows only, and ‹unknown› to the model/);
  });

  it('opens again with what a run has kept, even where the file has changed', async () => {
    const first = await load('a.csv', 'name,language\nab,x\nba,y\n');
    const kept = keptOf(first);
    const later = await loadDataset(table(folder.write('a.csv', 'name,language\nb,y\na,x\n')), names, kept);
    assert.deepEqual(later.vocabularies, first.vocabularies);
    assert.deepEqual(rows(later), ['b/y', 'a/x']);
    assert.notEqual(later.digest, first.digest);
  });

  it('cuts pieces that are learned on the training part, and puts them together again', async () => {
    const words = ['low', 'lower', 'lowest', 'newer', 'wider', 'new'];
    const content = `name,language\n${Array.from({ length: 60 }, (_, k) => `${words[k % 6]} ${words[(k * 5 + 1) % 6]},${k % 2}`).join('\n')}\n`;
    const data = await load('a.csv', content, names, { by: 'pieces', pieces: 30 });
    const { Letter } = data.vocabularies;
    assert.ok(Letter!.tokens.length <= 30 && Letter!.tokens.includes('low'));
    assert.equal(decode(Letter!, data.parts.training.example(1).inputs.name!), 'lower low');
  });

  it('leaves out rows without a step, and cuts those that are too long', async () => {
    const data = await load('a.csv', 'name,language\nabcdef,x\n"",y\nb,y\n', names, { longest: 3 });
    assert.deepEqual(rows(data), ['abc/x', 'b/y']);
    assert.deepEqual(data.remarks, ['1 row without any step is left out.']);
    const pieces = await load('b.csv', 'name,language\nab cd ef,x\nba,y\n', names, { by: 'pieces', pieces: 7, longest: 2 });
    assert.deepEqual(pieces.parts.training.example(0).lengths, { T: 2 });
  });

  it('knows no class of rows that are left out', async () => {
    const data = await load('a.csv', 'name,language\nab,x\nqz,\n"",w\nba,y\n');
    assert.deepEqual(data.vocabularies.Letter!.tokens, ['a', 'b']);
    assert.deepEqual(data.vocabularies.Language!.tokens, ['x', 'y']);
    assert.equal(data.remarks.length, 2);
  });

  it('normalises numbers that differ by little beside what they are', async () => {
    const content = `x,y\n${Array.from({ length: 100 }, (_, k) => `${1e6 + (k % 2) / 2},${k % 3}`).join('\n')}\n`;
    const data = await load('a.csv', content, [input('x: [1]'), input('= y: one of Y')], { normalise: true });
    assert.deepEqual(data.scales, { x: { mean: [1000000.25], deviation: [0.25] } });
    assert.deepEqual(data.missing, { x: 0 });
  });

  it('says where a cell begins that never ends', async () => {
    assert.match(
      await fault('n.csv', `name,language\na,x\n"${'1 '.repeat(2 ** 23 + 9)}`),
      /^data: n.csv, line \d+ begins a cell of more than 16 MiB\. Is a quotation mark never closed/,
    );
    assert.match(
      await fault('n.jsonl', `{"name":"${'1 '.repeat(2 ** 23 + 9)}`),
      /^data: n.jsonl, line 1 begins a cell of more than 16 MiB/,
    );
  }).timeout(30_000);

  it('reads no more of a large file than it needs, and lets go of it', async () => {
    const path = folder.write('a.csv', `a,b\n${'x y z,1\n'.repeat(200_000)}`);
    // What lies behind is no text: who reads so far says so.
    truncateSync(path, 2 ** 30);
    assert.match(await faultOf(() => loadDataset(text(path), [input('next x: [T] of C')]), folder), /no text: byte 1,600,005 is 0/);
    const lines = folder.write('a.jsonl', '{"a":"x","b":1}\n'.repeat(200_000));
    const before = readdirSync('/dev/fd').length;
    for (let k = 0; k < 4; k += 1) {
      assert.deepEqual(await columnsOf(path), [
        { name: 'a', kind: 'category', examples: ['x y z'] },
        { name: 'b', kind: 'number', examples: ['1'] },
      ]);
      assert.equal((await columnsOf(lines)).length, 2);
      assert.match(await faultOf(() => loadDataset(table(path), names), folder), /has no column `name`/);
      assert.match(await faultOf(() => loadDataset(table(lines), names), folder), /has no column `name`/);
    }
    assert.ok(readdirSync('/dev/fd').length < before + 4);
  }).timeout(30_000);

  it('says what is wrong with a file, its cells and its parts', async () => {
    const csv = (lines: string): string => `name,language\n${lines}`;
    assert.equal(
      await fault('names.csv', 'name,langauge\nab,x\n'),
      'columns: names.csv has no column `language` for the input language. It has name, langauge. Name one of them: language: column("name")',
    );
    assert.match(await fault('a.csv', csv('ab,x\nab\n')), /^data: a.csv, line 3 has 1 cell instead of 2\. Quote cells/);
    assert.match(await fault('a.csv', csv('ab,x\nab,x,y\n')), /^data: a.csv, line 3 has 3 cells instead of 2\./);
    assert.match(await fault('a.csv', csv('"ab,x\nab,x\n')), /^data: a.csv, line \d+: a quotation mark is never closed/);
    assert.match(await fault('a.csv', ''), /^data: a.csv is empty/);
    assert.match(await fault('a.csv', 'name,language\n'), /^data: a.csv has no rows below its header/);
    assert.match(
      await fault('a.csv', csv('ab,x\nba,x\n')),
      /^columns: The input language is "x" in every row of a.csv: there is nothing to tell apart/,
    );
    assert.match(await fault('a.csv', Buffer.from('name,language\nab,x\n', 'utf16le')), /UTF-16|no text/);
    assert.match(
      await fault('a.csv', Buffer.concat([Buffer.from(csv('ab,x\nm')), Buffer.from([0xfc]), Buffer.from('l,y\n')])),
      /^data: a.csv is not UTF-8: line 3, byte 2 is 0xfc/,
    );
    assert.match(
      await fault('a.csv', csv('ab,x\nba,y\n'), names, { test: 0.5, validation: 0.5 }),
      /^data: The (training|validation) part of a.csv is empty/,
    );
    assert.match(await fault('a.csv', csv('ab,x\nba,y\n'), names, { minimum: 9 }), /^minimum: No word of a.csv occurs 9 times/);
    const numbers = [input('x: [1]'), input('= y: [1]')];
    assert.equal(
      await fault('n.csv', 'x,y\n1,2\n3,four\n', numbers),
      'columns: n.csv, line 3, column y: "four" is no number. Correct the cell, or leave it empty for a missing value.',
    );
    assert.match(await fault('n.csv', 'x,y\n1e39,2\n', numbers), /^columns: n.csv, line 2, column x: "1e39" is no number/);
    assert.match(await fault('n.csv', 'x,y\nNA,2\n,3\n', numbers), /^columns: Column x of n.csv has no number in the training part/);
    assert.match(await fault('n.csv', 'x,y\n1 2,2\n', numbers), /^columns: n.csv, line 2, column x holds 2 numbers; the model takes 1/);
    assert.match(await fault('a.jsonl', '{"name":"a","language":"x"}\n{"name":\n'), /^data: a.jsonl, line 2: this is no JSON/);
    assert.match(await fault('a.jsonl', '{"name":{"a":1},"language":"x"}\n'), /^data: a.jsonl, line 1: a cell is an object/);
    assert.match(
      await faultOf(() => loadDataset(table(`${folder.path}/none.csv`), names), folder),
      /^missing: There is no file \/none.csv/,
    );
    assert.match(await faultOf(() => loadDataset(table(folder.path), names), folder), /is a folder/);
  });

  it('stops where it is told to', async () => {
    const path = folder.write('a.csv', `name,language\n${'ab,x\nba,y\n'.repeat(50_000)}`);
    const abort = new AbortController();
    abort.abort(new Error('enough'));
    await assert.rejects(loadDataset(table(path), names, undefined, { signal: abort.signal }), /enough/);
  });

  it('says how far it is', async () => {
    const path = folder.write('a.csv', `name,language\n${'ab,x\nba,y\n'.repeat(50_000)}`);
    const seen: number[] = [];
    await loadDataset(table(path), names, undefined, { progress: (bytes, size) => seen.push(bytes / size) });
    assert.ok(seen.length > 4);
    assert.deepEqual(
      seen,
      seen.toSorted((a, b) => a - b),
    );
    assert.equal(seen.at(-1), 1);
  });
});
