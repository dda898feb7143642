// The optimisation step in one session: forward, backward, clip and update are one graph.

import type { Batch } from '../data/dataset.ts';
import type { Model } from '../graph/model.ts';
import { lower } from '../onnx/lower.ts';
import type { Resident, Runtime, Session, SessionOptions, Tensor } from '../runtime/runtime.ts';
import type { TrainSettings } from '../shared/settings.ts';
import { drawMask, sizesOf } from './masks.ts';
import { rateNames, ratesOf, ruleOf } from './optimizer.ts';
import { inputName, maskName, momentName, type NamedGraph, next, type StepGraphs, stateName, stepGraphs, trainedWeights } from './step.ts';
import type { Evaluated, StepResult, Trainer, TrainerState } from './trainer.ts';
import { widened } from './widen.ts';

export async function openSessionTrainer(
  model: Model,
  settings: TrainSettings,
  start: TrainerState,
  runtime: Runtime,
  options: SessionOptions,
): Promise<Trainer> {
  const graphs = stepGraphs(model, settings, options.device === 'cpu');
  const trainer = new SessionTrainer(model, settings, graphs, {
    device: options.device,
    open: (graph) => runtime.open(lower(graph.graph, graph).bytes, options),
  });
  await trainer.restore(start);
  return trainer;
}

/** Where the graphs run. */
export interface Place {
  readonly device: SessionOptions['device'];
  /** Sessions serve one T and B only, so that batches are given few lengths; without it, all. */
  readonly fixedSizes?: boolean;
  open(graph: NamedGraph, sizes: Readonly<Record<string, number>>): Promise<Session>;
}

export class SessionTrainer implements Trainer {
  readonly device: SessionOptions['device'];
  readonly #model: Model;
  readonly #settings: TrainSettings;
  readonly #graphs: StepGraphs;
  readonly #place: Place;
  readonly #sessions = new Map<string, Promise<Session>>();
  /** Weights, moments and carried states by their names. */
  readonly #values = new Map<string, Held>();
  readonly #evaluationStates = new Map<string, Held>();

  constructor(model: Model, settings: TrainSettings, graphs: StepGraphs, place: Place) {
    this.device = place.device;
    this.#model = model;
    this.#settings = settings;
    this.#graphs = graphs;
    this.#place = place;
  }

