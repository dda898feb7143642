// The temporal order task with and without clipping: what keeps a network from learning what its gradients could tell is that they explode now and then.

import type { ReproducedRow } from '../../shared/analysis.ts';
import { all, between, courseText, type Reproduction } from './reproduction.ts';

const [UNITS, STEPS, BATCH, RUNS] = [50, 4000, 20, 4];
/** A run has learned the task that is right in 95 of 100 sequences that it has not seen; it stops there. Chance is right in 25. */
const LEARNED = 0.95;

/** Lengths with the rate of plain descent, the least share of runs that learn with clipping, and the largest without. */
const CASES = [
  { length: 20, rate: 0.5, clipped: 0.75, plain: 0.25 },
  { length: 30, rate: 0.3, clipped: 0.75, plain: 0.25 },
] as const;

export const temporalOrder: Reproduction = {
  title: `Temporal order: share of ${RUNS} runs that learn it (right in 95 of 100 sequences that they have not seen). A tanh network of ${UNITS} units that starts orthogonal, plain descent with batches of ${BATCH}, gradients clipped at norm 1 or not, up to ${STEPS.toLocaleString('en-US')} steps`,
  source:
    'Pascanu, Mikolov & Bengio 2013, section 4.1 and figure 7: rates of success by length, with and without clipping. It has curves and no figures; what they say, that plain descent fails from some length on at which clipped descent still learns, is held to',
  time: 'three minutes, each training kept',
  trains: true,
  async run({ seed, learn }) {
    const rows = CASES.flatMap(({ length, rate, clipped, plain }) =>
      [1, undefined].map(async (clip): Promise<ReproducedRow> => {
        const what = `T = ${length}, ${clip === undefined ? 'without clipping' : 'with clipping'}`;
        const runs = await all(
          Array.from({ length: RUNS }, (_, k) =>
            learn({
              name: `${what}, seed ${seed + k}`,
              source: sourceOf({ length, rate, clip, seed: seed + k }),
              until: { metric: 'accuracy', above: LEARNED },
            }),
          ),
        );
        const learned = runs.filter(({ reached }) => reached).length;
        const courses = runs.map((run) => `${(100 * (run.figures.accuracy ?? 0)).toFixed(0)} % right, ${courseText(run)}`);
        const band = clip === undefined ? ([0, plain] as const) : ([clipped, 1] as const);
        return between(what, 'runs that learn', learned / RUNS, undefined, band, `rate ${rate}; ${courses.join('; ')}`);
      }),
    );
    return all(rows);
  },
};

const sourceOf = ({
  length,
  rate,
  clip,
  seed,
}: {
  readonly length: number;
  readonly rate: number;
  readonly clip: number | undefined;
  readonly seed: number;
}): string => `cell smooth(x: [I], size H) {
  state h: [H]
  param W: [H, I] = normal(0.1), U: [H, H] = orthogonal, b: [H]

  h' = tanh(W @ x + U @ h + b)
}

model Order(input: [T] of Symbol, order: one of Answer) {
  h      = smooth(embed(input, 8), ${UNITS})
  logits = linear(last(h), Answer)
  loss   = cross_entropy(logits, order)
}

data order = temporal_order(length: ${length}, seed: ${seed})

train Order on order {
  steps:     ${STEPS}
  batch:     ${BATCH}
  optimizer: sgd(${rate})
  ${clip === undefined ? '' : `clip:      ${clip}`}
  report:    accuracy
  seed:      ${seed}
}
`;
