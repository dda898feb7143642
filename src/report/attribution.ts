// Integrated gradients: what each step of the input contributes to an output, token by token.

import type { Analysis, AttributedSequence } from '../shared/analysis.ts';
import { escaped, lineChart } from '../shared/chart.ts';
import { text } from './words.ts';

/** Sequences and steps of each that are drawn; all are in the table of numbers. */
const SEQUENCES = 3;
const STEPS = 60;
/** Of the largest value: steps before the first that has as much are left out. */
const FAINT = 1e-3;
const BAR = { width: 160, height: 16 } as const;

export function attributionHtml({ studies: { attribution } }: Analysis): string {
  if (attribution === undefined) return '';
  const { output, baseline, window, sequences, byLag, left, limit } = attribution;
  const rough = sequences.filter(({ residual }) => residual > limit).length;
  const said = [
    `Integrated gradients (Sundararajan, Taly & Yan 2017) of the ${output}, from ${baseline} to the input: a step's value is what it contributes, and the values of a sequence add up to the output's change but for the residual.`,
    ...(window === undefined
      ? []
      : [
          `Only the last ${window} steps go that way, the earlier stay as they are: between its ends the path of more steps is too rough for the points that are taken.`,
        ]),
    ...(rough === 0
      ? []
      : [
          `${rough} of ${sequences.length} paths are too rough for their points: their residual is above ${text(limit)}, and they are in no mean.`,
        ]),
    ...(left.length === 0 ? [] : [`Nothing is attributed to ${left.join(', ')}, whose vectors are made within a recurrence.`]),
  ].join(' ');
  const charts = byLag.map(({ input, share, low, high }) =>
    lineChart({
      title: `Share of what ${input} contributes, by lag from the output`,
      along: 'lag, steps',
      series: [
        {
          name: input,
          points: share.map((value, lag) => [lag, value] as const),
          spread: share.map((_, lag) => [lag, low[lag]!, high[lag]!] as const),
        },
      ],
    }),
  );
  return `<section><h2>What the output is owed to</h2><p>${escaped(said)}</p>${charts.join('')}${sequences
    .slice(0, SEQUENCES)
    .map((each, k) => sequenceHtml(each, k, Math.min(STEPS, window ?? STEPS)))
    .join('')}</section>`;
}

function sequenceHtml({ at, inputs, atInput, atBaseline, residual, points }: AttributedSequence, k: number, shown: number): string {
  const largest = Math.max(1e-30, ...inputs.flatMap(({ values }) => values.map(Math.abs)));
  const tables = inputs.map(({ input, tokens, values }) => {
    const to = at === undefined ? values.length : Math.min(values.length, at + 1);
    // What is too faint to be seen in a bar is no row of its own.
    const first = values.findIndex((value) => Math.abs(value) >= FAINT * largest);
    const from = Math.max(0, Math.min(first, to - 1), to - shown);
    const rows = values
      .slice(from, to)
      .map(
        (value, step) =>
          `<tr><th>${from + step}</th><td><code>${escaped(tokens[from + step] ?? '')}</code></td><td>${bar(value / largest)}</td><td class="number">${signed(value)}</td></tr>`,
      );
    return `<table><caption>${escaped(input)}${from > 0 ? `, the last ${to - from} steps${from === first ? '; those before contribute less than a thousandth of the largest' : ''}` : ''}</caption><thead><tr><th>t</th><th>token</th><th>against · for</th><th>value</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
  });
  return `<details${k === 0 ? ' open' : ''}><summary>Sequence ${k + 1}${at === undefined ? '' : `, output at t = ${at}`}: ${text(atBaseline)} at the baseline, ${text(atInput)} at the input; residual ${text(residual)}, ${points} points</summary>${tables.join('')}</details>`;
}

/** From the middle to the right what speaks for it, to the left, hatched by an outline, what speaks against. */
function bar(share: number): string {
  const half = BAR.width / 2;
  const length = Math.max(0.5, Math.abs(share) * half);
  const style = share >= 0 ? 'fill="var(--vscode-charts-blue)"' : 'fill="none" stroke="var(--vscode-charts-yellow)" stroke-width="1.5"';
  return `<svg class="attributed" width="${BAR.width}" height="${BAR.height}" viewBox="0 0 ${BAR.width} ${BAR.height}" aria-hidden="true"><rect x="${(share >= 0 ? half : half - length).toFixed(1)}" y="3" width="${length.toFixed(1)}" height="10" ${style}/><path d="M${half} 0v${BAR.height}" stroke="var(--vscode-foreground)" stroke-width="0.7"/></svg>`;
}

const signed = (value: number): string => text(value).replaceAll('-', '−');

export function attributionText({ studies: { attribution } }: Analysis): string {
  if (attribution === undefined) return '';
  const { output, window, sequences, byLag } = attribution;
  const worst = Math.max(...sequences.map(({ residual }) => residual));
  const lines = byLag.map(
    ({ input, share }) =>
      `  ${input} by lag: ${[0, 1, 2, 5, 10, 20, 50, 100]
        .filter((lag) => lag < share.length)
        .map((lag) => `${lag}: ${text(100 * share[lag]!)} %`)
        .join('  ')}`,
  );
  return `integrated gradients of the ${output}${window === undefined ? '' : ` over the last ${window} steps`}, ${sequences.length} sequences, largest residual ${text(worst)}\n${lines.join('\n')}\n`;
}

/** By sequence and input; the place is the timestep. */
export const attributionRows = ({ studies: { attribution } }: Analysis): (readonly (string | number)[])[] =>
  (attribution?.sequences ?? []).flatMap(({ inputs, residual }, k) => [
    ['', 'integrated gradients: residual', `sequence ${k + 1}`, '', residual, '', '', ''],
    ...inputs.flatMap(({ input, values, tokens }) =>
      values.map((value, t) => ['', `integrated gradients of ${input}`, `sequence ${k + 1}: ${tokens[t] ?? ''}`, t, value, '', '', '']),
    ),
  ]);
