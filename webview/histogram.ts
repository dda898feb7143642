// Distributions of the units of a line: filled now, outlined a timestep ago, with the chosen unit marked. Bars grow with the root of the count, so that single units show.

import type { Row } from '../src/shared/messages.ts';
import { round, type Surface } from './surface.ts';

export interface Box {
  readonly x: number;
  /** Base line. */
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Distribution {
  readonly row: Row;
  readonly now: Float32Array;
  readonly previous?: Float32Array;
  readonly unit: number;
}

/** Counts in equal bins; what lies outside falls into the first and last. Values that are no numbers are left out. */
export function histogram(values: ArrayLike<number>, low: number, high: number, bins: number): number[] {
  const counts = new Array<number>(bins).fill(0);
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    if (Number.isNaN(value)) continue;
    counts[Math.max(0, Math.min(bins - 1, Math.floor(((value - low) / (high - low)) * bins)))]!++;
  }
  return counts;
}

/** Ends of the axis: [0, 1] for gates, +-1 or a whole number beyond the 97th percentile for signed lines. */
export function rangeOf({ row, now }: Pick<Distribution, 'row' | 'now'>): readonly [low: number, high: number] {
  if (row.quantity !== 'signed') return [0, 1];
  if (row.limit === 1) return [-1, 1];
  const sizes = Float32Array.from(now, Math.abs).filter(Number.isFinite).sort();
  const reach = sizes[Math.round(0.97 * (sizes.length - 1))] ?? 1;
  const limit = reach < 0.5 ? Math.max(1e-3, Number((reach * 1.1).toPrecision(1))) : Math.max(1, Math.ceil(reach * 1.1));
  return [-limit, limit];
}

/** Draws it, with the tenths of a gate hatched in which it counts as shut or open. */
export function drawHistogram(surface: Surface, { x, y, width, height }: Box, distribution: Distribution, bins: number): void {
  const { theme } = surface;
  const { row, now, previous, unit } = distribution;
  const colour = theme.hue[row.identity];
  const [low, high] = rangeOf(distribution);
  const place = (value: number) => x + ((Math.max(low, Math.min(high, value)) - low) / (high - low)) * width;
  if (row.quantity === 'gate')
    for (const left of [x, x + width * 0.9]) surface.rect(left, y - height, width * 0.1, height, { hatch: theme.dim, opacity: 0.6 });
  const counts = histogram(now, low, high, bins);
  const before = previous === undefined ? undefined : histogram(previous, low, high, bins);
  const most = Math.sqrt(Math.max(1, ...counts, ...(before ?? [])));
  const bar = width / bins;
  let filled = '';
  counts.forEach((n, bin) => {
    if (n === 0) return;
    const tall = (Math.sqrt(n) / most) * height;
    filled += `M${round(x + bin * bar + 0.5)} ${round(y)}v${round(-tall)}h${round(bar - 1)}v${round(tall)}z`;
  });
  surface.path(filled, { fill: colour, opacity: 0.85 });
  if (before !== undefined) {
    const outline = `M${round(x)} ${y}${before.map((n, bin) => `V${round(y - (Math.sqrt(n) / most) * height)}H${round(x + (bin + 1) * bar)}`).join('')}V${y}`;
    surface.path(outline, { stroke: theme.halo, width: 2.2, opacity: 0.5 });
    surface.path(outline, { stroke: theme.foreground, opacity: 0.75 });
  }
  surface.path(`M${x} ${y}h${width}`, { stroke: theme.dim });
  const own = now[unit];
  if (own === undefined || Number.isNaN(own)) return;
  const at = place(own);
  surface.path(`M${round(at)} ${round(y - height)}V${y}`, { stroke: theme.foreground, dash: [2, 2] });
  surface.path(`M${round(at - 4.5)} ${round(y - height - 6)}h9l-4.5 7z`, { fill: theme.foreground, stroke: theme.halo });
}

/** Where the mean stands, below the base line. */
export function drawMean(surface: Surface, { x, y, width }: Box, distribution: Distribution, mean: number): void {
  const [low, high] = rangeOf(distribution);
  const at = x + ((Math.max(low, Math.min(high, mean)) - low) / (high - low)) * width;
  if (Number.isFinite(at)) surface.path(`M${round(at)} ${y - 1}v5`, { stroke: surface.theme.foreground, width: 2 });
}
