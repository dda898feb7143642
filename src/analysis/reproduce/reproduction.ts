// What a reproduction of a published figure is: a command's worth of computing, and rows of ours beside theirs, each with the band within which it passes.

import type { ReproducedRow } from '../../shared/analysis.ts';
import type { Evaluator } from '../../tracing/evaluator.ts';
import type { TraceSource } from '../../tracing/source.ts';
import type { Sequences } from '../analyse.ts';

export interface Reproduction {
  readonly title: string;
  readonly source: string;
  /** How long it takes on two cores. */
  readonly time: string;
  run(options: ReproduceOptions): Promise<ReproducedRow[]>;
}

export interface ReproduceOptions {
  readonly evaluator: (batch: number) => Evaluator;
  readonly seed: number;
  /** Tells the share that is done; throws where the result is no longer wanted. */
  readonly check: (done?: number) => void;
  /** Trains the first `train` statement of a source, as `unroll train` does. */
  readonly train: (source: string, options: TrainedOptions) => Promise<Trained>;
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

/** A row that passes within a factor of the figure. */
export const banded = (what: string, quantity: string, ours: number, figure: number, factor: number): ReproducedRow => ({
  what,
  quantity,
  ours,
  figure,
  low: figure / factor,
  high: figure * factor,
  passes: ours >= figure / factor && ours <= figure * factor,
});
