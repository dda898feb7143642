// What of an analysis leads elsewhere: to a line of the source, to a timestep in the debugger, to a repair on trial. A file leads nowhere.

import { escaped } from '../shared/chart.ts';
import type { SourceRange } from '../shared/source.ts';
import { placeText } from './words.ts';

/** Each makes HTML. */
export interface Links {
  place(range: SourceRange): string;
  step(layer: string, t: number): string;
  /** Behind a repair that is an edit: the places of its verdict and of it in the lists. */
  repair(verdict: number, repair: number): string;
}

export const noLinks: Links = {
  place: (range) => escaped(placeText(range)),
  step: (_, t) => `t = ${t}`,
  repair: () => '',
};
