// The lower rows of the timeline: the chosen unit's values as lines, and the norm of the gradient by timestep on a log axis.

import { fixed, short } from '../src/shared/figures.ts';
import type { Row, TraceState } from '../src/shared/messages.ts';
import { numberText } from '../src/shared/numbers.ts';
import { DASHES } from './colour.ts';
import { type Arrays, isState, lengthOf, placeOfUnit, type Shown, stateRows, timescaleOf, unitNow } from './shown.ts';
import { type Part, pathThrough, round, type Surface } from './surface.ts';
import type { Band, TimelineLayout } from './timeline-layout.ts';

interface Curve {
  readonly low: Float32Array;
  readonly high: Float32Array;
  readonly from: number;
  readonly to: number;
}

export function drawUnitLines(surface: Surface, shown: Shown, trace: TraceState, layout: TimelineLayout): void {
  const { gates, states } = layout;
  const first = gates ?? states;
  if (first === undefined) return;
  const { theme } = surface;
  const { unit } = trace;
  const label = { room: layout.x - layout.padding - 26 };
  if (layout.narrow) surface.text(layout.padding, first.y + first.height / 2 + 4, `u ${unit}`, { size: 10.5, weight: 600 });
  else surface.text(layout.padding, first.y + 8, `unit ${unit}`, { ...label, weight: 600 });
  if (!layout.narrow) {
    const tau = timescaleOf(shown, unit);
    const row = trace.rows.find((row) => row.units === trace.units);
    surface.text(layout.padding, first.y + 21, Number.isFinite(tau) ? `τ ${numberText(tau)}` : 'τ ∞', {
      ...label,
      fill: theme.description,
    });
    if (row !== undefined)
      surface.text(layout.padding, first.y + 34, `rank ${placeOfUnit(shown, row, unit) + 1}/${trace.units}`, {
        ...label,
        size: 10,
        fill: theme.description,
      });
  }
  const rows = trace.rows.filter((row) => unit < row.units && row.attention === undefined);
  if (gates !== undefined) {
    const own = rows.filter((row) => row.quantity === 'gate');
    drawBand(surface, shown, trace, layout, gates, own, [0, 1], ['0', '1']);
  }
  if (states !== undefined) {
    const own = rows.filter(isState);
    const range = rangeOf(shown, own, [unit, ...trace.pins]);
    drawBand(surface, shown, trace, layout, states, own, range, [fixed(range[0], 1), fixed(range[1], 1)]);
  }
}

function curveOf(shown: Shown, line: string, unit: number): Curve | undefined {
  const window = shown.numbers.window;
  const low = window?.values[`low:${line}:${unit}`];
  const high = window?.values[`high:${line}:${unit}`];
  return window === undefined || low === undefined || high === undefined ? undefined : { low, high, from: window.from, to: window.to };
}

/** The range of some rows' lines, with 0 and at least -1 .. 1 in it. */
function rangeOf(shown: Shown, rows: readonly Row[], units: readonly number[]): readonly [number, number] {
  let [least, most] = [-1, 1];
  for (const { line } of rows) {
    for (const unit of units) {
      const curve = curveOf(shown, line, unit);
      for (const value of curve?.low ?? []) if (Number.isFinite(value)) least = Math.min(least, value);
      for (const value of curve?.high ?? []) if (Number.isFinite(value)) most = Math.max(most, value);
    }
  }
  return [least, most];
}

