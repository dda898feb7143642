// States in the plane of their first two principal components: the whole sequence, the window's part of it, and the last steps to where one stands.

import { ticksOf } from '../src/shared/chart.ts';
import { count, percent, visibleToken } from '../src/shared/figures.ts';
import { numberText } from '../src/shared/numbers.ts';
import type { Opened, Shown } from './shown.ts';
import { pathThrough, round, type Surface } from './surface.ts';
import { NARROW } from './timeline-layout.ts';

type Place = readonly [x: number, y: number];

export interface TrajectoryPoint {
  readonly t: number;
  readonly token: string;
  /** Along the components. */
  readonly at: Place;
  /** On the surface. */
  readonly place: Place;
}

export interface TrajectoryLayout {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** In order of timesteps; those that are no numbers are left out. */
  readonly points: readonly TrajectoryPoint[];
  /** The last steps before where one stands, and that place; none while it is read. */
  readonly trail: readonly Place[];
  readonly ticks: {
    readonly across: readonly (readonly [at: number, value: number])[];
    readonly up: readonly (readonly [at: number, value: number])[];
  };
  readonly explained: Place;
}

/** Arrows along the window's part. */
const ARROWS = 8;
const HINTS = '← → timestep · ↑ ↓ look along it · Enter goes there · T as table';
const SHORT_HINTS = '← → step · ↑ ↓ look · Enter goes there';

/** The numbers of what is shown now. */
export function trajectoryOf({ state, numbers }: Shown): Opened<'trajectory'> | undefined {
  const { trace } = state;
  const found = numbers.trajectory;
  return found?.layer === trace?.layer && found?.of === trace?.trajectory ? found : undefined;
}

/** undefined while the states are read. */
export function layOutTrajectory(shown: Shown, width: number, height: number): TrajectoryLayout | undefined {
  const found = trajectoryOf(shown);
  if (found === undefined) return undefined;
  const { t, x, y, explained } = found.values;
  const narrow = width < NARROW;
  const box = { x: narrow ? 40 : 56, y: 34, width: width - (narrow ? 52 : 72), height: Math.max(80, height - 100) };
  const finite = (values: Float32Array | undefined): Float32Array => (values ?? new Float32Array()).filter(Number.isFinite);
  const [left, right] = rangeOf(finite(x));
  const [low, high] = rangeOf(finite(y));
  const place = ([across, up]: Place): Place => [
    box.x + ((across - left) / (right - left)) * box.width,
    box.y + box.height - ((up - low) / (high - low)) * box.height,
  ];
  const points = Array.from(t ?? [], (timestep, k): TrajectoryPoint => {
    const at = [x![k]!, y![k]!] as const;
    return { t: timestep, token: found.tokens[k] ?? '', at, place: place(at) };
  }).filter(({ at }) => at.every(Number.isFinite));
  const now = shown.numbers.trajectoryAt;
  const isNow = now?.layer === found.layer && now.of === found.of && now.t === shown.state.trace!.t;
  return {
    ...box,
    points,
    trail: isNow ? Array.from(now.values.x ?? [], (each, k) => place([each, now.values.y![k]!])) : [],
    ticks: {
      across: ticksOf(left, right, false).map((value) => [place([value, low])[0], value] as const),
      up: ticksOf(low, high, false).map((value) => [place([left, value])[1], value] as const),
    },
    explained: [explained?.[0] ?? Number.NaN, explained?.[1] ?? Number.NaN],
  };
}

function rangeOf(values: Float32Array): Place {
  const [low, high] = values.reduce(([least, most], each) => [Math.min(least, each), Math.max(most, each)], [
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ] as [number, number]);
  if (low > high) return [-1, 1];
  const room = high > low ? (high - low) * 0.06 : Math.max(1e-6, Math.abs(low) / 10);
  return [low - room, high + room];
}

/** The drawn point that is nearest to a place, within so many pixels. */
export function pointNear({ points }: TrajectoryLayout, [x, y]: Place, within: number): TrajectoryPoint | undefined {
  let [nearest, found]: [number, TrajectoryPoint | undefined] = [within, undefined];
  for (const point of points) {
    const far = Math.hypot(point.place[0] - x, point.place[1] - y);
    if (far <= nearest) [nearest, found] = [far, point];
  }
  return found;
}

