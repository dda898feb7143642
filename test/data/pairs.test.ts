// Sentences and their translations, replies and what was said before: rows of two sequences, their vocabularies, what is known beside them, what is wrong.

import assert from 'node:assert/strict';
import type { Dataset, Part } from '../../src/data/dataset.ts';
import { keptOf, loadDataset, trainingBatches } from '../../src/data/load.ts';
import { previewOf } from '../../src/data/preview.ts';
import { decode } from '../../src/data/vocabulary.ts';
import { visitWords } from '../../src/data/words.ts';
import type { PartName } from '../../src/shared/dataset.ts';
import type { DialogueSource, PairsSource } from '../../src/shared/settings.ts';
import { referencesOf } from '../../src/training/decoded.ts';
import { type Folder, faultOf, input, makeFolder } from './sources.ts';

const translation = [input('source: [S] of English'), input('next target: [T] of French')];
const chat = [input('said: [S] of Word'), input('next reply: [T] of Word')];
const usual = { by: 'word', lower: false, minimum: 1, validation: 0, test: 0, seed: 1 } as const;

const words = (text: string): string[] => {
  const found: string[] = [];
  visitWords(text, (word) => found.push(word));
  return found;
};

describe('words of sentences', () => {
  const cut: readonly (readonly [text: string, words: string])[] = [
    ["L'homme qu'il n'aime pas, c'est l'ami d’Ève.", "L' homme qu' il n' aime pas , c' est l' ami d’ Ève ."],
    ["I don't think it's Tom's; we'll see, we'd've", "I do n't think it 's Tom 's ; we 'll see , we 'd 've"],
    ["the dogs' 3.50 and 1,000 a-t-il 10:30", "the dogs ' 3.50 and 1,000 a-t-il 10:30"],
    ['Wait... (no) «oui»', 'Wait ... ( no ) « oui »'],
    ["D'ACCORD, WON'T", "D' ACCORD , WO N'T"],
  ];
  for (const [text, expected] of cut) it(`of ${text}`, () => assert.equal(words(text).join(' '), expected));

  it('are put together as they were', () => {
    for (const text of [
      "L'homme qu'il n'aime pas, c'est l'ami d’Ève.",
      "I don't think it's Tom's; we'd've gone...",
      "rock'n'roll, O'Brien?",
    ]) {
      const tokens = [...new Set(words(text))];
      const vocabulary = { by: 'word', lower: false, apostrophes: true, tokens } as const;
      assert.equal(
        decode(
          vocabulary,
          words(text).map((word) => tokens.indexOf(word)),
        ),
        text,
      );
    }
  });
});

