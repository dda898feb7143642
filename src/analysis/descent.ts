// Where a map leaves its states as they are, or nearly: minima of q(h) = |F(h) - h|² / 2 (Sussillo & Barak 2013), by Levenberg and Marquardt's steps, many searches side by side.

/** A map of states of so many numbers, many side by side: [count, size] after it, and its Jacobians [count, size, size]. */
export interface SteppedMap {
  readonly size: number;
  after(states: Float32Array): Promise<Float32Array>;
  jacobians(states: Float32Array): Promise<Float32Array>;
}

export interface Found {
  readonly state: Float32Array;
  /** q there. */
  readonly speed: number;
  /** It is a minimum: no step within reach makes it smaller. Else the search was given up on its way. */
  readonly settled: boolean;
}

export interface DescentOptions {
  /** The furthest that one step goes. */
  readonly reach: number;
  /** q below which a search is at its end. */
  readonly enough: number;
  readonly iterations: number;
  readonly check: (done: number) => void;
}

/** Damping at first, and where a search is at its end. */
const [DAMPED, STIFF] = [1e-3, 1e10];
/** A search that has gained less than this share of q so many times in a row has come to rest. */
const GAIN = 1e-4;
const PATIENCE = 4;

/** A search from each of the states, [count, size]. */
export async function minimise(
  map: SteppedMap,
  starts: Float32Array,
  { reach, enough, iterations, check }: DescentOptions,
): Promise<Found[]> {
  const { size } = map;
  const count = starts.length / size;
  const states = starts.slice();
  const row = (data: Float32Array, k: number): Float32Array => data.subarray(k * size, (k + 1) * size);
  const after = await map.after(states);
  let jacobians = await map.jacobians(states);
  const searches = Array.from({ length: count }, (_, k) => ({
    speed: speedOf(row(states, k), row(after, k)),
    damping: DAMPED,
    still: 0,
    ended: false,
    settled: false,
  }));
  for (let iteration = 0; iteration < iterations; iteration += 1) {
    check(iteration / iterations);
    const trial = states.slice();
    for (const [k, search] of searches.entries()) {
      if (!search.ended && !(search.speed > enough)) Object.assign(search, { ended: true, settled: search.speed <= enough });
      if (search.ended) continue;
      const matrix = jacobians.subarray(k * size * size, (k + 1) * size * size);
      const move = dampedStep(matrix, row(states, k), row(after, k), search.damping);
      // Rounding has made it indefinite: more damping comes below, as nothing is gained.
      if (move === undefined) continue;
      const length = Math.hypot(...move);
      const share = length > reach ? reach / length : 1;
      for (let unit = 0; unit < size; unit += 1) trial[k * size + unit]! += share * move[unit]!;
    }
    if (searches.every(({ ended }) => ended)) break;
    const next = await map.after(trial);
    let moved = false;
    for (const [k, search] of searches.entries()) {
      if (search.ended) continue;
      const speed = speedOf(row(trial, k), row(next, k));
      if (!(speed < search.speed)) {
        search.damping *= 8;
        // However short the step, it makes q no smaller.
        if (search.damping > STIFF) Object.assign(search, { ended: true, settled: true });
        continue;
      }
      search.still = speed > (1 - GAIN) * search.speed ? search.still + 1 : 0;
      search.speed = speed;
      search.damping = Math.max(1e-12, search.damping / 5);
      row(states, k).set(row(trial, k));
      row(after, k).set(row(next, k));
      moved = true;
      if (search.still >= PATIENCE) Object.assign(search, { ended: true, settled: true });
    }
    if (moved) jacobians = await map.jacobians(states);
  }
  return searches.map(({ speed, settled }, k) => ({ state: row(states, k).slice(), speed, settled: settled || speed <= enough }));
}

function speedOf(before: Float32Array, after: Float32Array): number {
  let sum = 0;
  for (let unit = 0; unit < before.length; unit += 1) sum += (after[unit]! - before[unit]!) ** 2;
  return sum / 2;
}

/** The solution of (AᵀA + damping · mean diagonal) d = -Aᵀ(F(h) - h), A = J - I; undefined where the numbers are none. */
function dampedStep(jacobian: Float32Array, before: Float32Array, after: Float32Array, damping: number): Float64Array | undefined {
  const size = before.length;
  const matrix = Float64Array.from(jacobian);
  for (let k = 0; k < size; k += 1) matrix[k * size + k]! -= 1;
  const normal = new Float64Array(size * size);
  const right = new Float64Array(size);
  for (let line = 0; line < size; line += 1) {
    const residual = after[line]! - before[line]!;
    for (let i = 0; i < size; i += 1) {
      const own = matrix[line * size + i]!;
      if (own === 0) continue;
      right[i]! -= own * residual;
      for (let j = 0; j <= i; j += 1) normal[i * size + j]! += own * matrix[line * size + j]!;
    }
  }
  let trace = 0;
  for (let k = 0; k < size; k += 1) trace += normal[k * size + k]!;
  for (let k = 0; k < size; k += 1) normal[k * size + k]! += damping * Math.max(trace / size, 1e-12);
  return solveSymmetric(normal, right);
}

/** By Cholesky's decomposition of the lower triangle, in place; undefined where it is not positive definite. */
function solveSymmetric(matrix: Float64Array, right: Float64Array): Float64Array | undefined {
  const size = right.length;
  for (let i = 0; i < size; i += 1) {
    for (let j = 0; j <= i; j += 1) {
      let sum = matrix[i * size + j]!;
      for (let k = 0; k < j; k += 1) sum -= matrix[i * size + k]! * matrix[j * size + k]!;
      if (i > j) matrix[i * size + j] = sum / matrix[j * size + j]!;
      else if (sum > 0) matrix[i * size + i] = Math.sqrt(sum);
      else return undefined;
    }
  }
  for (let i = 0; i < size; i += 1) {
    for (let k = 0; k < i; k += 1) right[i]! -= matrix[i * size + k]! * right[k]!;
    right[i]! /= matrix[i * size + i]!;
  }
  for (let i = size - 1; i >= 0; i -= 1) {
    for (let k = i + 1; k < size; k += 1) right[i]! -= matrix[k * size + i]! * right[k]!;
    right[i]! /= matrix[i * size + i]!;
  }
  return right;
}
