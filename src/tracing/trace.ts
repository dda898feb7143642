// A trace of a model on one sequence: every value of every line at every timestep, and its gradient, without storing more than states.

import { differentiate } from '../graph/differentiate.ts';
import { type Graph, hasAxis, type Value } from '../graph/graph.ts';
import type { Instance, Model } from '../graph/model.ts';
import { type Address, addressText, type Objective, type ReadRequest, type Trace, type TraceDescription } from '../shared/trace.ts';
import { type Elements, product, type Sizes, sizesOf, wholeOf } from './arrays.ts';
import { Cut } from './cut.ts';
import { describeInstance, timeAxis } from './describe.ts';
import { TraceError } from './errors.ts';
import type { Evaluator } from './evaluator.ts';
import { withoutFaint } from './faint.ts';
import { imagePlaces } from './image-places.ts';
import { sameNumbers } from './lines.ts';
import { objectiveGraph, objectiveWeights, seededGraph } from './objective.ts';
import { withPlaces } from './places.ts';
import { Replay } from './replay.ts';
import { givenElements, graphAtRest, type TraceSource } from './source.ts';
import { summarise } from './summaries.ts';

/** Timesteps on which replayed lines are compared with the model's own run when a trace opens. */
const PARITY_STEPS = 64;

/** A window of so few timesteps is read with everything in it; so many are remembered. */
const SHORT = 2;
const RECENT = 64;

/** Computes the beginning of the sequence; the rest when it is asked for. Throws TraceError where the model has no timesteps, or the source does
 *  not fit it. The trace closes its evaluator. `parity`: whether it is measured how near what is recomputed is to the loops; computations that nobody
 *  watches need not know. */
export async function openTrace(source: TraceSource, evaluator: Evaluator, { parity = true } = {}): Promise<SeededTrace> {
  const trace = new ModelTrace(source, evaluator);
  // What is known is measured by whoever knows it.
  if (parity && source.known === undefined) await trace.measureParity();
  return trace;
}

/** A trace whose gradients begin with cotangents that it is given. */
export interface SeededTrace extends Trace {
  /** One for each of the source's seeds, in its shape: [T, B, ...]. Gradients are zero before. */
  seed(cotangents: readonly Float32Array[]): void;
  /** Computes every line at every timestep in one go, and keeps them, where all of them have no more than so many bytes: reading them costs nothing then. */
  remember(bytes: number): Promise<void>;
  /** A line at timesteps from .. to-1 as the equations make it of the states before, also where it is a state that is known. */
  recomputed(address: Address, from: number, to: number): Promise<Float32Array>;
  readonly model: Model;
  /** Its graph as the trace has cut it at its recurrences, and lengths of its symbolic axes. */
  readonly cut: Cut;
  readonly sizes: Sizes;
  /** The value that a line's stands for: its own, or one that is the same in another order of axes. */
  original(value: Value): Value;
  /** What stands for a parameter of the cut's windows, in the order of its type: the state before each step. */
  stored(parameter: Value, window: { readonly from: number; readonly to: number }): Promise<Elements>;
  /** Results of another graph over the windows of the cut, as Replay.evaluate has it. */
  evaluate(
    graph: Graph,
    window: { readonly from: number; readonly to: number },
    given: ReadonlyMap<Value, Elements>,
    orders: readonly (readonly string[])[],
  ): Promise<Elements[]>;
}

/** Lengths of a trace's symbolic axes: sequences of so many steps, one unless told otherwise. */
export const traceSizes = (model: Model, steps: number, lengths: Sizes = {}, batch = 1, time = timeAxis(model)?.name ?? 'T'): Sizes => ({
  ...lengths,
  B: batch,
  [time]: steps,
});

/** The graph of all gradients. */
interface Backward {
  readonly cut: Cut;
  readonly weights?: Value;
  /** The parameters for the cotangents of seeds. */
  readonly cotangents?: readonly Value[];
  /** By the value that they are the gradient of. */
  readonly gradients: ReadonlyMap<Value, Value>;
}

