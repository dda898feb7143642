// Three switches, trained, and the fixed points by which the network remembers which way each was last thrown.

import type { FixedPoint, ReproducedRow } from '../../shared/analysis.ts';
import { random } from '../../shared/random.ts';
import { openTrace, type SeededTrace } from '../../tracing/trace.ts';
import { HeldStep } from '../held-step.ts';
import { seedsOf } from '../lag.ts';
import { type Recurrence, recurrencesOf } from '../recurrences.ts';
import { pointsOfLayer } from '../studies/fixed-points.ts';
import { between, type ReproduceOptions, type Reproduction, type Trained } from './reproduction.ts';

const [SWITCHES, UNITS, STEPS] = [3, 32, 50];
const CELLS = [
  ['tanh', 'rnn'],
  ['GRU', 'gru'],
] as const;
/** Held-out sequences that are judged, and whose states the searches start from. */
const SEQUENCES = 32;
/** How far beside a saddle one begins, each unit; how near to a stable point one has come to rest; and steps after which one waits no longer: what is slow takes hundreds. */
const BESIDE = 1e-3;
const NEAR = 1e-2;
const REST = 5000;

const sourceOf = (cell: string, seed: number): string => `model FlipFlop(pulses: [T, ${SWITCHES}], levels: [T, ${SWITCHES}]) {
  h    = ${cell}(pulses, ${UNITS})
  y    = linear(h, ${SWITCHES})
  loss = mse(y, levels)
}

data flips = flip_flop(switches: ${SWITCHES}, length: ${STEPS}, seed: ${seed})

train FlipFlop on flips {
  steps:     1500
  batch:     32
  optimizer: adam(0.003)
  clip:      1
}
`;

export const flipFlop: Reproduction = {
  title: `Fixed points of a flip-flop of ${SWITCHES} switches: pulses of ±1 on each of three inputs, each output has the sign of its last one; ${UNITS} units, trained for 1,500 steps, input held at zero`,
  source:
    'Sussillo & Barak 2013: a stable fixed point for each of the 2³ memories, and saddles between them (the number of saddles is not compared)',
  time: 'half a minute',
  async run(options) {
    const rows: ReproducedRow[] = [];
    for (const [place, [name, cell]] of CELLS.entries()) {
      const part = (done: number): void => options.check((place + done) / CELLS.length);
      const trained = await options.train(sourceOf(cell, options.seed), {
        seed: options.seed,
        sequences: SEQUENCES,
        length: STEPS,
        progress: (done) => part(0.8 * done),
      });
      rows.push(...(await rowsOf(`${name}, ${UNITS} units`, trained, { ...options, check: (done = 0) => part(0.8 + 0.2 * done) })));
    }
    return rows;
  },
};

async function rowsOf(what: string, trained: Trained, { evaluator, seed, check }: ReproduceOptions): Promise<ReproducedRow[]> {
  const { model, weights, groups } = trained;
  const traces: SeededTrace[] = [];
  try {
    for (const group of groups)
      traces.push(
        await openTrace(
          { id: 0, title: model.name, model, weights, tokens: [], by: 'number', seeds: seedsOf(model), ...group },
          evaluator(group.batch),
        ),
      );
    const right = await signsRight(traces, trained);
    const [recurrence] = recurrencesOf(traces[0]!);
    const searched = await pointsOfLayer(recurrence!, { traces, evaluator, seed, check });
    const { points } = searched.find(({ input }) => input === 'zero')!;
    const fixed = points.filter(({ kind }) => kind === 'fixed');
    const stable = fixed.filter(({ stability }) => stability === 'stable');
    const memories = new Set(stable.map((point) => memoryOf(point, trained)));
    const saddles = fixed.filter(({ unstable }) => unstable === 1);
    const pairs = await pairsBetween(saddles, stable, trained, { trace: traces[0]!, recurrence: recurrence!, evaluator, seed, check });
    const within = (quantity: string, ours: number, band: readonly [number, number], figure?: number): ReproducedRow =>
      between(what, quantity, ours, figure, band);
    const several = fixed.filter(({ unstable }) => unstable > 1).length;
    return [
      within('outputs with the right sign', right, [0.99, 1]),
      within('stable fixed points', stable.length, [8, 8], 8),
      within('memories that these stand for', memories.size, [8, 8], 8),
      within('saddles of one unstable dimension (a cube has 12 edges)', saddles.length, [6, Number.POSITIVE_INFINITY]),
      within('pairs of memories, one switch apart, that they lead to', pairs, [6, 12]),
      within('saddles of more unstable dimensions (6 faces, 1 within)', several, [1, Number.POSITIVE_INFINITY]),
    ];
  } finally {
    await Promise.all(traces.map((trace) => trace.close()));
  }
}

