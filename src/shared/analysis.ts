// What the gradient laboratory has found of a model: plain data, for reports, the command line and views.

import type { SourceEdit } from './edits.ts';
import type { SourceRange } from './source.ts';
import type { LengthFigures, LossFunction } from './training.ts';

/** An estimate with its 95 % interval. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** The lag at which the gradient has fallen below a threshold. */
export interface Horizon extends Estimate {
  /** The lag is further than the sequences reach: `value` is at least this. */
  readonly beyond: boolean;
  readonly lowBeyond: boolean;
  readonly highBeyond: boolean;
}

/** g(k) = |dL/ds_{T-k}| / |dL/ds_T| of one state by lag: the geometric mean over sequences. */
export interface LagCurve {
  readonly state: string;
  /** By lag, from 0. Where only one sequence reaches so far, the interval is the value. */
  readonly mean: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
  /** Mean norm over the sequences at T-k, divided by that at T: the long sequences count more. */
  readonly ofMeans: readonly number[];
  /** How many sequences are so long. */
  readonly sequences: readonly number[];
  readonly horizon: Horizon;
}

/** A place in the model that a factor of the gradient comes from. */
export interface FactorPlace {
  /** `h[1]`. */
  readonly layer: string;
  /** The line's name, and what of it is the factor: `f`, `1 − z`, `U_h`. */
  readonly line: string;
  readonly factor: string;
  readonly text: string;
  /** Of a product with one: the weight, by its name in the model. */
  readonly weight?: string;
  readonly range?: SourceRange;
}

/** A factor of what a step leaves of the gradient. */
export interface Factor extends FactorPlace {
  /** `gate`: elementwise along the direct way. `saturation`: between a state and a product (derivatives of activations, gates). `weight`: the product's matrix. */
  readonly kind: 'gate' | 'saturation' | 'weight';
  /** Geometric mean over sequences, by step in the recurrence's order; NaN where no gradient arrives. */
  readonly bySteps: readonly number[];
  /** Geometric mean over the steps too. */
  readonly mean: number;
  /** The timestep at which it is smallest, and how small it is there. */
  readonly smallest: { readonly t: number; readonly value: number };
}

/** One way back through a step. */
export interface Way {
  /** `direct`, `U_f`. */
  readonly name: string;
  readonly factors: readonly Factor[];
  /** How much of what the step leaves comes by it: projections on the whole, which add up to 1; mean over steps and sequences. */
  readonly share: number;
  /** |gradient that leaves by it| / |gradient that arrives|, geometric mean. */
  readonly gain: number;
}

/** The direct way of a state: what is left over a lag of its factor alone. */
export interface DirectPath {
  readonly state: string;
  readonly factor: Factor;
  /** What is left by lag of the direct way alone, as g(k) has it; geometric mean over sequences. */
  readonly product: readonly number[];
  /** tau = -1 / ln(mean factor) of each unit, in steps; Infinity where nothing is forgotten. */
  readonly timescales: readonly number[];
  /** The same of the mean over all units. */
  readonly timescale: number;
  /** The path of the instance whose line it is. */
  readonly instance: string;
  /** The bias of the factor's gate, where it is a sigmoid with one: its name and mean. */
  readonly bias?: { readonly weight: string; readonly mean: number };
}

export interface Spectrum {
  readonly sequences: number;
  readonly units: number;
  /** Of the step's Jacobian at some timesteps. */
  readonly steps: readonly {
    readonly t: number;
    readonly largest: number;
    readonly smallest: number;
    readonly median: number;
    readonly radius: number;
  }[];
  /** log10 of the singular values of the product of the last k steps; the smallest where double precision holds it beside the largest. */
  readonly products: readonly { readonly lag: number; readonly largest: number; readonly smallest?: number }[];
  /** Lyapunov exponents in nats a step, from the largest; the first few of a large state. */
  readonly lyapunov: readonly number[];
  /** Steps over which they are a mean. */
  readonly lyapunovSteps: number;
}

export interface GateUnits extends FactorPlace {
  /** Mean of each unit, and its shares below 0.1 and above 0.9. */
  readonly mean: readonly number[];
  readonly below: readonly number[];
  readonly above: readonly number[];
}

