// One part of a training step: a session of one thread over a share of the batch's rows. The gradient of the whole is the sum of the parts',
// since the loss is a sum over rows; each part updates a range of the parameters.

import type { Runtime, Session, Tensor } from '../../runtime/runtime.ts';
import { type Rates, rateNames } from '../optimizer.ts';
import { evaluatedOf } from '../session-trainer.ts';
import { gradientName, next, tiny } from '../step.ts';
import type { Evaluated } from '../trainer.ts';
import { Board } from './board.ts';

/** A tensor within a vector of all parameters. */
export interface Slot {
  readonly name: string;
  readonly dims: readonly number[];
  readonly start: number;
  readonly length: number;
}

/** Everything that a part needs to know of the model, as plain data. */
export interface PartSetup {
  readonly part: number;
  readonly parts: number;
  /** Models: gradient of the loss' sum; evaluation of a window; update of a range. */
  readonly gradient: Uint8Array;
  readonly evaluation: Uint8Array;
  readonly update: Uint8Array;
  readonly weights: readonly Slot[];
  /** Weights that training leaves as they are. */
  readonly frozen: Readonly<Record<string, Tensor>>;
  readonly moments: readonly string[];
  /** Inputs of the models that are carried from window to window. */
  readonly states: readonly string[];
  readonly clip?: number;
  readonly memory: SharedArrayBuffer;
}

/** A share of a window: what the models are given beside weights and states, and states that start afresh. */
export interface Share {
  readonly rows: number;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly fresh?: Readonly<Record<string, Tensor>>;
}

/** The numbers of a part that a checkpoint keeps. */
export interface PartState {
  /** One vector a moment, of this part's range. */
  readonly moments: readonly Float32Array[];
  readonly states: Readonly<Record<string, Tensor>>;
}

/** The range of parameters that a part updates. */
export function rangeOf(part: number, parts: number, total: number): readonly [number, number] {
  const edge = (k: number): number => (k === parts ? total : 16 * Math.floor((total * k) / parts / 16));
  return [edge(part), edge(part + 1)];
}

/** Elements of one run of the update: its vectors stay in the cache from operator to operator. */
const stretch = 32_768;

export class Part {
  readonly #setup: PartSetup;
  readonly #board: Board;
  readonly #sessions: { readonly gradient: Session; readonly evaluation: Session; readonly update: Session };
  readonly #parameters: Float32Array;
  readonly #gradient: Float32Array;
  readonly #moments: Float32Array[];
  readonly #range: readonly [number, number];
  readonly #scratch: readonly Float32Array[];
  #states: Readonly<Record<string, Tensor>> = {};
  #evaluationStates: Readonly<Record<string, Tensor>> = {};

  static async open(setup: PartSetup, runtime: Runtime): Promise<Part> {
    const open = (model: Uint8Array): Promise<Session> => runtime.open(model, { device: 'cpu', threads: 1 });
    return new Part(setup, {
      gradient: await open(setup.gradient),
      evaluation: await open(setup.evaluation),
      update: await open(setup.update),
    });
  }

  private constructor(setup: PartSetup, sessions: { gradient: Session; evaluation: Session; update: Session }) {
    const total = setup.weights.reduce((sum, { length }) => sum + length, 0);
    this.#setup = setup;
    this.#sessions = sessions;
    this.#board = new Board({ parts: setup.parts, parameters: total }, setup.memory);
    this.#parameters = new Float32Array(total);
    this.#gradient = new Float32Array(total);
    this.#range = rangeOf(setup.part, setup.parts, total);
    const [start, end] = this.#range;
    this.#moments = setup.moments.map(() => new Float32Array(end - start));
    this.#scratch = ['parameter', ...setup.moments].map(() => new Float32Array(stretch));
  }

  /** All parts do this at the same time; each gives the same numbers. */
  async step(share: Share, rates: Rates): Promise<{ readonly loss: number; readonly gradientNorm: number }> {
    try {
      return await this.#step(share, rates);
    } catch (error) {
      this.#board.fail();
      throw error;
    }
  }

  async #step(share: Share, rates: Rates): Promise<{ readonly loss: number; readonly gradientNorm: number }> {
    const { part, clip } = this.#setup;
    const board = this.#board;
    const [start, end] = this.#range;
    await this.#differentiate(share);
    const mine = this.#gradient;
    const own = board.gradients[part]!;
    own.set(mine.subarray(0, start));
    own.set(mine.subarray(end), end);
    board.meet();

