// What a person sets on the page of an analysis, as it was typed, and what it means.

import type { AnalyseRequest, CheckpointChoice } from '../engine/requests.ts';

export interface AnalysisSettings {
  readonly sequences: string;
  readonly length: string;
  /** Empty: the length of the sequences. */
  readonly needs: string;
  readonly threshold: string;
  /** Of a run: `last`, `best`, `start`, or a step. */
  readonly weights: string;
  /** Of an ONNX model: the lowest of the layers; empty: all. */
  readonly part: string;
}

export type SettingName = keyof AnalysisSettings;

export const usualSettings: AnalysisSettings = { sequences: '16', length: '100', needs: '', threshold: '0.001', weights: 'last', part: '' };

/** Whether it is one, for what a page sends. */
export const isSetting = (name: string): name is SettingName => Object.hasOwn(usualSettings, name);

/** What is wrong with a text for a setting: a sentence. */
export function settingFault(name: SettingName, text: string): string | undefined {
  const value = Number(text);
  const isWhole = (least: number, most: number): boolean => /^\s*\d+\s*$/.test(text) && value >= least && value <= most;
  switch (name) {
    case 'sequences':
      return isWhole(1, 1024) ? undefined : `Sequences: a whole number from 1 to 1,024, not “${text}”.`;
    case 'length':
      return isWhole(2, 100_000) ? undefined : `Steps: a whole number from 2 on, not “${text}”: of one step there is no past.`;
    case 'needs':
      return text.trim() === '' || isWhole(1, 1_000_000) ? undefined : `Needed lag: a whole number of steps, or nothing, not “${text}”.`;
    case 'threshold':
      return value > 0 && value < 1 ? undefined : `Forgotten below: a number between 0 and 1, not “${text}”.`;
    default:
      return undefined;
  }
}

/** Settings without faults as a request has them. */
export function requested({ sequences, length, needs, threshold }: AnalysisSettings): Omit<AnalyseRequest, 'source'> {
  return {
    sequences: Number(sequences),
    length: Number(length),
    threshold: Number(threshold),
    ...(needs.trim() === '' ? {} : { needs: Number(needs) }),
  };
}

/** The weights that are chosen of a run. */
export const checkpointOf = (weights: string): CheckpointChoice =>
  weights === 'last' || weights === 'best' || weights === 'start' ? weights : Number(weights);
