// Any value of a model at any window of timesteps: the states are stored, the lines recomputed.
//
// What a window needs of the rest of the sequence is cut off and kept: the states around each step of every recurrence, and the results of
// operations that look across time (locality.ts). What is left treats each timestep on its own, so that a window of any line is one
// batched evaluation of a graph without loops (graph/vectorise.ts). The same holds for the graph of the gradients: its recurrences run
// backwards, and their states are the cotangents that travel through time.
//
// States are computed when they are first asked for, in chunks, each starting from the states that the last one left; so memory is
// bounded by the states, and the beginning of a long sequence is there at once.

import { type AnyNode, type Graph, hasAxis, makeValue, type Value } from '../graph/graph.ts';
import { select } from '../graph/prune.ts';
import { recurParts } from '../graph/recur.ts';
import { type KnownStates, vectorise } from '../graph/vectorise.ts';
import { arranged, type Elements, product, type Sizes, sizesOf, windowOf } from './arrays.ts';
import type { Evaluator } from './evaluator.ts';
import { isLocal } from './locality.ts';
import { type Observed, observeStates, States, stateElements } from './states.ts';

/** Timesteps computed in one run. */
const CHUNK = 256;

export interface ReplayOptions {
  /** The axis of time; its size has the same name. */
  readonly axis: string;
  /** Lengths of all symbolic axes; that of time is the number of steps. */
  readonly sizes: Sizes;
  /** Elements of the graph's parameters, for the whole sequence. */
  readonly given: ReadonlyMap<Value, Elements>;
  readonly evaluator: Evaluator;
  /** Another replay, whose graph this one's contains: what it stores is not stored again. */
  readonly within?: Replay;
}

export class Replay {
  readonly #options: ReplayOptions;
  readonly #graph: Graph;
  readonly #steps: number;
  readonly #recurs: readonly Observed[];
  /** Recurrences by what their states are called in the graphs of windows. */
  readonly #role = new Map<Value, { readonly recur: Observed; readonly kind: 'before' | 'after' | 'final'; readonly place: number }>();
  /** Operations across time, by what they make. */
  readonly #across = new Map<Value, AnyNode>();
  readonly #states = new Map<Observed, States>();
  readonly #whole = new Map<Value, Promise<Elements>>();
  readonly #graphs = new Map<string, Graph>();
  readonly #loops = new Map<string, { readonly graph: Graph; readonly carry: readonly Value[] }>();
  readonly #running = new Map<Observed, Promise<void>>();

