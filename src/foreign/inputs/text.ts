// A text as ids of its tokens, by the vocabulary that the model was trained with.

import { basename } from 'node:path';
import type { Reading } from '../../data/text-stream.ts';
import { readWholeText } from './bytes.ts';
import { badFile, badValue } from './errors.ts';
import type { Asked, Found } from './found.ts';
import { GrowingElements } from './growing.ts';
import { isObject, parseJson } from './nested.ts';

/** The ids of a text, [tokens], or rows of zeros with a one, [tokens, vocabulary]. Throws InputError where a token has no id. */
export async function textElements({ choice, element, reading, port }: Asked): Promise<Found> {
  const { path, vocabulary: vocabularyPath } = choice;
  if (vocabularyPath === undefined) throw badFile(path, `a vocabulary is wanted, which says the id of each token for ${port.name}.`);
  const ids = await readVocabulary(vocabularyPath, reading);
  const idOf = finder(ids, choice.unknown, vocabularyPath);
  const text = await readWholeText(path, reading);
  const size = ids.values().reduce((most, id) => Math.max(most, id), 0) + 1;
  const elements = new GrowingElements(element, path);
  let count = 0;
  const push = (value: number, at: number): void => {
    const why = elements.push(value);
    if (why !== undefined) throw badValue(path, placeOf(text, at), `${why}.`);
  };
  for (const { token, at } of tokensOf(text, choice.by ?? 'char', choice.lower ?? false)) {
    const id = idOf(token);
    if (id === undefined) {
      // The last line's end belongs to the file, not to the text.
      if (/^[\r\n]$/.test(token) && /^[\r\n]*$/.test(text.slice(at))) break;
      throw badValue(
        path,
        placeOf(text, at),
        `${JSON.stringify(token)} is not in the vocabulary ${basename(vocabularyPath)}. Say which token stands for what is unknown, take it out, or choose another vocabulary.`,
      );
    }
    count += 1;
    if (choice.oneHot !== true) push(id, at);
    else for (let k = 0; k < size; k += 1) push(k === id ? 1 : 0, at);
  }
  if (count === 0) throw badFile(path, 'there are no tokens in it.');
  return { dims: choice.oneHot === true ? [count, size] : [count], data: elements.finish(), what: basename(path), isSequence: true };
}

type Ids = ReadonlyMap<string, number>;

function finder(ids: Ids, unknown: string | undefined, path: string): (token: string) => number | undefined {
  const stranger = unknown === undefined ? undefined : ids.get(unknown);
  if (unknown !== undefined && stranger === undefined)
    throw badFile(path, `the token ${JSON.stringify(unknown)}, which was to stand for what is unknown, is not in it.`);
  return (token) => ids.get(token) ?? stranger;
}

function* tokensOf(text: string, by: 'char' | 'word', lower: boolean): Generator<{ token: string; at: number }> {
  const small = (token: string): string => (lower ? token.toLowerCase() : token);
  if (by === 'word') for (const match of text.matchAll(/\S+/g)) yield { token: small(match[0]), at: match.index };
  else {
    let at = 0;
    for (const character of text) {
      yield { token: small(character), at };
      at += character.length;
    }
  }
}

function placeOf(text: string, at: number): string {
  const before = text.slice(0, at).split('\n');
  return `line ${before.length.toLocaleString('en-US')}, column ${(before.at(-1)!.length + 1).toLocaleString('en-US')}`;
}

/** The ids of tokens. A JSON object has them by token, a JSON list in order from 0; a text has a token a line, numbered from 0, or a token and
 *  its id. The vocabulary of a tokenizer.json is found in it. Throws InputError. */
export async function readVocabulary(path: string, reading: Reading = {}): Promise<Ids> {
  const text = await readWholeText(path, reading);
  const ids = /^\s*[[{]/.test(text) && /\.json$/i.test(path) ? jsonVocabulary(path, parseJson(path, text)) : lineVocabulary(text);
  if (ids.size === 0) throw badFile(path, 'there are no tokens in it.');
  return ids;
}

function jsonVocabulary(path: string, value: unknown): Ids {
  if (Array.isArray(value)) {
    const odd = value.findIndex((token) => typeof token !== 'string');
    if (odd >= 0) throw badFile(path, `element ${odd} of the list is no text. A vocabulary lists its tokens.`);
    return numbered(value as string[]);
  }
  if (!isObject(value)) throw badFile(path, 'it is no vocabulary: an object of ids by token, or a list of tokens.');
  const inner = isObject(value.model) ? value.model.vocab : value.vocab;
  if (isObject(inner) || Array.isArray(inner)) return jsonVocabulary(path, inner);
  const entries = Object.entries(value);
  // As often the other way round: tokens by id.
  const isTurned = entries.length > 0 && entries.every(([key, token]) => /^\d+$/.test(key) && typeof token === 'string');
  return new Map(
    isTurned
      ? entries.map(([id, token]) => [token as string, Number(id)])
      : entries.map(([token, id]) => {
          if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0)
            throw badFile(path, `the id of ${JSON.stringify(token)} is ${JSON.stringify(id)?.slice(0, 40)}. Ids are whole numbers from 0.`);
          return [token, id];
        }),
  );
}

function lineVocabulary(text: string): Ids {
  const lines = text.replace(/\r?\n$/, '').split(/\r?\n/);
  const pairs = lines.map((line) => /^(.*\S|\s)\s+(\d+)$/u.exec(line));
  const full = lines.filter((line) => line !== '').length;
  if (full > 0 && pairs.filter((pair) => pair !== null).length === full)
    return new Map(pairs.flatMap((pair) => (pair === null ? [] : [[pair[1]!, Number(pair[2])] as const])));
  return numbered(lines);
}

/** The first of equal ones counts. */
function numbered(tokens: readonly string[]): Ids {
  const ids = new Map<string, number>();
  tokens.forEach((token, id) => {
    if (!ids.has(token)) ids.set(token, id);
  });
  return ids;
}
