// One probe: read-outs of a state by lag, each sequence judged by what was learned from the others.

import { Matrix } from 'ml-matrix';
import type { ProbeCurve } from '../../shared/analysis.ts';
import { mean, meanEstimate } from '../statistics.ts';
import type { Course } from '../units.ts';
import type { Target } from './probe-targets.ts';
import { added, type Moments, readOuts } from './read-out.ts';

/** Where a row of a sequence begins. */
export interface Row {
  readonly trace: number;
  readonly row: number;
  readonly steps: number;
  readonly fold: number;
}

export interface Probed {
  readonly rows: readonly Row[];
  readonly features: readonly Course[];
  readonly target: Target;
  readonly lags: readonly number[];
  readonly reverse: boolean;
  readonly tell: (done: number) => void;
}

export type Judged = Pick<ProbeCurve, 'lags' | 'value' | 'low' | 'high' | 'control' | 'guessed' | 'baseline'>;

export async function curveOf(probed: Probed): Promise<Judged> {
  const { rows, features, target, lags, tell } = probed;
  const units = unitsOf(features[0]!);
  const folds = Math.max(...rows.map(({ fold }) => fold)) + 1;
  const products = Array.from({ length: folds }, () => new Float64Array((units + 1) ** 2));
  const found = new Map<number, { value: number; low: number; high: number; control: number; guessed: number; baseline: number }>();
  // From the furthest lag on, each lag has the rows of the one before it, and some more.
  let first = Number.POSITIVE_INFINITY;
  for (const [done, lag] of [...lags].reverse().entries()) {
    for (const row of rows)
      for (let step = lag; step < Math.min(first, row.steps); step += 1)
        addProduct(products[row.fold]!, stateOf(probed, row, step), units, 1);
    first = lag;
    tell(done / lags.length);
    const moments = momentsOf(probed, lag, products);
    const { width } = target;
    const judged = { value: [] as number[], control: [] as number[], guessed: [] as number[], baseline: [] as number[] };
    const total = totalOf(probed, lag);
    for (let fold = 0; fold < folds; fold += 1) {
      const validating = (fold + 1) % folds;
      const learning = moments.filter((_, k) => k !== fold && k !== validating);
      const [own, random] = readOuts(added(learning), moments[validating]!, [
        { from: 0, to: width },
        { from: width, to: 2 * width },
      ]);
      const others = added(moments.filter((_, k) => k !== fold));
      for (const row of rows) {
        if (row.fold !== fold || row.steps <= lag) continue;
        const figures = judge(probed, row, lag, { own: own!, random: random!, others, total });
        if (figures === undefined) continue;
        judged.value.push(figures.value);
        judged.control.push(figures.control);
        judged.guessed.push(figures.guessed);
        judged.baseline.push(figures.baseline);
      }
      tell((done + (fold + 1) / folds) / lags.length);
      // Others have their turn, and whoever gives up is heard.
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { value, low, high } = meanEstimate(judged.value);
    found.set(lag, { value, low, high, control: mean(judged.control), guessed: mean(judged.guessed), baseline: mean(judged.baseline) });
  }
  const all = lags.map((lag) => found.get(lag)!);
  const bound = (value: number): number => Math.min(1, target.measure === 'accuracy' ? Math.max(0, value) : value);
  return {
    lags,
    value: all.map(({ value }) => value),
    low: all.map(({ low }) => bound(low)),
    high: all.map(({ high }) => bound(high)),
    control: all.map(({ control }) => control),
    guessed: all.map(({ guessed }) => guessed),
    baseline: all.map(({ baseline }) => baseline),
  };
}

const unitsOf = ({ data, steps, batch }: Course): number => data.length / (steps * batch);

/** The state after so many steps in the recurrence's direction, counted from 0. */
function stateOf({ features, reverse }: Probed, { trace, row, steps }: Row, step: number): Float32Array {
  const course = features[trace]!;
  const units = unitsOf(course);
  const t = reverse ? steps - 1 - step : step;
  return course.data.subarray((t * course.batch + row) * units, (t * course.batch + row + 1) * units);
}

/** Where the answer of a step stands. */
const placeOf = ({ features, reverse }: Probed, { trace, row, steps }: Row, step: number): number =>
  (reverse ? steps - 1 - step : step) * features[trace]!.batch + row;

function addProduct(sum: Float64Array, state: Float32Array, units: number, sign: number): void {
  for (let i = 0; i < units; i += 1) {
    const own = sign * state[i]!;
    const at = i * (units + 1);
    for (let k = 0; k <= i; k += 1) sum[at + k]! += own * state[k]!;
  }
  const at = units * (units + 1);
  for (let k = 0; k < units; k += 1) sum[at + k]! += sign * state[k]!;
  sum[at + units]! += sign;
}

/** Whether a step has an answer. */
const isKnown = ({ values, measure, width }: Target, trace: number, place: number): boolean =>
  measure === 'accuracy'
    ? !Number.isNaN(values[trace]![place]!)
    : !values[trace]!.subarray(place * width, (place + 1) * width).some(Number.isNaN);

/** By fold: of the answers `lag` steps before, and of the random ones behind them. */
function momentsOf(probed: Probed, lag: number, products: readonly Float64Array[]): Moments[] {
  const { rows, features, target } = probed;
  const units = unitsOf(features[0]!);
  const { width } = target;
  const sums = products.map((each) => Float64Array.from(each));
  const answers = products.map(() => new Float64Array((units + 1) * 2 * width));
  const squares = products.map(() => new Float64Array(2 * width));
  const isClass = target.measure === 'accuracy';
  for (const row of rows)
    for (let step = lag; step < row.steps; step += 1) {
      const state = stateOf(probed, row, step);
      const place = placeOf(probed, row, step - lag);
      if (!isKnown(target, row.trace, place)) {
        addProduct(sums[row.fold]!, state, units, -1);
        continue;
      }
      const own = answers[row.fold]!;
      const put = (column: number, value: number): void => {
        squares[row.fold]![column]! += value ** 2;
        for (let k = 0; k < units; k += 1) own[k * 2 * width + column]! += state[k]! * value;
        own[units * 2 * width + column]! += value;
      };
      for (const [block, values] of [target.values, target.control].entries()) {
        const data = values[row.trace]!;
        if (isClass && data[place]! >= 0) put(block * width + data[place]!, 1);
        if (!isClass) for (let k = 0; k < width; k += 1) put(block * width + k, data[place * width + k]!);
      }
    }
  return sums.map((sum, fold): Moments => {
    const whole = Matrix.from1DArray(units + 1, units + 1, sum);
    for (let i = 0; i <= units; i += 1) for (let k = i + 1; k <= units; k += 1) whole.set(i, k, whole.get(k, i));
    return { products: whole, answers: Matrix.from1DArray(units + 1, 2 * width, answers[fold]!), squares: squares[fold]! };
  });
}

/** Mean square distance of the answers, and of the random ones, from their means: what R² is measured by. */
function totalOf(probed: Probed, lag: number): readonly [number, number] {
  const { target, rows } = probed;
  if (target.measure === 'accuracy') return [1, 1];
  const { width } = target;
  return [target.values, target.control].map((values) => {
    let count = 0;
    const [sum, squares] = [new Float64Array(width), new Float64Array(width)];
    for (const row of rows)
      for (let step = lag; step < row.steps; step += 1) {
        const place = placeOf(probed, row, step - lag);
        if (!isKnown(target, row.trace, place)) continue;
        count += 1;
        for (let k = 0; k < width; k += 1) {
          const value = values[row.trace]![place * width + k]!;
          sum[k]! += value;
          squares[k]! += value ** 2;
        }
      }
    return squares.reduce((all, each, k) => all + (each - sum[k]! ** 2 / count) / count, 0);
  }) as [number, number];
}

interface Judges {
  readonly own: Matrix;
  readonly random: Matrix;
  /** Moments of the sequences that were learned from. */
  readonly others: Moments;
  readonly total: readonly [number, number];
}

/** One sequence: the share of right answers, or R² with the variance of all sequences' answers. */
function judge(
  probed: Probed,
  row: Row,
  lag: number,
  { own, random, others, total }: Judges,
): { readonly value: number; readonly control: number; readonly guessed: number; readonly baseline: number } | undefined {
  const { target } = probed;
  const { width, measure } = target;
  const constant = others.answers.rows - 1;
  const learned = Math.max(1, others.products.get(constant, constant));
  // Of the answers, and of the random ones: who does not look at the state.
  const means = [0, width].map((from) => Array.from({ length: width }, (_, k) => others.answers.get(constant, from + k) / learned));
  const most = means.map((each) => each.indexOf(Math.max(...each)));
  const score = [0, 0];
  const unread = [0, 0];
  let count = 0;
  const blocks = [own.to2DArray(), random.to2DArray()];
  const said = new Float64Array(width);
  for (let step = lag; step < row.steps; step += 1) {
    const place = placeOf(probed, row, step - lag);
    if (!isKnown(target, row.trace, place)) continue;
    count += 1;
    const state = stateOf(probed, row, step);
    for (const [block, weights] of blocks.entries()) {
      said.set(weights.at(-1)!);
      for (let unit = 0; unit < state.length; unit += 1) {
        const [value, by] = [state[unit]!, weights[unit]!];
        for (let k = 0; k < width; k += 1) said[k]! += value * by[k]!;
      }
      const answers = (block === 0 ? target.values : target.control)[row.trace]!;
      if (measure === 'accuracy') {
        score[block]! += Number(said.indexOf(Math.max(...said)) === answers[place]!);
        unread[block]! += Number(most[block] === answers[place]!);
      } else
        for (let k = 0; k < width; k += 1) {
          score[block]! += (said[k]! - answers[place * width + k]!) ** 2;
          unread[block]! += (means[block]![k]! - answers[place * width + k]!) ** 2;
        }
    }
  }
  if (count === 0) return undefined;
  const figure = (sums: readonly number[], block: number): number =>
    measure === 'accuracy' ? sums[block]! / count : 1 - sums[block]! / count / (total[block] === 0 ? 1 : total[block]!);
  return { value: figure(score, 0), control: figure(score, 1), guessed: figure(unread, 1), baseline: figure(unread, 0) };
}

/** Who sees the input of the present step alone, in the state's place. */
export async function presentOf(probed: Probed): Promise<number[]> {
  const { target, features } = probed;
  const isClass = target.measure === 'accuracy';
  const inputs = target.values.map((values, k): Course => {
    const { steps, batch } = features[k]!;
    if (!isClass) return { steps, batch, data: Float32Array.from(values, (each) => (Number.isNaN(each) ? 0 : each)) };
    const data = new Float32Array(values.length * target.width);
    for (const [at, place] of values.entries()) if (place >= 0) data[at * target.width + place] = 1;
    return { steps, batch, data };
  });
  return [...(await curveOf({ ...probed, features: inputs })).value];
}
