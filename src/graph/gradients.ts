// The gradient of every operation: from the cotangent of its output, the contributions to the cotangents of its inputs.
//
// A contribution is kept as a term, a sum of products not yet carried out: what reaches a weight inside a loop is then carried out
// after the loop, as one contraction over all timesteps (differentiate.ts, reverse-recur.ts).

import type { Builder } from './builder.ts';
import { axisNames, axisOf, hasAxis, type Node, type OperationName, type Pool, type Value, type WindowPart } from './graph.ts';
import { GraphError, joinAxes, show } from './shapes.ts';

/** The product of one or two tensors, summed over some axes. */
export interface Term {
  readonly factors: readonly [Value] | readonly [Value, Value];
  readonly over: readonly string[];
}

/** Carries out a term. An axis to sum over may stand in either factor, or in both. */
export function carryOut(b: Builder, { factors, over }: Term): Value {
  const [first, second] = factors;
  if (second === undefined) return b.sum(first, over);
  const alone = (x: Value, other: Value): string[] => over.filter((name) => hasAxis(x, name) && !hasAxis(other, name));
  const shared = over.filter((name) => hasAxis(first, name) && hasAxis(second, name));
  const left = b.sum(first, alone(first, second));
  const right = b.sum(second, alone(second, first));
  return shared.length === 0 ? b.times(left, right) : b.contract(left, right, shared);
}

/** What a rule sees. `dy` has the axes of the output, in whatever order. */
export interface Pullback<Name extends OperationName> {
  readonly b: Builder;
  readonly node: Node<Name>;
  readonly attributes: Node<Name>['attributes'];
  readonly y: Value;
  readonly dy: Value;
  /** Whether a contribution to the k-th input is asked for. */
  readonly needs: (k: number) => boolean;
}

/** One entry for each input; absent where nothing is asked for or nothing flows. */
export type Contributions = readonly (Term | undefined)[];

export type GradientRule<Name extends OperationName> =
  /** Constant wherever it has a derivative, or not a function of real numbers: nothing flows. */
  'none' | ((inputs: readonly Value[], pullback: Pullback<Name>) => Contributions);

