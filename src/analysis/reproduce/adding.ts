// The adding problem: which cells carry a number over hundreds of steps until another one comes.

import type { ReproducedRow } from '../../shared/analysis.ts';
import { all, between, courseText, type ReproduceOptions, type Reproduction, unjudged } from './reproduction.ts';

interface Cell {
  readonly unit: 'rnn' | 'irnn' | 'lstm' | 'gru';
  readonly name: string;
  readonly learns: boolean;
  /** Lengths that it is not judged at: so few steps are not what the claim is about. */
  readonly tooLong?: readonly number[];
  /** Adam's rate, units, and steps by length. */
  readonly rate: number;
  readonly units: number;
  readonly steps: Readonly<Record<number, number>>;
  readonly theirs: string;
}

const LENGTHS = [100, 200, 400] as const;
const BATCH = 50;
/** The variance of a sum of two numbers that are uniform in 0 .. 1: the error of who always says 1. */
const BASELINE = 1 / 6;
/** A cell has learned it whose error is below .05 on sequences that it has not seen, and stops there; one has not whose error has not fallen by a tenth. */
const LEARNED = 0.05;
const STAYS = [0.9 * BASELINE, 1.5 * BASELINE] as const;

const CELLS: readonly Cell[] = [
  {
    unit: 'rnn',
    name: 'tanh',
    learns: false,
    rate: 0.005,
    units: 64,
    steps: { 100: 2000, 200: 1400, 400: 1000 },
    theirs: 'theirs stays at the baseline from T = 150 on; at T = 100 they have none',
  },
  {
    unit: 'irnn',
    name: 'IRNN',
    learns: true,
    rate: 0.001,
    units: 64,
    steps: { 100: 8000, 200: 8000, 400: 1000 },
    tooLong: [400],
    theirs: 'theirs learns it up to T = 400, where it takes many more steps than ours has',
  },
  {
    unit: 'lstm',
    name: 'LSTM',
    learns: true,
    rate: 0.005,
    units: 64,
    steps: { 100: 4000, 200: 4000, 400: 5000 },
    theirs: 'theirs learns it up to T = 400; Hochreiter & Schmidhuber’s up to T = 1,000',
  },
  {
    unit: 'gru',
    name: 'GRU',
    learns: true,
    rate: 0.005,
    units: 64,
    steps: { 100: 4000, 200: 4000, 400: 4000 },
    theirs: 'neither paper has one; it is held to what the LSTM does',
  },
];

export const adding: Reproduction = {
  title: `Adding problem: mean squared error on 1,000 sequences that were not learned from; who always says 1 has ${BASELINE.toFixed(3)}. 64 units, Adam, gradients clipped at norm 1, ${BATCH} sequences a step`,
  source:
    'Hochreiter & Schmidhuber 1997, experiment 4; Le, Jaitly & Hinton 2015, section 4.1 (100 units, plain descent with batches of 16 and up to millions of steps, rates searched for each cell). Published: 0 where the paper says that the cell learns it, the baseline where it says that it does not',
  time: 'a quarter of an hour, each training kept',
  trains: true,
  async run({ seed, learn }) {
    const rows = LENGTHS.flatMap((length) => CELLS.map((cell) => rowOf(cell, length, seed, learn)));
    return all(rows);
  },
};

async function rowOf(
  { unit, name, learns, tooLong = [], rate, units, steps, theirs }: Cell,
  length: (typeof LENGTHS)[number],
  seed: number,
  learn: ReproduceOptions['learn'],
): Promise<ReproducedRow> {
  const what = `${name}, T = ${length}`;
  const trained = await learn({
    name: what,
    source: sourceOf(unit, { length, units, rate, steps: steps[length]!, seed }),
    until: { metric: 'loss', below: LEARNED / 2 },
  });
  const note = `${courseText(trained)}; ${theirs}`;
  const band = learns ? ([0, LEARNED] as const) : STAYS;
  const row = between(what, 'MSE', trained.figures.loss ?? Number.NaN, learns ? 0 : BASELINE, band, note);
  return tooLong.includes(length) ? unjudged(row) : row;
}

function sourceOf(
  unit: string,
  {
    length,
    units,
    rate,
    steps,
    seed,
  }: { readonly length: number; readonly units: number; readonly rate: number; readonly steps: number; readonly seed: number },
): string {
  return `model Adding(x: [T, 2], total: [1]) {
  h    = ${unit}(x, ${units})
  y    = linear(last(h), 1)
  loss = mse(y, total)
}

data adding = adding(length: ${length}, seed: ${seed})

train Adding on adding {
  steps:     ${steps}
  batch:     ${BATCH}
  optimizer: adam(${rate})
  clip:      1
  seed:      ${seed}
}
`;
}