class ModelTrace implements SeededTrace {
  readonly #source: TraceSource;
  readonly #evaluator: Evaluator;
  readonly #time: string;
  readonly #sizes: Sizes;
  readonly #given: ReadonlyMap<Value, Elements>;
  readonly #cut: Cut;
  readonly #forward: Replay;
  /** The value that a line's stands for: its own, or one that is the same in another order of axes. */
  readonly #original: (value: Value) => Value;
  /** What has been read of a few timesteps at a time. */
  readonly #recent = new Map<string, Promise<ReadonlyMap<Value, Float32Array>>>();
  readonly #summaries = new Map<string, Promise<Float32Array>>();
  #objective: Objective;
  #parity = 0;
  #cotangents: readonly Float32Array[] = [];
  /** All timesteps, as the equations make them, and as they are read: known states are as they are known. */
  #remembered: { readonly computed: ReadonlyMap<Value, Float32Array>; readonly read: ReadonlyMap<Value, Float32Array> } | undefined;
  #backward: Backward | undefined;
  #gradients: Promise<Replay> | undefined;

  constructor(source: TraceSource, evaluator: Evaluator) {
    const { model, steps } = source;
    const time = source.time ?? timeAxis(model)?.name;
    const timed = model.inputs.find((input) => time !== undefined && hasAxis(input.value, time))?.value;
    if (time === undefined || timed === undefined)
      throw new TraceError(`${model.name} has no input with a length, so there are no timesteps to go through.`);
    if (steps < 1) throw new TraceError('The sequence is empty: there is no timestep to go through.');
    this.#source = source;
    this.#evaluator = withPlaces(evaluator, time);
    this.#time = time;
    this.#sizes = { ...traceSizes(model, steps, source.lengths, source.batch, time), [wholeOf(time)]: steps };
    this.#given = givenElements(source, this.#sizes);
    this.#objective = source.objective ?? { kind: 'loss' };
    this.#cut = cutOf(model, time, timed);
    this.#original = sameNumbers(this.#cut.graph);
    this.#forward = this.#replay(this.#cut, this.#given);
  }

