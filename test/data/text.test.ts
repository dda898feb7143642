import assert from 'node:assert/strict';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataError } from '../../src/data/errors.ts';
import { loadText } from '../../src/data/text.ts';
import { decode, encode, makeVocabulary, visitTokens } from '../../src/data/vocabulary.ts';
import { trainingWindows, validationWindows } from '../../src/data/windows.ts';
import type { TextSource } from '../../src/shared/settings.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unroll-data-'));
});
afterEach(() => rm(folder, { recursive: true }));

const source = (path: string, more: Partial<TextSource> = {}): TextSource => ({
  kind: 'text',
  path,
  by: 'char',
  lower: false,
  minimum: 1,
  test: 0,
  seed: 1,
  validation: 0.1,
  ...more,
});

async function corpus(content: string | Buffer, more: Partial<TextSource> = {}) {
  const path = join(folder, 'some.txt');
  await writeFile(path, content);
  return loadText(source(path, more));
}

async function fault(content: string | Buffer, more: Partial<TextSource> = {}): Promise<string> {
  return message(() => corpus(content, more));
}

async function message(action: () => unknown): Promise<string> {
  try {
    await action();
  } catch (error) {
    assert.ok(error instanceof DataError, String(error));
    return `${error.about}: ${error.message.replaceAll(folder, '')}`;
  }
  return 'accepted';
}

describe('text', () => {
  it('numbers the characters in their order and holds the end out', async () => {
    const { vocabulary, training, validation } = await corpus('banana bread');
    assert.deepEqual(vocabulary.tokens, [' ', 'a', 'b', 'd', 'e', 'n', 'r']);
    assert.deepEqual([...training], [2, 1, 5, 1, 5, 1, 0, 2, 6, 4, 1]);
    assert.deepEqual([...validation], [3]);
  });

  it('sorts by code point and keeps characters whole', async () => {
    const { vocabulary } = await corpus('z😀\uff5eaé');
    assert.deepEqual(vocabulary.tokens, ['a', 'z', 'é', '\uff5e', '😀']);
  });

  it('drops a byte order mark', async () => {
    assert.deepEqual((await corpus('\ufeffab')).vocabulary.tokens, ['a', 'b']);
  });

  it('cuts words, and sets them again', () => {
    const text = "Don't stop (now), Ada!\nWell-known naïveté.";
    const by = { by: 'word', lower: false } as const;
    const words: string[] = [];
    visitTokens(text, by, (word) => words.push(word));
    assert.deepEqual(words, ["Don't", 'stop', '(', 'now', ')', ',', 'Ada', '!', '\n', 'Well-known', 'naïveté', '.']);
    const vocabulary = makeVocabulary(text, source('', by));
    assert.equal(decode(vocabulary, encode(vocabulary, text)), text);
  });

  it('puts rare words together as ‹unknown›', async () => {
    const { vocabulary, training } = await corpus('a b a c a b', { by: 'word', minimum: 2, validation: 0 });
    assert.deepEqual(vocabulary, { by: 'word', lower: false, tokens: ['‹unknown›', 'a', 'b'], unknown: 0 });
    assert.deepEqual([...training], [1, 2, 1, 0, 1, 2]);
    assert.equal(decode(vocabulary, training), 'a b a ‹unknown› a b');
  });

  it('learns what is frequent from the training part, and splits as tables do', async () => {
    const content = `${'a b c d '.repeat(4)}z z z z`;
    const { vocabulary, validation } = await corpus(content, { by: 'word', minimum: 2, validation: 0.2 });
    assert.deepEqual(vocabulary.tokens, ['‹unknown›', 'a', 'b', 'c', 'd']);
    assert.deepEqual([...validation], [0, 0, 0, 0]);
    const split = await corpus('ab'.repeat(50), { validation: 0.25, test: 0.2 });
    assert.deepEqual([split.training.length, split.validation.length, split.test.length], [60, 20, 20]);
  });

  it('lowers the case where told to', async () => {
    assert.deepEqual((await corpus('Ab aB', { lower: true })).vocabulary.tokens, [' ', 'a', 'b']);
  });

  it('says what is wrong with a file', async () => {
    assert.equal(
      await message(() => loadText(source(join(folder, 'none.txt')))),
      'missing: There is no file /none.txt. Put the text there, or change the path in the data line.',
    );
    assert.match(await message(() => loadText(source(folder))), /^data: .* is a folder\./);
    assert.match(await fault(''), /^data: some.txt is empty\./);
    assert.match(await fault('\ufeff'), /^data: some.txt is empty\./);
    assert.match(await fault('x'), /^data: some.txt holds only the character "x"/);
    assert.match(await fault('xxxxxx'), /^data: some.txt holds only the character "x"/);
    assert.match(await fault(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1])), /^data: some.txt is no text: byte 5 is 0\./);
    assert.match(await fault(Buffer.from('\ufeffab', 'utf16le')), /^data: some.txt is encoded as UTF-16\. Save it as UTF-8\./);
    assert.match(
      await fault(Buffer.concat([Buffer.from('gut\nschön '), Buffer.from([0xe4]), Buffer.from('b\n')])),
      /^data: some.txt is not UTF-8: line 2, byte 8 is 0xe4\./,
    );
    assert.match(await fault('a b c', { by: 'word', minimum: 2 }), /^minimum: No word of some.txt occurs 2 times/);
  });

  it('does not read what memory is not made for', async () => {
    const path = join(folder, 'large.txt');
    await writeFile(path, '');
    await truncate(path, 3 * 2 ** 30);
    assert.match(
      await message(() => loadText(source(path))),
      /^data: large.txt has 3,072 MiB; texts of up to 2,048 MiB are held in memory\./,
    );
  });

  it('names the characters that a model has not seen', async () => {
    const { vocabulary } = await corpus('hello');
    assert.match(
      await message(() => encode(vocabulary, 'help!')),
      /^prompt: The model has never seen "p", "!": its text has 4 other characters/,
    );
    assert.match(
      await message(() => encode({ by: 'label', lower: false, tokens: ['B', 'T'] }, 'X')),
      /^prompt: The model has never seen "X": its text has 2 other classes/,
    );
  });
});

