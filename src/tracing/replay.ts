// Any value of a model at any window of timesteps: the states are stored, the lines recomputed (cut.ts).
//
// The same holds for the graph of the gradients: its recurrences run backwards, and their states are the cotangents that travel through
// time. States are computed when they are first asked for, in chunks, each starting from the states that the last one left; so memory
// is bounded by the states, and the beginning of a long sequence is there at once.

import { type AnyNode, axisNames, axisOf, type Graph, hasAxis, type Value } from '../graph/graph.ts';
import { recurParts } from '../graph/recur.ts';
import { arranged, type Elements, product, type Sizes, sizesOf, spread, windowOf } from './arrays.ts';
import type { Cut, PartlyKnown } from './cut.ts';
import { elementwiseLoop, type SteppedState } from './elementwise-loop.ts';
import type { Evaluator, Result } from './evaluator.ts';
import { type Observed, States } from './states.ts';

/** Timesteps computed in one run. */
const CHUNK = 256;
/** Of a loop that is given what is costly. */
const FORCED_CHUNK = 4096;

export interface ReplayOptions {
  /** The axis of time; its size has the same name. */
  readonly axis: string;
  /** Lengths of all symbolic axes; that of time is the number of steps. */
  readonly sizes: Sizes;
  /** Elements of the graph's parameters, for the whole sequence. */
  readonly given: ReadonlyMap<Value, Elements>;
  readonly evaluator: Evaluator;
  /** States that are known for the whole sequence, [T, ...] by the value after each step: these are taken as they are, and not computed. */
  readonly known?: ReadonlyMap<Value, Float32Array>;
  /** Another replay, whose graph this one's contains: what it stores is not stored again. */
  readonly within?: Replay;
}

export class Replay {
  readonly #cut: Cut;
  readonly #options: ReplayOptions;
  readonly #steps: number;
  readonly #states = new Map<Observed, States>();
  readonly #running = new Map<Observed, Promise<void>>();
  /** Results of operations across time. */
  readonly #whole = new Map<Value, Promise<Elements>>();

  constructor(cut: Cut, options: ReplayOptions) {
    this.#cut = cut;
    this.#options = options;
    this.#steps = options.sizes[options.axis]!;
    for (const recur of cut.recurs) {
      if (options.within?.stores(recur.final[0] ?? recur.node.outputs[0]!) === true) continue;
      this.#states.set(recur, new States(recur, this.#steps, options.sizes));
    }
  }

  /** The values at timesteps from .. to-1, each with the axis of time first and its other axes in the order of `as`. */
  async read(values: readonly Value[], from: number, to: number, as: readonly Value[] = values): Promise<Float32Array[]> {
    if (values.length === 0) return [];
    const { axis, sizes } = this.#options;
    const results = values.map((value) => new Float32Array(product(sizesOf(value.type.axes, { ...sizes, [axis]: to - from }))));
    const last = values.some((value) => hasAxis(value, axis)) ? to : from + 1;
    for (let start = from; start < last; start += CHUNK) {
      const end = Math.min(start + CHUNK, last);
      const parts = await this.#evaluate(this.#cut.window(values), as, start, end);
      parts.forEach((part, k) => {
        const row = hasAxis(values[k]!, axis) ? part.length / (end - start) : 0;
        results[k]!.set(part, (start - from) * row);
      });
    }
    return results;
  }

