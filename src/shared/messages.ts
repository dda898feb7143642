// What host and webview say to each other. The host owns the state: a webview asks for it when it is ready, gets changes after that, and can
// be thrown away at any time. Numbers come apart from the state, pooled by the host to at most the pixels that show them.

import type { PartParity } from './foreign.ts';
import type { Packed } from './packed.ts';
import type { ImagePlaces, Objective, TraceDescription } from './trace.ts';
import type { RunSummary } from './training.ts';

/** Requests that the host answers. */
export interface HostRequests {
  /** The webview can draw; the numbers follow. */
  ready: { parameters: { readonly view: 'panel' | 'gates' }; result: ViewState };
  /** Sizes of the plot in device pixels: the host pools to them. */
  size: { parameters: Partial<PlotSize>; result: None };
  /** Another place. The host moves the debugger, if there is one. */
  go: { parameters: { readonly t?: number; readonly unit?: number; readonly pin?: boolean }; result: None };
  /** The values of one unit at one timestep, under the pointer. */
  peek: { parameters: { readonly t: number; readonly unit: number }; result: Peek };
  /** The next or previous event: breakpoint hit, NaN, gate that saturates, sudden change of a state. */
  event: { parameters: { readonly direction: 1 | -1 }; result: { readonly t: number; readonly what: string } | None };
  /** Another part of the sequence in view: timesteps from .. to-1. */
  window: { parameters: Window; result: None };
  choose: { parameters: Choice; result: None };
  /** The window timestep by timestep, for the table. Names of columns in order; each is an array of `values`. */
  table: { parameters: None; result: Table };
  /** Asks where to save the picture or the numbers of a row (of the chosen one where absent); tells where they are. */
  export: { parameters: { readonly line?: string }; result: { readonly saved?: string } };
  training: { parameters: { readonly action: TrainingAction; readonly run?: string }; result: None };
  /** A button of an empty, failed or faulty view. */
  action: { parameters: { readonly id: string }; result: None };
  /** Stops what is loading. */
  cancel: { parameters: None; result: None };
}

/** Requests that the webview answers. */
export interface WebviewRequests {
  change: { parameters: Partial<ViewState>; result: None };
  /** Settles when they are drawn: the host waits with the next of the same part. */
  numbers: { parameters: Numbers; result: None };
  /** The view as a file: text of an SVG, or bytes of a PNG. */
  picture: { parameters: { readonly format: 'svg' | 'png' }; result: ArrayBuffer };
}

export type None = Readonly<Record<never, never>>;

export type Tab = 'timeline' | 'cell' | 'trajectory' | 'training';
export type UnitOrder = 'timescale' | 'similarity' | 'index';
/** What tints the tokens and stands in the overview. */
export type Tint = 'surprise' | 'gradient';
export type TrainingAction = 'pause' | 'resume' | 'cancel' | 'debug' | 'page' | 'choose' | 'overlay';

export type Choice =
  | { readonly kind: 'tab'; readonly tab: Tab }
  | { readonly kind: 'layer'; readonly layer: string }
  | { readonly kind: 'order'; readonly order: UnitOrder }
  | { readonly kind: 'tint'; readonly tint: Tint }
  /** The states whose trajectory is drawn: a line, or `all`. */
  | { readonly kind: 'trajectory'; readonly of: string }
  /** The loss that gradients are of. */
  | { readonly kind: 'objective'; readonly objective: Objective }
  /** One row alone at full height; absent: all rows. */
  | { readonly kind: 'open'; readonly line?: string };

export interface Window {
  readonly from: number;
  readonly to: number;
}

export interface PlotSize {
  /** Width of the time axis. */
  readonly width: number;
  /** Height of one heatmap. */
  readonly height: number;
  /** Device pixels a pixel. */
  readonly ratio: number;
  /** Width of the training plot. */
  readonly training: number;
}

/** All that a view shows, save the numbers. */
export interface ViewState {
  readonly tab: Tab;
  /** An untrusted workspace looks, but neither trains nor debugs. */
  readonly trusted: boolean;
  readonly status: Status;
  /** null and not absent: messages are JSON save for their buffers, and a change must be able to say that there is none. */
  readonly trace: TraceState | null;
  readonly training: TrainingState;
}

export type Status =
  | { readonly kind: 'ready' }
  | { readonly kind: 'empty'; readonly actions: readonly Action[] }
  /** `since` in milliseconds of Date.now(); nothing is shown before 300 ms. */
  | { readonly kind: 'loading'; readonly what: string; readonly detail: string; readonly since: number; readonly share?: number }
  | { readonly kind: 'error'; readonly title: string; readonly text: string; readonly actions: readonly Action[] };

export interface Action {
  readonly id: string;
  readonly label: string;
  readonly key?: string;
}

