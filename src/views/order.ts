// The order of the units from top to bottom, one for all rows: by how long a unit remembers, by likeness, or by index.

/** tau = -1 / ln(mean keep) in steps, for each unit; `keep` is row-major [steps, units]. Infinite where the gate never closes. */
export function timescalesFromGate(keep: Float32Array, units: number): Float32Array {
  const steps = keep.length / units;
  const taus = new Float32Array(units);
  for (let unit = 0; unit < units; unit++) {
    let sum = 0;
    for (let t = 0; t < steps; t++) sum += keep[t * units + unit]!;
    taus[unit] = decayTime(sum / steps);
  }
  return taus;
}

/** tau = -1 / ln(r) from the lag-1 autocorrelation r of each unit; `runs` are stretches of consecutive timesteps, each [steps, units]. */
export function timescalesFromState(runs: readonly Float32Array[], units: number): Float32Array {
  const taus = new Float32Array(units);
  for (let unit = 0; unit < units; unit++) {
    let sum = 0;
    let steps = 0;
    for (const run of runs) for (let at = unit; at < run.length; at += units, steps++) sum += run[at]!;
    const mean = sum / Math.max(1, steps);
    let both = 0;
    let own = 0;
    for (const run of runs) {
      for (let at = unit; at < run.length; at += units) {
        own += (run[at]! - mean) ** 2;
        if (at >= units) both += (run[at]! - mean) * (run[at - units]! - mean);
      }
    }
    taus[unit] = own > 0 ? decayTime(both / own) : 0;
  }
  return taus;
}

/** -1 / ln(share kept per step): 0 for nothing, infinite for all. */
const decayTime = (kept: number): number => (kept <= 0 || Number.isNaN(kept) ? 0 : kept >= 1 ? Infinity : -1 / Math.log(kept));

/** Longest timescale first; ties by index. */
export function byTimescale(taus: Float32Array): Uint16Array {
  return Uint16Array.from([...taus.keys()].sort((a, b) => (taus[a] === taus[b] ? a - b : taus[b]! - taus[a]!)));
}

/** Each unit next to the one most like it: a nearest-neighbour chain on the correlation of asinh(values), from the unit with the largest mean.
 *  `values` is row-major [steps, units]. Gives the event loop back every few milliseconds. */
export async function bySimilarity(values: Float32Array, units: number): Promise<Uint16Array> {
  const steps = values.length / units;
  const profiles = Array.from({ length: units }, (_, unit) => standardised(values, unit, units, steps));
  const left = new Set(profiles.keys());
  const order = new Uint16Array(units);
  let current = 0;
  for (let unit = 1; unit < units; unit++) if (profiles[unit]!.mean > profiles[current]!.mean) current = unit;
  let breath = Date.now();
  for (let rank = 0; rank < units; rank++) {
    order[rank] = current;
    left.delete(current);
    const own = profiles[current]!.values;
    let best = -Infinity;
    for (const unit of left) {
      const other = profiles[unit]!.values;
      let likeness = 0;
      for (let t = 0; t < steps; t++) likeness += own[t]! * other[t]!;
      if (likeness > best) {
        best = likeness;
        current = unit;
      }
    }
    if (Date.now() - breath > 8) {
      await new Promise((resolve) => setTimeout(resolve));
      breath = Date.now();
    }
  }
  return order;
}

function standardised(values: Float32Array, unit: number, units: number, steps: number): { mean: number; values: Float32Array } {
  const own = Float32Array.from({ length: steps }, (_, t) => {
    const squashed = Math.asinh(values[t * units + unit]!);
    return Number.isFinite(squashed) ? squashed : 0;
  });
  const mean = own.reduce((sum, v) => sum + v, 0) / Math.max(1, steps);
  const deviation = Math.sqrt(own.reduce((sum, v) => sum + (v - mean) ** 2, 0)) || 1;
  return { mean, values: own.map((v) => (v - mean) / deviation) };
}

export const byIndex = (units: number): Uint16Array => Uint16Array.from({ length: units }, (_, unit) => unit);

/** Where each unit stands: the inverse of an order. */
export function placesOf(order: Uint16Array): Uint16Array {
  const places = new Uint16Array(order.length);
  order.forEach((unit, place) => {
    places[unit] = place;
  });
  return places;
}
