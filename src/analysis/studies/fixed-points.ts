// Fixed and slow points of each layer's step with its input held (Sussillo & Barak 2013).

import type { AnyNode, Graph, Value } from '../../graph/graph.ts';
import { recurParts } from '../../graph/recur.ts';
import type { FixedPoint, FixedPoints } from '../../shared/analysis.ts';
import { random } from '../../shared/random.ts';
import { coordinates } from '../../tracing/components.ts';
import type { SeededTrace } from '../../tracing/trace.ts';
import { minimise } from '../descent.ts';
import { HeldStep, meanInputs, NotHeld } from '../held-step.ts';
import { type Recurrence, recurrencesOf } from '../recurrences.ts';
import { moduli } from '../spectrum.ts';
import { componentsOf, StateRows, stateCourses } from '../trajectories.ts';
import type { Study, StudyContext } from './study.ts';

/** Searches of a state of so many numbers; fewer of larger ones, as a step of each takes their number cubed. */
const SEARCHES = 512;
const EASY = 40;
const FEWEST = 8;
/** Numbers beyond which a state is not searched. */
const MOST = 1024;
/** Steps of a search; fewer where each takes long. */
const ITERATIONS = 200;
const [LARGE, FEW] = [160, 40];
/** q below these shares of the states' variance is fixed and slow: at the one the state would take 220,000 steps to cross its own spread, at the other 220. */
const FIXED = 1e-11;
const SLOW = 1e-5;
/** What a float can tell apart. */
const ROUNDING = 2 ** -23;
/** Points nearer to each other than this share of the states' spread are one. */
const SAME = 0.02;
/** Noise of the starts, as a share of each unit's deviation. */
const NOISE = 0.2;
/** A mean input this near to zero is zero, as a share of the input's deviation. */
const NEAR_ZERO = 0.02;

export const fixedPoints: Study<'fixedPoints'> = {
  title: 'fixed and slow points of each layer’s step with its input held, and their stability',
  async run(context) {
    const layers = recurrencesOf(context.traces[0]!);
    const found: FixedPoints[] = [];
    for (const [place, recurrence] of layers.entries()) {
      const check = (done: number): void => context.check((place + done) / layers.length);
      found.push(...(await pointsOfLayer(recurrence, { ...context, check })));
    }
    return found;
  },
};

type Context = Pick<StudyContext, 'traces' | 'evaluator' | 'seed' | 'check'>;

/** With the input at zero and at its mean, where the layer reads the model's own numbers; else, as of embeddings or of another layer, at the mean alone. */
export async function pointsOfLayer(recurrence: Recurrence, { traces, evaluator, seed, check }: Context): Promise<FixedPoints[]> {
  const layer = recurrence.path;
  const none = (left: string): FixedPoints[] => [
    { layer, input: 'mean', searches: 0, elsewhere: 0, least: Number.NaN, tolerance: { fixed: 0, slow: 0 }, points: [], left },
  ];
  if (recurrence.size > MOST) return none(`its state has ${recurrence.size} numbers, and up to ${MOST} are searched`);
  const rows = new StateRows(await stateCourses(traces, recurrence));
  const isOwn = readsInputs(traces[0]!, recurrence);
  const read = await meanInputs(traces, recurrence);
  const isZero = [...read.values()].every(({ mean, deviation }) => mean.every((each) => Math.abs(each) <= NEAR_ZERO * deviation));
  const at = { zero: new Map(), mean: new Map([...read].map(([value, { mean }]) => [value, mean] as const)) };
  const wanted: readonly FixedPoints['input'][] = isOwn && isZero ? ['zero'] : isOwn ? ['zero', 'mean'] : ['mean'];
  const found: FixedPoints[] = [];
  const count = Math.max(FEWEST, Math.min(SEARCHES, Math.round(SEARCHES * (EASY / recurrence.size) ** 2)));
  const own = evaluator(count);
  try {
    for (const [place, input] of wanted.entries()) {
      const step = await HeldStep.open(traces[0]!, recurrence, at[input], count, own);
      const checkOwn = (done: number): void => check((place + done) / wanted.length);
      found.push({ layer, input, searches: count, ...(await search(step, rows, { traces, seed, check: checkOwn, layer, count })) });
    }
  } catch (error) {
    if (error instanceof NotHeld) return none(error.message);
    throw error;
  } finally {
    await own.close();
  }
  return found;
}

/** Whether what a step reads are the model's own inputs, and not what other lines make of them. */
function readsInputs({ cut, model }: SeededTrace, { recur }: Recurrence): boolean {
  return recurParts(recur.node).inputs.scanned.every((value) => {
    let at = value;
    for (let node = makerOf(cut.graph, value); node !== undefined; node = makerOf(cut.graph, at))
      if (node.operation === 'rename') at = node.inputs[0]!;
      else return false;
    return model.inputs.some((input) => input.value === at);
  });
}

