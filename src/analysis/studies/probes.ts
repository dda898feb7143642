// Linear probes: what the state after a step still tells of the input some steps before (Alain & Bengio 2017), beside a control task (Hewitt & Liang 2019).
//
// Each sequence is judged once, by a read-out (read-out.ts) that was learned from the others. Answers are the inputs themselves: classes by accuracy,
// numbers by R². Beside them stand: the same read-out of random answers, one for each class, so that it says what can be learned by heart; of
// numbers, random numbers. Who says the most frequent class, or the mean. And who sees the input of the present step alone: what is
// above that is memory, and no rule of the data.

import type { ProbeCurve } from '../../shared/analysis.ts';
import { random } from '../../shared/random.ts';
import { coursesOf } from '../courses.ts';
import { spreadLags } from '../lag.ts';
import { recurrencesOf } from '../recurrences.ts';
import { curveOf, presentOf, type Row } from './probe-curve.ts';
import { targetsOf } from './probe-targets.ts';
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
