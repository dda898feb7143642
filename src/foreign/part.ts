// A recurrent part of somebody else's ONNX model: where it stands, which values of a run it needs, and its equations as a cell of the language.
//
// Whatever form a part has in the file (an operator, a loop, a cell that was spelled out or unrolled), it becomes the same thing here: cells
// with sizes, and the numbers that a run of the untouched model gives them. So one replay, one debugger and one export serve all forms.

import type { NodeProto } from '../onnx/proto.ts';
import type { Tensor } from '../runtime/runtime.ts';
import type { Scope } from './scopes.ts';

export type PartKind = 'lstm' | 'gru' | 'rnn' | 'cell';
export type Direction = 'forward' | 'reverse';

/** In which form the file has it. */
export type PartForm = 'operator' | 'scan' | 'loop' | 'spelled out' | 'unrolled';

export interface RecurrentPart {
  /** Unique in the model, and a name of the language: `encoder_rnn`. */
  readonly name: string;
  /** What the file calls it: `/encoder/rnn/LSTM`. */
  readonly title: string;
  readonly kind: PartKind;
  readonly form: PartForm;
  /** The file computes a step in halves: the runtime rounds on its way, and the replay does not. */
  readonly halves?: true;
  /** The graph that it stands in. */
  readonly scope: Scope;
  readonly directions: readonly Direction[];
  /** Units of the state, and numbers of one step's input; absent where only a run tells. */
  readonly hidden?: number;
  readonly input?: number;
  /** The values of its scope that are its input and its states over all steps, where it has them as one. */
  readonly sequence?: string;
  readonly result?: string;
  /** A value of its scope, and which of its axes are the steps and the sequences side by side; of attention also the places. Below 0 from the last. */
  readonly layout?: { readonly value: string; readonly steps: number; readonly sequences: number; readonly places?: number };
  /** Nodes that it is made of: where it comes from is read off them. */
  readonly nodes: readonly NodeProto[];
  /** Lines of its cell, as far as they are known without a run; and those of them that are weights of attention. */
  readonly values: readonly string[];
  readonly attention?: readonly string[];
  /** Of attention over whole sequences: the weights in the file, and the axis of them that is the places. */
  readonly weighing?: {
    readonly value: string;
    readonly axis: number;
    readonly shape?: readonly (number | undefined)[];
    /** That lie in the batch. */
    readonly heads?: number;
  };
  /** Values of its scope that are inside of it, where nodes of all steps stand in the scope: its nodes are those of one. */
  readonly covered?: ReadonlySet<string>;
  /** Values of its scope that a run must give. */
  readonly ports: readonly Port[];
  /** Takes the values of calls that follow each other, each for the next steps, as one run; absent where that makes no sense. Throws PartError as
   *  `bind` does. */
  bindJoined?(calls: readonly ReadonlyMap<string, Tensor>[]): BoundPart;
  /** Takes the values of a run. Throws PartError where they do not fit together. */
  bind(values: ReadonlyMap<string, Tensor>): BoundPart;
}

export interface Port {
  readonly name: string;
  readonly type: 'float32' | 'float16' | 'float64' | 'int32' | 'int64' | 'uint8' | 'bool';
  /** Of an operator of halves, which the runtime computes with floats: the floats that it reads or makes. */
  readonly floats?: 'read' | 'made';
  /** The body of the part's own loop, where the value is one of that: it comes stacked over the steps. */
  readonly within?: Scope;
}

/** Under which name a run gives the value of a port. */
export const keyOf = ({ name, within }: Port): string => (within === undefined ? name : `step/${name}`);

/** What a value of a model that is called several times is known by: its name in the first call. */
export const callKey = (name: string, call: number): string => (call === 0 ? name : `${name}@call${call}`);

/** A part with the numbers of a run. */
export interface BoundPart {
  /** Sequences that ran side by side, and the length of each. */
  readonly lengths: readonly number[];
  /** One a direction. */
  readonly runs: readonly BoundRun[];
  /** How a gradient goes through the part; absent where it does not. */
  readonly gradient?: PartGradient;
}

/** Where gradients begin in the cells of a part, and how they go through it. */
export type PartGradient = OperatorGradient | SpelledGradient;

