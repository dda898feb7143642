// The views in words, made from the same numbers: what a canvas says to those who do not see it, and what is spoken at each step.

import { count, duration, fixed, percent, visibleToken } from '../src/shared/figures.ts';
import type { Row, TraceState } from '../src/shared/messages.ts';
import { numberText } from '../src/shared/numbers.ts';
import { strongestText } from './attention.ts';
import { flowOf } from './cell-flow.ts';
import { columnOf, rowOf, type Shown, stateRows, summaryOf, unitNow } from './shown.ts';
import { memoryOf } from './training-drawing.ts';

/** "Forget gate, 256 units, t 0 to 60. Mean .76 at t 28, 10 % below .1, 59 % above .9. Unit 212 drops to .62." */
export function rowSentence(shown: Shown, row: Row): string {
  const trace = shown.state.trace!;
  const { from, to } = trace.window;
  const first = `${titleOf(row)}, ${unitsText(row)}, t ${count(from)} to ${count(to)}.`;
  const values = columnOf(shown)?.[`now:${row.line}`];
  const summary = summaryOf(values);
  if (values === undefined || summary === undefined) return `${first} Its values are being read.`;
  const wrong = values.filter((value) => !Number.isFinite(value)).length;
  if (row.attention !== undefined && wrong === 0) return `${first} At t ${count(trace.t)}, ${strongestText(values, row.attention)}.`;
  if (wrong > 0) return `${first} At t ${count(trace.t)}, ${count(wrong)} of ${count(row.units)} units are no numbers.`;
  const shares =
    row.quantity === 'gate'
      ? `, ${percent(summary.below)} below .1, ${percent(summary.above)} above .9`
      : `, from ${numberText(Math.min(...values))} to ${numberText(Math.max(...values))}`;
  return `${first} Mean ${numberText(summary.mean)} at t ${count(trace.t)}${shares}.${unitSentence(shown, trace, row)}`;
}

function unitsText({ attention, units }: Row): string {
  if (attention === undefined) return `${count(units)} ${units === 1 ? 'unit' : 'units'}`;
  const { heads, places } = attention;
  return `${heads === 1 ? '' : `${count(heads)} heads of `}${count(places)} ${places === 1 ? 'place' : 'places'}`;
}

function unitSentence(shown: Shown, { unit }: TraceState, row: Row): string {
  if (unit >= row.units) return '';
  const now = unitNow(shown, row.line, unit);
  const before = unitNow(shown, row.line, unit, 'previous');
  const change = now - before;
  const verb = Number.isNaN(change) ? 'is' : Math.abs(change) < 0.05 ? 'stays at' : change > 0 ? 'rises to' : 'drops to';
  return ` Unit ${unit} ${verb} ${numberText(now)}.`;
}

/** `Forget gate`, `Cell`, `Line m`. */
export function titleOf(row: Row): string {
  if (row.name === '' || row.name === row.line) return `Line ${row.line}`;
  const name = row.name.charAt(0).toUpperCase() + row.name.slice(1);
  return row.quantity === 'gate' ? `${name} gate` : name;
}

export function gradientSentence(shown: Shown): string {
  const trace = shown.state.trace!;
  if (trace.gradientWaits) return 'The gradient of a sequence of this size takes a while; L computes it.';
  const { objective } = trace;
  const of =
    objective.kind === 'loss' ? 'the mean loss' : objective.kind === 'lossAt' ? `the loss at t ${count(objective.t)}` : objective.output;
  const at = shown.numbers.gradientAt?.t === trace.t ? shown.numbers.gradientAt.values : undefined;
  const norms = stateRows(trace).flatMap((row) => {
    const norm = at?.[`norm:${row.line}`]?.[0];
    if (norm === undefined || Number.isNaN(norm)) return [];
    return [`${row.letter} ${norm === 0 ? 'exactly zero' : numberText(norm)}`];
  });
  const now = norms.length === 0 ? 'None at this timestep.' : `At t ${count(trace.t)}: ${norms.join(', ')}.`;
  return `Norm of the gradient of ${of} by timestep, log scale. ${now}`;
}

export function overviewSentence({ state, numbers }: Shown): string {
  const trace = state.trace!;
  const max = numbers.overview?.values.max?.[0];
  const of = trace.tint === 'surprise' ? 'Surprise' : 'Gradient norm';
  const largest =
    max === undefined || Number.isNaN(max) ? '' : `, at most ${trace.tint === 'surprise' ? `${fixed(max, 1)} bit` : numberText(max)}`;
  return `${of} over all ${count(trace.steps)} timesteps${largest}. In view: t ${count(trace.window.from)} to ${count(trace.window.to)}.`;
}

export function unitLinesSentence(shown: Shown): string {
  const trace = shown.state.trace!;
  const values = trace.rows
    .filter((row) => trace.unit < row.units && row.attention === undefined)
    .map((row) => `${row.letter} ${numberText(unitNow(shown, row.line, trace.unit))}`);
  return `Unit ${trace.unit} over the window. At t ${count(trace.t)}: ${values.join(', ')}.`;
}

