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
  /** What its memory is like at this step, now and then, and the share of steps that were clipped since it was last looked at. */
  readonly memory?: MemoryLook;
  readonly clipRate?: number;
}

/** How far back a model's gradients reach with the weights of a step, and what its units do: of a few sequences of the held-out part. */
export interface MemoryLook {
  readonly sequences: number;
  /** Of the longest. */
  readonly steps: number;
  readonly layers: readonly LayerLook[];
}

export interface LayerLook {
  readonly layer: string;
  readonly lags: readonly number[];
  /** g(lag) of each state by its name, as LagCurve.mean has it. */
  readonly gradient: Readonly<Record<string, readonly number[]>>;
  /** Units of all states; those that are 0 throughout, and those that stand still elsewhere. */
  readonly units: number;
  readonly dead: number;
  readonly stuck: number;
  /** Units of a gate (of the state of a squashed cell without gates) that are at one end at more than nine of ten steps: below 0.1 (-0.9), above 0.9. */
  readonly saturated: readonly { readonly line: string; readonly units: number; readonly low: number; readonly high: number }[];
}

/** The first value, in the order in which a step computes them, that is no finite number. */
export interface NonFinite {
  /** A value of the forward pass, a gradient, or (where all are finite, and only their squares are too large) the largest gradient. */
  readonly of: 'value' | 'gradient' | 'largest gradient';
  readonly layer: string;
  readonly line: string;
  /** The line's right-hand side; absent of an input or a weight. */
  readonly text?: string;
  /** Absent where the line has one value for the whole sequence. */
  readonly t?: number;
  /** Of the batch; absent where the line has one value for all rows. */
  readonly row?: number;
  readonly unit: readonly number[];
  readonly value: number;
  /** A weight of the line that was not finite before the step. */
  readonly weight?: string;
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
  /** `what` says what stopped it and what is safe; `first`: where the first number that is not finite came about, where that could be found. */
  | { readonly kind: 'failed'; readonly what: string; readonly first?: NonFinite };

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
