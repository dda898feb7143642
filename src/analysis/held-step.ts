// One step of a recurrence with its input held, as a map of its states: F(h) and its Jacobian, at many states side by side.
//
// The step is the body of the loop. What it reads of a timestep is held at what one likes; what it reads of the whole sequence (an encoder's states, that attention looks at) is
// that of the first sequence.

import { type Graph, hasAxis, type Value } from '../graph/graph.ts';
import { select } from '../graph/prune.ts';
import { recurParts } from '../graph/recur.ts';
import { arranged, type Elements, product, type Sizes, sizesOf, spread } from '../tracing/arrays.ts';
import type { Evaluator } from '../tracing/evaluator.ts';
import type { SeededTrace } from '../tracing/trace.ts';
import { jacobianGraph, joinColumns, ROWS, unitVectors } from './jacobian.ts';
import { type Recurrence, stateOrder } from './recurrences.ts';

/** Timesteps read at once. */
const CHUNK = 256;

/** What a step cannot be held at, in words. */
export class NotHeld extends Error {
  override name = 'NotHeld';
}

export class HeldStep {
  readonly size: number;
  readonly #evaluator: Evaluator;
  readonly #sizes: Sizes;
  readonly #recurrence: Recurrence;
  readonly #feeds: ReadonlyMap<Value, Elements>;
  readonly #before: readonly Value[];
  readonly #step: Graph;
  readonly #jacobian: Graph;

  /** Of so many states side by side, as the evaluator has sequences. `held`: elements of what the step reads of a timestep, by the body's parameters, for one sequence; zeros
   *  where it has none. Throws NotHeld where that is not a number, or where the step looks across time. */
  static async open(
    trace: SeededTrace,
    recurrence: Recurrence,
    held: ReadonlyMap<Value, Float32Array>,
    count: number,
    evaluator: Evaluator,
  ): Promise<HeldStep> {
    const { recur, size } = recurrence;
    const { inputs, body } = recurParts(recur.node);
    const sizes = { ...trace.sizes, B: count };
    const step = select({ ...recur.node.attributes.body }, recur.node.attributes.body.results.slice(-body.after.length));
    const { graph, vectors } = jacobianGraph(step, body.before, size, ['B']);
    const needed = new Set([...step.parameters, ...graph.parameters]);
    const feeds = new Map<Value, Elements>(unitVectors(recurrence.states.map((state) => state.size)).map((unit, k) => [vectors[k]!, unit]));
    for (const parameter of body.scanned) {
      if (!needed.has(parameter)) continue;
      if (parameter.type.dtype !== 'float') throw new NotHeld('it reads classes, which have no zero and no mean');
      const one = sizesOf(parameter.type.axes, { ...sizes, B: 1 });
      feeds.set(parameter, repeated(held.get(parameter) ?? new Float32Array(product(one)), parameter, sizes));
    }
    for (const [k, parameter] of body.held.entries())
      if (needed.has(parameter))
        feeds.set(parameter, repeated(await wholeOf(trace, inputs.held[k]!, parameter, recur.node.attributes.axis.name), parameter, sizes));
    return new HeldStep(evaluator, sizes, recurrence, feeds, body.before, step, graph);
  }

  private constructor(
    evaluator: Evaluator,
    sizes: Sizes,
    recurrence: Recurrence,
    feeds: ReadonlyMap<Value, Elements>,
    before: readonly Value[],
    step: Graph,
    jacobian: Graph,
  ) {
    this.size = recurrence.size;
    this.#evaluator = evaluator;
    this.#sizes = sizes;
    this.#recurrence = recurrence;
    this.#feeds = feeds;
    this.#before = before;
    this.#step = step;
    this.#jacobian = jacobian;
  }

  /** F(h) of each state: [count, S], S the units of all states in the recurrence's order. */
  async after(states: Float32Array): Promise<Float32Array> {
    const feeds = this.#given(states);
    const results = await this.#evaluator.run(this.#step, feedsOf(this.#step, feeds), this.#sizes);
    const found = new Float32Array(states.length);
    const parts = this.#orders.map((order, k) => {
      const { data, axes } = results[k]!;
      const whole = order.map((name) => this.#before[k]!.type.axes.find((axis) => axis.name === name)!);
      return spread(data, axes, this.#sizes, whole) as Float32Array;
    });
    joinColumns(
      parts,
      this.#recurrence.states.map(({ size }) => size),
      found,
    );
    return found;
  }

