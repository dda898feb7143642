// The timeline: which unit forgot, when, and why. Overview, tokens, heatmaps, the chosen unit and the gradient on one time axis, crossed by one cursor.

import { count, fixed, visibleToken } from '../src/shared/figures.ts';
import type { Row, TraceState } from '../src/shared/messages.ts';
import { numberText } from '../src/shared/numbers.ts';
import { colourAt, css, inkOn } from './colour.ts';
import { lengthOf, placeOfUnit, type Shown } from './shown.ts';
import { round, type Surface } from './surface.ts';
import { type TimelineLayout, tickStep } from './timeline-layout.ts';
import { drawGradient, drawUnitLines } from './timeline-lines.ts';
import { drawLetters, drawRow } from './timeline-row.ts';

/** Tokens that have room for their letter, or for their tint. */
const GLYPH_CELL = 7;
const TINT_CELL = 5;

export interface Pointer {
  readonly t: number;
  readonly row: Row;
  readonly unit: number;
}

export function drawTimeline(surface: Surface, shown: Shown, layout: TimelineLayout, pointer: Pointer | undefined): void {
  const trace = shown.state.trace!;
  drawOverview(surface, shown, trace, layout);
  drawTokens(surface, shown, trace, layout);
  for (const box of layout.rows) drawRow(surface, shown, trace, layout, box);
  drawUnitLines(surface, shown, trace, layout);
  drawGradient(surface, shown, trace, layout);
  drawTicks(surface, trace, layout);
  if (layout.tiny) drawLetters(surface, shown, trace, layout);
  drawCursor(surface, trace, layout);
  if (pointer !== undefined) drawPointer(surface, shown, layout, pointer);
  drawHints(surface, trace, layout);
}

/** Where the brush stands in the overview. */
export function brushOf(trace: TraceState, layout: TimelineLayout): { readonly x: number; readonly width: number } {
  const x = layout.x + (trace.window.from / trace.steps) * layout.plot;
  return { x, width: Math.max(4, (lengthOf(trace.window) / trace.steps) * layout.plot) };
}

function drawOverview(surface: Surface, { numbers }: Shown, trace: TraceState, layout: TimelineLayout): void {
  const { theme } = surface;
  const { y, height } = layout.overview;
  const level = numbers.overview?.values.level;
  if (level !== undefined) {
    const across = layout.plot / level.length;
    let bars = '';
    level.forEach((share, at) => {
      if (share > 0)
        bars += `M${round(layout.x + at * across)} ${round(y + height)}v${round(-share * height)}h${round(across)}v${round(share * height)}z`;
    });
    surface.path(bars, { fill: theme.dim, opacity: 0.65 });
  }
  surface.rect(layout.x, y, layout.plot, height, { stroke: theme.grid });
  const brush = brushOf(trace, layout);
  surface.rect(brush.x, y - 1, brush.width, height + 2, { fill: theme.focus, opacity: 0.18 });
  surface.rect(brush.x, y - 1, brush.width, height + 2, { stroke: theme.focus, width: 1.5 });
  for (const edge of [brush.x, brush.x + brush.width]) surface.rect(edge - 2, y + height / 2 - 5, 4, 10, { fill: theme.focus, radius: 1 });
  if (layout.tiny) return;
  const label = { room: layout.x - layout.padding - 4 };
  surface.text(layout.padding, y + 11, layout.narrow ? 'all' : 'sequence', label);
  if (layout.narrow) return;
  surface.text(layout.padding, y + 24, `${trace.along ?? 'T'} ${count(trace.steps)}`, { ...label, fill: theme.description });
  if (trace.tints.length === 0) return;
  const right = layout.x + layout.plot + 6;
  const small = { size: 10.5, fill: theme.description, room: layout.width - right - 2 };
  const max = numbers.overview?.values.max?.[0];
  surface.text(right, y + 11, trace.tint === 'surprise' ? 'surprise' : '|∂L|', small);
  if (max !== undefined) surface.text(right, y + 24, `max ${trace.tint === 'surprise' ? `${fixed(max, 1)} bit` : numberText(max)}`, small);
}

