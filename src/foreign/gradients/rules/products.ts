// Products: MatMul, Gemm, Einsum.

import { NoGradient, type Rule, type Vjp } from '../vjp.ts';

/** Matrices of any rank; a list on the left is one row, on the right one column (as NumPy has it). */
function matmul(vjp: Vjp, left: string, right: string, cotangent: string, ranks: readonly (number | undefined)[]) {
  const { emit } = vjp;
  if (ranks[1] === 2) {
    // The usual case: weights on the right. Rows of all batches are rows of one matrix.
    const rows = (value: string): string => emit.op('Reshape', [value, emit.concat(emit.ints(-1), emit.size(value, -1))]);
    return {
      left: () => emit.op('MatMul', [cotangent, emit.op('Transpose', [right], { perm: [1, 0] })]),
      right: () => emit.op('MatMul', [emit.op('Transpose', [rows(left)], { perm: [1, 0] }), rows(cotangent)]),
    };
  }
  const one = emit.ints(1);
  const rank = (value: string): string => emit.shape(emit.shape(value));
  const isList = (value: string): string => emit.op('Equal', [rank(value), one]);
  const leftMatrix = emit.reshape(left, onlyIf(vjp, isList(left), one, emit.shape(left), 'before'));
  const rightMatrix = emit.reshape(right, onlyIf(vjp, isList(right), one, emit.shape(right), 'behind'));
  const batches = emit.op('Slice', [emit.shape(cotangent), emit.ints(0), lists(vjp, [left, right], isList, rank(cotangent))]);
  const both = emit.concat(batches, emit.size(leftMatrix, -2), emit.size(rightMatrix, -1));
  const matrix = emit.reshape(cotangent, both);
  return {
    left: () => emit.reshapeLike(emit.sumTo(emit.op('MatMul', [matrix, emit.swap(rightMatrix)]), leftMatrix), left),
    right: () => emit.reshapeLike(emit.sumTo(emit.op('MatMul', [emit.swap(leftMatrix), matrix]), rightMatrix), right),
  };
}

/** A shape with `extra` before or behind it where the condition holds. */
function onlyIf({ emit }: Vjp, condition: string, extra: string, shape: string, where: 'before' | 'behind'): string {
  const count = emit.cast(condition, 7);
  const part = emit.op('Slice', [extra, emit.ints(0), count]);
  return where === 'before' ? emit.concat(part, shape) : emit.concat(shape, part);
}

/** Where the batch axes of a product end: its rank, less one for each operand that is no list. */
function lists({ emit }: Vjp, operands: readonly string[], isList: (value: string) => string, rank: string): string {
  return operands.reduce((end, operand) => emit.sub(end, emit.sub(emit.ints(1), emit.cast(isList(operand), 7))), rank);
}

const matMul: Rule = (vjp) => {
  const parts = () => matmul(vjp, vjp.input(0), vjp.input(1), vjp.grad(), [vjp.rank(0), vjp.rank(1)]);
  vjp.give(0, () => parts().left());
  vjp.give(1, () => parts().right());
};

/** com.microsoft: operands may be transposed (their last two axes), the product is scaled. */
const fusedMatMul: Rule = (vjp) => {
  const { emit } = vjp;
  if (vjp.int('transBatchA', 0) + vjp.int('transBatchB', 0) > 0)
    throw new NoGradient('its gradient with transposed batches is not known here');
  const turned = (k: number): boolean => vjp.int(k === 0 ? 'transA' : 'transB', 0) === 1;
  const operand = (k: number): string => (turned(k) ? emit.swap(vjp.input(k)) : vjp.input(k));
  const scaled = () => emit.mul(vjp.grad(), vjp.scalar(vjp.float('alpha', 1)));
  const parts = () => matmul(vjp, operand(0), operand(1), scaled(), [vjp.rank(0), vjp.rank(1)]);
  const back = (k: number, value: string): string => (turned(k) ? emit.swap(value) : value);
  vjp.give(0, () => back(0, parts().left()));
  vjp.give(1, () => back(1, parts().right()));
};

const gemm: Rule = (vjp) => {
  const { emit } = vjp;
  const [transA, transB] = [vjp.int('transA', 0), vjp.int('transB', 0)];
  const alpha = vjp.float('alpha', 1);
  const product = (a: string, b: string, turnA: number, turnB: number): string =>
    emit.op('Gemm', [a, b], { alpha: { float: alpha }, transA: turnA, transB: turnB });
  vjp.give(0, () => (transA === 1 ? product(vjp.input(1), vjp.grad(), transB, 1) : product(vjp.grad(), vjp.input(1), 0, 1 - transB)));
  vjp.give(1, () => (transB === 1 ? product(vjp.grad(), vjp.input(0), 1, transA) : product(vjp.input(0), vjp.grad(), 1 - transA, 0)));
  vjp.give(2, () => emit.sumTo(emit.mul(vjp.grad(), vjp.scalar(vjp.float('beta', 1))), vjp.input(2)));
};

/** The cotangent of an operand is the product of the result's with the other operands; what only it has is spread. */
const einsum: Rule = (vjp) => {
  const { emit } = vjp;
  const equation = vjp.text('equation', '').replaceAll(/\s/g, '');
  const [left, right] = equation.split('->') as [string, string | undefined];
  const terms = left.split(',');
  const result = right ?? implied(terms);
  terms.forEach((term, k) => {
    vjp.give(k, () => {
      const letters = [...term.replace('...', '')];
      if (new Set(letters).size < letters.length) throw new NoGradient(`the diagonal ${term} in "${equation}" has no gradient here`);
      const others = terms.flatMap((_, other) => (other === k ? [] : [other]));
      const given = [result, ...others.map((other) => terms[other]!)];
      const found = letters.filter((letter) => given.some((each) => each.includes(letter)));
      const dots = equation.includes('...');
      if (dots && !(result.includes('...') && /^(\.\.\.)?[A-Za-z]*$/.test(term)))
        throw new NoGradient(`"${equation}" has its "..." where its gradient is not known here`);
      const operands = [vjp.grad(), ...others.map((other) => vjp.input(other))];
      const made = emit.op('Einsum', operands, { equation: `${given.join(',')}->${dots ? '...' : ''}${found.join('')}` });
      if (found.length === letters.length) return emit.sumTo(emit.op('Expand', [made, emit.shape(vjp.input(k))]), vjp.input(k));
      if (dots) throw new NoGradient(`"${equation}" sums ${term} over an axis that only it has, which has no gradient here`);
      const absent = letters.flatMap((letter, axis) => (found.includes(letter) ? [] : [axis]));
      return emit.expandLike(emit.op('Unsqueeze', [made, emit.ints(...absent)]), vjp.input(k));
    });
  });
};

/** Without an arrow: the letters that come once, in alphabetical order, behind the ellipsis. */
function implied(terms: readonly string[]): string {
  const all = terms.join('').replaceAll('...', '');
  const once = [...new Set(all)].filter((letter) => all.indexOf(letter) === all.lastIndexOf(letter)).sort();
  return (terms.some((term) => term.includes('...')) ? '...' : '') + once.join('');
}

export const products = {
  MatMul: matMul,
  FusedMatMul: fusedMatMul,
  TransposeMatMul: fusedMatMul,
  Gemm: gemm,
  Einsum: einsum,
} as const satisfies Readonly<Record<string, Rule>>;
