// Where everything of the timeline stands: three columns (label, plot, readout), one time axis for all rows.

import type { Row, TraceState } from '../src/shared/messages.ts';
import { isState } from './shown.ts';

/** Below this width names become letters and profiles go; numbers stay. */
export const NARROW = 560;
/** Below this only letters and tokens are drawn. */
export const TOO_NARROW = 320;

export interface Band {
  readonly y: number;
  readonly height: number;
}

export interface RowBox extends Band {
  readonly row: Row;
  /** The strip below it: of saturation for gates, of the entropy for attention. */
  readonly strip?: Band;
}

export interface TimelineLayout {
  readonly width: number;
  readonly height: number;
  readonly narrow: boolean;
  readonly tiny: boolean;
  readonly padding: number;
  /** Plot. */
  readonly x: number;
  readonly plot: number;
  readonly overview: Band;
  readonly ticks: Band;
  readonly tokens: Band;
  readonly rows: readonly RowBox[];
  /** Lines of the chosen unit: gates on [0, 1], states on their own range. */
  readonly gates?: Band;
  readonly states?: Band;
  readonly gradient?: Band;
  readonly hints: Band;
  /** Width of one timestep. */
  readonly cell: number;
  /** Middle of a timestep. */
  timeToX(t: number): number;
  xToTime(x: number): number;
}

const GAP = 4;
const SMALLEST_ROW = 40;
/** A place whose token can be read, and the most that a row is made taller for them. */
export const TOKEN_PLACE = 10.5;
const TALLEST = 260;

/** Letter and name, and below them the image with what is looked at now. */
const IMAGE_ROW = 108;

const hasStrip = (row: Row): boolean => row.quantity === 'gate' || row.attention !== undefined;

/** The height of a row of attention in which its places' tokens can be read; 0 where it has none. */
const roomForTokens = ({ attention, units }: Row): number =>
  attention?.image !== undefined
    ? IMAGE_ROW
    : attention?.tokens === undefined
      ? 0
      : Math.max(SMALLEST_ROW, Math.min(TALLEST, Math.ceil(units * TOKEN_PLACE)));

/** `extra` is height that rows have got by dragging, by line. */
export function layOut(trace: TraceState, width: number, available: number, extra: ReadonlyMap<string, number>): TimelineLayout {
  const narrow = width < NARROW;
  const tiny = width < TOO_NARROW;
  const padding = narrow ? 8 : 12;
  const [label, readout] = tiny ? [26, 0] : narrow ? [44, 40] : [92, 76];
  const x = padding + label;
  const plot = Math.max(40, width - x - readout - padding);
  const { from, to } = trace.window;
  const steps = to - from;

  const overview = { y: 2, height: narrow ? 20 : 26 };
  const ticks = { y: overview.y + overview.height + 3, height: 16 };
  const tokens = { y: ticks.y + ticks.height, height: 26 };
  let y = tokens.y + tokens.height + 5;

  const shown = tiny ? [] : trace.open === undefined ? trace.rows : trace.rows.filter((row) => row.line === trace.open);
  const alone = trace.open !== undefined;
  const unitLines = !alone && !tiny && trace.units > 0;
  const half = narrow ? 35 : 48;
  const hasGates = unitLines && trace.rows.some((row) => row.quantity === 'gate');
  const hasStates = unitLines && trace.rows.some(isState);
  // Gradients that are drawn are those of states.
  const hasGradient = !alone && !tiny && trace.gradient && trace.rows.some(isState);
  const gradientHeight = narrow ? 60 : 72;
  const below = (hasGates ? half + 6 : 0) + (hasStates ? half + 6 : 0) + (hasGradient ? gradientHeight + 16 : 0) + 24;
  const strip = narrow ? 9 : 12;
  const strips = shown.filter(hasStrip).length * strip;
  const taller = shown.map(roomForTokens);
  const room = available - y - below - strips - GAP * shown.length;
  const shareOf = (own: readonly number[]): number =>
    Math.floor((room - own.reduce((sum, each) => sum + each, 0)) / Math.max(1, own.filter((each) => each === 0).length));
  // Tokens have the room that they need, and as much as other rows where there is more.
  for (let k = 0; k < shown.length; k += 1) {
    const even = taller.map((each, other) => (other === k ? 0 : each));
    const isOther = even.some((each, other) => each === 0 && other !== k);
    if (taller[k]! > 0 && shown[k]!.attention?.image === undefined && isOther && shareOf(even) > taller[k]!) taller[k] = 0;
  }
  const free = room - taller.reduce((sum, each) => sum + each, 0);
  const others = taller.filter((each) => each === 0).length;
  const each = Math.max(SMALLEST_ROW, shareOf(taller));

  // Where there is nothing else, what is left is theirs.
  const more = others === 0 ? Math.max(0, Math.floor(free / Math.max(1, shown.length))) : 0;
  const rows = shown.map((row, k) => {
    const height = (taller[k]! > 0 ? taller[k]! + more : each) + (extra.get(row.line) ?? 0);
    const box: RowBox = { row, y, height, ...(hasStrip(row) ? { strip: { y: y + height, height: strip } } : {}) };
    y += height + (hasStrip(row) ? strip : 0) + GAP;
    return box;
  });
  const band = (present: boolean, height: number, space: number): Band | undefined => {
    if (!present) return undefined;
    const made = { y: y + space / 2, height };
    y += height + space;
    return made;
  };
  const gates = band(hasGates, half, 6);
  const states = band(hasStates, half, 6);
  const gradient = band(hasGradient, gradientHeight, 16);
  const hints = { y: Math.max(y, available - 22), height: 20 };
  return {
    width,
    height: Math.max(available, hints.y + hints.height),
    narrow,
    tiny,
    padding,
    x,
    plot,
    overview,
    ticks,
    tokens,
    rows,
    ...(gates === undefined ? {} : { gates }),
    ...(states === undefined ? {} : { states }),
    ...(gradient === undefined ? {} : { gradient }),
    hints,
    cell: plot / steps,
    timeToX: (t) => x + ((t - from + 0.5) / steps) * plot,
    xToTime: (at) => Math.max(from, Math.min(to - 1, from + Math.floor(((at - x) / plot) * steps))),
  };
}

/** A round distance between ticks, at least `smallest`, so that their labels have room; `cell` is the pixels of 1. */
export function tickStep(cell: number, room: number, smallest = 1): number {
  for (let power = smallest; ; power *= 10) for (const factor of [1, 2, 5]) if (power * factor * cell >= room) return power * factor;
}
