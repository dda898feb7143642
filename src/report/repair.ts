// Repairs that were tried: before and after, side by side.

import type { Analysis, LagCurve, Tried } from '../shared/analysis.ts';
import { escaped, lineChart, type Series } from '../shared/chart.ts';
import type { SourceEdit } from '../shared/edits.ts';
import { lagChart } from './gradient.ts';
import { horizonText, interval, longest, longestLike, placeText, text } from './words.ts';

/** The section of a page; '' where none was tried. */
export function triedHtml(tried: readonly Tried[]): string {
  return tried.length === 0 ? '' : `<section aria-label="Before and after"><h2>Before and after</h2>${triedArticles(tried)}</section>`;
}

/** What is under that heading, of one or more. */
export const triedArticles = (tried: readonly Tried[]): string =>
  `<p>${tried.length === 1 ? 'The change' : 'Each change'} was made on a copy of the source. ${escaped(sameText(tried[0]!))}</p>${tried.map(oneHtml).join('')}`;

const sameText = ({ before: { sequences, steps, seed } }: Tried): string =>
  `Both sides: the same ${sequences} sequences of up to ${steps} steps, the same seed ${seed}.`;

const nameOf = ({ repair }: Tried): string => repair.title ?? repair.text;

function oneHtml(tried: Tried): string {
  const { outcome, text: said, repair, before, after, training } = tried;
  const mark = { helps: '✓', unclear: '?', 'does not help': '✗' }[outcome];
  const trained =
    training === undefined ? 'Untrained on both sides.' : `After ${training.before.steps} and ${training.after.steps} steps of training.`;
  return `<article class="verdict ${outcome === 'helps' ? 'sound' : 'fault'}"><h3>${escaped(nameOf(tried))}</h3>
<p><strong>${mark} ${escaped(said)}</strong></p><p>${escaped(trained)}</p>
${(repair.edits ?? []).map(editHtml).join('')}${gradientChart(tried)}${horizons(tried)}${trainingCharts(tried)}
<table><caption>Verdicts</caption><tbody><tr><th>before</th><td>${verdicts(before)}</td></tr><tr><th>after</th><td>${verdicts(after)}</td></tr></tbody></table></article>`;
}

const verdicts = ({ verdicts: all }: Analysis): string => all.map(({ text: said }) => escaped(said)).join('<br>');

/** Lines that go and lines that come, with their signs. */
const editHtml = ({ range, was, text: own }: SourceEdit): string =>
  `<p class="place">${escaped(placeText(range))}</p><pre>${escaped([...signed(was, '- '), ...signed(own, '+ ')].join('\n'))}</pre>`;

const signed = (lines: string, sign: string): string[] =>
  lines === ''
    ? []
    : lines
        .replace(/\n$/, '')
        .split('\n')
        .map((line) => `${sign}${line}`.trimEnd());

/** The curves of the layer that the repair is for; of the first where it is for none. */
const curvesOf = ({ layers }: Analysis, layer: string | undefined): readonly LagCurve[] =>
  (layers.find((each) => each.layer === layer) ?? layers[0]!).curves;

/** Of each side the state that lasts longest. */
function shown(before: Analysis, after: Analysis, layer: string | undefined): readonly [LagCurve, LagCurve] {
  const one = longest({ curves: curvesOf(before, layer) });
  return [one, longestLike(one, { curves: curvesOf(after, layer) })];
}

function gradientChart({ before, after, layer }: Tried): string {
  const [one, other] = shown(before, after, layer);
  return lagChart({
    title: `Gradient by lag${layer === undefined ? '' : ` in ${layer}`}`,
    curves: [
      { name: `before, ${one.state}`, curve: one },
      { name: `after, ${other.state}`, curve: other },
    ],
    threshold: before.threshold,
    needs: before.needs.lag,
  });
}

function horizons({ before, after, layer }: Tried): string {
  const lag = Math.min(before.needs.lag, before.steps - 1, after.steps - 1);
  const rows = [before, after].flatMap((analysis, k) =>
    curvesOf(analysis, layer).map(
      (curve) =>
        `<tr><th>${k === 0 ? 'before' : 'after'}</th><td>${escaped(curve.state)}</td><td>${escaped(horizonText(curve))}</td><td>${escaped(gradientAt(curve, lag))}</td></tr>`,
    ),
  );
  return `<table><caption>Memory horizon at ${text(before.threshold)}; needed are ${before.needs.lag} steps</caption><thead><tr><th></th><th>state</th><th>horizon</th><th>gradient left at lag ${lag}</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

const gradientAt = ({ mean, low, high }: LagCurve, lag: number): string =>
  mean[lag] === undefined ? '–' : interval({ value: mean[lag], low: low[lag]!, high: high[lag]! });

function trainingCharts({ training }: Tried): string {
  if (training === undefined) return '';
  const { before, after } = training;
  const of = (read: (side: typeof before) => Series['points']): Series[] => [
    { name: 'before', points: read(before) },
    { name: 'after', points: read(after) },
  ];
  const rows = [before, after].map(
    ({ clipped, seconds, steps, validationLoss, failed }, k) =>
      `<tr><th>${k === 0 ? 'before' : 'after'}</th><td>${validationLoss.length === 0 ? '–' : text(validationLoss.at(-1)![1])}</td><td>${Math.round(100 * clipped)} %</td><td>${text((1000 * seconds) / Math.max(1, steps))} ms</td><td>${escaped(failed ?? '')}</td></tr>`,
  );
  return `${lineChart({ title: 'Training loss', series: of(({ loss }) => loss) })}${lineChart({ title: 'Gradient norm before clipping', log: true, series: of(({ gradientNorm }) => gradientNorm) })}<table><caption>Training, one seed</caption><thead><tr><th></th><th>validation loss</th><th>clipped</th><th>a step</th><th></th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

/** For a terminal; '' where none was tried. */
export function triedText(tried: readonly Tried[]): string {
  if (tried.length === 0) return '';
  const lags = [1, 5, 10, 20, 50, 100].filter((lag) => lag < tried[0]!.before.steps);
  const rows = tried.flatMap((each) => {
    const [one, other] = shown(each.before, each.after, each.layer);
    const side = (name: string, curve: LagCurve): string => {
      const left = lags.map((lag) => `${lag}: ${curve.mean[lag] === undefined ? '–' : text(curve.mean[lag])}`).join('  ');
      return `    ${name.padEnd(6)} g(k) of ${curve.state}: ${left}   horizon ${horizonText(curve)}`;
    };
    return [
      `  ${nameOf(each)}`,
      ...(each.repair.edits ?? []).flatMap(({ range, was, text: own }) => [
        `    ${placeText(range)}`,
        ...[...signed(was, '- '), ...signed(own, '+ ')].map((line) => `    ${line}`),
      ]),
      side('before', one),
      side('after', other),
      `    ${each.text}`,
      '',
    ];
  });
  return `Before and after. ${sameText(tried[0]!)}\n${rows.join('\n')}\n`;
}
