// A trace as debugger and views see it: names, sizes and places; numbers are asked for in windows.

import type { PartParity } from './foreign.ts';
import type { LineRole, SourceRange } from './source.ts';

/** A value of the trace. `line` is the line's name with its prime (`f`, `c'`), or the name of an input (`x`), or of a state before the step (`c`).
 *  The model's own lines have the instance ''. */
export interface Address {
  readonly instance: string;
  readonly line: string;
}

/** `h/f`, `h[1]/c'`, `logits`: as in files of traces. */
export const addressText = ({ instance, line }: Address): string => (instance === '' ? line : `${instance}/${line}`);

/** A sequence that a model goes through: what it predicts a step at a time, or what it reads beside that, with a length of its own. */
export interface SequenceDescription {
  readonly steps: number;
  /** What stands at each timestep, one a step: characters, words. */
  readonly tokens: readonly string[];
  /** Whether the tokens are single characters (drawn close) or words. */
  readonly by: 'char' | 'word' | 'number';
}

/** A step of what is read, and the step of what is predicted (its ‹begin› is step 0) that says the same. Not sure: people may disagree (Och & Ney 2003). */
export interface Link {
  readonly source: number;
  readonly target: number;
  readonly sure: boolean;
}

/** Places of an image: an input of [channels, height, width], seen in so many rows and columns. */
export interface ImagePlaces {
  readonly input: string;
  readonly rows: number;
  readonly columns: number;
}

export interface LineDescription {
  readonly name: string;
  readonly role: LineRole;
  /** Shape of one step's value, e.g. [256]; [] for a number. */
  readonly shape: readonly number[];
  /** The same in the source's words, e.g. ['H']. */
  readonly dimensions: readonly string[];
  /** It has a value at each timestep; else one a sequence. */
  readonly perStep: boolean;
  /** The dimension of the other sequence (`beside`) whose timesteps these are. */
  readonly along?: string;
  readonly range: SourceRange;
  readonly text: string;
  readonly comment?: string;
  readonly calls?: string;
  /** Weights of attention: the last axis of its shape is the places that are attended to; one before it, if any, the heads. */
  readonly attention?: true;
  /** The dimension that is attended over, where it is that of a sequence: `S`. */
  readonly places?: string;
  /** They are those of an image. */
  readonly image?: ImagePlaces;
}

export interface InstanceDescription {
  readonly path: string;
  readonly cell: string;
  readonly parent?: string;
  readonly call?: SourceRange;
  readonly definition: SourceRange;
  /** It runs over the sequence, a timestep at a time. */
  readonly runs: boolean;
  readonly reverse: boolean;
  readonly lines: readonly LineDescription[];
  readonly states: readonly { readonly name: string; readonly shape: readonly number[]; readonly along?: string }[];
  readonly inputs: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly perStep: boolean;
    readonly along?: string;
    readonly integer: boolean;
    /** The name of its classes, where it holds some that the data knows. */
    readonly classes?: string;
  }[];
  readonly weights: readonly { readonly name: string; readonly weight: string; readonly shape: readonly number[] }[];
}

/** Its own steps, tokens and `by` are those of the sequence that the debugger goes over last: what is predicted, or the only one. */
export interface TraceDescription extends SequenceDescription {
  readonly id: number;
  readonly model: string;
  /** What was traced: `Shakespeare · step 1,400 · validation text`. */
  readonly title: string;
  /** The dimension of its timesteps: `T`. */
  readonly time?: string;
  /** What is read beside it, by the dimensions: an encoder's sequence. */
  readonly beside?: Readonly<Record<string, SequenceDescription>>;
  /** Which timesteps of the other sequence and of this one say the same, where the data tells; not all are sure. */
  readonly alignment?: readonly Link[];
  /** The names of the classes that are predicted, in order: for reading logits. */
  readonly classes?: readonly string[];
  /** The classes of inputs by the name of their dimension: `Char`. */
  readonly vocabularies?: Readonly<Record<string, readonly string[]>>;
  readonly instances: readonly InstanceDescription[];
  /** Largest relative difference between the replayed lines and the model's own run. */
  readonly parity: number;
  /** Of an ONNX model of others: of each part, beside the untouched model; and what could not be replayed, and why. */
  readonly parts?: readonly PartParity[];
  readonly idle?: readonly { readonly part: string; readonly why: string }[];
  /** Of an ONNX model of others: what the sequences that can be stepped through are called, by their numbers, where they lie along several axes: `B 0, frames 17`. */
  readonly sequences?: readonly string[];
  /** Outputs that gradients can be of. */
  readonly outputs?: readonly { readonly name: string; readonly dims: readonly number[] }[];
  /** Where gradients are of: the loss of the whole sequence, or of one step. */
  readonly objective: Objective;
}

export type Objective =
  | { readonly kind: 'loss' }
  | { readonly kind: 'lossAt'; readonly t: number }
  /** Of a model of others: an element of an output by its index, or the sum over the axes whose index is null; of all of it without one. */
  | { readonly kind: 'output'; readonly output: string; readonly index?: readonly (number | null)[] }
  /** Of a model of others: an output's loss against a target in a file. */
  | { readonly kind: 'against'; readonly loss: 'mse' | 'cross_entropy'; readonly output: string; readonly target: string };

/** The sequence of a line, an instance's states, or an input, by what their `along` says. */
export const sequenceAlong = (trace: TraceDescription, along: string | undefined): SequenceDescription =>
  (along === undefined ? undefined : trace.beside?.[along]) ?? trace;

/** The dimension of the other sequence that a cell runs over. */
export const alongOf = ({ lines }: InstanceDescription): string | undefined => lines.find(({ perStep }) => perStep)?.along;

/** Reads values of timesteps from .. to-1, each of its own sequence. Each answer is row-major [to - from, ...shape]; [1, ...shape] where a value is not per step. */
export interface ReadRequest {
  readonly addresses: readonly Address[];
  readonly from: number;
  readonly to: number;
  /** d objective / d value instead of the value. For a state's `c'`: all paths, as IR.md defines it. */
  readonly gradient?: boolean;
}

/** How debugger and views read a trace, wherever it is kept. */
export interface Trace {
  readonly description: TraceDescription;
  read(request: ReadRequest): Promise<readonly Float32Array[]>;
  /** One number a timestep (of a trajectory three), for all timesteps: what overview and gradient rows show. Norms are over the units. */
  summary(kind: SummaryKind): Promise<Float32Array>;
  weight(name: string): Promise<{ readonly shape: readonly number[]; readonly data: Float32Array }>;
  /** Another objective for the gradients; resolves when it is in force. */
  differentiate(objective: Objective): Promise<void>;
  close(): Promise<void>;
}

export type SummaryKind =
  /** -log2 p of the token at t, given those before it, in bits; NaN at t = 0. */
  | { readonly kind: 'surprise' }
  | { readonly kind: 'norm'; readonly address: Address; readonly gradient: boolean }
  | { readonly kind: 'mean'; readonly address: Address }
  /** Three numbers a timestep: the places of the states after it along the first two principal components of all timesteps, and the distance from their mean. */
  | { readonly kind: 'trajectory'; readonly addresses: readonly Address[] }
  /** Share of the units below .1 or above .9. */
  | { readonly kind: 'share'; readonly address: Address; readonly side: 'below' | 'above' };
