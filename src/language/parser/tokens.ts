// Token types and the values of literals, where Langium's own do not fit.

import type { TokenType } from 'chevrotain';
import { type CstNode, DefaultTokenBuilder, DefaultValueConverter, type GrammarAST, ValueConverter } from 'langium';

/** Keywords give way to longer names. Langium 4.4 compares with the pattern of ID without its Unicode flag, under which `\p{L}` is
 *  nothing, so that `orthogonal` would be read as `or` and `thogonal`. */
export class UnicodeTokens extends DefaultTokenBuilder {
  protected override findLongerAlt(keyword: GrammarAST.Keyword, terminals: TokenType[]): TokenType[] {
    const isWord = /^\w+$/.test(keyword.value);
    return isWord ? terminals.filter((terminal) => terminal.name === 'ID') : super.findLongerAlt(keyword, terminals);
  }
}

/** Numbers may be grouped (10_000); names are compared in NFC. */
export class Literals extends DefaultValueConverter {
  protected override runConverter(
    rule: GrammarAST.AbstractRule,
    input: string,
    node: CstNode,
  ): ReturnType<DefaultValueConverter['convert']> {
    switch (rule.name) {
      case 'NUMBER':
        return Number(input.replaceAll('_', ''));
      case 'STRING':
        return ValueConverter.convertString(input);
      case 'ID':
      case 'Name':
        return input.normalize('NFC');
      default:
        return super.runConverter(rule, input, node);
    }
  }
}
