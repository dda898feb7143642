// The engine's requests: the engine is the forked process that trains and traces, so that neither blocks nor ends the editor.
// One table; client and process are generic over it.

import type { NamedArray } from '../data/npz.ts';
import type { Analysis, Comparison, Repair, Reproduced, Studies, StudyName, Tried, Verdict } from '../shared/analysis.ts';
import type { DataPreview, PartName } from '../shared/dataset.ts';
import type { ForeignInfo, ForeignInput, InputNeeds, PairProposal } from '../shared/foreign.ts';
import type { InputChoices } from '../shared/inputs.ts';
import type { Device, GenerateSettings } from '../shared/settings.ts';
import type { Objective, ReadRequest, SummaryKind, TraceDescription } from '../shared/trace.ts';
import type { RunSummary, StepRecord } from '../shared/training.ts';
import type { WrittenRow } from '../training/decoding/write.ts';
import type { MatchedWeights } from '../weights/match.ts';
import type { AsModelRequest, AsModelResult } from './as-model.ts';
import type { ForeignTraceRequest, ForeignTraceResult, VerifyResult } from './foreign.ts';

export type ExportFormat = 'onnx' | 'decoder' | 'pytorch' | 'safetensors';

export interface TrainRequest {
  /** The `.rnn` file, absolute. */
  readonly file: string;
  /** Which `train` statement of the file, from 0. */
  readonly statement?: number;
  /** The run's folder; by default `runs/NAME` beside the file. */
  readonly out?: string;
  readonly device?: Device;
  readonly threads?: number;
  readonly epochs?: number;
  readonly steps?: number;
  readonly seed?: number;
  /** Go on with the run in `out` (by default the newest of this model) from its last good checkpoint. */
  readonly resume?: boolean;
  /** Progress for every step, however fast they are; else no faster than eyes follow. */
  readonly everyStep?: boolean;
  /** Event files for TensorBoard beside the log. */
  readonly tensorBoard?: boolean;
  /** Steps between two looks at the memory, 0 for none. */
  readonly watch?: number;
}

/** A sequence to trace. Text is cut into tokens as the run's data was. */
export type SequenceChoice =
  /** `writes`: what a model writes that has read the text, in words or as it was written. Without it such a model has written nothing yet. */
  | { readonly kind: 'text'; readonly text: string; readonly writes?: string | Pick<WrittenRow, 'ids' | 'ended'> }
  | { readonly kind: 'file'; readonly path: string }
  /** Steps from .. from+length-1 of the training or validation part of the model's data, a running text. */
  | { readonly kind: 'data'; readonly part: 'training' | 'validation'; readonly from: number; readonly length: number }
  /** One example of the model's data: of the part that is held out (test, or else validation) where none is named. */
  | { readonly kind: 'example'; readonly part?: PartName; readonly index: number }
  /** What a run writes itself for something that it reads: the best of each step, or these tokens (of a hypothesis of a beam; with ‹end› unless `cut`). */
  | { readonly kind: 'written'; readonly source: SourceChoice; readonly ids?: readonly number[]; readonly cut?: boolean }
  /** What an ONNX model is run on, and which of the sequences that ran side by side is stepped through. */
  | { readonly kind: 'given'; readonly input: ForeignInput };

/** What a model reads before it writes. */
export type SourceChoice =
  | { readonly kind: 'text'; readonly text: string }
  /** An image. */
  | { readonly kind: 'file'; readonly path: string }
  /** Of the part that is held out where none is named. */
  | { readonly kind: 'example'; readonly part?: PartName; readonly index: number };

/** A sequence to choose: a place in the held-out part of a text, or a held-out example. */
export interface Beginning {
  readonly sequence: SequenceChoice;
  /** What stands there. */
  readonly text: string;
  /** `t = 1,200`, `Russian · 9 steps`. */
  readonly detail: string;
  /** The model reads something and writes an answer: its own can be stepped through as well (`written`). */
  readonly answers?: true;
}

/** Which weights of a run: its newest sound checkpoint (`last`), the one with the least validation loss, those that its training started with, or the
 *  checkpoint after so many steps. */
export type CheckpointChoice = 'last' | 'best' | 'start' | number;

export interface TraceRequest {
  /** A run's folder, and which of its weights (`last` unless told otherwise); a `.rnn` file whose weights are then untrained starts; an ONNX model of others, whose generated source is written into
   *  the folder `generated` (one of the system's for passing files unless told otherwise). */
  readonly source:
    | { readonly kind: 'run'; readonly folder: string; readonly checkpoint?: CheckpointChoice }
    | { readonly kind: 'onnx'; readonly file: string; readonly generated?: string }
    | ({ readonly kind: 'file' } & FileSource);
  readonly sequence: SequenceChoice;
  readonly objective?: Objective;
}

/** A `.rnn` file, and which of its models: by name, or by the `train` statement, from 0. */
export interface FileSource {
  readonly file: string;
  readonly model?: string;
  readonly statement?: number;
}

