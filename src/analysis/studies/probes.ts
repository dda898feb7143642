// Linear probes: what the state after a step still tells of the input some steps before (Alain & Bengio 2017), beside a control task (Hewitt & Liang 2019).
//
// Each sequence is judged once, by a read-out (read-out.ts) that was learned from the others. Answers are the inputs themselves: classes by accuracy,
// numbers by R². Beside them stand: the same read-out of random answers, one for each class, so that it says what can be learned by heart; of
// numbers, random numbers. Who says the most frequent class, or the mean. And who sees the input of the present step alone: what is
// above that is memory, and no rule of the data.

import { Matrix } from 'ml-matrix';
import type { ModelInput } from '../../graph/model.ts';
import type { ProbeCurve } from '../../shared/analysis.ts';
import { random } from '../../shared/random.ts';
import { coursesOf } from '../courses.ts';
import { spreadLags } from '../lag.ts';
import { recurrencesOf } from '../recurrences.ts';
import { mean, meanEstimate } from '../statistics.ts';
import type { Course } from '../units.ts';
import { added, type Moments, readOuts } from './read-out.ts';
import { readInputs, stepsAxis } from './sources.ts';
import { type Study, type StudyContext, StudyError } from './study.ts';

/** Lags of a curve; beyond so many units fewer are probed. */
const LAGS = 10;
const LARGE = 300;
const FEWER = 6;
/** Each sequence is judged by what was learned from the other folds, of which one chooses the penalty. */
const FOLDS = 4;
const LEAST_SEQUENCES = 3;
/** A lag is probed where so many steps have an input so far back. */
const LEAST_ROWS = 40;
/** The most frequent classes are answers; the others are never said, and count as wrong. */
const CLASSES = 100;
/** Inputs of so few numbers are probed number by number; of more the first are probed together. */
const APART = 3;
const TOGETHER = 64;

/** What is read out: answers by step and sequence, in columns, NaN where there is none. */
interface Target {
  readonly name: string;
  readonly measure: ProbeCurve['measure'];
  /** By trace [T, B]: the class, as its place among the answers, or −1 for one that is not among them; of numbers [T, B, width]. NaN is no answer. */
  readonly values: readonly Float64Array[];
  readonly width: number;
  /** Random answers, alike. */
  readonly control: readonly Float64Array[];
}

/** Where a row of a sequence begins. */
interface Row {
  readonly trace: number;
  readonly row: number;
  readonly steps: number;
  readonly fold: number;
}

/** The decompositions take (states × lags × folds × penalties) × units² × (units + answers),
 *  in double precision in this process; with ablation about 6 s for 16 sequences of 100 steps and an LSTM of 96 units. Throws StudyError where there are fewer than three sequences or nothing to read out. */
export const probes: Study<'probes'> = {
  title: 'what a linear read-out of the state still knows of earlier inputs',
  async run(context) {
    const { traces, model, check } = context;
    const time = traces[0]!.description.time!;
    const sequences = traces.reduce((sum, trace) => sum + trace.sizes.B!, 0);
    if (sequences < LEAST_SEQUENCES)
      throw new StudyError(
        `Probes are learned from some sequences and judged on others, and there ${sequences === 1 ? 'is one' : `are ${sequences}`}: give at least ${LEAST_SEQUENCES}.`,
      );
    const inputs = readInputs(model).filter(({ value }) => stepsAxis(value) === time && value.type.dtype !== 'bool');
    const targets = inputs.flatMap((input) => targetsOf(input, context));
    if (targets.length === 0) throw new StudyError(`No input of ${model.name} runs along ${time}, so there is nothing to read out.`);
    const rows = rowsOf(context, Math.min(FOLDS, sequences));
    const recurrences = recurrencesOf(traces[0]!);
    const all = recurrences.flatMap((recurrence) =>
      recurrence.states.flatMap((state) => targets.map((target) => ({ recurrence, state, target }))),
    );
    const curves: ProbeCurve[] = [];
    const presents = new Map<string, number[]>();
    for (const [k, { recurrence, state, target }] of all.entries()) {
      const features = await coursesOf(traces, state.instance.path, `${state.name}'`);
      const lags = lagsOf(rows, state.size);
      const tell = (done: number): void => check((k + done) / all.length);
      const { reverse, path } = recurrence;
      const judged = await curveOf({ rows, features, target, lags, reverse, tell });
      // It is the same for all states that are probed alike.
      const key = JSON.stringify([target.name, lags, reverse]);
      const present =
        presents.get(key) ?? (await presentOf({ rows, features, target, lags, reverse, tell: () => check((k + 1) / all.length) }));
      presents.set(key, present);
      curves.push({
        layer: path,
        state: state.name,
        target: target.name,
        measure: target.measure,
        ...judged,
        present,
        learnedFrom: sequences - Math.ceil(sequences / Math.min(FOLDS, sequences)),
        judgedOn: sequences,
      });
      check((k + 1) / all.length);
    }
    return curves;
  },
};

