// The chart of gradients by lag: g(k) with its bands, the horizons, what is needed.

import type { LagCurve } from '../shared/analysis.ts';
import { lineChart, type Series } from '../shared/chart.ts';
import { horizonText } from './words.ts';

/** What is left below this is as good as nothing, and would press the rest of the chart together. */
const FLOOR = 1e-10;

export interface LagChart {
  readonly title: string;
  readonly curves: readonly { readonly name: string; readonly curve: LagCurve }[];
  /** Lines without a band. */
  readonly more?: readonly Series[];
  readonly threshold: number;
  /** The lag that is needed; absent where it is not the same for all. */
  readonly needs?: number;
}

export function lagChart({ title, curves, more = [], threshold, needs }: LagChart): string {
  const measured = curves.map(
    ({ name, curve: { mean, low, high } }): Series => ({
      name,
      points: mean.map((value, lag) => [lag, value] as const),
      spread: mean.flatMap((value, lag) => (value > 0 ? [[lag, low[lag]!, high[lag]!] as const] : [])),
    }),
  );
  return lineChart({
    title,
    along: 'lag, steps',
    log: true,
    series: [...measured, ...more],
    tall: true,
    floor: Math.min(FLOOR, threshold / 10),
    marks: [{ y: threshold, label: 'forgotten below' }],
    ...(needs === undefined ? {} : { stops: [{ x: needs, label: 'needed:' }] }),
    spots: curves
      .filter(({ curve: { horizon } }) => !horizon.beyond)
      .map(({ name, curve: { horizon } }) => ({
        series: name,
        x: horizon.value,
        label: `horizon of ${name}: ${horizonText({ horizon })}`,
      })),
  });
}