export interface Seeds {
  /** Lines of the cells at which cotangents begin: states with a prime, and outputs. */
  readonly seeds: readonly string[];
  /** Cotangents of a run's seeds over one sequence, [T, ...] each; those of values that the objective does not depend on are absent. */
  seed(run: number, item: number, cotangents: ReadonlyMap<string, Tensor>): readonly Float32Array[];
}

/** Of an operator, which the replayed cells are gone through for: from the values of its scope to the lines, and from the cells' inputs back. */
export interface OperatorGradient extends Seeds {
  readonly form: 'operator';
  /** Values of the scope whose cotangents it takes, and those that it gives some. */
  readonly outputs: readonly string[];
  readonly inputs: readonly string[];
  /** The cotangents of the scope's values. `of(run, item, input)`: that of an input of the cell over one sequence; undefined where none came. */
  back(of: (run: number, item: number, input: string) => Float32Array | undefined): ReadonlyMap<string, Tensor>;
}

/** Of a part that ordinary nodes make: a gradient goes through these. What they do not give each other is what begins in the cells: cotangents
 *  of values, [T, ...] in the order of the steps, that come from nodes which are none of the cell's. */
export interface SpelledGradient extends Seeds {
  readonly form: 'spelled out';
  readonly steps: number;
  /** The Scan or Loop whose body the values are of; else they are of the part's scope. */
  readonly loop?: NodeProto;
  /** Values that lines are, each once. */
  readonly outputs: readonly string[];
  /** The name of such a value in a step, where the graph has it then. */
  valueAt(output: string, step: number): string | undefined;
  /** The file's nodes by which the cell computes its lines. */
  readonly nodes: ReadonlySet<NodeProto>;
}

/** One cell that ran over each sequence. */
export interface BoundRun {
  readonly direction: Direction;
  readonly cell: CellText;
  /** The numbers of the cell's parameters. */
  readonly weights: ReadonlyMap<string, Numbers>;
  /** The numbers of one sequence, steps in the order of the input's time also where the cell runs from the end. */
  sequence(item: number): {
    /** By the names of the cell's inputs and held inputs: [T, ...] and [...]. */
    readonly inputs: Readonly<Record<string, Float32Array>>;
    /** What the untouched model computed for lines of the cell: [T, ...], or [...] where only the last step is known. */
    readonly expected: readonly Expected[];
  };
}

export interface Expected {
  /** `h'` */
  readonly line: string;
  readonly data: Float32Array;
  readonly lastOnly: boolean;
}

/** Row-major. */
export interface Numbers {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A cell of the language, with this model's sizes. */
export interface CellText {
  readonly doc: string;
  /** Of one step. */
  readonly inputs: readonly Named[];
  /** The same at every step, but no parameter: initial states. */
  readonly held: readonly Named[];
  /** `initial`: the held input that it starts from; without one it starts at zero. */
  readonly states: readonly (Named & { readonly initial?: string })[];
  readonly parameters: readonly Named[];
  readonly lines: readonly CellLine[];
  /** The state that is the cell's value. */
  readonly value: string;
}

export interface Named {
  readonly name: string;
  readonly shape: readonly number[];
}

export interface CellLine {
  /** With a prime where it is a state after the step. */
  readonly name: string;
  readonly text: string;
  readonly comment?: string;
  /** Weights over places, by which what stands there is added up. */
  readonly attention?: true;
}

/** Lines of a cell that are weights of attention. */
export const attentionOf = ({ lines }: CellText): { readonly attention?: readonly string[] } => {
  const names = lines.filter(({ attention }) => attention).map(({ name }) => name);
  return names.length === 0 ? {} : { attention: names };
};

/** Why a part cannot be replayed. */
export class PartError extends Error {
  override name = 'PartError';
}

/** One step of a recurrence as the file has it: a loop's body, or one repetition of what was unrolled. All names are those of the body. */
export interface StepBody {
  /** Without bodies of their own, each behind those whose outputs it reads. */
  readonly nodes: readonly NodeProto[];
  readonly states: readonly { readonly before: string; readonly after: string }[];
  /** What is another at each step. */
  readonly scanned: readonly string[];
  /** What comes from outside and is the same at each step: weights. */
  readonly held: readonly string[];
  /** What a step gives, beside the states. */
  readonly outputs: readonly string[];
}
