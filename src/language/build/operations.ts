// Operators of the language in operations of the graph.

import type { Builder } from '../../graph/builder.ts';
import { type Axis, hasAxis, type Value } from '../../graph/graph.ts';
import type { Alignment, BinaryOperator } from '../check/core.ts';
import { type BuiltTensor, freshName, names, present, renamed, squeezed, widenedTo } from './built.ts';

/** What an operator needs to know of its surroundings. */
export interface Writing {
  readonly b: Builder;
  /** Axes of this place that no dimension may be named after: the batch, and what is run over. */
  readonly isReserved: (name: string) => boolean;
  /** Whether a place of an axis is real (bool); absent where all are. */
  readonly real: (axis: Axis) => Value | undefined;
  /** The lengths of the rows along an axis; absent where all are as long as it. */
  readonly lengths: (axis: Axis) => Value | undefined;
}

/** The value with `otherwise` at the padding of those of its axes that are ragged. */
export function padded({ b, real }: Writing, value: Value, over: readonly string[], otherwise: number): Value {
  return value.type.axes
    .filter(({ name }) => over.includes(name))
    .reduce((x, axis) => {
      const mask = real(axis);
      return mask === undefined ? x : b.where(mask, x, b.constant(otherwise, [], x.type.dtype));
    }, value);
}

/** Operands brought to the dimensions of the result, which are those of the one that has them all. */
export function aligned(
  { b }: Writing,
  operands: readonly BuiltTensor[],
  at: readonly Alignment[],
  rank: number,
): { readonly values: Value[]; readonly axes: readonly Axis[] } {
  const widest = operands.findIndex((_, k) => at[k]!.length === rank && at[k]!.every((place) => place >= 0));
  const axes = widest >= 0 ? operands[widest]!.axes : [];
  const values = operands.map((operand, k) => {
    if (k === widest) return operand.value;
    let { value } = operand;
    const from: string[] = [];
    const to: string[] = [];
    at[k]!.forEach((place, position) => {
      const { name } = operand.axes[position]!;
      if (place < 0) value = squeezed(b, value, name);
      else {
        from.push(name);
        to.push(axes[place]!.name);
      }
    });
    return renamed(b, value, from, to);
  });
  return { values, axes };
}

/** An elementwise operation of two, its axes in the order of the first where that has them all. */
export function combine(writing: Writing, operator: BinaryOperator, left: Value, right: Value): Value {
  const { b } = writing;
  switch (operator) {
    case '+':
      return commutative(left, right, (x, y) => b.plus(x, y));
    case '*':
      return commutative(left, right, (x, y) => b.times(x, y));
    case '-':
      return b.minus(widened(b, left, right), right);
    case '/':
      return b.over(widened(b, left, right), right);
    case '**':
      return power(b, left, right);
    case '%':
      return remainder(b, widened(b, left, right), right);
    case '<':
      return b.binary('less', widened(b, left, right), right);
    case '<=':
      return b.binary('lessEqual', widened(b, left, right), right);
    case '>':
      return b.binary('less', right, widened(b, left, right));
    case '>=':
      return b.binary('lessEqual', right, widened(b, left, right));
    case '==':
      return b.binary('equal', widened(b, left, right), right);
    case '!=':
      return b.unary('not', b.binary('equal', widened(b, left, right), right));
    case 'and':
      return commutative(left, right, (x, y) => b.binary('and', x, y));
    case 'or':
      return commutative(left, right, (x, y) => b.binary('or', x, y));
  }
}

/** The operand with more axes first, so that the result has its order. */
const commutative = (a: Value, c: Value, operation: (x: Value, y: Value) => Value): Value =>
  a.type.axes.length >= c.type.axes.length ? operation(a, c) : operation(c, a);

/** With the axes that only the other has, in its order, before its own. */
function widened(b: Builder, value: Value, other: Value): Value {
  return value.type.axes.length === 0 ? value : widenedTo(b, value, other.type.axes);
}

function power(b: Builder, base: Value, exponent: Value): Value {
  return b.binary('pow', widened(b, base, exponent), exponent);
}

/** As in Python: the sign of the divisor. a - b * floor(a / b), floor by way of integers. */
function remainder(b: Builder, left: Value, right: Value): Value {
  const quotient = b.over(left, right);
  const truncated = b.cast(b.cast(quotient, 'int'), 'float');
  const floor = b.where(b.binary('less', quotient, truncated), b.minus(truncated, b.constant(1)), truncated);
  return b.minus(left, b.times(floor, right));
}

/** `a @ b`: summed over the last of a and the last but one of b. */
export function multiply(writing: Writing, left: BuiltTensor, right: BuiltTensor): BuiltTensor {
  const { b, isReserved } = writing;
  const at = Math.max(0, right.axes.length - 2);
  const inner = left.axes.at(-1)!;
  const leftRest = left.axes.slice(0, -1);
  const taken = new Set([...names(left.axes)]);
  const to = right.axes.map(({ name }, k) => {
    if (k === at) return inner.name;
    const fresh = freshName(name, (each) => taken.has(each) || isReserved(each));
    taken.add(fresh);
    return fresh;
  });
  const a = padded(writing, present(b, { ...left, axes: [inner] }), [inner.name], 0);
  const whole = present(b, { ...right, axes: [right.axes[at]!] });
  const c = renamed(b, whole, names(right.axes), to);
  const rightRest = right.axes.map((axis, k) => ({ name: to[k]!, size: axis.size })).filter((_, k) => k !== at);
  const surplus = (value: Value, own: readonly Axis[]): number => value.type.axes.length - own.length;
  const value = surplus(c, right.axes) > surplus(a, left.axes) ? b.contract(c, a, [inner.name]) : b.contract(a, c, [inner.name]);
  return { kind: 'tensor', value, axes: [...leftRest, ...rightRest] };
}

/** One dimension cut down to start .. start + length. */
export function cut(b: Builder, tensor: BuiltTensor, place: number, start: number, length: number): BuiltTensor {
  const axis = tensor.axes[place]!;
  const to: Axis = {
    name: freshName(`${length}`, (name) => names(tensor.axes).includes(name) || hasAxis(tensor.value, name)),
    size: length,
  };
  if (axis.size === length) return tensor;
  const value = hasAxis(tensor.value, axis.name) ? b.slice(tensor.value, axis.name, start, to) : tensor.value;
  return { ...tensor, value, axes: tensor.axes.map((each, k) => (k === place ? to : each)) };
}

/** One place of a dimension, which goes. */
export function pick(b: Builder, tensor: BuiltTensor, place: number, index: number): BuiltTensor {
  const { name } = tensor.axes[place]!;
  const axes = tensor.axes.filter((_, k) => k !== place);
  if (!hasAxis(tensor.value, name)) return { ...tensor, axes };
  const one: Axis = { name: freshName('1', (each) => hasAxis(tensor.value, each)), size: 1 };
  const float = tensor.value.type.dtype === 'float' ? tensor.value : b.cast(tensor.value, 'float');
  const value = b.sum(b.slice(float, name, index, one), [one.name]);
  return { ...tensor, value: b.cast(value, tensor.value.type.dtype), axes };
}
