// Reads values of a recurrence's body as sums of products: W x + U h + p * c + b. Addition and multiplication are taken as commutative and
// associative; axes under other names are seen through.

import { type AnyNode, axisNames, hasAxis, type Node, type OperationName, type Value } from '../graph/graph.ts';
import { recurParts } from '../graph/recur.ts';

/** A matrix or vector of the graph around. `rows` is the matrix' axis that stays, `over` the one that is summed. */
export interface Matrix {
  readonly weight: Value;
  readonly rows: string;
  readonly over: string;
  readonly sign: 1 | -1;
}
export interface Vector {
  /** A number instead of a vector: the same for all units. */
  readonly weight: Value | number;
  readonly sign: 1 | -1;
}

/** The sum of its parts; each list may be empty. */
export interface Affine {
  readonly x: readonly Matrix[];
  readonly h: readonly Matrix[];
  /** Peepholes. */
  readonly c: readonly Vector[];
  readonly bias: readonly Vector[];
}

export interface Term {
  readonly value: Value;
  readonly sign: 1 | -1;
}

/** What an affine sum may be of, as values of the body. */
export interface Operands {
  readonly x?: Value;
  readonly h?: Value;
  readonly c?: Value;
}

export class AffineReader {
  readonly #producers = new Map<Value, AnyNode>();
  /** Held parameters of the body, and what they are around it. */
  readonly #held: ReadonlyMap<Value, Value>;

  constructor(node: Node<'recur'>) {
    const { inputs, body } = recurParts(node);
    for (const each of node.attributes.body.nodes) for (const output of each.outputs) this.#producers.set(output, each);
    this.#held = new Map(body.held.map((parameter, k) => [parameter, inputs.held[k]!]));
  }

  /** The value behind its renames. */
  base(value: Value): Value {
    const node = this.#producers.get(value);
    return node?.operation === 'rename' ? this.base(node.inputs[0]!) : value;
  }

  #made<Name extends OperationName>(value: Value, operation: Name): Node<Name> | undefined {
    const node = this.#producers.get(this.base(value));
    return node?.operation === operation ? (node as unknown as Node<Name>) : undefined;
  }

  /** a where the value is operation(a). */
  argument(value: Value, operation: 'sigmoid' | 'tanh' | 'relu'): Value | undefined {
    return this.#made(value, operation)?.inputs[0];
  }

  /** The summands. */
  terms(value: Value, sign: 1 | -1 = 1): Term[] {
    const minus = -sign as 1 | -1;
    const sum = this.#made(value, 'add') ?? this.#made(value, 'sub');
    if (sum !== undefined)
      return [...this.terms(sum.inputs[0]!, sign), ...this.terms(sum.inputs[1]!, sum.operation === 'sub' ? minus : sign)];
    const negated = this.#made(value, 'neg');
    return negated === undefined ? [{ value, sign }] : this.terms(negated.inputs[0]!, minus);
  }

  /** Both ways to read a product of two. */
  factors(value: Value): [Value, Value][] {
    const product = this.#made(value, 'mul');
    if (product === undefined) return [];
    const [a, b] = product.inputs;
    return [
      [a!, b!],
      [b!, a!],
    ];
  }

  /** The factor beside one that `is` so. */
  product(value: Value, is: (factor: Value) => boolean): Value | undefined {
    return this.factors(value).find(([factor]) => is(factor))?.[1];
  }

  /** a and b where the value is a - b. */
  difference(value: Value): [Value, Value] | undefined {
    const node = this.#made(value, 'sub');
    return node === undefined ? undefined : [node.inputs[0]!, node.inputs[1]!];
  }

  /** Whether a = 1 - b. */
  complements(a: Value, b: Value): boolean {
    const difference = this.difference(a);
    return difference !== undefined && this.#number(difference[0]) === 1 && this.base(difference[1]) === this.base(b);
  }

  #number(value: Value): number | undefined {
    const node = this.#made(value, 'constant');
    return node?.attributes.value;
  }

  /** The vectors that weights are multiplied with in a sum. */
  vectors(sum: Value): Value[] {
    return this.terms(sum).flatMap(({ value }) => {
      const found = this.#matrix(value);
      return found === undefined ? [] : [found.vector];
    });
  }

  affine(sum: Value, operands: Operands): Affine | undefined {
    return this.affineOf(this.terms(sum), operands);
  }

  /** Undefined where a summand is none of: a matrix with x or h, a vector with c, a bias. */
  affineOf(terms: readonly Term[], { x, h, c }: Operands): Affine | undefined {
    const found: { x: Matrix[]; h: Matrix[]; c: Vector[]; bias: Vector[] } = { x: [], h: [], c: [], bias: [] };
    for (const { value, sign } of terms) {
      const product = this.#matrix(value);
      if (product !== undefined) {
        const { vector, ...matrix } = product;
        const of = this.base(vector);
        if (of === x) found.x.push({ ...matrix, sign });
        else if (of === h) found.h.push({ ...matrix, sign });
        else return undefined;
        continue;
      }
      const bias = this.#vector(value);
      if (bias !== undefined) {
        found.bias.push({ weight: bias, sign });
        continue;
      }
      const peephole = c === undefined ? undefined : this.product(value, (factor) => this.base(factor) === this.base(c));
      const weight = peephole === undefined ? undefined : this.#vector(peephole);
      if (weight === undefined) return undefined;
      found.c.push({ weight, sign });
    }
    return found;
  }

  negated(sum: Affine): Affine {
    const turn = <Part extends { sign: 1 | -1 }>(parts: readonly Part[]): Part[] =>
      parts.map((part) => ({ ...part, sign: -part.sign as 1 | -1 }));
    return { x: turn(sum.x), h: turn(sum.h), c: turn(sum.c), bias: turn(sum.bias) };
  }

  /** A held vector or number, or a constant. */
  #vector(value: Value): Value | number | undefined {
    const number = this.#number(value);
    if (number !== undefined) return number;
    const held = this.#held.get(this.base(value));
    return held !== undefined && held.type.axes.length <= 1 ? held : undefined;
  }

  #matrix(value: Value): { weight: Value; rows: string; over: string; vector: Value } | undefined {
    const product = this.#made(value, 'contract');
    const over = product?.attributes.over[0];
    if (product === undefined || over === undefined || product.attributes.over.length !== 1) return undefined;
    for (const [weight, vector] of [product.inputs, product.inputs.toReversed()] as [Value, Value][]) {
      const held = this.#held.get(this.base(weight));
      if (held === undefined || held.type.axes.length !== 2 || this.#held.has(this.base(vector))) continue;
      // Renames keep the order of the axes, so places lead from the names here to those of the weight.
      const place = axisNames(weight).indexOf(over);
      const rows = axisNames(weight)[1 - place]!;
      if (hasAxis(vector, rows)) continue;
      return { weight: held, rows: axisNames(held)[1 - place]!, over: axisNames(held)[place]!, vector };
    }
    return undefined;
  }
}