  get description(): TraceDescription {
    const { id, model, title, steps, tokens, by, classes, vocabularies, alignment } = this.#source;
    const image = imagePlaces(model);
    return {
      id,
      model: model.name,
      title,
      steps,
      tokens,
      by,
      ...(classes === undefined ? {} : { classes }),
      ...(vocabularies === undefined ? {} : { vocabularies }),
      ...(alignment === undefined ? {} : { alignment }),
      time: this.#time,
      instances: model.instances.map((instance) =>
        describeInstance(instance, model, { time: this.#time, sizes: this.#sizes, beside: this.#source.beside ?? [], image }),
      ),
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
    const read = await (to - from <= SHORT ? this.#short(from, to, gradient) : this.#readValues(values, from, to, gradient));
    // What is no real number, a token's class, has no gradient.
    return values.map((value) => read.get(value) ?? this.#zeros(value, to - from));
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
    const before = this.#objective;
    this.#objective = objective;
    const gradients = this.#differentiate();
    try {
      await gradients;
    } catch (error) {
      this.#objective = before;
      throw error;
    }
    this.#forget();
    this.#gradients = gradients;
  }

  async remember(bytes: number): Promise<void> {
    const { model } = this.#source;
    const lines = model.instances.flatMap((instance) => this.#valuesOf(instance));
    const values = [...new Set(lines)].filter((value) => value.type.dtype === 'float' && hasAxis(value, this.#time));
    const size = values.reduce((sum, value) => sum + 4 * product(sizesOf(value.type.axes, this.#sizes)), 0);
    if (size > bytes) return;
    const computed = paired(values, (await this.#forward.everything(values)) as Float32Array[]);
    const known = new Map(
      values.flatMap((value) => (this.#knownStates.has(value) ? [[value, this.#knownStates.get(value)!] as const] : [])),
    );
    this.#remembered = { computed, read: new Map([...computed, ...known]) };
  }

  /** Timesteps of what is kept for all of them. */
  #rows(data: Float32Array, from: number, to: number): Float32Array {
    const width = data.length / this.#source.steps;
    return data.subarray(from * width, to * width);
  }

  async recomputed(address: Address, from: number, to: number): Promise<Float32Array> {
    const known = this.#remembered?.computed.get(this.#value(address));
    if (known !== undefined) {
      const width = known.length / this.#source.steps;
      return known.subarray(from * width, to * width);
    }
    const [found] = await this.#forward.recomputed([this.#value(address)], from, to);
    return found as Float32Array;
  }

  get model(): Model {
    return this.#source.model;
  }
  get cut(): Cut {
    return this.#cut;
  }
  get sizes(): Sizes {
    return this.#sizes;
  }
  original(value: Value): Value {
    return this.#original(value);
  }
  stored(parameter: Value, { from, to }: { readonly from: number; readonly to: number }): Promise<Elements> {
    return this.#forward.stored(parameter, from, to);
  }
  evaluate(
    graph: Graph,
    { from, to }: { readonly from: number; readonly to: number },
    given: ReadonlyMap<Value, Elements>,
    orders: readonly (readonly string[])[],
  ): Promise<Elements[]> {
    return this.#forward.evaluate(graph, from, to, given, orders);
  }

  seed(cotangents: readonly Float32Array[]): void {
    this.#cotangents = cotangents;
    this.#forget();
  }

  /** Gradients that were read are of another objective. */
  #forget(): void {
    this.#gradients = undefined;
    this.#recent.clear();
    for (const key of this.#summaries.keys()) if (key.includes('"gradient":true')) this.#summaries.delete(key);
  }

  async close(): Promise<void> {
    await this.#evaluator.close();
  }

  async #readValues(given: readonly Value[], from: number, to: number, gradient: boolean): Promise<ReadonlyMap<Value, Float32Array>> {
    const values = [...new Set(given)];
    if (!gradient) {
      const kept = this.#remembered?.read ?? new Map<Value, Float32Array>();
      const others = values.filter((value) => !kept.has(value));
      const read = new Map(others.length === 0 ? [] : paired(others, await this.#forward.read(others, from, to)));
      for (const value of values) if (kept.has(value)) read.set(value, this.#rows(kept.get(value)!, from, to));
      return read;
    }
    this.#gradients ??= this.#differentiate();
    const replay = await this.#gradients;
    const { gradients } = this.#derivative();
    const known = values.filter((value) => gradients.has(this.#original(value)));
    const wanted = known.map((value) => gradients.get(this.#original(value))!);
    return paired(known, await replay.read(wanted, from, to, known));
  }

  /** Everything at a few timesteps, remembered: a debugger asks for one value after the other, and a session for each would take its time. */
  #short(from: number, to: number, gradient: boolean): Promise<ReadonlyMap<Value, Float32Array>> {
    const key = `${gradient} ${from} ${to}`;
    let read = this.#recent.get(key);
    if (read === undefined) {
      const { model } = this.#source;
      read = this.#readValues(
        model.instances.flatMap((instance) => this.#valuesOf(instance)),
        from,
        to,
        gradient,
      );
      this.#recent.set(key, read);
      read.catch(() => this.#recent.delete(key));
      if (this.#recent.size > RECENT) this.#recent.delete(this.#recent.keys().next().value!);
    }
    return read;
  }

  /** A replay of the gradients of the objective; what is read of it is computed when it is read. */
  async #differentiate(): Promise<Replay> {
    const { model, steps } = this.#source;
    const { cut, weights, cotangents } = this.#derivative();
    if (cotangents !== undefined) {
      const given = cotangents.map((value, k) => {
        const zeros = (): Float32Array => new Float32Array(product(sizesOf(value.type.axes, this.#sizes)));
        return [value, this.#cotangents[k] ?? zeros()] as const;
      });
      return this.#replay(cut, new Map([...this.#given, ...given]), this.#forward);
    }
    const objective = this.#objective;
    if (weights === undefined) {
      if (objective.kind === 'lossAt')
        throw new TraceError(`The loss of ${model.name} is one number for the whole sequence: it has none at timestep ${objective.t}.`);
      return this.#replay(cut, this.#given, this.#forward);
    }
    const [counted] = await this.#forward.read([model.losses!.counted], 0, steps);
    const chosen = objectiveWeights(objective, counted!);
    return this.#replay(cut, new Map([...this.#given, [weights, chosen]]), this.#forward);
  }

  #derivative(): Backward {
    this.#backward ??= backwardOf(this.#cut, this.#source.seeds, () => this.#differentiated());
    return this.#backward;
  }

  #differentiated(): Backward {
    const { model } = this.#source;
    const values = model.instances.flatMap((instance) => this.#valuesOf(instance)).filter((value) => value.type.dtype === 'float');
    const wrt = [...new Set(values.map(this.#original))];
    const { seeds } = this.#source;
    const { graph, objective, weights, cotangents } =
      seeds === undefined
        ? { ...objectiveGraph(this.#cut.graph, model, this.#time), cotangents: undefined }
        : {
            ...seededGraph(
              this.#cut.graph,
              seeds.map((seed) => this.#original(this.#value(seed))),
            ),
            weights: undefined,
          };
    const derivative = differentiate(graph, objective, wrt);
    return {
      cut: new Cut(withoutFaint(derivative.graph, graph.nodes), this.#time, this.#cut.timed),
      gradients: new Map(wrt.map((value, k) => [value, derivative.gradients[k]!])),
      ...(weights === undefined ? {} : { weights }),
      ...(cotangents === undefined ? {} : { cotangents }),
    };
  }

  /** Known states by the values that the cut has for them, and by those of their lines. */
  readonly #knownStates = new Map<Value, Float32Array>();

  #known(): ReadonlyMap<Value, Float32Array> {
    const found = new Map<Value, Float32Array>();
    for (const [text, data] of this.#source.known ?? []) {
      const at = text.lastIndexOf('/');
      const value = this.#original(this.#value({ instance: text.slice(0, Math.max(0, at)), line: text.slice(at + 1) }));
      const state = this.#cut.recurs.flatMap(({ after }) => after).find((each) => this.#original(each) === value || each === value);
      // What a state merely keeps for a step is no recurrence: it is computed with the rest.
      if (state === undefined) continue;
      found.set(state, data);
      this.#knownStates.set(state, data).set(this.#value({ instance: text.slice(0, Math.max(0, at)), line: text.slice(at + 1) }), data);
    }
    return found;
  }

  #replay(cut: Cut, given: ReadonlyMap<Value, Elements>, within?: Replay): Replay {
    const options = { axis: this.#time, sizes: this.#sizes, given, evaluator: this.#evaluator };
    if (within !== undefined) return new Replay(cut, { ...options, within });
    return new Replay(cut, this.#source.known === undefined ? options : { ...options, known: this.#known() });
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
      (state === undefined ? undefined : this.#cut.before(this.#original(state.after))) ??
      // After the step, where a state is that of a cell within (`s.h`), and no line of this one's.
      states.find((each) => `${each.name}'` === name)?.after ??
      inputs.find((input) => input.name === name)?.value
    );
  }

  #valuesOf(instance: Instance): Value[] {
    const names = [instance.lines, instance.states, instance.inputs].flatMap((each) => each.map(({ name }) => name));
    const after = instance.states.map(({ name }) => `${name}'`);
    return [...new Set([...names, ...after])].map((name) => this.#named(instance, name)).filter((value) => value !== undefined);
  }

  #zeros(value: Value, length: number): Float32Array {
    return new Float32Array(product(sizesOf(value.type.axes, { ...this.#sizes, [this.#time]: length })));
  }
}

/** Cuts by their models and axes: another sequence of the same model needs no other, and its evaluator's sessions serve again. */
const cuts = new WeakMap<Model, Map<string, Cut>>();

function cutOf(model: Model, time: string, timed: Value): Cut {
  const own = cuts.get(model) ?? new Map<string, Cut>();
  const known = own.get(time) ?? new Cut(graphAtRest(model), time, timed);
  cuts.set(model, own.set(time, known));
  return known;
}

/** The graphs of gradients by the cuts that they are of, for the same reason. */
const backwards = new WeakMap<Cut, Map<string, Backward>>();

function backwardOf(cut: Cut, seeds: TraceSource['seeds'], make: () => Backward): Backward {
  const own = backwards.get(cut) ?? new Map<string, Backward>();
  const key = JSON.stringify(seeds ?? 'loss');
  const known = own.get(key) ?? make();
  backwards.set(cut, own.set(key, known));
  return known;
}

const paired = <Key, Content>(keys: readonly Key[], contents: readonly Content[]): Map<Key, Content> =>
  new Map(keys.map((key, k) => [key, contents[k]!]));