export interface StateUnits {
  readonly state: string;
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
  /** Units that are 0 throughout; that stand still elsewhere; that grow with time. */
  readonly dead: readonly number[];
  readonly stuck: readonly number[];
  readonly drifting: readonly number[];
  /** (sum of the covariance's eigenvalues)² / sum of their squares: about how many dimensions the states fill. */
  readonly participation: number;
}

/** The ways that the states of a layer take, side by side, in the principal components of all of them. */
export interface Trajectories {
  /** The states that are taken together, in this order: what a step makes the next of. */
  readonly states: readonly string[];
  readonly units: number;
  /** Share of the variance by component, from the largest. */
  readonly explained: readonly number[];
  /** Of some sequences: after the step of each of these timesteps, the place along each component from the mean of all. */
  readonly paths: readonly {
    readonly sequence: number;
    readonly timesteps: readonly number[];
    readonly at: readonly (readonly number[])[];
  }[];
}

export interface LayerAnalysis {
  readonly layer: string;
  readonly cell: string;
  readonly reverse: boolean;
  /** The state at whose last step the gradient begins. */
  readonly from: string;
  readonly curves: readonly LagCurve[];
  readonly ways: readonly Way[];
  readonly direct: readonly DirectPath[];
  /** The factor that takes most of the gradient on the way that most of it takes. */
  readonly killer?: Factor;
  readonly spectrum: Spectrum;
  readonly gates: readonly GateUnits[];
  readonly units: readonly StateUnits[];
  readonly trajectories: Trajectories;
}

/** What the state after a step still tells of the input k steps before: how well a linear read-out does on sequences that it has not learned from. */
export interface ProbeCurve {
  readonly layer: string;
  readonly state: string;
  /** The input that is read out, and by what it is judged: `accuracy` of classes, `R²` of numbers. */
  readonly target: string;
  readonly measure: 'accuracy' | 'R²';
  readonly lags: readonly number[];
  /** By lag, with the interval over sequences. */
  readonly value: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
  /** The same read-out of random answers, one for each class: what it can learn by heart (Hewitt & Liang 2019). Of numbers, of random numbers. */
  readonly control: readonly number[];
  /** Who always says the most frequent of the random answers: several classes may share one, so that there is more to guess. */
  readonly guessed: readonly number[];
  /** Who always says the most frequent class, or the mean. */
  readonly baseline: readonly number[];
  /** The same read-out of the input at the present step instead of the state: what the data's own rules tell without a memory. */
  readonly present: readonly number[];
  /** Sequences that each read-out learns from, and those that are judged, each by what was learned from others. */
  readonly learnedFrom: number;
  readonly judgedOn: number;
}

/** Integrated gradients of the sequences (Sundararajan, Taly & Yan 2017). */
export interface Attribution {
  /** What is explained: `loss at the last step`. */
  readonly output: string;
  readonly baseline: string;
  /** Only so many last steps go along the path, as it is too rough where more do; absent where all do. */
  readonly window?: number;
  /** The residual below which the values of a sequence count as found. */
  readonly limit: number;
  readonly sequences: readonly AttributedSequence[];
  /** Of inputs along the output's steps: the share of all |values| of a sequence by lag from the output, with the interval over the sequences whose
   *  values count as found. */
  readonly byLag: readonly {
    readonly input: string;
    readonly share: readonly number[];
    readonly low: readonly number[];
    readonly high: readonly number[];
  }[];
  /** Inputs that nothing is attributed to, as their vectors are made within a recurrence. */
  readonly left: readonly string[];
}

export interface AttributedSequence {
  /** The step that the output is of; absent where it is of the whole sequence. */
  readonly at?: number;
  readonly inputs: readonly {
    readonly input: string;
    /** What stands at each step: words, numbers. */
    readonly tokens: readonly string[];
    /** By step, summed over the input's units; one number of an input without steps. */
    readonly values: readonly number[];
  }[];
  /** The output at the input and at the baseline. */
  readonly atInput: number;
  readonly atBaseline: number;
  /** What the values miss of the difference, relative to it: the misses over all pieces of the path together, so at least the completeness residual. */
  readonly residual: number;
  /** Points of the path at which gradients were taken. */
  readonly points: number;
}