export interface TryRequest extends Omit<AnalyseRequest, 'also'> {
  /** Repairs with edits, and the verdicts that they are for. Both sides start untrained, also where a run was analysed. */
  readonly repairs: readonly { readonly repair: Repair; readonly against: Verdict['kind']; readonly layer?: string }[];
  /** Steps of training before both sides are looked at; by default 100 where a repair acts while a model is trained, else none. */
  readonly train?: number;
}

/** Two models or more, on the same sequences where their data is the same. */
export interface CompareRequest extends Omit<AnalyseRequest, 'source'> {
  readonly sources: readonly AnalyseRequest['source'][];
}

/** One model with several cells in the place of its own; trained for so many steps first, each with the same data and seed. */
export interface CompareCellsRequest extends Omit<AnalyseRequest, 'source'> {
  readonly source: FileSource;
  readonly cells: readonly string[];
  readonly train?: number;
}

export interface AnalyseRequest {
  /** Of an ONNX model: what it is run on, and the lowest layer of those that are meant (all, unless one is named). Its layers as sources are written into
   *  the folder `generated`; without one they are gone afterwards. */
  readonly source:
    | Exclude<TraceRequest['source'], { readonly kind: 'onnx' }>
    | { readonly kind: 'onnx'; readonly file: string; readonly input: ForeignInput; readonly part?: string; readonly generated?: string };
  /** Sequences of the held-out part of the model's data, and the steps after which they are cut. */
  readonly sequences?: number;
  readonly length?: number;
  /** The lag that memory should reach; by default the sequences' length. */
  readonly needs?: number;
  /** Of the gradient, below which it counts as forgotten. */
  readonly threshold?: number;
  readonly seed?: number;
  /** What is studied besides, each in its own time. */
  readonly also?: readonly StudyName[];
}

export interface ReproduceRequest {
  readonly name: string;
  readonly seed: number;
  /** The folder in which trainings that are over are kept, so that another call goes on from there; nothing is kept without one. */
  readonly keep?: string;
  /** What is kept is not taken. */
  readonly fresh?: boolean;
}

export interface NodeByNodeRequest {
  readonly file: string;
  /** What it was run on; random numbers of a seed, by default 1. */
  readonly input?: ForeignInput;
  readonly seed?: number;
  readonly dimensions?: Readonly<Record<string, number>>;
}

export interface GenerateRequest {
  readonly run: string;
  readonly prompt?: string;
  readonly length?: number;
  readonly seed?: number;
  /** What the model reads before it writes: texts, or examples of its data. */
  readonly sources?: readonly SourceChoice[];
  /** A beam of this width, with the penalty of the source if it has one. */
  readonly beam?: number;
  /** In place of what the source says. */
  readonly search?: GenerateSettings['search'];
  /** Of one row: `written` events say it as it grows, and it can be cancelled at any token. */
  readonly stream?: boolean;
  /** Rows tell where the model looked. */
  readonly attention?: boolean;
  /** Tokens (`ids` of a row, or of nodes of its beam) that every row begins with: the search continues from there. */
  readonly continue?: readonly number[];
}

/** `name` of the input that a text is typed for; absent where the model reads none; `isClass`: the name of one class is. `examples`: some of the held-out data, as
 *  they are typed. `settings`: how it writes unless told otherwise; absent where it writes nothing. */
export interface SourceOfRun {
  readonly reads: boolean;
  readonly isClass?: true;
  readonly name?: string;
  readonly examples: readonly string[];
  /** What it reads is an image. */
  readonly image?: true;
  readonly settings?: GenerateSettings;
}

