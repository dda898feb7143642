// One call of a function as the rules of its type see it, and what they give.

import type { Argument, Call, Expression } from '../generated/ast.ts';
import type { Aligned, Core, FunctionName, TensorType, Type } from './core.ts';
import { numberOf } from './dimensions.ts';
import { lengthNumber } from './expressions.ts';
import { asTensor, core, type Scope } from './scope.ts';

/** A call of a function, its arguments read. */
export interface Application {
  readonly name: FunctionName;
  readonly node: Call;
  readonly scope: Scope;
  /** Positional arguments, as many as the rule asks for. */
  readonly operands: readonly Core[];
  readonly over: Argument | undefined;
  readonly where: Argument | undefined;
  readonly stride: Argument | undefined;
  readonly output: Argument | undefined;
}

/** The call with its operands aligned, of this type. */
export const finish = (
  { name, node }: Application,
  operands: readonly Aligned[],
  type: Type,
  more: { along?: readonly number[]; where?: Aligned; numbers?: readonly number[] } = {},
): Core =>
  core(
    {
      op: 'function',
      name,
      operands,
      along: more.along ?? [],
      numbers: more.numbers ?? [],
      ...(more.where === undefined ? {} : { where: more.where }),
    },
    type,
    node,
  );

/** An operand of which every dimension stands for itself. */
export const whole = (operand: Core, type: TensorType): Aligned => ({ core: operand, at: type.shape.map((_, k) => k) });

/** A value that is known now, as it is written or as a length. */
export function numberValue(value: Core): number | undefined {
  if (value.op === 'number') return value.value;
  if (value.op === 'negate') {
    const inner = numberValue(value.of);
    return inner === undefined ? undefined : -inner;
  }
  const length = asTensor(value.type)?.length;
  return length === undefined ? undefined : numberOf(length);
}

/** A plain number that is known now: `layers: 2`, `dropout: 0.2`. */
export const constantNumber = (node: Expression, scope: Scope): number | undefined =>
  numberValue(scope.checker.expression(node, scope)) ?? lengthNumber(node, scope);