/** What is spoken when the timestep changes. */
export function stepSentence(shown: Shown): string {
  const trace = shown.state.trace!;
  const token = shown.numbers.column?.t === trace.t ? ` ‘${visibleToken(shown.numbers.column.token)}’` : '';
  const means = trace.rows.flatMap((row) => {
    const summary = summaryOf(columnOf(shown)?.[`now:${row.line}`]);
    return summary === undefined || row.attention !== undefined ? [] : [`${row.letter} ${numberText(summary.mean)}`];
  });
  const surprise = trace.tint === 'surprise' && trace.tintAt !== undefined ? ` Surprise ${fixed(trace.tintAt, 1)} bit.` : '';
  const looks = trace.rows.flatMap((row) => {
    const now = columnOf(shown)?.[`now:${row.line}`];
    return now === undefined || row.attention === undefined ? [] : [` ${titleOf(row)}: ${strongestText(now, row.attention)}.`];
  });
  return `t ${count(trace.t)}${token}. Means: ${means.join(', ')}.${looks.join('')}${surprise}`;
}

export function cellSentence(shown: Shown): string {
  const trace = shown.state.trace!;
  const { structure } = trace;
  if (structure.kind === 'equations')
    return `${count(trace.rows.length)} equations at t ${count(trace.t)}. ${trace.rows.map((row) => meanOf(shown, row)).join(' ')}`;
  const flow = flowOf(structure, columnOf(shown));
  if (flow === undefined) return 'The values of this timestep are being read.';
  const share = flow.incoming > 0 ? ` (${percent(flow.kept / flow.incoming, 1)})` : '';
  const output =
    flow.output === undefined ? '' : ` It shows ${percent(flow.output.whole > 0 ? flow.output.shown / flow.output.whole : 0)} of it.`;
  const name = rowOf(trace, `${structure.memory}'`)?.letter ?? structure.memory;
  return (
    `Cell at t ${count(trace.t)}, mean sizes over ${count(trace.units)} units. Of |${name}| ${numberText(flow.incoming)} it keeps ${numberText(flow.kept)}${share}, ` +
    `forgets ${numberText(flow.forgotten)}, stores ${numberText(flow.stored)}; ${numberText(flow.cancelled)} cancel. |${name}′| is ${numberText(flow.outgoing)}.${output}`
  );
}

const meanOf = (shown: Shown, row: Row): string => {
  const summary = summaryOf(columnOf(shown)?.[`now:${row.line}`]);
  return summary === undefined ? '' : `${row.line.replace("'", '′')} has mean ${numberText(summary.mean)}.`;
};

export function trajectorySentence(shown: Shown): string {
  const trace = shown.state.trace!;
  if (trace.trajectory === '') return 'This layer keeps no state.';
  const found = shown.numbers.trajectory;
  if (found?.layer !== trace.layer || found.of !== trace.trajectory) return 'The states are being read.';
  const { x, y, explained } = found.values;
  const place = (across: number | undefined, up: number | undefined): string =>
    across === undefined || up === undefined || Number.isNaN(across + up) ? 'no number' : `(${numberText(across)}, ${numberText(up)})`;
  const at = shown.numbers.trajectoryAt;
  const now =
    at?.t === trace.t && at.layer === trace.layer ? ` At t ${count(trace.t)} ${place(at.values.x?.at(-1), at.values.y?.at(-1))}.` : '';
  const of = found.of === 'all' ? 'the states' : found.of.replace("'", '′');
  const [start, end] = found.reverse ? [-1, 0] : [0, -1];
  return (
    `Trajectory of ${of} over ${count(trace.steps)} timesteps in their first two principal components, which explain ${percent(explained?.[0] ?? Number.NaN)} and ` +
    `${percent(explained?.[1] ?? Number.NaN)} of the variance. From ${place(x?.at(start), y?.at(start))} to ${place(x?.at(end), y?.at(end))}.${now}`
  );
}

/** The gates of the side bar in a sentence each. */
export function gatesSentence(shown: Shown): string {
  const trace = shown.state.trace!;
  return [`Gates at t ${count(trace.t)} of ${count(trace.steps)}.`, ...trace.rows.map((row) => rowSentence(shown, row))].join(' ');
}

export function trainingSentence({ state, numbers }: Shown): string {
  const { figures, runs, chosen, lossUnit } = state.training;
  const run = runs.find(({ folder }) => folder === chosen);
  if (figures === undefined || run === undefined) return 'No curves yet.';
  const validation =
    figures.validation === undefined ? '' : ` Validation ${numberText(figures.validation.loss)} at step ${count(figures.validation.step)}.`;
  const left = figures.secondsLeft === undefined ? '' : ` ${duration(figures.secondsLeft)} left.`;
  const first = numbers.training?.values.smooth?.[0];
  const from = first === undefined ? '' : ` from ${numberText(first)}`;
  const lags = memoryOf(numbers.training?.values ?? {});
  const parts = lags.map(({ lag, left }) => `${numberText(left.at(-1)!)} after ${lag} steps`);
  const memory = lags.length === 0 ? '' : ` Left of the gradient in ${lags[0]!.place}: ${parts.join(', ')}.`;
  return (
    `${run.name}, ${run.status.kind}, step ${count(figures.step)} of ${count(figures.steps)}. Loss${from} to ${numberText(figures.loss)}${lossUnit === '' ? '' : ` ${lossUnit}`}.${validation}` +
    `${memory} ${percent(figures.clipped)} of the last 100 steps clipped, ${numberText(figures.stepsPerSecond)} steps a second.${left}`
  );
}
