// The timeline: which unit forgot, when, and why. Overview, tokens, heatmaps, the chosen unit and the gradient on one time axis, crossed by one cursor.

import { count, fixed, percent, short, visibleToken } from '../src/shared/figures.ts';
import type { Row, TraceState } from '../src/shared/messages.ts';
import { numberText } from '../src/shared/numbers.ts';
import { colourAt, css, inkOn, placeOf } from './colour.ts';
import { drawHeat, heatOf } from './heat.ts';
import { isState, lengthOf, orderOf, placeOfUnit, type Shown, summaryOf, timescaleOf } from './shown.ts';
import { round, type Surface } from './surface.ts';
import { type RowBox, type TimelineLayout, tickStep } from './timeline-layout.ts';
import { drawGradient, drawUnitLines } from './timeline-lines.ts';

/** Cells that have room for their number, tokens that have room for their letter or tint. */
const NUMBER_CELL = { width: 34, height: 9 };
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
  surface.text(layout.padding, y + 24, `T ${count(trace.steps)}`, { ...label, fill: theme.description });
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
  if (!trace.gradient || objective.kind !== 'lossAt' || objective.t < window.from || objective.t >= window.to) return undefined;
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
          ...(trace.by === 'char' ? {} : { room: layout.cell - 3 }),
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

function drawRow(surface: Surface, shown: Shown, trace: TraceState, layout: TimelineLayout, box: RowBox): void {
  const { theme } = surface;
  const { row, y, height } = box;
  const colour = theme.hue[row.identity];
  const numbers = shown.numbers.window;
  const current = numbers?.layer === trace.layer ? numbers : undefined;
  const values = current?.values[`heat:${row.line}`];
  surface.clipped(layout.x, y, layout.plot, height, () => {
    if (values === undefined || current === undefined) {
      surface.rect(layout.x, y, layout.plot, height, { stroke: theme.grid });
      return;
    }
    const heat = heatOf(values, current.columns, row, theme.appearance);
    const left = layout.timeToX(current.from - 0.5);
    const across = lengthOf(current) * layout.cell;
    drawHeat(surface, heat, left, y, across, height);
    const [cellWidth, cellHeight] = [across / heat.columns, height / heat.rows];
    const plain = heat.columns === lengthOf(current) && heat.rows === row.units;
    if (plain && cellWidth >= NUMBER_CELL.width && cellHeight >= NUMBER_CELL.height)
      drawNumbers(surface, values, row, heat.columns, left, y, cellWidth, cellHeight);
    const waiting = shown.state.status.kind === 'loading' || current.from > trace.window.from || current.to < trace.window.to;
    if (waiting) surface.rect(layout.x, y, layout.plot, height, { hatch: theme.description, opacity: 0.5 });
  });
  drawLabel(surface, layout, box);
  const column = summaryOf(shown.numbers.column?.layer === trace.layer ? shown.numbers.column.values[`now:${row.line}`] : undefined);
  const right = layout.width - layout.padding;
  if (column !== undefined) {
    surface.text(right, y + 11, short(column.mean), { weight: 600, anchor: 'end' });
    if (!layout.narrow) {
      surface.text(right, y + 23, 'mean', { size: 10, fill: theme.description, anchor: 'end' });
      drawProfile(surface, shown, layout, box);
    }
  }
  const markers = [trace.unit, ...trace.pins].filter((unit) => unit < row.units);
  for (const unit of markers) {
    const middle = y + ((placeOfUnit(shown, row, unit) + 0.5) / row.units) * height;
    const chosen = unit === trace.unit;
    surface.path(`M${round(layout.x - 7)} ${round(middle - 4)}l6 4l-6 4z`, chosen ? { fill: colour } : { stroke: colour });
    surface.path(`M${round(layout.x + layout.plot + 1)} ${round(middle)}h4`, { stroke: colour, width: 2 });
  }
  if (row.identity === 'cell' || (trace.structure.kind !== 'additive' && isState(row))) drawTimescales(surface, shown, trace, layout, box);
  if (box.strip !== undefined) drawStrip(surface, shown, trace, layout, box, column);
}

