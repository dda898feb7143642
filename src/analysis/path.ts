// Where on its way back the gradient is lost: factors of every step, each with its line.
//
// At each step the gradient that arrives at the states after it is multiplied by the factors of each way (routes.ts). Of the way through a product these
// are |π| / |δ|, what gates and derivatives of activations leave, and |Uᵀπ| / |π|, what the weight makes of it, with δ what arrives and π the gradient
// at the product's result: as norms of what really flows, their product is the way's gain exactly. Of the direct way it is the elementwise factor
// itself: f of an LSTM, z of a GRU.

import type { DirectPath, Factor, Way } from '../shared/analysis.ts';
import type { SeededTrace } from '../tracing/trace.ts';
import type { BackwardPass } from './lag.ts';
import { type FactorSource, placeOf, sourceOfFactor } from './places.ts';
import type { Recurrence } from './recurrences.ts';
import { type Route, routesBack } from './routes.ts';
import { mean } from './statistics.ts';

/** Gradients below this lose digits, as floats near the end of their range do: factors between them would be noise. */
const FAINT = 1e-34;
/** Numbers of one evaluation. */
const MOST = 2 ** 22;

/** Sums of logarithms, and how many there are. */
class Logs {
  sum = 0;
  count = 0;
  add(value: number): void {
    if (!(value > 0)) return;
    this.sum += Math.log(value);
    this.count += 1;
  }
  get mean(): number {
    return this.count === 0 ? Number.NaN : Math.exp(this.sum / this.count);
  }
}

interface WaySums {
  readonly route: Route;
  readonly inside: readonly Logs[];
  readonly weight: readonly Logs[];
  readonly gain: Logs;
  share: number;
  shares: number;
}

/** What has been gathered over traces of sequences of the same model. */
export class PathSums {
  readonly #ways: WaySums[] = [];
  /** By state with a direct way. */
  readonly #direct = new Map<string, DirectSums>();
  readonly #recurrence: Recurrence;
  readonly #trace: SeededTrace;
  readonly #steps: number;

  /** `steps` of the longest sequence. */
  constructor(trace: SeededTrace, recurrence: Recurrence, steps: number) {
    this.#trace = trace;
    this.#recurrence = recurrence;
    this.#steps = steps;
  }

  /** Adds the sequences of a trace. */
  async add(trace: SeededTrace, recurrence: Recurrence, pass: BackwardPass): Promise<void> {
    const { steps } = trace.description;
    const batch = trace.sizes.B!;
    const { states, reverse, size } = recurrence;
    const arriving = cotangents(recurrence, pass, steps, batch);
    const chunk = Math.max(1, Math.floor(MOST / (batch * size * 6)));
    for (let from = 0; from < steps; from += chunk) {
      const to = Math.min(from + chunk, steps);
      const parts = arriving.map((all, k) => all.subarray(from * batch * states[k]!.size, to * batch * states[k]!.size));
      const found = await routesBack(trace, recurrence, { from, to }, parts);
      const total = states.map((_, k) => summed(found.map(({ before }) => before[k]!)));
      for (const [k, { route, inside, before }] of found.entries()) {
        this.#ways[k] ??= this.#empty(route);
        const way = this.#ways[k]!;
        for (let row = 0; row < (to - from) * batch; row += 1) {
          const t = from + Math.floor(row / batch);
          const step = reverse ? steps - 1 - t : t;
          const arrives = rowNorm(parts, states, row);
          if (arrives < FAINT) continue;
          const leaves = rowNorm(before, states, row);
          way.gain.add(leaves / arrives);
          const whole = rowNorm(total, states, row);
          if (whole > 0) {
            way.share += rowDot(before, total, states, row) / whole ** 2;
            way.shares += 1;
          }
          if (inside === undefined) continue;
          const units = inside.length / ((to - from) * batch);
          const product = norm(inside, row * units, units);
          way.inside[step]!.add(product / arrives);
          if (product > 0) way.weight[step]!.add(leaves / product);
        }
      }
    }
    await this.#addDirect(trace, recurrence, pass);
  }

