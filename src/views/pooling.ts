// Many timesteps and units in few pixels, so that nothing that matters is lost: a bucket is its mean, but a value more than 3.5 standard
// deviations from the mean of its own unit replaces it, and one value that is not a number makes the whole bucket not a number.
// (Extremes alone would turn saturated units into noise, means alone would hide the step at which a unit forgot.)

/** Mean and deviation of each unit, over the whole sequence. */
export interface UnitStatistics {
  readonly mean: Float32Array;
  readonly deviation: Float32Array;
}

export const OUTLIER = 3.5;

/** Statistics of [steps, units], row-major; values that are not finite are left out. */
export function unitStatistics(values: Float32Array, units: number): UnitStatistics {
  const mean = new Float32Array(units);
  const deviation = new Float32Array(units);
  for (let unit = 0; unit < units; unit++) {
    let n = 0;
    let average = 0;
    let squares = 0;
    for (let at = unit; at < values.length; at += units) {
      const v = values[at]!;
      if (!Number.isFinite(v)) continue;
      n++;
      const difference = v - average;
      average += difference / n;
      squares += difference * (v - average);
    }
    mean[unit] = average;
    deviation[unit] = n > 0 ? Math.sqrt(squares / n) : 0;
  }
  return { mean, deviation };
}

/** Column of timestep t among `columns` that stand for `steps`. */
export const columnOf = (t: number, steps: number, columns: number): number => Math.floor((t * columns) / steps);

/** A heatmap of units x timesteps, filled a stretch of timesteps at a time; the result is row-major [rows, columns]. */
export class HeatPool {
  private readonly steps: number;
  private readonly columns: number;
  private readonly rows: number;
  private readonly place: Uint16Array;
  private readonly statistics: UnitStatistics;
  private readonly sum: Float64Array;
  private readonly n: Uint32Array;
  private readonly outlier: Float32Array;
  private readonly distance: Float32Array;

  /** `place` is the place of each unit from the top. */
  constructor(steps: number, columns: number, rows: number, place: Uint16Array, statistics: UnitStatistics) {
    this.steps = steps;
    this.columns = columns;
    this.rows = rows;
    this.place = place;
    this.statistics = statistics;
    this.sum = new Float64Array(rows * columns);
    this.n = new Uint32Array(rows * columns);
    this.outlier = new Float32Array(rows * columns);
    this.distance = new Float32Array(rows * columns);
  }

  /** Values [n, units] of the timesteps from `from`, counted from the start of the window. */
  add(values: Float32Array, from: number): void {
    const units = this.place.length;
    const { mean, deviation } = this.statistics;
    for (let unit = 0; unit < units; unit++) {
      const row = columnOf(this.place[unit]!, units, this.rows) * this.columns;
      const middle = mean[unit]!;
      const spread = Math.max(deviation[unit]!, 1e-6);
      for (let at = unit, t = from; at < values.length; at += units, t++) {
        const bucket = row + columnOf(t, this.steps, this.columns);
        const v = values[at]!;
        this.sum[bucket]! += v;
        this.n[bucket]!++;
        const distance = Math.abs(v - middle) / spread;
        if (distance > this.distance[bucket]!) {
          this.distance[bucket] = distance;
          this.outlier[bucket] = v;
        }
      }
    }
  }

  finish(): Float32Array {
    return Float32Array.from(this.sum, (sum, bucket) => {
      if (!Number.isFinite(sum)) return Number.NaN;
      return this.n[bucket]! > 1 && this.distance[bucket]! > OUTLIER ? this.outlier[bucket]! : sum / this.n[bucket]!;
    });
  }
}

/** Largest value per column; a column with a value that is not a number is not a number, unless `skipNaN`. */
export function poolMaximum(values: Float32Array, columns: number, skipNaN = false): Float32Array {
  const pooled = new Float32Array(columns).fill(-Infinity);
  for (let t = 0; t < values.length; t++) {
    const column = columnOf(t, values.length, columns);
    const v = values[t]!;
    if (Number.isNaN(v)) {
      if (!skipNaN) pooled[column] = Number.NaN;
    } else if (!(v <= pooled[column]!) && !Number.isNaN(pooled[column]!)) pooled[column] = v;
  }
  return pooled.map((v) => (v === -Infinity ? Number.NaN : v));
}

/** Smallest and largest value per column; columns of gaps are NaN. `gap` tells which values are gaps. */
export function poolRange(
  values: ArrayLike<number>,
  columns: number,
  gap: (value: number) => boolean = Number.isNaN,
): { readonly low: Float32Array; readonly high: Float32Array } {
  const low = new Float32Array(columns).fill(Number.NaN);
  const high = new Float32Array(columns).fill(Number.NaN);
  for (let t = 0; t < values.length; t++) {
    const v = values[t]!;
    if (gap(v)) continue;
    const column = columnOf(t, values.length, columns);
    if (!(v >= low[column]!)) low[column] = v;
    if (!(v <= high[column]!)) high[column] = v;
  }
  return { low, high };
}

/** Shares of the units below .1 and above .9, for each timestep of [n, units]. */
export function saturation(values: Float32Array, units: number): { readonly below: Float32Array; readonly above: Float32Array } {
  const steps = values.length / units;
  const below = new Float32Array(steps);
  const above = new Float32Array(steps);
  for (let t = 0; t < steps; t++) {
    for (let at = t * units; at < (t + 1) * units; at++) {
      if (values[at]! < 0.1) below[t]! += 1 / units;
      if (values[at]! > 0.9) above[t]! += 1 / units;
    }
  }
  return { below, above };
}

/** Mean |after - before| over the units. */
export function meanChange(before: Float32Array, after: Float32Array): number {
  let sum = 0;
  for (let unit = 0; unit < after.length; unit++) sum += Math.abs(after[unit]! - before[unit]!);
  return sum / Math.max(1, after.length);
}
