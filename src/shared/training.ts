// What a training says while it runs: lines of `log.jsonl`, of `--json`, and of the training view.

export interface StepRecord {
  readonly kind: 'step';
  /** Steps done, from 1. */
  readonly step: number;
  readonly epoch: number;
  /** Mean over the window and batch, in nats for a cross-entropy. */
  readonly loss: number;
  /** Norm of the whole gradient before clipping. */
  readonly gradientNorm: number;
  readonly clipped: boolean;
  readonly learningRate: number;
  readonly stepsPerSecond: number;
  /** Predicted time to the end; absent while unknown. */
  readonly secondsLeft?: number;
  /** Where it was measured at this step. */
  readonly validationLoss?: number;
}

/** What a run is, beside its numbers. */
export type RunStatus =
  | { readonly kind: 'running'; readonly process: number }
  | { readonly kind: 'paused' }
  | { readonly kind: 'done' }
  | { readonly kind: 'cancelled' }
  /** `what` says what stopped it and what is safe. */
  | { readonly kind: 'failed'; readonly what: string };

export interface RunSummary {
  readonly name: string;
  readonly folder: string;
  readonly model: string;
  /** E.g. `lstm 256 · adam .002 · clip 1 · window 64`. */
  readonly settings: string;
  readonly status: RunStatus;
  readonly step: number;
  readonly steps: number;
  readonly loss?: number;
  readonly validationLoss?: number;
  readonly device: string;
  readonly parameters: number;
  readonly seconds: number;
}
