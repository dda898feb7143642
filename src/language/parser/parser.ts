// Text to syntax tree, with its faults. No names are resolved here.

import type { IToken } from 'chevrotain';
import {
  type AstNode,
  createDefaultCoreModule,
  createDefaultSharedCoreModule,
  EmptyFileSystem,
  inject,
  type LangiumCoreServices,
  type Module,
  type ParseResult,
  type PartialLangiumCoreServices,
} from 'langium';
import type { Fault, SourceRange } from '../../shared/source.ts';
import type { Expression, File } from '../generated/ast.ts';
import { UnrollGeneratedModule, UnrollGeneratedSharedModule } from '../generated/module.ts';
import { complete } from './complete.ts';
import { LineLexer } from './lexer.ts';
import { PlainLexerMessages, PlainMessages } from './messages.ts';
import { Literals, UnicodeTokens } from './tokens.ts';

/** What Langium's services for this language differ in; the language server adds to it. */
export const unrollModule: Module<LangiumCoreServices, PartialLangiumCoreServices> = {
  parser: {
    TokenBuilder: () => new UnicodeTokens(),
    ValueConverter: () => new Literals(),
    Lexer: (services) => new LineLexer(services),
    ParserErrorMessageProvider: () => new PlainMessages(),
    LexerErrorMessageProvider: () => new PlainLexerMessages(),
  },
};

let shared: LangiumCoreServices | undefined;
function services(): LangiumCoreServices {
  if (shared === undefined) {
    const common = inject(createDefaultSharedCoreModule(EmptyFileSystem), UnrollGeneratedSharedModule);
    shared = inject(createDefaultCoreModule({ shared: common }), UnrollGeneratedModule, unrollModule);
    common.ServiceRegistry.register(shared);
  }
  return shared;
}

export interface Parsed<Tree> {
  readonly tree: Tree;
  readonly faults: readonly Fault[];
}

export function parseFile(text: string, uri: string): Parsed<File> {
  const result = services().parser.LangiumParser.parse<File>(text);
  return { tree: complete(result.value), faults: syntaxFaults(result, text, uri) };
}

/** One expression: a breakpoint's condition, a watch. */
export function parseExpression(text: string): Parsed<Expression> {
  const result = services().parser.LangiumParser.parse<Expression>(text, { rule: 'Expression' });
  return { tree: complete(result.value), faults: syntaxFaults(result, text, '') };
}

/** At most one fault a line, the first: the others are mostly its echo. */
export function syntaxFaults(result: ParseResult<AstNode>, text: string, uri: string): Fault[] {
  const found: { offset: number; length: number; message: string }[] = [];
  for (const { offset, length, message } of result.lexerErrors) found.push({ offset, length, message });
  for (const error of result.parserErrors) {
    const { token, message } = error;
    // a brace that is left over where an item broke off is the echo of that fault
    if (token.image === '}' && error === result.parserErrors.at(-1) && found.length > 0) continue;
    if (Number.isFinite(token.startOffset)) found.push({ offset: token.startOffset, length: token.image.trim().length, message });
    else {
      const { previousToken } = error as unknown as { previousToken?: IToken };
      found.push({ offset: (previousToken?.endOffset ?? -1) + 1, length: 0, message });
    }
  }
  const starts = lineStarts(text);
  const seen = new Set<number>();
  const faults: Fault[] = [];
  for (const { offset, length, message } of found.sort((a, b) => a.offset - b.offset)) {
    const range = rangeAt(starts, text, uri, offset, Math.max(1, length));
    if (seen.has(range.start.line)) continue;
    seen.add(range.start.line);
    faults.push({ range, severity: 'error', code: 'syntax', message });
  }
  return faults;
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function rangeAt(starts: readonly number[], text: string, uri: string, from: number, length: number): SourceRange {
  const offset = Math.min(from, text.length);
  let line = 0;
  while (line + 1 < starts.length && starts[line + 1]! <= offset) line += 1;
  const column = offset - starts[line]!;
  return { uri, start: { line, column }, end: { line, column: column + length } };
}
