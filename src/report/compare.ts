// Several models side by side: how far back each remembers, what it has learned, and what it costs.

import type { Compared, Comparison, LagCurve, LayerAnalysis, ProbeCurve, Training } from '../shared/analysis.ts';
import { escaped, lineChart, type Series } from '../shared/chart.ts';
import { lagChart } from './gradient.ts';
import { csv } from './table.ts';
import { horizonText, interval, longest, text } from './words.ts';

/** A layer of one of them, as it is drawn: `lstm`, or `lstm, encoder` where there are several. */
interface Drawn {
  readonly name: string;
  readonly layer: LayerAnalysis;
  readonly curve: LagCurve;
}

/** The page's content, without document and style. */
export function comparisonPage({ title, compared, warnings, seconds }: Comparison): string {
  const [{ analysis }] = compared as readonly [Compared, ...Compared[]];
  return `<h1>Memory compared: ${escaped(title)}</h1>
${warnings.length === 0 ? '<p>All have the same data, the same split and the same seed.</p>' : `<section role="alert" aria-label="Differences"><h2>Not alike</h2><ul>${warnings.map((each) => `<li>⚠ ${escaped(each)}</li>`).join('')}</ul></section>`}
<section><h2>Memory</h2>${gradientCharts(compared, analysis.threshold)}${horizons(compared)}</section>
<section><h2>Verdicts</h2><table><tbody>${compared.map(({ name, analysis: { verdicts } }) => `<tr><th scope="row">${escaped(name)}</th><td>${verdicts.map((each) => escaped(each.text)).join('<br>')}</td></tr>`).join('')}</tbody></table></section>
${trainingHtml(compared)}${accuracyHtml(compared)}
<section><h2>Cost</h2>${costs(compared)}</section>
<section><h2>How this was measured</h2><p>${analysis.sequences} sequences of up to ${analysis.steps} steps of each model's held-out data; nothing is padded. g(k) is the norm of the gradient k steps back over that at the last step: the geometric mean over the sequences, with its 95 % interval as a band; of each layer the state that lasts longest. It took ${text(seconds)} s.</p></section>`;
}

const drawn = ({ name, analysis: { layers } }: Compared): Drawn[] =>
  layers.map((layer) => ({ name: layers.length === 1 ? name : `${name}, ${layer.layer}`, layer, curve: longest(layer) }));

/** All in one; a chart for each layer where all have the same several. */
function gradientCharts(compared: readonly Compared[], threshold: number): string {
  const all = compared.map(drawn);
  const needs = new Set(compared.map(({ analysis }) => analysis.needs.lag));
  const paths = all[0]!.map(({ layer }) => layer.layer);
  const isShared = paths.length > 1 && all.every((own) => JSON.stringify(own.map(({ layer }) => layer.layer)) === JSON.stringify(paths));
  const groups = isShared ? paths.map((_, k) => all.map((own) => own[k]!)) : [all.flat()];
  return groups
    .map((group, k) =>
      lagChart({
        title: `Gradient by lag${isShared ? ` in ${paths[k]}` : ''}`,
        curves: group.map(({ name, curve }, place) => ({ name: `${isShared ? compared[place]!.name : name} (${curve.state})`, curve })),
        threshold,
        ...(needs.size === 1 ? { needs: [...needs][0]! } : {}),
      }),
    )
    .join('');
}