/** Parameters and result of each request. */
export interface Requests {
  devices: { parameters: None; result: readonly { device: string; available: boolean; reason?: string }[] };
  /** Settles when the training ends; `progress` events meanwhile. */
  train: { parameters: TrainRequest; result: RunSummary };
  /** Stops the trainings that run, or only the one in the folder `run`, after the step in hand and a checkpoint. */
  stopTraining: { parameters: { readonly kind: 'pause' | 'cancel'; readonly run?: string }; result: None };
  /** Beginnings of sentences or paragraphs in the held-out part of a source's data, to choose a sequence by. */
  beginnings: {
    parameters: { readonly source: TraceRequest['source']; readonly count: number };
    result: readonly Beginning[];
  };
  /** The `train` statements of a file, each cell of a list as one of its own: what TrainRequest.statement counts. */
  statements: {
    parameters: { readonly file: string };
    result: readonly { readonly model: string; readonly data: string; readonly item: number; readonly label?: string }[];
  };
  /** What the model of a `train` statement (by default the first that uses the data) will see of a file's `data` line. */
  preview: { parameters: { readonly file: string; readonly data: string; readonly model?: string }; result: DataPreview };
  /** What is in an ONNX model, and what of it is recurrent. */
  inspect: { parameters: { readonly file: string }; result: ForeignInfo };
  /** What choices leave open: sizes of dimensions, and options of files. */
  inputNeeds: {
    parameters: { readonly file: string; readonly choices: Pick<ForeignInput, keyof InputChoices | 'stream'> };
    result: InputNeeds;
  };
  /** How an encoder and a decoder of two files fit together. */
  pairProposal: { parameters: { readonly encoder: string; readonly decoder: string }; result: PairProposal };
  /** Runs an ONNX model, and writes its parts' values over the sequences as arrays. */
  traceForeign: { parameters: ForeignTraceRequest; result: ForeignTraceResult };
  /** Makes a source file, its data and a run of recurrent layers of an ONNX model. */
  openAsModel: { parameters: AsModelRequest; result: AsModelResult };
  /** Replays an ONNX model's parts on random input, beside the untouched model. */
  verify: {
    parameters: { readonly file: string; readonly seed: number; readonly dimensions?: Readonly<Record<string, number>> };
    result: VerifyResult;
  };
  /** Runs an ONNX model node by node, with a `node` event before each: to find out at which of them a process ends. */
  nodeByNode: { parameters: NodeByNodeRequest; result: None };
  /** Why a model remembers or forgets: gradients by lag, the factors of each step, spectra, units, and a verdict. */
  analyse: { parameters: AnalyseRequest; result: Analysis };
  /** One of the studies alone, on the sequences that `analyse` takes. */
  study: { parameters: Omit<AnalyseRequest, 'also'> & { readonly study: StudyName }; result: Studies };
  /** The studies that there are. */
  studies: { parameters: None; result: readonly { readonly name: StudyName; readonly title: string }[] };
  /** Writes arrays as an `.npz` file. */
  writeArrays: { parameters: { readonly path: string; readonly arrays: readonly NamedArray[] }; result: None };
  /** Makes repairs on a copy of the source, and looks at the model before and after, side by side. */
  tryRepair: { parameters: TryRequest; result: readonly Tried[] };
  /** Why some models remember and others forget: all that is measured side by side, and in what they are not alike. */
  compareMemory: { parameters: CompareRequest; result: Comparison };
  compareCells: { parameters: CompareCellsRequest; result: Comparison };
  /** A figure of the literature, by the name of its reproduction. */
  reproduce: { parameters: ReproduceRequest; result: Reproduced };
  openTrace: { parameters: TraceRequest; result: TraceDescription };
  read: { parameters: ReadRequest & { readonly trace: number }; result: readonly Float32Array[] };
  summary: { parameters: { readonly trace: number; readonly summary: SummaryKind }; result: Float32Array };
  weight: {
    parameters: { readonly trace: number; readonly name: string };
    result: { readonly shape: readonly number[]; readonly data: Float32Array };
  };
  differentiate: { parameters: { readonly trace: number; readonly objective: Objective }; result: None };
  closeTrace: { parameters: { readonly trace: number }; result: None };
  /** Writes a trained model: `onnx` (unless told otherwise) and `safetensors` as a file, `pytorch` as a folder, and so
   *  `decoder`: what writes, in ONNX (encoder, step, and both in a loop). */
  export: {
    parameters: { readonly run: string; readonly out: string; readonly format?: ExportFormat };
    /** `operators` of ONNX; the names of the files of a folder. */
    result: { readonly operators: readonly string[]; readonly files: readonly string[]; readonly bytes: number };
  };
  /** Finds the weights of a model in a file (.safetensors, .onnx), and writes them as a run at step 0 where `apply` says so. */
  importWeights: {
    parameters: {
      readonly file: string;
      /** Which `train` statement of the file, from 0. */
      readonly statement?: number;
      readonly weights: string;
      readonly out?: string;
      readonly apply: boolean;
    };
    result: Pick<MatchedWeights, 'report' | 'missing' | 'unused'> & { readonly run?: RunSummary };
  };
  /** Lets a run write. A model that reads something before it writes is given `sources`; `text` has a line for each of them. */
  generate: {
    parameters: GenerateRequest;
    result: { readonly text: string; readonly rows: readonly WrittenRow[] };
  };
  /** What a run reads before it writes. `examples`: false where they are not wanted, as its data is read for them. */
  sourceOf: { parameters: { readonly run: string; readonly examples?: boolean }; result: SourceOfRun };
}

/** What the engine says unasked, to the request it belongs to. */
export interface Events {
  started: { readonly run: RunSummary };
  progress: { readonly run: string; readonly record: StepRecord };
  /** How much of a data file has been read, 0 to 1. */
  reading: { readonly share: number };
  /** What a row is so far; of a beam its best beginning, which may change. */
  written: { readonly text: string; readonly ids: readonly number[] };
  /** How much of a long computation is done, 0 to 1. */
  share: { readonly done: number };
  /** The node of an ONNX model that runs next, as a person finds it: `Conv “/net/conv1”`. */
  node: { readonly text: string };
  /** One line for the reader's eyes: which device was taken, what was resumed. */
  message: { readonly text: string };
}

export type RequestName = keyof Requests;
export type Parameters<Name extends RequestName> = Requests[Name]['parameters'];
export type Result<Name extends RequestName> = Requests[Name]['result'];
/** An event by its name. */
export type EngineEvent = { [Name in keyof Events]: { readonly name: Name; readonly data: Events[Name] } }[keyof Events];

export type None = Readonly<Record<never, never>>;