  /** d F(h) / d h of each state: [count, S, S], rows the units after the step. */
  async jacobians(states: Float32Array): Promise<Float32Array> {
    const feeds = this.#given(states);
    const results = await this.#evaluator.run(this.#jacobian, feedsOf(this.#jacobian, feeds), this.#sizes);
    const columns = this.#orders.map(([batch, ...units], k) => {
      const { data, axes } = results[k]!;
      const whole = [batch!, ROWS, ...units].map((name) =>
        name === ROWS ? { name, size: this.size } : this.#before[k]!.type.axes.find((axis) => axis.name === name)!,
      );
      return spread(data, axes, this.#sizes, whole) as Float32Array;
    });
    const found = new Float32Array(states.length * this.size);
    joinColumns(
      columns,
      this.#recurrence.states.map(({ size }) => size),
      found,
    );
    return found;
  }

  /** Sequences, then units, as the states of the recurrence have them. */
  get #orders(): string[][] {
    return this.#recurrence.states.map((state) => stateOrder(this.#recurrence, state).slice(1));
  }

  #given(states: Float32Array): Map<Value, Elements> {
    const count = states.length / this.size;
    const feeds = new Map(this.#feeds);
    let first = 0;
    for (const [k, order] of this.#orders.entries()) {
      const { size } = this.#recurrence.states[k]!;
      const own = new Float32Array(count * size);
      for (let row = 0; row < count; row += 1)
        own.set(states.subarray(row * this.size + first, row * this.size + first + size), row * size);
      const parameter = this.#before[k]!;
      const axes = order.map((name) => parameter.type.axes.find((axis) => axis.name === name)!);
      feeds.set(parameter, spread(own, axes, this.#sizes, parameter.type.axes));
      first += size;
    }
    return feeds;
  }
}

const feedsOf = (graph: Graph, feeds: ReadonlyMap<Value, Elements>): Map<Value, Elements> =>
  new Map(graph.parameters.map((parameter) => [parameter, feeds.get(parameter)!]));

/** What one sequence has, for all of them. */
function repeated(data: Elements, { type }: Value, sizes: Sizes): Elements {
  const single = type.axes.filter(({ name }) => name !== 'B');
  return hasAxis({ type } as Value, 'B') ? spread(data, single, sizes, type.axes) : data;
}

/** A value that a loop is given for the whole sequence, of the first sequence; without the batch, in the order of the body's parameter for it. */
async function wholeOf(trace: SeededTrace, value: Value, parameter: Value, time: string): Promise<Elements> {
  if (hasAxis(value, time)) throw new NotHeld('it looks at all timesteps');
  const data = await read(trace, value, { from: 0, to: 1 }, [
    'B',
    ...parameter.type.axes.map(({ name }) => name).filter((name) => name !== 'B'),
  ]);
  return hasAxis(value, 'B') ? data.subarray(0, data.length / trace.sizes.B!) : data;
}

/** A value of the model's graph at some timesteps, its axes in this order. */
async function read(
  trace: SeededTrace,
  value: Value,
  window: { readonly from: number; readonly to: number },
  order: readonly string[],
): Promise<Elements> {
  const { cut, sizes, description } = trace;
  if (!cut.graph.parameters.includes(value)) return (await trace.evaluate(cut.window([value]), window, new Map(), [order]))[0]!;
  return arranged(await trace.stored(value, window), value.type.axes, { ...sizes, [description.time!]: window.to - window.from }, order);
}

/** The mean over all timesteps of all sequences, and the deviation from it, of each number that a step reads of a timestep; by the body's parameters, the batch left out. */
export async function meanInputs(
  traces: readonly SeededTrace[],
  { recur }: Pick<Recurrence, 'recur'>,
): Promise<Map<Value, { readonly mean: Float32Array; readonly deviation: number }>> {
  const { inputs, body } = recurParts(recur.node);
  const time = recur.node.attributes.axis.name;
  const found = new Map<Value, { readonly mean: Float32Array; readonly deviation: number }>();
  for (const [k, value] of inputs.scanned.entries()) {
    if (value.type.dtype !== 'float') continue;
    const units = value.type.axes.map(({ name }) => name).filter((name) => name !== time && name !== 'B');
    const width = product(
      sizesOf(
        value.type.axes.filter(({ name }) => units.includes(name)),
        traces[0]!.sizes,
      ),
    );
    const sum = new Float64Array(width);
    let [rows, squares] = [0, 0];
    for (const trace of traces) {
      const { steps } = trace.description;
      for (let from = 0; from < steps; from += CHUNK) {
        const data = await read(trace, value, { from, to: Math.min(from + CHUNK, steps) }, [time, 'B', ...units]);
        for (let at = 0; at < data.length; at += 1) {
          sum[at % width]! += data[at]!;
          squares += data[at]! ** 2;
        }
        rows += data.length / width;
      }
    }
    const mean = Float32Array.from(sum, (each) => each / rows);
    const own = mean.reduce((total, each) => total + each ** 2, 0);
    found.set(body.scanned[k]!, { mean, deviation: Math.sqrt(Math.max(0, squares / rows - own)) });
  }
  return found;
}