export function drawTrajectory(surface: Surface, shown: Shown, layout: TrajectoryLayout, preview: TrajectoryPoint | undefined): void {
  const { theme } = surface;
  const trace = shown.state.trace!;
  const found = trajectoryOf(shown)!;
  drawAxes(surface, layout);
  const own = trace.rows.find(({ line }) => line === found.of);
  const colour = own === undefined ? theme.link : theme.hue[own.identity];
  const ordered = found.reverse ? layout.points.toReversed() : layout.points;
  const { from, to } = trace.window;
  const inWindow = ordered.filter(({ t }) => t >= from && t < to);
  surface.path(pathThrough(ordered.map(({ place }) => place)), { stroke: theme.dim, width: 1, opacity: 0.8 });
  surface.path(pathThrough(inWindow.map(({ place }) => place)), { stroke: colour, width: 1.8 });
  for (const arrow of arrowsOn(inWindow.map(({ place }) => place))) surface.path(arrow, { stroke: colour, width: 1.8 });
  const [first, last] = [ordered[0], ordered.at(-1)];
  if (first !== undefined) {
    surface.path(ringAt(first.place, 4.5), { stroke: theme.halo, width: 4 });
    surface.path(ringAt(first.place, 4.5), { stroke: theme.foreground, fill: theme.background, width: 1.8 });
  }
  if (last !== undefined) surface.rect(last.place[0] - 4, last.place[1] - 4, 8, 8, { fill: theme.foreground, stroke: theme.halo });
  drawNow(surface, shown, layout);
  if (preview === undefined) return;
  surface.path(ringAt(preview.place, 7), { stroke: theme.halo, width: 4 });
  surface.path(ringAt(preview.place, 7), { stroke: theme.focus, width: 2 });
}

/** The last steps, thick, and a disc with its timestep and token where they have led. */
function drawNow(surface: Surface, shown: Shown, layout: TrajectoryLayout): void {
  const { theme } = surface;
  const now = layout.trail.at(-1);
  if (now === undefined || !now.every(Number.isFinite)) return;
  surface.path(pathThrough(layout.trail), { stroke: theme.halo, width: 5, opacity: 0.6 });
  surface.path(pathThrough(layout.trail), { stroke: theme.cursor, width: 2.4 });
  surface.path(ringAt(now, 6), { fill: theme.cursor, stroke: theme.halo, width: 2 });
  const { t } = shown.state.trace!;
  const token = shown.numbers.column?.t === t ? ` ‘${visibleToken(shown.numbers.column.token)}’` : '';
  const label = `t ${count(t)}${token}`;
  const half = surface.measure(label, { weight: 700 }) / 2 + 4;
  const x = Math.max(layout.x + half, Math.min(layout.x + layout.width - half, now[0]));
  const y = now[1] - 26 < layout.y - 8 ? now[1] + 11 : now[1] - 26;
  surface.rect(x - half, y, half * 2, 15, { fill: theme.cursor, radius: 2 });
  surface.text(x, y + 11, label, { weight: 700, fill: theme.halo, anchor: 'middle' });
}

function drawAxes(surface: Surface, layout: TrajectoryLayout): void {
  const { theme } = surface;
  const { x, y, width, height, ticks, explained } = layout;
  const foot = y + height;
  const second = { size: 10.5, fill: theme.description } as const;
  for (const [at, value] of ticks.across) {
    surface.path(`M${round(at)} ${y}V${foot}`, { stroke: theme.grid });
    surface.text(at, foot + 14, numberText(value), { ...second, anchor: 'middle' });
  }
  for (const [at, value] of ticks.up) {
    surface.path(`M${x} ${round(at)}H${x + width}`, { stroke: theme.grid });
    surface.text(x - 5, at + 4, numberText(value), { ...second, anchor: 'end', room: x - 8 });
  }
  const narrow = width < NARROW - 72;
  surface.text(x, 18, `↑ component 2 · ${percent(explained[1])} of the variance`, { room: width });
  surface.text(x + width, foot + 30, `component 1 · ${percent(explained[0])} of the variance →`, { anchor: 'end', room: width });
  const legend = narrow ? '○ start ■ end' : '○ where it begins · ■ where it ends · strong: the window of the timeline';
  surface.text(x, foot + 46, legend, { ...second, room: width });
  surface.text(x, foot + 61, narrow ? SHORT_HINTS : HINTS, { ...second, room: width });
}

const ringAt = ([x, y]: Place, radius: number): string =>
  `M${round(x - radius)} ${round(y)}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0Z`;

/** Arrowheads at even distances along a path. */
function arrowsOn(places: readonly Place[]): string[] {
  const lengths = places.slice(1).map(([x, y], k) => Math.hypot(x - places[k]![0], y - places[k]![1]));
  const whole = lengths.reduce((sum, length) => sum + (Number.isFinite(length) ? length : 0), 0);
  const found: string[] = [];
  let gone = 0;
  for (const [k, length] of lengths.entries()) {
    if (!(length > 0)) continue;
    const next = ((found.length + 0.5) / ARROWS) * whole;
    if (gone + length >= next && found.length < ARROWS) {
      const [[x, y], [toX, toY]] = [places[k]!, places[k + 1]!];
      const share = (next - gone) / length;
      const [alongX, alongY] = [(toX - x) / length, (toY - y) / length];
      const [tipX, tipY] = [x + share * (toX - x) + 3 * alongX, y + share * (toY - y) + 3 * alongY];
      const wing = (side: number): string =>
        `${round(tipX - 7 * alongX - 4 * side * alongY)} ${round(tipY - 7 * alongY + 4 * side * alongX)}`;
      found.push(`M${wing(1)}L${round(tipX)} ${round(tipY)}L${wing(-1)}`);
    }
    gone += length;
  }
  return found;
}
