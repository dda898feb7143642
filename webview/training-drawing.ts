// The curves of a training on one axis of steps: loss raw and smoothed with validation, gradient norm with the clip line, clip rate, speed.

import { count, fixed, percent } from '../src/shared/figures.ts';
import { numberText } from '../src/shared/numbers.ts';
import type { RunSummary } from '../src/shared/training.ts';
import type { Shown } from './shown.ts';
import { pathThrough, round, type Surface } from './surface.ts';
import { NARROW, tickStep } from './timeline-layout.ts';
import { apart } from './timeline-lines.ts';

interface Plot {
  readonly x: number;
  readonly width: number;
  readonly right: number;
  toX(step: number): number;
}

const OVERLAY_DASHES = [
  [2, 3],
  [7, 3],
  [12, 3, 2, 3],
  [1, 2],
] as const;

export function trainingHeight(width: number, available: number): number {
  return Math.max(available, width < NARROW ? 330 : 400);
}

/** Left and width of the plot, for sizes and pointer. */
export function trainingPlot(width: number): { readonly x: number; readonly width: number } {
  const narrow = width < NARROW;
  const x = narrow ? 42 : 54;
  return { x, width: width - x - (narrow ? 64 : 104) };
}

export function drawTraining(surface: Surface, shown: Shown, width: number, height: number, pointer: number | undefined): void {
  const numbers = shown.numbers.training?.run === shown.state.training.chosen ? shown.numbers.training : undefined;
  const values = numbers?.values;
  const steps = values?.step;
  if (values === undefined || steps === undefined || steps.length === 0) return;
  const { training } = shown.state;
  const { theme } = surface;
  const last = steps.at(-1)!;
  const end = niceEnd(Math.max(training.figures?.steps ?? 0, last));
  const box = trainingPlot(width);
  const plot: Plot = { ...box, right: box.x + box.width + 8, toX: (step) => box.x + (step / end) * box.width };
  const foot = height - 26;
  const speed = { y: foot - 46, height: 40 };
  const rate = { y: speed.y - 36, height: 26 };
  const norm = { y: rate.y - (width < NARROW ? 84 : 104), height: width < NARROW ? 72 : 90 };
  const lags = memoryOf(values);
  const memory = { y: norm.y - 30 - (lags.length === 0 ? 0 : 64), height: 64 };
  const loss = { y: 8, height: (lags.length === 0 ? norm.y : memory.y) - 34 };

  drawAxis(surface, plot, end, foot);
  surface.path(`M${round(plot.toX(last))} 4V${foot}`, { stroke: theme.description, width: 1.2, opacity: 0.8 });
  drawLoss(surface, shown, plot, loss, values, last);
  if (lags.length > 0) drawMemory(surface, plot, memory, lags, values.memoryStep!);
  drawNorm(surface, shown, plot, norm, values);
  drawRate(surface, plot, rate, values, end);
  drawSpeed(surface, plot, speed, values);
  if (pointer !== undefined) drawReading(surface, plot, values, pointer, foot, end);
}

/** The end of the axis: the planned steps, or a round number beyond the last. */
const niceEnd = (steps: number): number => Math.max(1, steps);

function drawAxis(surface: Surface, plot: Plot, end: number, y: number): void {
  const { theme } = surface;
  const small = { size: 10.5, fill: theme.description } as const;
  surface.path(`M${plot.x} ${y}h${round(plot.width)}`, { stroke: theme.dim });
  const step = tickStep(plot.width / end, 80);
  let labelled = 0;
  for (let at = 0; at <= end; at += step) {
    const x = plot.toX(at);
    surface.path(`M${round(x)} ${y}v4`, { stroke: theme.dim });
    labelled = x + surface.text(x, y + 16, count(at), { ...small, anchor: 'middle' }) / 2;
  }
  surface.text(Math.max(plot.right, labelled + 5), y + 16, 'step', small);
}

interface Area {
  readonly y: number;
  readonly height: number;
}

