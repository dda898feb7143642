// Principal components of states: the few directions in which they move most (Pearson 1901).

import { EigenvalueDecomposition, Matrix, QrDecomposition } from 'ml-matrix';
import { random } from '../shared/random.ts';

export interface Components {
  /** Of the rows, by unit. */
  readonly mean: Float64Array;
  /** Unit vectors, from the direction of the largest variance; the largest number of each is positive. */
  readonly axes: readonly Float64Array[];
  /** Share of the whole variance along each; 0 where nothing moves. */
  readonly explained: readonly number[];
}

/** Directions that are iterated beside those that are wanted, so that these come soon. */
const BESIDE = 6;
/** Iterations end where the directions are eigenvectors to this share of the largest eigenvalue, or after so many. */
const PRECISION = 1e-9;
const MOST = 100;

/** The first components of some rows, [units] each, by block power iteration on their covariance (Golub & Van Loan, section 8.2): the eigenvectors of all
 *  directions of a wide state would take its size cubed. Rows that are no numbers are left out. */
export function principalComponents(rows: readonly ArrayLike<number>[], count: number): Components {
  const units = rows[0]?.length ?? 0;
  const finite = rows.filter((row) => Array.prototype.every.call(row, Number.isFinite));
  const mean = new Float64Array(units);
  for (const row of finite) for (let k = 0; k < units; k += 1) mean[k]! += row[k]! / finite.length;
  let trace = 0;
  for (const row of finite) for (let k = 0; k < units; k += 1) trace += (row[k]! - mean[k]!) ** 2 / Math.max(1, finite.length - 1);
  const { vectors, values } = largest(covarianceOf(finite, mean), units, Math.min(count, units), trace);
  return { mean, axes: vectors.map(turned), explained: values.map((value) => (trace > 0 ? Math.min(1, Math.max(0, value) / trace) : 0)) };
}

/** Where a row lies along each of the axes, from the mean. */
export const coordinates = ({ mean, axes }: Components, row: ArrayLike<number>): number[] =>
  axes.map((axis) => {
    let sum = 0;
    for (let k = 0; k < axis.length; k += 1) sum += (row[k]! - mean[k]!) * axis[k]!;
    return sum;
  });

/** Of so many rows those that stand evenly among them, the first and the last too: their places. */
export const evenly = (rows: number, most: number): number[] =>
  rows <= most
    ? Array.from({ length: rows }, (_, k) => k)
    : Array.from({ length: most }, (_, k) => Math.round((k * (rows - 1)) / (most - 1)));

/** The product with the covariance: of a wide state by the rows themselves, as all pairs of units would take longer than all iterations. */
function covarianceOf(rows: readonly ArrayLike<number>[], mean: Float64Array): (directions: Matrix) => Matrix {
  const units = mean.length;
  const freedom = Math.max(1, rows.length - 1);
  if (2 * units > rows.length) {
    const away = new Matrix(Math.max(1, rows.length), units);
    for (const [k, row] of rows.entries()) for (let unit = 0; unit < units; unit += 1) away.set(k, unit, row[unit]! - mean[unit]!);
    const turned = away.transpose();
    return (directions) => turned.mmul(away.mmul(directions)).div(freedom);
  }
  const sums = Array.from({ length: units }, () => new Float64Array(units));
  const away = new Float64Array(units);
  for (const row of rows) {
    for (let k = 0; k < units; k += 1) away[k] = row[k]! - mean[k]!;
    for (let i = 0; i < units; i += 1) {
      const own = away[i]!;
      const sum = sums[i]!;
      for (let k = i; k < units; k += 1) sum[k]! += own * away[k]!;
    }
  }
  const matrix = new Matrix(units, units);
  for (let i = 0; i < units; i += 1)
    for (let k = i; k < units; k += 1) {
      const value = sums[i]![k]! / freedom;
      matrix.set(i, k, value);
      matrix.set(k, i, value);
    }
  return (directions) => matrix.mmul(directions);
}

/** The largest eigenvalues of a symmetric matrix without negative ones, and their vectors. */
function largest(
  matrix: (directions: Matrix) => Matrix,
  units: number,
  count: number,
  trace: number,
): { readonly vectors: Float64Array[]; readonly values: number[] } {
  const block = Math.min(units, count + BESIDE);
  const chance = random('components', units);
  const started = Matrix.from1DArray(
    units,
    block,
    Array.from({ length: units * block }, () => chance.normal()),
  );
  let directions = new QrDecomposition(started).orthogonalMatrix;
  for (let iteration = 0; ; iteration += 1) {
    const moved = matrix(directions);
    // Within the block the best directions are the eigenvectors of what the matrix does there (Rayleigh & Ritz).
    const within = new EigenvalueDecomposition(directions.transpose().mmul(moved), { assumeSymmetric: true });
    const order = Array.from(within.realEigenvalues.keys()).sort((a, b) => within.realEigenvalues[b]! - within.realEigenvalues[a]!);
    const chosen = new Matrix(block, count);
    for (const [k, place] of order.slice(0, count).entries())
      for (let row = 0; row < block; row += 1) chosen.set(row, k, within.eigenvectorMatrix.get(row, place));
    const values = order.slice(0, count).map((place) => within.realEigenvalues[place]!);
    const vectors = directions.mmul(chosen);
    const images = moved.mmul(chosen);
    const furthest = values.reduce((most, value, k) => {
      let sum = 0;
      for (let row = 0; row < units; row += 1) sum += (images.get(row, k) - value * vectors.get(row, k)) ** 2;
      return Math.max(most, Math.sqrt(sum));
    }, 0);
    if (!(furthest > PRECISION * (values[0] ?? 0)) || iteration === MOST || trace === 0)
      return { vectors: values.map((_, k) => Float64Array.from(vectors.getColumn(k))), values };
    directions = new QrDecomposition(moved).orthogonalMatrix;
  }
}

/** Which way an axis points is a convention. */
function turned(axis: Float64Array): Float64Array {
  const strongest = axis.reduce((best, each) => (Math.abs(each) > Math.abs(best) ? each : best), 0);
  return strongest < 0 ? axis.map((each) => -each) : axis;
}
