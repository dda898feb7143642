// The functions that an expression of the debugger may call, beyond those that look at other timesteps (elsewhere, by evaluate.ts).

import { distanceFromUniform, entropy, uniformity } from '../shared/attention.ts';
import { alongAxis, axisOf, Mistake, map, outer, reduce, zip } from './arithmetic.ts';
import { scalar, type Tensor } from './tensor.ts';

/** `over` holds the names of the axes, empty where none was said. */
export type TensorFunction = (args: readonly Tensor[], over: readonly string[]) => Tensor;

const elementwise =
  (f: (x: number) => number): TensorFunction =>
  ([x]) =>
    map(x!, f);

const reduction =
  (f: (values: ArrayLike<number>) => number): TensorFunction =>
  ([x], over) =>
    reduce(x!, over, f);

/** Of each line of elements along the axis said, else the last. */
const ofRows =
  (f: (values: ArrayLike<number>) => number): TensorFunction =>
  ([x], over) => {
    if (x!.shape.length === 0) throw new Mistake('Weights over places are wanted here, not a number.');
    return alongAxis(x!, over[0] ? axisOf(x!, over[0]) : x!.shape.length - 1, (values) => [f(values)], true);
  };

/** Each line of elements along the axis said, else the last. */
const along =
  (f: (values: Float64Array) => ArrayLike<number>): TensorFunction =>
  ([x], over) =>
    x!.shape.length === 0
      ? map(x!, (value) => f(Float64Array.of(value))[0]!)
      : alongAxis(x!, over[0] ? axisOf(x!, over[0]) : x!.shape.length - 1, f);

const sum = (values: ArrayLike<number>): number => {
  let total = 0;
  for (let k = 0; k < values.length; k++) total += values[k]!;
  return total;
};
const mean = (values: ArrayLike<number>): number => sum(values) / values.length;
const extreme = (values: ArrayLike<number>, pick: (a: number, b: number) => number, start: number): number => {
  let best = start;
  for (let k = 0; k < values.length; k++) best = pick(best, values[k]!);
  return best;
};
const variance = (values: ArrayLike<number>): number => {
  const centre = mean(values);
  return mean(Float64Array.from(values, (x) => (x - centre) ** 2));
};
const argmax = (values: ArrayLike<number>): number => {
  let best = 0;
  for (let k = 1; k < values.length; k++) if (values[k]! > values[best]!) best = k;
  return best;
};
const share = (values: ArrayLike<number>, holds: (x: number) => boolean): number => mean(Array.from(values, (x) => (holds(x) ? 1 : 0)));

const softmax = (values: Float64Array): Float64Array => {
  const most = extreme(values, Math.max, Number.NEGATIVE_INFINITY);
  const powers = values.map((x) => Math.exp(x - most));
  const total = sum(powers);
  return powers.map((power) => power / total);
};

/** Abramowitz & Stegun 7.1.26, |error| < 1.5e−7: more than a display needs. */
const erf = (x: number): number => {
  const u = 1 / (1 + 0.3275911 * Math.abs(x));
  const tail = ((((1.061405429 * u - 1.453152027) * u + 1.421413741) * u - 0.284496736) * u + 0.254829592) * u * Math.exp(-x * x);
  return Math.sign(x) * (1 - tail);
};