/** Too narrow for heatmaps: each line's letter, mean and shares at the cursor. */
function drawLetters(surface: Surface, shown: Shown, trace: TraceState, layout: TimelineLayout): void {
  const { theme } = surface;
  const current = shown.numbers.column?.layer === trace.layer ? shown.numbers.column.values : undefined;
  trace.rows.forEach((row, index) => {
    const y = layout.tokens.y + layout.tokens.height + 12 + index * 24;
    const chip = drawChip(surface, layout.padding, y, row);
    const column = summaryOf(current?.[`now:${row.line}`]);
    if (column === undefined) return;
    const shares = row.quantity === 'gate' ? `  ${percent(column.below)} < .1, ${percent(column.above)} > .9` : '';
    surface.text(layout.padding + chip + 8, y + 13, [
      [short(column.mean), { weight: 600 }],
      [shares, { fill: theme.description, size: 10.5 }],
    ]);
  });
}

/** Letter, name and ramp. */
function drawLabel(surface: Surface, layout: TimelineLayout, { row, y, height }: RowBox): void {
  const { theme } = surface;
  const chip = drawChip(surface, layout.padding, y, row);
  if (layout.narrow) return;
  const name = row.name === row.letter ? '' : row.name;
  surface.text(layout.padding + chip + 5, y + 13, name, { size: 12, room: layout.x - layout.padding - chip - 14 });
  if (height < 46) return;
  const [x, top, width] = [layout.padding, y + 25, 54];
  for (let at = 0; at < width; at++)
    surface.rect(x + at, top, 1.2, 6, { fill: css(colourAt(theme.appearance, row.quantity, at / (width - 1))) });
  surface.rect(x - 0.5, top - 0.5, width + 1, 7, { stroke: theme.grid });
  const end = row.limit === 1 ? '1' : row.limit < 3 ? fixed(row.limit, 1) : numberText(Math.round(row.limit));
  const small = { size: 10, fill: theme.description };
  surface.text(x, top + 17, row.quantity === 'signed' ? `−${end}` : '0', small);
  surface.text(x + width, top + 17, end, { ...small, anchor: 'end' });
  if (row.quantity === 'signed' && end.length < 2) surface.text(x + width / 2, top + 17, '0', { ...small, anchor: 'middle' });
}

/** The letter of a line in a box of its hue; returns the box's width. */
export function drawChip(surface: Surface, x: number, y: number, row: Pick<Row, 'letter' | 'identity'>): number {
  const colour = surface.theme.hue[row.identity];
  const style = { size: 12, weight: 700, mono: true, fill: colour } as const;
  const width = Math.max(18, surface.measure(row.letter, style) + 6);
  surface.rect(x + 0.75, y + 0.75, width - 1.5, 16.5, { stroke: colour, width: 1.5, radius: 3 });
  surface.text(x + width / 2, y + 13, row.letter, { ...style, anchor: 'middle' });
  return width;
}

/** The current column once more: length says the value, so that colour is never alone. */
function drawProfile(surface: Surface, shown: Shown, layout: TimelineLayout, { row, y, height }: RowBox): void {
  const { theme } = surface;
  const values = shown.numbers.column!.values[`now:${row.line}`]!;
  const order = orderOf(shown, row);
  const width = 38;
  const left = layout.x + layout.plot + 6;
  const signed = row.quantity === 'signed';
  const zero = signed ? left + width / 2 : left;
  const bars = Math.max(1, Math.min(Math.floor(height), row.units));
  let lines = '';
  for (let bar = 0; bar < bars; bar++) {
    let longest = 0;
    for (let place = Math.floor((bar * row.units) / bars); place < Math.max(1, Math.floor(((bar + 1) * row.units) / bars)); place++) {
      const value = values[order?.[place] ?? place]!;
      const length = placeOf(value, row.quantity, row.limit, row.softness) - (signed ? 0.5 : 0);
      if (Math.abs(length) > Math.abs(longest)) longest = length;
    }
    const reach = Math.max(signed ? -0.5 : 0, Math.min(signed ? 0.5 : 1, longest)) * width;
    lines += `M${round(zero)} ${round(y + ((bar + 0.5) * height) / bars)}h${round(reach)}`;
  }
  surface.path(lines, { stroke: theme.hue[row.identity], width: Math.max(1, height / bars - 1), opacity: 0.8 });
  surface.path(`M${zero + 0.5} ${y}v${height}`, { stroke: theme.dim });
}