export const gradientRules: { readonly [Name in Exclude<OperationName, 'recur'>]: GradientRule<Name> } = {
  constant: 'none',
  iota: 'none',

  neg: (_, { b, dy }) => [value(b.neg(dy))],
  exp: (_, { dy, y }) => [product(dy, y)],
  log: ([x], { b, dy }) => [value(b.over(dy, x!))],
  sqrt: (_, { b, dy, y }) => [value(b.over(b.scale(dy, 0.5), y))],
  abs: ([x], { b, dy }) => [product(dy, b.unary('sign', x!))],
  sign: 'none',
  sigmoid: (_, { b, dy, y }) => [product(dy, b.times(y, b.complement(y)))],
  tanh: (_, { b, dy, y }) => [product(dy, b.complement(b.times(y, y)))],
  relu: (_, { b, dy, y }) => [value(b.where(b.binary('less', b.constant(0), y), dy, b.constant(0)))],
  gelu: ([x], { b, dy }) => {
    const cumulative = b.scale(b.plus(b.unary('erf', b.scale(x!, Math.SQRT1_2)), b.constant(1)), 0.5);
    const density = b.scale(b.exp(b.scale(b.times(x!, x!), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return [product(dy, b.plus(cumulative, b.times(x!, density)))];
  },
  softplus: ([x], { b, dy }) => [product(dy, b.sigmoid(x!))],
  erf: ([x], { b, dy }) => [product(dy, b.scale(b.exp(b.neg(b.times(x!, x!))), 2 / Math.sqrt(Math.PI)))],
  sin: ([x], { b, dy }) => [product(dy, b.unary('cos', x!))],
  cos: ([x], { b, dy }) => [product(dy, b.neg(b.unary('sin', x!)))],
  isnan: 'none',
  not: 'none',
  cast: ([x], { dy }) => [x!.type.dtype === 'float' ? value(dy) : undefined],

  add: (inputs, { dy }) => inputs.map((x) => towards(x, dy)),
  sub: ([p, q], { b, dy, needs }) => [towards(p!, dy), needs(1) ? towards(q!, b.neg(dy)) : undefined],
  mul: productRule,
  div: ([p, q], { b, dy, y, needs }) => [
    needs(0) ? towards(p!, b.over(dy, q!)) : undefined,
    needs(1) ? towards(q!, dy, b.neg(b.over(y, q!))) : undefined,
  ],
  pow: ([p, q], { b, dy, y, needs }) => {
    const zero = b.constant(0);
    const slope = (): Value => b.where(b.binary('equal', q!, zero), zero, b.times(q!, b.binary('pow', p!, b.minus(q!, b.constant(1)))));
    const growth = (): Value => b.where(b.binary('less', zero, p!), b.times(y, b.log(p!)), zero);
    return [needs(0) ? towards(p!, dy, slope()) : undefined, needs(1) ? towards(q!, dy, growth()) : undefined];
  },
  minimum: (inputs, pullback) => extremum(pullback, inputs, (x, other) => [x, other]),
  maximum: (inputs, pullback) => extremum(pullback, inputs, (x, other) => [other, x]),
  less: 'none',
  lessEqual: 'none',
  equal: 'none',
  and: 'none',
  or: 'none',
  where: ([condition, p, q], { b, dy, needs }) => [
    undefined,
    needs(1) ? towards(p!, b.where(condition!, dy, b.constant(0))) : undefined,
    needs(2) ? towards(q!, b.where(condition!, b.constant(0), dy)) : undefined,
  ],

  contract: productRule,
  sum: ([x], { b, dy }) => [value(spread(b, dy, x!))],
  max: ([x], { b, dy, y, attributes: { over } }) => {
    const largest = b.cast(b.binary('equal', x!, y), 'float');
    return [product(dy, b.over(largest, b.sum(largest, over)))];
  },
  argmax: 'none',
  softmax: (_, { b, dy, y, attributes: { over } }) => [product(y, b.minus(dy, b.contract(dy, y, [over])))],
  logsumexp: ([x], { b, dy, attributes: { over } }) => [product(dy, b.softmax(x!, over))],
  cumsum: (_, { b, dy, attributes: { over, reverse } }) => [value(b.cumsum(dy, over, !reverse))],

  concat: (inputs, { b, dy, needs, attributes: { from, to } }) => {
    let start = 0;
    return inputs.map((x, k) => {
      const axis = axisOf(x, from[k]!)!;
      if (typeof axis.size !== 'number')
        throw new GraphError(`concat of ${show(x)}: its gradient needs the size of ${axis.name} as a number`);
      start += axis.size;
      return needs(k) ? value(b.slice(dy, to.name, start - axis.size, axis)) : undefined;
    });
  },
  slice: ([x], { b, dy, attributes: { from, start, to } }) => [value(b.pad(dy, to.name, start, axisOf(x!, from)!))],
  pad: ([x], { b, dy, attributes: { from, start, to } }) => [value(b.slice(dy, to.name, start, axisOf(x!, from)!))],
  split: ([x], { b, dy, attributes: { from, to } }) => [value(b.merge(dy, [to[0].name, to[1].name], axisOf(x!, from)!))],
  merge: ([x], { b, dy, attributes: { from, to } }) => [value(b.split(dy, to.name, [axisOf(x!, from[0])!, axisOf(x!, from[1])!]))],
  rename: (_, { b, dy, attributes: { from, to } }) => [value(b.rename(dy, to, from))],
  broadcast: (_, { dy, attributes: { axis } }) => [{ factors: [dy], over: [axis.name] }],

  gather: ([x, index], { b, dy, attributes: { axis } }) => {
    const keep = axisNames(index!).filter((name) => name !== axis && hasAxis(x!, name));
    return [value(b.scatterAdd(dy, index!, axisOf(x!, axis)!, keep)), undefined];
  },
  scatterAdd: ([, index], { b, dy, attributes: { axis } }) => [value(b.gather(dy, index!, axis.name)), undefined],
  oneHot: 'none',
  shift: (_, { b, dy, attributes: { axis, by } }) => [value(b.shift(dy, axis, -by))],
  reverse: ([, lengths], { b, dy, attributes: { axis } }) => [value(b.reverse(dy, axis, lengths)), undefined],

  pack: ([, mask], { b, dy, attributes: { to } }) => [value(b.unpack(dy, mask!, to.name)), undefined],
  unpack: ([x, mask], { b, dy, attributes: { from } }) => [value(b.pack(dy, mask!, axisOf(x!, from)!)), undefined],

  convolve: (inputs, { b, dy, needs, attributes: { windows } }) =>
    inputs.map((x, k) => {
      if (!needs(k)) return undefined;
      const other = inputs[1 - k]!;
      const makes = parts.find((part) => hasAxis(x, windows[0]![part].name))!;
      const given = windows.flatMap((window) => parts.map((part) => window[part].name));
      const over = joinAxes([dy, other]).filter(({ name }) => !given.includes(name) && !hasAxis(x, name));
      const summed = over.map(({ name }) => name);
      return value(b.convolve(dy, other, summed, windows, makes));
    }),
  pool: ([x], { b, dy, y, attributes: { windows, of } }) => {
    const counts = countsOf(b, x!, windows);
    if (of === 'mean') return [value(b.unpool(b.over(dy, counts), inverted(windows, x!)))];
    // Equal ones share the cotangent.
    const largest = b.cast(b.binary('equal', x!, b.unpool(y, inverted(windows, x!))), 'float');
    const ties = b.times(b.pool(largest, 'mean', windows), counts);
    return [product(largest, b.unpool(b.over(dy, ties), inverted(windows, x!)))];
  },
  unpool: ([x], { b, dy, attributes: { windows } }) => {
    const back = inverted(windows, x!);
    return [value(b.times(b.pool(dy, 'mean', back), countsOf(b, dy, back)))];
  },

  stopGradient: 'none',
};

const value = (x: Value): Term => ({ factors: [x], over: [] });
const product = (x: Value, y: Value): Term => ({ factors: [x, y], over: [] });

/** The product of the factors as a contribution to x: summed over what x has not. */
function towards(x: Value, ...factors: [Value] | [Value, Value]): Term {
  const over = joinAxes(factors).filter((axis) => !hasAxis(x, axis.name));
  return { factors, over: over.map((axis) => axis.name) };
}

/** Of elementwise products and contractions alike: the cotangent with the other operand, summed over what this one has not. */
function productRule(
  [p, q]: readonly Value[],
  { dy, needs }: { readonly dy: Value; readonly needs: (k: number) => boolean },
): Contributions {
  return [needs(0) ? towards(p!, dy, q!) : undefined, needs(1) ? towards(q!, dy, p!) : undefined];
}

/** Each operand gets the cotangent where it stands before the other in the order; equal ones share it. */
function extremum(
  { b, dy, needs }: Pullback<'minimum'> | Pullback<'maximum'>,
  operands: readonly Value[],
  before: (x: Value, other: Value) => readonly [Value, Value],
): Contributions {
  return operands.map((x, k) => {
    if (!needs(k)) return undefined;
    const pair = before(x, operands[1 - k]!);
    const strictly = b.cast(b.binary('less', ...pair), 'float');
    const orEqual = b.cast(b.binary('lessEqual', ...pair), 'float');
    return towards(x, dy, b.scale(b.plus(strictly, orEqual), 0.5));
  });
}

const parts = ['whole', 'place', 'offset'] as const satisfies readonly WindowPart[];

/** The windows from the short axes of the one to the long ones of the other, and back. */
const inverted = (windows: readonly Pool[], x: Value): Pool[] =>
  windows.map(({ from, to, size }) => ({ from: to.name, to: axisOf(x, from)!, size }));

/** How many places each window has: a number, or, where the last ones are smaller, one for each place of their axes. */
function countsOf(b: Builder, x: Value, windows: readonly Pool[]): Value {
  const counts = windows.map(({ from, to, size }) => {
    const { size: length } = axisOf(x, from)!;
    if (typeof length !== 'number') throw new GraphError(`pool of ${show(x)}: its gradient needs the size of ${from} as a number`);
    if (length % size === 0) return b.constant(size);
    const left = b.minus(b.constant(length), b.scale(b.cast(b.iota(to), 'float'), size));
    return b.binary('minimum', b.constant(size), left);
  });
  return counts.reduce((product, count) => b.times(product, count));
}

/** x along all axes that `like` has more. */
export function spread(b: Builder, x: Value, like: Value): Value {
  return like.type.axes.filter((axis) => !hasAxis(x, axis.name)).reduce((spread, axis) => b.broadcast(spread, axis), x);
}
