// The language's functions in operations of the graph.

import type { Axis, Value } from '../../graph/graph.ts';
import { hasAxis } from '../../graph/graph.ts';
import type { Core, FunctionName, FunctionNode, LossName } from '../check/core.ts';
import { type BuiltTensor, freshName, names, present, renamed, widenedTo } from './built.ts';
import type { Comparison } from './environment.ts';
import { convolve, places, pool } from './images.ts';
import { aligned, padded, pick, type Writing } from './operations.ts';

/** Stands for an infinity where nothing is to be chosen: the difference of two of them is a number. */
const extreme = 1e30;

/** A function applied: its operands built, and its result's dimensions where it makes new ones. */
export interface Applied extends Writing {
  readonly node: FunctionNode;
  readonly operands: readonly BuiltTensor[];
  readonly where: BuiltTensor | undefined;
  /** Number of dimensions of the result. */
  readonly rank: number;
  /** The axis for a dimension of the result that no operand has. */
  newAxis(place: number, besides?: string): Axis;
  /** What the node's network makes: data. */
  made(): BuiltTensor;
  /** A mask for dropout, with the axes of the value. */
  mask(value: Value, rate: number): Value;
  /** Hears what a loss function of the model's own lines compares. */
  readonly judged?: (comparison: Comparison) => void;
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

  sum: reduce(({ b }, x, over) => b.sum(x, over), 0),
  mean: reduce(mean),
  max: reduce(({ b }, x, over) => b.max(x, over), -extreme),
  min: reduce(({ b }, x, over) => b.neg(b.max(b.neg(x), over)), extreme),
  variance: reduce((writing, x, over) => {
    const centred = writing.b.minus(x, mean(writing, x, over));
    return mean(writing, writing.b.times(centred, centred), over);
  }),
  norm: reduce(({ b }, x, over) => b.sqrt(b.sum(b.times(x, x), over)), 0),
  entropy: reduce(({ b }, x, over) => {
    const isZero = b.binary('lessEqual', x, b.constant(0));
    return b.neg(b.sum(b.where(isZero, b.constant(0), b.times(x, b.log(b.where(isZero, b.constant(1), x)))), over));
  }, 0),
  any: reduce(({ b }, x, over) => b.binary('less', b.constant(0), b.max(x, over)), 0),
  all: reduce(({ b }, x, over) => b.unary('not', b.binary('less', b.neg(b.max(b.neg(x), over)), b.constant(1))), 1),
  argmax: (applied) => {
    const { b, node, operands } = applied;
    const [x] = operands;
    const place = node.along[0]!;
    const { name } = x!.axes[place]!;
    const whole = padded(applied, asFloat(b, present(b, x!)), [name], -extreme);
    return { kind: 'tensor', value: b.argmax(whole, name), axes: x!.axes.filter((_, k) => k !== place) };
  },
  softmax,
  cumsum: along((b, x, name) => b.cumsum(x, name)),

