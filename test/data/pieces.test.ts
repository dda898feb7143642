// Byte pairs: the example of the paper, and texts that come back as they were.

import assert from 'node:assert/strict';
import { learnPieces } from '../../src/data/pieces.ts';
import { loadText } from '../../src/data/text.ts';
import { coderOf, decode, encode, makeVocabulary } from '../../src/data/vocabulary.ts';
import { random } from '../../src/shared/random.ts';
import type { TextSource } from '../../src/shared/settings.ts';
import { type Folder, makeFolder, text } from './sources.ts';

describe('byte pairs', () => {
  it('joins the most frequent pair, again and again (Sennrich et al. 2016, figure 1)', () => {
    const counts = new Map([
      ['low', 5],
      ['lower', 2],
      ['newest', 6],
      ['widest', 3],
    ]);
    const { tokens } = learnPieces(counts, 10 + 4);
    // e s, es t, then l o and lo w: 9, 9, 7, 7 times
    assert.deepEqual(tokens.slice(10), ['es', 'est', 'lo', 'low']);
  });

  it('gives back every text to the last space, and joins as it has learned', () => {
    const chance = random(5);
    const make = (): string =>
      Array.from(
        { length: 300 },
        () => ['the', ' cat', '\n', '  ', 'é😀', 'in', 'ing', ' the', '.'][Math.floor(chance.uniform() * 9)],
      ).join('');
    const vocabulary = makeVocabulary(make(), { path: 'x', by: 'pieces', pieces: 40, lower: false, minimum: 1 });
    assert.ok(vocabulary.tokens.length <= 40);
    for (let k = 0; k < 20; k += 1) {
      const sample = make();
      assert.equal(decode(vocabulary, encode(vocabulary, sample)), sample);
    }
    const coder = coderOf(vocabulary);
    for (const [rank, [left, right]] of vocabulary.merges!.entries()) {
      const whole = vocabulary.tokens[left]! + vocabulary.tokens[right]!;
      assert.equal(vocabulary.tokens[vocabulary.tokens.length - vocabulary.merges!.length + rank], whole);
      assert.ok(coder(whole).every((id) => id >= 0));
    }
  });

  it('reads a text by pieces, the vocabulary no larger than asked for', async () => {
    const folder: Folder = makeFolder();
    const content = 'low lower lowest newer newest wide wider widest '.repeat(40);
    const corpus = await loadText(text(folder.write('t.txt', content), { by: 'pieces', pieces: 24, validation: 0.1 }));
    assert.ok(corpus.vocabulary.tokens.length <= 24);
    assert.ok(corpus.training.length < content.length / 2);
    assert.equal(decode(corpus.vocabulary, [...corpus.training, ...corpus.validation]), content);
    // Parts end between two words.
    assert.match(decode(corpus.vocabulary, corpus.validation), /^ \w/);
    folder.remove();
  });
});

describe('byte pairs of a text', () => {
  let folder: Folder;
  beforeEach(() => {
    folder = makeFolder();
  });
  afterEach(() => folder.remove());
  const load = (content: string, more: Partial<TextSource>) => loadText(text(folder.write('t.txt', content), { by: 'pieces', ...more }));

  it('are learned from its training part alone', async () => {
    const { vocabulary, validation, test } = await load(`${'low '.repeat(60)}${'high '.repeat(20)}${'hz '.repeat(20)}`.trim(), {
      pieces: 30,
      validation: 0.25,
      test: 0.2,
    });
    assert.deepEqual(vocabulary.tokens, ['‹unknown›', ' ', 'l', 'o', 'w', 'lo', 'low', ' low']);
    assert.equal(decode(vocabulary, validation.subarray(0, 3)), ' ‹unknown›‹unknown›');
    assert.equal(test.length, 20 * 3);
  });

  it('are counted from the end where a number is held out', async () => {
    const { training, validation } = await load('abcab '.repeat(50), { pieces: 4, validation: 7 });
    assert.deepEqual([validation.length, training.length], [7, 300 - 7]);
  });

  it('end somewhere where no space does', async () => {
    const chance = random(3);
    // Longer than a piece of the file on its way from the disk.
    const content = 'acgtt'.repeat(210_000) + Array.from({ length: 100_000 }, () => 'acgt'[Math.floor(chance.uniform() * 4)]).join('');
    const { vocabulary, training } = await load(content, { pieces: 16, validation: 0 });
    assert.equal(vocabulary.tokens.length, 16);
    assert.equal(decode(vocabulary, training), content);
    const typed = encode(vocabulary, content.slice(-100_000 - 10, -50_000));
    assert.equal(decode(vocabulary, typed), content.slice(-100_000 - 10, -50_000));
  }).timeout(30_000);
});

describe('large texts', () => {
  it('are the same whatever their pieces on the way from the disk', async () => {
    const folder: Folder = makeFolder();
    // Characters of one to four bytes, so that a chunk of the file ends within one.
    const line = 'aé€😀 zebra—’tis\n';
    const content = line.repeat(70_000);
    const path = folder.write('t.txt', content);
    const chars = await loadText(text(path, { validation: 0 }));
    assert.equal(chars.training.length, Array.from(line).length * 70_000);
    assert.equal(chars.training.BYTES_PER_ELEMENT, 1);
    assert.equal(decode(chars.vocabulary, chars.training.subarray(-line.length * 3)).endsWith(line.repeat(2)), true);
    const words = await loadText(text(path, { by: 'word', validation: 0 }));
    assert.deepEqual([...words.vocabulary.tokens].sort(), ['\n', 'aé', 'tis', 'zebra', '—', '’', '€', '😀'].sort());
    assert.equal(words.training.length, 8 * 70_000);
    folder.remove();
  });
});
