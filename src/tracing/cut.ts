// Graphs of windows of time, cut out of a model's graph.
//
// What a window needs of the rest of the sequence becomes a parameter: the states around each step of every recurrence, and the results of
// operations that look across time (graph/locality.ts). What is left treats each timestep on its own, so that any line at a window is one batched
// evaluation of a graph without loops (graph/vectorise.ts).

import { type AnyNode, type Graph, hasAxis, makeValue, type Value } from '../graph/graph.ts';
import { isLocal } from '../graph/locality.ts';
import { select } from '../graph/prune.ts';
import { recurParts } from '../graph/recur.ts';
import { type KnownStates, vectorise } from '../graph/vectorise.ts';
import { type Stages, stagesOf } from './stages.ts';
import { type Observed, observeStates } from './states.ts';

/** What a parameter of a window's graph stands for, if it is none of the model's own. */
export type Role =
  | { readonly kind: 'before' | 'after' | 'final'; readonly recur: Observed; readonly place: number }
  | { readonly kind: 'across'; readonly node: AnyNode };

export interface LoopGraph {
  readonly graph: Graph;
  /** Parameters for the states before the window's first step; of a forced loop those of the states that it computes. */
  readonly carry: readonly Value[];
  /** Of a forced loop: parameters for the states before each step that are known. */
  readonly forced: readonly Value[];
}

/** A recurrence of which some states are known, and the places of those that are not. */
export interface PartlyKnown {
  readonly recur: Observed;
  readonly places: readonly number[];
}

/** Values at all timesteps, in stages; `made` has what each value is there. */
export interface StagedValues extends Stages {
  readonly made: readonly Value[];
}

export class Cut {
  /** The graph, with the states of its recurrences as additional outputs. */
  readonly graph: Graph;
  readonly recurs: readonly Observed[];
  readonly #axis: string;
  /** A parameter with the axis of time. */
  readonly timed: Value;
  readonly #roles = new Map<Value, Role>();
  readonly #windows = new Map<string, Graph>();
  readonly #loops = new Map<string, LoopGraph>();
  readonly #wholes = new Map<Value, Graph>();
  readonly #stages = new Map<string, StagedValues | undefined>();

  constructor(graph: Graph, axis: string, timed: Value) {
    const observed = observeStates(graph, axis);
    this.graph = observed.graph;
    this.recurs = observed.recurs;
    this.#axis = axis;
    this.timed = timed;
    for (const recur of this.recurs) {
      for (const kind of ['before', 'after', 'final'] as const) {
        recur[kind].forEach((value, place) => {
          this.#roles.set(value, { kind, recur, place });
        });
      }
    }
    for (const node of this.graph.nodes) {
      if ((node.operation === 'recur' && node.attributes.axis.name === axis) || isLocal(node, axis)) continue;
      for (const output of node.outputs) this.#roles.set(output, { kind: 'across', node });
    }
  }

  role(parameter: Value): Role | undefined {
    return this.#roles.get(parameter);
  }

  /** The state before each step, of which a value is the state after. */
  before(after: Value): Value | undefined {
    const role = this.#roles.get(after);
    return role?.kind === 'after' ? role.recur.before[role.place] : undefined;
  }

