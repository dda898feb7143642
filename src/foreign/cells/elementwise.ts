// Operators that compute element by element.

import { PartError } from '../part.ts';
import type { ElementwiseFunction, Expression } from './expression.ts';
import type { Expressions } from './expressions.ts';
import { type Rule, type Step, tensorIn } from './step.ts';
import { elementwise, type Tensor } from './value.ts';

/** A single number that is the same always. */
function numberIn(step: Step, index: number, attribute: string): number | undefined {
  const given = step.attributes.float(attribute);
  if (given !== undefined) return given;
  const value = step.input(index);
  if (value === undefined) return undefined;
  if (value.kind === 'integers') return value.data[0];
  return value.of.kind === 'constant' ? value.of.value : Number.NaN;
}

const each = (step: Step, apply: (...operands: Expression[]) => Expression, count = 1): Tensor[] => [
  elementwise(
    step.make,
    Array.from({ length: count }, (_, k) => tensorIn(step, k)),
    (operands) => apply(...operands),
  ),
];

const call =
  (name: ElementwiseFunction, count = 1): Rule =>
  (step) =>
    each(step, (...operands) => step.make.elementwise(name, operands), count);

/** All inputs, however many. */
const all =
  (combine: (make: Expressions, a: Expression, b: Expression) => Expression): Rule =>
  (step) => [
    step.node.input
      .map((_, k) => tensorIn(step, k))
      .reduce((a, b) => elementwise(step.make, [a, b], ([x, y]) => combine(step.make, x!, y!))),
  ];

export const scaled = (make: Expressions, by: number, x: Expression): Expression => make.product([make.constant(by), x]);
const single = (make: Expressions, x: Expression, above: Expression, below: Expression): Expression =>
  make.elementwise('where', [make.elementwise('lessEqual', [make.constant(0), x]), above, below]);
const clipped = (make: Expressions, x: Expression, low: number, high: number): Expression =>
  make.elementwise('clip', [x, make.constant(low), make.constant(high)]);

function elu(make: Expressions, x: Expression, alpha: number, within = 1): Expression {
  // The branch that is not taken must stay finite, for the gradient's sake.
  const low = make.elementwise('minimum', [x, make.constant(0)]);
  const inner = within === 1 ? low : make.elementwise('quotient', [low, make.constant(within)]);
  return single(make, x, x, scaled(make, alpha, make.plus(make.elementwise('exp', [inner]), make.constant(-1))));
}

const withAlpha =
  (fallback: number, apply: (make: Expressions, x: Expression, alpha: number) => Expression): Rule =>
  (step) =>
    each(step, (x) => apply(step.make, x, step.attributes.float('alpha') ?? fallback));