  first: ({ b, node, operands: [x] }) => pick(b, x!, node.along[0]!, 0),
  last: (applied) => pick(applied.b, turn(applied), applied.node.along[0]!, 0),
  next: (applied) => {
    const { b, node, operands } = applied;
    const [x] = operands;
    const axis = x!.axes[node.along[0]!]!;
    // What the last step compares with is not there.
    const counted = b.binary('less', b.plus(b.cast(b.iota(axis), 'float'), b.constant(1)), countOf(applied, [axis]));
    return { ...x!, value: b.shift(present(b, x!), axis.name, -1), counted };
  },
  previous: along((b, x, name) => b.shift(x, name, 1)),
  reverse: turn,
  range: ({ b, newAxis }) => {
    const axis = newAxis(0);
    return { kind: 'tensor', value: b.cast(b.iota(axis), 'float'), axes: [axis] };
  },
  // at even places 2k of D the sine of t / 10000^(2k / D), at odd ones the cosine of the same angle
  sinusoids: (applied) => {
    const { b, newAxis } = applied;
    const axis = newAxis(0);
    const features = newAxis(1, axis.name);
    const [step, place] = [b.cast(b.iota(axis), 'float'), b.cast(b.iota(features), 'float')];
    const even = b.scale(b.cast(b.cast(b.scale(place, 0.5), 'int'), 'float'), 2);
    const rate = b.exp(b.over(b.scale(even, -Math.log(10_000)), countOf(applied, [features])));
    const angle = b.times(step, rate);
    const value = b.where(b.binary('less', even, place), b.unary('cos', angle), b.unary('sin', angle));
    return { kind: 'tensor', value, axes: [axis, features] };
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

  convolve,
  max_pool: pool('max'),
  mean_pool: pool('mean'),
  places,
  onnx: ({ made }) => made(),

  cross_entropy: crossEntropy,
  binary: comparing('binary', (b, x, y) => b.minus(b.unary('softplus', x), b.times(x, y))),
  mse: comparing('mse', (b, x, y) => {
    const difference = b.minus(x, y);
    return b.times(difference, difference);
  }),
  mae: comparing('mae', (b, x, y) => b.unary('abs', b.minus(x, y))),
  huber: comparing('huber', (b, x, y) => {
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
    const { b, node, operands, rank } = applied;
    const at = node.operands.map((operand) => operand.at);
    const { values, axes } = aligned(applied, operands, at, rank);
    const value = operation(b, asFloat(b, values[0]!), asFloat(b, values[1]!));
    return { kind: 'tensor', value, axes, ...counting(bothCounted(b, operands)) };
  };
}

/** Whether all of several values have something to count. */
export function bothCounted(b: B, operands: readonly BuiltTensor[]): Value | undefined {
  return allOf(
    b,
    operands.map(({ counted }) => counted),
  );
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

/** Along dimensions that end earlier in some rows, `padding` stands where there is nothing: what changes no result. */
function reduce(operation: (writing: Writing, x: Value, over: readonly string[]) => Value, padding?: number): Rule {
  return (applied) => {
    const { b, node, operands } = applied;
    const [x] = operands;
    const over = node.along.map((place) => x!.axes[place]!.name);
    const whole = asFloat(b, present(b, x!));
    const value = operation(applied, padding === undefined ? whole : padded(applied, whole, over, padding), over);
    return { kind: 'tensor', value, axes: x!.axes.filter((_, k) => !node.along.includes(k)) };
  };
}

/** Over what is there. */
export function mean(writing: Writing, x: Value, over: readonly string[]): Value {
  if (over.length === 0) return x;
  const axes = x.type.axes.filter(({ name }) => over.includes(name));
  return writing.b.over(writing.b.sum(padded(writing, x, over, 0), over), countOf(writing, axes));
}

/** The number of places of axes, which may be known only when the graph runs, and differ from row to row. */
export function countOf({ b, lengths }: Pick<Writing, 'b' | 'lengths'>, axes: readonly Axis[]): Value {
  let known = 1;
  const open: Axis[] = [];
  const own: Value[] = [];
  for (const axis of axes) {
    const each = lengths(axis);
    if (each !== undefined) own.push(b.cast(each, 'float'));
    else if (typeof axis.size === 'number') known *= axis.size;
    else open.push(axis);
  }
  const common = open.length === 0 ? b.constant(known) : b.sum(b.constant(known, open));
  return own.reduce((count, each) => b.times(count, each), common);
}

function along(operation: (b: B, x: Value, name: string) => Value): Rule {
  return ({ b, node, operands: [x] }) => ({ ...x!, value: operation(b, present(b, x!), x!.axes[node.along[0]!]!.name) });
}

/** Two turns are none. */
function turn({ b, node, operands: [x], turned, lengths }: Applied): BuiltTensor {
  const axis = x!.axes[node.along[0]!]!;
  if (!hasAxis(x!.value, axis.name)) return x!;
  const before = turned.get(x!.value);
  if (before !== undefined && hasAxis(before, axis.name)) return { ...x!, value: before };
  const value = b.reverse(x!.value, axis.name, lengths(axis));
  turned.set(value, x!.value);
  return { ...x!, value };
}

function softmax({ b, node, operands: [x], where, real }: Applied): BuiltTensor {
  const axis = x!.axes[node.along[0]!]!;
  const { name } = axis;
  const scores = present(b, x!);
  const masks: Value[] = [];
  const there = real(axis);
  if (there !== undefined) masks.push(there);
  if (where !== undefined) {
    const at = node.where!.at;
    const to = where.axes.map((_, k) => x!.axes[at[k]!]!.name);
    masks.push(b.cast(renamed(b, where.value, names(where.axes), to), 'bool'));
  }
  if (masks.length === 0) return { ...x!, value: b.softmax(scores, name) };
  const mask = masks.reduce((all, each) => b.binary('and', all, each));
  const weights = b.softmax(b.where(mask, scores, b.constant(-extreme)), name);
  return { ...x!, value: b.where(mask, weights, b.constant(0)) };
}

/** A loss of numbers. Where the data has no number (NaN), nothing is lost and nothing is counted. */
function comparing(loss: LossName, operation: (b: B, x: Value, y: Value) => Value): Rule {
  return (applied) => {
    const { b, node, operands, rank } = applied;
    const at = node.operands.map((operand) => operand.at);
    const { values, axes } = aligned(applied, operands, at, rank);
    const [scores, given] = values.map((value) => asFloat(b, value)) as [Value, Value];
    const data = dataOf(node.operands[1]!.core);
    const there = data === undefined ? undefined : b.binary('equal', given, given);
    const target = there === undefined ? given : b.where(there, given, b.constant(0));
    const counted = allOf(b, [there, bothCounted(b, operands)]);
    const lost = operation(b, scores, target);
    const value = counted === undefined ? lost : b.where(counted, lost, b.constant(0));
    const whole = (each: Value): Value => widenedTo(b, each, value.type.axes);
    applied.judged?.({ loss, scores: whole(scores), target: whole(target), axes, ...counting(counted), ...(data ?? notAhead) });
    return { kind: 'tensor', value, axes, ...counting(counted) };
  };
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
  const counted = allOf(b, [b.binary('lessEqual', b.constant(0, [], 'int'), target), classes.counted])!;
  const index = b.binary('maximum', target, b.constant(0, [], 'int'));
  const loss = b.minus(b.logsumexp(whole, name), b.gather(whole, index, name));
  const core = node.operands[1]!.core;
  const vocabulary = core.type.kind === 'tensor' ? core.type.classes : undefined;
  applied.judged?.({
    loss: 'cross_entropy',
    scores: whole,
    target,
    counted,
    over: name,
    axes: rest,
    ...(vocabulary === undefined ? {} : { classes: vocabulary }),
    ...(dataOf(core) ?? notAhead),
  });
  return { kind: 'tensor', value: b.where(counted, loss, b.constant(0)), axes: rest, counted };
}

const notAhead = { ahead: false } as const;

/** The input that a target is, or is one step ahead of. */
function dataOf(core: Core): { readonly input: string; readonly ahead: boolean } | undefined {
  if (core.op === 'read' && core.binding.kind === 'input') return { input: core.binding.name, ahead: false };
  if (core.op !== 'function' || core.name !== 'next') return undefined;
  const of = dataOf(core.operands[0]!.core);
  return of === undefined ? undefined : { ...of, ahead: true };
}

const counting = (counted: Value | undefined): { readonly counted?: Value } => (counted === undefined ? {} : { counted });

function allOf(b: B, conditions: readonly (Value | undefined)[]): Value | undefined {
  const there = conditions.filter((each) => each !== undefined);
  return there.length === 0 ? undefined : there.reduce((x, y) => (x === y ? x : b.binary('and', x, y)));
}
