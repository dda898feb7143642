// A trace of a model on one sequence: every value of every line at every timestep, and its gradient, without storing more than states.

import { Builder } from '../graph/builder.ts';
import { differentiate } from '../graph/differentiate.ts';
import { type AnyNode, type Graph, type Value } from '../graph/graph.ts';
import type { Instance, Model } from '../graph/model.ts';
import { type Address, addressText, type Objective, type ReadRequest, type Trace, type TraceDescription } from '../shared/trace.ts';
import { type Elements, product, type Sizes, sizesOf } from './arrays.ts';
import { describeInstance, timeAxis } from './describe.ts';
import type { Evaluator } from './evaluator.ts';
import { Replay } from './replay.ts';
import { summarise } from './summaries.ts';

export interface Weights extends ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }> {}

export interface TraceSource {
  readonly id: number;
  readonly title: string;
  readonly model: Model;
  readonly weights: Weights;
  /** One sequence, by the names of the model's inputs: [T] ids or [T, ...] numbers. */
  readonly inputs: Readonly<Record<string, Int32Array | Float32Array>>;
  readonly steps: number;
  readonly tokens: readonly string[];
  readonly by: TraceDescription['by'];
  readonly classes?: readonly string[];
  readonly objective?: Objective;
}

/** What cannot be traced, or read from a trace; the text says what to do. */
export class TraceError extends Error {
  override name = 'TraceError';
}

/** Timesteps on which replayed lines are compared with the model's own run when a trace opens. */
const PARITY_STEPS = 64;

/** Reads the beginning of the sequence; the rest is computed when it is asked for. */
export async function openTrace(source: TraceSource, evaluator: Evaluator): Promise<Trace> {
  const trace = new ModelTrace(source, evaluator);
  await trace.measureParity();
  return trace;
}

/** Sizes of a trace: one sequence of so many steps. Axes of other lengths are those of the model. */
export const traceSizes = (model: Model, steps: number): Sizes => ({ B: 1, [timeAxis(model)?.name ?? 'T']: steps });

class ModelTrace implements Trace {
  readonly #source: TraceSource;
  readonly #evaluator: Evaluator;
  readonly #time: string;
  readonly #sizes: Sizes;
  readonly #given: ReadonlyMap<Value, Elements>;
  readonly #forward: Replay;
  readonly #summaries = new Map<string, Promise<Float32Array>>();
  #objective: Objective;
  #parity = 0;
  #backward: { readonly replay: Replay; readonly gradients: ReadonlyMap<Value, Value> } | undefined;

  constructor(source: TraceSource, evaluator: Evaluator) {
    const { model, steps } = source;
    const time = timeAxis(model);
    if (time === undefined) throw new TraceError(`${model.name} has no input with a length, so there are no timesteps to go through.`);
    if (steps < 1) throw new TraceError('The sequence is empty: there is no timestep to go through.');
    this.#source = source;
    this.#evaluator = evaluator;
    this.#time = time.name;
    this.#sizes = traceSizes(model, steps);
    this.#given = given(source, this.#sizes);
    this.#objective = source.objective ?? { kind: 'loss' };
    this.#forward = this.#replay(atRest(model), this.#given);
  }

