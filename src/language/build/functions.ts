// The language's functions in operations of the graph.

import type { Axis, Value } from '../../graph/graph.ts';
import { hasAxis } from '../../graph/graph.ts';
import type { FunctionName, FunctionNode } from '../check/core.ts';
import { type BuiltTensor, freshName, names, present, renamed } from './built.ts';
import { aligned, pick, type Writing } from './operations.ts';

/** A function applied: its operands built, and its result's dimensions where it makes new ones. */
export interface Applied extends Writing {
  readonly node: FunctionNode;
  readonly operands: readonly BuiltTensor[];
  readonly where: BuiltTensor | undefined;
  /** Number of dimensions of the result. */
  readonly rank: number;
  /** The axis for a dimension of the result that no operand has. */
  newAxis(place: number): Axis;
  /** A mask for dropout, with the axes of the value. */
  mask(value: Value, rate: number): Value;
  /** The value turned around before, where this very value came from turning. */
  readonly turned: Map<Value, Value>;
}

type Rule = (applied: Applied) => BuiltTensor;

const rules: { readonly [Name in FunctionName]: Rule } = {
  exp: each((b, x) => b.exp(x)),
  log: each((b, x) => b.log(x)),
  ln: each((b, x) => b.log(x)),
  sqrt: each((b, x) => b.sqrt(x)),
  abs: each((b, x) => b.unary('abs', x)),
  sign: each((b, x) => b.unary('sign', x)),
  sigmoid: each((b, x) => b.sigmoid(x)),
  tanh: each((b, x) => b.tanh(x)),
  relu: each((b, x) => b.relu(x)),
  gelu: each((b, x) => b.unary('gelu', x)),
  softplus: each((b, x) => b.unary('softplus', x)),
  isnan: each((b, x) => b.unary('isnan', x)),
  minimum: pair((b, x, y) => b.binary('minimum', x, y)),
  maximum: pair((b, x, y) => b.binary('maximum', x, y)),
  where: choose,
  clip: ({ b, node, operands: [x] }) => {
    const [lowest, highest] = node.numbers;
    const value = b.binary('minimum', b.binary('maximum', x!.value, b.constant(lowest!)), b.constant(highest!));
    return { ...x!, value };
  },
  dropout: ({ b, node, operands: [x], mask }) => {
    const [rate] = node.numbers;
    return rate === 0 ? x! : { ...x!, value: b.times(x!.value, mask(x!.value, rate!)) };
  },

  sum: reduce((b, x, over) => b.sum(x, over)),
  mean: reduce(mean),
  max: reduce((b, x, over) => b.max(x, over)),
  min: reduce((b, x, over) => b.neg(b.max(b.neg(x), over))),
  variance: reduce((b, x, over) => {
    const centred = b.minus(x, mean(b, x, over));
    return mean(b, b.times(centred, centred), over);
  }),
  norm: reduce((b, x, over) => b.sqrt(b.sum(b.times(x, x), over))),
  entropy: reduce((b, x, over) => {
    const isZero = b.binary('lessEqual', x, b.constant(0));
    return b.neg(b.sum(b.where(isZero, b.constant(0), b.times(x, b.log(b.where(isZero, b.constant(1), x)))), over));
  }),
  any: reduce((b, x, over) => b.binary('less', b.constant(0), b.max(b.cast(x, 'float'), over))),
  all: reduce((b, x, over) => b.binary('less', b.neg(b.max(b.neg(b.cast(x, 'float')), over)), b.constant(1)), true),
  argmax: ({ b, node, operands: [x] }) => {
    const place = node.along[0]!;
    return { kind: 'tensor', value: b.argmax(present(b, x!), x!.axes[place]!.name), axes: x!.axes.filter((_, k) => k !== place) };
  },
  softmax,
  cumsum: along((b, x, name) => b.cumsum(x, name)),

  first: ({ b, node, operands: [x] }) => pick(b, x!, node.along[0]!, 0),
  last: (applied) => pick(applied.b, turn(applied), applied.node.along[0]!, 0),
  next: along((b, x, name) => b.shift(x, name, -1)),
  previous: along((b, x, name) => b.shift(x, name, 1)),
  reverse: turn,
  range: ({ b, newAxis }) => {
    const axis = newAxis(0);
    return { kind: 'tensor', value: b.cast(b.iota(axis), 'float'), axes: [axis] };
  },
  repeat: ({ operands: [x], newAxis }) => ({ ...x!, axes: [newAxis(0), ...x!.axes] }),
  outer: ({ b, isReserved, operands }) => {
    const [x, y] = operands as [BuiltTensor, BuiltTensor];
    const taken = new Set(names(x.axes));
    const to = y.axes.map(({ name }) => {
      const fresh = freshName(name, (other) => taken.has(other) || isReserved(other));
      taken.add(fresh);
      return fresh;
    });
    const right = renamed(b, present(b, y), names(y.axes), to);
    const axes = [...x.axes, ...y.axes.map(({ size }, k) => ({ name: to[k]!, size }))];
    return { kind: 'tensor', value: b.times(present(b, x), right), axes };
  },

  cross_entropy: crossEntropy,
  binary: pair((b, x, y) => b.minus(b.unary('softplus', x), b.times(x, y))),
  mse: pair((b, x, y) => {
    const difference = b.minus(x, y);
    return b.times(difference, difference);
  }),
  mae: pair((b, x, y) => b.unary('abs', b.minus(x, y))),
  huber: pair((b, x, y) => {
    const size = b.unary('abs', b.minus(x, y));
    const isSmall = b.binary('lessEqual', size, b.constant(1));
    return b.where(isSmall, b.scale(b.times(size, size), 0.5), b.minus(size, b.constant(0.5)));
  }),
};