  /** Values at a window, from the stored states. */
  window(values: readonly Value[]): Graph {
    return remembered(this.#windows, key(values), () => this.#build(values));
  }

  /** The same, with the states after each step computed again from those before. */
  recomputed(values: readonly Value[]): Graph {
    return remembered(this.#windows, `anew ${key(values)}`, () => this.#build(values, undefined, [], false));
  }

  /** Outputs of a recurrence at a window by the loop itself, from the states before it. */
  loop(recur: Observed, outputs: readonly Value[]): LoopGraph {
    return remembered(this.#loops, key([recur.node.outputs[0]!, ...outputs]), () => {
      const { inputs } = recurParts(recur.node);
      const carry = inputs.initial.map((value) => makeValue(value.type, value.name));
      const node = { ...recur.node, inputs: [...inputs.scanned, ...inputs.held, ...carry] };
      return { graph: this.#build(outputs, node, carry), carry, forced: [] };
    });
  }

  /** The states after each step that are not known (at `places` are those that are), by a loop that is given the known ones before each step:
   *  what depends on these alone is computed for all steps at once. */
  forced(recur: Observed, places: readonly number[]): LoopGraph {
    return remembered(this.#loops, `${key([recur.node.outputs[0]!])} forced ${places.join(' ')}`, () => {
      const { inputs, outputs, body } = recurParts(recur.node);
      const rest = [...body.before.keys()].filter((place) => !places.includes(place));
      const at = (values: readonly Value[], which: readonly number[]): Value[] => which.map((place) => values[place]!);
      const forced = at(recur.before, places).map((value) => makeValue(value.type, value.name));
      const carry = at(inputs.initial, rest).map((value) => makeValue(value.type, value.name));
      const { attributes } = recur.node;
      const node = {
        ...recur.node,
        attributes: {
          ...attributes,
          scanned: attributes.scanned + places.length,
          states: rest.length,
          body: {
            ...attributes.body,
            parameters: [...body.scanned, ...at(body.before, places), ...body.held, ...at(body.before, rest)],
            results: [...body.outputs, ...at(body.after, rest)],
          },
        },
        inputs: [...inputs.scanned, ...forced, ...inputs.held, ...carry],
        outputs: [...outputs.stacked, ...at(outputs.final, rest)],
      };
      return { graph: this.#build(at(recur.after, rest), node, [...carry, ...forced]), carry, forced };
    });
  }

  /** Values at all timesteps, states among them computed again from those before, where the unknown states can be computed step by step. */
  stages(values: readonly Value[], partly: readonly PartlyKnown[]): StagedValues | undefined {
    return remembered(this.#stages, `${key(values)} ${partly.map(({ places }) => places.join(' ')).join()}`, () => {
      const at = (states: readonly Value[], places: readonly number[]): Value[] => places.map((place) => states[place]!);
      const graph = this.#build([...values, ...partly.flatMap(({ recur, places }) => at(recur.after, places))], undefined, [], false);
      const made = graph.results.slice(0, values.length);
      let next = values.length;
      const unknown = partly.map(({ recur, places }) => {
        const after = graph.results.slice(next, next + places.length);
        next += places.length;
        return { before: at(recur.before, places), final: at(recur.final, places), after };
      });
      const stages = stagesOf({ ...graph, results: made }, unknown);
      if (stages === undefined) return undefined;
      return { first: this.#withLength(stages.first), loops: stages.loops, last: this.#withLength(stages.last), made };
    });
  }

  /** What an operation across time makes of the whole sequence. */
  whole(node: AnyNode, output: Value): Graph {
    return remembered(this.#wholes, output, () => this.#build([output], node));
  }

  /** One node is kept as it is; all others across time become parameters, and recurrences their bodies. */
  #build(results: readonly Value[], kept?: AnyNode, more: readonly Value[] = [], storedAfter = true): Graph {
    const isKept = (node: AnyNode): boolean => node.outputs[0] === kept?.outputs[0];
    const known = new Map<AnyNode, KnownStates>();
    for (const { node, before, after, final } of this.recurs) {
      if (!isKept(node)) known.set(node, storedAfter ? { before, after, final } : { before, final });
    }
    const nodes: AnyNode[] = [];
    const across: Value[] = [];
    for (const node of this.graph.nodes) {
      if (isKept(node)) nodes.push(kept!);
      else if (this.role(node.outputs[0]!)?.kind === 'across') across.push(...node.outputs);
      else nodes.push(node);
    }
    const open = { parameters: [...this.graph.parameters, ...across, ...more], nodes, results };
    const vectorised = vectorise(open, known);
    return this.#withLength(select(vectorised, vectorised.results));
  }

  /** Lengths are read off parameters: the number of timesteps, and those of other axes that the graph has. */
  #withLength(graph: Graph): Graph {
    const parameters = [...graph.parameters];
    if (!parameters.some((parameter) => hasAxis(parameter, this.#axis))) parameters.push(this.timed);
    const sizes = new Set(graph.nodes.flatMap(({ outputs }) => outputs).flatMap((output) => sizesOf(output)));
    for (const size of sizes) {
      if (parameters.some((parameter) => sizesOf(parameter).includes(size))) continue;
      const told = this.graph.parameters.find((parameter) => sizesOf(parameter).includes(size));
      if (told !== undefined) parameters.push(told);
    }
    return { ...graph, parameters };
  }
}

/** The lengths of a value that are bound when it is computed, by their names. */
const sizesOf = ({ type }: Value): string[] => type.axes.flatMap(({ size }) => (typeof size === 'string' ? [size] : []));

const key = (values: readonly Value[]): string => values.map((value) => value.id).join(' ');

function remembered<Key, Content>(known: Map<Key, Content>, key: Key, make: () => Content): Content {
  if (known.has(key)) return known.get(key)!;
  const made = make();
  known.set(key, made);
  return made;
}