  #empty(route: Route): WaySums {
    const logs = (): Logs[] => Array.from({ length: this.#steps }, () => new Logs());
    return { route, inside: logs(), weight: logs(), gain: new Logs(), share: 0, shares: 0 };
  }

  /** The direct factors, with unit cotangents, and what they leave of the gradient with which the state began. */
  async #addDirect(trace: SeededTrace, recurrence: Recurrence, pass: BackwardPass): Promise<void> {
    const { steps } = trace.description;
    const batch = trace.sizes.B!;
    const { states, reverse } = recurrence;
    for (const [k, state] of states.entries()) {
      const ones = states.map((each, n) => new Float32Array(steps * batch * each.size).fill(n === k ? 1 : 0));
      const chunk = Math.max(1, Math.floor(MOST / (batch * recurrence.size * 6)));
      const factor = new Float32Array(steps * batch * state.size);
      for (let from = 0; from < steps; from += chunk) {
        const to = Math.min(from + chunk, steps);
        const parts = ones.map((all, n) => all.subarray(from * batch * states[n]!.size, to * batch * states[n]!.size));
        const [direct] = await routesBack(trace, recurrence, { from, to }, parts);
        factor.set(direct!.before[k]!, from * batch * state.size);
      }
      if (factor.every((each) => each === 0)) continue;
      let sums = this.#direct.get(state.name);
      if (sums === undefined) {
        sums = new DirectSums(this.#steps, state.size, await sourceOfFactor(trace, state, factor));
        this.#direct.set(state.name, sums);
      }
      sums.add(factor, pass.after[k]!, { steps, batch, reverse });
    }
  }

  ways(): Way[] {
    const layer = this.#recurrence.path;
    return this.#ways.map(({ route, inside, weight, gain, share, shares }): Way => {
      const common = { share: shares === 0 ? 0 : share / shares, gain: gain.mean };
      if (route.kind === 'direct') {
        const factors = [...this.#direct].map(([state, sums]) => this.#directPath(state, sums).factor);
        return { name: 'direct', factors, ...common };
      }
      const { product, line } = placeOf(this.#trace, layer, route);
      const factors = [
        factorOf('saturation', line, inside, this.#recurrence.reverse, this.#steps),
        factorOf('weight', product, weight, this.#recurrence.reverse, this.#steps),
      ];
      return { name: product.factor, factors, ...common };
    });
  }

  direct(): DirectPath[] {
    return [...this.#direct].map(([state, sums]) => this.#directPath(state, sums));
  }

  #directPath(state: string, sums: DirectSums): DirectPath {
    const { bias, instance, ...place } = sums.place;
    const factor = factorOf('gate', { layer: this.#recurrence.path, ...place }, sums.bySteps, this.#recurrence.reverse, this.#steps);
    const timescales = Array.from(sums.unitSum, (sum) => timescaleOf(sum / sums.rows));
    const timescale = timescaleOf(mean(sums.unitSum) / sums.rows);
    return {
      state,
      factor,
      product: sums.product.map((logs) => (logs.zeros > 0 ? 0 : logs.mean)),
      timescales,
      timescale,
      instance,
      ...(bias === undefined ? {} : { bias }),
    };
  }
}

/** tau = -1 / ln(mean f), in steps. */
export const timescaleOf = (factor: number): number => (factor >= 1 ? Number.POSITIVE_INFINITY : factor <= 0 ? 0 : -1 / Math.log(factor));

class ProductLogs extends Logs {
  zeros = 0;
}

class DirectSums {
  readonly bySteps: readonly Logs[];
  readonly product: readonly ProductLogs[];
  readonly unitSum: Float64Array;
  readonly place: FactorSource;
  rows = 0;

  constructor(steps: number, units: number, place: FactorSource) {
    this.bySteps = Array.from({ length: steps }, () => new Logs());
    this.product = Array.from({ length: steps }, () => new ProductLogs());
    this.unitSum = new Float64Array(units);
    this.place = place;
  }

  add(
    factor: Float32Array,
    gradient: Float32Array,
    { steps, batch, reverse }: { readonly steps: number; readonly batch: number; readonly reverse: boolean },
  ): void {
    const units = this.unitSum.length;
    for (let row = 0; row < batch; row += 1) {
      const last = ((reverse ? 0 : steps - 1) * batch + row) * units;
      const left = Float64Array.from(gradient.subarray(last, last + units));
      const begins = norm(left, 0, units);
      for (let lag = 0; lag < steps; lag += 1) {
        const t = reverse ? lag : steps - 1 - lag;
        const norms = norm(left, 0, units);
        if (begins > 0) {
          if (norms === 0) this.product[lag]!.zeros += 1;
          this.product[lag]!.add(norms / begins);
        }
        for (let unit = 0, at = (t * batch + row) * units; unit < units; unit += 1, at += 1) {
          this.bySteps[steps - 1 - lag]!.add(Math.abs(factor[at]!));
          this.unitSum[unit]! += factor[at]!;
          left[unit]! *= factor[at]!;
        }
      }
    }
    this.rows += batch * steps;
  }
}

/** What reaches each state after a step from behind it: what the next step hands on; at the last, what the gradient begins with. */
function cotangents({ states, shown, reverse }: Recurrence, { before, seed }: BackwardPass, steps: number, batch: number): Float32Array[] {
  return states.map((state, k) => {
    const row = batch * state.size;
    const result = new Float32Array(steps * row);
    if (reverse) result.set(before[k]!.subarray(0, (steps - 1) * row), row);
    else result.set(before[k]!.subarray(row));
    if (state === shown) result.set(seed, reverse ? 0 : (steps - 1) * row);
    return result;
  });
}

function factorOf(
  kind: Factor['kind'],
  place: Omit<Factor, 'kind' | 'bySteps' | 'mean' | 'smallest'>,
  logs: readonly Logs[],
  reverse: boolean,
  steps: number,
): Factor {
  const bySteps = logs.map((each) => each.mean);
  const whole = new Logs();
  let smallest = { t: 0, value: Number.POSITIVE_INFINITY };
  for (const [step, value] of bySteps.entries()) {
    whole.add(value);
    if (value < smallest.value) smallest = { t: reverse ? steps - 1 - step : step, value };
  }
  return { kind, ...place, bySteps, mean: whole.mean, smallest };
}

function norm(data: ArrayLike<number>, from: number, count: number): number {
  let sum = 0;
  for (let k = from; k < from + count; k += 1) sum += data[k]! ** 2;
  return Math.sqrt(sum);
}

const rowNorm = (data: readonly Float32Array[], states: Recurrence['states'], row: number): number =>
  Math.hypot(...states.map(({ size }, k) => norm(data[k]!, row * size, size)));

function rowDot(a: readonly Float32Array[], b: readonly Float32Array[], states: Recurrence['states'], row: number): number {
  let sum = 0;
  for (const [k, { size }] of states.entries()) for (let at = row * size; at < (row + 1) * size; at += 1) sum += a[k]![at]! * b[k]![at]!;
  return sum;
}

function summed(arrays: readonly Float32Array[]): Float32Array {
  const result = arrays[0]!.slice();
  for (const each of arrays.slice(1)) for (let k = 0; k < result.length; k += 1) result[k]! += each[k]!;
  return result;
}
