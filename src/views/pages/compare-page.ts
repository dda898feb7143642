// Several runs side by side: curves laid over each other, final figures with the best marked, and the settings in which they differ.

import { escaped, figure, lineChart, type Series } from '../../shared/chart.ts';
import type { RunReport, RunSummary, StepRecord } from '../../shared/training.ts';
import { isGain, isShare, LENGTH, lengthSeries, metricText, nameOf, unitOf } from './figures.ts';

export interface ComparedRun {
  readonly summary: RunSummary;
  readonly records: readonly StepRecord[];
  readonly report?: RunReport;
  /** As plain data: settings and data of the run, flattened to `optimizer.rate`; `with` is the item of the statement's list, `unit: rnn`. */
  readonly settings: Readonly<Record<string, string>>;
}

export function comparePage(runs: readonly ComparedRun[]): string {
  if (runs.length < 2) return '<p class="empty">Choose two runs or more to compare them.</p>';
  return [`<h1>${runs.length} runs</h1>`, figures(runs), charts(runs), differences(runs)].join('\n');
}

function figures(runs: readonly ComparedRun[]): string {
  const rows: { name: string; values: (number | undefined)[]; text: (value: number) => string; more?: boolean }[] = [];
  const add = (name: string, values: (number | undefined)[], text: (value: number) => string, more: boolean): void => {
    if (values.some((value) => value !== undefined)) rows.push({ name, values, text, more });
  };
  add(
    'validation loss',
    runs.map(({ summary }) => summary.validationLoss),
    figure,
    false,
  );
  const metrics = [...new Set(runs.flatMap(({ report, summary }) => Object.keys(report?.metrics ?? summary.metrics ?? {})))];
  for (const metric of metrics)
    add(
      `${nameOf(metric)} (${runs.find(({ report }) => report !== undefined)?.report?.part ?? 'validation'})`,
      runs.map(({ report, summary }) => (report?.metrics ?? summary.metrics)?.[metric]),
      (value) => metricText(metric, value),
      isGain(metric),
    );
  rows.push({ name: 'parameters', values: runs.map(({ summary }) => summary.parameters), text: figure });
  rows.push({ name: 'steps', values: runs.map(({ summary }) => summary.step), text: figure });
  rows.push({ name: 'seconds of training', values: runs.map(({ summary }) => Math.round(summary.seconds)), text: figure });
  const head = headOf(runs);
  const body = rows.map(({ name, values, text, more }) => {
    const known = values.filter((value) => value !== undefined);
    const best = more === undefined || new Set(known).size < 2 ? undefined : more ? Math.max(...known) : Math.min(...known);
    const cells = values.map((value) =>
      value === undefined
        ? '<td>–</td>'
        : `<td${value === best ? ' class="best"' : ''}>${escaped(text(value))}${value === best ? ' <span aria-label="best">★</span>' : ''}</td>`,
    );
    return `<tr><th scope="row">${escaped(name)}</th>${cells.join('')}</tr>`;
  });
  return `<div class="scroll"><table><thead><tr><td></td>${head}</tr></thead><tbody>${body.join('')}</tbody></table></div>`;
}

function charts(runs: readonly ComparedRun[]): string {
  const of = (read: (record: StepRecord) => number | undefined): Series[] =>
    runs.map((run) => ({
      name: titleOf(run),
      points: run.records.flatMap((record) => {
        const value = read(record);
        return value === undefined ? [] : [[record.step, value] as const];
      }),
    }));
  const metrics = [...new Set(runs.flatMap(({ records }) => records.flatMap((record) => Object.keys(record.metrics ?? {}))))];
  const byLength = (figure: 'accuracy' | 'exact'): Series[] => runs.map((run) => lengthSeries(titleOf(run), run.report?.byLength, figure));
  const drawn = [
    lineChart({ title: 'Validation loss', series: of(({ validationLoss }) => validationLoss) }),
    ...metrics.map((metric) =>
      lineChart({
        title: `Validation ${nameOf(metric)}`,
        unit: unitOf(metric),
        series: of((record) =>
          record.metrics?.[metric] === undefined ? undefined : record.metrics[metric]! * (isShare(metric) ? 100 : 1),
        ),
      }),
    ),
    lineChart({ title: 'Accuracy by length', unit: '%', along: LENGTH, series: byLength('accuracy') }),
    lineChart({ title: 'Rows all right, by length', unit: '%', along: LENGTH, series: byLength('exact') }),
    lineChart({ title: 'Training loss', series: of(({ loss }) => loss) }),
    lineChart({ title: 'Gradient norm before clipping', log: true, series: of(({ gradientNorm }) => gradientNorm) }),
  ].filter((each) => each !== '');
  return `<section class="charts">${drawn.join('\n')}</section>`;
}

function differences(runs: readonly ComparedRun[]): string {
  const names = [...new Set(runs.flatMap(({ settings }) => Object.keys(settings)))].sort();
  const rows = names
    .filter((name) => new Set(runs.map(({ settings }) => settings[name] ?? '')).size > 1)
    .map(
      (name) =>
        `<tr><th scope="row">${escaped(name)}</th>${runs.map(({ settings }) => `<td>${escaped(settings[name] ?? '–')}</td>`).join('')}</tr>`,
    );
  if (rows.length === 0) return '<h2>Settings</h2><p>All settings are the same.</p>';
  const head = headOf(runs);
  return `<h2>Settings that differ</h2><div class="scroll"><table><thead><tr><td></td>${head}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

/** Of one of several cells, with the cell: `Adding-2, rnn`. */
const titleOf = ({ summary, settings }: ComparedRun): string =>
  [summary.name, ...(settings.with === undefined ? [] : [settings.with.replace(/^\w+: /, '')])].join(', ');

const headOf = (runs: readonly ComparedRun[]): string => runs.map((run) => `<th scope="col">${escaped(titleOf(run))}</th>`).join('');

/** Plain data as names and texts: `optimizer.rate` and `0.001`. */
export function flattened(value: unknown, path = ''): Record<string, string> {
  if (value === null || typeof value !== 'object') return { [path]: String(value) };
  if (Array.isArray(value)) return { [path]: JSON.stringify(value) };
  return Object.assign({}, ...Object.entries(value).map(([name, inner]) => flattened(inner, path === '' ? name : `${path}.${name}`)));
}