export const applyFunction = (name: FunctionName, applied: Applied): BuiltTensor => rules[name](applied);

type B = Writing['b'];

function each(operation: (b: B, x: Value) => Value): Rule {
  return ({ b, operands: [x] }) => ({ ...x!, value: operation(b, asFloat(b, x!.value)) });
}

function pair(operation: (b: B, x: Value, y: Value) => Value): Rule {
  return (applied) => {
    const { values, axes } = aligned(
      applied,
      applied.operands,
      applied.node.operands.map(({ at }) => at),
      applied.rank,
    );
    const counted = bothCounted(applied.b, applied.operands);
    const value = operation(applied.b, asFloat(applied.b, values[0]!), asFloat(applied.b, values[1]!));
    return { kind: 'tensor', value, axes, ...(counted === undefined ? {} : { counted }) };
  };
}

/** Whether all of several values have something to count. */
export function bothCounted(b: B, operands: readonly BuiltTensor[]): Value | undefined {
  const found = operands.flatMap(({ counted }) => (counted === undefined ? [] : [counted]));
  return found.length === 0 ? undefined : found.reduce((x, y) => (x === y ? x : b.binary('and', x, y)));
}

export const asFloat = (b: B, value: Value): Value => (value.type.dtype === 'bool' ? b.cast(value, 'float') : value);

function choose(applied: Applied): BuiltTensor {
  const { b, operands, node, rank } = applied;
  const { values, axes } = aligned(
    applied,
    operands,
    node.operands.map(({ at }) => at),
    rank,
  );
  const [condition, x, y] = values;
  return { kind: 'tensor', value: b.where(b.cast(condition!, 'bool'), asFloat(b, x!), asFloat(b, y!)), axes };
}

function reduce(operation: (b: B, x: Value, over: readonly string[]) => Value, isBoolean = false): Rule {
  return ({ b, node, operands: [x] }) => {
    const over = node.along.map((place) => x!.axes[place]!.name);
    const whole = present(b, x!);
    const value = operation(b, isBoolean ? b.cast(whole, 'float') : asFloat(b, whole), over);
    return { kind: 'tensor', value, axes: x!.axes.filter((_, k) => !node.along.includes(k)) };
  };
}

function mean(b: B, x: Value, over: readonly string[]): Value {
  if (over.length === 0) return x;
  return b.over(
    b.sum(x, over),
    countOf(
      b,
      x.type.axes.filter(({ name }) => over.includes(name)),
    ),
  );
}

/** The number of places of axes, which may be known only when the graph runs. */
export function countOf(b: B, axes: readonly Axis[]): Value {
  let known = 1;
  const open: Axis[] = [];
  for (const axis of axes) {
    if (typeof axis.size === 'number') known *= axis.size;
    else open.push(axis);
  }
  return open.length === 0 ? b.constant(known) : b.sum(b.constant(known, open));
}

function along(operation: (b: B, x: Value, name: string) => Value): Rule {
  return ({ b, node, operands: [x] }) => ({ ...x!, value: operation(b, present(b, x!), x!.axes[node.along[0]!]!.name) });
}

/** Two turns are none. */
function turn({ b, node, operands: [x], turned }: Applied): BuiltTensor {
  const { name } = x!.axes[node.along[0]!]!;
  if (!hasAxis(x!.value, name)) return x!;
  const before = turned.get(x!.value);
  if (before !== undefined && hasAxis(before, name)) return { ...x!, value: before };
  const value = b.reverse(x!.value, name);
  turned.set(value, x!.value);
  return { ...x!, value };
}

function softmax({ b, node, operands: [x], where }: Applied): BuiltTensor {
  const { name } = x!.axes[node.along[0]!]!;
  const scores = present(b, x!);
  if (where === undefined) return { ...x!, value: b.softmax(scores, name) };
  const at = node.where!.at;
  const condition = renamed(
    b,
    where.value,
    names(where.axes),
    where.axes.map((_, k) => x!.axes[at[k]!]!.name),
  );
  const mask = b.cast(condition, 'bool');
  const weights = b.softmax(b.where(mask, scores, b.constant(-1e30)), name);
  return { ...x!, value: b.where(mask, weights, b.constant(0)) };
}

/** logsumexp(scores) - scores[class]. A class below 0 means that there is nothing: it costs nothing and is not counted. */
function crossEntropy(applied: Applied): BuiltTensor {
  const { b, node, operands } = applied;
  const [scores, classes] = operands as [BuiltTensor, BuiltTensor];
  const place = node.along[0]!;
  const { name } = scores.axes[place]!;
  const rest = scores.axes.filter((_, k) => k !== place);
  const whole = present(b, scores);
  const target = renamed(b, present(b, classes), names(classes.axes), names(rest));
  const counted = b.binary('lessEqual', b.constant(0, [], 'int'), target);
  const index = b.binary('maximum', target, b.constant(0, [], 'int'));
  const loss = b.minus(b.logsumexp(whole, name), b.gather(whole, index, name));
  return { kind: 'tensor', value: b.where(counted, loss, b.constant(0)), axes: rest, counted };
}
