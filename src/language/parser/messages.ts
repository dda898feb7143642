// What a syntax error says: the cause and the repair in the reader's words, never a list of token types.

import type { IToken, TokenType } from 'chevrotain';
import { DefaultLexerErrorMessageProvider, LangiumParserErrorMessageProvider } from 'langium';
import { surroundings } from './lexer.ts';

/** Signs of other notations. */
const signs: Readonly<Record<string, string>> = {
  '⊙': 'The elementwise product is written `*`.',
  '∘': 'The elementwise product is written `*`.',
  '×': 'A product is written `*` (elementwise) or `@` (of matrices).',
  '·': 'A product is written `*` (elementwise) or `@` (of matrices).',
  '⋅': 'A product is written `*` (elementwise) or `@` (of matrices).',
  '^': 'A power is written `**`.',
  '|': 'Write `or`.',
  '&': 'Write `and`.',
  '!': 'Write `not`.',
  '#': 'A comment begins with `//`.',
  '"': 'This text is not closed: `"` is missing before the end of the line.',
  '\u201c': 'Write straight quotes: `"`.',
  '\u201d': 'Write straight quotes: `"`.',
  '\u2018': "Write a straight `'`.",
  '\u2019': "Write a straight `'`.",
  '\u2032': "Write a straight `'`.",
  '\u2212': 'Write a plain `-`.',
  '≤': 'Write `<=`.',
  '≥': 'Write `>=`.',
  '≠': 'Write `!=`.',
};

const noLoops = 'There are no loops: a cell runs over a sequence by itself, and `layers: n` repeats it in depth.';
const useFile = 'Cells of another file are brought in by `use "file.rnn"`.';
const writeCell = 'A cell is written `cell name(x: [I], size H) { ... }`.';
const writeEquation = 'A line is an equation: `name = value`.';
/** Words of other languages. */
const words: ReadonlyMap<string, string> = new Map([
  ['for', noLoops],
  ['while', noLoops],
  ['if', 'There is no `if`: write `where(condition, a, b)`.'],
  ['else', 'There is no `else`: write `where(condition, a, b)`.'],
  ['return', 'There is no `return`: the last equation of a cell is its value.'],
  ['import', useFile],
  ['from', useFile],
  ['include', useFile],
  ['def', writeCell],
  ['class', writeCell],
  ['layer', writeCell],
  ['fn', writeCell],
  ['let', writeEquation],
  ['var', writeEquation],
  ['const', writeEquation],
]);

/** How the items of a file look, for one that is not told from its first words. */
const forms: ReadonlyMap<string, string> = new Map([
  ['use', 'use "cells.rnn"'],
  ['cell', 'cell name(x: [I], size H) { ... }'],
  ['model', 'model Name(input: [T] of Char) { ... }'],
  ['data', 'data name = text("book.txt", by: char)'],
  ['train', 'train Model on data { epochs: 5 }'],
  ['generate', 'generate Model { length: 200 }'],
]);

const operators = /^(@|\*\*?|\/|%|\+|-|<=?|>=?|==|!=|and|or|not)$/;

export class PlainLexerMessages extends DefaultLexerErrorMessageProvider {
  override buildUnexpectedCharactersMessage(text: string, offset: number): string {
    const sign = String.fromCodePoint(text.codePointAt(offset)!);
    return signs[sign] ?? (/\p{C}/u.test(sign) ? 'This character has no meaning here.' : `\`${sign}\` has no meaning here.`);
  }
}

interface Slip {
  readonly actual: IToken;
  readonly previous: IToken | undefined;
  readonly expected: string;
  readonly rule: string;
}

