// Spectra of the Jacobians of a recurrence's steps. Matrices are row-major, rows the units after a step, columns those before.

import { EigenvalueDecomposition, Matrix, QrDecomposition, SingularValueDecomposition } from 'ml-matrix';

/** Singular values below this share of the largest are rounding. */
const PRECISION = 1e-13;

export type Square = ArrayLike<number>;

/** Decompositions would go on without end over what is no number. */
function finite(data: Square, size: number): Matrix {
  const numbers = Array.from(data);
  if (!numbers.every(Number.isFinite)) throw new RangeError('A matrix with numbers that are not finite has no spectrum.');
  return Matrix.from1DArray(size, size, numbers);
}

/** From the largest to the smallest. Throws RangeError where a number of the matrix is not finite. */
export const singularValues = (data: Square, size: number): number[] =>
  new SingularValueDecomposition(finite(data, size), {
    computeLeftSingularVectors: false,
    computeRightSingularVectors: false,
  }).diagonal.sort((a, b) => b - a);

/** The modulus of each eigenvalue. Throws RangeError where a number of the matrix is not finite. */
export function moduli(data: Square, size: number): number[] {
  const { realEigenvalues, imaginaryEigenvalues } = new EigenvalueDecomposition(finite(data, size));
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
  let product: Float64Array = new Float64Array(size * size);
  let scale = 0;
  for (const [k, jacobian] of jacobians
    .slice(-Math.max(...lags))
    .toReversed()
    .entries()) {
    product = k === 0 ? new Float64Array(jacobian) : times(product, new Float64Array(jacobian), size, size);
    const largest = product.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
    if (largest > 0) {
      for (let at = 0; at < product.length; at += 1) product[at]! /= largest;
      scale += Math.log10(largest);
    }
    if (!lags.includes(k + 1)) continue;
    const values = singularValues(product, size);
    const [first, last] = [values[0]!, values.at(-1)!];
    const smallest = last > PRECISION * first ? { smallest: scale + Math.log10(last) } : {};
    found.push({ lag: k + 1, largest: scale + Math.log10(first), ...smallest });
    if (largest === 0) break;
  }
  return found;
}

/** The product of a square matrix with one of so many columns, both row-major. */
export function times(a: Float64Array, b: Float64Array, size: number, columns: number): Float64Array {
  const result = new Float64Array(size * columns);
  // Four rows of b at a time: each number of the result is read and written a quarter as often.
  for (let row = 0; row < size; row += 1) {
    const out = result.subarray(row * columns, (row + 1) * columns);
    let k = 0;
    for (; k + 4 <= size; k += 4) {
      const [a0, a1, a2, a3] = [a[row * size + k]!, a[row * size + k + 1]!, a[row * size + k + 2]!, a[row * size + k + 3]!];
      const [b0, b1, b2, b3] = [k * columns, (k + 1) * columns, (k + 2) * columns, (k + 3) * columns];
      for (let j = 0; j < columns; j += 1) out[j]! += a0 * b[b0 + j]! + a1 * b[b1 + j]! + a2 * b[b2 + j]! + a3 * b[b3 + j]!;
    }
    for (; k < size; k += 1) for (let j = 0; j < columns; j += 1) out[j]! += a[row * size + k]! * b[k * columns + j]!;
  }
  return result;
}

/** Lyapunov exponents in nats a step, from the largest: what becomes of orthogonal directions that go along with the steps, made orthogonal anew after each
 *  (Benettin et al. 1980; of recurrent networks Vogt et al. 2022). The first `skipped` steps turn the directions, and are not counted. */
export function lyapunovExponents(jacobians: readonly Square[], size: number, count: number, skipped: number): number[] {
  const columns = Math.min(count, size);
  let directions = Matrix.eye(size, columns);
  const sums = new Float64Array(columns);
  for (const [k, jacobian] of jacobians.entries()) {
    const turned = times(new Float64Array(jacobian), new Float64Array(directions.to1DArray()), size, columns);
    const qr = new QrDecomposition(Matrix.from1DArray(size, columns, Array.from(turned)));
    directions = qr.orthogonalMatrix;
    if (k < skipped) continue;
    const { upperTriangularMatrix: triangle } = qr;
    for (let column = 0; column < sums.length; column += 1) sums[column]! += Math.log(Math.abs(triangle.get(column, column)));
  }
  return Array.from(sums, (sum) => sum / (jacobians.length - skipped)).sort((a, b) => b - a);
}
