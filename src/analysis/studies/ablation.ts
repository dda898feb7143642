// Ablation: how much worse the loss is without something.
//
// A unit of a state is held at 0 or at its mean after every step, a gate at 1, 0 or its units' means; the states of a layer are 0 before a step (reset);
// what is read in an interval of time is 0. Many of these are computed side by side along the batch's axis, each with all sequences.

import { hasAxis, makeValue, tensor } from '../../graph/graph.ts';
import { select } from '../../graph/prune.ts';
import type { Ablated, Ablation } from '../../shared/analysis.ts';
import { graphAtRest } from '../../tracing/source.ts';
import { coursesOf } from '../courses.ts';
import { type Recurrence, recurrencesOf } from '../recurrences.ts';
import { meanEstimate } from '../statistics.ts';
import type { Course } from '../units.ts';
import { type Hold, heldRecurrence, heldValues, stepsAndRows } from './held.ts';
import { type Experiment, type Losses, LossRuns, type Trial } from './loss-runs.ts';
import { inputSources } from './sources.ts';
import { type Study, type StudyContext, StudyError } from './study.ts';

/** Of larger states those units are tried that vary most. */
const MOST_UNITS = 256;
/** Intervals that a sequence is cut into. */
const INTERVALS = 10;

/** A forward pass for each unit, gate and interval with all sequences, as many side by side as memory allows: an LSTM of 128 units makes about 550, which with 16 sequences
 *  take as long as about 9,000 rows of prediction. Throws StudyError where the model has no loss. */
export const ablation: Study<'ablation'> = {
  title: 'the loss without a unit, a gate, or an interval of time',
  async run(context) {
    const { model, traces, groups, check } = context;
    const { losses } = model;
    if (losses === undefined)
      throw new StudyError(
        `${model.name} has no line called loss, so nothing says how much worse it is without something. Write one, as \`loss = mse(y, target)\`.`,
      );
    const experiments: Experiment[] = [];
    let untried = 0;
    for (const recurrence of recurrencesOf(traces[0]!)) {
      const made = await layerExperiment(context, recurrence, losses);
      experiments.push(made.experiment);
      untried += made.untried;
    }
    experiments.push(...inputExperiment(context, losses));
    const own = new LossRuns(context, losses);
    const whole = await own.plain();
    const changes = new Map<string, { readonly row: Trial['row']; readonly values: number[] }>();
    for (const [place, experiment] of experiments.entries())
      for (const [k, group] of groups.entries()) {
        const tell = (done: number): void => check((place + (k + done) / groups.length) / experiments.length);
        for (const { row, losses: found } of await own.trials(experiment, group, tell)) {
          const key = JSON.stringify([row.layer, row.kind, row.what]);
          const known = changes.get(key) ?? { row, values: [] };
          for (const [sequence, loss] of found.entries()) {
            const before = whole[k]![sequence]!;
            if (Number.isFinite(before)) known.values.push(loss - before);
          }
          changes.set(key, known);
        }
      }
    const all = whole.flat().filter(Number.isFinite);
    if (all.length === 0) throw new StudyError(`The loss of ${model.name} is of no step of these sequences: their targets are missing.`);
    return {
      loss: meanEstimate(all),
      sequences: all.length,
      rows: [...changes.values()].map(({ row, values }): Ablated => ({ ...row, ...meanEstimate(values) })),
      untried,
    } satisfies Ablation;
  },
};

