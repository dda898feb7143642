// Reductions, softmax and running sums. A reduction is done again with its axes kept, so that no rank has to be known.

import { NoGradient, type Rule, type Vjp } from '../vjp.ts';

/** Axes are an attribute in old versions, an input later; without any, all of them (or, by noop_with_empty_axes, none). */
function reduce(vjp: Vjp, type: string, x: string): string {
  const attributes = { keepdims: 1, noop_with_empty_axes: vjp.int('noop_with_empty_axes', 0) };
  return vjp.emit.op(type, [x, vjp.list('axes', 1) ?? ''], attributes);
}

/** The cotangent with the reduced axes of size 1. */
const kept = (vjp: Vjp): string => vjp.emit.reshapeLike(vjp.grad(), reduce(vjp, 'ReduceSum', vjp.input(0)));

/** x̄ from the cotangent, and from the result, both with kept axes. */
const reduction =
  (slope: (vjp: Vjp, cotangent: string, y: () => string) => string): Rule =>
  (vjp) =>
    vjp.give(0, () => {
      const cotangent = kept(vjp);
      return slope(vjp, cotangent, () => vjp.emit.reshapeLike(vjp.output(), cotangent));
    });

const spread = (vjp: Vjp, cotangent: string): string => vjp.emit.expandLike(cotangent, vjp.input(0));

const sum = reduction((vjp, cotangent) => spread(vjp, cotangent));

const mean = reduction((vjp, cotangent) => {
  const { emit } = vjp;
  return spread(vjp, emit.div(cotangent, emit.ratio(vjp.input(0), cotangent, vjp.type)));
});

/** Equal extremes share. */
const extreme = reduction((vjp, cotangent, y) => {
  const { emit } = vjp;
  const chosen = emit.cast(emit.op('Equal', [vjp.input(0), y()]), vjp.type);
  return emit.mul(chosen, emit.div(cotangent, reduce(vjp, 'ReduceSum', chosen)));
});

/** Each factor's cotangent is the product of the others, also where one of them is 0. */
const product = reduction((vjp, cotangent) => {
  const { emit } = vjp;
  const x = vjp.input(0);
  const zero = emit.op('Equal', [x, vjp.scalar(0)]);
  const factors = emit.op('Where', [zero, vjp.scalar(1), x]);
  const zeros = reduce(vjp, 'ReduceSum', emit.cast(zero, vjp.type));
  // |product| by logarithms, which every type of number has; its sign by the count of negatives.
  const size = emit.op('Exp', [reduce(vjp, 'ReduceSum', emit.op('Log', [emit.op('Abs', [factors])]))]);
  const negatives = reduce(vjp, 'ReduceSum', emit.cast(emit.op('Less', [x, vjp.scalar(0)]), vjp.type));
  const halves = emit.mul(negatives, vjp.scalar(0.5));
  const odd = emit.op('Greater', [emit.sub(halves, emit.op('Floor', [halves])), vjp.scalar(0.25)]);
  const whole = emit.op('Where', [odd, emit.op('Neg', [size]), size]);
  // The zeros among the other factors: those of all, but the own one.
  const others = emit.sub(zeros, emit.cast(zero, vjp.type));
  return emit.mul(cotangent, emit.where(emit.op('Equal', [others, vjp.scalar(0)]), emit.div(whole, factors), vjp.type));
});

/** Axis 1 with the rest flattened before version 13, one axis since. */
const softmax =
  (rule: (vjp: Vjp, cotangent: string, y: string, total: (value: string) => string) => string): Rule =>
  (vjp) =>
    vjp.give(0, () => {
      const { emit } = vjp;
      if (vjp.version >= 13 || vjp.node.domain === 'com.microsoft') {
        const axis = vjp.int('axis', -1);
        return rule(vjp, vjp.grad(), vjp.output(), (value) => emit.sum(value, emit.ints(axis)));
      }
      const flat = (value: string): string => emit.op('Flatten', [value], { axis: vjp.int('axis', 1) });
      const result = rule(vjp, flat(vjp.grad()), flat(vjp.output()), (value) => emit.sum(value, emit.ints(1)));
      return emit.reshapeLike(result, vjp.input(0));
    });

export const reductions = {
  ReduceSum: sum,
  ReduceMean: mean,
  ReduceMax: extreme,
  ReduceMin: extreme,
  ReduceProd: product,
  ReduceL1: reduction((vjp, cotangent) => vjp.emit.mul(cotangent, vjp.emit.op('Sign', [vjp.input(0)]))),
  ReduceL2: reduction((vjp, cotangent, y) => {
    const { emit } = vjp;
    const zero = emit.op('Equal', [y(), vjp.scalar(0)]);
    return emit.mul(emit.div(cotangent, emit.op('Where', [zero, vjp.scalar(1), y()])), vjp.input(0));
  }),
  ReduceSumSquare: reduction((vjp, cotangent) => vjp.emit.mul(vjp.emit.mul(vjp.scalar(2), cotangent), vjp.input(0))),
  ReduceLogSum: reduction((vjp, cotangent, y) => spread(vjp, vjp.emit.div(cotangent, vjp.emit.op('Exp', [y()])))),
  ReduceLogSumExp: reduction((vjp, cotangent, y) => vjp.emit.mul(cotangent, vjp.emit.op('Exp', [vjp.emit.sub(vjp.input(0), y())]))),

  Softmax: softmax(({ emit }, cotangent, y, total) => emit.mul(y, emit.sub(cotangent, total(emit.mul(cotangent, y))))),
  LogSoftmax: softmax(({ emit }, cotangent, y, total) => emit.sub(cotangent, emit.mul(emit.op('Exp', [y]), total(cotangent)))),

  CumSum: (vjp) =>
    vjp.give(0, () => {
      const attributes = { exclusive: vjp.int('exclusive', 0), reverse: 1 - vjp.int('reverse', 0) };
      return vjp.emit.op('CumSum', [vjp.grad(), vjp.input(1)], attributes);
    }),

  /** y = x / ‖x‖ along an axis. */
  LpNormalization: (vjp) =>
    vjp.give(0, () => {
      const { emit } = vjp;
      const [p, axis] = [vjp.int('p', 2), emit.ints(vjp.int('axis', -1))];
      if (p !== 1 && p !== 2) throw new NoGradient(`p is ${p}; 1 and 2 are known here`);
      const [x, y] = [vjp.input(0), vjp.output()];
      const norm = emit.op(p === 1 ? 'ReduceL1' : 'ReduceL2', [x, axis], { keepdims: 1 });
      const along = emit.sum(emit.mul(vjp.grad(), y), axis);
      return emit.div(emit.sub(vjp.grad(), emit.mul(p === 1 ? emit.op('Sign', [x]) : y, along)), norm);
    }),
} as const satisfies Readonly<Record<string, Rule>>;
