// Operators of one element at a time: cotangent times derivative, summed back to what was broadcast.

import { NoGradient, type Rule, type Vjp } from '../vjp.ts';

type Derivative = (vjp: Vjp, x: () => string, y: () => string) => string;

/** y = f(x): the rule from f', written with x and y, whichever is cheaper. */
const unary =
  (derivative: Derivative): Rule =>
  (vjp) =>
    vjp.give(0, () =>
      vjp.emit.mul(
        vjp.grad(),
        derivative(
          vjp,
          () => vjp.input(0),
          () => vjp.output(),
        ),
      ),
    );

/** The cotangent where a condition on x or y holds, elsewhere the cotangent times a slope (0 by default). */
const masked =
  (condition: Derivative, slope?: (vjp: Vjp) => string): Rule =>
  (vjp) =>
    vjp.give(0, () => {
      const holds = condition(
        vjp,
        () => vjp.input(0),
        () => vjp.output(),
      );
      const otherwise = slope === undefined ? vjp.scalar(0) : vjp.emit.mul(vjp.grad(), slope(vjp));
      return vjp.emit.where(holds, vjp.grad(), vjp.type, otherwise);
    });

const op = (vjp: Vjp, type: string, ...inputs: readonly string[]): string => vjp.emit.op(type, inputs);
const squared = (vjp: Vjp, x: string): string => vjp.emit.mul(x, x);
/** 1 - x², 1 + x² */
const oneMinus = (vjp: Vjp, x: string): string => vjp.emit.sub(vjp.scalar(1), squared(vjp, x));
const onePlus = (vjp: Vjp, x: string): string => vjp.emit.add(vjp.scalar(1), squared(vjp, x));
const between = (vjp: Vjp, x: string, low: number, high: number): string =>
  op(vjp, 'And', op(vjp, 'Greater', x, vjp.scalar(low)), op(vjp, 'Less', x, vjp.scalar(high)));

/** Derivative of x Φ(x) (Hendrycks & Gimpel 2016), or of its approximation by tanh. */
export function geluSlope(vjp: Vjp, x: string, approximate: boolean): string {
  const { emit } = vjp;
  const half = vjp.scalar(0.5);
  if (!approximate) {
    const distribution = emit.mul(half, emit.add(vjp.scalar(1), op(vjp, 'Erf', emit.mul(x, vjp.scalar(Math.SQRT1_2)))));
    const density = emit.mul(vjp.scalar(1 / Math.sqrt(2 * Math.PI)), op(vjp, 'Exp', emit.mul(vjp.scalar(-0.5), squared(vjp, x))));
    return emit.add(distribution, emit.mul(x, density));
  }
  const [root, cubic] = [Math.sqrt(2 / Math.PI), 0.044715];
  const square = squared(vjp, x);
  const inner = emit.mul(vjp.scalar(root), emit.mul(x, emit.add(vjp.scalar(1), emit.mul(vjp.scalar(cubic), square))));
  const tanh = op(vjp, 'Tanh', inner);
  const slope = emit.mul(vjp.scalar(root), emit.add(vjp.scalar(1), emit.mul(vjp.scalar(3 * cubic), square)));
  const first = emit.mul(half, emit.add(vjp.scalar(1), tanh));
  return emit.add(first, emit.mul(emit.mul(half, x), emit.mul(oneMinus(vjp, tanh), slope)));
}

/** Derivative of x σ(αx). */
export function swishSlope(vjp: Vjp, x: string, alpha: number): string {
  const { emit } = vjp;
  const sigmoid = op(vjp, 'Sigmoid', emit.mul(vjp.scalar(alpha), x));
  const rest = emit.mul(emit.mul(vjp.scalar(alpha), x), emit.sub(vjp.scalar(1), sigmoid));
  return emit.mul(sigmoid, emit.add(vjp.scalar(1), rest));
}

