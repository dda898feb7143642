// The states of a recurrence over time: as additional outputs of it, and as the numbers that a trace keeps.

import { type Graph, makeValue, type Node, tensor, type Value } from '../graph/graph.ts';
import { recurParts } from '../graph/recur.ts';
import { type Elements, product, type Sizes, sizesOf } from './arrays.ts';

/** A recurrence whose states before and after each step are among its stacked outputs. */
export interface Observed {
  readonly node: Node<'recur'>;
  readonly before: readonly Value[];
  readonly after: readonly Value[];
  readonly final: readonly Value[];
}

/** The graph whose recurrences over the axis give their states. All values of the graph remain. */
export function observeStates(graph: Graph, axis: string): { readonly graph: Graph; readonly recurs: readonly Observed[] } {
  const recurs: Observed[] = [];
  const nodes = graph.nodes.map((node) => {
    if (node.operation !== 'recur' || node.attributes.axis.name !== axis) return node;
    const observed = observe(node);
    recurs.push(observed);
    return observed.node;
  });
  return { graph: { ...graph, nodes }, recurs };
}

function observe(node: Node<'recur'>): Observed {
  const { outputs, body } = recurParts(node);
  const results = [...body.outputs];
  const stacked = [...outputs.stacked];
  const stack = (value: Value, like: Value): Value => {
    const known = results.indexOf(value);
    if (known >= 0) return stacked[known]!;
    const { axis } = node.attributes;
    const added = makeValue(tensor([axis, ...like.type.axes], like.type.dtype), like.name);
    results.push(value);
    stacked.push(added);
    return added;
  };
  const before = body.before.map((state) => stack(state, state));
  const after = body.after.map((state, k) => stack(state, body.before[k]!));
  const attributes = { ...node.attributes, body: { ...node.attributes.body, results: [...results, ...body.after] } };
  return {
    node: { ...node, attributes, outputs: [...stacked, ...outputs.final] },
    before,
    after,
    final: outputs.final,
  };
}

/** One state's numbers for all steps, filled from the first step on or, for a recurrence from the end, from the last. One row more than
 *  there are steps, so that the states before and after any window are the same memory. */
export class StateRows {
  readonly data: Float32Array;
  readonly #width: number;
  readonly #steps: number;
  readonly #reverse: boolean;

  constructor(width: number, steps: number, reverse: boolean) {
    this.#width = width;
    this.#steps = steps;
    this.#reverse = reverse;
    this.data = new Float32Array(width * (steps + 1));
  }

  /** The state before the first step that is done. */
  setInitial(state: Elements): void {
    this.data.set(state, this.#reverse ? this.#steps * this.#width : 0);
  }

  setAfter(from: number, states: Elements): void {
    this.data.set(states, (this.#reverse ? from : from + 1) * this.#width);
  }

  before(from: number, to: number): Float32Array {
    return this.#rows(this.#reverse ? from + 1 : from, this.#reverse ? to + 1 : to);
  }

  after(from: number, to: number): Float32Array {
    return this.#rows(this.#reverse ? from : from + 1, this.#reverse ? to : to + 1);
  }

  final(): Float32Array {
    return this.#reverse ? this.#rows(0, 1) : this.#rows(this.#steps, this.#steps + 1);
  }

  #rows(from: number, to: number): Float32Array {
    return this.data.subarray(from * this.#width, to * this.#width);
  }
}

/** The rows of a recurrence's states, and how far they are filled. */
export class States {
  readonly rows: readonly StateRows[];
  readonly #reverse: boolean;
  readonly #steps: number;
  #done: number | undefined;

  constructor({ node, before }: Observed, steps: number, sizes: Sizes) {
    const { reverse, axis } = node.attributes;
    this.#reverse = reverse;
    this.#steps = steps;
    this.rows = before.map((state) => {
      const axes = state.type.axes.filter(({ name }) => name !== axis.name);
      return new StateRows(product(sizesOf(axes, sizes)), steps, reverse);
    });
  }

  /** Steps done, in the recurrence's direction; absent before its initial states are known. */
  get done(): number | undefined {
    return this.#done;
  }

  start(initial: readonly Elements[]): void {
    this.rows.forEach((rows, k) => {
      rows.setInitial(initial[k]!);
    });
    this.#done = 0;
  }

  /** Whether the states around the steps from .. to-1 are known. */
  covers(from: number, to: number): boolean {
    return this.#done !== undefined && this.#done >= (this.#reverse ? this.#steps - from : to);
  }

  /** The next steps to do. */
  next(most: number): { readonly from: number; readonly to: number } {
    const done = this.#done ?? 0;
    const end = Math.min(done + most, this.#steps);
    return this.#reverse ? { from: this.#steps - end, to: this.#steps - done } : { from: done, to: end };
  }

  /** Takes the states after the steps from .. to-1, stacked; undefined for those that it has. */
  add(from: number, to: number, after: readonly (Elements | undefined)[]): void {
    this.rows.forEach((rows, k) => {
      const found = after[k];
      if (found !== undefined) rows.setAfter(from, found);
    });
    this.#done = (this.#done ?? 0) + (to - from);
  }
}
