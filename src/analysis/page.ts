// An analysis as a page: verdict first, then charts and tables of what it stands on. HTML text without scripts.

import type { Analysis, Factor, LayerAnalysis, Verdict } from '../shared/analysis.ts';
import { escaped, lineChart, type Series } from '../shared/chart.ts';
import { horizonText, longest, text } from './verdict.ts';

/** The page's content, without document and style. */
export function analysisPage(analysis: Analysis): string {
  const { title, sequences, steps, threshold, needs, layers, verdicts, seed, seconds } = analysis;
  return `<h1>Memory of ${escaped(title)}</h1>
<section aria-label="Verdict"><h2>Verdict</h2>${verdicts.map(verdictHtml).join('')}</section>
${layers.map((layer) => layerHtml(layer, analysis)).join('')}
<section><h2>How this was measured</h2><p>${sequences} sequences of up to ${steps} steps; nothing is padded. The gradient is that of h<sub>T</sub> · v at a sequence's last step, v drawn from N(0, 1) (seed ${seed}), layer by layer. g(k) is the norm of the gradient k steps back over that at the last step: the geometric mean over the sequences, with the 95 % interval of Student's t over logarithms. The horizon is the first lag at which it is below ${text(threshold)}, its interval from 400 resamples of the sequences. Needed are ${needs.lag} steps: ${escaped(needs.why)}. Jacobians are of one sequence. It took ${text(seconds)} s.</p></section>`;
}

const verdictHtml = ({ kind, text: said, evidence, repairs, place }: Verdict): string =>
  `<article class="verdict ${kind === 'sound' ? 'sound' : 'fault'}"><p><strong>${kind === 'sound' ? '✓' : '⚠'} ${escaped(said)}</strong></p><ul>${evidence.map((each) => `<li>${escaped(each)}</li>`).join('')}</ul>${
    repairs.length === 0 ? '' : `<p>What would mend it:</p><ul>${repairs.map((each) => `<li>${escaped(each)}</li>`).join('')}</ul>`
  }${place === undefined ? '' : `<p class="place">${escaped(placeText(place))}</p>`}</article>`;

/** `recurrent.rnn, line 26`. */
export const placeText = ({ uri, start }: NonNullable<Verdict['place']>): string =>
  `${decodeURIComponent(uri.slice(uri.lastIndexOf('/') + 1))}, line ${start.line + 1}`;

function layerHtml(layer: LayerAnalysis, { threshold }: Analysis): string {
  const { curves, direct } = layer;
  const measured = curves.map(
    ({ state, mean, low, high }): Series => ({
      name: state,
      points: mean.map((value, lag) => [lag, value] as const),
      spread: mean.flatMap((value, lag) => (value > 0 ? [[lag, low[lag]!, high[lag]!] as const] : [])),
    }),
  );
  const alone = direct.map(({ state, factor, product }): Series => {
    return { name: `${state} by ${factor.factor} alone`, points: product.map((value, lag) => [lag, value] as const) };
  });
  const gradient = lineChart({
    title: `Gradient by lag in ${layer.layer}`,
    along: 'lag',
    log: true,
    series: [...measured, ...alone],
    marks: [{ y: threshold, label: 'forgotten below' }],
  });
  const horizons = curves.map(({ state, horizon }) => `<tr><th>${escaped(state)}</th><td>${escaped(horizonText({ horizon }))}</td></tr>`);
  return `<section><h2>${escaped(layer.layer)} <small>${escaped(layer.cell)}${layer.reverse ? ', from the end' : ''}: ${escaped(horizonText(longest(layer)))}</small></h2>
${gradient}<table><caption>Memory horizon</caption><tbody>${horizons.join('')}</tbody></table>
<h3>Where it is lost</h3>${waysHtml(layer)}${factorsChart(layer)}
<h3>Jacobian of a step</h3>${spectrumHtml(layer)}
<h3>Gates and units</h3>${unitsHtml(layer)}</section>`;
}

