// An unrolled recurrence as what it was: one step, how often it ran, and the names that each of its values has in each repetition.

import type { NodeProto } from '../../onnx/proto.ts';
import type { Direction, StepBody } from '../part.ts';
import { type Alignment, orderOf } from './align.ts';
import type { Operands } from './cores.ts';
import { directionOf } from './direction.ts';
import { isZero } from './folded.ts';
import type { IndexedGraph } from './indexed-graph.ts';
import type { NodeClass } from './lockstep.ts';
import { isInStep } from './surroundings.ts';

export interface UnrolledRecurrence {
  readonly body: StepBody;
  /** At least 2. */
  readonly steps: number;
  /** By the body's names, the names in the graph, one a step in the order in which the cell runs. Undefined where the graph lacks the value: what was
   *  simplified in the first step, or is read by nobody after the last. A state's `before` that lacks the first starts at zero. */
  readonly names: ReadonlyMap<string, readonly (string | undefined)[]>;
  /** The graph's nodes in each step, in the order of the body's; undefined where the graph lacks one. */
  readonly nodes: readonly (readonly (NodeProto | undefined)[])[];
  /** Whether step 0 reads the first of the inputs or the last; forward where there are none. */
  readonly direction: Direction;
  /** Depth: layers with shared weights, of which only the last is read. */
  readonly axis: 'time' | 'depth';
}

/** Undefined where its values cannot be told apart by steps, or where an input comes of an earlier state. `times` gets the places in time of its values, and
 *  has those of the recurrences before it. */
export function recurrenceOf(
  graph: IndexedGraph,
  operands: Operands,
  found: Alignment,
  core: readonly NodeClass[],
  times: Map<number, number>,
): UnrolledRecurrence | undefined {
  const order = orderOf(found, operands, [...found.offsets.keys()]);
  return order === undefined ? undefined : new Writing(graph, operands, found, order, new Set(core), times).result();
}

interface State {
  readonly from: NodeClass;
  readonly output: number;
  readonly before: string;
  /** Undefined: unknown so far. */
  initial: number | undefined;
}

class Writing {
  readonly #graph: IndexedGraph;
  readonly #operands: Operands;
  readonly #found: Alignment;
  readonly #order: readonly NodeClass[];
  readonly #core: ReadonlySet<NodeClass>;
  readonly #times: Map<number, number>;
  readonly #names = new Map<string, (string | undefined)[]>();
  readonly #results = new Map<NodeClass, readonly string[]>();
  readonly #states: State[] = [];
  readonly #scanned = new Map<string, { readonly name: string; readonly values: readonly number[] }>();
  readonly #held = new Set<number>();

  constructor(
    graph: IndexedGraph,
    operands: Operands,
    found: Alignment,
    order: readonly NodeClass[],
    core: ReadonlySet<NodeClass>,
    times: Map<number, number>,
  ) {
    this.#graph = graph;
    this.#operands = operands;
    this.#found = found;
    this.#order = order;
    this.#core = core;
    this.#times = times;
  }