/** min and max are attributes before version 11, inputs later; elements at a bound count as inside. */
const clip: Rule = (vjp) => {
  const { emit } = vjp;
  const bound = (name: string, k: number): string | undefined => {
    if (vjp.hasInput(k)) return vjp.input(k);
    const value = vjp.float(name, Number.NaN);
    return Number.isNaN(value) ? undefined : vjp.scalar(value);
  };
  const low = bound('min', 1);
  const high = bound('max', 2);
  const below = low === undefined ? undefined : op(vjp, 'Less', vjp.input(0), low);
  const above = high === undefined ? undefined : op(vjp, 'Greater', vjp.input(0), high);
  const outside = (condition: string | undefined, value: string): string =>
    condition === undefined ? value : emit.op('Where', [condition, vjp.scalar(0), value]);
  vjp.give(0, () => outside(above, outside(below, vjp.grad())));
  // Where both bounds are passed (min above max), the result is max.
  vjp.give(1, () => emit.sumTo(outside(above, emit.where(below!, vjp.grad(), vjp.type)), vjp.input(1)));
  vjp.give(2, () => emit.sumTo(emit.where(above!, vjp.grad(), vjp.type), vjp.input(2)));
};

const pow: Rule = (vjp) => {
  const { emit } = vjp;
  vjp.give(0, () => {
    const lower = emit.op('Pow', [vjp.input(0), emit.sub(exponent(vjp), vjp.scalar(1))]);
    const slope = emit.mul(exponent(vjp), lower);
    const flat = emit.op('Equal', [exponent(vjp), vjp.scalar(0)]);
    return emit.sumTo(emit.mul(vjp.grad(), emit.op('Where', [flat, vjp.scalar(0), slope])), vjp.input(0));
  });
  vjp.give(1, () => {
    const positive = emit.op('Greater', [vjp.input(0), vjp.scalar(0)]);
    const log = emit.op('Log', [emit.op('Where', [positive, vjp.input(0), vjp.scalar(1)])]);
    return emit.sumTo(emit.mul(vjp.grad(), emit.mul(vjp.output(), log)), vjp.input(1));
  });
};

/** Exponents may be integers. */
const exponent = (vjp: Vjp): string => vjp.emit.cast(vjp.input(1), vjp.type);

/** Minimum or maximum of any number of inputs; those that are equal share. */
const extreme: Rule = (vjp) => {
  const { emit } = vjp;
  const chosen = vjp.node.input.map((_, k) => emit.cast(emit.op('Equal', [vjp.input(k), vjp.output()]), vjp.type));
  const count = chosen.length === 1 ? chosen[0]! : emit.op('Sum', chosen);
  vjp.node.input.forEach((_, k) => {
    vjp.give(k, () => emit.sumTo(emit.mul(vjp.grad(), emit.div(chosen[k]!, count)), vjp.input(k)));
  });
};

const variadic =
  (scale: (vjp: Vjp) => number): Rule =>
  (vjp) => {
    vjp.node.input.forEach((_, k) => {
      vjp.give(k, () => vjp.emit.sumTo(vjp.emit.mul(vjp.grad(), vjp.scalar(scale(vjp))), vjp.input(k)));
    });
  };

const prelu: Rule = (vjp) => {
  const { emit } = vjp;
  const negative = emit.op('Less', [vjp.input(0), vjp.scalar(0)]);
  vjp.give(0, () => emit.op('Where', [negative, emit.mul(vjp.grad(), vjp.input(1)), vjp.grad()]));
  vjp.give(1, () => emit.sumTo(emit.where(negative, emit.mul(vjp.grad(), vjp.input(0)), vjp.type), vjp.input(1)));
};

/** With a mask, dropped elements get nothing; without, it must be certain that it does nothing. */
const dropout: Rule = (vjp) => {
  const { emit } = vjp;
  const training = vjp.version >= 12 && vjp.hasInput(2) ? vjp.constant(2) : [0];
  if (training?.[0] === 0) return vjp.give(0, () => vjp.grad());
  if (!vjp.hasOutput(1)) throw new NoGradient('it may be training, and gives no mask of what it dropped');
  vjp.give(0, () => {
    const ratio = vjp.hasInput(1) ? emit.cast(vjp.input(1), vjp.type) : vjp.scalar(0.5);
    const kept = emit.div(emit.mul(vjp.grad(), emit.cast(vjp.output(1), vjp.type)), emit.sub(vjp.scalar(1), ratio));
    return vjp.hasInput(2) ? emit.op('Where', [vjp.input(2), kept, vjp.grad()]) : kept;
  });
};