export const FUNCTIONS: Readonly<Record<string, { readonly arity: readonly [number, number]; readonly apply: TensorFunction }>> = {
  exp: { arity: [1, 1], apply: elementwise(Math.exp) },
  log: { arity: [1, 1], apply: elementwise(Math.log) },
  ln: { arity: [1, 1], apply: elementwise(Math.log) },
  sqrt: { arity: [1, 1], apply: elementwise(Math.sqrt) },
  abs: { arity: [1, 1], apply: elementwise(Math.abs) },
  sign: { arity: [1, 1], apply: elementwise(Math.sign) },
  sigmoid: { arity: [1, 1], apply: elementwise((x) => 1 / (1 + Math.exp(-x))) },
  tanh: { arity: [1, 1], apply: elementwise(Math.tanh) },
  relu: { arity: [1, 1], apply: elementwise((x) => Math.max(0, x)) },
  gelu: { arity: [1, 1], apply: elementwise((x) => (x / 2) * (1 + erf(x / Math.SQRT2))) },
  softplus: { arity: [1, 1], apply: elementwise((x) => Math.max(0, x) + Math.log1p(Math.exp(-Math.abs(x)))) },
  isnan: { arity: [1, 1], apply: elementwise((x) => (Number.isNaN(x) ? 1 : 0)) },
  minimum: { arity: [2, 2], apply: ([a, b]) => zip(a!, b!, Math.min, 'minimum') },
  maximum: { arity: [2, 2], apply: ([a, b]) => zip(a!, b!, Math.max, 'maximum') },
  where: {
    arity: [3, 3],
    apply: ([condition, a, b]) => {
      const chosen = zip(condition!, a!, (c, x) => (c !== 0 ? x : 0), 'where');
      return zip(
        chosen,
        zip(condition!, b!, (c, y) => (c !== 0 ? 0 : y), 'where'),
        (x, y) => x + y,
        'where',
      );
    },
  },
  clip: {
    arity: [3, 3],
    apply: ([x, low, high]) => zip(zip(x!, low!, Math.max, 'clip'), high!, Math.min, 'clip'),
  },
  sum: { arity: [1, 1], apply: reduction(sum) },
  mean: { arity: [1, 1], apply: reduction(mean) },
  max: { arity: [1, 1], apply: reduction((values) => extreme(values, Math.max, Number.NEGATIVE_INFINITY)) },
  min: { arity: [1, 1], apply: reduction((values) => extreme(values, Math.min, Number.POSITIVE_INFINITY)) },
  argmax: { arity: [1, 1], apply: reduction(argmax) },
  variance: { arity: [1, 1], apply: reduction(variance) },
  norm: { arity: [1, 1], apply: reduction((values) => Math.sqrt(sum(Float64Array.from(values, (x) => x * x)))) },
  /** -Σ p ln p in nats: of all elements, or `over: S`. Weights that are all alike have ln(S). */
  entropy: { arity: [1, 1], apply: reduction(entropy) },
  /** Entropy as a share of ln(S), over the last axis unless told otherwise: 1 where all places have the same weight. */
  uniformity: { arity: [1, 1], apply: ofRows(uniformity) },
  /** ½ Σ |p - 1/S|, likewise: the weight that is elsewhere than in a uniform row. */
  distance_from_uniform: { arity: [1, 1], apply: ofRows(distanceFromUniform) },
  any: { arity: [1, 1], apply: reduction((values) => (share(values, (x) => x !== 0) > 0 ? 1 : 0)) },
  all: { arity: [1, 1], apply: reduction((values) => (share(values, (x) => x !== 0) === 1 ? 1 : 0)) },
  /** The share of the units that are shut or open: below .1 or above .9. */
  saturated: { arity: [1, 1], apply: reduction((values) => share(values, (x) => x < 0.1 || x > 0.9)) },
  softmax: { arity: [1, 1], apply: along(softmax) },
  cumsum: {
    arity: [1, 1],
    apply: along((values) => {
      let total = 0;
      return values.map((x) => {
        total += x;
        return total;
      });
    }),
  },
  outer: { arity: [2, 2], apply: ([a, b]) => outer(a!, b!) },
  range: {
    arity: [1, 1],
    apply: ([n]) => {
      const size = n!.data[0]!;
      if (n!.shape.length > 0 || !(size >= 0 && size <= 1e6)) throw new Mistake('range takes one number, up to a million.');
      return { shape: [Math.floor(size)], dimensions: [String(Math.floor(size))], data: Float64Array.from({ length: size }, (_, k) => k) };
    },
  },
  /** Nothing is dropped outside training. */
  dropout: { arity: [1, 2], apply: ([x]) => x! },
};

/** Functions of a value of the trace that look at other timesteps than the stop's. */
export const ELSEWHERE = ['grad', 'at', 'previous', 'next', 'coverage', 'collapse'] as const;

export const truth = (value: boolean): Tensor => scalar(value ? 1 : 0);