function drawNumbers(
  surface: Surface,
  values: Float32Array,
  row: Row,
  columns: number,
  x: number,
  y: number,
  width: number,
  height: number,
): void {
  const size = Math.min(10.5, height * 0.98);
  values.forEach((value, cell) => {
    if (!Number.isFinite(value)) return;
    const colour = colourAt(surface.theme.appearance, row.quantity, placeOf(value, row.quantity, row.limit, row.softness));
    const [across, down] = [cell % columns, Math.floor(cell / columns)];
    surface.text(x + (across + 0.5) * width, y + (down + 0.5) * height + size * 0.35, numberText(value), {
      size,
      fill: inkOn(colour),
      anchor: 'middle',
    });
  });
}

/** Ticks where the timescale of the units falls below 100, 30 and 10 steps, while they are ordered by it. */
function drawTimescales(surface: Surface, shown: Shown, trace: TraceState, layout: TimelineLayout, { row, y, height }: RowBox): void {
  if (layout.narrow || trace.order !== 'timescale' || row.units < 20 || row.units !== trace.units) return;
  const order = orderOf(shown, row);
  if (order === undefined) return;
  const { theme } = surface;
  const style = { size: 9.5, fill: theme.description, anchor: 'end' } as const;
  const name = layout.padding + 23 + surface.measure(row.name, { size: 12 });
  let last = y - 12;
  for (const tau of [100, 30, 10]) {
    const place = order.findIndex((unit) => timescaleOf(shown, unit) < tau);
    const at = y + (place / row.units) * height;
    const label = `τ ${tau}`;
    const left = layout.x - 9 - surface.measure(label, style);
    const beside = at < y + 20 ? name : at < y + 50 ? layout.padding + 56 : 0;
    if (place < 2 || place > row.units - 3 || at - last < 12 || left < beside + 2) continue;
    last = at;
    surface.path(`M${layout.x - 4} ${round(at)}h3`, { stroke: theme.foreground });
    surface.text(layout.x - 9, at + 3, label, style);
  }
}

/** Saturation: up the share above .9, down the share below .1, the largest of each pixel. */
function drawStrip(
  surface: Surface,
  shown: Shown,
  trace: TraceState,
  layout: TimelineLayout,
  { row, strip }: RowBox,
  column: ReturnType<typeof summaryOf>,
): void {
  const { theme } = surface;
  const { y, height } = strip!;
  const middle = y + 1 + height / 2;
  const numbers = shown.numbers.window;
  const [above, below] = [numbers?.values[`above:${row.line}`], numbers?.values[`below:${row.line}`]];
  if (numbers?.layer === trace.layer && above !== undefined && below !== undefined) {
    const across = (lengthOf(numbers) * layout.cell) / numbers.columns;
    const left = layout.timeToX(numbers.from - 0.5);
    const gap = across > 3 ? 0.7 : 0;
    const bars = (shares: Float32Array, sign: 1 | -1) => {
      let data = '';
      shares.forEach((share, at) => {
        if (share > 0)
          data += `M${round(left + at * across)} ${round(middle)}v${round((sign * share * height) / 2)}h${round(across - gap)}V${round(middle)}z`;
      });
      return data;
    };
    surface.clipped(layout.x, y, layout.plot, height + 2, () => {
      surface.path(bars(above, -1), { fill: theme.hue[row.identity] });
      surface.path(bars(below, 1), { fill: theme.hue[row.identity], opacity: 0.5 });
    });
  }
  surface.path(`M${layout.x} ${round(middle)}h${layout.plot}`, { stroke: theme.dim, width: 0.6 });
  const small = { size: 9.5, fill: theme.description };
  if (layout.narrow) {
    surface.text(layout.padding, middle + 3.5, 'sat', small);
    return;
  }
  surface.text(layout.padding, middle + 3.5, '▴ > .9  ▾ < .1', { ...small, room: layout.x - layout.padding - 4 });
  if (column === undefined) return;
  const shares = `${percent(column.below).replace(' %', '')} ▾ ${percent(column.above).replace(' %', '')} ▴ %`;
  surface.text(layout.x + layout.plot + 6, middle + 3.5, shares, {
    size: 10,
    fill: theme.description,
    room: layout.width - layout.x - layout.plot - 8,
  });
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
