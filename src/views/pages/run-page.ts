// A run on one page: how its figures went, what it answered on the way, and how it does on held-out data.

import { escaped, figure, lineChart, type Series, strokes } from '../../shared/chart.ts';
import type { LayerLook, RunReport, RunSummary, Sample, StepRecord } from '../../shared/training.ts';
import { isShare, LENGTH, lengthSeries, metricText, nameOf, unitOf } from './figures.ts';

export interface RunPage {
  readonly summary: RunSummary;
  readonly records: readonly StepRecord[];
  readonly report?: RunReport;
  /** The norm at which gradients are clipped. */
  readonly clip?: number;
}

export function runPage({ summary, records, report, clip }: RunPage): string {
  const parts = [header(summary), report === undefined ? '' : reportText(report), charts(records, report, clip), samples(records)];
  if (records.length === 0)
    parts.push('<p class="empty">No step has been logged yet. The curves appear here while the model is trained.</p>');
  return parts.filter((part) => part !== '').join('\n');
}

const statusTexts: Readonly<Record<RunSummary['status']['kind'], string>> = {
  running: 'is being trained',
  paused: 'is paused',
  done: 'is trained',
  cancelled: 'was cancelled',
  failed: 'has failed',
};

function header({ name, model, settings, status, step, steps, parameters, device, note }: RunSummary): string {
  const what = status.kind === 'failed' ? `<p class="failed" role="alert">${escaped(status.what)}</p>` : '';
  const said = note === undefined ? '' : `<p class="note">${escaped(note)}</p>`;
  return `<h1>${escaped(name)}</h1><p>${escaped(model)} ${statusTexts[status.kind]}: step ${figure(step)} of ${figure(steps)}. ${escaped(settings)} · ${figure(parameters)} parameters · ${escaped(device)}.</p>${what}${said}`;
}

// ------------------------------------------------------------------------------------------------------------------- charts

function charts(records: readonly StepRecord[], report: RunReport | undefined, clip: number | undefined): string {
  const of = (name: string, read: (record: StepRecord) => number | undefined): Series => ({
    name,
    points: records.flatMap((record) => {
      const value = read(record);
      return value === undefined ? [] : [[record.step, value] as const];
    }),
  });
  const keys = (read: (record: StepRecord) => Readonly<Record<string, number>> | undefined): string[] => [
    ...new Set(records.flatMap((record) => Object.keys(read(record) ?? {}))),
  ];
  const metrics = keys(({ metrics: each }) => each);
  const blocks = keys(({ updateRatios }) => updateRatios);
  const baselines = report?.baselines ?? {};
  const marksOf = (metric: string): { y: number; label: string }[] =>
    Object.entries(baselines).flatMap(([name, value]) => {
      const fits = metric === 'accuracy' ? name === 'majority' : metric === 'rmse' && name !== 'majority';
      return fits ? [{ y: isShare(metric) ? 100 * value : value, label: nameOf(name) }] : [];
    });
  const rates = clipRate(records);
  const drawn = [
    lineChart({ title: 'Loss', series: [of('training', ({ loss }) => loss), of('validation', ({ validationLoss }) => validationLoss)] }),
    ...metrics.map((metric) =>
      lineChart({
        title: `Validation ${nameOf(metric)}`,
        unit: unitOf(metric),
        series: [
          of(nameOf(metric), ({ metrics: each }) =>
            each?.[metric] === undefined ? undefined : each[metric]! * (isShare(metric) ? 100 : 1),
          ),
        ],
        marks: marksOf(metric),
      }),
    ),
    lineChart({
      title: 'Right by length',
      unit: '%',
      along: LENGTH,
      series: [lengthSeries('answers', report?.byLength, 'accuracy'), lengthSeries('rows', report?.byLength, 'exact')],
    }),
    lineChart({
      title: 'Gradient norm before clipping',
      log: true,
      series: [of('norm', ({ gradientNorm }) => gradientNorm)],
      ...(clip === undefined ? {} : { marks: [{ y: clip, label: 'clipped above' }] }),
    }),
    clip === undefined ? '' : lineChart({ title: 'Steps that were clipped', unit: '%', series: [{ name: 'clip rate', points: rates }] }),
    ...memoryCharts(records),
    lineChart({
      title: 'Update over weights, by block',
      log: true,
      series: blocks.map((block) => of(block, ({ updateRatios }) => updateRatios?.[block])),
      band: { from: 3e-4, to: 3e-3, label: 'about 1e-3 is healthy' },
    }),
    lineChart({ title: 'Learning rate', series: [of('rate', ({ learningRate }) => learningRate)] }),
    lineChart({
      title: 'Throughput',
      unit: 'timesteps a second',
      series: [of('timesteps/s', ({ stepsOfDataPerSecond }) => stepsOfDataPerSecond)],
    }),
    lineChart({ title: 'Speed', unit: 'steps a second', series: [of('steps/s', ({ stepsPerSecond }) => stepsPerSecond)] }),
  ].filter((each) => each !== '');
  return drawn.length === 0 ? '' : `<section class="charts">${drawn.join('\n')}</section>`;
}

