// A row of the timeline: the heatmap of a line with its letter, name and ramp, the current column as lengths, and the strip of saturation.

import { fixed, percent, short } from '../src/shared/figures.ts';
import type { Row, TraceState } from '../src/shared/messages.ts';
import { numberText } from '../src/shared/numbers.ts';
import { drawPlaces, drawPlaceTokens, drawSpread, drawStrongest, strongestText } from './attention.ts';
import { colourAt, css, inkOn, placeOf } from './colour.ts';
import { drawHeat, heatOf } from './heat.ts';
import { drawImageStrip } from './image-attention.ts';
import { isState, lengthOf, orderOf, placeOfUnit, type Shown, type Summary, summaryOf, timescaleOf } from './shown.ts';
import { round, type Surface } from './surface.ts';
import type { RowBox, TimelineLayout } from './timeline-layout.ts';

/** Cells that have room for their number. */
const NUMBER_CELL = { width: 34, height: 9 };

export function drawRow(surface: Surface, shown: Shown, trace: TraceState, layout: TimelineLayout, box: RowBox): void {
  const { theme } = surface;
  const { row, y, height } = box;
  const colour = theme.hue[row.identity];
  const numbers = shown.numbers.window;
  const current = numbers?.layer === trace.layer ? numbers : undefined;
  const values = current?.values[`heat:${row.line}`];
  const isStrip = row.attention?.image !== undefined && drawImageStrip(surface, shown, trace, layout, box);
  surface.clipped(layout.x, y, layout.plot, height, () => {
    if (isStrip) return;
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
  if (isStrip) {
    drawSpread(surface, shown, trace, layout, box);
    drawStrongest(surface, shown, layout, box);
    return;
  }
  if (row.attention !== undefined) {
    drawPlaces(surface, shown, trace, layout, box);
    if (!layout.narrow) drawPlaceTokens(surface, layout, box);
    drawSpread(surface, shown, trace, layout, box);
    if (column !== undefined && !layout.narrow) drawProfile(surface, shown, layout, box);
    return;
  }
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
export function drawLetters(surface: Surface, shown: Shown, trace: TraceState, layout: TimelineLayout): void {
  const { theme } = surface;
  const current = shown.numbers.column?.layer === trace.layer ? shown.numbers.column.values : undefined;
  trace.rows.forEach((row, index) => {
    const y = layout.tokens.y + layout.tokens.height + 12 + index * 24;
    const chip = drawChip(surface, layout.padding, y, row);
    const column = summaryOf(current?.[`now:${row.line}`]);
    if (column === undefined) return;
    const said = row.attention === undefined ? undefined : strongestText(current![`now:${row.line}`]!, row.attention);
    if (said !== undefined) {
      surface.text(layout.padding + chip + 8, y + 13, said, { size: 10.5, room: layout.width - layout.padding - chip - 16 });
      return;
    }
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
  if (height < 46 || row.attention?.tokens !== undefined || row.attention?.image !== undefined) return;
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
  column: Summary | undefined,
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
