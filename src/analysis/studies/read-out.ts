// Linear read-outs that are learned from some sequences and judged on others.
//
// Ridge regression (Hoerl & Kennard 1970) onto numbers, or onto the indicators of classes, of which the largest is the answer: both have a closed form,
// so that every penalty, lag and fold is one Cholesky decomposition of sums of products that are gathered once. Features are penalised by their variance,
// as if each had been brought to the same, and the constant is not.

import { CholeskyDecomposition, Matrix } from 'ml-matrix';

/** Sums over rows: with z the features and a constant 1 behind them, y the answers: Σ z zᵀ, Σ z yᵀ, and Σ y² by answer. */
export interface Moments {
  readonly products: Matrix;
  readonly answers: Matrix;
  readonly squares: Float64Array;
}

/** Shares of a feature's variance that are added to it. Beyond the largest stands the mean alone, which reads nothing out. */
const PENALTIES = [1e-4, 1e-2, 1e-1, 1];

export const added = (parts: readonly Moments[]): Moments => {
  const [first, ...rest] = parts as [Moments, ...Moments[]];
  const sum: Moments = { products: first.products.clone(), answers: first.answers.clone(), squares: Float64Array.from(first.squares) };
  for (const { products, answers, squares } of rest) {
    sum.products.add(products);
    sum.answers.add(answers);
    for (const [k, each] of squares.entries()) sum.squares[k]! += each;
  }
  return sum;
};

/** Read-outs [features + 1, answers] of each block of answers (columns from .. to-1): with the penalty that, learned from `learning`, has the least square
 *  error on `validation`, learned from both. */
export function readOuts(
  learning: Moments,
  validation: Moments,
  blocks: readonly { readonly from: number; readonly to: number }[],
): Matrix[] {
  const errors = blocks.map(() => [] as number[]);
  for (const penalty of [...PENALTIES, Number.POSITIVE_INFINITY]) {
    const weights = solved(learning, penalty);
    const back = validation.products.mmul(weights);
    for (const [k, { from, to }] of blocks.entries()) {
      // Σ |y − Wᵀz|² = Σ y² − 2 Σ w·(Σ z y) + Σ w·(Σ z zᵀ) w
      let error = 0;
      for (let answer = from; answer < to; answer += 1) {
        error += validation.squares[answer]!;
        for (let row = 0; row < weights.rows; row += 1)
          error += weights.get(row, answer) * (back.get(row, answer) - 2 * validation.answers.get(row, answer));
      }
      errors[k]!.push(error);
    }
  }
  const both = added([learning, validation]);
  const known = new Map<number, Matrix>();
  return blocks.map(({ from, to }, k) => {
    const penalty = [...PENALTIES, Number.POSITIVE_INFINITY][errors[k]!.indexOf(Math.min(...errors[k]!))]!;
    const weights = known.get(penalty) ?? solved(both, penalty);
    known.set(penalty, weights);
    return weights.subMatrix(0, weights.rows - 1, from, to - 1);
  });
}

function solved({ products, answers }: Moments, penalty: number): Matrix {
  const last = products.rows - 1;
  const count = products.get(last, last);
  if (penalty === Number.POSITIVE_INFINITY || last === 0) {
    const mean = Matrix.zeros(answers.rows, answers.columns);
    for (let k = 0; k < answers.columns; k += 1) mean.set(last, k, answers.get(last, k) / Math.max(1, count));
    return mean;
  }
  const penalised = products.clone();
  const variances = Array.from({ length: last }, (_, k) => Math.max(0, products.get(k, k) - products.get(k, last) ** 2 / count));
  // What never changes has no variance to be measured by.
  const least = (1e-6 * variances.reduce((sum, each) => sum + each, 0)) / last + 1e-9 * count;
  for (const [k, variance] of variances.entries()) penalised.set(k, k, products.get(k, k) + penalty * variance + least);
  return new CholeskyDecomposition(penalised).solve(answers);
}
