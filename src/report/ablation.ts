// How much worse the loss is without a unit, a gate, an interval of the input, or what came before a step.

import type { Ablated, Analysis } from '../shared/analysis.ts';
import { escaped, lineChart } from '../shared/chart.ts';
import { text } from './words.ts';

/** Rows of the table of a kind; all are in the table of numbers. */
const ROWS = 12;

const KINDS = [
  ['unit', 'Units, held at 0 or at their mean'],
  ['gate', 'Gates, held'],
  ['input', 'Intervals of what is read, at zero'],
  ['reset', 'States at zero before a step'],
] as const satisfies readonly (readonly [Ablated['kind'], string])[];

export function ablationHtml({ studies: { ablation } }: Analysis): string {
  if (ablation === undefined) return '';
  const { loss, sequences, rows, untried } = ablation;
  const tables = KINDS.map(([kind, title]) => kindHtml(title, kind, rows)).join('');
  const rest = untried === 0 ? '' : ` ${untried} units of large states, those that vary least, were not tried.`;
  return `<section><h2>What the loss needs</h2><p>The loss of ${sequences} sequences is ${text(loss.value)} (95 %: ${text(loss.low)} to ${text(loss.high)}). The tables tell how much it changes without something, mean over the sequences with the 95 % interval of Student's t. Where an interval reaches over 0, no change was shown; of ${rows.length} intervals about ${Math.round(0.05 * rows.length)} would miss 0 by chance if nothing mattered.${rest}</p>${tables}</section>`;
}

function kindHtml(title: string, kind: Ablated['kind'], all: readonly Ablated[]): string {
  const rows = all.filter((row) => row.kind === kind);
  if (rows.length === 0) return '';
  const sorted = rows.toSorted(bySize);
  const lines = sorted
    .slice(0, ROWS)
    .map(
      ({ layer, what, value, low, high }) =>
        `<tr><th>${escaped(layer)}</th><td>${escaped(what)}</td><td class="number">${signed(value)}</td><td class="number">${signed(low)} to ${signed(high)}</td></tr>`,
    );
  const more =
    sorted.length > ROWS ? `<p class="unit">The ${ROWS} largest changes of ${sorted.length}; the table of numbers has all.</p>` : '';
  return `${chartOf(title, kind, rows)}<table><caption>${escaped(title)}</caption><thead><tr><th>layer</th><th>without</th><th>loss</th><th>95 %</th></tr></thead><tbody>${lines.join('')}</tbody></table>${more}`;
}

/** What is better without comes beside what is worse. */
const bySize = (a: Ablated, b: Ablated): number => Math.abs(b.value) - Math.abs(a.value);

const signed = (value: number): string => `${value > 0 ? '+' : ''}${text(value)}`.replaceAll('-', '−');

/** Units from the one that is needed most, intervals along time. */
function chartOf(title: string, kind: Ablated['kind'], rows: readonly Ablated[]): string {
  if (kind === 'gate') return '';
  const groups = Map.groupBy(rows, ({ layer, name, held }) =>
    [layer, kind === 'reset' ? '' : name, kind === 'unit' ? `= ${held}` : ''].filter(Boolean).join(' '),
  );
  const series = [...groups].map(([name, members]) => {
    const ordered = kind === 'unit' ? members.toSorted((a, b) => b.value - a.value) : members;
    const at = (row: Ablated, k: number): number => (kind === 'unit' ? k : row.from!);
    return {
      name,
      points: ordered.map((row, k) => [at(row, k), row.value] as const),
      // Bands of hundreds of units would hide each other: their intervals stand in the tables.
      ...(kind === 'unit' ? {} : { spread: ordered.map((row, k) => [at(row, k), row.low, row.high] as const) }),
    };
  });
  return lineChart({
    title: `Change of the loss: ${title.toLowerCase()}`,
    along: kind === 'unit' ? 'units, from the most needed' : 'timestep',
    series,
    marks: [{ y: 0, label: 'no change:' }],
  });
}

export function ablationText({ studies: { ablation } }: Analysis): string {
  if (ablation === undefined) return '';
  const { loss, rows, sequences } = ablation;
  const lines = KINDS.flatMap(([kind]) =>
    rows
      .filter((row) => row.kind === kind)
      .toSorted(bySize)
      .slice(0, 4)
      .map(({ layer, what, value, low, high }) => `  without ${layer} ${what}: ${signed(value)} (95 %: ${signed(low)} to ${signed(high)})`),
  );
  return `loss ${text(loss.value)} of ${sequences} sequences\n${lines.join('\n')}\n`;
}

export const ablationRows = ({ studies: { ablation } }: Analysis): (readonly (string | number)[])[] =>
  (ablation?.rows ?? []).map(({ layer, kind, what, unit, from, value, low, high }) => [
    layer,
    `loss without ${kind}`,
    what,
    unit ?? from ?? '',
    value,
    low,
    high,
    ablation!.sequences,
  ]);