function horizons(compared: readonly Compared[]): string {
  const lag = sharedLag(compared);
  const rows = compared.flatMap((each) =>
    drawn(each).map(
      ({ name, layer, curve }) =>
        `<tr><th scope="row">${escaped(name)}</th><td>${escaped(layer.cell)}</td><td>${escaped(curve.state)}</td><td>${escaped(horizonText(curve))}</td><td>${escaped(gradientAt(curve, lag))}</td><td>${escaped(lostIn(layer))}</td></tr>`,
    ),
  );
  return `<table><caption>Memory horizon at ${text(compared[0]!.analysis.threshold)}</caption><thead><tr><th></th><th>cell</th><th>state</th><th>horizon</th><th>gradient left at lag ${lag}</th><th>what loses most</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

/** The longest lag that all of them have. */
const sharedLag = (compared: readonly Compared[]): number => Math.min(...compared.map(({ analysis }) => analysis.steps - 1));

const gradientAt = ({ mean, low, high }: LagCurve, lag: number): string =>
  mean[lag] === undefined ? '–' : interval({ value: mean[lag], low: low[lag]!, high: high[lag]! });

const lostIn = ({ killer }: LayerAnalysis): string => (killer === undefined ? '–' : `${killer.factor} leaves ${text(killer.mean)} a step`);

function trainingHtml(compared: readonly Compared[]): string {
  const trained = compared.flatMap(({ name, training }) => (training === undefined ? [] : [{ name, training }]));
  if (trained.length === 0) return '';
  const of = (read: (training: Training) => Series['points']): Series[] =>
    compared.map(({ name, training }) => ({ name, points: training === undefined ? [] : read(training) }));
  const failed = trained.flatMap(({ name, training }) =>
    training.failed === undefined ? [] : [`<p>⚠ ${escaped(`${name}: ${training.failed}`)}</p>`],
  );
  return `<section><h2>Training</h2>${failed.join('')}${[
    lineChart({ title: 'Validation loss', series: of(({ validationLoss }) => validationLoss) }),
    lineChart({ title: 'Training loss', series: of(({ loss }) => loss) }),
    lineChart({ title: 'Gradient norm before clipping', log: true, series: of(({ gradientNorm }) => gradientNorm) }),
  ].join('')}</section>`;
}

/** By length where a report has it, by lag where read-outs were studied. */
function accuracyHtml(compared: readonly Compared[]): string {
  const lengths = (figure: 'accuracy' | 'exact'): Series[] =>
    compared.map(({ name, byLength = [] }) => ({
      name,
      points: byLength.map((range) => [(range.from + range.to) / 2, 100 * range[figure]] as const),
    }));
  const probes = compared.flatMap(({ name, analysis }) => (analysis.studies.probes ?? []).map((probe) => ({ name, probe })));
  const kinds = [...new Set(probes.map(({ probe }) => kindOf(probe)))];
  const drawnCharts = [
    lineChart({ title: 'Accuracy by length', unit: '%', along: 'answers in the row', series: lengths('accuracy') }),
    lineChart({ title: 'Rows all right, by length', unit: '%', along: 'answers in the row', series: lengths('exact') }),
    ...kinds.map((kind) =>
      lineChart({
        title: `What the states still tell of the input, by lag: ${kind}`,
        along: 'lag',
        series: probes
          .filter(({ probe }) => kindOf(probe) === kind)
          .map(({ name, probe }) => ({
            name: `${name}, ${probe.layer} ${probe.state}`,
            points: probe.lags.map((lag, k) => [lag, probe.value[k]!] as const),
            spread: probe.lags.map((lag, k) => [lag, probe.low[k]!, probe.high[k]!] as const),
          })),
      }),
    ),
  ].join('');
  return drawnCharts === '' ? '' : `<section><h2>Accuracy</h2>${drawnCharts}</section>`;
}

const kindOf = ({ measure, target }: ProbeCurve): string => `${measure} of ${target}`;

function costRows(compared: readonly Compared[]): readonly (readonly [name: string, values: readonly string[]])[] {
  const of = (read: (each: Compared) => string | undefined): string[] => compared.map((each) => read(each) ?? '–');
  const whole = (value: number): string => value.toLocaleString('en-US');
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ['parameters', of(({ parameters }) => (parameters === undefined ? undefined : whole(parameters)))],
    ['steps of training', of(({ training }) => (training === undefined ? undefined : whole(training.steps)))],
    [
      'a step of training, ms',
      of(({ training }) => (training === undefined ? undefined : text((1000 * training.seconds) / training.steps))),
    ],
    ['seconds of training', of(({ training }) => (training === undefined ? undefined : text(training.seconds)))],
    ['validation loss', of(({ training }) => last(training?.validationLoss))],
    ['training loss', of(({ training }) => last(training?.loss))],
  ];
  return rows.filter(([, values]) => values.some((value) => value !== '–'));
}

const last = (points: Training['loss'] | undefined): string | undefined => {
  const end = points?.at(-1);
  return end === undefined ? undefined : text(end[1]);
};

const costs = (compared: readonly Compared[]): string =>
  `<table><thead><tr><td></td>${compared.map(({ name }) => `<th scope="col">${escaped(name)}</th>`).join('')}</tr></thead><tbody>${costRows(
    compared,
  )
    .map(([name, values]) => `<tr><th scope="row">${name}</th>${values.map((value) => `<td>${escaped(value)}</td>`).join('')}</tr>`)
    .join('')}</tbody></table>`;

/** For a terminal. */
export function comparisonText({ title, compared, warnings, seconds }: Comparison): string {
  const end = sharedLag(compared);
  const lags = [1, 2, 5, 10, 20, 50, 100, 200, 500].filter((lag) => lag <= end);
  const all = compared.flatMap(drawn);
  const width = Math.max(...all.map(({ name }) => name.length));
  const curves = all.flatMap(({ name, layer, curve }) => [
    `  ${name.padEnd(width)}  ${horizonText(curve)} by ${curve.state}; ${lostIn(layer)}`,
    `  ${' '.repeat(width)}  g(k): ${lags.map((lag) => `${lag}: ${text(curve.mean[lag] ?? Number.NaN)}`).join('  ')}`,
  ]);
  const [label, cell] = [22, Math.max(10, ...compared.map(({ name }) => name.length + 2))];
  const table = [['', compared.map(({ name }) => name)] as const, ...costRows(compared)].map(
    ([name, values]) => `  ${name.padEnd(label)}${values.map((value) => value.padStart(cell)).join('')}`,
  );
  return [
    `${title}: ${compared[0]!.analysis.sequences} sequences of up to ${compared[0]!.analysis.steps} steps, ${text(seconds)} s`,
    '',
    ...warnings.map((each) => `Not alike: ${each}`),
    ...(warnings.length === 0 ? [] : ['']),
    `Memory horizon at ${text(compared[0]!.analysis.threshold)}`,
    ...curves,
    '',
    ...table,
    '',
    ...compared.map(({ name, analysis }) => `${name}: ${analysis.verdicts[0]?.text ?? ''}`),
    '',
  ].join('\n');
}

/** The numbers behind the charts: `model,layer,quantity,name,place,value,low,high`. */
export function comparisonTable({ compared }: Comparison): string {
  const rows: (readonly (string | number)[])[] = [['model', 'layer', 'quantity', 'name', 'place', 'value', 'low', 'high']];
  for (const { name, analysis, training, byLength = [], parameters } of compared) {
    for (const { layer, curves } of analysis.layers)
      for (const { state, mean, low, high, horizon } of curves) {
        rows.push([name, layer, 'horizon', state, horizon.beyond ? 'at least' : '', horizon.value, horizon.low, horizon.high]);
        for (const [lag, value] of mean.entries()) rows.push([name, layer, 'gradient by lag', state, lag, value, low[lag]!, high[lag]!]);
      }
    if (parameters !== undefined) rows.push([name, '', 'parameters', '', '', parameters, '', '']);
    for (const kind of ['loss', 'validationLoss', 'gradientNorm'] as const)
      for (const [step, value] of training?.[kind] ?? []) rows.push([name, '', kind, '', step, value, '', '']);
    for (const { from, to, accuracy, exact } of byLength)
      rows.push(
        [name, '', 'accuracy by length', '', `${from} to ${to}`, accuracy, '', ''],
        [name, '', 'exact by length', '', `${from} to ${to}`, exact, '', ''],
      );
  }
  return csv(rows);
}
