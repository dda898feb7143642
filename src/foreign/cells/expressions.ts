// Makes expressions. They are interned: what is written alike is the same object, so that algebra compares by identity. Making one brings it into a
// normal form: sums and products are flat, what weights alone make is one weight, a product with joined vectors is a sum of products, and a slice
// goes down to the rows of the matrices that belong to it.

import {
  type Constant,
  contiguous,
  type Elementwise,
  type ElementwiseFunction,
  type Expression,
  isMadeOf,
  type Joined,
  type Leaf,
  type LeafRole,
  operandsOf,
  type Product,
  type Reduction,
  type Spread,
  sameNumbers,
  scaleOf,
  sizeOf,
  squeezed,
  type Term,
  type View,
} from './expression.ts';

type Shapeless<Kind> = Kind extends Expression ? Omit<Kind, 'id' | 'isWeight'> : never;

/** Expressions of one factory are equal where they are identical. */
export class Expressions {
  readonly #known = new Map<string, Expression>();
  /** Sizes that are taken to fit for now, as nothing tells them yet. */
  isUndecided: (size: number) => boolean = () => false;

  leaf(role: LeafRole, name: string, shape: readonly number[]): Leaf {
    return this.#make({ kind: 'leaf', role, name, shape }, `${role} ${name}`) as Leaf;
  }

  constant(value: number): Constant {
    return this.#make({ kind: 'constant', value, shape: [] }, Object.is(value, -0) ? '-0' : String(value)) as Constant;
  }

  view(of: Expression, offset: number, strides: readonly number[], shape: readonly number[]): Expression {
    if (of.kind === 'constant') return of;
    const isSame = offset === 0 && sameNumbers(shape, of.shape) && sameNumbers(strides, contiguous(shape));
    if (isSame) return of;
    const pushed = this.#pushed(of, offset, strides, shape);
    if (pushed !== undefined) return pushed;
    return this.#make({ kind: 'view', of, offset, strides, shape }, `${of.id} ${offset} ${strides.join(',')} ${shape.join(',')}`);
  }

  /** The same numbers in another shape. */
  reshaped(of: Expression, shape: readonly number[]): Expression {
    return this.view(of, 0, contiguous(shape), shape);
  }

  joined(parts: readonly Expression[]): Expression {
    const flat: Expression[] = [];
    for (const part of parts.flatMap((each) => (each.kind === 'joined' ? each.parts : [each]))) {
      const before = flat.at(-1);
      const whole = before === undefined ? undefined : this.#continued(before, part);
      if (whole === undefined) flat.push(part);
      else flat[flat.length - 1] = whole;
    }
    if (flat.length === 1) return flat[0]!;
    const shape = [flat.reduce((sum, each) => sum + sizeOf(each.shape), 0)];
    return this.#make({ kind: 'joined', parts: flat, shape }, flat.map(({ id }) => id).join(' '));
  }

  /** Terms have the result's shape, or are single numbers. */
  sum(given: readonly Term[]): Expression {
    const shape = shapeOf(given.map(({ of }) => of));
    // x - mean(x) keeps x as one.
    const isPart = (of: Expression): boolean => given.some((term) => term.of !== of && isMadeOf(term.of, of));
    const terms = given.flatMap(({ sign, of }): readonly Term[] =>
      of.kind === 'sum' && !isPart(of) && (of.shape.length === shape.length || of.isWeight === false)
        ? of.terms.map((term) => ({ sign: (term.sign * sign) as 1 | -1, of: term.of }))
        : [{ sign, of }],
    );
    let constant = 0;
    const weights: Term[] = [];
    const rest: Term[] = [];
    for (const { sign, of } of terms) {
      if (of.kind === 'constant') constant += sign * of.value;
      else (of.isWeight ? weights : rest).push({ sign, of });
    }
    // A number beside a bias is part of it.
    const bias: Term[] = [...weights];
    if (constant !== 0 || terms.length === 0) bias.push({ sign: 1, of: this.constant(constant) });
    if (rest.length === 0) return this.#sum(bias.length === 0 ? [{ sign: 1, of: this.constant(0) }] : bias, shape);
    if (weights.length === 0) return this.#sum([...rest, ...bias], shape);
    const all = this.#sum(bias, shapeOf(bias.map(({ of }) => of)));
    return this.#sum([...rest, { sign: 1, of: all }], shape);
  }

