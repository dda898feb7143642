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
  /** On the validation part, where it was measured at this step, by name: `accuracy` (share), `f1` (macro), `perplexity`, `bits` (a step), `rmse`, `mae`
   *  (in the data's own unit), `exact` (share of rows). */
  readonly metrics?: Readonly<Record<string, number>>;
  /** Norm of the update over the norm of the weights, now and then, by block: the weights of line f of `h` are `h.f`. */
  readonly updateRatios?: Readonly<Record<string, number>>;
  /** Real timesteps (padding left out) that were learned from, a second; examples where there are no timesteps. */
  readonly stepsOfDataPerSecond?: number;
  /** What the model writes or predicts at this step. */
  readonly sample?: Sample;
}

export type Sample =
  | { readonly kind: 'text'; readonly text: string }
  /** Held-out examples: what was read, what is true, what the model says; texts. */
  | { readonly kind: 'examples'; readonly rows: readonly { readonly input: string; readonly truth: string; readonly predicted: string }[] };

/** How a trained model does on held-out data: `report.json` of a run. */
export interface RunReport {
  readonly part: 'validation' | 'test';
  /** The step whose weights were measured. */
  readonly step: number;
  readonly loss: number;
  /** As in StepRecord. */
  readonly metrics: Readonly<Record<string, number>>;
  /** The same figure of those who do not learn: `persistence`, `seasonal(24)` (RMSE), `majority` (accuracy). */
  readonly baselines: Readonly<Record<string, number>>;
  /** Examples of class i that were taken for class j at counts[i][j]. */
  readonly confusion?: { readonly classes: readonly string[]; readonly counts: readonly (readonly number[])[] };
  /** By class: precision, recall, F1, and how many there are. */
  readonly classes?: readonly {
    readonly name: string;
    readonly precision: number;
    readonly recall: number;
    readonly f1: number;
    readonly count: number;
  }[];
  /** By how many answers a row has, the shortest first. */
  readonly byLength?: readonly LengthFigures[];
}

/** Rows of `from` .. `to` answers: how many there are, the share of their answers that is right, and of rows in which all are. */
export interface LengthFigures {
  readonly from: number;
  readonly to: number;
  readonly rows: number;
  readonly accuracy: number;
  readonly exact: number;
}

/** What a run is, beside its numbers. */
export type RunStatus =
  | { readonly kind: 'running'; readonly process: number }
  | { readonly kind: 'paused' }
  | { readonly kind: 'done' }
  | { readonly kind: 'cancelled' }
  /** `what` says what stopped it and what is safe. */
  | { readonly kind: 'failed'; readonly what: string };

export type LossFunction = 'cross_entropy' | 'binary' | 'mse' | 'mae' | 'huber';

export interface RunSummary {
  readonly name: string;
  readonly folder: string;
  readonly model: string;
  /** The `.rnn` file that was trained, absolute; and when, ISO 8601. */
  readonly file?: string;
  readonly started?: string;
  /** E.g. `lstm 256 · adam .002 · clip 1 · window 64`. */
  readonly settings: string;
  /** The function that the loss is of, where it compares something. */
  readonly lossFunction?: LossFunction;
  /** One talks to it, or lets it translate, as its data tells. */
  readonly converses?: 'chat' | 'translation';
  readonly status: RunStatus;
  readonly step: number;
  readonly steps: number;
  readonly loss?: number;
  readonly validationLoss?: number;
  /** The last that were measured on the validation part. */
  readonly metrics?: Readonly<Record<string, number>>;
  /** A person's words about it. */
  readonly note?: string;
  readonly device: string;
  readonly parameters: number;
  readonly seconds: number;
}
