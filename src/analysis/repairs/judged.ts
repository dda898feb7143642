// What came of a repair that was tried. None is said to help whose numbers do not show it: intervals that overlap show nothing.

import { horizonText, interval, longest, longestLike, text } from '../../report/words.ts';
import type { Analysis, Estimate, Horizon, LayerAnalysis, Training, Tried } from '../../shared/analysis.ts';
import { FEW } from '../alike.ts';
import { GROWN } from '../verdict.ts';

type Judged = Pick<Tried, 'outcome' | 'text'>;

/** Losses of one seed that differ by less than this share are alike. */
const ALIKE = 0.01;

export function judged({ repair, against, layer, before, after, training }: Omit<Tried, 'outcome' | 'text'>): Judged {
  if (repair.kind === 'clipping' && training !== undefined) return clipping(training.before, training.after);
  if (repair.kind === 'window' && training !== undefined) return window(training.before, training.after);
  const [one, other] = [before, after].map((analysis) => analysis.layers.find((each) => each.layer === layer)) as [
    LayerAnalysis | undefined,
    LayerAnalysis | undefined,
  ];
  if (one === undefined || other === undefined)
    return { outcome: 'unclear', text: `Unclear: ${layer ?? 'the layer'} is not in both models, so there is nothing to compare.` };
  return against === 'exploding' ? growth(one, other, before.needs) : memory(one, other, before.needs);
}

/** Whether one horizon lies wholly behind another. */
const isBehind = (a: Horizon, b: Horizon): boolean => !b.highBeyond && (a.low > b.high || (a.lowBeyond && a.low >= b.high));

function memory(before: LayerAnalysis, after: LayerAnalysis, { lag }: Analysis['needs']): Judged {
  const one = longest(before);
  const other = longestLike(one, after);
  const [a, b] = [one.horizon, other.horizon];
  const from = `from ${horizonText(one)} to ${horizonText(other)}`;
  const most = largest(after, lag);
  if (most.low > GROWN && largest(before, lag).low <= GROWN)
    return {
      outcome: 'does not help',
      text: `Does not help: the gradient of ${after.layer} explodes instead, to ${interval(most)} times what it begins with.`,
    };
  const enough = b.beyond || b.value >= lag ? `, and ${lag} are needed` : `, still less than the ${lag} that are needed`;
  if (Math.min(one.sequences[0] ?? 0, other.sequences[0] ?? 0) < FEW)
    return {
      outcome: 'unclear',
      text: `Unclear: the memory of ${after.layer} goes ${from}, of too few sequences to have an interval. Give ${FEW} or more.`,
    };
  if (isBehind(b, a)) return { outcome: 'helps', text: `Helps: the memory of ${after.layer} grows ${from}${enough}.` };
  if (a.beyond && b.beyond)
    return { outcome: 'unclear', text: `Unclear: on both sides memory reaches further than the sequences do (${from}). Give longer ones.` };
  if (b.value > a.value)
    return {
      outcome: 'unclear',
      text: `Unclear: the memory of ${after.layer} goes ${from}, and the intervals overlap. More sequences would tell.`,
    };
  return { outcome: 'does not help', text: `Does not help: the memory of ${after.layer} goes ${from}.` };
}

/** The largest gradient of a layer within a lag, over that with which it begins. */
function largest({ curves }: LayerAnalysis, within: number): Estimate {
  const all = curves.flatMap(({ mean, low, high }) => mean.map((value, lag) => ({ value, low: low[lag]!, high: high[lag]!, lag })));
  return all.filter(({ lag }) => lag <= within).reduce((most, each) => (each.value > most.value ? each : most));
}