  #sum(terms: readonly Term[], shape: readonly number[]): Expression {
    const [only] = terms;
    if (terms.length === 1 && only!.sign === 1 && sameNumbers(only!.of.shape, shape)) return only!.of;
    const numbers = terms.flatMap(({ sign, of }) => (of.kind === 'constant' ? [sign * of.value] : []));
    if (numbers.length === terms.length) return this.constant(numbers.reduce((sum, each) => sum + each, 0));
    // In the order in which they were made, so that a + b is b + a.
    const ordered = [...terms].sort((a, b) => a.of.id - b.of.id || a.sign - b.sign);
    return this.#make({ kind: 'sum', terms: ordered, shape }, ordered.map(({ sign, of }) => `${sign * of.id}`).join(' '));
  }

  plus = (a: Expression, b: Expression): Expression => this.sum([a, b].map((of) => ({ sign: 1 as const, of })));

  minus(a: Expression, b: Expression): Expression {
    return this.sum([
      { sign: 1, of: a },
      { sign: -1, of: b },
    ]);
  }

  product(given: readonly Expression[]): Expression {
    const shape = shapeOf(given);
    let constant = 1;
    const weights: Expression[] = [];
    const rest: Expression[] = [];
    for (const factor of given.flatMap((each) => (each.kind === 'product' && !each.isWeight ? each.factors : [each]))) {
      if (factor.kind === 'constant') constant *= factor.value;
      else (factor.isWeight ? weights : rest).push(factor);
    }
    if (rest.length === 1 && weights.length === 0 && constant === -1 && shape.length === rest[0]!.shape.length)
      return this.sum([{ sign: -1, of: rest[0]! }]);
    const gelu = this.#gelu(constant, rest);
    if (gelu !== undefined) return weights.length === 0 ? gelu : this.product([...weights, gelu]);
    const scale = constant === 1 ? [] : [this.constant(constant)];
    // A share of a product keeps the product as one: 0.9 * (o * tanh(c)).
    const inner = given.find((each) => each.kind === 'product' && !each.isWeight);
    if (
      given.length === 2 &&
      inner !== undefined &&
      scale.length > 0 &&
      weights.length === 0 &&
      given.some(({ kind }) => kind === 'constant')
    )
      return this.#product([this.constant(constant), this.product(rest)], shape);
    if (rest.length === 0) return weights.length === 0 ? this.constant(constant) : this.#product([...scale, ...weights], shape);
    const weight = weights.length === 0 ? scale : [this.#product([...scale, ...weights], shapeOf(weights))];
    return this.#product([...weight, ...rest], shape);
  }

  /** x / 2 * (1 + erf(x / sqrt(2))) */
  #gelu(constant: number, factors: readonly Expression[]): Expression | undefined {
    for (const factor of factors) {
      if (factor.kind !== 'sum' || factor.terms.length !== 2) continue;
      const error = factor.terms
        .map(({ sign, of }) => (sign > 0 && of.kind === 'elementwise' && of.name === 'erf' ? of.operands[0]! : undefined))
        .find((each) => each !== undefined);
      if (error === undefined || !factor.terms.some(({ sign, of }) => sign > 0 && of.kind === 'constant' && of.value === 1)) continue;
      const { by, of } = scaleOf(error);
      if (Math.abs(by - Math.SQRT1_2) > 1e-6) continue;
      const own = of.kind === 'product' ? of.factors : [of];
      const rest = factors.filter((each) => each !== factor);
      if (!own.every((each) => rest.includes(each))) continue;
      const others = rest.filter((each) => !own.includes(each));
      const gelu = this.elementwise('gelu', [of]);
      return others.length === 0 && constant === 0.5 ? gelu : this.product([this.constant(2 * constant), ...others, gelu]);
    }
    return undefined;
  }

  #product(factors: readonly Expression[], shape: readonly number[]): Expression {
    if (factors.length === 1) return factors[0]!;
    const ordered = [...factors].sort((a, b) => a.id - b.id);
    return this.#make({ kind: 'product', factors: ordered, shape }, ordered.map(({ id }) => id).join(' '));
  }

  linear(matrix: Expression, rows: number, columns: number, vector: Expression): Expression {
    if (vector.kind === 'joined' && !vector.isWeight) {
      let from = 0;
      const terms = vector.parts.map((part): Term => {
        const count = sizeOf(part.shape);
        const own = this.view(matrix, from, ...squeezed([columns, 1], [rows, count]));
        from += count;
        return { sign: 1, of: this.linear(own, rows, count, part) };
      });
      return this.sum(terms);
    }
    const shape = rows === 1 ? [] : [rows];
    return this.#make({ kind: 'linear', matrix, rows, columns, vector, shape }, `${matrix.id} ${rows} ${columns} ${vector.id}`);
  }

  /** A matrix [rows, columns], whatever its own shape is, transposed. */
  transposed(matrix: Expression, rows: number, columns: number): Expression {
    return this.view(matrix, 0, ...squeezed([1, columns], [columns, rows]));
  }

  matmul(a: Expression, b: Expression): Expression {
    const shape = [...a.shape.slice(0, -1), ...(b.shape.length === 1 ? [] : [b.shape[1]!])];
    return this.#make({ kind: 'matmul', a, b, shape }, `${a.id} ${b.id}`);
  }

  elementwise(name: ElementwiseFunction, operands: readonly Expression[]): Expression {
    if (name === 'quotient' && operands[1]!.kind === 'constant') {
      const by = operands[1]!.value;
      if (by === 1) return operands[0]!;
      const [of] = operands as [Expression];
      if (of.kind === 'constant') return this.constant(of.value / by);
      if (of.kind === 'reduction' && of.name === 'sum') {
        const count = of.axis === undefined ? sizeOf(of.of.shape) : of.of.shape[of.axis]!;
        if (count === by) return this.reduction('mean', of.of, of.axis);
      }
    }
    if (name === 'where' && operands[1] === operands[2]) return operands[1]!;
    if (name === 'minimum') {
      // Bounds on both sides, as some files spell them out.
      const high = operands.find(({ kind }) => kind === 'constant');
      const inner = operands.find((each) => each.kind === 'elementwise' && each.name === 'maximum') as Elementwise | undefined;
      const low = inner?.operands.find(({ kind }) => kind === 'constant');
      if (high !== undefined && low !== undefined)
        return this.elementwise('clip', [inner!.operands.find((each) => each !== low)!, low, high]);
    }
    if (name === 'maximum') {
      const zero = operands.find((each) => each.kind === 'constant' && each.value === 0);
      if (zero !== undefined) return this.elementwise('relu', [operands.find((each) => each !== zero)!]);
    }
    const shape = shapeOf(operands);
    return this.#make({ kind: 'elementwise', name, operands, shape }, `${name} ${operands.map(({ id }) => id).join(' ')}`);
  }

  reduction(name: Reduction['name'], of: Expression, axis?: number): Expression {
    const product =
      name === 'sum' && axis !== undefined && of.kind === 'product' && of.shape.length === 2 ? this.#weighted(of, axis) : undefined;
    if (product !== undefined) return product;
    const keeps = name === 'softmax' || name === 'cumsum';
    const shape = keeps ? of.shape : axis === undefined ? [] : of.shape.filter((_, k) => k !== axis);
    return this.#make({ kind: 'reduction', name, of, axis, shape }, `${name} ${of.id} ${axis}`);
  }

  /** The sum of a matrix's rows or columns, each times a number. */
  #weighted({ factors }: Product, axis: number): Expression | undefined {
    const [a, b] = factors;
    if (factors.length !== 2) return undefined;
    for (const [weight, matrix] of [
      [a!, b!],
      [b!, a!],
    ] as const)
      if (
        weight.kind === 'spread' &&
        weight.of.shape.length === 1 &&
        weight.axes[0] === axis &&
        matrix.shape.length === 2 &&
        matrix.kind !== 'spread'
      )
        return axis === 0 ? this.matmul(weight.of, matrix) : this.matmul(matrix, weight.of);
    return undefined;
  }

  spread(of: Expression, axes: readonly number[], shape: readonly number[]): Expression {
    if (of.shape.length === 0 && of.kind === 'constant') return of;
    if (sameNumbers(of.shape, shape)) return of;
    return this.#make({ kind: 'spread', of, axes, shape }, `${of.id} ${axes.join(',')} ${shape.join(',')}`);
  }

  #make(given: Shapeless<Expression>, key: string): Expression {
    const whole = `${given.kind} ${key} [${given.shape.join(',')}]`;
    const known = this.#known.get(whole);
    if (known !== undefined) return known;
    const isWeight = given.kind === 'leaf' ? given.role === 'weight' : operandsOf(given as Expression).every((each) => each.isWeight);
    const made = { ...given, id: this.#known.size + 1, isWeight } as Expression;
    this.#known.set(whole, made);
    return made;
  }

  /** A view of what computes element by element is the computation of views. */
  #pushed(of: Expression, offset: number, strides: readonly number[], shape: readonly number[]): Expression | undefined {
    const own = (each: Expression): Expression =>
      each.shape.length === 0 && of.shape.length > 0 ? each : this.view(each, offset, strides, shape);
    switch (of.kind) {
      case 'view': {
        const composed = composedStrides(of, offset, strides, shape);
        return composed === undefined ? undefined : this.view(of.of, composed.offset, composed.strides, shape);
      }
      case 'sum':
        return (shape.length > 1 && of.shape.length === 1 && !of.isWeight) || isNormalised(of)
          ? undefined
          : this.sum(of.terms.map(({ sign, of: each }) => ({ sign, of: own(each) })));
      case 'product':
        return (shape.length > 1 && of.shape.length === 1 && !of.isWeight) || isNormalised(of)
          ? undefined
          : this.product(of.factors.map(own));
      case 'elementwise':
        return (shape.length > 1 && of.shape.length === 1 && !of.isWeight) || isNormalised(of)
          ? undefined
          : this.elementwise(of.name, of.operands.map(own));
      case 'linear': {
        if (shape.length > 1 || of.isWeight) return undefined;
        const [rows, stride] = [shape[0] ?? 1, strides[0] ?? 1];
        const matrix = this.view(of.matrix, offset * of.columns, ...squeezed([stride * of.columns, 1], [rows, of.columns]));
        return this.linear(matrix, rows, of.columns, of.vector);
      }
      case 'joined':
        return shape.length > 1 || (strides[0] ?? 1) !== 1
          ? this.#inOnePart(of, offset, strides, shape)
          : this.#ofParts(of, offset, shape[0] ?? 1, shape);
      case 'spread': {
        // Rows of what is the same in each row.
        const each = spreadView(of, offset, strides, shape);
        return each === undefined ? undefined : this.view(of.of, each.offset, each.strides, shape);
      }
      default:
        return undefined;
    }
  }

  #inOnePart(of: Joined, offset: number, strides: readonly number[], shape: readonly number[]): Expression | undefined {
    const last = offset + strides.reduce((sum, stride, k) => sum + stride * (shape[k]! - 1), 0);
    let from = 0;
    for (const part of of.parts) {
      const size = sizeOf(part.shape);
      if (Math.min(offset, last) >= from && Math.max(offset, last) < from + size) return this.view(part, offset - from, strides, shape);
      from += size;
    }
    return undefined;
  }

  #ofParts(of: Joined, offset: number, count: number, shape: readonly number[]): Expression {
    const parts: Expression[] = [];
    let from = 0;
    for (const part of of.parts) {
      const size = sizeOf(part.shape);
      const [low, high] = [Math.max(offset, from), Math.min(offset + count, from + size)];
      if (low < high) parts.push(this.view(part, low - from, ...squeezed([1], [high - low])));
      from += size;
    }
    const whole = this.joined(parts);
    return sameNumbers(whole.shape, shape) ? whole : this.view(whole, 0, contiguous(shape), shape);
  }

  /** Two slices of one vector, one right behind the other. */
  #continued(a: Expression, b: Expression): Expression | undefined {
    if (a.shape.length > 1 || b.shape.length > 1) return undefined;
    if (a.kind === 'view' && b.kind === 'view' && a.of === b.of) {
      const isUnit = (each: View): boolean => each.strides.every((stride) => stride === 1);
      if (!isUnit(a) || !isUnit(b) || a.offset + sizeOf(a.shape) !== b.offset) return undefined;
      return this.view(a.of, a.offset, [1], [sizeOf(a.shape) + sizeOf(b.shape)]);
    }
    return undefined;
  }
}