/** The share of all outputs of all steps that have the sign of the level. */
async function signsRight(traces: readonly SeededTrace[], { groups }: Trained): Promise<number> {
  let [right, all] = [0, 0];
  for (const [k, trace] of traces.entries()) {
    const [y] = await trace.read({ addresses: [{ instance: '', line: 'y' }], from: 0, to: trace.description.steps });
    const { levels } = groups[k]!.inputs;
    for (const [at, each] of y!.entries()) right += Number(Math.sign(each) === levels![at]);
    all += y!.length;
  }
  return right / all;
}

/** What the outputs say at a point: `+-+`. */
function memoryOf({ state }: FixedPoint, { weights }: Trained): string {
  const [matrix, bias] = [weights.get('y.W')!.data, weights.get('y.b')!.data];
  return Array.from(bias, (each, line) =>
    each + state.reduce((sum, unit, k) => sum + unit * matrix[line * state.length + k]!, 0) > 0 ? '+' : '-',
  ).join('');
}

interface Surroundings {
  readonly trace: SeededTrace;
  readonly recurrence: Recurrence;
  readonly evaluator: ReproduceOptions['evaluator'];
  readonly seed: number;
  readonly check: () => void;
}

/** Beside each saddle, on either side, the network is let go without input: how many pairs of memories that differ in one switch are where it comes to rest. */
async function pairsBetween(
  saddles: readonly FixedPoint[],
  stable: readonly FixedPoint[],
  trained: Trained,
  { trace, recurrence, evaluator, seed, check }: Surroundings,
): Promise<number> {
  if (saddles.length === 0) return 0;
  const { size } = recurrence;
  const chance = random(seed, 'beside');
  let states = new Float32Array(2 * saddles.length * size);
  for (const [k, { state }] of saddles.entries())
    for (const [unit, each] of state.entries()) {
      const move = BESIDE * chance.normal();
      states[2 * k * size + unit] = each + move;
      states[(2 * k + 1) * size + unit] = each - move;
    }
  const restsAt = (k: number): FixedPoint | undefined =>
    stable.find(({ state }) => state.every((each, unit) => Math.abs(each - states[k * size + unit]!) < NEAR));
  const own = evaluator(2 * saddles.length);
  try {
    const step = await HeldStep.open(trace, recurrence, new Map(), 2 * saddles.length, own);
    const every = Array.from({ length: 2 * saddles.length }, (_, k) => k);
    for (let k = 0; k < REST && (k % 50 !== 0 || every.some((place) => restsAt(place) === undefined)); k += 1) {
      check();
      states = (await step.after(states)) as typeof states;
    }
  } finally {
    await own.close();
  }
  const pairs = new Set<string>();
  for (const k of saddles.keys()) {
    const ends = [restsAt(2 * k), restsAt(2 * k + 1)].flatMap((point) => (point === undefined ? [] : [memoryOf(point, trained)]));
    const [one = '', other = ''] = ends.sort();
    if ([...one].filter((sign, place) => sign !== other[place]).length === 1) pairs.add(`${one} ${other}`);
  }
  return pairs.size;
}