function drawBand(
  surface: Surface,
  shown: Shown,
  trace: TraceState,
  layout: TimelineLayout,
  band: Band,
  rows: readonly Row[],
  range: readonly [number, number],
  ends: readonly [string, string],
): void {
  const { theme } = surface;
  const [least, most] = range;
  const toY = (value: number) => band.y + ((most - value) / (most - least)) * band.height;
  const lines = least === 0 ? [0, 1] : [0];
  surface.path(lines.map((value) => `M${layout.x} ${round(toY(value))}h${layout.plot}`).join(''), { stroke: theme.grid });
  const axis = { size: 9.5, fill: theme.description, anchor: 'end' } as const;
  surface.text(layout.x - 4, band.y + 5, ends[1], axis);
  surface.text(layout.x - 4, band.y + band.height + 1, ends[0], axis);
  surface.clipped(layout.x, band.y - 2, layout.plot, band.height + 4, () => {
    // The chosen unit lies above the pinned ones, f and c above the others.
    for (const unit of [...trace.pins.filter((unit) => unit !== trace.unit), trace.unit])
      for (const row of [...rows].sort((a, b) => weight(a) - weight(b)))
        drawCurve(surface, layout, curveOf(shown, row.line, unit), row, toY, unit === trace.unit ? 1 : 0.45);
  });
  const right = layout.x + layout.plot + 6;
  const labels = rows
    .map((row) => ({ row, value: unitNow(shown, row.line, trace.unit) }))
    .filter(({ value }) => !Number.isNaN(value))
    .map(({ row, value }) => ({ y: toY(Math.max(least, Math.min(most, value))) + 3, row, value }));
  for (const { y, row, value } of apart(labels, 12, band.y + 6, band.y + band.height + 4)) {
    const colour = theme.hue[row.identity];
    const room = layout.width - right - 2;
    const letter = [row.letter, { weight: 700, mono: true, fill: colour }] as const;
    drawReadout(surface, right, y, room, letter, value, colour);
  }
}

/** A letter and its value, shorter where there is little room. */
function drawReadout(surface: Surface, x: number, y: number, room: number, letter: Part, value: number, colour: string): void {
  const tries = [numberText(value), short(value), fixed(value, 1), fixed(value, 0)].map((text): readonly Part[] => [
    letter,
    [` ${text}`, { fill: colour }],
  ]);
  const fitting = tries.find((parts) => surface.measure(parts) <= room) ?? [letter];
  surface.text(x, y, fitting);
}

const weight = (row: Row): number => (row.identity === 'forget' || row.identity === 'cell' ? 1 : 0);

function drawCurve(
  surface: Surface,
  layout: TimelineLayout,
  curve: Curve | undefined,
  row: Row,
  toY: (value: number) => number,
  strength: number,
): void {
  if (curve === undefined) return;
  const { low, high } = curve;
  const columns = low.length;
  const scale = (lengthOf(curve) * layout.cell) / columns;
  const left = layout.timeToX(curve.from - 0.5);
  const x = (column: number) => left + (column + 0.5) * scale;
  const heavy = weight(row) === 1;
  const colour = surface.theme.hue[row.identity];
  if (columns === lengthOf(curve)) {
    const points = Array.from(low, (value, column) => [x(column), toY(value)] as const);
    surface.path(pathThrough(points), { stroke: colour, width: heavy ? 1.8 : 1.3, dash: DASHES[row.identity], opacity: strength });
    return;
  }
  const points = Array.from(low).flatMap((value, column) => [[x(column), toY(value)] as const, [x(column), toY(high[column]!)] as const]);
  surface.path(pathThrough(points), { stroke: colour, width: heavy ? 1.5 : 1, opacity: (heavy ? 0.95 : 0.4) * strength });
}