  get description(): TraceDescription {
    const { id, model, title, steps, tokens, by, classes } = this.#source;
    return {
      id,
      model: model.name,
      title,
      steps,
      tokens,
      by,
      ...(classes === undefined ? {} : { classes }),
      instances: model.instances.map((instance) => describeInstance(instance, model, { time: this.#time, sizes: this.#sizes })),
      parity: this.#parity,
      objective: this.#objective,
    };
  }

  async measureParity(): Promise<void> {
    this.#parity = await this.#forward.parity(PARITY_STEPS);
  }

  async read({ addresses, from, to, gradient = false }: ReadRequest): Promise<readonly Float32Array[]> {
    const { steps } = this.#source;
    if (from < 0 || to > steps || from >= to) throw new TraceError(`There are timesteps 0 to ${steps - 1}, not ${from} to ${to - 1}.`);
    const values = addresses.map((address) => this.#value(address));
    if (!gradient) return this.#forward.read(values, from, to);
    const { replay, gradients } = this.#gradients();
    const found = values.map((value) => gradients.get(value));
    const known = await replay.read([...new Set(found.filter((value) => value !== undefined))], from, to);
    const byValue = new Map([...new Set(found.filter((value) => value !== undefined))].map((value, k) => [value, known[k]!]));
    // What is no number of the reals, a token's class, has no gradient.
    return found.map((value, k) => (value === undefined ? this.#zeros(values[k]!, to - from) : byValue.get(value)!));
  }

  summary(kind: Parameters<Trace['summary']>[0]): Promise<Float32Array> {
    const key = JSON.stringify(kind);
    let summary = this.#summaries.get(key);
    if (summary === undefined) {
      summary = summarise(kind, this, this.#source.model, (values, from, to) => this.#forward.read(values, from, to));
      this.#summaries.set(key, summary);
      // What failed may succeed when it is asked for again.
      summary.catch(() => this.#summaries.delete(key));
    }
    return summary;
  }

  async weight(name: string): Promise<{ readonly shape: readonly number[]; readonly data: Float32Array }> {
    const weight = this.#source.weights.get(name);
    if (weight === undefined) throw new TraceError(`${this.#source.model.name} has no weight ${name}.`);
    return weight;
  }

  async differentiate(objective: Objective): Promise<void> {
    if (JSON.stringify(objective) === JSON.stringify(this.#objective)) return;
    this.#objective = objective;
    this.#backward = undefined;
    for (const key of this.#summaries.keys()) if (key.includes('"gradient":true')) this.#summaries.delete(key);
    this.#gradients();
  }

  async close(): Promise<void> {
    await this.#evaluator.close();
  }

  /** The graph of all gradients for the objective; what is read of it is computed when it is read. */
  #gradients(): { readonly replay: Replay; readonly gradients: ReadonlyMap<Value, Value> } {
    if (this.#backward !== undefined) return this.#backward;
    const { model, steps } = this.#source;
    const wrt = [...new Set(model.instances.flatMap((instance) => this.#valuesOf(instance)))].filter(
      (value) => value.type.dtype === 'float',
    );
    const { graph, objective, weights } = objectiveGraph(this.#forward.graph, model, this.#objective, steps);
    const derivative = differentiate(graph, objective, wrt);
    const replay = this.#replay(derivative.graph, new Map([...this.#given, ...weights]), this.#forward);
    this.#backward = { replay, gradients: new Map(wrt.map((value, k) => [value, derivative.gradients[k]!])) };
    return this.#backward;
  }

  #replay(graph: Graph, given: ReadonlyMap<Value, Elements>, within?: Replay): Replay {
    const options = { axis: this.#time, sizes: this.#sizes, given, evaluator: this.#evaluator };
    return new Replay(graph, within === undefined ? options : { ...options, within });
  }

  #value(address: Address): Value {
    const instance = this.#source.model.instances.find(({ path }) => path === address.instance);
    const value = instance === undefined ? undefined : this.#named(instance, address.line);
    if (value === undefined) throw new TraceError(`The model has no value ${addressText(address)}.`);
    return value;
  }

  #named({ lines, inputs, states }: Instance, name: string): Value | undefined {
    const state = states.find((each) => each.name === name);
    return (
      lines.find((line) => line.name === name)?.value ??
      (state === undefined ? undefined : this.#forward.before(state.after)) ??
      inputs.find((input) => input.name === name)?.value
    );
  }

  #valuesOf(instance: Instance): Value[] {
    const names = [instance.lines, instance.states, instance.inputs].flatMap((each) => each.map(({ name }) => name));
    return names.map((name) => this.#named(instance, name)).filter((value) => value !== undefined);
  }

  #zeros(value: Value, length: number): Float32Array {
    const count = product(sizesOf(value.type.axes, { ...this.#sizes, [this.#time]: length }));
    return new Float32Array(count);
  }
}

/** The model as it is outside training: carried states start at zero, dropout leaves everything. */
function atRest({ graph, states, dropout }: Model): Graph {
  const values = new Map([...states.map(({ before }) => [before, 0] as const), ...dropout.map(({ value }) => [value, 1] as const)]);
  const constants = [...values].map(([output, value]): AnyNode => {
    return { operation: 'constant', attributes: { value, type: output.type }, inputs: [], outputs: [output] };
  });
  return { ...graph, parameters: graph.parameters.filter((parameter) => !values.has(parameter)), nodes: [...constants, ...graph.nodes] };
}

function given({ model, weights, inputs }: TraceSource, sizes: Sizes): ReadonlyMap<Value, Elements> {
  const result = new Map<Value, Elements>();
  const put = (name: string, value: Value, data: Elements | undefined, kind: string): void => {
    const expected = product(sizesOf(value.type.axes, sizes));
    if (data === undefined) throw new TraceError(`The ${kind} ${name} of ${model.name} is missing.`);
    if (data.length !== expected)
      throw new TraceError(`The ${kind} ${name} of ${model.name} has ${data.length} numbers instead of ${expected}.`);
    result.set(value, data);
  };
  for (const { name, value } of model.weights) put(name, value, weights.get(name)?.data, 'weight');
  for (const { name, value } of model.inputs) put(name, value, inputs[name], 'input');
  return result;
}

/** Adds the objective to the graph: the loss, or the loss of one step, chosen by weights over time that are a further parameter. */
function objectiveGraph(
  graph: Graph,
  model: Model,
  objective: Objective,
  steps: number,
): { readonly graph: Graph; readonly objective: Value; readonly weights: ReadonlyMap<Value, Elements> } {
  if (model.loss === undefined) throw new TraceError(`${model.name} has no line called loss, so there is nothing to take gradients of.`);
  if (objective.kind === 'loss') return { graph, objective: model.loss, weights: new Map() };
  const { t } = objective;
  if (model.losses === undefined || !model.losses.value.type.axes.some((axis) => axis.name === timeAxis(model)?.name))
    throw new TraceError(`The loss of ${model.name} is one number for the whole sequence: it has no loss at timestep ${t}.`);
  if (t < 0 || t >= steps) throw new TraceError(`There are timesteps 0 to ${steps - 1}, not ${t}.`);
  const b = new Builder();
  const { value } = model.losses;
  const weights = b.parameter(value.type);
  const chosen = b.sum(b.times(value, weights));
  const added = b.graph([]);
  return {
    graph: { ...graph, parameters: [...graph.parameters, weights], nodes: [...graph.nodes, ...added.nodes] },
    objective: chosen,
    weights: new Map([[weights, Float32Array.from({ length: steps }, (_, place) => Number(place === t))]]),
  };
}
