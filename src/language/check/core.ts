// What the checker makes of a syntax tree: every call an instance with dimensions of its own, every expression typed, its operands
// aligned by position. The builder (build/) turns it into a tensor graph and decides nothing about the language any more.

import type { NetworkFacts, NetworkUse } from '../../shared/network.ts';
import type { LineRole } from '../../shared/source.ts';
import type { Cell, Definition, Equation, Expression, ValueInput, Variable } from '../generated/ast.ts';
import type { Dimension } from './dimensions.ts';

/** The functions of the language: each has a rule of types (functions.ts) and of building (build/functions.ts). */
// biome-ignore format: one group a line
export const functionNames = [
  'exp', 'log', 'ln', 'sqrt', 'abs', 'sign', 'sigmoid', 'tanh', 'relu', 'gelu', 'softplus', 'isnan',
  'minimum', 'maximum', 'where', 'clip', 'dropout',
  'sum', 'mean', 'max', 'min', 'argmax', 'variance', 'norm', 'entropy', 'softmax', 'cumsum', 'any', 'all',
  'first', 'last', 'next', 'previous', 'reverse', 'range', 'repeat', 'sinusoids', 'outer',
  'convolve', 'max_pool', 'mean_pool', 'places', 'onnx',
  'cross_entropy', 'binary', 'mse', 'mae', 'huber',
] as const;
export type FunctionName = (typeof functionNames)[number];
export const lossNames = ['cross_entropy', 'binary', 'mse', 'mae', 'huber'] as const satisfies readonly FunctionName[];
export type LossName = (typeof lossNames)[number];
export const isLossName = (name: string): name is LossName => (lossNames as readonly string[]).includes(name);
export const isFunctionName = (name: string): name is FunctionName => (functionNames as readonly string[]).includes(name);

export interface TensorType {
  readonly kind: 'tensor';
  readonly shape: readonly Dimension[];
  /** Present where it holds classes, not numbers: out of how many. */
  readonly classes?: Dimension;
  readonly boolean?: true;
  /** A number that is known before anything runs, and may stand as a length. */
  readonly length?: Dimension;
}

/** What a call gives, or the state of a cell: named values, and the one it stands for where a tensor is wanted. */
export interface RecordType {
  readonly kind: 'record';
  readonly cell: string;
  readonly fields: ReadonlyMap<string, Type>;
  readonly states: ReadonlyMap<string, Type>;
  readonly value?: TensorType;
  /** One for each layer, where the call says `layers:`; one for each head, where it says `heads:`. */
  readonly layers?: readonly RecordType[];
  /** `layers` are heads, which stand side by side: their values are joined. */
  readonly heads?: true;
  /** Of a call: its instances, for `weights:` and hover. */
  readonly instances?: readonly Instance[];
  /** Only a state, held by a `state` line or taken by last(run): the cell's lines are no fields of it. */
  readonly stateOnly?: true;
}

export interface CellType {
  readonly kind: 'cell';
  readonly callee: Callee;
}

export interface TextType {
  readonly kind: 'text';
  readonly text: string;
}

/** Something is wrong with it, and has been said. */
export interface UnknownType {
  readonly kind: 'unknown';
}

export type Type = TensorType | RecordType | CellType | TextType | UnknownType;

export type Callee =
  | { readonly kind: 'cell'; readonly cell: Cell; readonly file: CheckedFile }
  | { readonly kind: 'function'; readonly name: FunctionName };

/** A file whose names are looked up in itself, then in what it uses, then in the library. */
export interface CheckedFile {
  readonly uri: string;
  readonly cells: ReadonlyMap<string, { readonly cell: Cell; readonly file: CheckedFile }>;
  /** What the networks that it calls are like, by their paths as they are written; a fault where that is not known. */
  readonly networks?: ReadonlyMap<string, NetworkFacts | { readonly fault: string }>;
}

/** A name that has a value within one instance. */
export interface Binding {
  readonly name: string;
  readonly kind: 'input' | 'param' | 'state' | 'next' | 'line';
  readonly type: Type;
  readonly declaration: Definition['inputs'][number] | Variable | Equation;
}

export interface Instance {
  readonly path: string;
  readonly cell: Definition;
  readonly uri: string;
  readonly parent?: Instance;
  readonly call?: Expression;
  readonly dimensions: ReadonlyMap<string, Dimension>;
  readonly inputs: readonly InstanceInput[];
  readonly params: readonly Parameter[];
  readonly states: readonly StateVariable[];
  readonly lines: readonly CheckedLine[];
  /** The dimensions it runs over; none: one step. */
  readonly lift: readonly Dimension[];
  /** It, or a call of one step within it, has state. */
  readonly stateful: boolean;
  /** The calls within it, in source order. */
  readonly nested: readonly Instance[];
}