  /** The largest relative difference between what the loops give and what is recomputed from the stored states, over all outputs of all
   *  recurrences, at the first `count` timesteps (the last, for those from the end). Each is measured against its largest value there. */
  async parity(count: number): Promise<number> {
    const { axis, sizes } = this.#options;
    const length = Math.min(count, this.#steps);
    const window = { ...sizes, [axis]: length };
    let worst = 0;
    for (const recur of this.#cut.recurs) {
      const outputs = recurParts(recur.node).outputs.stacked.filter((value) => value.type.dtype === 'float');
      const [from, to] = recur.node.attributes.reverse ? [this.#steps - length, this.#steps] : [0, length];
      await this.#ensureStates(recur, from, to);
      const looped = await this.#loop(recur, outputs, from, to);
      const recomputed = await this.#evaluate(this.#cut.recomputed(outputs), outputs, from, to);
      outputs.forEach((output, k) => {
        const expected = arranged(looped[k]!.data, looped[k]!.axes, window, orderOf(output, axis));
        worst = Math.max(worst, relativeDifference(recomputed[k]!, expected));
      });
    }
    return worst;
  }

  /** Results of a graph over the timesteps from .. to-1, each with its axes in the given order. Its parameters are those of the cut's windows, and of
   *  `given`, which has their elements. */
  async evaluate(
    graph: Graph,
    from: number,
    to: number,
    given: ReadonlyMap<Value, Elements>,
    orders: readonly (readonly string[])[],
  ): Promise<Elements[]> {
    const { axis, sizes, evaluator } = this.#options;
    const window = { ...sizes, [axis]: to - from };
    const others = graph.parameters.filter((parameter) => !given.has(parameter));
    const feeds = new Map([...(await this.#feeds(others, from, to)), ...given]);
    const results = await evaluator.run(graph, feeds, window);
    return results.map(({ data, axes }, k) => arranged(data, axes, window, orders[k]!));
  }

  /** Values at timesteps from .. to-1, states among them made anew from those before each step. */
  recomputed(values: readonly Value[], from: number, to: number): Promise<Elements[]> {
    return this.#evaluate(this.#cut.recomputed(values), values, from, to);
  }

  /** Values at all timesteps, states among them made anew from those before each step; computed once each where most states are known. */
  async everything(values: readonly Value[]): Promise<Elements[]> {
    const { axis, sizes, evaluator } = this.#options;
    const partly = [...this.#states.keys()].flatMap((recur): PartlyKnown[] => {
      const known = this.#known(recur);
      const places = [...recur.after.keys()].filter((place) => !known.includes(place));
      return places.length === 0 ? [] : [{ recur, places }];
    });
    const stages = this.#cut.stages(values, partly);
    for (const recur of this.#states.keys()) await this.#started(recur);
    const untouched = partly.every(({ recur }) => this.#states.get(recur)!.done === 0);
    if (stages === undefined || !untouched) return this.recomputed(values, 0, this.#steps);

    const found = new Map<Value, Result>();
    const run = async (graph: Graph): Promise<void> => {
      if (graph.results.length === 0) return;
      const feeds = new Map<Value, Elements>();
      for (const parameter of graph.parameters) feeds.set(parameter, await this.#ofAll(parameter, found));
      const results = await evaluator.run(graph, feeds, sizes);
      graph.results.forEach((value, k) => {
        found.set(value, results[k]!);
      });
    };
    await run(stages.first);
    for (const [k, each] of partly.entries()) await this.#stepThrough(stages.loops[k]!, each, found);
    await run(stages.last);
    const all: Elements[] = [];
    for (const [k, value] of values.entries()) {
      const made = stages.made[k]!;
      const { axes, data } = found.get(made) ?? { axes: made.type.axes, data: await this.#window(made, 0, this.#steps) };
      all.push(arranged(data, axes, sizes, orderOf(value, axis)));
    }
    return all;
  }

  /** A parameter's elements over the whole sequence, in the order of its axes: of another stage, or its own. */
  async #ofAll(parameter: Value, found: ReadonlyMap<Value, Result>): Promise<Elements> {
    const made = found.get(parameter);
    if (made === undefined) return this.#window(parameter, 0, this.#steps);
    return arranged(made.data, made.axes, this.#options.sizes, axisNames(parameter));
  }

  /** Computes the unknown states of a recurrence at all steps from what the first stage found. */
  async #stepThrough(graph: Graph, { recur, places }: PartlyKnown, found: Map<Value, Result>): Promise<void> {
    const { axis, sizes } = this.#options;
    const states = this.#states.get(recur)!;
    const { reverse } = recur.node.attributes;
    const stepped = places.map((place): SteppedState => ({ before: recur.before[place]!, rows: states.rows[place]!.data }));
    const [state] = stepped;
    const order = orderOf(state!.before, axis).map((name) => axisOf(state!.before, name)!);
    const given = new Map<Value, Float32Array>();
    for (const parameter of graph.parameters) {
      if (stepped.some(({ before }) => before === parameter)) continue;
      const own = hasAxis(parameter, axis) ? order : order.slice(1);
      given.set(parameter, spread(await this.#ofAll(parameter, found), parameter.type.axes, sizes, own) as Float32Array);
    }
    elementwiseLoop(graph, stepped, given, { length: this.#steps, reverse });
    states.add(0, this.#steps, []);
    for (const [k, place] of places.entries())
      found.set(graph.results[k]!, { axes: order, data: states.rows[place]!.after(0, this.#steps) });
  }

  /** The places of the states of a recurrence that are known. */
  #known(recur: Observed): number[] {
    const { known } = this.#options;
    return known === undefined ? [] : [...recur.after.keys()].filter((place) => known.has(recur.after[place]!));
  }

  /** What stands for a parameter of a window's graph, in the order of its type. */
  stored(parameter: Value, from: number, to: number): Promise<Elements> {
    return this.#window(parameter, from, to);
  }

  /** Whether it keeps what stands for a parameter. */
  stores(parameter: Value): boolean {
    return this.#cut.role(parameter) !== undefined;
  }

  /** Runs a graph of windows on one window. */
  async #evaluate(graph: ReturnType<Cut['window']>, as: readonly Value[], from: number, to: number): Promise<Elements[]> {
    const { axis, sizes, evaluator } = this.#options;
    const window = { ...sizes, [axis]: to - from };
    const results = await evaluator.run(graph, await this.#feeds(graph.parameters, from, to), window);
    return results.map((result, k) => {
      return arranged(result.data, result.axes, window, orderOf(as[k]!, axis));
    });
  }

  async #feeds(parameters: readonly Value[], from: number, to: number): Promise<Map<Value, Elements>> {
    const feeds = new Map<Value, Elements>();
    for (const parameter of parameters) feeds.set(parameter, await this.#window(parameter, from, to));
    return feeds;
  }

  /** What stands for a parameter of a window's graph. */
  async #window(parameter: Value, from: number, to: number): Promise<Elements> {
    const { axis, sizes, given, within } = this.#options;
    if (within?.stores(parameter) === true) return (within as Replay).#window(parameter, from, to);
    const role = this.#cut.role(parameter);
    const cut = (data: Elements): Elements => windowOf(data, parameter.type.axes, sizes, axis, from, to);
    if (role === undefined) return cut(given.get(parameter)!);
    if (role.kind === 'across') return cut(await this.#acrossTime(role.node, parameter));
    const rows = this.#states.get(role.recur)!.rows[role.place]!;
    if (role.kind === 'final') {
      await this.#ensureStates(role.recur, 0, this.#steps);
      return rows.final();
    }
    const known = this.#known(role.recur).includes(role.place);
    await (known ? this.#started(role.recur) : this.#ensureStates(role.recur, from, to));
    return rows[role.kind](from, to);
  }

  #acrossTime(node: AnyNode, output: Value): Promise<Elements> {
    let whole = this.#whole.get(output);
    if (whole === undefined) {
      whole = this.#evaluateWhole(node, output);
      this.#whole.set(output, whole);
      // What failed may succeed when it is asked for again.
      whole.catch(() => this.#whole.delete(output));
    }
    return whole;
  }

  async #evaluateWhole(node: AnyNode, output: Value): Promise<Elements> {
    const { sizes, evaluator } = this.#options;
    const graph = this.#cut.whole(node, output);
    const [result] = await evaluator.run(graph, await this.#feeds(graph.parameters, 0, this.#steps), sizes);
    const names = output.type.axes.map(({ name }) => name);
    return arranged(result!.data, result!.axes, sizes, names);
  }

  /** Resolves when the states around the steps are stored; other requests go on between the chunks. */
  async #ensureStates(recur: Observed, from: number, to: number): Promise<void> {
    const states = this.#states.get(recur)!;
    await this.#until(recur, () => states.covers(from, to));
  }

  /** Resolves when the states before the first step are stored, and all that are known. */
  async #started(recur: Observed): Promise<void> {
    const states = this.#states.get(recur)!;
    await this.#until(recur, () => states.done !== undefined);
  }

  async #until(recur: Observed, done: () => boolean): Promise<void> {
    const states = this.#states.get(recur)!;
    while (!done()) {
      let running = this.#running.get(recur);
      if (running === undefined) {
        running = this.#advance(recur, states).finally(() => this.#running.delete(recur));
        this.#running.set(recur, running);
      }
      await running;
    }
  }

  async #advance(recur: Observed, states: States): Promise<void> {
    if (states.done === undefined) {
      const { inputs, body } = recurParts(recur.node);
      states.start(await this.#evaluate(this.#cut.window(inputs.initial), body.before, 0, 1));
      for (const place of this.#known(recur)) states.rows[place]!.setAfter(0, this.#options.known!.get(recur.after[place]!)!);
      return;
    }
    const places = this.#known(recur);
    if (places.length > 0) return this.#advanceForced(recur, states, places);
    const { axis, sizes } = this.#options;
    const { from, to } = states.next(CHUNK);
    const window = { ...sizes, [axis]: to - from };
    const after = await this.#loop(recur, recur.after, from, to);
    states.add(
      from,
      to,
      after.map(({ axes, data }, k) => arranged(data, axes, window, orderOf(recur.before[k]!, axis))),
    );
  }

  /** The states that are not known, from those that are. */
  async #advanceForced(recur: Observed, states: States, places: readonly number[]): Promise<void> {
    const { axis, sizes, evaluator } = this.#options;
    const { from, to } = states.next(FORCED_CHUNK);
    const rest = [...recur.after.keys()].filter((place) => !places.includes(place));
    const found = new Map<number, Elements>();
    if (rest.length > 0) {
      const { graph, carry, forced } = this.#cut.forced(recur, places);
      const first = recur.node.attributes.reverse ? to - 1 : from;
      const own = new Set([...carry, ...forced]);
      const feeds = await this.#feeds(
        graph.parameters.filter((parameter) => !own.has(parameter)),
        from,
        to,
      );
      carry.forEach((parameter, k) => {
        feeds.set(parameter, states.rows[rest[k]!]!.before(first, first + 1));
      });
      forced.forEach((parameter, k) => {
        feeds.set(parameter, states.rows[places[k]!]!.before(from, to));
      });
      const window = { ...sizes, [axis]: to - from };
      const results = await evaluator.run(graph, feeds, window);
      results.forEach(({ axes, data }, k) => {
        found.set(rest[k]!, arranged(data, axes, window, orderOf(recur.before[rest[k]!]!, axis)));
      });
    }
    states.add(
      from,
      to,
      recur.after.map((_, place) => found.get(place)),
    );
  }

  /** Runs the loop itself over a window, from the stored states before it. */
  async #loop(recur: Observed, outputs: readonly Value[], from: number, to: number): Promise<readonly Result[]> {
    const { axis, sizes, evaluator } = this.#options;
    const { graph, carry } = this.#cut.loop(recur, outputs);
    const first = recur.node.attributes.reverse ? to - 1 : from;
    const { rows } = this.#states.get(recur)!;
    const others = graph.parameters.filter((parameter) => !carry.includes(parameter));
    const feeds = await this.#feeds(others, from, to);
    carry.forEach((parameter, place) => {
      feeds.set(parameter, rows[place]!.before(first, first + 1));
    });
    return evaluator.run(graph, feeds, { ...sizes, [axis]: to - from });
  }
}

/** Time first, then the other axes of a value. */
const orderOf = (value: Value, axis: string): string[] => [axis, ...axisNames(value).filter((name) => name !== axis)];

function relativeDifference(found: Elements, expected: Elements): number {
  let largest = 0;
  let difference = 0;
  for (let k = 0; k < expected.length; k += 1) {
    largest = Math.max(largest, Math.abs(expected[k]!));
    difference = Math.max(difference, Math.abs(found[k]! - expected[k]!));
  }
  return largest === 0 ? difference : difference / largest;
}
