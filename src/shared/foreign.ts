// ONNX models of others as views and command line show them: plain data.

import type { InputChoices } from './inputs.ts';

export interface ForeignInfo {
  readonly path: string;
  /** Of the graph. */
  readonly name: string;
  readonly producer: string;
  /** By domain; ONNX's own is `ai.onnx`. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly inputs: readonly ForeignPort[];
  readonly outputs: readonly ForeignPort[];
  readonly parts: readonly PartInfo[];
  readonly attention: readonly AttentionInfo[];
  /** What is recurrent and cannot be replayed. */
  readonly refused: readonly { readonly title: string; readonly where: string; readonly why: string }[];
  /** What is wrong or odd in the file, sentences. */
  readonly remarks: readonly string[];
  readonly operators: Readonly<Record<string, number>>;
  readonly functions: readonly string[];
  readonly parameters: number;
  readonly bytes: number;
  readonly metadata: Readonly<Record<string, string>>;
  /** How it would be streamed, where it takes and gives back its state. */
  readonly proposal?: StreamSettings & { readonly reasons: readonly string[]; readonly confidence: 'graph' | 'names' | 'shapes' };
  /** Random numbers that the model can take. */
  readonly usual: InputChoices;
}

export interface ForeignPort {
  readonly name: string;
  /** `float32`; `sequence of float32` and the like. */
  readonly type: string;
  /** Symbolic dimensions by their names, `?` where one has none; absent where the rank is open, or where it is no tensor. */
  readonly shape?: readonly (number | string)[];
}

/** Recurrent layers: one, or several of one kind in series. */
export interface PartInfo {
  /** Of the first layer's part; with several layers the others are called in `names`. */
  readonly name: string;
  readonly names: readonly string[];
  readonly kind: 'lstm' | 'gru' | 'rnn' | 'cell';
  readonly layers: number;
  /** 1, or 2 for both. */
  readonly directions: number;
  readonly reverse: boolean;
  /** Units; absent where only a run tells. */
  readonly hidden?: number;
  /** Numbers of one step's input of the first layer. */
  readonly input?: number;
  readonly form: 'operator' | 'scan' | 'loop' | 'spelled out' | 'unrolled';
  /** What its steps and the sequences that run side by side are of the model's inputs, where that can be told. */
  readonly axes?: PartAxesInfo;
  /** What the file calls it. */
  readonly title: string;
  /** `If "check", then_branch`; empty at the top. */
  readonly where: string;
  /** Lines of gates and states, by their names in the generated source. */
  readonly values: readonly string[];
  /** The lines that made the first layer, if the file says so: innermost first. */
  readonly source: readonly SourceLine[];
  /** The same of each layer, in the order of `names`: one call may have made all, or each its own. */
  readonly sources: readonly (readonly SourceLine[])[];
}

/** None where there is but one; an axis that is of no input has neither. The slowest first. */
export interface PartAxesInfo {
  readonly steps: readonly AxisInfo[];
  readonly sequences: readonly AxisInfo[];
  /** What attention looks at. */
  readonly places?: readonly AxisInfo[];
}

export interface AxisInfo {
  readonly input?: string;
  readonly axis?: number;
  /** The file's word for it, or one that is guessed. */
  readonly name?: string;
}

/** `axis 2 of x (bands)` */
export const axisInfoText = ({ input, axis, name }: AxisInfo): string =>
  input === undefined ? 'an axis that the model makes' : `axis ${axis} of ${input}${name === undefined ? '' : ` (${name})`}`;

/** `steps: axis 2 of x (bands); sequences: axis 0 of x (B) by axis 1 of x (frames)` */
export function partAxesText({ steps, sequences, places = [] }: PartAxesInfo): string {
  const all = (axes: readonly AxisInfo[]): string => axes.map(axisInfoText).join(' by ');
  const named = Object.entries({ steps, sequences, places }).filter(([, axes]) => axes.length > 0);
  return named.map(([name, axes]) => `${name}: ${all(axes)}`).join('; ');
}

/** Axes that recurrences go over, or that the sequences of one stand along beside others: what one can choose to step over. */
export function stepChoices(parts: readonly PartInfo[]): { readonly over: string; readonly text: string }[] {
  const found = new Map<string, string>();
  const add = (info: AxisInfo, text: string): void => {
    if (info.input === undefined) return;
    const over = info.name ?? `axis ${info.axis} of ${info.input}`;
    if (!found.has(over)) found.set(over, text);
  };
  const inner = parts.filter(({ axes }) => axes !== undefined && axes.steps.length === 1 && axes.sequences.length > 1);
  for (const { axes, name } of parts)
    if (axes?.steps.length === 1) add(axes.steps[0]!, `${axisInfoText(axes.steps[0]!)}: the steps of ${name}`);
  for (const { axes, name } of inner)
    for (const each of axes!.sequences.slice(1)) add(each, `${axisInfoText(each)}: ${name} at one of its steps, along its sequences`);
  return [...found].map(([over, text]) => ({ over, text }));
}

