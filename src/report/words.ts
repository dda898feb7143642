// Numbers and places of an analysis in words.

import type { Estimate, Horizon, LagCurve, LayerAnalysis } from '../shared/analysis.ts';
import type { SourceRange } from '../shared/source.ts';

export const text = (value: number): string => {
  if (!Number.isFinite(value)) return value > 0 ? '∞' : String(value);
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(1).replace('e+', 'e') : String(Number(value.toPrecision(3)));
};

/** With its interval, where it has one. */
export const interval = ({ value, low, high }: Estimate): string =>
  low === high ? text(value) : `${text(value)} (95 %: ${text(low)} to ${text(high)})`;

/** The state whose gradient lasts longest. */
export const longest = ({ curves }: Pick<LayerAnalysis, 'curves'>): LagCurve =>
  curves.reduce((best, each) =>
    (Number(each.horizon.beyond) - Number(best.horizon.beyond) || each.horizon.value - best.horizon.value) > 0 ? each : best,
  );

/** The same afterwards: of the states that last longest, the one of this name where it is among them. */
export function longestLike({ state }: Pick<LagCurve, 'state'>, layer: Pick<LayerAnalysis, 'curves'>): LagCurve {
  const best = longest(layer);
  const { value, beyond } = best.horizon;
  return layer.curves.find((each) => each.state === state && each.horizon.value === value && each.horizon.beyond === beyond) ?? best;
}

/** `9 steps (8 to 10)`, `at least 99 steps`. */
export function horizonText({ horizon }: Pick<LagCurve, 'horizon'>): string {
  const steps = (lag: number, beyond: boolean): string => `${beyond ? 'at least ' : ''}${lag}`;
  const { value, beyond, low, lowBeyond, high, highBeyond }: Horizon = horizon;
  const own = `${steps(value, beyond)} steps`;
  return low === value && high === value && lowBeyond === highBeyond
    ? own
    : `${own} (95 %: ${steps(low, lowBeyond)} to ${steps(high, highBeyond)})`;
}

/** `recurrent.rnn, line 26`. */
export const placeText = ({ uri, start }: SourceRange): string =>
  `${decodeURIComponent(uri.slice(uri.lastIndexOf('/') + 1))}, line ${start.line + 1}`;
