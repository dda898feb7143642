// A study: what is computed of a model beside the analysis, where it is asked for.

import type { Studies, StudyName } from '../../shared/analysis.ts';
import type { Evaluator } from '../../tracing/evaluator.ts';
import type { TraceSource } from '../../tracing/source.ts';
import type { SeededTrace } from '../../tracing/trace.ts';
import type { Sequences } from '../analyse.ts';

export interface StudyContext {
  readonly model: TraceSource['model'];
  readonly weights: TraceSource['weights'];
  /** The sequences that are analysed, in groups of one length, and their traces in the same order. */
  readonly groups: readonly Sequences[];
  readonly traces: readonly SeededTrace[];
  /** An evaluator for so many sequences side by side. */
  readonly evaluator: (batch: number) => Evaluator;
  readonly seed: number;
  /** The words of classes by the name that inputs have for them: `Char`. */
  readonly vocabularies: Readonly<Record<string, readonly string[]>>;
  /** Tells the share that is done; throws where the result is no longer wanted. */
  readonly check: (done: number) => void;
}

export interface Study<K extends StudyName> {
  readonly title: string;
  /** Throws StudyError where the model has nothing to study, and what `check` throws. */
  run(context: StudyContext): Promise<NonNullable<Studies[K]>>;
}

/** A model, or its sequences, are nothing for a study: a sentence that says why. The rest of the analysis stands. */
export class StudyError extends Error {
  override name = 'StudyError';
}
