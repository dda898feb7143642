// An analysis in plain text, for a terminal.

import type { Analysis, FixedPoints, LayerAnalysis, Verdict } from '../shared/analysis.ts';
import { ablationText } from './ablation.ts';
import { attributionText } from './attribution.ts';
import { fixedPointsOf, inputText, pointsText } from './fixed-points.ts';
import { probesText } from './probes.ts';
import { triedText } from './repair.ts';
import { horizonText, longest, text } from './words.ts';

export function analysisText(analysis: Analysis): string {
  const { title, sequences, steps, threshold, layers, verdicts, tried = [], remarks = [], seconds } = analysis;
  const head = `${title}: ${sequences} sequences of up to ${steps} steps, ${text(seconds)} s\n`;
  const studies = [probesText, attributionText, ablationText].map((write) => write(analysis)).filter((each) => each !== '');
  return `${head}\n${verdicts.map(verdictText).join('\n')}\n${triedText(tried)}${layers.map((layer) => layerText(layer, threshold, fixedPointsOf(analysis, layer.layer))).join('\n')}${studies.map((each) => `\n${each}`).join('')}${remarks.map((each) => `\n${each}\n`).join('')}`;
}

const verdictText = ({ text: said, evidence, repairs, place }: Verdict): string =>
  [
    said,
    ...evidence.map((each) => `  ${each}`),
    ...repairs.map((each) => `  → ${each.text}`),
    ...(place === undefined ? [] : [`  ${place.uri.slice(place.uri.lastIndexOf('/') + 1)}:${place.start.line + 1}`]),
    '',
  ].join('\n');

function layerText(layer: LayerAnalysis, threshold: number, fixed: readonly FixedPoints[]): string {
  const { curves, ways, direct, spectrum, gates, units, trajectories } = layer;
  const best = longest(layer);
  const lags = [1, 2, 5, 10, 20, 50, 100, 200, 500].filter((lag) => lag < best.mean.length);
  const rows = [
    `${layer.layer} (${layer.cell}${layer.reverse ? ', from the end' : ''})`,
    ...curves.map(
      (curve) =>
        `  g(k) of ${curve.state}: ${lags.map((lag) => `${lag}: ${text(curve.mean[lag]!)}`).join('  ')}   horizon at ${text(threshold)}: ${horizonText(curve)}`,
    ),
    ...direct.map(
      ({ state, factor, timescale }) =>
        `  direct way of ${state}: ${factor.factor}, ${text(factor.mean)} a step, timescale ${text(timescale)} steps, smallest ${text(factor.smallest.value)} at t = ${factor.smallest.t}`,
    ),
    ...ways.map(
      ({ name, share, gain, factors }) =>
        `  way ${name}: ${Math.round(100 * share)} % of what a step leaves, gain ${text(gain)} (${factors.map((each) => `${each.factor} ${text(each.mean)}`).join(' · ')})`,
    ),
    `  Jacobian: ${spectrum.steps
      .slice(-1)
      .map(({ t, largest, smallest, radius }) => `σ ${text(smallest)} to ${text(largest)}, radius ${text(radius)} at t = ${t}`)
      .join('')}; Lyapunov exponents ${spectrum.lyapunov.slice(0, 3).map(text).join(', ')}`,
    ...gates.map(({ line, mean: means, below, above }) => {
      const all = (values: readonly number[]): string => text(values.reduce((sum, each) => sum + each, 0) / values.length);
      return `  gate ${line}: mean ${all(means)}, below 0.1 ${all(below)}, above 0.9 ${all(above)}`;
    }),
    ...units.map(
      ({ state, dead, stuck, drifting, participation, mean: means }) =>
        `  state ${state}: ${dead.length} dead, ${stuck.length} stuck, ${drifting.length} drifting of ${means.length}; fills ${text(participation)} dimensions`,
    ),
    `  trajectories of ${trajectories.states.join(', ')}: components 1 to ${trajectories.explained.length} explain ${trajectories.explained.map((share) => `${text(100 * share)} %`).join(', ')}`,
    ...fixed.map((found) =>
      found.left === undefined
        ? `  with ${inputText(found)}: ${pointsText(found)} (${found.searches} searches, ${found.elsewhere} ended elsewhere)`
        : `  fixed points were not searched for: ${found.left}`,
    ),
  ];
  return `${rows.join('\n')}\n`;
}
