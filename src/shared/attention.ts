// What can be asked of attention: is it spread or narrow, does it stand still, what has it seen. Weights are one row over the places, that add up to 1.

/** -Σ p ln p, in nats; ln n where all n are alike. */
export function entropy(weights: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < weights.length; k += 1) {
    const weight = weights[k]!;
    if (Number.isNaN(weight)) return Number.NaN;
    if (weight > 0) sum -= weight * Math.log(weight);
  }
  return sum;
}

/** The entropy as a share of that of n alike: 1 where all places have the same weight, 0 where one has all of it. A single place has all: 0. */
export const uniformity = (weights: ArrayLike<number>): number => (weights.length > 1 ? entropy(weights) / Math.log(weights.length) : 0);

/** The weight that would have to be moved for all n places to have the same: total variation, ½ Σ |p - 1/n|, in 0 .. 1 - 1/n. */
export function distanceFromUniform(weights: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < weights.length; k += 1) sum += Math.abs(weights[k]! - 1 / weights.length);
  return sum / 2;
}

/** Σ min(p, q): the share of the weight that lies where the other has it; 1 where two rows are the same. */
export function overlap(weights: ArrayLike<number>, other: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < weights.length; k += 1) sum += Math.min(weights[k]!, other[k]!);
  return sum;
}

/** What each place has been given by all of some rows, [n]: about 1 where a place was looked at once (Tu et al. 2016). */
export function coverage(rows: readonly ArrayLike<number>[]): Float64Array {
  const sum = new Float64Array(rows[0]?.length ?? 0);
  for (const row of rows) for (let k = 0; k < sum.length; k += 1) sum[k]! += row[k]!;
  return sum;
}

/** How much a row is what the rows before it were on the average (their overlap): 1 where every row is the same. NaN where there is none before. */
export function collapse(weights: ArrayLike<number>, before: readonly ArrayLike<number>[]): number {
  if (before.length === 0) return Number.NaN;
  return overlap(
    weights,
    coverage(before).map((each) => each / before.length),
  );
}
