// Pieces of an equation's text.

import { PartError } from '../part.ts';
import type { Elementwise, Expression } from './expression.ts';

/** How tightly an expression's text holds together. */
export const level = { comparison: 0, sum: 1, product: 2, unary: 3, power: 4, whole: 5 } as const;

export interface Text {
  readonly text: string;
  readonly level: number;
  /** Number of dimensions that the language sees: a single number may be [1]. */
  readonly rank: number;
}

/** A function or operator over its operands. `text`: that of an operand where something binds as tightly as `at`. Throws PartError. */
export function elementwiseText({ name, operands }: Elementwise, text: (of: Expression, at: number) => Text): Text {
  const binary = (sign: string, own: number, left: number, right: number): Text => {
    const [a, b] = [text(operands[0]!, left), text(operands[1]!, right)];
    return { text: `${a.text} ${sign} ${b.text}`, level: own, rank: Math.max(a.rank, b.rank) };
  };
  switch (name) {
    case 'quotient':
      return binary('/', level.product, level.product, level.unary);
    case 'power':
      return binary('**', level.power, level.whole, level.unary);
    case 'less':
      if (operands[0]!.kind === 'constant') {
        const [a, b] = [text(operands[0]!, level.sum), text(operands[1]!, level.sum)];
        return { text: `${b.text} > ${a.text}`, level: level.comparison, rank: b.rank };
      }
      return binary('<', level.comparison, level.sum, level.sum);
    case 'lessEqual':
      // 0 <= x reads better as x >= 0.
      if (operands[0]!.kind === 'constant') {
        const [a, b] = [text(operands[0]!, level.sum), text(operands[1]!, level.sum)];
        return { text: `${b.text} >= ${a.text}`, level: level.comparison, rank: b.rank };
      }
      return binary('<=', level.comparison, level.sum, level.sum);
    case 'equal':
      return binary('==', level.comparison, level.sum, level.sum);
    case 'and':
    case 'or': {
      const [a, b] = operands.map((operand) => text(operand, level.whole)) as [Text, Text];
      return { text: `(${a.text} ${name} ${b.text})`, level: level.whole, rank: Math.max(a.rank, b.rank) };
    }
    case 'not': {
      const own = text(operands[0]!, level.whole);
      return { text: `(not ${own.text})`, level: level.whole, rank: own.rank };
    }
    case 'erf':
      throw new PartError('The error function Erf stands alone, which the equations have no way to write.');
    default: {
      const given = operands.map((operand) => text(operand, level.comparison));
      const rank = Math.max(...given.map((each) => each.rank));
      return { text: `${name}(${given.map(({ text }) => text).join(', ')})`, level: level.whole, rank };
    }
  }
}