function drawLoss(surface: Surface, shown: Shown, plot: Plot, area: Area, values: Values, last: number): void {
  const { theme } = surface;
  const { training } = shown.state;
  const [steps, low, high, smooth] = [values.step!, values.low!, values.high!, values.smooth!];
  const validation = values.validation ?? new Float32Array();
  const overlays = training.overlays.map((folder) => values[`overlay:${folder}`] ?? new Float32Array());
  const [least, most] = lossRange(low, high, smooth, [validation, ...overlays]);
  const toY = (loss: number) => area.y + ((most - loss) / (most - least)) * area.height;
  const tick = tickStep(area.height / (most - least), 44, 0.001);
  const decimals = Math.max(0, Math.ceil(-Math.log10(tick) - 1e-9));
  for (let loss = Math.ceil(least / tick) * tick; loss <= most; loss += tick) {
    surface.path(`M${plot.x} ${round(toY(loss))}h${round(plot.width)}`, { stroke: theme.grid });
    surface.text(plot.x - 6, toY(loss) + 3.5, fixed(Number(loss.toPrecision(6)), decimals), {
      size: 10.5,
      fill: theme.description,
      anchor: 'end',
    });
  }
  const [ink, second] = [theme.hue.store, theme.hue.cell];
  surface.clipped(plot.x, area.y, plot.width + 2, area.height + 2, () => {
    const band = Array.from(steps).flatMap((step, at) => [
      [plot.toX(step), toY(low[at]!)] as const,
      [plot.toX(step), toY(high[at]!)] as const,
    ]);
    surface.path(pathThrough(band), { stroke: ink, width: 0.9, opacity: 0.5 });
    training.overlays.forEach((folder, index) => {
      const [at, curve] = [values[`overlayStep:${folder}`], values[`overlay:${folder}`]];
      if (at === undefined || curve === undefined) return;
      const points = Array.from(curve, (loss, point) => [plot.toX(at[point]!), toY(loss)] as const);
      surface.path(pathThrough(points), { stroke: theme.description, width: 1.3, dash: OVERLAY_DASHES[index % OVERLAY_DASHES.length]! });
    });
    surface.path(pathThrough(Array.from(smooth, (loss, at) => [plot.toX(steps[at]!), toY(loss)] as const)), { stroke: ink, width: 1.8 });
    const measured = values.validationStep ?? new Float32Array();
    surface.path(pathThrough(Array.from(validation, (loss, at) => [plot.toX(measured[at]!), toY(loss)] as const)), {
      stroke: second,
      width: 1.8,
    });
    const spacing = plot.width / Math.max(1, validation.length);
    validation.forEach((loss, at) => {
      if (spacing >= 9)
        surface.rect(plot.toX(measured[at]!) - 2.5, toY(loss) - 2.5, 5, 5, {
          fill: theme.background,
          stroke: second,
          width: 1.5,
          radius: 2.5,
        });
    });
  });
  const said = training.lossUnit === '' ? 'loss' : `loss, ${training.lossUnit}`;
  const title = surface.measure(said, { size: 11.5, weight: 600 });
  surface.text(plot.x + plot.width - 4, area.y + 10, said, {
    size: 11.5,
    weight: 600,
    anchor: 'end',
    halo: theme.background,
  });
  labelLosses(surface, shown, plot, area, values, last, toY, title);
}

