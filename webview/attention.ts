// Rows of attention: places from top to bottom (or head by head), where a gate has units. What counts is where the weight lies, not its mean.

import { uniformity } from '../src/shared/attention.ts';
import { visibleToken } from '../src/shared/figures.ts';
import type { Row, TraceState } from '../src/shared/messages.ts';
import { numberText } from '../src/shared/numbers.ts';
import { columnOf, lengthOf, type Shown } from './shown.ts';
import { round, type Surface } from './surface.ts';
import type { RowBox, TimelineLayout } from './timeline-layout.ts';

export type Places = NonNullable<Row['attention']>;

/** The place with the most weight among those of a head; undefined where a weight is no number. */
export function strongest(
  weights: ArrayLike<number>,
  { places }: Places,
  head = 0,
): { readonly place: number; readonly weight: number } | undefined {
  let [place, weight] = [-1, Number.NEGATIVE_INFINITY];
  for (let k = 0; k < places; k += 1) {
    const each = weights[head * places + k]!;
    if (!Number.isFinite(each)) return undefined;
    if (each > weight) [place, weight] = [k, each];
  }
  return place < 0 ? undefined : { place, weight };
}

/** `place 4`, or `‘m’ at place 4`. */
export const placeName = ({ tokens, image }: Places, place: number): string => {
  if (image !== undefined) return `row ${Math.floor(place / image.columns)}, column ${place % image.columns}`;
  const token = tokens?.[place];
  return token === undefined ? `place ${place}` : `‘${visibleToken(token)}’ at place ${place}`;
};

/** `place 4`, or `‘m’` where that says enough. */
export const shortPlaceName = (places: Places, place: number): string => {
  const token = places.tokens?.[place];
  return token === undefined ? placeName(places, place) : `‘${visibleToken(token)}’`;
};

/** `place 4 has .62 of the weight`, head by head; and how much they are spread out. */
export function strongestText(weights: ArrayLike<number>, places: Places): string {
  const found = Array.from({ length: places.heads }, (_, head) => {
    const most = strongest(weights, places, head);
    const said = most === undefined ? 'no numbers' : `${placeName(places, most.place)} has ${numberText(most.weight)} of the weight`;
    return places.heads === 1 ? said : `in head ${head} ${said}`;
  });
  return found.join(', ');
}

/** What stands at the places, at the axis: all of them where there is room, else some. */
export function drawPlaceTokens(surface: Surface, layout: TimelineLayout, { row, y, height }: RowBox): void {
  const { tokens, heads, places } = row.attention!;
  if (tokens === undefined) return;
  const each = height / row.units;
  const every = Math.ceil(9 / each);
  const size = Math.min(11, Math.max(9, each));
  for (let unit = 0; unit < heads * places; unit += 1) {
    const place = unit % places;
    if (place % every !== 0) continue;
    const middle = y + (unit + 0.5) * each;
    // Beside letter and name there is room for a letter only.
    const room = middle < y + 20 ? 12 : layout.x - layout.padding - 6;
    surface.text(layout.x - 4, middle + size * 0.35, visibleToken(tokens[place] ?? ''), { size, mono: true, anchor: 'end', room });
  }
}

/** The widest that a token may be below bars, in pixels; longer ones are cut. */
const TOKEN_ROOM = 44;
/** How far tokens may reach beyond the bars, in pixels. */
const BESIDE = 6;

/** What stands at the places, below their bars: all of them where there is room, else every so many, that of `most` among them. */
export function drawTokensBelow(
  surface: Surface,
  { x, y, width }: Omit<PlaceBars, 'height'>,
  { tokens = [], heads, places }: Places,
  most = 0,
): void {
  const each = width / (heads * places);
  const style = { size: 10, mono: true } as const;
  const widest = Math.max(...tokens.map((token) => surface.measure(visibleToken(token), style)));
  const every = Math.ceil(Math.min(widest + 3, TOKEN_ROOM) / each);
  for (let unit = 0; unit < heads * places; unit += 1) {
    const place = unit % places;
    if (place % every !== most % every) continue;
    const middle = (unit + 0.5) * each;
    const room = Math.min(every * each - 2, 2 * (Math.min(middle, width - middle) + BESIDE));
    const fill = place === most ? surface.theme.foreground : surface.theme.description;
    surface.text(x + middle, y, visibleToken(tokens[place] ?? ''), { ...style, fill, anchor: 'middle', room });
  }
}

/** How much the weights are spread out, a bar a timestep: full where all places have the same. */
export function drawSpread(surface: Surface, shown: Shown, trace: TraceState, layout: TimelineLayout, { row, strip }: RowBox): void {
  const { theme } = surface;
  const { y, height } = strip!;
  const numbers = shown.numbers.window;
  const shares = numbers?.layer === trace.layer ? numbers.values[`uniform:${row.line}`] : undefined;
  const base = y + height;
  if (numbers !== undefined && shares !== undefined) {
    const across = (lengthOf(numbers) * layout.cell) / numbers.columns;
    const left = layout.timeToX(numbers.from - 0.5);
    const gap = across > 3 ? 0.7 : 0;
    let bars = '';
    shares.forEach((share, at) => {
      if (share > 0) bars += `M${round(left + at * across)} ${base}v${round(-share * (height - 2))}h${round(across - gap)}V${base}z`;
    });
    surface.clipped(layout.x, y, layout.plot, height + 1, () => surface.path(bars, { fill: theme.hue[row.identity], opacity: 0.7 }));
  }
  surface.path(`M${layout.x} ${base}h${layout.plot}`, { stroke: theme.dim, width: 0.6 });
  surface.path(`M${layout.x} ${round(y + 2)}h${layout.plot}`, { stroke: theme.dim, width: 0.6, dash: [2, 3] });
  const small = { size: 9.5, fill: theme.description };
  surface.text(layout.padding, base - 2, layout.narrow ? 'H' : 'entropy / ln n', { ...small, room: layout.x - layout.padding - 4 });
  const now = columnOf(shown)?.[`now:${row.line}`];
  if (now === undefined) return;
  const { heads, places } = row.attention!;
  const spread = Array.from({ length: heads }, (_, head) => uniformity(now.subarray(head * places, (head + 1) * places)));
  const mean = spread.reduce((sum, each) => sum + each, 0) / heads;
  surface.text(layout.width - layout.padding, base - 2, `${numberText(mean)}${layout.narrow ? '' : ' uniform'}`, {
    ...small,
    anchor: 'end',
  });
}

