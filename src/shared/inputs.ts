// What is fed to a model of others: plain data, remembered as JSON beside the file that it was chosen for.

/** Choices for all inputs of a model. */
export interface InputChoices {
  /** By the inputs' names. */
  readonly inputs?: Readonly<Record<string, InputChoice>>;
  /** For every input that has no choice of its own: a file of several arrays gives each the one of its name. */
  readonly all?: InputChoice;
  /** Sizes of free dimensions: by their names, shared by all inputs that have one of that name; those without a name as `input[axis]`. */
  readonly dimensions?: Readonly<Record<string, number>>;
}

export type InputChoice = FileChoice | GeneratedChoice;

export type GeneratedChoice =
  | { readonly kind: 'zeros' }
  /** A number, or its text where it is a whole one beyond 2^53. */
  | { readonly kind: 'constant'; readonly value: number | string }
  /** `from`, `from + step`, ... in row-major order; from 0 by 1 where nothing else is said. */
  | { readonly kind: 'ramp'; readonly from?: number; readonly step?: number }
  /** The size of a dimension, such as the number of timesteps for an input that says how long the sequence is. */
  | { readonly kind: 'size'; readonly of: string }
  | RandomChoice;

/** Floats are normal (`mean` 0, `deviation` 1), or uniform where a range is given. Whole numbers are uniform from `from` (0) to below
 *  `below`: the number of rows of the table where they are ids; 2 where nothing is said, which every table has. */
export interface RandomChoice {
  readonly kind: 'random';
  readonly seed: number;
  readonly mean?: number;
  readonly deviation?: number;
  readonly from?: number;
  readonly below?: number;
}

/** A file, and what it leaves open. Options that its kind does not know are not looked at. */
export interface FileChoice extends TableOptions, WaveOptions, TextOptions, ImageOptions {
  readonly kind: 'file';
  readonly path: string;
  /** The name of one of several arrays (.npz, .json), where it is not the input's. */
  readonly array?: string;
  /** The first axis counts calls of the model, not an axis of its input: what a streaming model is fed, one after the other. */
  readonly stream?: boolean;
}

/** Of .csv, .tsv and lines of JSON; of a .json file that is a list of objects. */
export interface TableOptions {
  /** By name, or by number from 1; all where it is absent. */
  readonly columns?: readonly string[];
  /** Absent: told from the first two rows. */
  readonly header?: boolean;
}

/** Of .wav. */
export interface WaveOptions {
  /** Samples a second that the model expects: a file of another rate is refused. */
  readonly rate?: number;
  /** Which channel is taken, from 1; all are averaged where it is absent. */
  readonly channel?: number;
  /** Samples a frame, without its context; absent: the whole signal is one row. */
  readonly frame?: number;
  /** Samples from the start of a frame to that of the next; `frame` where it is absent, less for frames that overlap. */
  readonly hop?: number;
  /** Samples before a frame that stand in it too; zeros before the first sample. */
  readonly context?: number;
  /** What is left over at the end, less than a frame: filled up with zeros, or dropped where it is absent. */
  readonly tail?: 'pad' | 'drop';
  /** Instead of the frame's n samples the n/2 + 1 magnitudes (or squares of them) of its discrete Fourier transform. */
  readonly spectrum?: 'magnitude' | 'power';
  /** What a frame is multiplied with before it is transformed (periodic Hann); nothing where it is absent. */
  readonly window?: 'hann';
}

/** Of .txt. */
export interface TextOptions {
  /** A file of tokens: a JSON object of ids by token, a JSON list, or a text with a token a line (or a token and its id). */
  readonly vocabulary?: string;
  /** How the text is cut; by characters where it is absent. */
  readonly by?: 'char' | 'word';
  /** The token that stands for those which the vocabulary lacks; absent: they are a fault. */
  readonly unknown?: string;
  /** Capitals are made small before the vocabulary is asked. */
  readonly lower?: boolean;
  /** Each token as a row of zeros with a one at its id, as long as the vocabulary. */
  readonly oneHot?: boolean;
}

/** Of images. Channels are 0..1 for floats and 0..255 for whole numbers. */
export interface ImageOptions {
  /** Absent: told from the input's shape. */
  readonly layout?: 'channels-first' | 'channels-last';
  /** 0..255 for floats too. */
  readonly bytes?: boolean;
  /** By channel, in the unit of the values: (value - mean) / spread. */
  readonly mean?: readonly number[];
  readonly spread?: readonly number[];
}