function drawTicks(surface: Surface, trace: TraceState, layout: TimelineLayout): void {
  const { theme } = surface;
  const { y } = layout.ticks;
  const { from, to } = trace.window;
  const size = 10.5;
  const step = tickStep(layout.cell, layout.narrow ? 48 : 62);
  const cursor = layout.timeToX(trace.t);
  const flagHalf = surface.measure(flagText(trace.t), { size: 11, weight: 700 }) / 2 + 8;
  const loss = lossFlag(trace, layout);
  for (let t = Math.ceil(from / step) * step; t < to; t += step) {
    const x = layout.timeToX(t);
    const label = count(t);
    const half = surface.measure(label, { size }) / 2;
    surface.path(`M${round(x)} ${y + 11}v4`, { stroke: theme.dim });
    if (Math.abs(x - cursor) < half + flagHalf || (loss !== undefined && Math.abs(x - loss) < half + 22)) continue;
    surface.text(x, y + 9, label, { size, fill: theme.description, anchor: 'middle' });
  }
  if (!layout.tiny)
    surface.text(layout.padding, y + 10, layout.narrow ? 'step' : 'timestep', {
      size,
      fill: theme.description,
      room: layout.x - layout.padding - 10,
    });
  if (loss === undefined || trace.objective.kind !== 'lossAt') return;
  const lowest = layout.gradient ?? layout.rows.at(-1) ?? layout.tokens;
  const bottom = lowest.y + lowest.height;
  surface.path(`M${round(loss)} ${y + 11}V${round(bottom)}`, { stroke: theme.link, dash: [2, 3] });
  if (Math.abs(loss - cursor) > flagHalf + 18) drawLossFlag(surface, loss, y, count(trace.objective.t));
}

/** A small flag and the timestep of the loss. */
function drawLossFlag(surface: Surface, x: number, y: number, label: string): void {
  const { theme } = surface;
  const width = surface.measure(label, { size: 10.5 });
  const left = x - (width + 9) / 2;
  surface.path(`M${round(left)} ${y + 10}v-9h6l-1.5 2.5l1.5 2.5h-6`, { stroke: theme.link, fill: theme.link, width: 1 });
  surface.text(left + 9, y + 9, label, { size: 10.5, fill: theme.link });
}

/** Where the loss stands that gradients are of, if it is one timestep's and in view. */
function lossFlag(trace: TraceState, layout: TimelineLayout): number | undefined {
  const { objective, window } = trace;
  if (!trace.gradient || trace.along !== undefined || objective.kind !== 'lossAt' || objective.t < window.from || objective.t >= window.to)
    return undefined;
  return layout.timeToX(objective.t);
}

function drawTokens(surface: Surface, { numbers }: Shown, trace: TraceState, layout: TimelineLayout): void {
  const { theme } = surface;
  const { y, height } = layout.tokens;
  const { from, to } = trace.window;
  const tint = numbers.tint;
  const shares = tint?.values.tint;
  const tokens = numbers.window?.tokens ?? [];
  const first = numbers.window?.from ?? 0;
  surface.clipped(layout.x, y, layout.plot, height, () => {
    if (layout.cell >= TINT_CELL) {
      for (let t = from; t < to; t++) {
        const share =
          shares === undefined || tint === undefined || tint.columns !== tint.to - tint.from
            ? Number.NaN
            : (shares[t - tint.from] ?? Number.NaN);
        const known = Number.isFinite(share);
        const colour = colourAt(theme.appearance, 'share', known ? share * 0.82 : 0);
        const left = layout.x + (t - from) * layout.cell;
        surface.rect(left, y, layout.cell - 0.6, height, { fill: css(colour) });
        if (known && share > 0.04)
          surface.rect(left, y + (1 - share) * (height - 1.6), layout.cell - 0.6, 1.6, { fill: theme.foreground, opacity: 0.85 });
        const token = tokens[t - first];
        if (token === undefined || layout.cell < GLYPH_CELL) continue;
        const blank = token.trim() === '';
        const size = trace.by === 'char' ? Math.min(13, layout.cell * 1.35) : 11;
        surface.text(layout.timeToX(t), y + 17, visibleToken(token), {
          size,
          mono: true,
          fill: inkOn(colour),
          anchor: 'middle',
          halo: css(colour),
          ...(blank ? { opacity: 0.55 } : {}),
          ...(trace.by === 'char' && token.length < 3 ? {} : { room: layout.cell - 3 }),
        });
      }
    } else if (shares !== undefined && tint !== undefined) {
      const scale = layout.plot / (to - from);
      shares.forEach((share, column) => {
        if (!(share > 0)) return;
        const length = tint.to - tint.from;
        const left = layout.x + (tint.from - from + (column * length) / tint.columns) * scale;
        const across = Math.max(1 / surface.ratio, (length / tint.columns) * scale);
        surface.rect(left, y + (1 - share) * height, across + 0.05, share * height, {
          fill: css(colourAt(theme.appearance, 'share', 0.25 + 0.65 * share)),
        });
      });
    }
  });
  if (layout.tiny) return;
  const label = { room: layout.x - layout.padding - 4 };
  surface.text(layout.padding, y + 11, layout.narrow ? 'token' : 'tokens', label);
  if (trace.tints.length === 0) return;
  if (!layout.narrow) surface.text(layout.padding, y + 23, `by ${trace.tint}`, { ...label, size: 10.5, fill: theme.description });
  const right = layout.x + layout.plot + 6;
  const room = layout.width - right - 2;
  const at =
    trace.tintAt === undefined
      ? '–'
      : trace.tint === 'surprise'
        ? `${fixed(trace.tintAt, 1)}${layout.narrow ? '' : ' bit'}`
        : numberText(trace.tintAt);
  surface.text(layout.narrow ? layout.width - layout.padding : right, y + 11, at, { weight: 600, anchor: layout.narrow ? 'end' : 'start' });
  if (!layout.narrow)
    surface.text(right, y + 23, layout.cell < TINT_CELL ? 'max / px' : 'at cursor', { size: 10.5, fill: theme.description, room });
}