const makerOf = ({ nodes }: Graph, value: Value): AnyNode | undefined => nodes.find(({ outputs }) => outputs.includes(value));

interface SearchOptions {
  readonly traces: readonly SeededTrace[];
  readonly seed: number;
  readonly layer: string;
  readonly count: number;
  readonly check: (done: number) => void;
}

async function search(
  step: HeldStep,
  rows: StateRows,
  { seed, layer, count, check }: SearchOptions,
): Promise<Pick<FixedPoints, 'points' | 'elsewhere' | 'least' | 'tolerance'>> {
  const { size } = step;
  const sample = rows.sample(2000);
  const { variance, deviations, largest } = spreadOf(sample, size);
  const tolerance = {
    fixed: Math.max(FIXED * variance, 8 * size * (ROUNDING * largest) ** 2),
    slow: SLOW * variance,
  };
  const starts = startsOf(sample, deviations, count, seed, layer);
  const ended = await minimise(step, starts, {
    reach: Math.max(Math.sqrt(variance), 1e-3),
    enough: tolerance.fixed / 100,
    iterations: Math.round(Math.max(FEW, Math.min(ITERATIONS, ITERATIONS * (LARGE / size) ** 1.5))),
    check: (done) => check(0.9 * done),
  });
  const whole = new Float32Array(count * size);
  for (const [k, { state }] of ended.entries()) whole.set(state, k * size);
  const jacobians = await step.jacobians(whole);
  const components = componentsOf(rows);
  const points: FixedPoint[] = [];
  let elsewhere = 0;
  const nearest = SAME * Math.sqrt(variance);
  const order = Array.from(ended.keys()).sort((a, b) => ended[a]!.speed - ended[b]!.speed);
  for (const [done, k] of order.entries()) {
    check(0.9 + (0.1 * done) / count);
    const { state, speed, settled } = ended[k]!;
    const isFixed = speed <= tolerance.fixed;
    if (!isFixed && !(settled && speed <= tolerance.slow)) {
      elsewhere += 1;
      continue;
    }
    const near = points.findIndex((point) => distance(point.state, state) <= nearest);
    if (near >= 0) {
      points[near] = { ...points[near]!, found: points[near]!.found + 1 };
      continue;
    }
    const jacobian = jacobians.subarray(k * size * size, (k + 1) * size * size);
    if (!jacobian.every(Number.isFinite)) {
      elsewhere += 1;
      continue;
    }
    const sizes = moduli(jacobian, size);
    const unstable = sizes.filter((each) => each > 1).length;
    points.push({
      kind: isFixed ? 'fixed' : 'slow',
      speed,
      stability: unstable === 0 ? 'stable' : unstable === size ? 'unstable' : 'saddle',
      radius: Math.max(...sizes),
      unstable,
      found: 1,
      at: coordinates(components, state),
      state: Array.from(state),
    });
  }
  return { points: points.sort(byKind), elsewhere, least: ended[order[0]!]!.speed, tolerance };
}

const byKind = (a: FixedPoint, b: FixedPoint): number =>
  Number(a.kind === 'slow') - Number(b.kind === 'slow') || a.unstable - b.unstable || b.found - a.found;

/** Mean squared distance of the states from their mean, deviation of each unit, and the largest number. */
function spreadOf(
  sample: readonly Float64Array[],
  size: number,
): { readonly variance: number; readonly deviations: Float64Array; readonly largest: number } {
  const mean = new Float64Array(size);
  const squares = new Float64Array(size);
  let largest = 0;
  for (const row of sample) for (let k = 0; k < size; k += 1) mean[k]! += row[k]! / sample.length;
  for (const row of sample)
    for (let k = 0; k < size; k += 1) {
      squares[k]! += (row[k]! - mean[k]!) ** 2 / sample.length;
      largest = Math.max(largest, Math.abs(row[k]!));
    }
  return { variance: squares.reduce((sum, each) => sum + each, 0), deviations: squares.map(Math.sqrt), largest };
}

/** From zero, where sequences begin; from states of the trajectories; and, as saddles lie there, from between two of them. All but the first with noise. */
function startsOf(sample: readonly Float64Array[], deviations: Float64Array, count: number, seed: number, layer: string): Float32Array {
  const size = deviations.length;
  const chance = random(seed, layer, 'starts');
  const any = (): Float64Array => sample[Math.floor(chance.uniform() * sample.length)]!;
  const starts = new Float32Array(count * size);
  for (let k = 1; k < count; k += 1) {
    const [one, other] = [any(), any()];
    const share = k % 2 === 0 ? 0 : chance.uniform();
    for (let unit = 0; unit < size; unit += 1)
      starts[k * size + unit] = one[unit]! + share * (other[unit]! - one[unit]!) + NOISE * deviations[unit]! * chance.normal();
  }
  return starts;
}

function distance(a: readonly number[], b: Float32Array): number {
  let sum = 0;
  for (const [k, each] of a.entries()) sum += (each - b[k]!) ** 2;
  return Math.sqrt(sum);
}