/** Names and last values beside the ends of the curves. */
function labelLosses(
  surface: Surface,
  shown: Shown,
  plot: Plot,
  area: Area,
  values: Values,
  last: number,
  toY: (loss: number) => number,
  title: number,
): void {
  const { theme } = surface;
  const { training } = shown.state;
  const clamp = (y: number) => Math.max(area.y + 24, Math.min(area.y + area.height, y));
  const ends: { y: number; x: number; text: string; fill: string; weight: 400 | 600 }[] = [];
  const end = plot.toX(last);
  const outside = end + 130 > plot.right + 60;
  const training1 = values.smooth!.at(-1)!;
  ends.push({ y: clamp(toY(training1)) + 4, x: end, text: `training ${numberText(training1)}`, fill: theme.hue.store, weight: 600 });
  const validation = values.validation?.at(-1);
  if (validation !== undefined)
    ends.push({ y: clamp(toY(validation)) + 4, x: end, text: `validation ${numberText(validation)}`, fill: theme.hue.cell, weight: 600 });
  for (const { y, text, fill, weight } of apart(ends, 15, area.y + 26, area.y + area.height)) {
    const width = surface.measure(text, { weight });
    const fits = !outside && end + 8 + width < plot.right + 96;
    surface.text(fits ? end + 8 : end - 8, fits ? y : y - 14, text, {
      fill,
      weight,
      anchor: fits ? 'start' : 'end',
      halo: theme.background,
    });
  }
  training.overlays.forEach((folder) => {
    const [at, curve] = [values[`overlayStep:${folder}`], values[`overlay:${folder}`]];
    const step = at?.at(-1);
    const loss = curve?.at(-1);
    const run = training.runs.find((run) => run.folder === folder);
    if (step === undefined || loss === undefined || run === undefined) return;
    const text = `${run.name} ${numberText(loss)}`;
    const x = plot.toX(step);
    const width = surface.measure(text);
    const right = x + 6 + width < plot.x + plot.width - (toY(loss) < area.y + 30 ? title : 0);
    surface.text(right ? x + 6 : x - 6, clamp(toY(loss)) - 3, text, {
      fill: theme.description,
      anchor: right ? 'start' : 'end',
      halo: theme.background,
    });
  });
}

/** What matters of the loss: from its least to the highest of all but the first steps. */
function lossRange(
  low: Float32Array,
  high: Float32Array,
  smooth: Float32Array,
  others: readonly Float32Array[],
): readonly [number, number] {
  const skipped = smooth.length > 100 ? Math.floor(smooth.length * 0.01) : 0;
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const take = (value: number) => {
    if (!Number.isFinite(value)) return;
    least = Math.min(least, value);
    most = Math.max(most, value);
  };
  low.forEach(take);
  (skipped > 0 ? smooth : high).subarray(skipped).forEach(take);
  for (const other of others) other.forEach(take);
  if (!(least <= most)) return [0, 1];
  const margin = Math.max((most - least) * 0.06, 1e-6);
  return [least - margin, most + margin];
}

/** What is left of the gradient after a lag, at each look. */
export interface LagValues {
  readonly place: string;
  readonly lag: string;
  readonly left: Float32Array;
}

export const memoryOf = (values: Values): LagValues[] =>
  Object.entries(values).flatMap(([name, left]) => {
    const [kind, layer, state, lag] = name.split(':');
    return kind === 'memory' && left !== undefined ? [{ place: layer === '' ? state! : `${layer}.${state}`, lag: lag!, left }] : [];
  });

/** Lines across a logarithmic chart with their values; gives where a value stands. The ends are powers of ten. */
function logAxis(surface: Surface, plot: Plot, area: Area, lowest: number, highest: number): (value: number) => number {
  const { theme } = surface;
  const toY = (value: number): number => area.y + ((highest - Math.log10(value)) / (highest - lowest)) * area.height;
  let before = Number.POSITIVE_INFINITY;
  for (const tick of logTicks(lowest, highest)) {
    const y = toY(tick);
    if (before - y < 14) continue;
    before = y;
    surface.path(`M${plot.x} ${round(y)}h${round(plot.width)}`, { stroke: theme.grid });
    // 1e−7, not 1.0e−7.
    surface.text(plot.x - 6, y + 3.5, numberText(tick).replace('.0e', 'e'), { size: 10.5, fill: theme.description, anchor: 'end' });
  }
  return toY;
}

const LAG_DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3]] as const;

