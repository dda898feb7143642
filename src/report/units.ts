// Gates and units in tables.

import type { LayerAnalysis } from '../shared/analysis.ts';
import { escaped, lineChart } from '../shared/chart.ts';
import { text } from './words.ts';

export function unitsHtml({ gates, units }: LayerAnalysis): string {
  const share = (values: readonly number[]): string => `${text(100 * (values.reduce((sum, each) => sum + each, 0) / values.length))} %`;
  const mean = (values: readonly number[]): string => text(values.reduce((sum, each) => sum + each, 0) / values.length);
  const gateRows = gates.map(
    ({ line, mean: means, below, above, text: equation }) =>
      `<tr><th>${escaped(line)}</th><td>${mean(means)}</td><td>${share(below)}</td><td>${share(above)}</td><td><code>${escaped(equation)}</code></td></tr>`,
  );
  const stateRows = units.map(
    ({ state, mean: means, dead, stuck, drifting, participation }) =>
      `<tr><th>${escaped(state)}</th><td>${means.length}</td><td>${dead.length}</td><td>${stuck.length}</td><td>${drifting.length}</td><td>${text(participation)}</td></tr>`,
  );
  const gateTable =
    gates.length === 0
      ? ''
      : `<table><caption>Gates, over all units and steps</caption><thead><tr><th>gate</th><th>mean</th><th>below 0.1</th><th>above 0.9</th><th>line</th></tr></thead><tbody>${gateRows.join('')}</tbody></table>`;
  return `${gateTable}${gates.length === 0 ? '' : gatesChart(gates)}<table><caption>States</caption><thead><tr><th>state</th><th>units</th><th>dead</th><th>stuck</th><th>drifting</th><th>participation ratio</th></tr></thead><tbody>${stateRows.join('')}</tbody></table>`;
}

/** Each gate's units in the order of their own means: a gate at rest is a flat line, gates that are stuck lie at its ends. */
const gatesChart = (gates: LayerAnalysis['gates']): string =>
  lineChart({
    title: 'Means of the gates by unit',
    along: 'units, from the most shut',
    series: gates
      .filter(({ mean }) => mean.length > 1)
      .map(({ line, mean }) => ({ name: line, points: [...mean].sort((a, b) => a - b).map((each, unit) => [unit, each] as const) })),
    marks: [
      { y: 0.1, label: 'shut below' },
      { y: 0.9, label: 'open above' },
    ],
  });
