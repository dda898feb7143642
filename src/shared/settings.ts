// What `data`, `train` and `generate` say, as plain data: written by the language, obeyed by data and training.

/** Shares of the examples, 0 .. 1, or their number from 1: what is held out for validation, and what for the test. Of a text or a series the end is
 *  held out, validation before test; rows of a table and of arrays are drawn by the seed. */
export interface Split {
  readonly validation: number;
  readonly test: number;
  readonly seed: number;
}

/** How texts are cut into classes. `pieces` is the size of the vocabulary of byte pairs. */
export interface Cutting {
  readonly by: 'char' | 'word' | 'pieces';
  readonly pieces?: number;
  readonly lower: boolean;
  /** Words that occur less often are <unknown>. */
  readonly minimum: number;
}

/** The value of a `data` line. `path` is relative to the source file until the language makes it absolute. */
export interface TextSource extends Cutting, Split {
  readonly kind: 'text';
  readonly path: string;
}

/** What an input of the model is taken from. Without one, the column of the input's own name. */
export type Binding =
  | { readonly kind: 'column'; readonly name: string }
  | { readonly kind: 'columns'; readonly names: readonly string[] }
  /** The next `steps` values of a column behind the window (series only). */
  | { readonly kind: 'following'; readonly name: string; readonly steps: number };

/** Rows of a file: .csv, .tsv, or JSON lines (.jsonl, .ndjson). A cell is a text, a category or a number, as the input that it binds wants it. */
export interface TableSource extends Cutting, Split {
  readonly kind: 'table';
  readonly path: string;
  /** Absent: told from the first row. */
  readonly header?: boolean;
  /** Sequences that are longer are cut. */
  readonly longest?: number;
  /** By the name of the model's input. */
  readonly bindings: Readonly<Record<string, Binding>>;
  /** Numbers to mean 0 and deviation 1, as the training part has them. */
  readonly normalise: boolean;
}

/** Columns of a table whose rows are timesteps. */
export interface SeriesSource extends Split {
  readonly kind: 'series';
  readonly path: string;
  readonly header?: boolean;
  readonly bindings: Readonly<Record<string, Binding>>;
  /** Timesteps of an example. */
  readonly window: number;
  /** Timesteps from the start of an example to that of the next; 1 unless told otherwise. */
  readonly stride: number;
  readonly normalise: boolean;
}

/** Arrays of a .npz file (or the one of a .npy file); the first axis counts the examples. */
export interface ArraysSource extends Split {
  readonly kind: 'arrays';
  readonly path: string;
  /** By the name of the model's input: the name of the array. */
  readonly bindings: Readonly<Record<string, string>>;
  readonly normalise: boolean;
}

/** Lines of a .tsv file: a sentence, a tab, its translation. They bind to the model's two sequences in order. */
export interface PairsSource extends Cutting, Split {
  readonly kind: 'pairs';
  readonly path: string;
  /** Tokens of a side; pairs with a longer one are left out. Absent: `usualLongest`. */
  readonly longest?: number;
  /** A file with the alignment of each pair, a line each (`0-0 1-2`). Absent: the third column, where it holds alignments. */
  readonly alignments?: string;
}

/** Conversations: a turn a line, an empty line between two of them; or pairs with a tab between. A reply binds with what was said before it. */
export interface DialogueSource extends Cutting, Split {
  readonly kind: 'dialogue';
  readonly path: string;
  readonly longest?: number;
}

/** Images of a folder, and what people have written about each. */
export interface ImagesSource extends Cutting, Split {
  readonly kind: 'images';
  readonly path: string;
  /** A table of the names of images and captions: several rows for an image that has several. */
  readonly captions: string;
  /** Rows and columns where the model leaves them open. */
  readonly size?: readonly [height: number, width: number];
  readonly longest?: number;
}

/** Tokens beyond which a pair is left out where `longest` says nothing: a sentence ten times as long would take the memory of a batch of a hundred. */
export const usualLongest = ({ by }: Pick<Cutting, 'by'>): number => (by === 'char' ? 500 : 100);

export const taskNames = [
  'adding',
  'copying',
  'repeating',
  'temporal_order',
  'parity',
  'flip_flop',
  'embedded_reber',
  'dates',
  'shapes',
] as const;
export type TaskName = (typeof taskNames)[number];

