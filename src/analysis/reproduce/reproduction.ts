// What a reproduction of a published figure is: a command's worth of computing, and rows of ours beside theirs, each with the band within which it passes.

import type { ReproducedRow } from '../../shared/analysis.ts';
import type { Evaluator } from '../../tracing/evaluator.ts';

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
  /** Throws where the result is no longer wanted. */
  readonly check: () => void;
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
