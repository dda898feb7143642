// A model as the language hands it on: one forward graph, and what is known of its values by name.
//
// The graph computes every line of every instance (stacked over time where the line stands inside a recurrence); who needs less selects
// results and lets the passes remove the rest. Names are paths of lines, as SPEC section 5 has them: `h.W_f`, `h[1].U_z`, `loss`.

import type { LineRole, SourceRange } from '../shared/source.ts';
import type { Graph, Origin, Value } from './graph.ts';

/** How a weight starts, before training. Names and formulas as in SPEC section 5. */
export type Initial =
  | { readonly kind: 'constant'; readonly value: number }
  /** uniform within +-bound */
  | { readonly kind: 'uniform'; readonly bound: number }
  | { readonly kind: 'normal'; readonly deviation: number }
  | { readonly kind: 'glorot' }
  | { readonly kind: 'he' }
  | { readonly kind: 'orthogonal' }
  | { readonly kind: 'identity' }
  /** log(uniform(1, steps - 1)) (Tallec & Ollivier 2018) */
  | { readonly kind: 'chrono'; readonly steps: number };

/** A trained parameter. `value.type.axes` is its shape in the order of its declaration: [H, I] is H rows. */
export interface Weight {
  readonly name: string;
  readonly value: Value;
  readonly initial: Initial;
  readonly origin: Origin;
}

/** What an input of the model holds. `classes` names the vocabulary (`Char`). Axes: [T, B, ...] or [B, ...].
 *  `next(x)` of an input x is an input of its own, called `next(x)`: at each step it holds what x holds one step later, so that the last
 *  step of a window has a target too. A class below 0 means that there is nothing: it is not counted in the loss.
 *  Where rows have lengths of their own (BuildOptions.ragged), each such dimension T has an input `lengths(T)`, integers with the axis B. */
export interface ModelInput {
  readonly name: string;
  readonly value: Value;
  readonly classes?: string;
}

/** State that a window hands to the next one: `h.c`. Axes [B, ...]. Starts at zero where `initial` is absent. */
export interface CarriedState {
  readonly name: string;
  /** Parameter of the graph: the state before the first step. */
  readonly before: Value;
  /** Result of the graph: the state after the last step. */
  readonly after: Value;
  readonly instance: string;
  /** What it starts at, everywhere. */
  readonly initial?: number;
}

/** A parameter of the graph that is drawn afresh for each training step: 1 / (1 - rate) with probability 1 - rate, else 0 (dropout).
 *  Outside training it is 1 everywhere. */
export interface DropoutMask {
  readonly value: Value;
  readonly rate: number;
}

/** One equation of one instance, and the value it has. */
export interface Line {
  /** The name as written, with the prime of a next state: `f`, `c'`. */
  readonly name: string;
  readonly role: LineRole;
  /** Result of the graph: axes [T, B, ...] where it has a value for each step of its run, else [B, ...]. The remaining axes are those of `shape`. */
  readonly value: Value;
  /** The shape in the source's words, e.g. ['H']; what inference found for a line of a model, e.g. ['T', '256']. */
  readonly shape: readonly string[];
  readonly range: SourceRange;
  /** The right-hand side as written, and the comment at its end. */
  readonly text: string;
  readonly comment?: string;
  /** The path of the instance that the line's call made, if it is one: line `h` of the model calls instance `h`. */
  readonly calls?: string;
}

/** A state of a cell that runs: where its values over time are found. */
export interface StateOfInstance {
  readonly name: string;
  /** Result of the graph, axes [T, B, ...]: the state after each step. It is the value of the line `name'`. */
  readonly after: Value;
  /** The state before the first step, axes [B, ...]. */
  readonly initial: Value;
}

/** A call in its place: `h`, `h[1]`, `encoder.forward`. The model itself has the path ''. */
export interface Instance {
  readonly path: string;
  readonly cell: string;
  /** The path of the instance whose line calls this one; absent for the model. */
  readonly parent?: string;
  /** Where it is called, and where the cell is written. */
  readonly call?: SourceRange;
  readonly definition: SourceRange;
  /** The name of the axis that it runs over, if it runs; and whether from the end. */
  readonly axis?: string;
  readonly reverse: boolean;
  /** In source order. */
  readonly lines: readonly Line[];
  readonly states: readonly StateOfInstance[];
  /** Names and values of the inputs as the cell's header has them: `x`. Axes as for lines. */
  readonly inputs: readonly { readonly name: string; readonly value: Value }[];
  /** Weights owned by it, by their names within it: `W_f` is weights['h.W_f']. */
  readonly weights: readonly { readonly name: string; readonly weight: string }[];
}

export interface Model {
  readonly name: string;
  /** Parameters: weights, inputs, carried states' `before`, dropout masks, in that order. */
  readonly graph: Graph;
  readonly weights: readonly Weight[];
  readonly inputs: readonly ModelInput[];
  readonly states: readonly CarriedState[];
  readonly dropout: readonly DropoutMask[];
  /** Parents before children; the model itself comes first. */
  readonly instances: readonly Instance[];
  /** What training minimises, in nats where it is a cross-entropy: a result without axes, the mean over everything that is there. */
  readonly loss?: Value;
  /** The loss of each step and row, axes [T, B] or [B]; 0 where `counted` is 0. */
  readonly losses?: { readonly value: Value; readonly counted: Value };
  /** What the first loss function of the line `loss` compares: where metrics are measured. Scores of classes have their axis `over`. */
  readonly judged?: {
    readonly loss: 'cross_entropy' | 'binary' | 'mse' | 'mae' | 'huber';
    readonly scores: Value;
    readonly target: Value;
    /** 1 where there is something to compare, 0 at padding; axes among those of `target`. */
    readonly counted: Value;
    /** The axis of the classes, and the name of their vocabulary. */
    readonly over?: string;
    readonly classes?: string;
    /** The input that is compared with: `tags`, or `x` where it is next(x). */
    readonly input?: string;
    readonly ahead: boolean;
  };
  /** The line whose value is compared with `next(input)`, for models that predict their own input. */
  readonly prediction?: { readonly input: string; readonly line: string; readonly logits: Value; readonly classes: string };
  /** The same for numbers: the line that says what an input will be one step later. */
  readonly forecast?: { readonly input: string; readonly line: string; readonly values: Value };
}