describe('windows', () => {
  const text = Array.from({ length: 50 }, (_, k) => String.fromCharCode(65 + k)).join('');
  const show = ({ ids, next }: { ids: Int32Array; next: Int32Array }): string =>
    [ids, next].map((part) => Array.from(part, (id) => String.fromCharCode(65 + id)).join('')).join('>');

  it('cuts the text into rows whose windows follow each other', async () => {
    const windows = trainingWindows(await corpus(text, { validation: 0 }), 2, 4);
    assert.equal(windows.count, 6);
    assert.equal(show(windows.at(0)), 'AYBZC[D\\>BZC[D\\E]');
    assert.equal(show(windows.at(1)), 'E]F^G_H`>F^G_H`Ia');
    assert.deepEqual([windows.at(0).reset, windows.at(1).reset], [true, false]);
  });

  it('knows the character after the last of a row', async () => {
    const windows = trainingWindows(await corpus(text.slice(0, 9), { validation: 0 }), 2, 4);
    assert.equal(windows.count, 1);
    assert.equal(show(windows.at(0)), 'AEBFCGDH>BFCGDHEI');
  });

  it('lets rows overlap where the validation part is short', async () => {
    const windows = validationWindows(await corpus(text, { validation: 0.2 }), 3, 5)!;
    assert.equal(windows.count, 1);
    assert.deepEqual([...windows.at(0).ids.subarray(0, 3)], [40, 42, 44]);
  });

  it('leads the rows of the validation part by what stands before them', async () => {
    const windows = validationWindows(await corpus(text, { validation: 0.4 }), 2, 4)!;
    assert.equal(show(windows.lead!), '[d\\e]f^g>\\e]f^g_h');
    assert.equal(show(windows.at(0)), '_h`iajbk>`iajbkcl');
    assert.deepEqual([windows.lead!.reset, windows.at(0).reset], [true, false]);
  });

  it('has no validation where none is held out', async () => {
    assert.equal(validationWindows(await corpus(text, { validation: 0 }), 2, 4), undefined);
  });

  it('says what is too long', async () => {
    const some = await corpus(text);
    assert.match(
      await message(() => trainingWindows(some, 2, 100)),
      /^window: The window of 100 is longer than the training part of some.txt \(45 characters\)\. Set a window of at most 44/,
    );
    assert.match(
      await message(() => validationWindows(some, 2, 10)),
      /^window: The window of 10 is longer than the validation part of some.txt \(5 characters\)/,
    );
    assert.match(
      await message(() => trainingWindows(some, 10, 8)),
      /^batch: The training part of some.txt \(45 characters\) is too short for 10 rows of a window of 8, which take 81\. Set batch: 5 or window: 4 or less/,
    );
  });
});
