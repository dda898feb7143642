// Ways through a plane as SVG text: where each begins and ends, which way it goes, and points that lie on or between them.

import { escaped, figure, strokes, ticksOf } from '../shared/chart.ts';

type Place = readonly [x: number, y: number];

export interface PlanePath {
  readonly name: string;
  /** In order of time. */
  readonly points: readonly Place[];
}

/** Told apart by their shapes. */
export type Mark = 'stable' | 'saddle' | 'unstable';

export interface PlanePoint {
  readonly mark: Mark;
  /** Drawn small. */
  readonly slow: boolean;
  readonly name: string;
  /** Beside the mark. */
  readonly note: string;
  readonly at: Place;
}

export interface Plane {
  readonly title: string;
  /** Names of the axes. */
  readonly across: string;
  readonly up: string;
  readonly paths: readonly PlanePath[];
  readonly points?: readonly PlanePoint[];
  /** What the picture shows, for those who hear it. */
  readonly sentence: string;
}

const SIZE = { width: 640, height: 400, left: 62, right: 24, top: 14, bottom: 42 } as const;
/** Arrows on a path, at even distances along it. */
const ARROWS = 6;

/** The picture alone: its numbers are the caller's. Both axes have scales of their own. */
export function planeChart({ title, across, up, paths: all, points = [], sentence }: Plane): string {
  const paths = all.map((path) => ({ ...path, points: path.points.filter((place) => place.every(Number.isFinite)) }));
  const places = [...paths.flatMap((path) => path.points), ...points.map(({ at }) => at)];
  const [left, right] = rangeOf(places.map(([x]) => x));
  const [low, high] = rangeOf(places.map(([, y]) => y));
  const x = (value: number): number => SIZE.left + ((value - left) / (right - left)) * (SIZE.width - SIZE.left - SIZE.right);
  const y = (value: number): number => SIZE.height - SIZE.bottom - ((value - low) / (high - low)) * (SIZE.height - SIZE.top - SIZE.bottom);
  const at = ([across_, up_]: Place): Place => [x(across_), y(up_)];
  const parts: string[] = [];
  for (const tick of ticksOf(low, high, false))
    parts.push(
      `<line class="grid" x1="${SIZE.left}" x2="${SIZE.width - SIZE.right}" y1="${short(y(tick))}" y2="${short(y(tick))}"/><text class="tick" x="${SIZE.left - 6}" y="${short(y(tick) + 4)}" text-anchor="end">${figure(tick)}</text>`,
    );
  for (const tick of ticksOf(left, right, false))
    parts.push(
      `<line class="grid" x1="${short(x(tick))}" x2="${short(x(tick))}" y1="${SIZE.top}" y2="${SIZE.height - SIZE.bottom}"/><text class="tick" x="${short(x(tick))}" y="${SIZE.height - SIZE.bottom + 15}" text-anchor="middle">${figure(tick)}</text>`,
    );
  paths.forEach(({ name, points: own }, k) => {
    const [colour, dash] = strokes[k % strokes.length]!;
    parts.push(...pathParts(own.map(at), name, colour, dash, points.length > 0));
  });
  // Ends and points stand above all lines.
  const names: Place[] = [];
  paths.forEach(({ name, points: own }, k) => {
    const [colour] = strokes[k % strokes.length]!;
    const [first, last] = [own[0], own.at(-1)];
    if (first === undefined || last === undefined) return;
    parts.push(...endParts(at(first), at(last), name, colour));
    // A name that would lie on another goes below it.
    for (const [placed, anchor] of [
      [first, 'end'],
      [last, 'start'],
    ] as const) {
      const [placedX, placedY] = at(placed);
      const x_ = placedX + (anchor === 'end' ? -8 : 8);
      let y_ = placedY + 4;
      while (names.some(([otherX, otherY]) => Math.abs(otherX - x_) < 14 && Math.abs(otherY - y_) < 12)) y_ += 12;
      names.push([x_, y_]);
      parts.push(`<text class="label halo" x="${short(x_)}" y="${short(y_)}" text-anchor="${anchor}">${escaped(name)}</text>`);
    }
  });
  for (const point of points) parts.push(pointPart(at(point.at), point));
  return `<figure><figcaption>${escaped(title)}</figcaption><svg viewBox="0 0 ${SIZE.width} ${SIZE.height}" role="img" aria-label="${escaped(sentence)}">${parts.join('')}<text class="tick" x="${SIZE.width - SIZE.right}" y="${SIZE.height - 6}" text-anchor="end">${escaped(across)}</text><text class="tick" x="14" y="${SIZE.top}" text-anchor="end" transform="rotate(-90 14 ${SIZE.top})">${escaped(up)}</text></svg></figure>`;
}