export interface TraceState {
  readonly model: string;
  readonly title: string;
  /** Number of timesteps, T. */
  readonly steps: number;
  readonly by: 'char' | 'word' | 'number';
  /** The cells that run over the sequence. */
  readonly layers: readonly { readonly path: string; readonly cell: string; readonly label: string; readonly along?: string }[];
  readonly layer: string;
  /** The dimension of the sequence that the layer runs over, where it is not the one of the model's losses: an encoder's. */
  readonly along?: string;
  /** The vector lines of the layer's cell, in source order. */
  readonly rows: readonly Row[];
  readonly structure: Structure;
  readonly inputs: readonly { readonly name: string; readonly shape: readonly number[] }[];
  /** Units of the layer's state. */
  readonly units: number;
  readonly t: number;
  readonly unit: number;
  readonly pins: readonly number[];
  /** The line that the debugger stands on. */
  readonly line?: string;
  readonly window: Window;
  readonly open?: string;
  readonly order: UnitOrder;
  readonly tint: Tint;
  readonly tints: readonly Tint[];
  /** The states whose trajectory is drawn, and those that it could be of: lines of states, or `all` together. None where the layer has no state. */
  readonly trajectory: string;
  readonly trajectories: readonly string[];
  /** The tint's value at t, in bits or as a norm, where it is known. */
  readonly tintAt?: number;
  readonly objective: Objective;
  /** Of a model of others: what gradients can be of. */
  readonly outputs?: TraceDescription['outputs'];
  readonly parity: number;
  /** Of a model of others: each part beside the untouched model, and parts without values, and why. */
  readonly parts?: readonly PartParity[];
  readonly idle?: readonly { readonly part: string; readonly why: string }[];
  /** The first value that is not a number, where one was seen. */
  readonly fault?: Fault;
  /** Whether gradients are there: the model has a loss. */
  readonly gradient: boolean;
  /** They would take long, and are computed when asked for: by choosing an objective. */
  readonly gradientWaits: boolean;
}

/** A line of the cell as a row of the timeline. */
export interface Row {
  /** Its name in the trace: `f`, `c'`. */
  readonly line: string;
  /** What is written in its chip: `f`, `c`. */
  readonly letter: string;
  /** `forget`, `cell`; '' where no word is known. */
  readonly name: string;
  /** Whose colour and dash it has. */
  readonly identity: Identity;
  /** gate: [0, 1]; signed: centred at 0; share: a probability. */
  readonly quantity: 'gate' | 'signed' | 'share';
  readonly units: number;
  /** Weights of attention: its units are places, head by head, in their own order. */
  readonly attention?: AttentionPlaces;
  /** The text of the equation, without the name. */
  readonly text: string;
  /** Ends of the colour scale, +-limit where signed. */
  readonly limit: number;
  /** Half width of the asinh scale; 0: linear. */
  readonly softness: number;
}

export interface AttentionPlaces {
  readonly heads: number;
  readonly places: number;
  /** What stands at each place, where they are the steps of a sequence: the letters or words of the source. */
  readonly tokens?: readonly string[];
  /** They are those of an image, row by row; its numbers come as `image`. */
  readonly image?: ImagePlaces;
  /** Alignment error rate of the sequence's strongest places, where the data says which words belong together. */
  readonly alignmentError?: number;
}

/** What a line does, by its equation where that tells; it fixes the hue. The letter always stands by it. */
export type Identity = 'forget' | 'store' | 'candidate' | 'output' | 'cell' | 'reset' | 'hidden';

/** The flow that a cell's equations make, if they make one. Names are lines. */
export type Structure =
  /** memory' = keep * memory + store * candidate, and perhaps shown' = output * tanh(memory') (LSTM) */
  | {
      readonly kind: 'additive';
      readonly memory: string;
      readonly keep: string;
      readonly store: string;
      readonly candidate: string;
      readonly output?: { readonly gate: string; readonly state: string };
    }
  /** memory' = keep * memory + (1 - keep) * candidate (GRU); `inverted` where the gate lets in and 1 - gate keeps. */
  | {
      readonly kind: 'interpolating';
      readonly memory: string;
      readonly gate: string;
      readonly inverted: boolean;
      readonly candidate: string;
      readonly reset?: string;
    }
  | { readonly kind: 'equations' };

export interface Fault {
  readonly t: number;
  readonly layer: string;
  readonly line: string;
  readonly unit: number;
  readonly text: string;
  readonly actions: readonly Action[];
}

export interface TrainingState {
  readonly runs: readonly RunSummary[];
  /** Folder of the run that is shown. */
  readonly chosen?: string;
  /** Folders of runs whose curves lie behind it. */
  readonly overlays: readonly string[];
  readonly figures?: TrainingFigures;
  /** The norm at which gradients are clipped. */
  readonly clip?: number;
  /** `nats`, `mse`; empty where it is not known. */
  readonly lossUnit: string;
}

