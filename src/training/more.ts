// Going on with a run beyond what its statement asked for.

import type { RunRecord } from './run.ts';

/** Passes over the data where a statement gives neither epochs nor steps. */
export const usualEpochs = 10;

/** What a run has done, in what its length is told in. An epoch that is begun counts: it is finished first. */
export interface Done {
  readonly unit: 'epochs' | 'steps';
  readonly count: number;
}

export function doneOf({ settings, step, pass }: Pick<RunRecord, 'settings' | 'step' | 'pass'>): Done {
  return settings.steps === undefined ? { unit: 'epochs', count: Math.ceil(step / pass) } : { unit: 'steps', count: step };
}

/** The length that a training goes on to, for so many more. */
export const lengthWith = ({ unit, count }: Done, more: number): { readonly epochs: number } | { readonly steps: number } =>
  unit === 'epochs' ? { epochs: count + more } : { steps: count + more };

/** Why a text is no number of epochs or steps, as a sentence; undefined where it is one. */
export function moreFault(text: string, unit: Done['unit']): string | undefined {
  const number = Number(text);
  if (/^\s*\d+\s*$/.test(text) && number >= 1 && number <= MOST) return undefined;
  return `Write how many ${unit} more: a whole number from 1 to ${MOST.toLocaleString('en-US')}.`;
}

const MOST = 1_000_000;
