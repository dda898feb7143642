// What was measured of one layer.

import type { Analysis, LagCurve, LayerAnalysis } from '../shared/analysis.ts';
import { escaped, lineChart, type Series } from '../shared/chart.ts';
import { dynamicsHtml } from './dynamics.ts';
import { fixedPointsOf } from './fixed-points.ts';
import type { Links } from './links.ts';
import { spectrumHtml } from './spectrum.ts';
import { unitsHtml } from './units.ts';
import { factorsChart, waysHtml } from './ways.ts';
import { horizonText, longest } from './words.ts';

/** g(k) with its band. */
export const curveSeries = (name: string, { mean, low, high }: Pick<LagCurve, 'mean' | 'low' | 'high'>): Series => ({
  name,
  points: mean.map((value, lag) => [lag, value] as const),
  spread: mean.flatMap((value, lag) => (value > 0 ? [[lag, low[lag]!, high[lag]!] as const] : [])),
});

/** What is left below this is as good as nothing, and would press the rest of the chart together. */
export const FLOOR = 1e-10;

export function layerHtml(layer: LayerAnalysis, analysis: Analysis, links: Links): string {
  const { threshold, needs } = analysis;
  const { curves, direct } = layer;
  const measured = curves.map((curve) => curveSeries(curve.state, curve));
  const alone = direct.map(({ state, factor, product }): Series => {
    return { name: `${state} by ${factor.factor} alone`, points: product.map((value, lag) => [lag, value] as const) };
  });
  const gradient = lineChart({
    title: `Gradient by lag in ${layer.layer}`,
    along: 'lag, steps',
    log: true,
    series: [...measured, ...alone],
    tall: true,
    floor: Math.min(FLOOR, threshold / 10),
    marks: [{ y: threshold, label: 'forgotten below' }],
    stops: [{ x: needs.lag, label: 'needed:' }],
    spots: curves
      .filter(({ horizon }) => !horizon.beyond)
      .map(({ state, horizon }) => ({ series: state, x: horizon.value, label: `horizon of ${state}: ${horizonText({ horizon })}` })),
  });
  const horizons = curves.map(({ state, horizon }) => `<tr><th>${escaped(state)}</th><td>${escaped(horizonText({ horizon }))}</td></tr>`);
  return `<section><h2>${escaped(layer.layer)} <small>${escaped(layer.cell)}${layer.reverse ? ', from the end' : ''}: ${escaped(horizonText(longest(layer)))}</small></h2>
${gradient}<table><caption>Memory horizon</caption><tbody>${horizons.join('')}</tbody></table>
<h3>Where it is lost</h3>${waysHtml(layer, links)}${factorsChart(layer)}
<h3>Jacobian of a step</h3>${spectrumHtml(layer)}
<h3>Gates and units</h3>${unitsHtml(layer)}
<h3>Trajectories of the states</h3>${dynamicsHtml(layer, fixedPointsOf(analysis, layer.layer))}</section>`;
}
