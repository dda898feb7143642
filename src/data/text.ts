// A text as a model reads it: a file of UTF-8 cut into characters, words or pieces, numbered by a vocabulary, its end held out.

import { isUtf8 } from 'node:buffer';
import { stat } from 'node:fs/promises';
import type { TextSource } from '../shared/settings.ts';
import { binaryFile, emptyFile, notUtf8, tooLarge, unreadable, utf16File } from './errors.ts';
import { GrowingIds, type Ids, idsFor } from './growing.ts';
import { type Reading, readText, soundPrefix } from './text-stream.ts';
import { checkedVocabulary, coderOf, type Found, Tokens, type Vocabulary, visitTokens } from './vocabulary.ts';

/** A text in numbers: training part, then what is held out for validation, then for the test. */
export interface Corpus {
  readonly source: TextSource;
  readonly vocabulary: Vocabulary;
  readonly training: Ids;
  readonly validation: Ids;
  readonly test: Ids;
  /** SHA-256 of the file, hexadecimal: tells whether it has changed since. */
  readonly digest: string;
}

/** Largest file that is read, in bytes: its text goes by in pieces, its numbers are held in memory. */
const LIMIT = 2 ** 31;

/** Reads the text of a `data` line. A run that goes on gives its own vocabulary. Throws DataError. */
export async function loadText(source: TextSource, vocabulary?: Vocabulary, reading?: Reading): Promise<Corpus> {
  const { size } = await stat(source.path).catch((error: unknown) => {
    throw unreadable(source.path, error);
  });
  if (size > LIMIT) throw tooLarge(source.path, size, LIMIT);
  const tokens = new Tokens();
  const met = new GrowingIds();
  const counts: number[] = [];
  const take = (token: string): void => {
    const number = tokens.number(token);
    counts[number] = (counts[number] ?? 0) + 1;
    met.push(number);
  };
  const cutter = new Cutter(source, take);
  const pieces = readText(source.path, reading);
  let piece = await pieces.next();
  for (; piece.done !== true; piece = await pieces.next()) cutter.add(piece.value);
  cutter.end();
  const digest = piece.value;
  const parts = partsOf(met.length, source);
  const found = vocabulary === undefined ? learned(tokens, counts, met, parts.training, source) : known(vocabulary, tokens.tokens);
  const { ids, ends } = numbered(met, found, [parts.training, parts.training + parts.validation]);
  const [end, last] = source.by === 'pieces' ? endsOfPieces(ids.length, ends, source) : ends;
  return {
    source,
    vocabulary: found.vocabulary,
    training: ids.subarray(0, end),
    validation: ids.subarray(end, last),
    test: ids.subarray(last),
    digest,
  };
}

/** How many tokens each part has: the end is held out, validation before test. Validation's share is one of what the test leaves. */
function partsOf(length: number, { validation, test }: TextSource): Readonly<Record<'training' | 'validation' | 'test', number>> {
  const held = (share: number, of: number): number => Math.min(of, share < 1 ? Math.floor(of * share) : share);
  const testing = held(test, length);
  const validating = held(validation, length - testing);
  return { training: length - testing - validating, validation: validating, test: testing };
}

/** Where the training part of pieces ends, and the validation part: shares end between two words, numbers count pieces. */
function endsOfPieces(length: number, [end, last]: readonly [number, number], { validation, test }: TextSource): readonly [number, number] {
  const behind = test < 1 ? last : Math.max(0, length - test);
  return [validation < 1 ? Math.min(end, behind) : Math.max(0, behind - validation), behind];
}

/** The vocabulary of what was met: of the whole text where every token is a class, of the training part where there is ‹unknown› for the others. */
function learned(tokens: Tokens, counts: readonly number[], met: GrowingIds, training: number, source: TextSource): Found {
  const isWhole = (source.by !== 'pieces' && source.minimum <= 1) || training < 1;
  if (isWhole || tokens.tokens.length < 2) return checkedVocabulary(tokens.tokens, counts, source);
  const own = new Int32Array(tokens.tokens.length);
  met.visit(
    (id) => {
      own[id]! += 1;
    },
    0,
    training,
  );
  return checkedVocabulary(tokens.tokens, own, source);
}

function known(vocabulary: Vocabulary, tokens: readonly string[]): Found {
  const coder = coderOf(vocabulary);
  return { vocabulary, classes: tokens.map(coder) };
}

/** What was met in the classes of the vocabulary, and where the classes of the first `places` tokens end. */
function numbered(
  met: GrowingIds,
  { vocabulary, classes }: Found,
  places: readonly [number, number],
): { readonly ids: Ids; readonly ends: readonly [number, number] } {
  if (classes instanceof Int32Array) return { ids: met.renumbered(classes, vocabulary.tokens.length), ends: places };
  const lengthOf = (from: number, to?: number): number => {
    let length = 0;
    met.visit(
      (id) => {
        length += classes[id]!.length;
      },
      from,
      to,
    );
    return length;
  };
  const end = lengthOf(0, places[0]);
  const last = end + lengthOf(...places);
  const ids = idsFor(vocabulary.tokens.length, last + lengthOf(places[1]));
  let at = 0;
  met.visit((id) => {
    for (const piece of classes[id]!) ids[at++] = piece;
  });
  return { ids, ends: [end, last] };
}

/** Longest run of characters that is kept to be cut together with what follows. */
const LONGEST = 2 ** 16;

/** Cuts a text that comes in pieces as if it came at once: what may go on in the next piece waits for it. */
class Cutter {
  readonly #source: TextSource;
  readonly #take: (token: string) => void;
  #rest = '';

  constructor(source: TextSource, take: (token: string) => void) {
    this.#source = source;
    this.#take = take;
  }

  add(text: string): void {
    if (this.#source.by === 'char') {
      visitTokens(text, this.#source, this.#take);
      return;
    }
    if (this.#source.by === 'pieces') {
      // All but the last stretch are whole.
      let last = '';
      visitTokens(this.#rest + text, this.#source, (stretch) => {
        if (last !== '') this.#take(last);
        last = stretch;
      });
      this.#rest = last;
      return;
    }
    const whole = this.#rest + text;
    // A word ends before white space at the latest.
    const end = /[^\s]*$/u.exec(whole.slice(-LONGEST))![0].length;
    const cut = end === Math.min(whole.length, LONGEST) ? whole.length : Math.max(0, whole.length - end - 1);
    this.#rest = whole.slice(cut);
    visitTokens(whole.slice(0, cut), this.#source, this.#take);
  }

  end(): void {
    visitTokens(this.#rest, this.#source, this.#take);
    this.#rest = '';
  }
}

/** The text of a small file's bytes, without a byte order mark. Throws DataError where they are no UTF-8 text. */
export function decodeText(path: string, bytes: Buffer): string {
  if (bytes.length === 0) throw emptyFile(path);
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) throw utf16File(path);
  const zero = bytes.indexOf(0);
  if (zero >= 0) throw binaryFile(path, zero + 1);
  if (!isUtf8(bytes)) {
    const sound = soundPrefix(bytes);
    const before = bytes.subarray(0, sound);
    const line = before.filter((byte) => byte === 0x0a).length + 1;
    throw notUtf8(path, line, sound - before.lastIndexOf(0x0a), bytes[sound]!);
  }
  const text = new TextDecoder().decode(bytes);
  if (text === '') throw emptyFile(path);
  return text;
}