export class PlainMessages extends LangiumParserErrorMessageProvider {
  override buildMismatchTokenMessage(slip: { expected: TokenType; actual: IToken; previous: IToken; ruleName: string }): string {
    return explain({ ...slip, expected: spoken(slip.expected), rule: slip.ruleName });
  }
  override buildNoViableAltMessage(slip: Parameters<LangiumParserErrorMessageProvider['buildNoViableAltMessage']>[0]): string {
    return explain({ actual: slip.actual[0]!, previous: slip.previous, expected: 'a value', rule: slip.ruleName });
  }
  override buildEarlyExitMessage(slip: Parameters<LangiumParserErrorMessageProvider['buildEarlyExitMessage']>[0]): string {
    return explain({ actual: slip.actual[0]!, previous: slip.previous, expected: 'a value', rule: slip.ruleName });
  }
  override buildNotAllInputParsedMessage({ firstRedundant }: { firstRedundant: IToken; ruleName: string }): string {
    return explain({ actual: firstRedundant, previous: undefined, expected: 'the end of the file', rule: 'File' });
  }
}

function explain({ actual, previous: last, expected, rule: rawRule }: Slip): string {
  const rule = rawRule.replace(/[^A-Za-z]/g, ''); // Langium marks its rules with an invisible suffix
  const { previous, inside } = surroundings(actual) ?? { previous: last, inside: '' }; // the end of the file is in no list
  const before = previous?.image ?? '';
  const here = actual.image;
  const ends = /^(NL|EOF)$/.test(actual.tokenType.name) || here === '' || here === '}';
  const met = ends ? 'the line ends' : `\`${here}\` was found`;
  const isValue = /^(ID|NUMBER|STRING)$/.test(actual.tokenType.name);
  const isFileLevel = /^(File|Item)$/.test(rule);

  const foreign = words.get(before) ?? words.get(here);
  if (foreign !== undefined && (isFileLevel || rule !== 'Setting')) return foreign;
  if (isFileLevel && forms.has(here)) return `This \`${here}\` is not written as it should be: \`${forms.get(here)}\`.`;
  if (isFileLevel) return `A file holds \`use\`, \`cell\`, \`model\`, \`data\`, \`train\` and \`generate\`; ${met}.`;
  if (operators.test(before) && (ends || /^[)\],;]$/.test(here))) return `\`${before}\` needs a value after it, but ${met}.`;
  if (operators.test(here) && expected === 'a value') return `\`${here}\` needs a value before it.`;
  if (before === '.') return `After \`.\` the name of a field is missing${ends ? '' : `; ${met}`}.`;
  if (before === '=' && ends) return 'This equation has no right side.';
  if (here === '=' && inside === '(') return `A named argument takes a colon: \`${before}: ...\`.`;
  if (rule === 'Setting' && expected === '`:`') return `A setting takes a colon: \`${before}: ...\`.`;
  if (/^(Group|State|Param)$/.test(rule) && expected === '`:`') return `\`${before}\` needs its shape: \`${before}: [H]\`.`;
  if (here === "'" && before === "'") return "One `'` is enough: `h'` is the state at the next step.";
  if (here === '[' && /^(Equation|Line|Cell|Model)$/.test(rule))
    return `A line gives a value to a whole name: \`${before}[...]\` cannot be set.`;
  if (here === '=') return "Before `=` stands one name, or a name with `'`.";
  if ((before === 'size' && !isValue) || (here === 'size' && rule === 'Input')) return '`size` needs a name: `size H`.';
  if (rule === 'Data' && expected === '`=`') return 'Here `=` is missing: `data name = text("book.txt", by: char)`.';
  if (/^(cell|state|param|true|false)$/.test(here)) return `\`${here}\` is a word of the language, and no name.`;
  if (isValue && /[\p{L}\p{N}_)\]"']$/u.test(before)) {
    const products = `is it \`${before} * ${here}\`, \`${before} @ ${here}\``;
    const isGiven = inside === '(' || inside === '[';
    return `\`${before}\` and \`${here}\` stand side by side: ${isGiven ? 'is a comma missing between them?' : `${products}, or two lines?`}`;
  }
  return `Here ${expected} was expected, but ${met}.`;
}

function spoken(token: TokenType): string {
  switch (token.name) {
    case 'ID':
      return 'a name';
    case 'NUMBER':
      return 'a number';
    case 'STRING':
      return 'a text in quotes';
    case 'NL':
      return 'the end of the line';
    case 'EOF':
      return 'the end of the file';
    default:
      return `\`${token.name}\``;
  }
}
