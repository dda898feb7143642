// Fixed and slow points: as marks over the trajectories, in a table, and in a line of plain text.

import type { Analysis, FixedPoint, FixedPoints } from '../shared/analysis.ts';
import { escaped } from '../shared/chart.ts';
import type { PlanePoint } from './plane.ts';
import { text } from './words.ts';

/** Rows of the table; all are in the table of numbers. */
const ROWS = 40;

export const fixedPointsOf = ({ studies }: Analysis, layer: string): readonly FixedPoints[] =>
  (studies.fixedPoints ?? []).filter((found) => found.layer === layer);

/** In the plane of two components; numbered as in the table. Beside a saddle stands its number of unstable dimensions. */
export const pointMarks = ({ points }: FixedPoints, across: number, up: number): PlanePoint[] =>
  points.map((point, k) => ({
    mark: point.stability,
    slow: point.kind === 'slow',
    name: `${k + 1}: ${kindText(point)}`,
    note: point.stability === 'saddle' ? String(point.unstable) : '',
    at: [point.at[across]!, point.at[up]!],
  }));

const kindText = ({ kind, stability, unstable }: FixedPoint): string =>
  `${kind}, ${stability}${stability === 'saddle' ? ` with ${unstable} unstable ${unstable === 1 ? 'dimension' : 'dimensions'}` : ''}`;

/** `8 fixed and stable, 17 fixed saddles (11 with 1 unstable dimension, …)`. */
export function pointsText({ points, least }: FixedPoints): string {
  if (points.length === 0) return `no fixed or slow points, the smallest q is ${text(least)}`;
  const kinds = new Map<string, number>();
  for (const point of points) kinds.set(kindText(point), (kinds.get(kindText(point)) ?? 0) + 1);
  return [...kinds].map(([kind, count]) => `${count} ${kind}`).join('; ');
}

export const inputText = ({ input }: FixedPoints): string => (input === 'zero' ? 'the input held at zero' : 'the input held at its mean');

export function fixedPointsHtml(found: FixedPoints): string {
  const { points, searches, elsewhere, tolerance, left } = found;
  if (left !== undefined) return `<p>Fixed points were not searched for: ${escaped(left)}.</p>`;
  const rows = points.slice(0, ROWS).map((point, k) => {
    const { speed, radius, found: ended, at } = point;
    const scale = radius < 1 ? -1 / Math.log(radius) : radius > 1 ? 1 / Math.log(radius) : Number.POSITIVE_INFINITY;
    return `<tr><th>${k + 1}</th><td>${escaped(kindText(point))}</td><td>${text(radius)}</td><td>${text(scale)}</td><td class="number">${text(speed)}</td><td>${ended}</td>${at.map((each) => `<td>${text(each)}</td>`).join('')}</tr>`;
  });
  const heads = (points[0]?.at ?? []).map((_, k) => `<th>component ${k + 1}</th>`).join('');
  const rest = points.length > ROWS ? `<p class="unit">The first ${ROWS} of ${points.length}; the table of numbers has all.</p>` : '';
  const table =
    points.length === 0
      ? ''
      : `<table><caption>Fixed and slow points, ${escaped(inputText(found))}; the timescale is that of the largest eigenvalue, of what shrinks or grows</caption><thead><tr><th></th><th>point</th><th>largest |λ|</th><th>timescale, steps</th><th>q</th><th>searches</th>${heads}</tr></thead><tbody>${rows.join('')}</tbody></table>${rest}`;
  return `<p>With ${escaped(inputText(found))}: ${escaped(pointsText(found))}. ${searches} searches, ${elsewhere} of them ended elsewhere. A point is fixed where q = |F(h) − h|² / 2 is up to ${text(tolerance.fixed)}, slow where q has a minimum of up to ${text(tolerance.slow)}.</p>${table}`;
}
