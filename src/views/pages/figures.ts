// Figures as people read them: shares in per cent, the rest with their unit.

import { figure, type Series } from '../../shared/chart.ts';
import type { LengthFigures } from '../../shared/training.ts';

const SHARES = new Set(['accuracy', 'f1', 'exact', 'majority', 'aer']);
const UNITS: Readonly<Record<string, string>> = {
  bits: 'bits a step',
  perplexity: '',
  rmse: 'in the data’s unit',
  mae: 'in the data’s unit',
};

export const isShare = (name: string): boolean => SHARES.has(name);
export const unitOf = (name: string): string => (isShare(name) ? '%' : (UNITS[name] ?? ''));

/** `82.5 %`, `1.41`. */
export const metricText = (name: string, value: number): string => (isShare(name) ? `${(100 * value).toFixed(1)} %` : figure(value));

/** Whether more is better. */
export const isGain = (name: string): boolean => (isShare(name) && name !== 'aer') || name === 'bleu' || name === 'chrf';

export const metricNames: Readonly<Record<string, string>> = {
  accuracy: 'accuracy',
  f1: 'F1 (macro)',
  exact: 'rows all right',
  perplexity: 'perplexity',
  bits: 'bits',
  bleu: 'BLEU',
  chrf: 'chrF2',
  aer: 'alignment error rate',
  rmse: 'RMSE',
  mae: 'MAE',
  persistence: 'persistence',
  majority: 'most frequent class',
};
export const nameOf = (metric: string): string => metricNames[metric] ?? metric;

/** What a chart by length counts along. */
export const LENGTH = 'answers in the row';

/** A figure by length in per cent, each range at its middle. */
export const lengthSeries = (name: string, ranges: readonly LengthFigures[] | undefined, figure: 'accuracy' | 'exact'): Series => ({
  name,
  points: (ranges ?? []).map((range) => [(range.from + range.to) / 2, 100 * range[figure]] as const),
});
