// How long an LSTM's cell lasts by its forget bias alone: tau = -1 / ln(sigmoid(b)).

import type { ReproducedRow } from '../../shared/analysis.ts';
import { backwardPass, normsByLag } from '../lag.ts';
import { timescaleOf } from '../path.ts';
import { recurrencesOf } from '../recurrences.ts';
import { oneCell, traced } from './one-cell.ts';
import { banded, type Reproduction } from './reproduction.ts';

/** tau by forget bias. */
const FIGURES = [
  [0, 1.44],
  [1, 3.19],
  [2, 7.88],
  [3, 20.58],
  [5, 148.9],
] as const;
const STEPS = 60;

export const timescale: Reproduction = {
  title: 'Timescale of an LSTM’s cell by its forget bias, all else being 0',
  source: 'tau = -1 / ln(sigmoid(b)); the bias as a lever: Gers, Schmidhuber & Cummins 2000; Jozefowicz, Zaremba & Sutskever 2015',
  time: 'a second',
  async run({ evaluator, seed, check }) {
    const model = await oneCell('lstm(x, 8)', 4);
    const rows: ReproducedRow[] = [];
    for (const [bias, figure] of FIGURES) {
      check();
      const weights = new Map(
        model.weights.map(({ name, value }) => {
          const shape = value.type.axes.map(({ size }) => size as number);
          const length = shape.reduce((product, size) => product * size, 1);
          return [name, { shape, data: new Float32Array(length).fill(name === 'h.b_f' ? bias : 0) }];
        }),
      );
      const trace = await traced(model, weights, { inputs: 4, steps: STEPS, batch: 1, seed }, evaluator(1));
      try {
        const [recurrence] = recurrencesOf(trace);
        const pass = await backwardPass(trace, recurrence!, seed);
        const c = recurrence!.states.findIndex(({ name }) => name === 'c');
        const [norms] = normsByLag(pass.after[c]!, STEPS, 1, false);
        // Measured: what the gradient loses a step on its way over all of them.
        const kept = (norms!.at(-1)! / norms![0]!) ** (1 / (STEPS - 1));
        rows.push(banded(`forget bias ${bias}`, 'tau, steps', timescaleOf(kept), figure, 1.005));
      } finally {
        await trace.close();
      }
    }
    return rows;
  },
};
