// What a value of a step is, as an expression over the step's inputs, states and weights, of one sequence: the batch is gone.

export type Expression = Leaf | Constant | View | Joined | Sum | Product | Linear | MatMul | Elementwise | Reduction | Spread;

interface Common {
  readonly id: number;
  /** Without dimensions of size 1. */
  readonly shape: readonly number[];
  /** Made of weights alone: numbers are known where the model ran. */
  readonly isWeight: boolean;
}

export type LeafRole = 'scanned' | 'state' | 'held' | 'weight';

export interface Leaf extends Common {
  readonly kind: 'leaf';
  readonly role: LeafRole;
  /** The body's. */
  readonly name: string;
}

export interface Constant extends Common {
  readonly kind: 'constant';
  readonly value: number;
}

/** Elements of `of` (row-major) at `offset` + steps of `strides`. */
export interface View extends Common {
  readonly kind: 'view';
  readonly of: Expression;
  readonly offset: number;
  readonly strides: readonly number[];
}

/** Vectors one behind the other. */
export interface Joined extends Common {
  readonly kind: 'joined';
  readonly parts: readonly Expression[];
}

export interface Sum extends Common {
  readonly kind: 'sum';
  readonly terms: readonly Term[];
}

export interface Term {
  readonly sign: 1 | -1;
  readonly of: Expression;
}

/** Element by element. */
export interface Product extends Common {
  readonly kind: 'product';
  readonly factors: readonly Expression[];
}

/** A weight [rows, columns] times a vector. */
export interface Linear extends Common {
  readonly kind: 'linear';
  readonly matrix: Expression;
  readonly rows: number;
  readonly columns: number;
  readonly vector: Expression;
}

/** As NumPy has it, of vectors and matrices. */
export interface MatMul extends Common {
  readonly kind: 'matmul';
  readonly a: Expression;
  readonly b: Expression;
}

export type ElementwiseFunction =
  | 'sigmoid'
  | 'tanh'
  | 'relu'
  | 'exp'
  | 'log'
  | 'sqrt'
  | 'abs'
  | 'sign'
  | 'softplus'
  | 'gelu'
  | 'erf'
  | 'minimum'
  | 'maximum'
  | 'where'
  | 'clip'
  | 'quotient'
  | 'power'
  | 'less'
  | 'lessEqual'
  | 'equal'
  | 'and'
  | 'or'
  | 'not';

export interface Elementwise extends Common {
  readonly kind: 'elementwise';
  readonly name: ElementwiseFunction;
  /** Of the result's shape, or single numbers. */
  readonly operands: readonly Expression[];
}

export interface Reduction extends Common {
  readonly kind: 'reduction';
  readonly name: 'sum' | 'mean' | 'max' | 'min' | 'softmax' | 'cumsum';
  readonly of: Expression;
  /** All of them, or one. */
  readonly axis: number | undefined;
}

/** The same at every place of further axes: axis k of `of` is axis `axes[k]` of the result. */
export interface Spread extends Common {
  readonly kind: 'spread';
  readonly of: Expression;
  readonly axes: readonly number[];
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, each) => product * each, 1);

export function contiguous(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let k = shape.length - 2; k >= 0; k -= 1) strides[k] = strides[k + 1]! * shape[k + 1]!;
  return strides;
}

/** An expression as a number times another. */
export function scaleOf(of: Expression): { readonly by: number; readonly of: Expression } {
  if (of.kind === 'elementwise' && of.name === 'quotient' && of.operands[1]!.kind === 'constant')
    return { by: 1 / of.operands[1].value, of: of.operands[0]! };
  if (of.kind === 'product' && of.factors.length === 2) {
    const constant = of.factors.find(({ kind }) => kind === 'constant');
    if (constant?.kind === 'constant') return { by: constant.value, of: of.factors.find((each) => each !== constant)! };
  }
  return { by: 1, of };
}

/** What an expression is made of. */
export function operandsOf(of: Expression): readonly Expression[] {
  switch (of.kind) {
    case 'leaf':
    case 'constant':
      return [];
    case 'view':
    case 'spread':
    case 'reduction':
      return [of.of];
    case 'joined':
      return of.parts;
    case 'sum':
      return of.terms.map((term) => term.of);
    case 'product':
      return of.factors;
    case 'linear':
      return [of.matrix, of.vector];
    case 'matmul':
      return [of.a, of.b];
    case 'elementwise':
      return of.operands;
  }
}

/** Whether `part` occurs in an expression. */
export function isMadeOf(of: Expression, part: Expression): boolean {
  const open = [of];
  const seen = new Set<Expression>();
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (at === part) return true;
    if (seen.has(at) || at.isWeight) continue;
    seen.add(at);
    // What is younger was made of what is older.
    if (at.id > part.id) open.push(...operandsOf(at));
  }
  return false;
}

export const sameNumbers = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((each, k) => each === b[k]);

/** Strides and shape without dimensions of size 1. */
export function squeezed(strides: readonly number[], shape: readonly number[]): [number[], number[]] {
  const kept = shape.flatMap((size, k) => (size === 1 ? [] : [k]));
  return [kept.map((k) => strides[k]!), kept.map((k) => shape[k]!)];
}