/** The loss without something, less the loss with it: mean over sequences. */
export interface Ablated extends Estimate {
  /** '' of an input. */
  readonly layer: string;
  /** `input`: what is read in an interval of time is 0. `reset`: the layer's states are 0 after a step. */
  readonly kind: 'unit' | 'gate' | 'input' | 'reset';
  /** `unit 12 of c = 0`, `f = 1`, `x at 20 … 29`, `reset at 20`. */
  readonly what: string;
  /** The state, gate or input. */
  readonly name: string;
  /** What it is held at. */
  readonly held: '0' | '1' | 'mean';
  readonly unit?: number;
  /** The steps of an interval: from .. to − 1; the step from which a reset state goes on. */
  readonly from?: number;
  readonly to?: number;
}

export interface Ablation {
  /** Mean over the sequences, as they are. */
  readonly loss: Estimate;
  readonly sequences: number;
  readonly rows: readonly Ablated[];
  /** Units of large states that were not tried: those that vary least. */
  readonly untried: number;
}

/** Where a step of a layer, its input held, leaves the state as it is, or nearly (Sussillo & Barak 2013). */
export interface FixedPoint {
  /** `slow`: q has a minimum there that is small, but not zero. */
  readonly kind: 'fixed' | 'slow';
  /** q = |F(h) − h|² / 2. */
  readonly speed: number;
  readonly stability: 'stable' | 'saddle' | 'unstable';
  /** Largest |eigenvalue| of the step's Jacobian there, and how many are beyond 1. */
  readonly radius: number;
  readonly unstable: number;
  /** Searches that ended there. */
  readonly found: number;
  /** In the principal components of the layer's trajectories. */
  readonly at: readonly number[];
  /** The states, in the order of `Trajectories.states`. */
  readonly state: readonly number[];
}

export interface FixedPoints {
  readonly layer: string;
  /** What the input was held at. */
  readonly input: 'zero' | 'mean';
  readonly searches: number;
  /** Searches that ended at none of the points: given up, or at a minimum that is not slow. */
  readonly elsewhere: number;
  /** The smallest q that a search has come to. */
  readonly least: number;
  /** q up to which a point counts as fixed, and as slow. */
  readonly tolerance: { readonly fixed: number; readonly slow: number };
  /** Fixed before slow, stable before saddles, from what most searches found. */
  readonly points: readonly FixedPoint[];
  /** Why the layer was not searched. */
  readonly left?: string;
}

/** What is computed only where it is asked for. */
export interface Studies {
  readonly probes?: readonly ProbeCurve[];
  readonly attribution?: Attribution;
  readonly ablation?: Ablation;
  readonly fixedPoints?: readonly FixedPoints[];
}

export type StudyName = keyof Studies;

/** What of a source would become other. */
export type Change =
  /** How a weight starts, by the weight's name: `h.b_f` at `3.68`. `comment`: what to say of it, where the source cites the old number. */
  | { readonly kind: 'start'; readonly weight: string; readonly start: string; readonly comment: string }
  /** A bias for a gate's line that has none, by the path of its cell's instance; of the shape of the state that the gate keeps. */
  | { readonly kind: 'bias'; readonly instance: string; readonly line: string; readonly state: string; readonly start: string }
  /** The cell of a layer; `everywhere`: of all in the file that are the same cell. */
  | { readonly kind: 'cell'; readonly layer: string; readonly cell: string; readonly everywhere?: true }
  /** A setting of the `train` statement. */
  | { readonly kind: 'setting'; readonly name: 'clip' | 'window'; readonly value: string };

/** What would mend what was found. */
export interface Repair {
  readonly kind: 'forget bias' | 'chrono' | 'orthogonal' | 'clipping' | 'gated cell' | 'window' | 'advice';
  readonly text: string;
  /** In a menu: `Start b_f at 3.9 (half-life 1.4 → 34 steps)`. Absent of advice. */
  readonly title?: string;
  readonly change?: Change;
  /** The change as edits of the source; absent where there is no source, or where the source cannot say it. */
  readonly edits?: readonly SourceEdit[];
}

