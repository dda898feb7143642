// What `data`, `train` and `generate` say, as plain data: written by the language, obeyed by data and training.

/** The value of a `data` line. `path` is relative to the source file until the language makes it absolute. */
export interface TextSource {
  readonly kind: 'text';
  readonly path: string;
  readonly by: 'char' | 'word';
  readonly lower: boolean;
  /** Words that occur less often are <unknown>. */
  readonly minimum: number;
  /** Share at the end that is held out, 0 .. 1. */
  readonly validation: number;
}

export type DataSource = TextSource;

export interface Optimizer {
  readonly kind: 'sgd' | 'rmsprop' | 'adam' | 'adamw';
  /** Learning rate. */
  readonly rate: number;
  readonly momentum?: number;
  readonly decay?: number;
}

export type Device = 'auto' | 'cpu' | 'webgpu' | 'cuda' | 'directml' | 'coreml';

/** The settings of a `train` statement, with SPEC's defaults filled in. */
export interface TrainSettings {
  readonly epochs?: number;
  readonly steps?: number;
  readonly batch: number;
  /** Steps of truncated backpropagation through time; the state is carried on. */
  readonly window: number;
  readonly optimizer: Optimizer;
  /** Largest norm of the whole gradient; absent: no clipping. */
  readonly clip?: number;
  readonly clipValue?: number;
  readonly seed: number;
  readonly device: Device;
}

/** A `generate` statement. Temperature 1 and greedy off by default. */
export interface GenerateSettings {
  readonly search:
    | { readonly kind: 'greedy' }
    | { readonly kind: 'sample'; readonly temperature: number; readonly topK?: number; readonly topP?: number };
  readonly length: number;
  readonly prompt: string;
}