/** By layer: what is left of the gradient by lag, and how many units stand still or at an end. */
function memoryCharts(records: readonly StepRecord[]): string[] {
  const looks = records.flatMap(({ step, memory }) => (memory === undefined ? [] : [{ step, memory }]));
  const last = looks.at(-1)?.memory;
  if (last === undefined) return [];
  const along = (layer: string, read: (each: LayerLook) => number | undefined): Series['points'] =>
    looks.flatMap(({ step, memory }) => {
      const own = memory.layers.find((each) => each.layer === layer);
      const value = own === undefined ? undefined : read(own);
      return value === undefined ? [] : [[step, value] as const];
    });
  const share = (part: number, of: number): number => (100 * part) / Math.max(1, of);
  const of = `${last.sequences} sequences of up to ${last.steps} steps`;
  return last.layers.flatMap(({ layer, lags, gradient, saturated }) => [
    ...Object.keys(gradient).map((state) =>
      lineChart({
        title: `Gradient left by lag, ${state} of ${layer}: ${of}`,
        log: true,
        // Charts tell so many lines apart.
        series: lags.slice(-strokes.length).map((lag) => ({
          name: `lag ${lag}`,
          points: along(layer, (each) => each.gradient[state]?.[each.lags.indexOf(lag)]),
        })),
      }),
    ),
    lineChart({
      title: `Units of ${layer} that stand still, or at an end at nine of ten steps`,
      unit: '%',
      series: [
        { name: 'dead', points: along(layer, ({ dead, units }) => share(dead, units)) },
        { name: 'stuck', points: along(layer, ({ stuck, units }) => share(stuck, units)) },
        ...saturated.map(({ line }) => ({
          name: `${line} saturated`,
          points: along(layer, (each) => {
            const own = each.saturated.find((other) => other.line === line);
            return own === undefined ? undefined : share(own.low + own.high, own.units);
          }),
        })),
      ],
    }),
  ]);
}

/** The share of steps that were clipped, in per cent, over stretches of the training. */
function clipRate(records: readonly StepRecord[]): (readonly [number, number])[] {
  const count = Math.min(40, records.length);
  return Array.from({ length: count }, (_, k) => {
    const part = records.slice(Math.floor((k * records.length) / count), Math.floor(((k + 1) * records.length) / count));
    return [part.at(-1)!.step, (100 * part.filter(({ clipped }) => clipped).length) / part.length] as const;
  });
}

// ------------------------------------------------------------------------------------------------------------------ samples

/** Samples that are shown, the newest first. */
const SHOWN = 8;

function samples(records: readonly StepRecord[]): string {
  const found = records.flatMap(({ step, sample }) => (sample === undefined ? [] : [{ step, sample }])).slice(-SHOWN);
  if (found.length === 0) return '';
  const items = found
    .reverse()
    .map(
      ({ step, sample }, k) => `<details${k === 0 ? ' open' : ''}><summary>step ${figure(step)}</summary>${sampleText(sample)}</details>`,
    );
  return `<section><h2>${found[0]!.sample.kind === 'text' ? 'What it writes' : 'What it answers'}</h2>${items.join('')}</section>`;
}

