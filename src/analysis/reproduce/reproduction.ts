// What a reproduction of a published figure is: a command's worth of computing, and rows of ours beside theirs, each with the band within which it passes.

import type { Horizon, ReproducedRow } from '../../shared/analysis.ts';
import type { Evaluator } from '../../tracing/evaluator.ts';
import type { TraceSource } from '../../tracing/source.ts';
import type { Sequences } from '../analyse.ts';

export interface Reproduction {
  readonly title: string;
  readonly source: string;
  /** How long it takes on two cores. */
  readonly time: string;
  /** It trains models for minutes, each of which is kept when it is over. */
  readonly trains?: true;
  run(options: ReproduceOptions): Promise<ReproducedRow[]>;
}

export interface ReproduceOptions {
  readonly evaluator: (batch: number) => Evaluator;
  readonly seed: number;
  /** Tells the share that is done; throws where the result is no longer wanted. */
  readonly check: (done?: number) => void;
  /** Trains the first `train` statement of a source, as `unroll train` does. */
  readonly train: (source: string, options: TrainedOptions) => Promise<Trained>;
  /** Lets a model of the language learn as `unroll train` does, a few at a time whatever is asked for at once; what has been trained before is not trained again. Throws where it is no longer wanted. */
  readonly learn: (training: Training) => Promise<Learned>;
}

export interface TrainedOptions {
  /** Of the weights, and of all that chance draws while it is trained. */
  readonly seed: number;
  /** How many held-out sequences, and the most steps of each. */
  readonly sequences: number;
  readonly length: number;
  readonly progress?: (share: number) => void;
}

/** A trained model, and sequences of its held-out data in groups of one length. */
export interface Trained extends Pick<TraceSource, 'model' | 'weights'> {
  readonly groups: readonly Sequences[];
}

export interface Training {
  /** What is said of it while it goes on: `LSTM, T = 100`. */
  readonly name: string;
  /** A source with one `train` statement. */
  readonly source: string;
  /** It is over where a validation finds this. */
  readonly until?: { readonly metric: string; readonly below?: number; readonly above?: number };
  /** The memory horizons of the trained model are wanted: on so many held-out sequences. */
  readonly horizons?: { readonly threshold: number; readonly sequences: number; readonly length: number };
}

/** How a training ended, by the last validation. */
export interface Learned {
  readonly step: number;
  readonly steps: number;
  /** The validation's `loss` and metrics; empty where the training broke before the first. */
  readonly figures: Readonly<Record<string, number>>;
  /** It ended early because it found what it was to find. */
  readonly reached: boolean;
  /** What broke it. */
  readonly fault?: string;
  readonly seconds: number;
  /** Of the first layer's states. */
  readonly horizons?: Readonly<Record<string, Horizon>>;
}

/** Waits for all, also where one fails: no training is left behind. */
export async function all<Result>(promises: readonly Promise<Result>[]): Promise<Result[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((each) => {
    if (each.status === 'rejected') throw each.reason;
    return each.value;
  });
}

/** A row that passes within a factor of the figure. */
export const banded = (what: string, quantity: string, ours: number, figure: number, factor: number): ReproducedRow =>
  between(what, quantity, ours, figure, [figure / factor, figure * factor]);

/** A row that is told, beside what would be expected, and not judged. */
export const unjudged = ({ passes, ...row }: ReproducedRow): ReproducedRow => row;

/** A row that passes between two figures. */
export const between = (
  what: string,
  quantity: string,
  ours: number,
  figure: number | undefined,
  [low, high]: readonly [number, number],
  note?: string,
): ReproducedRow => ({
  what,
  quantity,
  ours,
  ...(figure === undefined ? {} : { figure }),
  low,
  high,
  passes: ours >= low && ours <= high,
  ...(note === undefined ? {} : { note }),
});

/** `solved after 1,200 of 3,000 steps, 12 s`. */
export function courseText({ step, steps, reached, fault, seconds }: Learned): string {
  const count = (number: number): string => number.toLocaleString('en-US');
  const end =
    fault !== undefined
      ? `broke at step ${count(step)}`
      : reached
        ? `stopped after ${count(step)} of ${count(steps)} steps, being there`
        : `all ${count(steps)} steps`;
  return `${end}, ${Math.round(seconds)} s`;
}
