// What units do: gates that stand open or shut, states that are dead, stuck or drifting, and how many dimensions they fill.

import type { GateUnits, StateUnits } from '../shared/analysis.ts';

/** A value over time: [T, B, units]. */
export interface Course {
  readonly data: Float32Array;
  readonly steps: number;
  readonly batch: number;
}

/** Below and above which a gate counts as shut and open (Karpathy, Johnson & Fei-Fei 2015). */
const SHUT = 0.1;
export const OPEN = 0.9;
/** A unit that never leaves 0, or its mean, by more than this is dead or stuck. */
const STILL = 1e-3;
/** A unit drifts whose magnitude goes with time at this correlation, on average over sequences, and grows by this factor from the second quarter to the
 *  last: what grows evenly does by 2.3, a random walk by 1.5. */
const CORRELATION = 0.8;
const GROWTH = 2;
/** Rows that the covariance is taken over. */
const ROWS = 4000;

const unitsOf = ({ data, steps, batch }: Course): number => data.length / (steps * batch);

/** Means and saturation of a gate's units, over all timesteps of all sequences. */
export function gateUnits(courses: readonly Course[]): Pick<GateUnits, 'mean' | 'below' | 'above'> {
  const units = unitsOf(courses[0]!);
  const [sum, below, above] = [new Float64Array(units), new Float64Array(units), new Float64Array(units)];
  let rows = 0;
  for (const { data, steps, batch } of courses) {
    rows += steps * batch;
    for (let k = 0; k < data.length; k += 1) {
      const unit = k % units;
      sum[unit]! += data[k]!;
      if (data[k]! < SHUT) below[unit]! += 1;
      if (data[k]! > OPEN) above[unit]! += 1;
    }
  }
  const shares = (counts: Float64Array): number[] => Array.from(counts, (count) => count / rows);
  return { mean: shares(sum), below: shares(below), above: shares(above) };
}

export function stateUnits(state: string, courses: readonly Course[]): StateUnits {
  const units = unitsOf(courses[0]!);
  const [sum, largest] = [new Float64Array(units), new Float64Array(units)];
  const rows = courses.reduce((count, { steps, batch }) => count + steps * batch, 0);
  for (const { data } of courses)
    for (let k = 0; k < data.length; k += 1) {
      sum[k % units]! += data[k]!;
      largest[k % units] = Math.max(largest[k % units]!, Math.abs(data[k]!));
    }
  const mean = sum.map((each) => each / rows);
  const squares = new Float64Array(units);
  const furthest = new Float64Array(units);
  for (const { data } of courses)
    for (let k = 0; k < data.length; k += 1) {
      const away = data[k]! - mean[k % units]!;
      squares[k % units]! += away ** 2;
      furthest[k % units] = Math.max(furthest[k % units]!, Math.abs(away));
    }
  const places = Array.from({ length: units }, (_, unit) => unit);
  const dead = places.filter((unit) => largest[unit]! < STILL);
  return {
    state,
    mean: [...mean],
    deviation: Array.from(squares, (each) => Math.sqrt(each / rows)),
    dead,
    stuck: places.filter((unit) => furthest[unit]! < STILL && !dead.includes(unit)),
    drifting: places.filter((unit) => drifts(courses, unit, units)),
    participation: participationRatio(courses, mean),
  };
}

/** Whether a unit's magnitude grows with time. */
function drifts(courses: readonly Course[], unit: number, units: number): boolean {
  let correlation = 0;
  let sequences = 0;
  let [early, late] = [0, 0];
  for (const { data, steps, batch } of courses) {
    if (steps < 8) continue;
    for (let row = 0; row < batch; row += 1) {
      let [sum, squares, product] = [0, 0, 0];
      for (let t = 0; t < steps; t += 1) {
        const value = Math.abs(data[(t * batch + row) * units + unit]!);
        sum += value;
        squares += value * value;
        product += value * (t - (steps - 1) / 2);
        if (t >= 0.75 * steps) late += value;
        else if (t >= 0.25 * steps && t < 0.5 * steps) early += value;
      }
      const variance = squares - (sum * sum) / steps;
      const times = (steps * (steps * steps - 1)) / 12;
      correlation += variance > 0 ? product / Math.sqrt(variance * times) : 0;
      sequences += 1;
    }
  }
  return sequences > 0 && correlation / sequences >= CORRELATION && late >= GROWTH * early;
}

/** (tr C)² / tr C² of the states' covariance C: 1 where they lie on a line, the number of units where they fill all directions alike (Gao et al. 2017). Over
 *  some thousand rows, evenly chosen. */
export function participationRatio(courses: readonly Course[], mean: ArrayLike<number>): number {
  const units = mean.length;
  const all = courses.flatMap(({ data }) =>
    Array.from({ length: data.length / units }, (_, row) => data.subarray(row * units, (row + 1) * units)),
  );
  const every = Math.max(1, Math.ceil(all.length / ROWS));
  const covariance = new Float64Array(units * units);
  const away = new Float64Array(units);
  for (let row = 0; row < all.length; row += every) {
    for (let k = 0; k < units; k += 1) away[k] = all[row]![k]! - mean[k]!;
    for (let i = 0; i < units; i += 1) {
      const own = away[i]!;
      for (let k = i; k < units; k += 1) covariance[i * units + k]! += own * away[k]!;
    }
  }
  let [trace, squares] = [0, 0];
  for (let i = 0; i < units; i += 1) {
    trace += covariance[i * units + i]!;
    for (let k = i; k < units; k += 1) squares += (k === i ? 1 : 2) * covariance[i * units + k]! ** 2;
  }
  return squares === 0 ? 0 : trace ** 2 / squares;
}