const short = (value: number): string => String(Number(value.toFixed(1)));

/** A line without a fill, and the arrows on it; faint where points stand among them. */
function pathParts(places: readonly Place[], name: string, colour: string, dash: string, isFaint: boolean): string[] {
  const line = places.map(([x, y], k) => `${k === 0 ? 'M' : 'L'}${short(x)} ${short(y)}`).join('');
  const arrows = arrowsOn(places).map(({ at: [x, y], angle }) => {
    return `<path d="M-4.5 -3.6L3 0L-4.5 3.6" transform="translate(${short(x)} ${short(y)}) rotate(${short(angle)})" fill="none" stroke="var(${colour})" stroke-width="1.8"/>`;
  });
  return [
    `<path d="${line}" fill="none" stroke="var(${colour})" stroke-width="1.3" stroke-opacity="${isFaint ? 0.4 : 0.75}" stroke-linejoin="round" stroke-dasharray="${dash}"><title>${escaped(name)}</title></path>`,
    ...arrows,
  ];
}

/** A ring where it begins, a square where it ends. */
const endParts = ([x, y]: Place, [endX, endY]: Place, name: string, colour: string): string[] => [
  `<circle cx="${short(x)}" cy="${short(y)}" r="4.5" fill="var(--background, var(--vscode-editor-background))" stroke="var(${colour})" stroke-width="2"><title>${escaped(`${name} begins`)}</title></circle>`,
  `<rect x="${short(endX - 4)}" y="${short(endY - 4)}" width="8" height="8" fill="var(${colour})"><title>${escaped(`${name} ends`)}</title></rect>`,
];

/** A filled diamond, a cross, or an empty diamond. */
function pointPart([x, y]: Place, { mark, slow, name, note }: PlanePoint): string {
  const size = slow ? 4 : 7;
  const diamond = `M0 -${size}L${size} 0L0 ${size}L-${size} 0Z`;
  const cross = `M-${size} -${size}L${size} ${size}M-${size} ${size}L${size} -${size}`;
  const fill =
    mark === 'stable' ? 'var(--vscode-foreground)' : mark === 'unstable' ? 'var(--background, var(--vscode-editor-background))' : 'none';
  const words = note === '' ? '' : `<text class="label halo" x="${size + 3}" y="4">${escaped(note)}</text>`;
  return `<g transform="translate(${short(x)} ${short(y)})"><path d="${mark === 'saddle' ? cross : diamond}" fill="${fill}" stroke="var(--vscode-foreground)" stroke-width="${slow ? 1.2 : 2}"><title>${escaped(name)}</title></path>${words}</g>`;
}

/** Arrowheads at even distances along a path, in degrees from the x axis. */
function arrowsOn(places: readonly Place[]): { readonly at: Place; readonly angle: number }[] {
  const lengths = places.slice(1).map(([x, y], k) => Math.hypot(x - places[k]![0], y - places[k]![1]));
  const whole = lengths.reduce((sum, length) => sum + length, 0);
  const found: { readonly at: Place; readonly angle: number }[] = [];
  let gone = 0;
  for (const [k, length] of lengths.entries()) {
    const next = ((found.length + 0.5) / ARROWS) * whole;
    if (length > 0 && gone + length >= next && found.length < ARROWS) {
      const [[x, y], [toX, toY]] = [places[k]!, places[k + 1]!];
      const share = (next - gone) / length;
      found.push({ at: [x + share * (toX - x), y + share * (toY - y)], angle: (Math.atan2(toY - y, toX - x) * 180) / Math.PI });
    }
    gone += length;
  }
  return found;
}

/** With room around; where nothing varies, a little about it. */
function rangeOf(values: readonly number[]): readonly [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  const room = high > low ? (high - low) * 0.06 : Math.max(1e-6, Math.abs(low) / 10);
  return [low - room, high + room];
}