const flagText = (t: number): string => `t ${count(t)}`;

/** One box, one timestep wide, across everything; its flag replaces the tick. */
function drawCursor(surface: Surface, trace: TraceState, layout: TimelineLayout): void {
  const { theme } = surface;
  if (trace.t < trace.window.from || trace.t >= trace.window.to) return;
  const x = layout.timeToX(trace.t);
  const width = Math.max(layout.cell, 3);
  const top = layout.tokens.y - 1;
  const last = layout.gradient ?? layout.states ?? layout.gates ?? layout.rows.at(-1) ?? layout.tokens;
  const box = [x - width / 2 - 0.5, top, width + 1, last.y + last.height - top] as const;
  surface.rect(...box, { stroke: theme.halo, width: 3, opacity: 0.55 });
  surface.rect(...box, { stroke: theme.cursor, width: 1.4 });
  const label = flagText(trace.t);
  const half = surface.measure(label, { size: 11, weight: 700 }) / 2 + 4;
  const middle = Math.max(layout.x + half - 8, Math.min(layout.width - half - 2, x));
  surface.rect(middle - half, layout.ticks.y - 1, half * 2, 15, { fill: theme.cursor, radius: 2 });
  surface.text(middle, layout.ticks.y + 10, label, { weight: 700, fill: theme.halo, anchor: 'middle' });
}

/** A preview under the pointer: a cross of dots and a ring. */
function drawPointer(surface: Surface, shown: Shown, layout: TimelineLayout, { t, row, unit }: Pointer): void {
  const { theme } = surface;
  const box = layout.rows.find((box) => box.row.line === row.line);
  if (box === undefined) return;
  const x = layout.timeToX(t);
  const y = box.y + ((placeOfUnit(shown, row, unit) + 0.5) / row.units) * box.height;
  const last = layout.gradient ?? layout.states ?? box;
  surface.path(`M${round(x)} ${layout.tokens.y}V${round(last.y + last.height)}M${layout.x} ${round(y)}h${layout.plot}`, {
    stroke: theme.cursor,
    dash: [1, 3],
  });
  // A place of an image stands in its picture, not at a height.
  if (row.attention?.image !== undefined) return;
  const ring = `M${round(x - 4.5)} ${round(y)}a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0`;
  surface.path(ring, { stroke: theme.halo, width: 3.5 });
  surface.path(ring, { stroke: theme.cursor, width: 1.6 });
}

function drawHints(surface: Surface, trace: TraceState, layout: TimelineLayout): void {
  if (layout.tiny) return;
  const steps = lengthOf(trace.window);
  const pooled = layout.cell < 1 / surface.ratio;
  const keys = layout.narrow
    ? '← → step · ↑ ↓ unit · + − zoom'
    : '← → timestep · ↑ ↓ unit · + − zoom · O order · Home End · N next event · T as table';
  const text = pooled
    ? `${count(steps)} of ${count(trace.steps)} steps · a pixel is the mean, or the outlier beyond 3.5 σ of its unit`
    : keys;
  surface.text(layout.x, layout.hints.y + 14, text, { fill: surface.theme.description, room: layout.width - layout.x - layout.padding });
}