  constructor(graph: Graph, options: ReplayOptions) {
    this.#options = options;
    this.#steps = options.sizes[options.axis]!;
    const observed = observeStates(graph, options.axis);
    this.#graph = observed.graph;
    this.#recurs = observed.recurs;
    for (const recur of observed.recurs) {
      this.#states.set(recur, new States(recur, this.#steps, options.sizes));
      for (const kind of ['before', 'after', 'final'] as const) {
        recur[kind].forEach((value, place) => {
          this.#role.set(value, { recur, kind, place });
        });
      }
    }
    for (const node of this.#graph.nodes) {
      if (this.#isRecur(node) || isLocal(node, options.axis)) continue;
      for (const output of node.outputs) this.#across.set(output, node);
    }
  }

  /** The graph with the states of its recurrences as additional outputs. */
  get graph(): Graph {
    return this.#graph;
  }

  /** The state before each step that a value is the state after of, if it is one. */
  before(after: Value): Value | undefined {
    const role = this.#role.get(after);
    return role?.kind === 'after' ? role.recur.before[role.place] : undefined;
  }

  /** The values at timesteps from .. to-1, each with the axis of time first and its other axes in their order. */
  async read(values: readonly Value[], from: number, to: number): Promise<Float32Array[]> {
    const { axis, sizes } = this.#options;
    const results = values.map((value) => new Float32Array(product(sizesOf(value.type.axes, { ...sizes, [axis]: to - from }))));
    const last = values.some((value) => hasAxis(value, axis)) ? to : Math.min(to, from + 1);
    for (let start = from; start < last; start += CHUNK) {
      const end = Math.min(start + CHUNK, last);
      const parts = await this.#evaluate(this.#windowGraph(values), values, start, end);
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
    let worst = 0;
    for (const recur of this.#recurs) {
      const outputs = recurParts(recur.node).outputs.stacked.filter((value) => value.type.dtype === 'float');
      const length = Math.min(count, this.#steps);
      const [from, to] = recur.node.attributes.reverse ? [this.#steps - length, this.#steps] : [0, length];
      const window = { ...sizes, [axis]: length };
      await this.#ensureStates(recur, from, to);
      const looped = await this.#loop(recur, outputs, from, to);
      const graph = this.#build(outputs, undefined, false);
      const recomputed = await this.#evaluate(graph, outputs, from, to);
      outputs.forEach((output, k) => {
        const expected = arranged(looped[k]!, output.type.axes, window, [axis]);
        worst = Math.max(worst, relativeDifference(recomputed[k]!, expected));
      });
    }
    return worst;
  }

  /** Runs a graph of windows on one window; gives its results with time first. */
  async #evaluate(graph: Graph, as: readonly Value[], from: number, to: number, more?: ReadonlyMap<Value, Elements>): Promise<Elements[]> {
    const { axis, sizes, evaluator } = this.#options;
    const feeds = new Map<Value, Elements>();
    for (const parameter of graph.parameters) feeds.set(parameter, more?.get(parameter) ?? (await this.#window(parameter, from, to)));
    const window = { ...sizes, [axis]: to - from };
    const results = await evaluator.run(graph, feeds, window);
    return results.map((result, k) => {
      const { axes } = as[k]!.type;
      const order = [axis, ...axes.map(({ name }) => name).filter((name) => name !== axis)];
      return arranged(result, graph.results[k]!.type.axes, window, order);
    });
  }

  /** What stands for a parameter of a graph of windows. */
  async #window(parameter: Value, from: number, to: number): Promise<Elements> {
    const { axis, sizes, given, within } = this.#options;
    if (within !== undefined && within.#stores(parameter)) return within.#window(parameter, from, to);
    const role = this.#role.get(parameter);
    if (role !== undefined) {
      const { recur, kind, place } = role;
      const rows = this.#states.get(recur)!.rows[place]!;
      if (kind === 'final') {
        await this.#ensureStates(recur, 0, this.#steps);
        return rows.final();
      }
      await this.#ensureStates(recur, from, to);
      return rows[kind](from, to);
    }
    const node = this.#across.get(parameter);
    if (node === undefined) return windowOf(given.get(parameter)!, parameter.type.axes, sizes, axis, from, to);
    let whole = this.#whole.get(parameter);
    if (whole === undefined) {
      whole = this.#acrossTime(node, parameter);
      this.#whole.set(parameter, whole);
    }
    return windowOf(await whole, parameter.type.axes, sizes, axis, from, to);
  }

  #stores(parameter: Value): boolean {
    return this.#role.has(parameter) || this.#across.has(parameter);
  }

  async #acrossTime(node: AnyNode, output: Value): Promise<Elements> {
    const { sizes, evaluator } = this.#options;
    const graph = this.#build([output], node);
    const feeds = new Map<Value, Elements>();
    for (const parameter of graph.parameters) feeds.set(parameter, await this.#window(parameter, 0, this.#steps));
    const [result] = await evaluator.run(graph, feeds, sizes);
    const names = output.type.axes.map(({ name }) => name);
    return arranged(result!, graph.results[0]!.type.axes, sizes, names);
  }

  /** Resolves when the states around the steps are stored; other requests go on between the chunks. */
  async #ensureStates(recur: Observed, from: number, to: number): Promise<void> {
    const states = this.#states.get(recur)!;
    while (!states.covers(from, to)) {
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
      await this.#start(recur, states);
      return;
    }
    const { from, to } = states.next(CHUNK);
    const window = { ...this.#options.sizes, [this.#options.axis]: to - from };
    const after = await this.#loop(recur, recur.after, from, to);
    states.add(
      from,
      to,
      after.map((data, k) => stateElements(data, recur.after[k]!, recur.before[k]!, window)),
    );
  }

  async #start(recur: Observed, states: States): Promise<void> {
    const { initial } = recurParts(recur.node).inputs;
    const graph = this.#build(initial);
    const found = await this.#evaluate(graph, recurParts(recur.node).body.before, 0, 1);
    states.rows.forEach((rows, k) => {
      rows.setInitial(found[k]!);
    });
    states.done = 0;
  }

  /** Runs the loop itself over a window, from the stored states before it. */
  async #loop(recur: Observed, outputs: readonly Value[], from: number, to: number): Promise<readonly Elements[]> {
    const { graph, carry } = this.#loopGraph(recur, outputs);
    const feeds = new Map<Value, Elements>();
    const first = recur.node.attributes.reverse ? to - 1 : from;
    const { rows } = this.#states.get(recur)!;
    for (const parameter of graph.parameters) {
      const place = carry.indexOf(parameter);
      feeds.set(parameter, place < 0 ? await this.#window(parameter, from, to) : rows[place]!.before(first, first + 1));
    }
    return this.#options.evaluator.run(graph, feeds, { ...this.#options.sizes, [this.#options.axis]: to - from });
  }

  #loopGraph(recur: Observed, outputs: readonly Value[]): { readonly graph: Graph; readonly carry: readonly Value[] } {
    const key = `${recur.node.outputs[0]!.id}: ${outputs.map((value) => value.id).join(' ')}`;
    const known = this.#loops.get(key);
    if (known !== undefined) return known;
    const { inputs } = recurParts(recur.node);
    const carry = inputs.initial.map((value) => makeValue(value.type, value.name));
    const node = { ...recur.node, inputs: [...inputs.scanned, ...inputs.held, ...carry] };
    const graph = this.#build(outputs, node, true, carry);
    const made = { graph, carry };
    this.#loops.set(key, made);
    return made;
  }

  #windowGraph(values: readonly Value[]): Graph {
    const key = values.map((value) => value.id).join(' ');
    const known = this.#graphs.get(key);
    if (known !== undefined) return known;
    const graph = this.#build(values);
    this.#graphs.set(key, graph);
    return graph;
  }

  /** The graph of these results for a window. One node across time may be kept as it is, in its place; recurrences are vectorised. */
  #build(results: readonly Value[], whole?: AnyNode, storedAfter = true, more: readonly Value[] = []): Graph {
    const { axis, given } = this.#options;
    const known = new Map<AnyNode, KnownStates>();
    const nodes: AnyNode[] = [];
    for (const node of this.#graph.nodes) {
      if (whole !== undefined && node.outputs[0] === whole.outputs[0]) nodes.push(whole);
      else if (!this.#across.has(node.outputs[0]!)) nodes.push(node);
    }
    for (const { node, before, after, final } of this.#recurs) {
      if (node.outputs[0] !== whole?.outputs[0]) known.set(node, { before, final, ...(storedAfter ? { after } : {}) });
    }
    const kept = new Set(whole?.outputs);
    const across = [...this.#across.keys()].filter((value) => !kept.has(value));
    const open = { parameters: [...this.#graph.parameters, ...across, ...more], nodes, results };
    const vectorised = vectorise(open, known);
    const graph = select(vectorised, vectorised.results);
    if (graph.parameters.some((parameter) => hasAxis(parameter, axis))) return graph;
    // The runtime reads the number of timesteps off an input.
    const timed = [...given.keys()].find((parameter) => hasAxis(parameter, axis))!;
    return { ...graph, parameters: [...graph.parameters, timed] };
  }

  #isRecur(node: AnyNode): boolean {
    return node.operation === 'recur' && node.attributes.axis.name === this.#options.axis;
  }
}

function relativeDifference(found: Elements, expected: Elements): number {
  let largest = 0;
  let difference = 0;
  for (let k = 0; k < expected.length; k += 1) {
    largest = Math.max(largest, Math.abs(expected[k]!));
    difference = Math.max(difference, Math.abs(found[k]! - expected[k]!));
  }
  return largest === 0 ? difference : difference / largest;
}
