// The numbers of weights: what a file's matrices are after everything that a step does with them alone.

import { contiguous, type Expression, sizeOf } from './expression.ts';

export type NumbersOf = (name: string) => ArrayLike<number>;

/** The numbers of an expression of weights, row-major. */
export class WeightNumbers {
  readonly #of: NumbersOf;
  readonly #known = new Map<Expression, Float64Array>();

  constructor(of: NumbersOf) {
    this.#of = of;
  }

  of(expression: Expression): Float64Array {
    const known = this.#known.get(expression);
    if (known !== undefined) return known;
    const made = this.#computed(expression);
    this.#known.set(expression, made);
    return made;
  }

  #computed(each: Expression): Float64Array {
    const count = sizeOf(each.shape);
    const fill = (element: (k: number) => number): Float64Array => {
      const data = new Float64Array(count);
      for (let k = 0; k < count; k += 1) data[k] = element(k);
      return data;
    };
    switch (each.kind) {
      case 'leaf': {
        const data = this.#of(each.name);
        return fill((k) => data[k]!);
      }
      case 'constant':
        return fill(() => each.value);
      case 'view': {
        const data = this.of(each.of);
        return walked(each.shape, each.offset, each.strides, (at) => data[at]!);
      }
      case 'spread': {
        const data = this.of(each.of);
        const own = contiguous(each.of.shape);
        const strides = each.shape.map((_, k) => (each.axes.includes(k) ? own[each.axes.indexOf(k)]! : 0));
        return walked(each.shape, 0, strides, (at) => data[at]!);
      }
      case 'joined': {
        const data = new Float64Array(count);
        let from = 0;
        for (const part of each.parts) {
          data.set(this.of(part), from);
          from += sizeOf(part.shape);
        }
        return data;
      }
      case 'sum': {
        const terms = each.terms.map(({ sign, of }) => ({ sign, at: this.#element(of) }));
        return fill((k) => terms.reduce((sum, { sign, at }) => sum + sign * at(k), 0));
      }
      case 'product': {
        const factors = each.factors.map((factor) => this.#element(factor));
        return fill((k) => factors.reduce((product, at) => product * at(k), 1));
      }
      case 'elementwise': {
        const operands = each.operands.map((operand) => this.#element(operand));
        const apply = functions[each.name];
        return fill((k) => apply(...operands.map((at) => at(k))));
      }
      case 'linear':
        return this.#multiplied(this.of(each.matrix), this.of(each.vector), each.rows, each.columns, 1);
      case 'matmul': {
        const contractedSize = each.a.shape.at(-1)!;
        const columns = each.b.shape.length === 1 ? 1 : each.b.shape[1]!;
        return this.#multiplied(this.of(each.a), this.of(each.b), count / columns, contractedSize, columns);
      }
      case 'reduction':
        return this.#reduced(each);
    }
  }

  #element(of: Expression): (k: number) => number {
    const data = this.of(of);
    return data.length === 1 ? () => data[0]! : (k) => data[k]!;
  }

  #multiplied(a: Float64Array, b: Float64Array, rows: number, inner: number, columns: number): Float64Array {
    const data = new Float64Array(rows * columns);
    for (let row = 0; row < rows; row += 1)
      for (let column = 0; column < columns; column += 1) {
        let sum = 0;
        for (let k = 0; k < inner; k += 1) sum += a[row * inner + k]! * b[k * columns + column]!;
        data[row * columns + column] = sum;
      }
    return data;
  }

  #reduced({ name, of, axis, shape }: Extract<Expression, { kind: 'reduction' }>): Float64Array {
    const data = this.of(of);
    const strides = contiguous(of.shape);
    const [length, stride] = axis === undefined ? [data.length, 1] : [of.shape[axis]!, strides[axis]!];
    const starts = axis === undefined ? [0] : walked(dropped(of.shape, axis), 0, dropped(strides, axis), (at) => at);
    const result = new Float64Array(sizeOf(shape));
    starts.forEach((start, k) => {
      const line = Float64Array.from({ length }, (_, at) => data[start + at * stride]!);
      const largest = line.reduce((most, each) => Math.max(most, each), Number.NEGATIVE_INFINITY);
      const total = line.reduce((sum, each) => sum + each, 0);
      if (name === 'softmax') {
        const powers = line.map((each) => Math.exp(each - largest));
        const sum = powers.reduce((all, each) => all + each, 0);
        powers.forEach((each, at) => {
          result[start + at * stride] = each / sum;
        });
      } else if (name === 'cumsum') {
        let sum = 0;
        line.forEach((each, at) => {
          sum += each;
          result[start + at * stride] = sum;
        });
      } else
        result[k] = {
          sum: total,
          mean: total / length,
          max: largest,
          min: line.reduce((least, each) => Math.min(least, each), Number.POSITIVE_INFINITY),
        }[name];
    });
    return result;
  }
}

const dropped = (list: readonly number[], axis: number): number[] => list.filter((_, k) => k !== axis);

function walked(shape: readonly number[], offset: number, strides: readonly number[], element: (at: number) => number): Float64Array {
  const data = new Float64Array(sizeOf(shape));
  const index = shape.map(() => 0);
  let at = offset;
  for (let k = 0; k < data.length; k += 1) {
    data[k] = element(at);
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      at += strides[axis]!;
      index[axis] = index[axis]! + 1;
      if (index[axis]! < shape[axis]!) break;
      at -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return data;
}

const functions: Readonly<Record<Extract<Expression, { kind: 'elementwise' }>['name'], (...operands: number[]) => number>> = {
  sigmoid: (x) => 1 / (1 + Math.exp(-x!)),
  tanh: (x) => Math.tanh(x!),
  relu: (x) => Math.max(0, x!),
  exp: (x) => Math.exp(x!),
  log: (x) => Math.log(x!),
  sqrt: (x) => Math.sqrt(x!),
  abs: (x) => Math.abs(x!),
  sign: (x) => Math.sign(x!),
  softplus: (x) => Math.max(x!, 0) + Math.log1p(Math.exp(-Math.abs(x!))),
  gelu: (x) => (x! / 2) * (1 + erf(x! * Math.SQRT1_2)),
  erf: (x) => erf(x!),
  minimum: (a, b) => Math.min(a!, b!),
  maximum: (a, b) => Math.max(a!, b!),
  where: (condition, a, b) => (condition ? a! : b!),
  clip: (x, low, high) => Math.min(Math.max(x!, low!), high!),
  quotient: (a, b) => a! / b!,
  power: (a, b) => a! ** b!,
  less: (a, b) => Number(a! < b!),
  lessEqual: (a, b) => Number(a! <= b!),
  equal: (a, b) => Number(a === b),
  and: (a, b) => Number(a !== 0 && b !== 0),
  or: (a, b) => Number(a !== 0 || b !== 0),
  not: (a) => Number(a === 0),
};

/** By its series, and by the continued fraction of erfc where that is short. */
function erf(x: number): number {
  const size = Math.abs(x);
  if (size > 6) return Math.sign(x);
  if (size < 2.5) {
    let [term, sum] = [x, x];
    for (let n = 1; n < 80; n += 1) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let k = 60; k > 0; k -= 1) fraction = k / 2 / (size + fraction);
  return Math.sign(x) * (1 - Math.exp(-size * size) / Math.sqrt(Math.PI) / (size + fraction));
}