  async step(given: Batch, number: number, rate: number): Promise<StepResult> {
    const batch = this.#fitted(given);
    const { step } = this.#graphs;
    const { optimizer, seed } = this.#settings;
    const rates = ratesOf(optimizer, rate, number);
    const feeds = this.#feeds(batch, this.#values);
    for (const name of rateNames) feeds.set(name, scalar(rates[name]));
    this.#model.dropout.forEach((mask, k) => {
      const { dims, data } = drawMask(mask, k, seed, number, sizesOf(batch));
      feeds.set(maskName(k), { type: 'float32', dims, data });
    });
    const results = await this.#run(step, feeds, sizesOf(batch));
    for (const name of this.#values.keys()) {
      const replaced = results[next(name)];
      if (replaced !== undefined) replace(this.#values, name, replaced);
    }
    return { loss: numberOf(results.loss!), gradientNorm: numberOf(results.gradientNorm!) };
  }

  async evaluate(given: Batch): Promise<Evaluated> {
    const batch = this.#fitted(given);
    const results = await this.#run(this.#graphs.evaluation, this.#feeds(batch, this.#evaluationStates), sizesOf(batch));
    for (const name of this.#evaluationStates.keys()) replace(this.#evaluationStates, name, results[next(name)]!);
    return evaluatedOf(results as Record<string, Tensor>, batch.rows);
  }

  async state(): Promise<TrainerState> {
    const state = new Map<string, { shape: readonly number[]; data: Float32Array }>();
    const [session] = this.#sessions.values();
    for (const [name, held] of this.#values) {
      const { dims, data } = 'kind' in held ? await (await session!).read(held) : held;
      state.set(name, { shape: dims, data: (data as Float32Array).slice() });
    }
    return state;
  }

  async restore(state: TrainerState): Promise<void> {
    for (const values of [this.#values, this.#evaluationStates]) {
      for (const held of values.values()) dispose(held);
      values.clear();
    }
    for (const [name, { shape, data }] of state) this.#values.set(name, { type: 'float32', dims: shape, data: data.slice() });
    const { moments } = ruleOf(this.#settings.optimizer);
    const trained = trainedWeights(this.#model, this.#settings);
    for (const weight of this.#model.weights) {
      const { name } = weight;
      const held = this.#values.get(name);
      if (held === undefined) throw new Error(`The weight ${name} has no value to start from.`);
      for (const moment of trained.includes(weight) ? moments : []) {
        const key = momentName(name, moment);
        if (!this.#values.has(key)) this.#values.set(key, filled(held.dims));
      }
    }
  }

  async close(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const session of sessions) await (await session).release();
  }

  #fitted(batch: Batch): Batch {
    return this.#place.fixedSizes === true ? widened(batch, this.#model) : batch;
  }

  /** Everything but what a training step has of its own. `states` are made anew where the window begins afresh. */
  #feeds(batch: Batch, states: Map<string, Held>): Map<string, Held> {
    const sizes = sizesOf(batch);
    for (const { name, before, initial } of this.#model.states) {
      const key = stateName(name);
      const dims = before.type.axes.map(({ size }) => (typeof size === 'number' ? size : sizes[size]!));
      const known = states.get(key);
      if (batch.reset || known === undefined || known.dims.some((dim, k) => dim !== dims[k])) replace(states, key, filled(dims, initial));
    }
    const feeds = new Map([...this.#values, ...states]);
    for (const { name, value } of this.#model.inputs) {
      const data = batch.inputs[name];
      if (data === undefined) throw new Error(`The batch has nothing for the model's input ${name}.`);
      const dims = value.type.axes.map(({ size }) => (typeof size === 'number' ? size : sizes[size]!));
      feeds.set(inputName(name), { type: data instanceof Int32Array ? 'int32' : 'float32', dims, data });
    }
    return feeds;
  }

  async #run(graph: NamedGraph, feeds: ReadonlyMap<string, Held>, sizes: Readonly<Record<string, number>>): Promise<Record<string, Held>> {
    const shape = this.#place.fixedSizes
      ? ` ${Object.entries(sizes)
          .map(([name, size]) => `${name} ${size}`)
          .join(' x ')}`
      : '';
    const key = `${graph === this.#graphs.step ? 'step' : 'evaluation'}${shape}`;
    let session = this.#sessions.get(key);
    if (session === undefined) {
      session = this.#place.open(graph, sizes);
      this.#sessions.set(key, session);
    }
    return (await session).run(Object.fromEntries(graph.inputs.map((name) => [name, feeds.get(name)!])));
  }
}

/** What the outputs of an evaluation say. */
export function evaluatedOf(results: Readonly<Record<string, Tensor>>, rows: number): Evaluated {
  const { sum, count, predicted, target, counted, judgedSum } = results;
  const total = { sum: numberOf(sum!), count: numberOf(count!) };
  if (predicted === undefined) return total;
  const numbers = (tensor: Tensor | undefined): Float32Array => tensor!.data as Float32Array;
  const judged = { rows, predicted: numbers(predicted), target: numbers(target), counted: numbers(counted), sum: numberOf(judgedSum!) };
  return { ...total, judged };
}

type Held = Tensor | Resident;

function replace(values: Map<string, Held>, name: string, held: Held): void {
  const old = values.get(name);
  if (old !== undefined) dispose(old);
  values.set(name, held);
}

function dispose(held: Held): void {
  if ('kind' in held) held.dispose();
}

const filled = (dims: readonly number[], value = 0): Tensor => ({
  type: 'float32',
  dims,
  data: new Float32Array(dims.reduce((product, each) => product * each, 1)).fill(value),
});
const scalar = (value: number): Tensor => ({ type: 'float32', dims: [], data: Float32Array.of(value) });
const numberOf = (held: Held): number => Number((held as Tensor).data[0]);
