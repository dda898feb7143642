// Each template, with its sample and with every choice of columns that may be made, is a file without faults, whose data the model reads.

import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../../scripts/root.ts';
import { type Column, columnsOf } from '../../src/data/columns.ts';
import { openJob } from '../../src/engine/job.ts';
import { filled, modelName, numbersAStep, type OwnData, promptOf } from '../../src/templates/fill.ts';
import { readSource, readTemplates, type Source, type Template } from '../../src/templates/templates.ts';
import { faultsOf } from './checked.ts';

const templates = await readTemplates(root);
const named = (id: string) => templates.find((template) => template.id === id) as Exclude<Template, { readonly tasks: object }>;

/** The sources that a template has. */
const sourcesOf = (template: Template): readonly Source[] => template.tasks ?? [template];

describe('templates', function () {
  this.timeout(20_000);
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unroll-templates-'));
  });
  after(() => rm(folder, { recursive: true }));

  /** Writes what a template becomes; its path. */
  async function made(
    source: Source,
    name: string,
    data?: Parameters<typeof filled>[3],
  ): Promise<{ file: string; text: string; first: string }> {
    const { text, first } = filled(await readSource(root, source), source, name, data);
    const file = join(folder, `${name}.rnn`);
    await writeFile(file, text);
    return { file, text, first: text.slice(...first) };
  }

  for (const template of templates)
    for (const source of sourcesOf(template))
      it(`${source.file} stands without faults, and shows what to change`, async () => {
        const sample = template.tasks === undefined ? template.data.sample : undefined;
        if (sample !== undefined) await copyFile(join(root, 'examples', sample), join(folder, `copy of ${sample}`));
        const data = sample === undefined ? undefined : ({ kind: 'sample', path: `copy of ${sample}` } as const);
        const { file, text, first } = await made(source, 'Mine', data);
        assert.deepEqual(await faultsOf(file), []);
        assert.equal(first, source.first);
        assert.match(text, /^model Mine\(/m);
        assert.match(text, /^train Mine\b/m);
        assert.ok(!new RegExp(`\\b${source.model}\\b`).test(text), 'the old name is still there');
      });

  describe('with a file of one’s own', () => {
    /** The source with these data, without faults; its lines that say so. */
    async function own(id: string, data: OwnData): Promise<string> {
      const { file, text } = await made(named(id), 'Own', data);
      assert.deepEqual(await faultsOf(file), [], text);
      return text;
    }
    const write = async (name: string, lines: readonly string[]): Promise<string> => {
      await writeFile(join(folder, name), `${lines.join('\n')}\n`);
      return name;
    };
    const many = (line: (k: number) => string): string[] => Array.from({ length: 120 }, (_, k) => line(k));

    it('sentences and conversations: the file is named, and read as it is', async () => {
      const pairs = await write(
        'de.tsv',
        many((k) => `Das ist ${k % 9} .\tThat is ${k % 9} .`),
      );
      assert.match(await own('translation', { kind: 'pairs', path: pairs }), /pairs\("de\.tsv", by: word,/);
      const talk = await write(
        'talk.txt',
        many((k) => (k % 4 === 3 ? '' : `Turn ${k % 4} .`)),
      );
      assert.match(await own('chat', { kind: 'dialogue', path: talk }), /dialogue\("talk\.txt", by: word/);
    });

    it('a text: its own beginning is the prompt, and its length decides how many places are read at once', async () => {
      const text = 'Zwölf Boxkämpfer jagen Viktor quer über den Sylter Deich. ';
      for (const [times, batch] of [
        [40, 4],
        [500, 16],
        [2000, 32],
      ] as const) {
        const path = await write('mein "text".txt', [text.repeat(times)]);
        const data = { kind: 'text', path, beginning: text, bytes: text.length * times } as const;
        for (const id of ['text', 'cell']) {
          const source = await own(id, data);
          assert.match(source, /text\("mein \\"text\\"\.txt", by: char\)/);
          assert.match(source, /prompt: "Zwölf Boxkämpfer jagen "/);
          assert.match(source, new RegExp(`batch: +${batch}\\b`));
        }
      }
    });

    it('a table: every column may be read, and every other be the answer', async () => {
      const path = await write('Some Rows.csv', [
        'Full Name,what it "is",note',
        ...many((k) => `name ${k % 17},${k % 3 === 0 ? 'A' : 'B'},so it is with ${k % 5} of them`),
      ]);
      const columns = await columnsOf(join(folder, path));
      assert.equal(columns.length, 3);
      for (const input of columns)
        for (const answer of columns) {
          if (input === answer) continue;
          await own('classification', { kind: 'classes', path, input, answer: answer.name });
        }
    });

    it('words are read by words, letters by letters, lists of numbers as they are', async () => {
      const path = await write(
        'rows.jsonl',
        many((k) =>
          JSON.stringify({
            word: `abc${k % 9}`,
            say: `one two three ${k % 4}`,
            way: Array.from({ length: 9 }, () => [k, 1.5]),
            one: [1, k, 3],
            kind: k % 2 === 0 ? 'x' : 'y',
          }),
        ),
      );
      const columns = await columnsOf(join(folder, path));
      const with_ = (name: string): Promise<string> =>
        own('classification', { kind: 'classes', path, input: columns.find((column) => column.name === name)!, answer: 'kind' });
      assert.match(await with_('word'), /table\("rows\.jsonl", by: char,\n/);
      assert.match(await with_('say'), /table\("rows\.jsonl", by: word, minimum: 2,\n/);
      const way = await with_('way');
      assert.match(way, /model Own\(text: \[T, 2\], answer: one of Answer\) \{\n {2}h {6}= lstm\(text, 64\)/);
      assert.match(way, /table\("rows\.jsonl", normalise: true,\n/);
      assert.match(await with_('one'), /text: \[T, 1\]/);
    });

    it('a series: any columns of numbers, any steps ahead', async () => {
      const path = await write('m.tsv', ['a\tb b\tc', ...Array.from({ length: 1500 }, (_, k) => `${k % 24}\t${k % 7}\t${(k * k) % 11}`)]);
      for (const steps of [1, 7, 24, 48])
        for (const past of [['a'], ['a', 'b b'], ['c', 'b b', 'a']]) {
          const source = await own('forecasting', { kind: 'series', path, past, ahead: 'b b', steps });
          assert.match(source, new RegExp(`ahead: \\[${steps}\\]`));
          assert.match(source, new RegExp(`following\\("b b", ${steps}\\)`));
          assert.match(source, new RegExp(`seasonal\\(${steps}\\)\\] *// .* ${steps} steps ago`));
          const comments = new Set(
            source
              .split('\n')
              .filter((line) => /^ {2}(h|forecast|loss) .*\/\//.test(line))
              .map((line) => line.indexOf('//')),
          );
          assert.equal(comments.size, 1, source);
        }
    });

    it('tags: two columns of equally many words', async () => {
      const path = await write('t.csv', ['Sentence,Kinds', ...many((k) => `the ${k % 2 === 0 ? 'cat' : 'dog'} sat,d n v`)]);
      const source = await own('tagging', { kind: 'tags', path, words: 'Sentence', tags: 'Kinds' });
      assert.match(source, /words: {3}column\("Sentence"\),\n {2}tags: {4}column\("Kinds"\),/);
    });
  });

  it('a model that is called like something of the file gets another name', async () => {
    for (const name of ['Word', 'Tag', 'T']) {
      await copyFile(join(root, 'examples', 'sentences.tsv'), join(folder, 'sentences.tsv'));
      const { file, text } = await made(named('tagging'), name);
      assert.deepEqual(await faultsOf(file), []);
      assert.match(text, new RegExp(`^model ${name}Model\\(`, 'm'));
    }
  });

  it('a sample is what the template reads', async () => {
    await copyFile(join(root, 'examples', 'words.csv'), join(folder, 'words.csv'));
    const { file } = await made(named('classification'), 'Sample');
    const { data } = await openJob(file);
    assert.deepEqual(
      data.vocabularies.Answer!.tokens.filter((token) => !token.startsWith('‹')),
      ['Amber', 'Cobalt', 'Indigo', 'Olive', 'Ruby', 'Slate', 'Teal'],
    );
  });
});

describe('what is filled in', () => {
  it('the name of a file is the name of its model', () => {
    assert.deepEqual(['my model-2', 'größe', '2 fast', 'a.b', '—'].map(modelName), ['MyModel2', 'Größe', 'Model2Fast', 'AB', 'Model']);
  });

  it('a prompt is the beginning of the text', () => {
    assert.deepEqual(['\n\n  It was a dark night.\nSo', 'Chapter 1\nIt was', '', 'x'.repeat(60)].map(promptOf), [
      'It was a ',
      'Chapter 1',
      '',
      'x'.repeat(40),
    ]);
  });

  it('numbers a step of a list, also where the example is cut short', () => {
    const column = (...examples: string[]): Column => ({ name: 'x', kind: 'text', examples });
    assert.deepEqual(
      [
        column('[1,2]', '[3]'),
        column('[[1,-2],[3,4e-3]]'),
        column('[[1, 2, 3], [4, 5…'),
        column('["a","b"]'),
        column('[1,2]', 'no'),
        column('a b'),
      ].map(numbersAStep),
      [1, 2, 3, undefined, undefined, undefined],
    );
  });
});
