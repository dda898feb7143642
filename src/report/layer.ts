// What was measured of one layer.

import type { Analysis, LayerAnalysis } from '../shared/analysis.ts';
import { escaped, type Series } from '../shared/chart.ts';
import { dynamicsHtml } from './dynamics.ts';
import { fixedPointsOf } from './fixed-points.ts';
import { lagChart } from './gradient.ts';
import type { Links } from './links.ts';
import { spectrumHtml } from './spectrum.ts';
import { unitsHtml } from './units.ts';
import { factorsChart, waysHtml } from './ways.ts';
import { horizonText, longest } from './words.ts';

export function layerHtml(layer: LayerAnalysis, analysis: Analysis, links: Links): string {
  const { threshold, needs } = analysis;
  const { curves, direct } = layer;
  const alone = direct.map(({ state, factor, product }): Series => {
    return { name: `${state} by ${factor.factor} alone`, points: product.map((value, lag) => [lag, value] as const) };
  });
  const gradient = lagChart({
    title: `Gradient by lag in ${layer.layer}`,
    curves: curves.map((curve) => ({ name: curve.state, curve })),
    more: alone,
    threshold,
    needs: needs.lag,
  });
  const horizons = curves.map(({ state, horizon }) => `<tr><th>${escaped(state)}</th><td>${escaped(horizonText({ horizon }))}</td></tr>`);
  return `<section><h2>${escaped(layer.layer)} <small>${escaped(layer.cell)}${layer.reverse ? ', from the end' : ''}: ${escaped(horizonText(longest(layer)))}</small></h2>
${gradient}<table><caption>Memory horizon</caption><tbody>${horizons.join('')}</tbody></table>
<h3>Where it is lost</h3>${waysHtml(layer, links)}${factorsChart(layer)}
<h3>Jacobian of a step</h3>${spectrumHtml(layer)}
<h3>Gates and units</h3>${unitsHtml(layer)}
<h3>Trajectories of the states</h3>${dynamicsHtml(layer, fixedPointsOf(analysis, layer.layer))}</section>`;
}