/** The last values, written large. */
export interface TrainingFigures {
  readonly step: number;
  readonly steps: number;
  /** Mean of the last 50 steps. */
  readonly loss: number;
  readonly validation?: { readonly loss: number; readonly step: number };
  readonly stepsPerSecond: number;
  readonly secondsLeft?: number;
  /** Share of the last 100 steps that were clipped. */
  readonly clipped: number;
}

/** Numbers by part, each in one buffer. Names of arrays are given with each part; `LINE` is a row's line. */
export type Numbers =
  /** `order`: units from top to bottom; `tau`: timescale of each unit in steps. */
  | { readonly part: 'order'; readonly layer: string; readonly values: Packed }
  /** `level`: largest tint per pixel over the whole sequence, as a share of full colour; `max` [1]: its largest value. */
  | { readonly part: 'overview'; readonly tint: Tint; readonly values: Packed }
  | WindowNumbers
  | TintNumbers
  | GradientNumbers
  | ColumnNumbers
  | GradientAtNumbers
  | ImageNumbers
  | TrajectoryNumbers
  | TrajectoryAtNumbers
  | TrainingNumbers;

/** The image that attention looks at: `pixels` [channels, height, width], 0 .. 1. */
export interface ImageNumbers {
  readonly part: 'image';
  readonly layer: string;
  readonly shape: readonly number[];
  readonly values: Packed;
}

/** States in the plane of their first two principal components, over the whole sequence: `t`, `x`, `y` [points] by timestep, of a long one some; `explained` [2],
 *  the share of the variance along each. */
export interface TrajectoryNumbers {
  readonly part: 'trajectory';
  readonly layer: string;
  readonly of: string;
  /** The layer runs from the end. */
  readonly reverse: boolean;
  /** Of each point. */
  readonly tokens: readonly string[];
  readonly values: Packed;
}

/** Where a timestep lies in that plane, and a few steps before it as the layer runs: `x`, `y`, its own last. */
export interface TrajectoryAtNumbers {
  readonly part: 'trajectoryAt';
  readonly layer: string;
  readonly of: string;
  readonly t: number;
  readonly values: Packed;
}

/** The visible timesteps; `columns` is at most to - from. Arrays: `heat:LINE` [rows, columns], units in order from the top;
 *  `below:LINE`, `above:LINE` [columns], shares of saturated units; `uniform:LINE` [columns], of attention its entropy as a share of that of equal
 *  weights, the mean of the heads; `low:LINE:UNIT`, `high:LINE:UNIT` [columns] for the chosen and pinned units. */
export interface WindowNumbers extends Window {
  readonly part: 'window';
  readonly layer: string;
  readonly columns: number;
  /** Of each timestep, where they have room. */
  readonly tokens: readonly string[];
  readonly values: Packed;
}

/** `tint` [columns]: largest per column as a share of full colour, on a scale that is fixed for the whole sequence. */
export interface TintNumbers extends Window {
  readonly part: 'tint';
  readonly columns: number;
  readonly values: Packed;
}

/** Norms over the units, for the lines of the states: `low:LINE`, `high:LINE` [columns]; NaN where there is no gradient or it is exactly zero. */
export interface GradientNumbers extends Window {
  readonly part: 'gradient';
  readonly layer: string;
  readonly columns: number;
  readonly values: Packed;
}

/** One timestep, all units: `now:LINE`, `previous:LINE` (not at t = 0) [units]; `before:STATE` [units], the state before the step. */
export interface ColumnNumbers {
  readonly part: 'column';
  readonly layer: string;
  readonly t: number;
  readonly token: string;
  readonly values: Packed;
}

/** Gradients at one timestep: `norm:LINE` [1], and `unit:LINE` [1] for the chosen unit. */
export interface GradientAtNumbers {
  readonly part: 'gradientAt';
  readonly layer: string;
  readonly t: number;
  readonly unit: number;
  readonly values: Packed;
}

/** Arrays: `step`, `low`, `high`, `smooth` of the loss; `validationStep`, `validation`; `normStep`, `norm`, `normClipped` (0 or 1);
 *  `memoryStep`, `memory:LAYER:STATE:LAG`, g(lag) of the layer that forgets soonest, where it was looked at; `clipStep`, `clipRate`; `speedStep`, `speed`; `overlayStep:FOLDER`, `overlay:FOLDER` (validation loss, or the smoothed loss where none was measured). */
export interface TrainingNumbers {
  readonly part: 'training';
  readonly run: string;
  readonly values: Packed;
}

/** Values by line, and of the states before the step; lines that do not have the unit are left out, as are values that are no numbers. */
export interface Peek {
  readonly now: Readonly<Record<string, number>>;
  readonly before: Readonly<Record<string, number>>;
}

export interface Table {
  readonly title: string;
  readonly columns: readonly { readonly name: string; readonly unit: string }[];
  readonly from: number;
  readonly tokens: readonly string[];
  /** Columns by their index: '0', '1', ... */
  readonly values: Packed;
  /** Set where the window has more timesteps than the table. */
  readonly cut?: number;
}
