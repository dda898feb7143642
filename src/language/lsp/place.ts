// Where in a source a place is, read off the text: while one types, the syntax is broken more often than not.

import { blanked } from './call-at.ts';

export type ItemKind = 'use' | 'cell' | 'model' | 'data' | 'train' | 'generate';

export interface PlaceInText {
  /** The line up to the place, its strings and comments as spaces. */
  readonly before: string;
  /** The line behind the place. */
  readonly after: string;
  readonly isInComment: boolean;
  /** The text of the string that the place is in, up to the place. */
  readonly inString?: string;
  /** The item that the place is in; absent between items. */
  readonly item?: {
    readonly kind: ItemKind;
    readonly name: string;
    readonly offset: number;
    /** Between its braces. */
    readonly isInBody: boolean;
    /** From its beginning to the place, strings and comments as spaces. */
    readonly text: string;
  };
}

/** A word that begins an item; behind it `:`, `=` or a prime would make it a name. */
const BEGINS = /^[ \t]*(use|cell|model|data|train|generate)\b(?!\s*[:='.)])[ \t]*([\p{L}_][\p{L}\p{M}\p{N}_]*)?/u;

export function placeAt(text: string, offset: number): PlaceInText {
  const plain = blanked(text.slice(0, offset));
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  const lineEnd = text.indexOf('\n', offset);
  const after = text.slice(offset, lineEnd < 0 ? text.length : lineEnd);
  const before = plain.slice(lineStart);
  const line = text.slice(lineStart, offset);
  const open = /^(?:[^"]|"(?:[^"\\]|\\.)*")*?("(?:[^"\\]|\\.)*)?$/.exec(line)?.[1];
  const bare = line.replace(/"(?:[^"\\]|\\.)*("|$)/g, (found) => ' '.repeat(found.length));
  const isInComment = bare.includes('//') || isInBlockComment(text, offset);
  const item = itemAround(plain);
  return {
    before,
    after,
    isInComment,
    ...(open === undefined || isInComment ? {} : { inString: open.slice(1) }),
    ...(item === undefined ? {} : { item }),
  };
}

function isInBlockComment(text: string, offset: number): boolean {
  const open = text.lastIndexOf('/*', offset - 1);
  if (open < 0) return false;
  const close = text.indexOf('*/', open + 2);
  return (close < 0 || close + 2 > offset) && !/\/\/|"/.test(text.slice(text.lastIndexOf('\n', open) + 1, open));
}

/** The last item that begins before the end of a text, unless it is over there. */
function itemAround(plain: string): PlaceInText['item'] {
  for (let end = plain.length; end >= 0; ) {
    const offset = plain.lastIndexOf('\n', end - 1) + 1;
    const text = plain.slice(offset);
    const found = BEGINS.exec(text);
    if (found !== null) {
      const { braces, brackets } = depthOf(text);
      const isOver = braces <= 0 && (text.includes('}') || (text.includes('\n') && brackets <= 0 && !/[=,(]\s*$/.test(text)));
      return isOver ? undefined : { kind: found[1] as ItemKind, name: found[2] ?? '', offset, isInBody: braces > 0, text };
    }
    if (offset === 0) return undefined;
    end = offset - 1;
  }
  return undefined;
}

function depthOf(text: string): { braces: number; brackets: number } {
  let [braces, brackets] = [0, 0];
  for (const letter of text) {
    if (letter === '{') braces += 1;
    else if (letter === '}') braces -= 1;
    else if (letter === '(' || letter === '[') brackets += 1;
    else if (letter === ')' || letter === ']') brackets -= 1;
  }
  return { braces, brackets };
}