function waysHtml({ ways, killer, direct }: LayerAnalysis): string {
  const rows = ways
    .filter(({ factors }) => factors.length > 0)
    .flatMap(({ name, share, gain, factors }) =>
      factors.map(
        (factor, k) =>
          `<tr${isSame(factor, killer) ? ' class="killer"' : ''}><th>${k === 0 ? escaped(name) : ''}</th><td>${k === 0 ? `${Math.round(100 * share)} %` : ''}</td><td>${k === 0 ? text(gain) : ''}</td><td>${escaped(factor.factor)}${isSame(factor, killer) ? ' ← loses most' : ''}</td><td>${text(factor.mean)}</td><td>${text(factor.smallest.value)} at t = ${factor.smallest.t}</td><td><code>${escaped(`${factor.line} = ${factor.text}`)}</code>${factor.range === undefined ? '' : `<br>${escaped(placeText(factor.range))}`}</td></tr>`,
      ),
    );
  const scales = direct.map(({ state, factor, timescale, timescales, bias }) => {
    const sorted = [...timescales].sort((a, b) => a - b);
    return `<p>Timescale of ${escaped(state)} by ${escaped(factor.factor)}: ${text(timescale)} steps; of its units ${text(sorted[0]!)} to ${text(sorted.at(-1)!)}, median ${text(sorted[Math.floor(sorted.length / 2)]!)}.${bias === undefined ? '' : ` Mean of ${escaped(bias.weight)}: ${text(bias.mean)}.`}</p>`;
  });
  return `${scales.join('')}<table><caption>Ways back through a step: shares add up to 1, the factors of a way to its gain</caption><thead><tr><th>way</th><th>share</th><th>gain</th><th>factor</th><th>a step</th><th>smallest</th><th>line</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

const isSame = (factor: Factor, killer: Factor | undefined): boolean =>
  factor.kind === killer?.kind && factor.factor === killer.factor && factor.line === killer.line;

function factorsChart({ layer, ways, direct }: LayerAnalysis): string {
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

function spectrumHtml({ spectrum }: LayerAnalysis): string {
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

function unitsHtml({ gates, units }: LayerAnalysis): string {
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
  return `${gateTable}<table><caption>States</caption><thead><tr><th>state</th><th>units</th><th>dead</th><th>stuck</th><th>drifting</th><th>participation ratio</th></tr></thead><tbody>${stateRows.join('')}</tbody></table>`;
}

/** Colours for a browser in the names that charts know them by: of Okabe and Ito's palette, which colour-blind eyes tell apart. */
const STYLE = `
:root { color-scheme: light dark; --vscode-foreground: #1f1f1f; --vscode-descriptionForeground: #595959; --vscode-editorWidget-border: #c8c8c8; --background: #fff;
  --vscode-charts-blue: #0072b2; --vscode-charts-yellow: #b86e00; --vscode-charts-green: #00795a; --vscode-charts-purple: #9c4f7f; --vscode-charts-red: #b34700; --vscode-charts-foreground: #1f1f1f; --vscode-charts-lines: #767676; }
@media (prefers-color-scheme: dark) { :root { --vscode-foreground: #e4e4e4; --vscode-descriptionForeground: #ababab; --vscode-editorWidget-border: #4a4a4a; --background: #1e1e1e;
  --vscode-charts-blue: #56b4e9; --vscode-charts-yellow: #e69f00; --vscode-charts-green: #26b894; --vscode-charts-purple: #d690b8; --vscode-charts-red: #ee7d3b; --vscode-charts-foreground: #e4e4e4; --vscode-charts-lines: #9a9a9a; } }
body { font: 14px/1.5 system-ui, sans-serif; color: var(--vscode-foreground); background: var(--background); max-width: 900px; margin: 24px auto; padding: 0 16px; }
h1 { font-size: 22px; } h2 { font-size: 18px; margin-top: 32px; } h3 { font-size: 15px; } small, .place, .unit, caption, details { color: var(--vscode-descriptionForeground); font-weight: 400; }
.verdict { border-left: 4px solid var(--vscode-charts-red); padding: 2px 16px; margin: 12px 0; } .verdict.sound { border-color: var(--vscode-charts-green); }
table { border-collapse: collapse; margin: 12px 0; font-variant-numeric: tabular-nums; } caption { text-align: left; } th, td { text-align: left; padding: 3px 12px 3px 0; vertical-align: top; border-bottom: 1px solid var(--vscode-editorWidget-border); }
.killer td { font-weight: 600; } figure { margin: 16px 0; } svg { width: 100%; max-width: 760px; display: block; overflow: visible; }
.tick, .label { fill: var(--vscode-descriptionForeground); font-size: 11px; } .label { fill: var(--vscode-foreground); } .grid { stroke: var(--vscode-editorWidget-border); stroke-width: 0.7; }
.mark { stroke: var(--vscode-foreground); stroke-dasharray: 5 4; } code { font-family: ui-monospace, monospace; font-size: 12.5px; }
`;

/** The page as a file of its own: nothing is loaded, no script runs. */
export const analysisDocument = (analysis: Analysis): string => `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Memory of ${escaped(analysis.title)}</title><style>${STYLE}</style></head><body><main>${analysisPage(analysis)}</main></body></html>
`;

/** The numbers behind the charts: `layer,quantity,name,place,value,low,high`. */
export function analysisTable({ layers }: Analysis): string {
  const rows: (readonly (string | number)[])[] = [['layer', 'quantity', 'name', 'place', 'value', 'low', 'high', 'sequences']];
  for (const { layer, curves, ways, direct, spectrum, gates, units } of layers) {
    for (const { state, mean, low, high, sequences } of curves)
      for (const [lag, value] of mean.entries())
        rows.push([layer, 'gradient by lag', state, lag, value, low[lag]!, high[lag]!, sequences[lag]!]);
    for (const { state, product, timescales } of direct) {
      for (const [lag, value] of product.entries()) rows.push([layer, 'direct way by lag', state, lag, value, '', '', '']);
      for (const [unit, value] of timescales.entries()) rows.push([layer, 'timescale by unit', state, unit, value, '', '', '']);
    }
    for (const { name, factors } of ways)
      for (const { factor, bySteps } of factors)
        for (const [t, value] of bySteps.entries()) rows.push([layer, 'factor by step', `${name}: ${factor}`, t, value, '', '', '']);
    for (const { t, largest, smallest, radius } of spectrum.steps) {
      rows.push([layer, 'singular values', 'smallest, largest', t, '', smallest, largest, '']);
      rows.push([layer, 'spectral radius', '', t, radius, '', '', '']);
    }
    for (const { lag, largest, smallest } of spectrum.products)
      rows.push([layer, 'log10 singular values of the product', '', lag, '', smallest ?? '', largest, '']);
    for (const [k, value] of spectrum.lyapunov.entries()) rows.push([layer, 'Lyapunov exponent', '', k, value, '', '', '']);
    for (const { line, mean, below, above } of gates)
      for (const [unit, value] of mean.entries())
        rows.push(
          [layer, 'gate mean', line, unit, value, '', '', ''],
          [layer, 'gate below 0.1', line, unit, below[unit]!, '', '', ''],
          [layer, 'gate above 0.9', line, unit, above[unit]!, '', '', ''],
        );
    for (const { state, mean, deviation } of units)
      for (const [unit, value] of mean.entries())
        rows.push(
          [layer, 'state mean', state, unit, value, '', '', ''],
          [layer, 'state deviation', state, unit, deviation[unit]!, '', '', ''],
        );
  }
  return `${rows.map((row) => row.map(cell).join(',')).join('\n')}\n`;
}

const cell = (value: string | number): string => {
  const written = typeof value === 'number' && Number.isNaN(value) ? '' : String(value);
  return /[",\n]/.test(written) ? `"${written.replaceAll('"', '""')}"` : written;
};