function growth(before: LayerAnalysis, after: LayerAnalysis, { lag }: Analysis['needs']): Judged {
  const [a, b] = [largest(before, lag), largest(after, lag)];
  const from = `from ${interval(a)} to ${interval(b)} times what it begins with`;
  if (b.high < a.low) {
    const { horizon } = longest(after);
    const fades = !horizon.beyond && horizon.value < lag;
    const rest = b.low > GROWN ? ', and explodes still' : fades ? `; but it vanishes now, within ${horizonText({ horizon })}` : '';
    return { outcome: 'helps', text: `Helps: the largest gradient of ${after.layer} falls ${from}${rest}.` };
  }
  return b.value < a.value
    ? { outcome: 'unclear', text: `Unclear: the largest gradient of ${after.layer} goes ${from}, and the intervals overlap.` }
    : { outcome: 'does not help', text: `Does not help: the largest gradient of ${after.layer} goes ${from}.` };
}

/** The validation loss where both have it, else the mean of the last tenth of the steps. */
function lossOf(training: Training, held: boolean): number {
  if (held) return training.validationLoss.at(-1)![1];
  const last = training.loss.slice(-Math.max(1, Math.ceil(training.loss.length / 10)));
  return last.reduce((sum, [, value]) => sum + value, 0) / last.length;
}

function losses(before: Training, after: Training): { readonly a: number; readonly b: number; readonly said: string } {
  const held = before.validationLoss.length > 0 && after.validationLoss.length > 0;
  const [a, b] = [lossOf(before, held), lossOf(after, held)];
  return {
    a,
    b,
    said: `the ${held ? 'validation' : 'training'} loss after ${after.steps} steps goes from ${text(a)} to ${text(b)} (one seed)`,
  };
}

const median = (values: readonly (readonly [number, number])[]): number =>
  values.map(([, value]) => value).toSorted((x, y) => x - y)[Math.floor(values.length / 2)] ?? Number.NaN;
const most = (values: readonly (readonly [number, number])[]): number => Math.max(...values.map(([, value]) => value));

function clipping(before: Training, after: Training): Judged {
  if (after.failed !== undefined)
    return { outcome: 'does not help', text: `Does not help: clipped, the training ends too. ${after.failed}` };
  if (before.failed !== undefined)
    return {
      outcome: 'helps',
      text: `Helps: without it the training ends after ${before.steps === 1 ? 'one step' : `${before.steps} steps`} (${before.failed})`,
    };
  const norms = `Norms of the gradient before clipping: median ${text(median(before.gradientNorm))} → ${text(median(after.gradientNorm))}, largest ${text(most(before.gradientNorm))} → ${text(most(after.gradientNorm))}.`;
  if (after.clipped === 0)
    return { outcome: 'does not help', text: `Does not help: in ${after.steps} steps nothing was clipped. ${norms}` };
  const share = `${Math.round(100 * after.clipped)} % of the steps are clipped`;
  const { a, b, said } = losses(before, after);
  if (b < a * (1 - ALIKE)) return { outcome: 'helps', text: `Helps: ${said}; ${share}. ${norms}` };
  if (b <= a * (1 + ALIKE)) return { outcome: 'unclear', text: `Unclear: ${said}; ${share}. ${norms}` };
  return { outcome: 'does not help', text: `Does not help: ${said}; ${share}. ${norms}` };
}

function window(before: Training, after: Training): Judged {
  const [one, other] = [before, after].map(({ seconds, steps }) => seconds / Math.max(1, steps)) as [number, number];
  const { a, b, said } = losses(before, after);
  const time = `a step takes ${text(1000 * other)} ms instead of ${text(1000 * one)}, and sees fewer timesteps`;
  if (after.failed !== undefined) return { outcome: 'does not help', text: `Does not help: the training ends. ${after.failed}` };
  if (b > a * (1 + ALIKE)) return { outcome: 'does not help', text: `Does not help: ${said}; ${time}.` };
  if (other > 0.9 * one) return { outcome: 'unclear', text: `Unclear: ${said}; ${time}.` };
  return { outcome: 'helps', text: `Helps: ${said}; ${time}.` };
}