export const elementwise = {
  Identity: (vjp) => vjp.give(0, () => vjp.grad()),
  Cast: (vjp) => vjp.give(0, () => vjp.grad()),
  CastLike: (vjp) => vjp.give(0, () => vjp.grad()),
  Neg: (vjp) => vjp.give(0, () => op(vjp, 'Neg', vjp.grad())),
  Dropout: dropout,

  Sqrt: unary((vjp, _, y) => vjp.emit.div(vjp.scalar(0.5), y())),
  Exp: unary((_vjp, _x, y) => y()),
  Log: unary((vjp, x) => op(vjp, 'Reciprocal', x())),
  Abs: unary((vjp, x) => op(vjp, 'Sign', x())),
  Reciprocal: unary((vjp, _, y) => op(vjp, 'Neg', squared(vjp, y()))),
  Erf: unary((vjp, x) => vjp.emit.mul(vjp.scalar(2 / Math.sqrt(Math.PI)), op(vjp, 'Exp', op(vjp, 'Neg', squared(vjp, x()))))),
  Sin: unary((vjp, x) => op(vjp, 'Cos', x())),
  Cos: unary((vjp, x) => op(vjp, 'Neg', op(vjp, 'Sin', x()))),
  Tan: unary((vjp, _, y) => onePlus(vjp, y())),
  Asin: unary((vjp, x) => op(vjp, 'Reciprocal', op(vjp, 'Sqrt', oneMinus(vjp, x())))),
  Acos: unary((vjp, x) => op(vjp, 'Neg', op(vjp, 'Reciprocal', op(vjp, 'Sqrt', oneMinus(vjp, x()))))),
  Atan: unary((vjp, x) => op(vjp, 'Reciprocal', onePlus(vjp, x()))),
  Sinh: unary((vjp, _, y) => op(vjp, 'Sqrt', onePlus(vjp, y()))),
  Cosh: unary((vjp, x) => op(vjp, 'Sinh', x())),
  Asinh: unary((vjp, x) => op(vjp, 'Reciprocal', op(vjp, 'Sqrt', onePlus(vjp, x())))),
  Acosh: unary((vjp, x) => op(vjp, 'Reciprocal', op(vjp, 'Sqrt', vjp.emit.sub(squared(vjp, x()), vjp.scalar(1))))),
  Atanh: unary((vjp, x) => op(vjp, 'Reciprocal', oneMinus(vjp, x()))),

  Sigmoid: unary((vjp, _, y) => vjp.emit.mul(y(), vjp.emit.sub(vjp.scalar(1), y()))),
  Tanh: unary((vjp, _, y) => oneMinus(vjp, y())),
  Softplus: unary((vjp, x) => op(vjp, 'Sigmoid', x())),
  Softsign: unary((vjp, x) => op(vjp, 'Reciprocal', squared(vjp, vjp.emit.add(vjp.scalar(1), op(vjp, 'Abs', x()))))),
  Mish: unary((vjp, x) => {
    const tanh = op(vjp, 'Tanh', op(vjp, 'Softplus', x()));
    return vjp.emit.add(tanh, vjp.emit.mul(vjp.emit.mul(x(), op(vjp, 'Sigmoid', x())), oneMinus(vjp, tanh)));
  }),
  Gelu: unary((vjp, x) => geluSlope(vjp, x(), vjp.text('approximate', 'none') === 'tanh')),
  Swish: unary((vjp, x) => swishSlope(vjp, x(), vjp.float('alpha', 1))),
  Relu: masked((vjp, x) => op(vjp, 'Greater', x(), vjp.scalar(0))),
  ThresholdedRelu: masked((vjp, x) => op(vjp, 'Greater', x(), vjp.scalar(vjp.float('alpha', 1)))),
  LeakyRelu: masked(
    (vjp, x) => op(vjp, 'GreaterOrEqual', x(), vjp.scalar(0)),
    (vjp) => vjp.scalar(vjp.float('alpha', 0.01)),
  ),
  Elu: masked(
    (vjp, x) => op(vjp, 'Greater', x(), vjp.scalar(0)),
    (vjp) => vjp.emit.add(vjp.output(), vjp.scalar(vjp.float('alpha', 1))),
  ),
  Celu: masked(
    (vjp, x) => op(vjp, 'Greater', x(), vjp.scalar(0)),
    (vjp) => vjp.emit.add(vjp.emit.div(vjp.output(), vjp.scalar(vjp.float('alpha', 1))), vjp.scalar(1)),
  ),
  Selu: unary((vjp, x, y) => {
    const [alpha, gamma] = [vjp.float('alpha', 1.6732631921768188), vjp.float('gamma', 1.0507010221481323)];
    const negative = vjp.emit.add(y(), vjp.scalar(alpha * gamma));
    return vjp.emit.op('Where', [op(vjp, 'Greater', x(), vjp.scalar(0)), vjp.scalar(gamma), negative]);
  }),
  HardSigmoid: unary((vjp, _, y) => vjp.emit.op('Where', [between(vjp, y(), 0, 1), vjp.scalar(vjp.float('alpha', 0.2)), vjp.scalar(0)])),
  HardSwish: unary((vjp, x) => {
    const middle = vjp.emit.add(vjp.emit.div(x(), vjp.scalar(3)), vjp.scalar(0.5));
    const ends = vjp.emit.cast(op(vjp, 'Greater', x(), vjp.scalar(0)), vjp.type);
    return vjp.emit.op('Where', [between(vjp, x(), -3, 3), middle, ends]);
  }),
  Shrink: masked((vjp, x) => op(vjp, 'Greater', op(vjp, 'Abs', x()), vjp.scalar(vjp.float('lambd', 0.5)))),
  Clip: clip,
  PRelu: prelu,

  Add(vjp) {
    for (const k of [0, 1]) vjp.give(k, () => vjp.emit.sumTo(vjp.grad(), vjp.input(k)));
  },
  Sub(vjp) {
    vjp.give(0, () => vjp.emit.sumTo(vjp.grad(), vjp.input(0)));
    vjp.give(1, () => vjp.emit.sumTo(op(vjp, 'Neg', vjp.grad()), vjp.input(1)));
  },
  Mul(vjp) {
    vjp.give(0, () => vjp.emit.sumTo(vjp.emit.mul(vjp.grad(), vjp.input(1)), vjp.input(0)));
    vjp.give(1, () => vjp.emit.sumTo(vjp.emit.mul(vjp.grad(), vjp.input(0)), vjp.input(1)));
  },
  Div(vjp) {
    const { emit } = vjp;
    vjp.give(0, () => emit.sumTo(emit.div(vjp.grad(), vjp.input(1)), vjp.input(0)));
    vjp.give(1, () => emit.sumTo(op(vjp, 'Neg', emit.mul(vjp.grad(), emit.div(vjp.output(), vjp.input(1)))), vjp.input(1)));
  },
  Pow: pow,
  /** a - b trunc(a / b): the quotient is constant almost everywhere. */
  Mod(vjp) {
    const { emit } = vjp;
    vjp.give(0, () => emit.sumTo(vjp.grad(), vjp.input(0)));
    vjp.give(1, () => emit.sumTo(emit.mul(vjp.grad(), emit.div(emit.sub(vjp.output(), vjp.input(0)), vjp.input(1))), vjp.input(1)));
  },
  Sum: variadic(() => 1),
  Mean: variadic((vjp) => 1 / vjp.count),
  Min: extreme,
  Max: extreme,
  Where(vjp) {
    const { emit } = vjp;
    vjp.give(1, () => emit.sumTo(emit.where(vjp.input(0), vjp.grad(), vjp.type), vjp.input(1)));
    vjp.give(2, () => emit.sumTo(emit.op('Where', [vjp.input(0), vjp.scalar(0), vjp.grad()]), vjp.input(2)));
  },
} as const satisfies Readonly<Record<string, Rule>>;
