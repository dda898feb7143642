// Spectra of the Jacobians of a recurrence's steps. Matrices are row-major, rows the units after a step, columns those before.

import { EigenvalueDecomposition, Matrix, QrDecomposition, SingularValueDecomposition } from 'ml-matrix';

/** Singular values below this share of the largest are rounding. */
const PRECISION = 1e-13;

export type Square = ArrayLike<number>;

const matrixOf = (data: Square, size: number): Matrix => Matrix.from1DArray(size, size, Array.from(data));

/** From the largest to the smallest. */
export function singularValues(data: Square, size: number): number[] {
  return valuesOf(matrixOf(data, size));
}

const valuesOf = (matrix: Matrix): number[] =>
  new SingularValueDecomposition(matrix, { computeLeftSingularVectors: false, computeRightSingularVectors: false }).diagonal.sort(
    (a, b) => b - a,
  );

/** The modulus of each eigenvalue. */
export function moduli(data: Square, size: number): number[] {
  const { realEigenvalues, imaginaryEigenvalues } = new EigenvalueDecomposition(matrixOf(data, size));
  return realEigenvalues.map((real, k) => Math.hypot(real, imaginaryEigenvalues[k]!));
}

/** The largest modulus of an eigenvalue. */
export const spectralRadius = (data: Square, size: number): number => Math.max(...moduli(data, size));

export interface ProductSpectrum {
  readonly lag: number;
  /** log10 of the largest and of the smallest singular value; of the latter where double precision holds it beside the largest. */
  readonly largest: number;
  readonly smallest?: number;
}

/** Singular values of J_T J_{T-1} ... J_{T-k+1} for some lags k, from the step's Jacobians in order of their steps. The product is scaled as it grows, so that
 *  no lag is too long. */
export function productSpectra(jacobians: readonly Square[], size: number, lags: readonly number[]): ProductSpectrum[] {
  const found: ProductSpectrum[] = [];
  let product = Matrix.eye(size, size);
  let scale = 0;
  for (const [k, jacobian] of jacobians.toReversed().entries()) {
    product = product.mmul(matrixOf(jacobian, size));
    const largest = Math.max(product.max(), -product.min());
    if (largest > 0) {
      product.div(largest);
      scale += Math.log10(largest);
    }
    if (!lags.includes(k + 1)) continue;
    const values = valuesOf(product);
    const [first, last] = [values[0]!, values.at(-1)!];
    const smallest = last > PRECISION * first ? { smallest: scale + Math.log10(last) } : {};
    found.push({ lag: k + 1, largest: scale + Math.log10(first), ...smallest });
    if (largest === 0) break;
  }
  return found;
}

/** Lyapunov exponents in nats a step, from the largest: what becomes of orthogonal directions that go along with the steps, made orthogonal anew after each
 *  (Benettin et al. 1980; of recurrent networks Vogt et al. 2022). The first `skipped` steps turn the directions, and are not counted. */
export function lyapunovExponents(jacobians: readonly Square[], size: number, count: number, skipped: number): number[] {
  let directions = Matrix.eye(size, Math.min(count, size));
  const sums = new Float64Array(directions.columns);
  for (const [k, jacobian] of jacobians.entries()) {
    const qr = new QrDecomposition(matrixOf(jacobian, size).mmul(directions));
    directions = qr.orthogonalMatrix;
    if (k < skipped) continue;
    const { upperTriangularMatrix: triangle } = qr;
    for (let column = 0; column < sums.length; column += 1) sums[column]! += Math.log(Math.abs(triangle.get(column, column)));
  }
  return Array.from(sums, (sum) => sum / (jacobians.length - skipped)).sort((a, b) => b - a);
}
