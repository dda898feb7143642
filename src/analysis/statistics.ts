// Estimates over sequences with their intervals.

import type { Estimate, Horizon } from '../shared/analysis.ts';
import { random } from '../shared/random.ts';

/** 97.5 % points of Student's t for 1 .. 30 degrees of freedom. */
const T975 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11, 2.101, 2.093, 2.086,
  2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/** The 97.5 % point of Student's t; beyond 30 degrees of freedom by Cornish and Fisher's expansion about the normal's (Abramowitz & Stegun 26.7.5). */
export function studentT(freedom: number): number {
  if (freedom <= T975.length) return T975[freedom - 1]!;
  const z = 1.959964;
  return z + (z ** 3 + z) / (4 * freedom) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2);
}

/** The geometric mean of numbers that are not negative, with the 95 % interval of Student's t over their logarithms. It is 0 where one of them is, and
 *  the interval then reaches from 0 to the largest; ∞ where one is, from the smallest. */
export function geometricMean(values: readonly number[]): Estimate {
  const largest = Math.max(...values);
  if (values.some((value) => value <= 0)) return { value: 0, low: 0, high: Math.max(0, largest) };
  if (largest === Number.POSITIVE_INFINITY) return { value: largest, low: Math.min(...values), high: largest };
  const logs = values.map(Math.log);
  const mean = logs.reduce((sum, each) => sum + each, 0) / logs.length;
  if (logs.length < 2) return { value: Math.exp(mean), low: Math.exp(mean), high: Math.exp(mean) };
  const variance = logs.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (logs.length - 1);
  const half = studentT(logs.length - 1) * Math.sqrt(variance / logs.length);
  return { value: Math.exp(mean), low: Math.exp(mean - half), high: Math.exp(mean + half) };
}

/** The mean with the 95 % interval of Student's t; of one value the interval is the value. */
export function meanEstimate(values: readonly number[]): Estimate {
  const value = mean(values);
  if (values.length < 2) return { value, low: value, high: value };
  const variance = values.reduce((sum, each) => sum + (each - value) ** 2, 0) / (values.length - 1);
  const half = studentT(values.length - 1) * Math.sqrt(variance / values.length);
  return { value, low: value - half, high: value + half };
}

/** Resamples for the interval of a horizon. */
const RESAMPLES = 400;

/** The first lag at which the geometric mean of the sequences' curves is below the threshold. Its interval is the bootstrap's over sequences
 *  (2.5 % and 97.5 % of the resamples; Efron 1979). Curves may be of different lengths: at each lag those count that reach it. */
export function horizonOf(curves: readonly Float64Array[], threshold: number, seed: number): Horizon {
  const logs = curves.map((curve) => curve.map((value) => (value > 0 ? Math.log(value) : Number.NEGATIVE_INFINITY)));
  const limit = Math.log(threshold);
  const reach = Math.max(...curves.map(({ length }) => length));
  const crossing = (chosen: readonly Float64Array[]): number => {
    for (let lag = 0; lag < reach; lag += 1) {
      let sum = 0;
      let count = 0;
      for (const each of chosen)
        if (lag < each.length) {
          sum += each[lag]!;
          count += 1;
        }
      if (count === 0) return reach;
      if (sum / count < limit) return lag;
    }
    return reach;
  };
  const chance = random(seed, 'horizon');
  const resampled = Array.from({ length: curves.length < 2 ? 0 : RESAMPLES }, () =>
    crossing(logs.map(() => logs[Math.floor(chance.uniform() * logs.length)]!)),
  ).sort((a, b) => a - b);
  const value = crossing(logs);
  const low = resampled[Math.floor(0.025 * resampled.length)] ?? value;
  const high = resampled[Math.ceil(0.975 * resampled.length) - 1] ?? value;
  // The last lag that was seen is one less than there are.
  const seen = (lag: number): number => Math.min(lag, reach - 1);
  return {
    value: seen(value),
    low: seen(low),
    high: seen(high),
    beyond: value >= reach,
    lowBeyond: low >= reach,
    highBeyond: high >= reach,
  };
}

export const mean = (values: ArrayLike<number>): number => {
  let sum = 0;
  for (let k = 0; k < values.length; k += 1) sum += values[k]!;
  return sum / values.length;
};

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(share * (sorted.length - 1))))]!;
}
