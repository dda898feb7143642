// Lines and brackets, settled before the parser sees them.
//
// A line ends with its line unless a bracket is open or an operator says that it goes on; only the line ends that end something are
// left as tokens. A bracket that is never closed is closed where the next statement begins and reported where it was opened; one that
// closes nothing is reported and dropped. So one slip costs one message and one line.

import { createTokenInstance, type ILexingError, type IToken } from 'chevrotain';
import { DefaultLexer, type LexerResult } from 'langium';

export class LineLexer extends DefaultLexer {
  override tokenize(text: string): LexerResult {
    const raw = super.tokenize(text);
    const long = overlong(raw.tokens);
    if (long !== undefined) return { ...raw, tokens: [], errors: [long] };
    const settled = new Settling(raw.tokens, (image) => this.definition[image]!).run();
    return { ...raw, tokens: settled.kept, errors: [...raw.errors, ...settled.errors] };
  }
}

/** Deeper than any equation, and shallow enough for parsers and checkers that descend into it. */
const deepest = 100;
const longest = 500;

/** What would take a parser too deep: brackets within brackets, signs upon signs, an equation without end. */
function overlong(tokens: readonly IToken[]): ILexingError | undefined {
  let depth = 0;
  let signs = 0;
  let length = 0;
  for (const token of tokens) {
    const { image, startOffset: offset, startLine: line, startColumn: column } = token;
    if (image in closing) depth += 1;
    else if (closers.has(image)) depth -= 1;
    signs = /^([-+]|not)$/.test(image) ? signs + 1 : 0;
    length = token.tokenType.name === 'NL' || image === ',' || image === '{' ? 0 : length + 1;
    if (depth <= deepest && signs <= deepest && length <= longest) continue;
    const message =
      length > longest
        ? 'This line is too long: give parts of it lines of their own.'
        : 'This is nested too deeply: give parts of it lines of their own.';
    return { offset, line, column, length: image.length, message };
  }
  return undefined;
}

/** What stands around a token, for messages: the token before it and the bracket it is in ('' outside all). */
export interface Surroundings {
  readonly previous: IToken | undefined;
  readonly inside: string;
}
export const surroundings = (token: IToken): Surroundings | undefined => token.payload as Surroundings | undefined;

const closing: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };
const closers = new Set(Object.values(closing));
/** Operators between two values: a line that begins with one goes on from the line before. */
const infix = new Set(['@', '*', '/', '%', '+', '-', '**', '<', '<=', '>', '>=', '==', '!=', 'and', 'or']);
/** A line that ends with one of these goes on in the next. */
const unfinished = new Set([...infix, '=', ',', ':', ';', '.', 'not']);

class Settling {
  readonly kept: IToken[] = [];
  readonly errors: ILexingError[] = [];
  readonly #open: IToken[] = [];
  readonly #tokens: readonly IToken[];
  readonly #typeOf: (image: string) => IToken['tokenType'];

  constructor(tokens: readonly IToken[], typeOf: (image: string) => IToken['tokenType']) {
    this.#tokens = tokens;
    this.#typeOf = typeOf;
  }

  run(): this {
    this.#tokens.forEach((token, index) => {
      if (token.tokenType.name === 'NL') this.#lineEnd(token, index);
      else if (token.image in closing) {
        this.#keep(token);
        this.#open.push(token);
      } else if (closers.has(token.image)) this.#close(token);
      else this.#keep(token);
    });
    const lastLine = this.#tokens.at(-1)?.endLine ?? 1;
    while (this.#open.length > 0) this.#closeMissing(lastLine + 1);
    return this;
  }

  #keep(token: IToken): void {
    // on the token itself: a weak map of as many entries is what the garbage collector spends its time on
    token.payload = { previous: this.kept.at(-1), inside: this.#open.at(-1)?.image ?? '' } satisfies Surroundings;
    this.kept.push(token);
  }

  #lineEnd(token: IToken, index: number): void {
    const before = this.kept.at(-1);
    if (before === undefined || before.tokenType.name === 'NL') return;
    let following = index + 1;
    while (this.#tokens[following]?.tokenType.name === 'NL') following += 1;
    const next = this.#tokens[following];
    const begins = next === undefined ? 'item' : whatBegins(this.#tokens, following);
    const line = next?.startLine ?? (token.startLine ?? 0) + 1;
    if (begins !== undefined) while (this.#open.length > 0 && this.#open.at(-1)!.image !== '{') this.#closeMissing(line);
    if (begins === 'item' && next !== undefined) while (this.#open.length > 0) this.#closeMissing(line);

    const last = this.kept.at(-1)!;
    if (last.tokenType.name === 'NL' || next === undefined) return;
    if (this.#open.length > 0 && this.#open.at(-1)!.image !== '{') return;
    if (last.image === '{' || (unfinished.has(last.image) && begins === undefined)) return;
    if (next.image === '}' || infix.has(next.image)) return;
    this.#keep(token);
  }

  #close(token: IToken): void {
    if (!this.#open.some((opener) => closing[opener.image] === token.image)) {
      this.#report(token, `This \`${token.image}\` closes nothing.`);
      return;
    }
    while (closing[this.#open.at(-1)!.image] !== token.image) this.#closeMissing(token.startLine ?? 0);
    this.#open.pop();
    this.#keep(token);
  }

  /** Puts in the bracket that is missing, right behind what is there. */
  #closeMissing(line: number): void {
    const opener = this.#open.pop()!;
    const image = closing[opener.image]!;
    const where = opener.image === '{' ? ` before line ${line}` : '';
    this.#report(opener, `This \`${opener.image}\` is not closed: \`${image}\` is missing${where}.`);
    if (image === '}' && this.kept.at(-1)!.tokenType.name === 'NL') this.kept.pop();
    const last = this.kept.at(-1)!;
    const end = (last.endOffset ?? last.startOffset) + 1;
    const column = last.endColumn ?? 0;
    this.#keep(createTokenInstance(this.#typeOf(image), '', end, end - 1, last.endLine ?? line, last.endLine ?? line, column + 1, column));
  }

  #report(token: IToken, message: string): void {
    const { startOffset: offset, startLine: line, startColumn: column, image } = token;
    this.errors.push({ offset, line, column, length: image.length, message });
  }
}

/** What can only begin at this token: an item of the file (`cell name (`), or a line of a body (`name =`, `param name`, `}`). */
function whatBegins(tokens: readonly IToken[], index: number): 'item' | 'line' | undefined {
  const image = (offset: number): string => tokens[index + offset]?.image ?? '';
  const isWord = (text: string): boolean => /^[\p{L}_][\p{L}\p{M}\p{N}_]*$/u.test(text);
  const first = image(0);
  if (first === '}') return 'line';
  if (!isWord(first)) return undefined;
  if (image(1) === '=' || (image(1) === "'" && image(2) === '=')) return 'line';
  if (/^(cell|model|train|generate|data)$/.test(first) && isWord(image(1)) && /^([({=]|on)$/.test(image(2))) return 'item';
  if (first === 'use' && image(1).startsWith('"')) return 'item';
  return /^(param|state)$/.test(first) && isWord(image(1)) ? 'line' : undefined;
}