    // Where nothing is counted, nothing is learned.
    const count = Math.max(1, board.total('count'));
    board.put(part, 'squares', this.#addUp(1 / count));
    board.meet();

    const gradientNorm = Math.sqrt(board.total('squares'));
    const factor = clip === undefined ? 1 : Math.min(1, clip / (gradientNorm + tiny));
    await this.#update(factor, rates);
    board.parameters.set(this.#parameters.subarray(start, end), start);
    const loss = board.total('sum') / count;
    board.meet();
    this.#parameters.set(board.parameters.subarray(0, start));
    this.#parameters.set(board.parameters.subarray(end), end);
    return { loss, gradientNorm };
  }

  async #differentiate({ rows, inputs, fresh }: Share): Promise<void> {
    const { part, weights, states } = this.#setup;
    this.#states = { ...this.#states, ...fresh };
    if (rows === 0) {
      this.#gradient.fill(0);
      this.#board.put(part, 'sum', 0);
      this.#board.put(part, 'count', 0);
      return;
    }
    const into = Object.fromEntries(weights.map((slot) => [gradientName(slot.name), tensorAt(this.#gradient, slot)]));
    const results = await this.#sessions.gradient.compute(this.#feeds(this.#sessions.gradient, inputs, this.#states), undefined, into);
    this.#states = Object.fromEntries(states.map((name) => [name, results[next(name)]!]));
    this.#board.put(part, 'sum', Number(results.sum!.data[0]));
    this.#board.put(part, 'count', Number(results.count!.data[0]));
  }

  /** The mean gradient in this part's range; gives the sum of its squares. */
  #addUp(scale: number): number {
    const { part } = this.#setup;
    const [start, end] = this.#range;
    const mine = this.#gradient;
    const others = this.#board.gradients.filter((_, k) => k !== part);
    const last = others.pop()!;
    // Plain loops over two vectors: the compiler makes the most of them.
    for (const other of others) for (let k = start; k < end; k += 1) mine[k]! += other[k]!;
    let squares = 0;
    for (let k = start; k < end; k += 1) {
      const mean = (mine[k]! + last[k]!) * scale;
      mine[k] = mean;
      squares += mean * mean;
    }
    return squares;
  }

  async #update(factor: number, rates: Rates): Promise<void> {
    const [start, end] = this.#range;
    const { moments } = this.#setup;
    const scalars = Object.fromEntries([
      ...rateNames.map((name) => [name, scalar(rates[name])] as const),
      ['factor', scalar(factor)] as const,
    ]);
    for (let from = start; from < end; from += stretch) {
      const to = Math.min(end, from + stretch);
      const own = this.#parameters.subarray(from, to);
      const vectors = [own, ...this.#moments.map((moment) => moment.subarray(from - start, to - start))];
      const names = ['parameter', ...moments];
      const feeds = { ...scalars, gradient: vector(this.#gradient.subarray(from, to)), ...tensors(names, vectors) };
      const scratch = this.#scratch.map((each) => each.subarray(0, to - from));
      await this.#sessions.update.compute(only(this.#sessions.update, feeds), undefined, tensors(names.map(next), scratch));
      vectors.forEach((each, k) => {
        each.set(scratch[k]!);
      });
    }
  }

  async evaluate({ rows, inputs, fresh }: Share): Promise<Evaluated> {
    this.#evaluationStates = { ...this.#evaluationStates, ...fresh };
    if (rows === 0) return { sum: 0, count: 0 };
    const { evaluation } = this.#sessions;
    const results = await evaluation.compute(this.#feeds(evaluation, inputs, this.#evaluationStates));
    this.#evaluationStates = Object.fromEntries(this.#setup.states.map((name) => [name, results[next(name)]!]));
    return evaluatedOf(results, rows);
  }

  state(): PartState {
    return { moments: this.#moments.map((moment) => moment.slice()), states: this.#states };
  }

  /** Moments of the whole are given; the part takes its range. */
  restore(parameters: Float32Array, moments: readonly Float32Array[], states: Readonly<Record<string, Tensor>>): void {
    this.#parameters.set(parameters);
    moments.forEach((moment, k) => {
      this.#moments[k]!.set(moment.subarray(...this.#range));
    });
    this.#states = states;
    this.#evaluationStates = {};
  }

  get parameters(): Float32Array {
    return this.#parameters;
  }

  async release(): Promise<void> {
    for (const session of Object.values(this.#sessions)) await session.release();
  }

  #feeds(session: Session, inputs: Readonly<Record<string, Tensor>>, states: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
    const weights = this.#setup.weights.map((slot): [string, Tensor] => [slot.name, tensorAt(this.#parameters, slot)]);
    return only(session, { ...this.#setup.frozen, ...Object.fromEntries(weights), ...states, ...inputs });
  }
}

/** What the session reads; a weight that the loss does not need is no input of it. */
const only = (session: Session, feeds: Readonly<Record<string, Tensor>>): Record<string, Tensor> =>
  Object.fromEntries(session.inputs.map((name) => [name, feeds[name]!]));

const tensorAt = (data: Float32Array, { dims, start, length }: Slot): Tensor => ({
  type: 'float32',
  dims,
  data: data.subarray(start, start + length),
});
const vector = (data: Float32Array): Tensor => ({ type: 'float32', dims: [data.length], data });
const scalar = (value: number): Tensor => ({ type: 'float32', dims: [], data: Float32Array.of(value) });
const tensors = (names: readonly string[], data: readonly Float32Array[]): Record<string, Tensor> =>
  Object.fromEntries(names.map((name, k) => [name, vector(data[k]!)]));