export interface InstanceInput {
  readonly binding: Binding;
  readonly declaration: ValueInput;
  /** In the scope of the caller; absent for the inputs of a model and for a cell checked on its own. */
  readonly argument?: Core;
  /** It has the dimensions of `lift` before those declared, and is taken step by step. */
  readonly lifted: boolean;
}

export interface Parameter {
  readonly binding: Binding;
  readonly shape: readonly Dimension[];
  /** How it starts, as written: a number, or a named way of starting with its numbers. */
  readonly initial?: Start;
  /** The dimension that its product contracts, where it is a matrix; of a kernel, how many numbers of the image each of its sums has. */
  readonly contracted?: Dimension;
  /** Its name among the model's weights; that of another instance's where `weights:` shares it. */
  readonly weight: string;
}

export interface Start {
  /** Absent where it is a plain number. */
  readonly name?: StartName;
  readonly numbers: readonly Core[];
}
export const startNames = ['uniform', 'normal', 'glorot', 'he', 'orthogonal', 'identity', 'chrono'] as const;
export type StartName = (typeof startNames)[number];

export interface StateVariable {
  readonly binding: Binding;
  readonly initial?: Core;
}

export interface CheckedLine {
  readonly binding: Binding;
  readonly core: Core;
  readonly equation: Equation;
  readonly role: LineRole;
  readonly level: Level;
}

/** 0 parameters and sizes only, 1 what is the same at each step, 2 also this step's inputs, 3 also the state (IR.md). */
export type Level = 0 | 1 | 2 | 3;

/** How an operand's dimensions stand in the result: for each of its dimensions the place in the result, -1 for a length of 1 that spreads. */
export type Alignment = readonly number[];

export interface CoreBase {
  readonly type: Type;
  readonly source: Expression;
}

export type Core = CoreBase & CoreNode;

export type CoreNode =
  | { readonly op: 'unknown' }
  | { readonly op: 'number'; readonly value: number }
  | { readonly op: 'boolean'; readonly value: boolean }
  | { readonly op: 'text' }
  | { readonly op: 'cell' }
  | { readonly op: 'dimension'; readonly dimension: Dimension }
  | { readonly op: 'step' }
  | { readonly op: 'read'; readonly binding: Binding }
  | { readonly op: 'field'; readonly of: Core; readonly name: string }
  | { readonly op: 'layer'; readonly of: Core; readonly index: number }
  | { readonly op: 'negate'; readonly of: Core }
  | { readonly op: 'not'; readonly of: Core }
  | { readonly op: 'binary'; readonly operator: BinaryOperator; readonly operands: readonly [Aligned, Aligned] }
  | { readonly op: 'product'; readonly left: Core; readonly right: Core }
  | { readonly op: 'transpose'; readonly of: Core }
  | { readonly op: 'join'; readonly parts: readonly Core[] }
  | { readonly op: 'stack'; readonly parts: readonly Core[] }
  /** One entry for each dimension: an index that takes it away, or a range. */
  | { readonly op: 'subscript'; readonly of: Core; readonly places: readonly Place[] }
  /** table[token]: rows along the first dimension. */
  | { readonly op: 'rows'; readonly of: Core; readonly index: Core }
  | FunctionNode
  | CallNode;

export type BinaryOperator = '+' | '-' | '*' | '/' | '%' | '**' | '<' | '<=' | '>' | '>=' | '==' | '!=' | 'and' | 'or';

export interface Aligned {
  readonly core: Core;
  readonly at: Alignment;
}

export type Place =
  | { readonly kind: 'index'; readonly index: Dimension }
  /** Absent bounds: all of it. */
  | { readonly kind: 'range'; readonly bounds?: { readonly from: Dimension; readonly to: Dimension } };

export interface FunctionNode {
  readonly op: 'function';
  readonly name: FunctionName;
  readonly operands: readonly Aligned[];
  /** The places, in the first operand, of the dimensions that it works along. */
  readonly along: readonly number[];
  readonly where?: Aligned;
  /** Plain numbers among its arguments: dropout's rate, clip's bounds, a stride, the side of a window. */
  readonly numbers: readonly number[];
  /** Of `onnx`. */
  readonly network?: NetworkUse;
}

export interface CallNode {
  readonly op: 'call';
  /** In series: each but the first takes the value of the one before as its first input. With heads, the heads of the first layer, then
   *  those of the second, and so on. */
  readonly layers: readonly Instance[];
  /** How many stand side by side, their values joined; absent: one. */
  readonly heads?: number;
  /** The share that is dropped between layers. */
  readonly dropout?: number;
  readonly from?: Core;
  /** Which input of the cell is handed from layer to layer. */
  readonly chained?: string;
}