function sampleText(sample: Sample): string {
  if (sample.kind === 'text') return `<pre>${escaped(sample.text)}</pre>`;
  const rows = sample.rows.map(({ input, truth, predicted }) => {
    const isRight = truth === predicted;
    return `<tr class="${isRight ? '' : 'wrong'}"><td>${escaped(input)}</td><td>${escaped(truth)}</td><td>${escaped(predicted)}${isRight ? '' : ' <span aria-label="wrong">✗</span>'}</td></tr>`;
  });
  return `<table><thead><tr><th>read</th><th>true</th><th>said</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

// ------------------------------------------------------------------------------------------------------------------- report

function reportText({ part, step, loss, metrics, baselines, confusion, classes }: RunReport): string {
  const rows = [
    ['loss', figure(loss)] as const,
    ...Object.entries(metrics).map(([name, value]) => [nameOf(name), `${metricText(name, value)}`] as const),
  ];
  const others = Object.entries(baselines).map(([name, value]) => [nameOf(name), metricText(name, value)] as const);
  const row = ([name, value]: readonly [string, string]): string =>
    `<tr><th scope="row">${escaped(name)}</th><td>${escaped(value)}</td></tr>`;
  const beside = others.length === 0 ? '' : `<table><caption>Without learning</caption><tbody>${others.map(row).join('')}</tbody></table>`;
  return `<section><h2>On the ${part} part, after step ${figure(step)}</h2><div class="side"><table><caption>The model</caption><tbody>${rows.map(row).join('')}</tbody></table>${beside}</div>${confusion === undefined ? '' : confusionText(confusion)}${classes === undefined ? '' : classesText(classes)}</section>`;
}

/** Classes whose matrix is still readable. */
const MATRIX = 30;

function confusionText({ classes, counts }: NonNullable<RunReport['confusion']>): string {
  const pairs = counts
    .flatMap((row, truth) => row.map((count, answer) => ({ count, truth, answer })))
    .filter(({ count, truth, answer }) => count > 0 && truth !== answer)
    .sort((a, b) => b.count - a.count);
  const worst = pairs
    .slice(0, 5)
    .map(
      ({ count, truth, answer }) => `<li>${escaped(classes[truth]!)} taken for ${escaped(classes[answer]!)}: ${figure(count)} times</li>`,
    );
  const words = worst.length === 0 ? '<p>No class was taken for another.</p>' : `<p>Most often confused:</p><ul>${worst.join('')}</ul>`;
  if (classes.length > MATRIX) return words;
  const head = classes.map((name) => `<th scope="col"><span>${escaped(name)}</span></th>`).join('');
  const body = counts
    .map((row, truth) => {
      const total = Math.max(
        1,
        row.reduce((sum, each) => sum + each, 0),
      );
      const cells = row.map((count, answer) => {
        const share = count / total;
        const title = `${classes[truth]} taken for ${classes[answer]}: ${count}`;
        return `<td class="${truth === answer ? 'right' : 'cell'}" style="--share:${share.toFixed(3)}" title="${escaped(title)}">${count === 0 ? '' : figure(count)}</td>`;
      });
      return `<tr><th scope="row">${escaped(classes[truth]!)}</th>${cells.join('')}</tr>`;
    })
    .join('');
  return `${words}<div class="scroll"><table class="confusion"><caption>True class down, answer across</caption><thead><tr><td></td>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

function classesText(classes: NonNullable<RunReport['classes']>): string {
  const rows = classes.map(
    ({ name, precision, recall, f1, count }) =>
      `<tr><th scope="row">${escaped(name)}</th>${[precision, recall, f1].map((value) => `<td>${(100 * value).toFixed(1)} %</td>`).join('')}<td>${figure(count)}</td></tr>`,
  );
  return `<details><summary>By class</summary><table><thead><tr><td></td><th>precision</th><th>recall</th><th>F1</th><th>examples</th></tr></thead><tbody>${rows.join('')}</tbody></table></details>`;
}