/** Examples that are generated. */
export interface TaskSource extends Split {
  readonly kind: 'task';
  readonly task: TaskName;
  /** How many; absent: training never sees an example twice. */
  readonly count?: number;
  /** `length`, `delay`, `symbols`, `switches`, `size`: a number, or least and most. */
  readonly options: Readonly<Record<string, number | readonly [least: number, most: number]>>;
}

export type DataSource = TextSource | TableSource | SeriesSource | ArraysSource | PairsSource | DialogueSource | ImagesSource | TaskSource;

export interface Optimizer {
  readonly kind: 'sgd' | 'rmsprop' | 'adam' | 'adamw';
  /** Learning rate; where a schedule changes it, its highest. */
  readonly rate: number;
  readonly schedule?: Schedule;
  readonly momentum?: number;
  readonly decay?: number;
}

/** How the learning rate changes. */
export type Schedule =
  /** Rises over `warmup` steps, then falls along half a cosine to `end` (a share of the rate) at the last step. */
  | { readonly kind: 'cosine'; readonly warmup: number; readonly end: number }
  /** Times `factor` every `every` epochs, the first time after `after`; rises over `warmup` steps. */
  | { readonly kind: 'step'; readonly every: number; readonly factor: number; readonly after: number; readonly warmup: number }
  /** Times `factor` where the validation loss has not fallen for `patience` validations. */
  | { readonly kind: 'plateau'; readonly patience: number; readonly factor: number; readonly warmup: number };

/** What is measured on held-out data. */
export type Metric =
  | {
      readonly kind:
        | 'accuracy'
        | 'f1'
        | 'confusion'
        | 'exact'
        | 'by_length'
        | 'perplexity'
        | 'bits'
        | 'bleu'
        | 'chrf'
        | 'rmse'
        | 'mae'
        | 'persistence';
    }
  | { readonly kind: 'seasonal'; readonly period: number };

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
  /** The probability that the predicted input is given as it is, and not as the model predicts it: from the first step to the end of `epochs`, in a
   *  straight line (Bengio et al. 2015). Absent: always. */
  readonly teacher?: { readonly from: number; readonly to: number; readonly epochs: number };
  /** Ends the training where the validation loss has not fallen for so many validations; the best weights are kept. */
  readonly stop?: { readonly patience: number };
  /** Absent: what fits the model's loss. */
  readonly report?: readonly Metric[];
  /** Lines of the model whose weights stay as they start: `encoder`. */
  readonly freeze?: readonly string[];
  /** A run's folder, or a file of weights (.safetensors, .onnx), absolute: where weights of the same name and shape start. */
  readonly start?: string;
  /** Steps between two samples of what the model writes or predicts; 0: none. */
  readonly samples?: number;
  readonly seed: number;
  readonly device: Device;
}

/** A `generate` statement. Temperature 1 and greedy off by default. */
export interface GenerateSettings {
  readonly search:
    | { readonly kind: 'greedy' }
    | { readonly kind: 'sample'; readonly temperature: number; readonly topK?: number; readonly topP?: number }
    /** The `width` best beginnings at each step; `penalty` is the power of the length penalty (Wu et al. 2016). */
    | { readonly kind: 'beam'; readonly width: number; readonly penalty: number };
  /** Most tokens, for what does not come to an end of its own. */
  readonly length: number;
  readonly prompt: string;
  /** Where ‹unknown› is written, the source's word at the largest weight of this line stands: `decoder.weights`. */
  readonly copy?: string;
}

/** A search as a `generate` statement has it: `sample(temperature: 0.7, top_k: 40)`. */
export function searchText(search: GenerateSettings['search']): string {
  const { kind } = search;
  if (kind === 'greedy') return 'greedy';
  if (kind === 'beam') return `beam(${search.width}${search.penalty === 0 ? '' : `, penalty: ${search.penalty}`})`;
  const { temperature, topK, topP } = search;
  const more = [...(topK === undefined ? [] : [`top_k: ${topK}`]), ...(topP === undefined ? [] : [`top_p: ${topP}`])];
  return `sample(${[`temperature: ${temperature}`, ...more].join(', ')})`;
}
