// The gates of the current timestep for the side bar: is a gate stuck, and did it move?

import { fixed, percent, short, signed } from '../src/shared/figures.ts';
import type { Row } from '../src/shared/messages.ts';
import { numberText } from '../src/shared/numbers.ts';
import { drawPlaceBars, drawTokensBelow, placeName, shortPlaceName, strongest, topOf } from './attention.ts';
import { type Box, type Distribution, drawHistogram, drawMean, rangeOf } from './histogram.ts';
import { columnOf, type Shown, summaryOf, timescaleOf, unitNow } from './shown.ts';
import type { Part, Surface } from './surface.ts';
import { drawChip } from './timeline-row.ts';

const FULL = 101;
const COMPACT = 52;
const HEADER = 42;
const FOOTER = 58;

export interface GatesLayout {
  readonly width: number;
  readonly height: number;
  readonly compact: boolean;
  readonly each: number;
  readonly top: number;
}

/** Full where there is room for it, else compact. */
export function layOutGates(rows: number, width: number, available: number): GatesLayout {
  const compact = available < HEADER + rows * FULL;
  const each = compact ? COMPACT : FULL;
  const top = compact ? 4 : HEADER;
  return { width, compact, each, top, height: Math.max(top + rows * each + (compact ? 0 : FOOTER), available) };
}

export function drawGates(surface: Surface, shown: Shown, layout: GatesLayout): void {
  const { theme } = surface;
  const trace = shown.state.trace!;
  const padding = 12;
  const right = layout.width - padding;
  if (!layout.compact) {
    surface.text(padding, 17, [[`t ${numberText(trace.t)} of ${numberText(trace.steps)}`, { weight: 600, size: 12 }]]);
    const said: readonly Part[] = [
      [`${numberText(trace.units)} units · unit `, { fill: theme.description }],
      [String(trace.unit), { weight: 700 }],
      [' ▼', {}],
    ];
    surface.text(right, 17, said, { anchor: 'end' });
    surface.text(padding, 32, '▰ this timestep   ▱ previous', { size: 10.5, fill: theme.description });
  }
  const column = columnOf(shown);
  trace.rows.forEach((row, index) => {
    const now = column?.[`now:${row.line}`];
    const previous = column?.[`previous:${row.line}`];
    drawGate(surface, shown, layout, { row, now, previous, unit: trace.unit }, layout.top + index * layout.each);
  });
  if (!layout.compact) drawUnit(surface, shown, layout, layout.top + trace.rows.length * layout.each + 10);
}

interface Known {
  readonly row: Row;
  readonly now: Float32Array | undefined;
  readonly previous: Float32Array | undefined;
  readonly unit: number;
}

function drawGate(surface: Surface, shown: Shown, { width, compact }: GatesLayout, { row, now, previous, unit }: Known, y: number): void {
  const { theme } = surface;
  const padding = 12;
  const x = 38;
  const plot = width - x - padding;
  const chip = drawChip(surface, padding, y, row);
  if (!compact) surface.text(Math.max(x, padding + chip + 6), y + 13, row.name === row.letter ? '' : row.name, { room: plot - 110 });
  const summary = summaryOf(now);
  if (now === undefined || summary === undefined) return;
  if (row.attention !== undefined) {
    drawAttention(surface, { x, width: plot, compact }, { row, now, previous, unit }, y);
    return;
  }
  const before = summaryOf(previous);
  const change = before === undefined ? undefined : summary.mean - before.mean;
  const arrow =
    change === undefined || Number.isNaN(change)
      ? ''
      : change >= 0.005
        ? ` ▲ ${fixed(change, 2)}`
        : change <= -0.005
          ? ` ▼ ${fixed(-change, 2)}`
          : ' =';
  const head: readonly Part[] = [
    [compact ? '' : 'mean ', { fill: theme.description }],
    [short(summary.mean), { weight: 700 }],
    [arrow, { fill: theme.description }],
  ];
  surface.text(x + plot, y + (compact ? 9 : 13), head, { size: 11.5, anchor: 'end' });
  const height = compact ? 24 : 40;
  const box: Box = { x, y: y + (compact ? 14 : 20) + height + (compact ? 4 : 4), width: plot, height };
  const distribution: Distribution = { row, now, unit, ...(previous === undefined ? {} : { previous }) };
  drawHistogram(surface, box, distribution, Math.min(40, Math.max(8, Math.round(plot / 6.4))));
  drawMean(surface, box, distribution, summary.mean);
  if (!compact) drawEnds(surface, shown, box, distribution, summary);
}

