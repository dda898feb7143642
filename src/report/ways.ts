// Where on its way back through a step the gradient is lost.

import type { Factor, LayerAnalysis } from '../shared/analysis.ts';
import { escaped, lineChart } from '../shared/chart.ts';
import type { Links } from './links.ts';
import { text } from './words.ts';

export function waysHtml({ layer, ways, killer, direct }: LayerAnalysis, links: Links): string {
  const rows = ways
    .filter(({ factors }) => factors.length > 0)
    .flatMap(({ name, share, gain, factors }) =>
      factors.map(
        (factor, k) =>
          `<tr${isSame(factor, killer) ? ' class="killer"' : ''}><th>${k === 0 ? escaped(name) : ''}</th><td>${k === 0 ? `${Math.round(100 * share)} %` : ''}</td><td>${k === 0 ? text(gain) : ''}</td><td>${escaped(factor.factor)}${isSame(factor, killer) ? ' ← loses most' : ''}</td><td>${text(factor.mean)}</td><td>${text(factor.smallest.value)} at ${links.step(layer, factor.smallest.t)}</td><td><code>${escaped(`${factor.line} = ${factor.text}`)}</code>${factor.range === undefined ? '' : `<br>${links.place(factor.range)}`}</td></tr>`,
      ),
    );
  const scales = direct.map(({ state, factor, timescale, timescales, bias }) => {
    const sorted = [...timescales].sort((a, b) => a - b);
    return `<p>Timescale of ${escaped(state)} by ${escaped(factor.factor)}: ${text(timescale)} steps; of its units ${text(sorted[0]!)} to ${text(sorted.at(-1)!)}, median ${text(sorted[Math.floor(sorted.length / 2)]!)}.${bias === undefined ? '' : ` Mean of ${escaped(bias.weight)}: ${text(bias.mean)}.`}</p>`;
  });
  return `${scales.join('')}${timescalesChart(direct)}<div class="scroll"><table class="ways"><caption>Ways back through a step: shares add up to 1, the factors of a way to its gain</caption><thead><tr><th>way</th><th>share</th><th>gain</th><th>factor</th><th>a step</th><th>smallest</th><th>line</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

/** Of each unit, from the shortest. */
const timescalesChart = (direct: LayerAnalysis['direct']): string =>
  lineChart({
    title: 'Timescales of the units',
    unit: 'steps',
    along: 'units, from the shortest',
    log: true,
    series: direct
      .filter(({ timescales }) => timescales.length > 1)
      .map(({ state, factor, timescales }) => ({
        name: `${state} by ${factor.factor}`,
        points: [...timescales].sort((a, b) => a - b).map((each, unit) => [unit, each] as const),
      })),
  });

const isSame = (factor: Factor, killer: Factor | undefined): boolean =>
  factor.kind === killer?.kind && factor.factor === killer.factor && factor.line === killer.line;

export function factorsChart({ layer, ways, direct }: LayerAnalysis): string {
  const [main] = ways.filter(({ factors }) => factors.length > 0).toSorted((a, b) => b.share - a.share);
  if (main === undefined) return '';
  const factors = [
    ...new Map([...main.factors, ...direct.map(({ factor }) => factor)].map((each) => [`${each.kind} ${each.factor}`, each])).values(),
  ];
  return lineChart({
    title: `What a step leaves by the main way of ${layer}, ${main.name}`,
    along: 'timestep',
    series: factors.map(({ factor, bySteps }) => ({ name: factor, points: bySteps.map((value, t) => [t, value] as const) })),
    marks: [{ y: 1, label: 'nothing lost:' }],
  });
}