function drawMemory(surface: Surface, plot: Plot, area: Area, lags: readonly LagValues[], steps: Float32Array): void {
  const { theme } = surface;
  const inks = [theme.hue.store, theme.hue.cell, theme.hue.candidate, theme.hue.forget];
  const logs = lags
    .flatMap(({ left }) => Array.from(left).filter((value) => value > 0 && value < Number.POSITIVE_INFINITY))
    .map(Math.log10);
  if (logs.length === 0) return;
  const [lowest, highest] = [Math.min(...logs) - 0.2, Math.max(0, ...logs) + 0.2];
  const toY = logAxis(surface, plot, area, lowest, highest);
  const ends = lags.flatMap(({ lag, left }, k) => {
    const points = Array.from(left, (value, at) => [plot.toX(steps[at]!), value] as const).filter(([, value]) => value > 0);
    if (points.length === 0) return [];
    const [ink, dash] = [inks[k % inks.length]!, LAG_DASHES[k % LAG_DASHES.length]!];
    surface.path(pathThrough(points.map(([x, value]) => [x, toY(value)] as const)), { stroke: ink, width: 1.6, dash });
    for (const [x, value] of points) surface.rect(x - 1.5, toY(value) - 1.5, 3, 3, { fill: ink });
    const last = plot.width < NARROW - 120 ? '' : ` ${numberText(points.at(-1)![1])}`;
    return [{ y: toY(points.at(-1)![1]) + 4, text: `lag ${lag}${last}`, fill: ink, weight: 600 as const }];
  });
  for (const { y, text, fill, weight } of apart(ends, 13, area.y + 8, area.y + area.height + 6))
    surface.text(plot.right, y, text, { fill, weight });
  surface.text(plot.x + plot.width - 4, area.y - 4, `gradient left by lag in ${lags[0]!.place}, log`, {
    size: 11.5,
    weight: 600,
    anchor: 'end',
    halo: theme.background,
  });
}

function drawNorm(surface: Surface, shown: Shown, plot: Plot, area: Area, values: Values): void {
  const { theme } = surface;
  const { clip } = shown.state.training;
  const [steps, norm, clipped] = [values.normStep!, values.norm!, values.normClipped!];
  let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of [...norm, clip ?? Number.NaN]) {
    if (!(value > 0) || value === Number.POSITIVE_INFINITY) continue;
    lowest = Math.min(lowest, Math.log10(value));
    highest = Math.max(highest, Math.log10(value));
  }
  const title = { size: 11.5, weight: 600, anchor: 'end', halo: theme.background } as const;
  if (!(lowest <= highest)) return;
  const pad = Math.max(0.05, (highest - lowest) * 0.08);
  [lowest, highest] = [lowest - pad, highest + pad];
  const toY = logAxis(surface, plot, area, lowest, highest);
  let [above, below] = ['', ''];
  norm.forEach((value, at) => {
    if (!(value > 0) || value === Number.POSITIVE_INFINITY) return;
    const dot = `M${round(plot.toX(steps[at]!) - 0.7)} ${round(toY(value) - 0.7)}h1.5v1.5h-1.5z`;
    if (clipped[at]) above += dot;
    else below += dot;
  });
  surface.path(below, { fill: theme.description });
  surface.path(above, { fill: theme.hue.forget });
  surface.text(plot.x + plot.width - 4, area.y - 4, 'gradient norm before clipping, log', title);
  if (clip === undefined) return;
  surface.path(`M${plot.x} ${round(toY(clip))}h${round(plot.width)}`, { stroke: theme.hue.forget, width: 1.4, dash: [5, 3] });
  surface.text(plot.right, toY(clip) + 4, `clip ${numberText(clip)}`, { fill: theme.hue.forget, weight: 600 });
  if (plot.width < NARROW - 120) return;
  if (toY(clip) - area.y > 14) surface.text(plot.right, toY(clip) - 12, 'clipped ▲', { fill: theme.description });
  if (area.y + area.height - toY(clip) > 10) surface.text(plot.right, toY(clip) + 20, 'as is ▼', { fill: theme.description });
}

