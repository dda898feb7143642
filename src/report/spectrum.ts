// The Jacobian of a step and of many.

import type { LayerAnalysis } from '../shared/analysis.ts';
import { lineChart } from '../shared/chart.ts';
import { text } from './words.ts';

export function spectrumHtml({ spectrum }: LayerAnalysis): string {
  const { steps, products, lyapunov, lyapunovSteps, units } = spectrum;
  const rows = steps.map(
    ({ t, largest, median, smallest, radius }) =>
      `<tr><th>${t}</th><td>${text(largest)}</td><td>${text(median)}</td><td>${text(smallest)}</td><td>${text(radius)}</td></tr>`,
  );
  const chart = lineChart({
    title: 'Singular values of the product of the last k Jacobians, as powers of ten',
    along: 'lag',
    series: [
      { name: 'largest', points: products.map(({ lag, largest }) => [lag, largest] as const) },
      { name: 'smallest', points: products.flatMap(({ lag, smallest }) => (smallest === undefined ? [] : [[lag, smallest] as const])) },
    ],
  });
  return `<table><caption>Singular values and spectral radius at some timesteps, over ${units} units</caption><thead><tr><th>t</th><th>largest</th><th>median</th><th>smallest</th><th>radius</th></tr></thead><tbody>${rows.join('')}</tbody></table>${chart}<p>Lyapunov exponents over ${lyapunovSteps} steps, nats a step: ${lyapunov.slice(0, 8).map(text).join(', ')}${lyapunov.length > 8 ? ', …' : ''}. Below 0, what is near comes nearer, and the gradient vanishes.</p>`;
}