/** The sequences, each in a fold that chance gives it. */
function rowsOf({ traces, seed }: StudyContext, folds: number): Row[] {
  const all = traces.flatMap(({ description, sizes }, trace) =>
    Array.from({ length: sizes.B! }, (_, row) => ({ trace, row, steps: description.steps })),
  );
  const chance = random(seed, 'folds');
  const keys = all.map(() => chance.uniform());
  const order = all.map((_, k) => k).sort((a, b) => keys[a]! - keys[b]!);
  return all.map((each, k) => ({ ...each, fold: order.indexOf(k) % folds }));
}

function lagsOf(rows: readonly Row[], units: number): number[] {
  const reaching = (lag: number): number => rows.reduce((sum, { steps }) => sum + Math.max(0, steps - lag), 0);
  const longest = Math.max(...rows.map(({ steps }) => steps)) - 1;
  const enough = (lag: number): boolean =>
    reaching(lag) >= LEAST_ROWS && new Set(rows.filter(({ steps }) => steps > lag).map(({ fold }) => fold)).size >= LEAST_SEQUENCES;
  let last = longest;
  while (last > 1 && !enough(last)) last -= 1;
  return [0, ...spreadLags(last, units > LARGE ? FEWER : LAGS)].filter((lag, k) => k === 0 || enough(lag));
}

// ----------------------------------------------------------------------------------------------------------------- what is read out

function targetsOf(input: ModelInput, context: StudyContext): Target[] {
  const { name, value } = input;
  if (value.type.dtype === 'int') return value.type.axes.length === 2 ? [classTarget(name, context)] : [];
  const given = context.groups.map((group) => group.inputs[name]!);
  const widths = given.map((data, k) => data.length / (context.groups[k]!.steps * context.groups[k]!.batch));
  const width = widths[0]!;
  const parts =
    width <= APART
      ? Array.from({ length: width }, (_, k) => ({ name: width === 1 ? name : `${name}[${k}]`, from: k, to: k + 1 }))
      : [{ name: width > TOGETHER ? `${name}[0 … ${TOGETHER - 1}]` : name, from: 0, to: Math.min(width, TOGETHER) }];
  return parts.map((part): Target => {
    const chance = random(context.seed, 'control', part.name);
    const own = part.to - part.from;
    const values = given.map((data) =>
      Float64Array.from({ length: (data.length / width) * own }, (_, at) => data[Math.floor(at / own) * width + part.from + (at % own)]!),
    );
    return {
      name: part.name,
      measure: 'R²',
      values,
      width: own,
      control: values.map((each) => each.map(() => chance.normal())),
    };
  });
}

/** Random answers are drawn as often as the classes occur, one for each class (Hewitt & Liang 2019). */
function classTarget(name: string, { groups, seed }: StudyContext): Target {
  const given = groups.map((group) => group.inputs[name]!);
  const counts = new Map<number, number>();
  for (const data of given) for (const each of data) if (each >= 0) counts.set(each, (counts.get(each) ?? 0) + 1);
  const known = [...counts].sort(([a, many], [b, more]) => more - many || a - b).slice(0, CLASSES);
  const places = new Map(known.map(([each], place) => [each, place]));
  const total = known.reduce((sum, [, count]) => sum + count, 0);
  const chance = random(seed, 'control', name);
  const drawn = known.map(() => {
    let left = chance.uniform() * total;
    const found = known.findIndex(([, count]) => {
      left -= count;
      return left < 0;
    });
    return Math.max(found, 0);
  });
  const values = given.map((data) => Float64Array.from(data, (each) => (each < 0 ? Number.NaN : (places.get(each) ?? -1))));
  const control = values.map((data) => data.map((place) => (place >= 0 ? drawn[place]! : place)));
  return { name, measure: 'accuracy', values, width: known.length, control };
}

// ------------------------------------------------------------------------------------------------------------------------- learning

interface Probed {
  readonly rows: readonly Row[];
  readonly features: readonly Course[];
  readonly target: Target;
  readonly lags: readonly number[];
  readonly reverse: boolean;
  readonly tell: (done: number) => void;
}

type Judged = Pick<ProbeCurve, 'lags' | 'value' | 'low' | 'high' | 'control' | 'guessed' | 'baseline'>;

async function curveOf(probed: Probed): Promise<Judged> {
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

// -------------------------------------------------------------------------------------------------------------------------- judging

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
async function presentOf(probed: Probed): Promise<number[]> {
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