/** Weights over places, by which what stands there is added up. */
export interface AttentionInfo {
  /** `decoder/weights`: as the arrays of a trace are called. */
  readonly name: string;
  /** The recurrent part whose line it is, at each of its steps; absent where it is over whole sequences. */
  readonly part?: string;
  readonly line: string;
  /** What the file calls it. */
  readonly title: string;
  readonly where: string;
  /** Of whole sequences: the value in the file that are the weights, the axis of it that is the places, and its sizes as far as they are known. */
  readonly value?: string;
  readonly axis?: number;
  readonly shape?: readonly (number | string)[];
  readonly axes?: PartAxesInfo;
  /** Where the weights' sizes tell; others are told by a run. */
  readonly heads?: number;
  readonly source: readonly SourceLine[];
}

export interface SourceLine {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly function?: string;
  readonly text?: string;
}

/** What to run a model on. */
export interface ForeignInput extends InputChoices {
  /** Which of the sequences that ran side by side is stepped through, from 0. */
  readonly item?: number;
  /** What is stepped over, by an axis of an input: what a part's own steps are, or along its sequences at one of its steps. */
  readonly over?: string;
  /** How a model that is made for one frame a call is streamed: the input's first axis then counts calls. `auto`: as the graph proposes it. */
  readonly stream?: StreamSettings | 'auto';
  /** The decoder of this encoder, in a file of its own: both are run and stepped through together. */
  readonly decoder?: DecoderInput;
}

/** What a decoder in another file writes, and how it is fed. */
export interface DecoderInput {
  readonly file: string;
  /** The id that it reads first, and the one after which a row is over; without it all rows are `length` long. */
  readonly begin: number;
  readonly end?: number;
  /** Calls at most. */
  readonly length: number;
  /** Ids that it reads behind `begin`, instead of its own choices. */
  readonly tokens?: readonly number[];
  /** As the two files propose it where it is absent. */
  readonly rule?: PairSettings;
  /** Which of the two is stepped through; the decoder where nothing is said. */
  readonly side?: 'encoder' | 'decoder';
}

/** See foreign/pairs/rule.ts, which checks it. */
export interface PairSettings {
  /** The decoder's input of ids; `axis` where it reads all ids so far at each call, along this axis. */
  readonly token: { readonly input: string; readonly axis?: number };
  /** The decoder's output of which the largest is the next id. */
  readonly scores: string;
  /** By inputs of the decoder: outputs or inputs of the encoder. A state is fed this at the first call. */
  readonly given: Readonly<Record<string, string>>;
  /** Outputs of a call that are inputs of the next; zeros at the first where nothing is given. */
  readonly state: readonly { readonly input: string; readonly output: string }[];
  readonly constants: Readonly<Record<string, number | readonly number[]>>;
  /** An input that is told the call's number, from 0. */
  readonly time?: string;
}

/** See foreign/streaming/rule.ts, which checks it. */
export interface StreamSettings {
  readonly frames: readonly { readonly input: string; readonly axis?: number; readonly context?: number }[];
  readonly state: readonly { readonly input: string; readonly output: string; readonly initial?: 'zeros' | number | readonly number[] }[];
  readonly constants: Readonly<Record<string, number | readonly number[]>>;
}

/** How two files fit together, and why. */
export interface PairProposal extends PairSettings {
  /** Sentences for a person: why each input is what it is. */
  readonly reasons: readonly string[];
}

/** What has to be asked before a model can be run. */
export interface InputNeeds {
  readonly dimensions: readonly { readonly key: string; readonly inputs: readonly string[]; readonly suggestion?: number }[];
  readonly options: readonly InputNeed[];
}

/** What a file leaves open for an input. */
export interface InputNeed {
  readonly input: string;
  readonly option: string;
  /** A sentence for a person. */
  readonly question: string;
  readonly choices?: readonly string[];
  /** As the option is written. */
  readonly suggestion?: string | number | boolean | readonly (string | number)[];
  /** It may stay open. */
  readonly optional: boolean;
}

/** How near a part's replay came to the untouched model: the largest difference over the largest size; absent where there is nothing to compare. */
export interface PartParity {
  readonly part: string;
  readonly value?: number;
  /** The model rounds to halves on its way, and the replay does not: so it comes no nearer than they do. */
  readonly halves?: true;
  /** Values that are NaN in the replay, whose input has NaN, and numbers in the model, whose kernels may make a number of NaN: these are not compared. */
  readonly lost?: number;
}

/** Above this a replay is not what the model computes, and is said to be so. */
export const PARITY_LIMIT = 1e-4;

/** The same of a model that rounds to halves: each time by up to 2^-11 of the number, several times a step. */
export const HALVES_LIMIT = 4e-3;

/** What is to be said of values that were not compared. */
export const lostText = ({ part, lost = 0 }: PartParity): string =>
  `${part}: its input has NaN; the runtime's kernel makes a number of it, the equations do not: ${lost.toLocaleString('en-US')} value${lost === 1 ? '' : 's'} that the replay has as NaN were not compared.`;

export const parityLimit = ({ halves }: PartParity): number => (halves === undefined ? PARITY_LIMIT : HALVES_LIMIT);

/** Parts whose replay is not what the model computes; what was not compared is none of them. */
export const wrongParts = (parity: readonly PartParity[]): readonly PartParity[] =>
  parity.filter((each) => each.value !== undefined && !(each.value <= parityLimit(each)));