/** On the heatmap: lines between heads, a box around the place that has the most weight now; beside it which it is. */
export function drawPlaces(surface: Surface, shown: Shown, trace: TraceState, layout: TimelineLayout, { row, y, height }: RowBox): void {
  const places = row.attention!;
  const { theme } = surface;
  const each = height / row.units;
  for (let head = 1; head < places.heads; head += 1)
    surface.path(`M${layout.x} ${round(y + head * places.places * each)}h${layout.plot}`, { stroke: theme.halo, width: 2 });
  const now = columnOf(shown)?.[`now:${row.line}`];
  if (now === undefined) return;
  const isInView = trace.t >= trace.window.from && trace.t < trace.window.to;
  for (let head = 0; isInView && head < places.heads; head += 1) {
    const most = strongest(now, places, head);
    if (most === undefined) continue;
    const width = Math.max(3, layout.plot / lengthOf(trace.window));
    const top = y + (head * places.places + most.place) * each;
    const box = [layout.timeToX(trace.t) - width / 2, top, width, Math.max(3, each)] as const;
    surface.rect(...box, { stroke: theme.halo, width: 3.4 });
    surface.rect(...box, { stroke: theme.cursor, width: 1.6 });
  }
  drawStrongest(surface, shown, layout, { row, y });
}

/** Beside the row: the largest weight of the current timestep, and where it lies. */
export function drawStrongest(surface: Surface, shown: Shown, layout: TimelineLayout, { row, y }: Pick<RowBox, 'row' | 'y'>): void {
  const { theme } = surface;
  const places = row.attention!;
  const now = columnOf(shown)?.[`now:${row.line}`];
  const first = now === undefined ? undefined : strongest(now, places);
  const right = layout.width - layout.padding;
  if (first === undefined) return;
  surface.text(right, y + 11, numberText(first.weight), { weight: 600, anchor: 'end' });
  if (layout.narrow) return;
  const token = places.tokens?.[first.place];
  const { image } = places;
  const plain =
    image === undefined ? `place ${first.place}` : `(${Math.floor(first.place / image.columns)}, ${first.place % image.columns})`;
  const said = token === undefined ? `at ${plain}` : `at ‘${visibleToken(token)}’`;
  surface.text(right, y + 23, said, { size: 10, fill: theme.description, anchor: 'end', room: layout.width - layout.x - layout.plot - 8 });
  if (places.alignmentError !== undefined)
    surface.text(right, y + 36, `AER ${numberText(places.alignmentError)}`, { size: 10, fill: theme.description, anchor: 'end' });
}

export interface PlaceBars {
  readonly x: number;
  /** Base line. */
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The round number up to which bars are drawn: weights that are spread out are small. */
export const topOf = (...columns: readonly (Float32Array | undefined)[]): number => {
  const largest = Math.max(0, ...columns.flatMap((column) => Array.from(column ?? [], (each) => (Number.isFinite(each) ? each : 0))));
  return [0.01, 0.02, 0.05, 0.1, 0.2, 0.5].find((each) => largest <= each) ?? 1;
};

/** The weights of a timestep, place by place: filled now, outlined a timestep ago; dashed where all were alike. */
export function drawPlaceBars(
  surface: Surface,
  { x, y, width, height }: PlaceBars,
  row: Row,
  now: Float32Array,
  previous?: Float32Array,
): void {
  const { theme } = surface;
  const places = row.attention!;
  const bar = width / row.units;
  const top = topOf(now, previous);
  const tall = (weight: number): number => Math.max(0, Math.min(1, Number.isFinite(weight) ? weight / top : 0)) * height;
  let filled = '';
  now.forEach((weight, k) => {
    const gap = bar > 3 ? 0.5 : 0;
    filled += `M${round(x + k * bar + gap)} ${y}v${round(-tall(weight))}h${round(bar - 2 * gap)}V${y}z`;
  });
  surface.path(filled, { fill: theme.hue[row.identity], opacity: 0.85 });
  if (previous !== undefined) {
    let outline = `M${round(x)} ${y}`;
    previous.forEach((weight, k) => {
      outline += `V${round(y - tall(weight))}H${round(x + (k + 1) * bar)}`;
    });
    surface.path(`${outline}V${y}`, { stroke: theme.foreground, opacity: 0.75 });
  }
  const alike = round(y - height / places.places / top);
  if (alike >= y - height) surface.path(`M${x} ${alike}h${width}`, { stroke: theme.foreground, dash: [2, 3], opacity: 0.7 });
  for (let head = 1; head < places.heads; head += 1)
    surface.path(`M${round(x + head * places.places * bar)} ${y}v${-height}`, { stroke: theme.dim });
  surface.path(`M${x} ${y}h${width}`, { stroke: theme.dim });
}