/** A sentence about the model, with the numbers behind it. */
export interface Verdict {
  readonly kind: 'vanishing' | 'exploding' | 'saturated' | 'units' | 'sound';
  readonly layer?: string;
  readonly text: string;
  readonly evidence: readonly string[];
  readonly repairs: readonly Repair[];
  readonly place?: SourceRange;
  /** The same in the person's own source: where `place` is within the library, the call. */
  readonly called?: SourceRange;
}

/** A short training, or what of one is compared. */
export interface Training {
  readonly steps: number;
  /** By step: the loss, the norm of the gradient before clipping, the validation loss where it was measured. */
  readonly loss: readonly (readonly [step: number, value: number])[];
  readonly gradientNorm: readonly (readonly [step: number, value: number])[];
  readonly validationLoss: readonly (readonly [step: number, value: number])[];
  readonly lossFunction?: LossFunction;
  /** Share of the steps at which the gradient was clipped. */
  readonly clipped: number;
  readonly seconds: number;
  /** What ended it before its last step. */
  readonly failed?: string;
}

/** A repair that was made on a copy of the source, and what came of it: both sides on the same sequences with the same seed. */
export interface Tried {
  readonly repair: Repair;
  /** The layer whose verdict it is for, and what that found. */
  readonly layer?: string;
  readonly against: Verdict['kind'];
  readonly before: Analysis;
  readonly after: Analysis;
  /** Of repairs that act while it is trained. */
  readonly training?: { readonly before: Training; readonly after: Training };
  /** `unclear`: the intervals overlap. */
  readonly outcome: 'helps' | 'does not help' | 'unclear';
  readonly text: string;
}

/** One of several models that are compared. */
export interface Compared {
  readonly name: string;
  readonly analysis: Analysis;
  /** Absent of an ONNX model. */
  readonly parameters?: number;
  /** Absent of a file as it starts. */
  readonly training?: Training;
  readonly byLength?: readonly LengthFigures[];
}

/** Models on the same task, side by side. */
export interface Comparison {
  readonly title: string;
  readonly compared: readonly Compared[];
  /** In what they are not alike, though they should be: data, split, seeds. */
  readonly warnings: readonly string[];
  readonly seconds: number;
}

export interface Analysis {
  readonly title: string;
  readonly model: string;
  /** Sequences, their steps (the longest), and the threshold of horizons. */
  readonly sequences: number;
  readonly steps: number;
  readonly threshold: number;
  /** The lag that the model is held to, and where it is from. */
  readonly needs: { readonly lag: number; readonly why: string };
  readonly seed: number;
  readonly layers: readonly LayerAnalysis[];
  readonly studies: Studies;
  readonly verdicts: readonly Verdict[];
  /** The first of the sequences, as a debugger opens it; absent of an ONNX model, where it is the first that ran. */
  readonly first?: FirstSequence;
  /** What of the model was left out, and why: sentences. */
  readonly remarks?: readonly string[];
  /** Repairs that were tried. */
  readonly tried?: readonly Tried[];
  readonly seconds: number;
}

export type FirstSequence =
  | { readonly kind: 'data'; readonly part: 'training' | 'validation'; readonly from: number; readonly length: number }
  | { readonly kind: 'example'; readonly index: number };

/** One figure of the literature beside ours. */
export interface ReproducedRow {
  readonly what: string;
  readonly quantity: string;
  readonly ours: number;
  /** The published one; absent where there is none, and the band says what theory or the source's words do. */
  readonly figure?: number;
  /** The band within which ours passes. */
  readonly low: number;
  readonly high: number;
  /** Absent where ours is told and not judged: it had not the steps that theirs had. */
  readonly passes?: boolean;
  /** How ours came about, and what differs from theirs. */
  readonly note?: string;
}

export interface Reproduced {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  readonly rows: readonly ReproducedRow[];
  readonly seconds: number;
}
