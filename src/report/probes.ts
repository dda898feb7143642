// What a linear read-out of a state still tells of earlier inputs: by lag, beside what it could tell without a memory.

import type { Analysis, ProbeCurve } from '../shared/analysis.ts';
import { lineChart } from '../shared/chart.ts';
import { text } from './words.ts';

export function probesHtml({ studies: { probes } }: Analysis): string {
  if (probes === undefined) return '';
  return `<section><h2>What the states still tell</h2><p>Linear read-outs (ridge regression) of the states, of the input so many steps before: each sequence is judged by what was learned from others. Control is the same read-out of random answers, one for each class: what of it is above the guess of the most frequent one is learned by heart, class by class. Present is that of the present input alone: what is above it is memory. Baseline says always the most frequent class, or the mean.</p>${probes.map(curveHtml).join('')}</section>`;
}

const curveHtml = ({
  layer,
  state,
  target,
  measure,
  lags,
  value,
  low,
  high,
  control,
  guessed,
  baseline,
  present,
  learnedFrom,
  judgedOn,
}: ProbeCurve): string =>
  `${lineChart({
    title: `${measure === 'R²' ? 'R²' : 'Accuracy'} of ${target} read out of ${state} in ${layer}`,
    along: 'lag, steps',
    series: [
      {
        name: state,
        points: lags.map((lag, k) => [lag, value[k]!] as const),
        spread: lags.map((lag, k) => [lag, low[k]!, high[k]!] as const),
      },
      ...Object.entries({ control, present, baseline, ...(measure === 'accuracy' ? { 'control guessed': guessed } : {}) }).map(
        ([name, values]) => ({
          name,
          points: lags.map((lag, k) => [lag, values[k]!] as const),
        }),
      ),
    ],
  })}<p class="unit">Learned from ${learnedFrom} sequences, judged on ${judgedOn}, each by what was learned from others; the band is the 95 % interval of Student's t over sequences, which takes them as independent: those of a fold share a read-out, so it is somewhat narrow.</p>`;

export const probesText = ({ studies: { probes = [] } }: Analysis): string =>
  probes
    .map(
      ({ layer, state, target, measure, lags, value, control, guessed, present, baseline }) =>
        `${measure} of ${target} read out of ${state} in ${layer} by lag (present input alone, baseline; control, guessed)\n${lags
          .map(
            (lag, k) =>
              `  ${lag}: ${text(value[k]!)}  (${text(present[k]!)}, ${text(baseline[k]!)}; ${text(control[k]!)}, ${text(guessed[k]!)})\n`,
          )
          .join('')}`,
    )
    .join('\n');

export const probesRows = ({ studies: { probes = [] } }: Analysis): (readonly (string | number)[])[] =>
  probes.flatMap(({ layer, state, target, measure, lags, value, low, high, control, guessed, present, baseline, judgedOn }) =>
    lags.flatMap((lag, k) => [
      [layer, `probe: ${measure} of ${target}`, state, lag, value[k]!, low[k]!, high[k]!, judgedOn],
      ...Object.entries({ control, 'control guessed': guessed, present, baseline }).map(([name, values]) => [
        layer,
        `probe: ${measure} of ${target}, ${name}`,
        state,
        lag,
        values[k]!,
        '',
        '',
        judgedOn,
      ]),
    ]),
  );
