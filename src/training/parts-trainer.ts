// The optimisation step on a CPU with several cores: the batch's rows are shared out to sessions of one thread each, in threads of their own.

import type { Batch } from '../data/dataset.ts';
import type { Axis } from '../graph/graph.ts';
import type { Model, Weight } from '../graph/model.ts';
import { lower } from '../onnx/lower.ts';
import type { Runtime, Tensor } from '../runtime/runtime.ts';
import type { TrainSettings } from '../shared/settings.ts';
import { drawMask, sizesOf } from './masks.ts';
import { ratesOf, ruleOf } from './optimizer.ts';
import { Board } from './parts/board.ts';
import { DistantPart } from './parts/calls.ts';
import { Part, type PartSetup, type Share, type Slot } from './parts/part.ts';
import {
  gradientGraph,
  inputName,
  maskName,
  momentName,
  type NamedGraph,
  stateName,
  stepGraphs,
  trainedWeights,
  updateGraph,
} from './step.ts';
import type { Evaluated, StepResult, Trainer, TrainerState } from './trainer.ts';

/** Rows that a part needs at least: below, products of matrices become slow. */
const leastRows = 8;

/** How many parts the model's training is worth; 1 where it cannot be shared out: the loss must be a sum over rows. */
export function partsFor(model: Model, { batch }: TrainSettings, threads: number): number {
  const rowwise = [...model.inputs, ...model.dropout].map(({ value }) => value).concat(model.states.map(({ before }) => before));
  if (model.losses === undefined || rowwise.some((value) => rowAxis(value.type.axes) < 0)) return 1;
  return Math.max(1, Math.min(threads, Math.floor(batch / leastRows)));
}

export async function openPartsTrainer(
  model: Model,
  settings: TrainSettings,
  start: TrainerState,
  runtime: Runtime,
  parts: number,
): Promise<Trainer> {
  const trained = trainedWeights(model, settings);
  const weights = slotsOf(trained);
  const frozen = model.weights.filter((weight) => !trained.includes(weight));
  const board = new Board({ parts, parameters: weights.reduce((sum, { length }) => sum + length, 0) });
  const bytes = (graph: NamedGraph): Uint8Array => lower(graph.graph, graph).bytes;
  const setup: Omit<PartSetup, 'part'> = {
    parts,
    gradient: bytes(gradientGraph(model, trained)),
    evaluation: bytes(stepGraphs(model, settings, true).evaluation),
    update: bytes(updateGraph(settings)),
    weights,
    frozen: Object.fromEntries(frozen.map(({ name }) => [name, tensorOf(name, start)])),
    moments: ruleOf(settings.optimizer).moments,
    states: model.states.map(({ name }) => stateName(name)),
    ...(settings.clip === undefined ? {} : { clip: settings.clip }),
    memory: board.memory,
  };
  const distant = Array.from({ length: parts - 1 }, (_, k) => new DistantPart({ ...setup, part: k + 1 }, () => board.fail()));
  try {
    const near = await Part.open({ ...setup, part: 0 }, runtime);
    await Promise.all(distant.map((part) => part.call({ kind: 'open' })));
    const trainer = new PartsTrainer(model, settings, weights, near, distant, setup.frozen);
    await trainer.restore(start);
    return trainer;
  } catch (error) {
    await Promise.all(distant.map((part) => part.call({ kind: 'release' }).catch(() => undefined)));
    throw error;
  }
}

class PartsTrainer implements Trainer {
  readonly device = 'cpu';
  readonly #model: Model;
  readonly #settings: TrainSettings;
  readonly #weights: readonly Slot[];
  readonly #near: Part;
  readonly #distant: readonly DistantPart[];
  readonly #frozen: PartSetup['frozen'];
  /** Rows of the last windows of training and of evaluation: where they change, states start afresh. */
  #rows: { step: number; evaluate: number } = { step: 0, evaluate: 0 };

  constructor(
    model: Model,
    settings: TrainSettings,
    weights: readonly Slot[],
    near: Part,
    distant: readonly DistantPart[],
    frozen: PartSetup['frozen'],
  ) {
    this.#frozen = frozen;
    this.#model = model;
    this.#settings = settings;
    this.#weights = weights;
    this.#near = near;
    this.#distant = distant;
  }