/** 1, 2 and 5 of each decade, or decades alone where there are many. */
function logTicks(lowest: number, highest: number): number[] {
  const factors = highest - lowest > 3 ? [1] : highest - lowest > 1.2 ? [1, 3] : [1, 2, 5];
  const ticks: number[] = [];
  for (let decade = Math.floor(lowest); decade <= highest; decade++) for (const factor of factors) ticks.push(factor * 10 ** decade);
  return ticks.filter((tick) => Math.log10(tick) >= lowest && Math.log10(tick) <= highest);
}

function drawRate(surface: Surface, plot: Plot, area: Area, values: Values, end: number): void {
  const { theme } = surface;
  const [steps, rates] = [values.clipStep!, values.clipRate!];
  let bars = '';
  rates.forEach((rate, at) => {
    const left = plot.toX(at === 0 ? 0 : Math.min(end, steps[at - 1]!));
    const across = Math.max(0.5, plot.toX(steps[at]!) - left - 1);
    bars += `M${round(left)} ${area.y + area.height}v${round(-rate * area.height)}h${round(across)}v${round(rate * area.height)}z`;
  });
  surface.path(`M${plot.x} ${area.y + area.height}h${round(plot.width)}M${plot.x} ${area.y}h${round(plot.width)}`, { stroke: theme.grid });
  surface.path(bars, { fill: theme.hue.forget, opacity: 0.8 });
  const axis = { size: 9.5, fill: theme.description, anchor: 'end' } as const;
  surface.text(plot.x - 6, area.y + 6, percent(1), axis);
  surface.text(plot.x - 6, area.y + area.height + 2, '0', axis);
  surface.text(plot.right, area.y + area.height / 2 + 4, 'clip rate', { weight: 600 });
}

function drawSpeed(surface: Surface, plot: Plot, area: Area, values: Values): void {
  const { theme } = surface;
  const [steps, speeds] = [values.speedStep!, values.speed!];
  const most = Math.max(1e-9, ...speeds) * 1.1;
  const points = Array.from(speeds, (speed, at) => [plot.toX(steps[at]!), area.y + (1 - speed / most) * area.height] as const);
  surface.path(pathThrough(points), { stroke: theme.hue.candidate, width: 1.6 });
  const axis = { size: 9.5, fill: theme.description, anchor: 'end' } as const;
  surface.text(plot.x - 6, area.y + 8, numberText(most / 1.1), axis);
  surface.text(plot.x - 6, area.y + area.height + 2, '0', axis);
  surface.text(plot.right, area.y + area.height / 2 + 4, 'steps/s', { weight: 600 });
}

/** What stood at the step under the pointer. */
function drawReading(surface: Surface, plot: Plot, values: Values, pointer: number, foot: number, end: number): void {
  const { theme } = surface;
  const steps = values.step!;
  const step = ((pointer - plot.x) / plot.width) * end;
  if (step < 0 || step > steps.at(-1)!) return;
  const at = nearest(steps, step);
  const norm = values.norm![nearest(values.normStep!, step)];
  const x = plot.toX(steps[at]!);
  surface.path(`M${round(x)} 4V${foot}`, { stroke: theme.cursor, dash: [1, 3] });
  const text = `step ${count(steps[at]!)} · loss ${numberText(values.smooth![at]!)}${norm === undefined ? '' : ` · norm ${numberText(norm)}`}`;
  const width = surface.measure(text) + 12;
  const left = Math.max(plot.x, Math.min(plot.x + plot.width - width, x - width / 2));
  surface.rect(left, 26, width, 18, { fill: theme.raised, stroke: theme.border, radius: 3 });
  surface.text(left + 6, 39, text);
}

function nearest(steps: Float32Array, step: number): number {
  let best = 0;
  steps.forEach((value, at) => {
    if (Math.abs(value - step) < Math.abs(steps[best]! - step)) best = at;
  });
  return best;
}

/** What a run's line says at its end. */
export function endingOf(run: RunSummary): string {
  switch (run.status.kind) {
    case 'running':
      return 'running';
    case 'paused':
      return 'paused';
    case 'done':
      return 'done';
    case 'cancelled':
      return 'cancelled';
    case 'failed':
      return run.status.what;
  }
}

type Values = NonNullable<Shown['numbers']['training']>['values'];