async function layerExperiment(
  { traces }: StudyContext,
  recurrence: Recurrence,
  losses: Losses,
): Promise<{ readonly experiment: Experiment; readonly untried: number }> {
  const { recur, states, path: layer, reverse } = recurrence;
  const [trace] = traces as [StudyContext['traces'][number]];
  const time = recur.node.attributes.axis.name;
  const instances = [...new Set(states.map(({ instance }) => instance))];
  const gates = instances.flatMap(({ path, lines }) =>
    lines.flatMap(({ role, name, value }) =>
      role === 'gate' && hasAxis(value, time) && hasAxis(value, 'B')
        ? [{ instance: path, name, value: trace.original(value), axes: value.type.axes }]
        : [],
    ),
  );
  const held = heldRecurrence(
    trace.cut.graph,
    recur,
    states.map(({ instance, name, after }) => {
      const line = instance.lines.find((each) => each.name === `${name}'`);
      return { value: after, axes: (line?.value ?? after).type.axes };
    }),
    gates,
  );
  const trials: Trial[] = [];
  let untried = 0;
  for (const [k, { instance, name, size }] of states.entries()) {
    const courses = await coursesOf(traces, instance.path, `${name}'`);
    const { mean, deviation } = momentsOf(courses);
    const order = deviation.map((_, unit) => unit).sort((a, b) => deviation[b]! - deviation[a]!);
    const units = order.slice(0, MOST_UNITS).sort((a, b) => a - b);
    untried += size - units.length;
    const hold = held.holds[k]!;
    for (const unit of units)
      for (const at of ['0', 'mean'] as const) {
        const keep = new Float32Array(size).fill(1);
        keep[unit] = 0;
        const put = new Float32Array(size);
        if (at === 'mean') put[unit] = mean[unit]!;
        trials.push({
          row: { layer, kind: 'unit', what: `unit ${unit} of ${name} = ${at}`, name, held: at, unit },
          given: [
            { parameter: hold.keep, data: keep },
            { parameter: hold.put!, data: put },
          ],
        });
      }
  }
  for (const [k, { instance, name }] of gates.entries()) {
    const { mean } = momentsOf(await coursesOf(traces, instance, name));
    const hold = held.holds[states.length + k]!;
    const zeros = new Float32Array(mean.length);
    for (const at of ['1', '0', 'mean'] as const)
      trials.push({
        row: { layer, kind: 'gate', what: `${instances.length > 1 ? `${instance}.` : ''}${name} = ${at}`, name, held: at },
        given: [
          { parameter: hold.keep, data: zeros },
          { parameter: hold.put!, data: at === 'mean' ? Float32Array.from(mean) : zeros.map(() => Number(at)) },
        ],
      });
  }
  return {
    untried,
    experiment: {
      graph: select(held.graph, [losses.value]),
      parameters: [
        { value: held.reset, neutral: 1 },
        ...held.holds.flatMap(({ keep, put }) => [
          { value: keep, neutral: 1 },
          { value: put!, neutral: 0 },
        ]),
      ],
      trials: (sizes) => {
        const steps = sizes[time]!;
        const resets = intervalsOf(steps).flatMap(({ from }): Trial[] => {
          // The step whose state is not handed on: the one before, in the direction of the recurrence.
          const last = reverse ? from : from - 1;
          if (last < 0 || (reverse && from === 0)) return [];
          const data = new Float32Array(steps).fill(1);
          data[last] = 0;
          return [
            {
              row: { layer, kind: 'reset', what: `reset at ${from}`, name: states.map(({ name }) => name).join(', '), held: '0', from },
              given: [{ parameter: held.reset, data }],
            },
          ];
        });
        return [...trials, ...resets];
      },
    },
  };
}

function inputExperiment({ model, traces }: StudyContext, losses: Losses): Experiment[] {
  const time = traces[0]!.description.time!;
  const graph = graphAtRest(model);
  const sources = inputSources(model, graph).sources.filter(({ along }) => along === time);
  if (sources.length === 0) return [];
  const holds = sources.map(({ values, input }) => ({
    input: input.name,
    own: values.map((value): Hold => ({ value, keep: makeValue(tensor(stepsAndRows(value, time)), 'keep') })),
  }));
  const changed = heldValues(
    graph,
    holds.flatMap(({ own }) => own),
  );
  return [
    {
      graph: select(changed, [losses.value]),
      parameters: holds.flatMap(({ own }) => own.map(({ keep }) => ({ value: keep, neutral: 1 }))),
      trials: (sizes) =>
        holds.flatMap(({ input, own }) =>
          intervalsOf(sizes[time]!).map(({ from, to }): Trial => {
            const data = new Float32Array(sizes[time]!).fill(1).fill(0, from, to);
            return {
              row: { layer: '', kind: 'input', what: `${input} at ${from} … ${to - 1}`, name: input, held: '0', from, to },
              given: own.map(({ keep }) => ({ parameter: keep, data })),
            };
          }),
        ),
    },
  ];
}

function intervalsOf(steps: number): { readonly from: number; readonly to: number }[] {
  const count = Math.min(INTERVALS, steps);
  return Array.from({ length: count }, (_, k) => ({ from: Math.floor((k * steps) / count), to: Math.floor(((k + 1) * steps) / count) }));
}

function momentsOf(courses: readonly Course[]): { readonly mean: number[]; readonly deviation: number[] } {
  const [first] = courses as [Course];
  const units = first.data.length / (first.steps * first.batch);
  const [sum, squares] = [new Float64Array(units), new Float64Array(units)];
  let rows = 0;
  for (const { data, steps, batch } of courses) {
    rows += steps * batch;
    for (const [k, each] of data.entries()) {
      sum[k % units]! += each;
      squares[k % units]! += each ** 2;
    }
  }
  const mean = Array.from(sum, (each) => each / rows);
  return { mean, deviation: mean.map((each, k) => Math.sqrt(Math.max(0, squares[k]! / rows - each ** 2))) };
}