/** Place by place; and which has the most weight. */
function drawAttention(
  surface: Surface,
  { x, width, compact }: { readonly x: number; readonly width: number; readonly compact: boolean },
  { row, now, previous }: Known & { readonly now: Float32Array },
  y: number,
): void {
  const { theme } = surface;
  const places = row.attention!;
  const most = strongest(now, places);
  const head: readonly Part[] =
    most === undefined
      ? [['no numbers', { fill: theme.error }]]
      : [
          [`${compact ? shortPlaceName(places, most.place) : placeName(places, most.place)} `, { fill: theme.description }],
          [short(most.weight), { weight: 700 }],
        ];
  surface.text(x + width, y + (compact ? 9 : 13), head, { size: 11.5, anchor: 'end', room: width });
  const height = compact ? 24 : 40;
  const base = y + (compact ? 18 : 24) + height;
  drawPlaceBars(surface, { x, y: base, width, height }, row, now, previous);
  if (compact) return;
  surface.text(x - 4, base - height + 8, numberText(topOf(now, previous)), { size: 9.5, fill: theme.description, anchor: 'end' });
  const style = { size: 10.5, fill: theme.description } as const;
  const heads = places.heads === 1 ? '' : ` · ${places.heads} heads`;
  const alike = `┄ 1/${places.places}${heads}`;
  if (places.tokens !== undefined) {
    drawTokensBelow(surface, { x, y: base + 12, width }, places, most?.place);
    surface.text(x, base + 25, alike, style);
    return;
  }
  surface.text(x, base + 13, places.heads === 1 ? '0' : 'places', style);
  surface.text(x + width / 2, base + 13, alike, { ...style, anchor: 'middle' });
  if (places.heads === 1) surface.text(x + width, base + 13, String(places.places - 1), { ...style, anchor: 'end' });
}

/** Shares or ends of the axis, and the chosen unit with its change. */
function drawEnds(
  surface: Surface,
  shown: Shown,
  { x, y, width }: Box,
  distribution: Distribution,
  summary: NonNullable<ReturnType<typeof summaryOf>>,
): void {
  const { theme } = surface;
  const { row, unit } = distribution;
  const base = y + 13;
  const style = { size: 10.5, fill: theme.description } as const;
  const strong = { weight: 700, fill: theme.foreground } as const;
  const own = unitNow(shown, row.line, unit);
  const before = unitNow(shown, row.line, unit, 'previous');
  if (row.quantity === 'gate') {
    surface.text(
      x,
      base,
      [
        [percent(summary.below), strong],
        [' < .1', {}],
      ],
      style,
    );
    surface.text(
      x + width,
      base,
      [
        ['> .9 ', {}],
        [percent(summary.above), strong],
      ],
      { ...style, anchor: 'end' },
    );
  } else {
    const [low, high] = rangeOf(distribution);
    const beyond = row.limit !== 1;
    surface.text(x, base, `${beyond ? '≤ ' : ''}${numberText(low)}`, style);
    surface.text(x + width, base, `${beyond ? '≥ ' : ''}${numberText(high)}`, { ...style, anchor: 'end' });
  }
  if (Number.isNaN(own)) return;
  const change = Number.isNaN(before) ? '' : ` (${signed(own - before)})`;
  surface.text(
    x + width / 2,
    base,
    [
      [`▼ ${numberText(own)}`, { fill: theme.foreground }],
      [change, {}],
    ],
    { ...style, anchor: 'middle' },
  );
}

/** The chosen unit's update in its own numbers. */
function drawUnit(surface: Surface, shown: Shown, { width }: GatesLayout, y: number): void {
  const { theme } = surface;
  const trace = shown.state.trace!;
  surface.path(`M0 ${y - 8.5}h${width}`, { stroke: theme.grid });
  const tau = timescaleOf(shown, trace.unit);
  const timescale: Part = Number.isFinite(tau) ? [` τ ${numberText(tau)} steps`, { fill: theme.description }] : ['', {}];
  surface.text(12, y + 10, [[`unit ${trace.unit}`, { weight: 700 }], timescale]);
  const text = arithmeticOf(shown);
  if (text !== undefined) surface.text(12, y + 30, text, { mono: true, room: width - 24 });
}

/** `.62 · 13.4 + .99 · .07 = 8.35`, as the structure of the cell has it. */
export function arithmeticOf(shown: Shown): string | undefined {
  const trace = shown.state.trace!;
  const { structure, unit } = trace;
  if (structure.kind === 'equations') return undefined;
  const now = (line: string) => unitNow(shown, line, unit);
  const before = unitNow(shown, structure.memory, unit, 'before');
  const after = numberText(now(`${structure.memory}'`));
  if (structure.kind === 'additive')
    return `${numberText(now(structure.keep))} · ${numberText(before)} + ${numberText(now(structure.store))} · ${numberText(now(structure.candidate))} = ${after}`;
  const gate = now(structure.gate);
  const keep = structure.inverted ? 1 - gate : gate;
  return `${numberText(keep)} · ${numberText(before)} + ${numberText(1 - keep)} · ${numberText(now(structure.candidate))} = ${after}`;
}
