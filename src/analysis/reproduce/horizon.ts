// The claim that a vanilla RNN keeps about 7 steps and an LSTM more than 100, measured: on cells as they start, and on cells that have been trained.

import type { Horizon, ReproducedRow } from '../../shared/analysis.ts';
import { lagCurve } from '../lag.ts';
import { INPUTS, LAGS, type StartingCell, startingCells, UNITS } from './initialisation.ts';
import { untrainedNorms } from './one-cell.ts';
import { all, between, courseText, type ReproduceOptions, type Reproduction } from './reproduction.ts';

const [STEPS, BATCH, SEEDS] = [200, 16, 4];
/** A hundredth of the gradient. */
const THRESHOLD = 0.01;
/** What the claim says. */
const [RNN, LSTM] = [7, 100];

/** The lag at which figures of `initialisation` cross the threshold, between their lags by their logarithms; undefined where they do not. */
function crossing(figures: readonly number[]): number | undefined {
  const points = [[0, 1] as const, ...figures.map((value, k) => [LAGS[k]!, value] as const)];
  const after = points.findIndex(([, value]) => value < THRESHOLD);
  if (after < 0) return undefined;
  const [[from, above], [to, below]] = [points[after - 1]!, points[after]!];
  return from + ((to - from) * Math.log(THRESHOLD / above)) / Math.log(below / above);
}

/** Of cells as they start: within a factor of 1.5 of where PyTorch's ratios cross the threshold, and beyond the claim where they never do. */
function bandOf({ figures }: StartingCell): readonly [number, number] {
  const found = figures === undefined ? undefined : crossing(figures);
  return found === undefined ? [LSTM, STEPS] : [found / 1.5, found * 1.5];
}

const claimOf = ({ layer }: Pick<StartingCell, 'layer'>): number | undefined =>
  layer === 'rnn' ? RNN : layer === 'lstm' ? LSTM : undefined;

/** About seven is within a factor of 1.5. */
const claimText = (claim: number | undefined, { value }: Horizon): string =>
  claim === undefined
    ? 'nothing is claimed'
    : (claim === RNN ? value <= 1.5 * RNN && value >= RNN / 1.5 : value >= LSTM)
      ? 'as claimed'
      : 'not as claimed';

/** Trained on the adding problem, where something has to be kept for up to 200 steps. */
const TRAINED = [
  { name: 'tanh', layer: 'rnn', states: ['h'], steps: 1000, band: [1, LSTM / 2] },
  { name: 'LSTM', layer: 'lstm', states: ['h', 'c'], steps: 4000, band: [LSTM, STEPS] },
] as const;

export const horizon: Reproduction = {
  title: `How far back the gradient reaches: the lag at which a hundredth of it is left. Untrained: PyTorch's starts, ${INPUTS} inputs, ${UNITS} units, ${BATCH * SEEDS} sequences of ${STEPS} steps from N(0, 1); trained: on the adding problem, T = ${STEPS}, 64 units`,
  source: `the claim under examination is common in lecture notes: "a vanilla RNN keeps about ${RNN} steps, an LSTM more than ${LSTM}"; “published” is what it says, ${LSTM} standing for more than ${LSTM}`,
  time: 'five minutes, each training kept',
  trains: true,
  async run(options) {
    const rows: ReproducedRow[] = [];
    for (const cell of startingCells) {
      options.check();
      const found = await untrained(cell, options);
      const claim = claimOf(cell);
      const note = `${reachText(found)}; ${claimText(claim, found)}`;
      rows.push(between(`${cell.name}, untrained`, 'horizon, steps', found.value, claim, bandOf(cell), note));
    }
    const trainings = TRAINED.map(async ({ name, layer, states, steps, band }): Promise<ReproducedRow> => {
      const trained = await options.learn({
        name: `${name}, T = ${STEPS}`,
        source: sourceOf(layer, steps, options.seed),
        until: { metric: 'loss', below: 0.025 },
        horizons: { threshold: THRESHOLD, sequences: BATCH * SEEDS, length: STEPS },
      });
      const known = states.flatMap((state) => trained.horizons?.[state] ?? []);
      const found = known.reduce<Horizon | undefined>(
        (best, each) => (best !== undefined && best.value >= each.value ? best : each),
        undefined,
      );
      const claim = claimOf({ layer });
      const said = found === undefined ? 'no gradient was left to measure' : `${reachText(found)}; ${claimText(claim, found)}`;
      const note = `${said}; ${courseText(trained)}, error ${(trained.figures.loss ?? Number.NaN).toFixed(3)} (who always says 1: 0.167)`;
      return between(`${name}, trained`, 'horizon, steps', found?.value ?? Number.NaN, claim, band, note);
    });
    return [...rows, ...(await all(trainings))];
  },
};

async function untrained(cell: StartingCell, options: ReproduceOptions): Promise<Horizon> {
  const seeds = Array.from({ length: SEEDS }, (_, k) => options.seed + k);
  const norms = await untrainedNorms(cell, UNITS, { inputs: INPUTS, steps: STEPS, batch: BATCH }, seeds, options);
  return lagCurve(cell.state, norms.flat(), THRESHOLD, options.seed).horizon;
}

/** `9 steps, 95 %: 8 to 10` */
function reachText({ value, low, high, beyond, lowBeyond, highBeyond }: Horizon): string {
  const lag = (steps: number, isBeyond: boolean): string => `${isBeyond ? 'at least ' : ''}${steps}`;
  return `${lag(value, beyond)} steps, 95 %: ${lag(low, lowBeyond)} to ${lag(high, highBeyond)}`;
}

const sourceOf = (unit: string, steps: number, seed: number): string => `model Adding(x: [T, 2], total: [1]) {
  h    = ${unit}(x, 64)
  y    = linear(last(h), 1)
  loss = mse(y, total)
}

data adding = adding(length: ${STEPS}, seed: ${seed})

train Adding on adding {
  steps:     ${steps}
  batch:     50
  optimizer: adam(0.005)
  clip:      1
  seed:      ${seed}
}
`;