/** x - mean(x), x / sqrt(mean(x ** 2)): a slice of it needs the whole of x. */
function isNormalised(of: Expression): boolean {
  if (of.isWeight || of.shape.length === 0) return false;
  const operands = operandsOf(of);
  const numbers = operands.filter((each) => each.shape.length === 0 && each.kind !== 'constant' && !each.isWeight);
  return numbers.some((number) => operands.some((each) => each.shape.length > 0 && isMadeOf(number, each)));
}

/** The largest shape among them: others are the same or single numbers. */
const shapeOf = (operands: readonly Expression[]): readonly number[] =>
  operands.reduce<readonly number[]>((largest, { shape }) => (shape.length > largest.length ? shape : largest), []);

/** A view of a view as one of what it views; undefined where its steps cross the rows of the view between. */
function composedStrides(
  { offset: base, strides: inner, shape: sizes }: View,
  offset: number,
  strides: readonly number[],
  shape: readonly number[],
): { offset: number; strides: number[] } | undefined {
  const steps = contiguous(sizes);
  const at = sizes.map((_, k) => Math.floor(offset / steps[k]!) % (k === 0 ? Number.POSITIVE_INFINITY : sizes[k]!));
  const reach = [...at];
  const found: number[] = [];
  for (let axis = 0; axis < shape.length; axis += 1) {
    const k = steps.findIndex((step, j) => Math.abs(strides[axis]!) >= step && strides[axis]! % step === 0 && sizes[j]! > 1);
    if (strides[axis] === 0) {
      found.push(0);
      continue;
    }
    if (k < 0) return undefined;
    const step = strides[axis]! / steps[k]!;
    reach[k] = reach[k]! + step * (shape[axis]! - 1);
    if (reach[k]! < 0 || reach[k]! >= sizes[k]!) return undefined;
    found.push(step * inner[k]!);
  }
  return { offset: at.reduce((sum, index, k) => sum + index * inner[k]!, base), strides: found };
}

function spreadView(
  { of, axes, shape: sizes }: Spread,
  offset: number,
  strides: readonly number[],
  shape: readonly number[],
): { offset: number; strides: number[] } | undefined {
  const own = contiguous(of.shape);
  const inner = sizes.map((_, k) => (axes.includes(k) ? own[axes.indexOf(k)]! : 0));
  const view = { offset: 0, strides: inner, shape: sizes } as unknown as View;
  const composed = composedStrides(view, offset, strides, shape);
  return composed?.strides.some((stride) => stride === 0) ? undefined : composed;
}