export function drawGradient(surface: Surface, shown: Shown, trace: TraceState, layout: TimelineLayout): void {
  const band = layout.gradient;
  if (band === undefined) return;
  const { theme } = surface;
  const numbers = shown.numbers.gradient?.layer === trace.layer ? shown.numbers.gradient : undefined;
  const rows = stateRows(trace);
  const decades = decadesOf(numbers?.values, rows);
  const label = { room: layout.x - layout.padding - 4 };
  // Narrow, the axis needs all of the label column.
  surface.text(layout.padding, layout.narrow ? band.y + band.height + 13 : band.y + 9, layout.narrow ? '|∂L|' : 'gradient', label);
  if (!layout.narrow) {
    const norms = rows.map((row) => `|∂${row.letter}|`).join(', ');
    surface.text(layout.padding, band.y + 22, norms, { ...label, size: 9.5, fill: theme.description, room: label.room - 20 });
  }
  if (decades === undefined) {
    surface.rect(layout.x, band.y, layout.plot, band.height, { stroke: theme.grid });
    const text = trace.gradientWaits
      ? 'long sequence: L computes its gradient'
      : numbers === undefined
        ? 'differentiating …'
        : 'exactly zero in this window';
    surface.text(layout.x + 12, band.y + band.height / 2 + 4, text, { fill: theme.description, halo: theme.background });
    return;
  }
  const [lowest, highest] = decades;
  const toY = (value: number) => band.y + ((highest - Math.log10(value)) / (highest - lowest)) * band.height;
  const step = Math.max(1, Math.ceil((highest - lowest) / 3));
  for (let decade = highest; decade >= lowest; decade -= step) {
    const y = band.y + ((highest - decade) / (highest - lowest)) * band.height;
    surface.path(`M${layout.x} ${round(y)}h${layout.plot}`, { stroke: theme.grid });
    drawPower(surface, layout.x - 4, y + 3.5, decade);
  }
  surface.clipped(layout.x, band.y - 2, layout.plot, band.height + 4, () => {
    for (const row of [...rows].sort((a, b) => weight(a) - weight(b))) {
      const low = numbers!.values[`low:${row.line}`];
      const high = numbers!.values[`high:${row.line}`];
      if (low === undefined || high === undefined) continue;
      drawCurve(surface, layout, { low, high, from: numbers!.from, to: numbers!.to }, row, toY, 1);
    }
  });
  const at =
    shown.numbers.gradientAt?.layer === trace.layer && shown.numbers.gradientAt.t === trace.t ? shown.numbers.gradientAt.values : undefined;
  const right = layout.x + layout.plot + 6;
  const room = layout.width - right - 2;
  const labels = rows.flatMap((row) => {
    const value = at?.[`norm:${row.line}`]?.[0] ?? Number.NaN;
    if (Number.isNaN(value)) return [];
    const place = value > 0 ? toY(Math.max(10 ** lowest, Math.min(10 ** highest, value))) : band.y + band.height;
    return [{ y: place + 3, row, value }];
  });
  for (const { y, row, value } of apart(labels, 12, band.y + 6, band.y + band.height + 2)) {
    const colour = theme.hue[row.identity];
    const letter = [`∂${row.letter}`, { weight: 700, fill: colour }] as const;
    drawReadout(surface, right, y, room, letter, value, colour);
  }
}

/** Whole decades that hold all that is shown, at least two. */
function decadesOf(values: Arrays | undefined, rows: readonly Row[]): readonly [number, number] | undefined {
  let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { line } of rows) {
    for (const value of values?.[`low:${line}`] ?? []) if (value > 0) lowest = Math.min(lowest, Math.log10(value));
    for (const value of values?.[`high:${line}`] ?? [])
      if (value > 0 && value < Number.POSITIVE_INFINITY) highest = Math.max(highest, Math.log10(value));
  }
  if (!(lowest <= highest)) return undefined;
  const top = Math.ceil(highest);
  return [Math.min(Math.floor(lowest), top - 2), top];
}

/** 10 with a raised exponent, ending at x. */
export function drawPower(surface: Surface, x: number, y: number, exponent: number): void {
  const fill = surface.theme.description;
  const raised = String(exponent).replace('-', '−');
  const width = surface.text(x, y - 4, raised, { size: 8, fill, anchor: 'end' });
  surface.text(x - width - 0.5, y, '10', { size: 10, fill, anchor: 'end' });
}

/** Moves labels apart so that none lies on another, within a band where there is room. */
export function apart<Label extends { readonly y: number }>(labels: readonly Label[], space: number, top: number, bottom: number): Label[] {
  const sorted = [...labels].sort((a, b) => a.y - b.y);
  const places = sorted.map(({ y }) => Math.max(top, Math.min(bottom, y)));
  for (let index = 1; index < places.length; index++) places[index] = Math.max(places[index]!, places[index - 1]! + space);
  const over = (places.at(-1) ?? bottom) - bottom;
  if (over > 0) {
    places[places.length - 1]! -= over;
    for (let index = places.length - 2; index >= 0; index--) places[index] = Math.min(places[index]!, places[index + 1]! - space);
  }
  return sorted.map((label, index) => ({ ...label, y: places[index]! }));
}