export const elementwiseRules: Readonly<Record<string, Rule>> = {
  Sigmoid: call('sigmoid'),
  Tanh: call('tanh'),
  Relu: call('relu'),
  Exp: call('exp'),
  Log: call('log'),
  Sqrt: call('sqrt'),
  Abs: call('abs'),
  Sign: call('sign'),
  Softplus: call('softplus'),
  Erf: call('erf'),
  Gelu: (step) =>
    each(step, (x) =>
      step.attributes.text('approximate', 'none') === 'tanh' ? fastGelu(step.make, x) : step.make.elementwise('gelu', [x]),
    ),
  FastGelu: (step) => [
    elementwise(step.make, [tensorIn(step, 0), ...(step.input(1) === undefined ? [] : [tensorIn(step, 1)])], ([x, b]) =>
      fastGelu(step.make, b === undefined ? x! : step.make.plus(x!, b)),
    ),
  ],
  BiasGelu: (step) => each(step, (x, b) => step.make.elementwise('gelu', [step.make.plus(x!, b!)]), 2),
  QuickGelu: withAlpha(1.702, (make, x, alpha) => make.product([x, make.elementwise('sigmoid', [scaled(make, alpha, x)])])),
  Neg: (step) => each(step, (x) => step.make.sum([{ sign: -1, of: x }])),
  Reciprocal: (step) => each(step, (x) => step.make.elementwise('quotient', [step.make.constant(1), x])),
  HardSigmoid: (step) =>
    each(step, (x) => {
      const [alpha, beta] = [step.attributes.float('alpha') ?? 0.2, step.attributes.float('beta') ?? 0.5];
      return clipped(step.make, step.make.plus(scaled(step.make, alpha, x), step.make.constant(beta)), 0, 1);
    }),
  HardSwish: (step) =>
    each(step, (x) =>
      step.make.product([
        x,
        clipped(step.make, step.make.plus(step.make.elementwise('quotient', [x, step.make.constant(6)]), step.make.constant(0.5)), 0, 1),
      ]),
    ),
  Swish: withAlpha(1, (make, x, alpha) => make.product([x, make.elementwise('sigmoid', [scaled(make, alpha, x)])])),
  Mish: (step) => each(step, (x) => step.make.product([x, step.make.elementwise('tanh', [step.make.elementwise('softplus', [x])])])),
  LeakyRelu: withAlpha(0.01, (make, x, alpha) => single(make, x, x, scaled(make, alpha, x))),
  PRelu: (step) => each(step, (x, slope) => single(step.make, x!, x!, step.make.product([slope!, x!])), 2),
  ThresholdedRelu: withAlpha(1, (make, x, alpha) =>
    make.elementwise('where', [make.elementwise('less', [make.constant(alpha), x]), x, make.constant(0)]),
  ),
  Elu: withAlpha(1, (make, x, alpha) => elu(make, x, alpha)),
  Celu: withAlpha(1, (make, x, alpha) => elu(make, x, alpha, alpha)),
  Selu: (step) =>
    each(step, (x) => {
      const alpha = step.attributes.float('alpha') ?? 1.6732632;
      return scaled(step.make, step.attributes.float('gamma') ?? 1.050701, elu(step.make, x, alpha));
    }),
  Softsign: (step) =>
    each(step, (x) => step.make.elementwise('quotient', [x, step.make.plus(step.make.constant(1), step.make.elementwise('abs', [x]))])),
  Clip: (step) => {
    const [low, high] = [numberIn(step, 1, 'min'), numberIn(step, 2, 'max')];
    if (Number.isNaN(low) || Number.isNaN(high)) throw new PartError('Its bounds are computed, which the equations have no way to write.');
    const { make } = step;
    const isBelow = low === undefined || low < -3e38;
    const isAbove = high === undefined || high > 3e38;
    return each(step, (x) => {
      if (isBelow && isAbove) return x;
      if (isBelow) return make.elementwise('minimum', [x, make.constant(high!)]);
      if (isAbove) return low === 0 ? make.elementwise('relu', [x]) : make.elementwise('maximum', [x, make.constant(low)]);
      return clipped(make, x, low, high);
    });
  },

  Add: (step) => each(step, (a, b) => step.make.plus(a!, b!), 2),
  Sub: (step) => each(step, (a, b) => step.make.minus(a!, b!), 2),
  Mul: (step) => each(step, (a, b) => step.make.product([a!, b!]), 2),
  Div: call('quotient', 2),
  Pow: call('power', 2),
  Sum: all((make, a, b) => make.plus(a, b)),
  Mean: (step) => {
    const [total] = elementwiseRules.Sum!(step) as [Tensor];
    return [elementwise(step.make, [total], ([x]) => step.make.elementwise('quotient', [x!, step.make.constant(step.node.input.length)]))];
  },
  Min: all((make, a, b) => make.elementwise('minimum', [a, b])),
  Max: all((make, a, b) => make.elementwise('maximum', [a, b])),
  Less: call('less', 2),
  LessOrEqual: call('lessEqual', 2),
  Greater: (step) => each(step, (a, b) => step.make.elementwise('less', [b!, a!]), 2),
  GreaterOrEqual: (step) => each(step, (a, b) => step.make.elementwise('lessEqual', [b!, a!]), 2),
  Equal: call('equal', 2),
  And: call('and', 2),
  Or: call('or', 2),
  Not: call('not'),
  Where: call('where', 3),
};

/** Its approximation with tanh. */
function fastGelu(make: Expressions, x: Expression): Expression {
  const cube = scaled(make, 0.044715, make.elementwise('power', [x, make.constant(3)]));
  const inner = scaled(make, Math.sqrt(2 / Math.PI), make.plus(x, cube));
  return make.product([make.constant(0.5), x, make.plus(make.constant(1), make.elementwise('tanh', [inner]))]);
}