  async step(batch: Batch, number: number, rate: number): Promise<StepResult> {
    const rates = ratesOf(this.#settings.optimizer, rate, number);
    const masks = this.#model.dropout.map((mask, k) => ({
      name: maskName(k),
      axes: mask.value.type.axes,
      ...drawMask(mask, k, this.#settings.seed, number, sizesOf(batch)),
    }));
    const shares = this.#shares(batch, 'step', masks);
    const others = this.#distant.map((part, k) => part.call({ kind: 'step', share: shares[k + 1]!, rates }));
    const [result] = await together(this.#near.step(shares[0]!, rates), others);
    return result!;
  }

  async evaluate(batch: Batch): Promise<Evaluated> {
    const shares = this.#shares(batch, 'evaluate', []);
    const others = this.#distant.map((part, k) => part.call({ kind: 'evaluate', share: shares[k + 1]! }));
    return evaluatedTogether(await together(this.#near.evaluate(shares[0]!), others));
  }

  async state(): Promise<TrainerState> {
    const states = [this.#near.state(), ...(await Promise.all(this.#distant.map((part) => part.call({ kind: 'state' }))))];
    const state = new Map<string, { shape: readonly number[]; data: Float32Array }>();
    const put = (data: Float32Array, name: (weight: string) => string): void => {
      for (const { name: weight, dims, start, length } of this.#weights)
        state.set(name(weight), { shape: dims, data: data.slice(start, start + length) });
    };
    put(this.#near.parameters, (weight) => weight);
    for (const [name, { dims, data }] of Object.entries(this.#frozen))
      state.set(name, { shape: dims, data: (data as Float32Array).slice() });
    ruleOf(this.#settings.optimizer).moments.forEach((moment, k) => {
      put(joined(states.map(({ moments }) => moments[k]!)), (weight) => momentName(weight, moment));
    });
    for (const { name, before } of this.#model.states) {
      const key = stateName(name);
      const rows = states.flatMap((each) => each.states[key] ?? []);
      if (rows.length > 0) state.set(key, alongRows(rows, rowAxis(before.type.axes)));
    }
    return state;
  }

  async restore(state: TrainerState): Promise<void> {
    const total = this.#weights.reduce((sum, { length }) => sum + length, 0);
    const gathered = (name: (weight: string) => string, needed: boolean): Float32Array => {
      const data = new Float32Array(total);
      for (const { name: weight, start } of this.#weights) {
        const found = state.get(name(weight));
        if (found !== undefined) data.set(found.data, start);
        else if (needed) throw new Error(`The weight ${weight} has no value to start from.`);
      }
      return data;
    };
    const parameters = gathered((weight) => weight, true);
    const moments = ruleOf(this.#settings.optimizer).moments.map((moment) => gathered((weight) => momentName(weight, moment), false));
    const parts = this.#distant.length + 1;
    const states = Array.from({ length: parts }, (): Record<string, Tensor> => ({}));
    this.#rows = { step: 0, evaluate: 0 };
    for (const { name, before } of this.#model.states) {
      const found = state.get(stateName(name));
      if (found === undefined) continue;
      const axis = rowAxis(before.type.axes);
      this.#rows.step = found.shape[axis]!;
      states.forEach((each, k) => {
        each[stateName(name)] = rowsOf('float32', found.data, found.shape, axis, share(k, parts, found.shape[axis]!));
      });
    }
    this.#near.restore(parameters, moments, states[0]!);
    await Promise.all(this.#distant.map((part, k) => part.call({ kind: 'restore', parameters, moments, states: states[k + 1]! })));
  }

  async close(): Promise<void> {
    await Promise.all(this.#distant.map((part) => part.call({ kind: 'release' }).catch(() => undefined)));
    await this.#near.release();
  }

  #shares(batch: Batch, kind: 'step' | 'evaluate', masks: readonly Given[]): Share[] {
    const sizes = sizesOf(batch);
    const parts = this.#distant.length + 1;
    const afresh = batch.reset || this.#rows[kind] !== batch.rows;
    this.#rows[kind] = batch.rows;
    const inputs = this.#model.inputs.map(({ name, value }): Given => {
      const data = batch.inputs[name];
      if (data === undefined) throw new Error(`The batch has nothing for the model's input ${name}.`);
      return { name: inputName(name), axes: value.type.axes, dims: dimsOf(value.type.axes, sizes), data };
    });
    return Array.from({ length: parts }, (_, part) => {
      const [from, to] = share(part, parts, batch.rows);
      const cut = ({ name, axes, dims, data }: Given): [string, Tensor] => [
        name,
        rowsOf(data instanceof Int32Array ? 'int32' : 'float32', data, dims, rowAxis(axes), [from, to]),
      ];
      const fresh = this.#model.states.map(({ name, before, initial }): [string, Tensor] => {
        const dims = dimsOf(before.type.axes, { ...sizes, B: to - from });
        return [stateName(name), { type: 'float32', dims, data: new Float32Array(lengthOf(dims)).fill(initial ?? 0) }];
      });
      return {
        rows: to - from,
        inputs: Object.fromEntries([...inputs, ...masks].map(cut)),
        ...(afresh ? { fresh: Object.fromEntries(fresh) } : {}),
      };
    });
  }
}

interface Given {
  readonly name: string;
  readonly axes: readonly Axis[];
  readonly dims: readonly number[];
  readonly data: Int32Array | Float32Array;
}

/** Waits for all, also where one fails: no part is left behind in a step. */
async function together<Result>(near: Promise<Result>, distant: readonly Promise<Result>[]): Promise<Result[]> {
  const settled = await Promise.allSettled([near, ...distant]);
  return settled.map((each) => {
    if (each.status === 'rejected') throw each.reason;
    return each.value;
  });
}

/** One evaluation of several shares of the rows, in their order. */
function evaluatedTogether(parts: readonly Evaluated[]): Evaluated {
  const total = (of: (part: Evaluated) => number): number => parts.reduce((sum, part) => sum + of(part), 0);
  const judged = parts.flatMap((part) => part.judged ?? []);
  const sums = { sum: total(({ sum }) => sum), count: total(({ count }) => count) };
  if (judged.length === 0) return sums;
  return {
    ...sums,
    judged: {
      rows: judged.reduce((rows, each) => rows + each.rows, 0),
      predicted: joined(judged.map(({ predicted }) => predicted)),
      target: joined(judged.map(({ target }) => target)),
      counted: joined(judged.map(({ counted }) => counted)),
      sum: judged.reduce((sum, each) => sum + each.sum, 0),
    },
  };
}

function tensorOf(name: string, state: TrainerState): Tensor {
  const found = state.get(name);
  if (found === undefined) throw new Error(`The weight ${name} has no value to start from.`);
  return { type: 'float32', dims: found.shape, data: found.data };
}

function slotsOf(weights: readonly Weight[]): Slot[] {
  let start = 0;
  return weights.map(({ name, value }) => {
    const dims = value.type.axes.map(({ size }) => Number(size));
    const length = lengthOf(dims);
    start += length;
    return { name, dims, start: start - length, length };
  });
}

const rowAxis = (axes: readonly Axis[]): number => axes.findIndex(({ size }) => size === 'B');
const lengthOf = (dims: readonly number[]): number => dims.reduce((product, each) => product * each, 1);
const dimsOf = (axes: readonly Axis[], sizes: Readonly<Record<string, number>>): number[] =>
  axes.map(({ size }) => (typeof size === 'number' ? size : sizes[size]!));

/** The rows of a part. */
const share = (part: number, parts: number, rows: number): readonly [number, number] => [
  Math.floor((part * rows) / parts),
  Math.floor(((part + 1) * rows) / parts),
];

function rowsOf(
  type: 'int32' | 'float32',
  data: Int32Array | Float32Array,
  dims: readonly number[],
  axis: number,
  [from, to]: readonly [number, number],
): Tensor {
  const inner = lengthOf(dims.slice(axis + 1));
  const outer = lengthOf(dims.slice(0, axis));
  const rows = dims[axis]!;
  const cut = new (type === 'int32' ? Int32Array : Float32Array)(outer * (to - from) * inner);
  for (let k = 0; k < outer; k += 1) cut.set(data.subarray((k * rows + from) * inner, (k * rows + to) * inner), k * (to - from) * inner);
  return { type, dims: dims.map((dim, k) => (k === axis ? to - from : dim)), data: cut };
}

function alongRows(parts: readonly Tensor[], axis: number): { shape: readonly number[]; data: Float32Array } {
  const rows = parts.reduce((sum, { dims }) => sum + dims[axis]!, 0);
  const shape = parts[0]!.dims.map((dim, k) => (k === axis ? rows : dim));
  const data = new Float32Array(lengthOf(shape));
  const inner = lengthOf(shape.slice(axis + 1));
  let from = 0;
  for (const part of parts) {
    const own = part.dims[axis]! * inner;
    for (let k = 0; k < lengthOf(shape.slice(0, axis)); k += 1)
      data.set((part.data as Float32Array).subarray(k * own, (k + 1) * own), k * rows * inner + from);
    from += own;
  }
  return { shape, data };
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
