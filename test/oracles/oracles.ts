// The values of PyTorch beside this file, as make.py has written them.

import { readFileSync } from 'node:fs';

export interface Oracle {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

type Named = Readonly<Record<string, Oracle>>;

/** sum(h' * direction) + the squares of the final states, as its feeds say. Lines and their gradients are [T, B, H]. */
export interface CellOracle {
  readonly feeds: Named;
  readonly objective: Oracle;
  readonly gradients: Named;
  readonly lines: Named;
  readonly lineGradients: Named;
}

/** embed, a cell, linear and the mean cross-entropy of `next`; tokens [T, B]. */
export interface LanguageModelOracle {
  readonly tokens: Oracle;
  readonly next: Oracle;
  readonly weights: Named;
  readonly logits: Oracle;
  readonly loss: Oracle;
  readonly losses: Oracle;
  readonly gradients: Named;
}

/** The same with the LSTM, updated on one window of so many steps after the other, the state carried on; for `clip_value` each number is cut as well. */
export interface UpdatesOracle {
  readonly tokens: Oracle;
  readonly next: Oracle;
  readonly window: number;
  readonly clip: number;
  readonly start: Named;
  readonly records: readonly { readonly loss: Oracle; readonly gradientNorm: Oracle }[];
  readonly end: Named;
}

export type UpdateName =
  | 'sgd'
  | 'sgd_momentum'
  | 'sgd_decay'
  | 'rmsprop'
  | 'rmsprop_momentum'
  | 'adam'
  | 'adam_decay'
  | 'adamw'
  | 'adamw_usual'
  | 'clip_value';
type LayerName = 'rnn' | 'rnn_relu' | 'lstm' | 'gru';

const read = <Content>(name: string): Content => JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8')) as Content;

export const cellOracles = (): Record<LayerName, CellOracle> => read('cells.json');
export const languageModelOracles = (): Record<LayerName, LanguageModelOracle> => read('language_models.json');
export const updateOracles = (): Record<UpdateName, UpdatesOracle> => read('updates.json');
export const scheduleOracles = (): Record<'cosine' | 'warm_cosine' | 'step' | 'losses' | 'plateau', Oracle> => read('schedules.json');