  result(): UnrolledRecurrence | undefined {
    const { nodes, values } = this.#graph;
    const steps = Array.from({ length: this.#found.steps }, (_, step) => step);
    const written: NodeProto[] = [];
    // Held names are the graph's; nothing else may be called so.
    for (const own of this.#order) for (const each of this.#operands.get(own)!) if (each.kind === 'held') this.#hold(each.value);
    for (const own of this.#order)
      this.#results.set(
        own,
        nodes[own.members[0]!]!.outputs.map((_, output) => this.#name(this.#values(own, output))),
      );
    for (const own of this.#order) {
      const input: string[] = [];
      for (const [operand] of this.#operands.get(own)!.entries()) {
        const name = this.#operand(own, operand);
        if (name === undefined) return undefined;
        input.push(name);
      }
      const { proto } = nodes[this.#found.node(own, 1) ?? own.members.at(-1)!]!;
      written.push({ ...proto, input, output: [...this.#results.get(own)!] });
    }
    if (this.#states.length === 0) return undefined;
    const all = steps.map((step) => this.#order.map((own) => this.#found.node(own, step)));
    const inside = new Set(all.flat());
    const isRead = (value: number | undefined): boolean =>
      value !== undefined && (this.#graph.given.has(value) || this.#graph.uses[value]!.some(({ node }) => !inside.has(node)));
    const outputs = this.#order.flatMap((own) =>
      this.#results.get(own)!.filter((_, output) => !this.#isState(own, output) && this.#values(own, output).slice(1).some(isRead)),
    );
    const scanned = [...this.#scanned.values()];
    if (this.#dependsOnItself(scanned.flatMap((each) => each.values))) return undefined;
    for (const { before, from, output, initial } of this.#states) {
      const earlier = this.#values(from, output).slice(0, -1);
      this.#names.set(
        before,
        [initial, ...earlier].map((value) => (value === undefined ? undefined : values[value]!.name)),
      );
    }
    const direction = directionOf(
      this.#graph,
      scanned.map((each) => each.values),
      this.#times,
    );
    for (const own of this.#core)
      for (const step of steps)
        for (const value of nodes[this.#found.node(own, step) ?? -1]?.outputs ?? [])
          this.#times.set(value, direction === 'reverse' ? steps.length - 1 - step : step);
    const isTime =
      scanned.length > 0 ||
      outputs.length > 0 ||
      this.#states.some(({ from, output }) => this.#values(from, output).slice(0, -1).some(isRead));
    // Layers that start alike are no repetition; shared are those that read one and the same matrix.
    if (!isTime && [...this.#held].some((value) => this.#isCopied(value))) return undefined;
    return {
      body: {
        nodes: written,
        states: this.#states.map(({ before, from, output }) => ({ before, after: this.#results.get(from)![output]! })),
        scanned: scanned.map(({ name }) => name),
        held: [...this.#held].map((value) => values[value]!.name),
        outputs,
      },
      steps: steps.length,
      names: this.#names,
      nodes: all.map((step) => step.map((node) => (node === undefined ? undefined : nodes[node]!.proto))),
      direction,
      axis: isTime ? 'time' : 'depth',
    };
  }

  /** What a class gives, step by step. What a simplifier left of a first step's sum is what its readers read instead. */
  #values(own: NodeClass, output: number): (number | undefined)[] {
    const { nodes, values } = this.#graph;
    const found: (number | undefined)[] = [];
    for (let step = 0; step < this.#found.steps; step += 1) found.push(nodes[this.#found.node(own, step) ?? -1]?.outputs[output]);
    if (found[0] !== undefined) return found;
    for (const reader of this.#order)
      for (const [operand, each] of this.#operands.get(reader)!.entries()) {
        if (each.kind !== 'link' || each.from !== own || each.output !== output) continue;
        const node = this.#found.node(reader, -this.#found.shift(reader, own, each.shift));
        const value = nodes[node ?? -1]?.inputs[operand];
        if (value !== undefined && !values[value]!.isConstant) return [value, ...found.slice(1)];
      }
    return found;
  }

  /** What a node of the body reads, by the body's name; undefined where it is not known in all steps. */
  #operand(own: NodeClass, operand: number): string | undefined {
    const { nodes } = this.#graph;
    const each = this.#operands.get(own)![operand]!;
    if (each.kind === 'none') return '';
    if (each.kind === 'held') return this.#hold(each.value);
    if (each.kind === 'link' && this.#found.offsets.has(each.from)) {
      if (isInStep(this.#graph, this.#found, own, operand, each)) return this.#results.get(each.from)![each.output]!;
      if (this.#core.has(each.from) && this.#found.shift(own, each.from, each.shift) === -1)
        return this.#state(each.from, each.output, nodes[this.#found.node(own, 0) ?? -1]?.inputs[operand]);
    }
    const read: number[] = [];
    for (let step = 0; step < this.#found.steps; step += 1) {
      const value = nodes[this.#found.node(own, step) ?? -1]?.inputs[operand];
      if (value === undefined || value < 0) return undefined;
      read.push(value);
    }
    if (read.every((value) => value === read[0])) return this.#hold(read[0]!);
    const key = read.join(' ');
    const known = this.#scanned.get(key);
    if (known !== undefined) return known.name;
    const name = this.#name(read);
    this.#scanned.set(key, { name, values: read });
    return name;
  }

  #hold(value: number): string {
    const { name } = this.#graph.values[value]!;
    if (!this.#held.has(value)) {
      this.#held.add(value);
      this.#names.set(
        name,
        Array.from({ length: this.#found.steps }, () => name),
      );
    }
    return name;
  }

  /** Readers that start from the same are of one state. */
  #state(from: NodeClass, output: number, initial: number | undefined): string {
    const isSame = (a: number, b: number): boolean => a === b || (isZero(this.#graph, a, 0) && isZero(this.#graph, b, 0));
    const known = this.#states.find(
      (state) =>
        state.from === from &&
        state.output === output &&
        (initial === undefined || state.initial === undefined || isSame(initial, state.initial)),
    );
    if (known !== undefined) {
      known.initial ??= initial;
      return known.before;
    }
    const before = this.#free(this.#graph.values[this.#valueBefore(from, output) ?? -1]?.name ?? 'state');
    this.#names.set(before, []);
    this.#states.push({ from, output, before, initial });
    return before;
  }

  #isCopied(value: number): boolean {
    const { isRepeated, tensor } = this.#graph.values[value]!;
    return isRepeated === true && (tensor?.dims.filter((size) => size > 1).length ?? 0) > 1;
  }

  #valueBefore(from: NodeClass, output: number): number | undefined {
    return this.#graph.nodes[this.#found.node(from, 0) ?? -1]?.outputs[output];
  }

  #isState(own: NodeClass, output: number): boolean {
    return this.#states.some((state) => state.from === own && state.output === output);
  }

  /** A name of the body for a value: that of the second step. */
  #name(read: readonly (number | undefined)[]): string {
    const { values } = this.#graph;
    const sample = read[1] ?? read.find((value) => value !== undefined);
    const base = values[sample ?? -1]?.name ?? '';
    // A result that nobody reads has no name.
    if (base === '') return '';
    const name = this.#free(base);
    this.#names.set(
      name,
      read.map((value) => (value === undefined ? undefined : values[value]!.name)),
    );
    return name;
  }

  #free(base: string): string {
    let name = base;
    for (let count = 2; this.#names.has(name); count += 1) name = `${base}#${count}`;
    return name;
  }

  /** Whether one of the step's inputs is computed from its own states. */
  #dependsOnItself(inputs: readonly number[]): boolean {
    const { nodes, values } = this.#graph;
    const wanted = new Set(inputs.map((value) => values[value]!.producer).filter((node) => node >= 0));
    if (wanted.size === 0) return false;
    const core = new Set<number>();
    for (const own of this.#core) for (let step = 0; step < this.#found.steps; step += 1) core.add(this.#found.node(own, step) ?? -1);
    core.delete(-1);
    let first = nodes.length;
    for (const node of core) first = Math.min(first, node);
    let last = -1;
    for (const node of wanted) last = Math.max(last, node);
    const reached = new Uint8Array(Math.max(0, last - first + 1));
    for (let k = first; k <= last; k += 1) {
      const isReached = core.has(k) || nodes[k]!.inputs.some((value) => value >= 0 && reached[values[value]!.producer - first] === 1);
      if (!isReached) continue;
      if (wanted.has(k)) return true;
      reached[k - first] = 1;
    }
    return false;
  }
}
