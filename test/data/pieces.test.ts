// Byte pairs: the example of the paper, and texts that come back as they were.

import assert from 'node:assert/strict';
import { learnPieces } from '../../src/data/pieces.ts';
import { loadText } from '../../src/data/text.ts';
import { coderOf, decode, encode, makeVocabulary } from '../../src/data/vocabulary.ts';
import { random } from '../../src/shared/random.ts';
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
    folder.remove();
  });
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