describe('pairs', () => {
  let folder: Folder;
  beforeEach(() => {
    folder = makeFolder();
  });
  afterEach(() => folder.remove());

  const load = (content: string, more: Partial<PairsSource> = {}, shapes = translation): Promise<Dataset> =>
    loadDataset({ kind: 'pairs', path: folder.write('a.tsv', content), ...usual, ...more }, shapes);
  const fault = (content: string, more: Partial<PairsSource> = {}, shapes = translation): Promise<string> =>
    faultOf(() => load(content, more, shapes), folder);
  const rowsOf = (data: Dataset, name: PartName = 'training'): string[] =>
    Array.from({ length: data.parts[name].size }, (_, k) => {
      const { inputs } = data.parts[name].example(k);
      return data.inputs
        .map(({ name: each, classes }) => [...inputs[each]!].map((id) => data.vocabularies[classes!]!.tokens[id] ?? '?').join(' '))
        .join(' | ');
    });

  it('bind in order, each side with a vocabulary of its own, the predicted one between its begin and end', async () => {
    const data = await load('Go.\tVa donc !\tCC-BY 2.0 (France)\r\nGo on.\tContinue.\tCC-BY\n');
    assert.deepEqual(rowsOf(data), ['Go . | ‹begin› Va donc ! ‹end›', 'Go on . | ‹begin› Continue . ‹end›']);
    assert.deepEqual(data.vocabularies.English!.tokens, ['.', 'Go', 'on']);
    assert.deepEqual(data.vocabularies.French!.tokens, ['‹begin›', '‹end›', '!', '.', 'Continue', 'Va', 'donc']);
    assert.deepEqual(data.ragged, ['S', 'T']);
    const { sizes, inputs } = trainingBatches(data, { batch: 2, window: 1, seed: 1 }).at(0);
    assert.deepEqual([sizes, [...inputs['lengths(S)']!].sort(), [...inputs['lengths(T)']!].sort()], [{ S: 3, T: 5 }, [2, 3], [4, 5]]);
  });

  it('have one vocabulary where both sides are of one dimension', async () => {
    const data = await load('a b\tb c\nc\ta\n', {}, chat);
    assert.deepEqual(data.vocabularies.Word!.tokens, ['‹begin›', '‹end›', 'a', 'b', 'c']);
    assert.deepEqual(rowsOf(data), ['a b | ‹begin› b c ‹end›', 'c | ‹begin› a ‹end›']);
  });

  it('are cut by word, character and piece, in small letters, and know rare words as unknown', async () => {
    const lines = 'Ab ab\tX x\nab cd\tx y\n';
    assert.deepEqual(rowsOf(await load(lines, { lower: true, minimum: 2 })), [
      'ab ab | ‹begin› x x ‹end›',
      'ab ‹unknown› | ‹begin› x ‹unknown› ‹end›',
    ]);
    assert.equal(rowsOf(await load(lines, { by: 'char' }))[0], 'A b   a b | ‹begin› X   x ‹end›');
    const data = await load('low lower\tlowest\nlower low\tlow\n'.repeat(20), { by: 'pieces', pieces: 12 });
    const { tokens } = data.vocabularies.English!;
    assert.ok(tokens.includes('low') && tokens.includes(' lower'), tokens.join());
    const { source } = data.parts.training.example(0).inputs;
    assert.equal(decode(data.vocabularies.English!, source!), 'low lower');
  });

  it('learn 8,000 pieces of 20,000 short pairs within seconds', async () => {
    const chance = (k: number): string =>
      ((k * 2654435761) % 1_000_003).toString(26).replace(/\d/g, (digit) => 'qrstuvwxyz'[Number(digit)]!);
    const lines = Array.from(
      { length: 20_000 },
      (_, k) => `${[3, 5, 7, 11].map((by) => chance((k * by) % 9973)).join(' ')}\t${chance(k % 7919)} ${chance((k * 13) % 9973)}`,
    );
    const start = performance.now();
    const data = await load(lines.join('\n'), { by: 'pieces', pieces: 8000 });
    assert.ok(data.vocabularies.English!.tokens.length > 6000, `${data.vocabularies.English!.tokens.length}`);
    assert.ok(performance.now() - start < 15_000, `${performance.now() - start} ms`);
  }).timeout(30_000);

  it('with a side that is empty or too long are left out, and counted', async () => {
    const long = Array<string>(1000).fill('word').join(' ');
    const data = await load(`a\tb\n\tb\n\nc\t \n${long}\tb\nd\te\n`);
    assert.deepEqual(rowsOf(data), ['a | ‹begin› b ‹end›', 'd | ‹begin› e ‹end›']);
    assert.deepEqual(data.remarks, [
      '2 pairs with an empty side are left out, the first in line 2.',
      '1 pair of more than 100 words on a side is left out (line 5).',
    ]);
    const few = await load('a\tb\nlow lower lowest\tb\na\tb\n', { by: 'pieces', pieces: 12, longest: 3 });
    assert.deepEqual([few.parts.training.size, few.remarks], [2, ['1 pair of more than 3 pieces on a side is left out.']]);
    assert.match(await fault(`${long}\t${long}\n`, { longest: 10 }), /^data: All of a\.tsv is longer than 10 tokens: 1 row is left out/);
  });

  it('keep the translations of one sentence in one part, and give all of them as references', async () => {
    const lines = Array.from({ length: 100 }, (_, k) => `s${Math.floor(k / 2)}\tT${k}`).join('\n');
    const data = await load(lines, { validation: 0.2, test: 10, lower: true });
    const references = (name: PartName): (readonly string[])[] =>
      Array.from({ length: data.parts[name].size }, (_, k) => data.parts[name].references!(k));
    const sources = (name: PartName): Set<number> => new Set(references(name).map(([one]) => Math.floor(Number(one!.slice(1)) / 2)));
    const [training, validation, test] = (['training', 'validation', 'test'] as const).map(sources);
    assert.deepEqual([data.parts.test.size, test!.size, validation!.size, training!.size], [10, 5, 9, 36]);
    assert.equal(new Set([...training!, ...validation!, ...test!]).size, 50);
    assert.ok(references('test').every((own) => own.length === 2 && Math.abs(Number(own[0]!.slice(1)) - Number(own[1]!.slice(1))) === 1));
    // The model knows small letters only.
    assert.match(referencesOf(data, data.parts.test, 0)[0]!, /^t\d+$/);
  });

  it('keep alignments as links of steps', async () => {
    const lines = "The dog's big\tLe chien n'est\t0-0 1-1 2?2\nA\tUn\t0-0\n";
    const data = await load(lines);
    // dog 's: two steps of one word; n' est too; ‹begin› is step 0 of the target.
    assert.deepEqual(linksOf(data.parts.training, 0), ['0-1', '1-2', '2-2', '3?3', '3?4']);
    const file = folder.write('a.align', '0-0\n0-0\n');
    assert.deepEqual(linksOf((await load('the dog\tle chien\nA\tUn\n', { alignments: file })).parts.training, 0), ['0-1']);
    assert.equal((await load('a\tb\tCC-BY 2.0\nb\ta\t0-0\n')).parts.training.alignment, undefined);
    const pieces = await load('low low\tlow lowest\t0-0 1-1\n'.repeat(9), { by: 'pieces', pieces: 8 });
    const [first, last] = [linksOf(pieces.parts.training, 0)[0], linksOf(pieces.parts.training, 0).at(-1)];
    const { lengths } = pieces.parts.training.example(0);
    assert.deepEqual([first, last], ['0-1', `${lengths.S! - 1}-${lengths.T! - 2}`]);
  });

  it('say what is wrong with a line, the file and the model', async () => {
    assert.equal(await fault('a\tb\nc\n'), 'data: a.tsv, line 2 has no tab: "c". A line is a text, a tab, and what belongs to it.');
    assert.match(await fault('a\tb\t0-0\na\tb\t0-7\n'), /^data: a\.tsv, line 2: "0-7" is no alignment of these words/);
    assert.match(await fault('a\tb\nb\ta\n', { alignments: folder.write('b', '0-0\n') }), /^data: b has 1 line and a\.tsv 2\./);
    assert.match(await fault('\t\n \t\n'), /^data: a\.tsv has no rows/);
    assert.match(await fault(''), /^data: a\.tsv is empty/);
    assert.equal(
      await fault('a\tb\n', {}, [input('source: [S] of English')]),
      'columns: pairs gives source: [S] of A and target: [T] of B; the model has source: [S] of English. Give the model these inputs.',
    );
    assert.match(await fault('a b\tc\n', {}, [input('a: [T] of A'), input('= b: [T] of B')]), /^columns: a\.tsv, line 1: a has 2, b has 1/);
    assert.match(await fault(new TextDecoder().decode(new Uint8Array([0x61, 9, 0]))), /is no text: byte 3 is 0/);
  });

  it('open again with what a run has kept', async () => {
    const first = await load('a b\tx\nb\ty z\n', { minimum: 1 });
    const again = await loadDataset(first.source, translation, keptOf(first));
    assert.deepEqual([rowsOf(again), again.digest], [rowsOf(first), first.digest]);
  });

  it('are previewed', async () => {
    const preview = previewOf(await load('a b\tx\nb\ty z\n'));
    assert.deepEqual(
      preview.inputs.map(({ from, type }) => [from, type]),
      [
        ['before the tab, by word', '[S] of English'],
        ['behind the tab, by word', '[T] of French'],
      ],
    );
    assert.deepEqual(preview.examples[0]!.cells, { source: ['a', 'b'], target: ['‹begin›', 'x', '‹end›'] });
  });

  describe('of a dialogue', () => {
    const talk = (content: string, more: Partial<DialogueSource> = {}): Promise<Dataset> =>
      loadDataset({ kind: 'dialogue', path: folder.write('d.txt', content), ...usual, ...more }, chat);

    it('are replies with what was said before, within a conversation', async () => {
      const data = await talk('hi\nhello\nbye\n\nyes ?\nno\n\nalone\n');
      assert.deepEqual(rowsOf(data), ['hi | ‹begin› hello ‹end›', 'hello | ‹begin› bye ‹end›', 'yes ? | ‹begin› no ‹end›']);
      assert.equal(data.vocabularies.Word!.tokens.length, 2 + 6);
    });

    it('may stand in lines with a tab', async () => {
      assert.deepEqual(rowsOf(await talk('hi\thello\nwho\tme\n')), ['hi | ‹begin› hello ‹end›', 'who | ‹begin› me ‹end›']);
      assert.match(await faultOf(() => talk('hi\thello\nwho\n'), folder), /^data: d\.txt, line 2 has no tab/);
    });

    it('are held out by whole conversations', async () => {
      const content = Array.from({ length: 30 }, (_, k) => `a${k}\nb${k}\nc${k}\n`).join('\n');
      const data = await talk(content, { validation: 0.2 });
      const held = new Set(Array.from({ length: data.parts.validation.size }, (_, k) => data.parts.validation.references!(k)[0]!.slice(1)));
      const learned = Array.from({ length: data.parts.training.size }, (_, k) => data.parts.training.references!(k)[0]!.slice(1));
      assert.equal(data.parts.validation.size, 12);
      assert.ok(held.size === 6 && learned.every((each) => !held.has(each)));
    });
  });
});

const linksOf = (part: Part, index: number): string[] =>
  part.alignment!(index)!.map(({ source, target, sure }) => `${source}${sure ? '-' : '?'}${target}`);
