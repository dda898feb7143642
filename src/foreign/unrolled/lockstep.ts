// From a chain of nodes to all that is repeated with it. Nodes of one kind, one a repetition, are a class; from a class one goes to the nodes that its
// members read, and to those that read them, as long as all repetitions agree. So whatever is a class is so in all repetitions but for
// the ends: the first step often lacks what a simplifier computed from a zero state, the last what nobody reads.

import type { IndexedGraph } from './indexed-graph.ts';
import { MATRIX } from './products.ts';

/** How many classes of one member there may be. */
const MOST_SINGLE = 12;

/** One node a repetition. */
export interface NodeClass {
  readonly id: number;
  /** The repetition of the first member, counted from anywhere. */
  first: number;
  readonly members: number[];
}

export interface Place {
  readonly member: NodeClass;
  readonly at: number;
}

export class Lockstep {
  readonly classes: NodeClass[] = [];
  /** Members looked at. */
  work = 0;
  readonly #graph: IndexedGraph;
  readonly #places = new Map<number, Place>();
  readonly #queue: NodeClass[] = [];
  /** Classes of one member, of two steps of which the first was simplified; they come last, as they prove nothing. */
  readonly #single: NodeClass[] = [];
  readonly #isTaken: (node: number) => boolean;
  #singles = 0;

  constructor(graph: IndexedGraph, seed: readonly number[], isTaken: (node: number) => boolean) {
    this.#graph = graph;
    this.#isTaken = isTaken;
    this.#make(1, seed);
    // Each turn places nodes or leaves the class as it is; a class returns where it has grown.
    for (let own = this.#next(); own !== undefined; own = this.#next()) {
      const { inputs } = graph.nodes[own.members[0]!]!;
      this.work += own.members.length * (inputs.length + 1);
      for (let operand = 0; operand < inputs.length; operand += 1) this.#backward(own, operand);
      this.#forward(own);
    }
    this.#trimFronts();
  }

  /** Takes off members in front that are of another recurrence, whose state this one starts from: nothing leads to them from a matrix that is read here. */
  #trimFronts(): void {
    const { nodes, values } = this.#graph;
    const anchored = this.classes.filter((own) => this.#isAnchored(own));
    const longest = Math.max(0, ...anchored.map(({ members }) => members.length));
    if (longest === 0) return;
    const own = new Set(anchored.flatMap(({ members }) => members));
    const reached = new Set<number>();
    for (const node of [...this.#places.keys()].sort((a, b) => a - b))
      if (own.has(node) || nodes[node]!.inputs.some((value) => value >= 0 && reached.has(values[value]!.producer))) reached.add(node);
    for (const each of this.classes) {
      let count = 0;
      // One may be a step that was simplified, or an initial state.
      while (each.members.length - count > longest + 1 && !reached.has(each.members[count]!)) count += 1;
      each.members.splice(0, count);
      each.first += count;
    }
  }

  /** Whether all members multiply with one matrix. */
  #isAnchored({ members }: NodeClass): boolean {
    const { nodes, values } = this.#graph;
    const [first] = members;
    if (members.length < 2 || !MATRIX.has(nodes[first!]!.proto.op_type)) return false;
    return nodes[first!]!.inputs.some(
      (value, operand) => value >= 0 && values[value]!.isConstant && members.every((each) => nodes[each]!.inputs[operand] === value),
    );
  }

  placeOf(node: number): Place | undefined {
    return this.#places.get(node);
  }

  /** What the members read at an operand. */
  operands({ members }: NodeClass, operand: number): number[] {
    return members.map((node) => this.#graph.nodes[node]!.inputs[operand]!);
  }

  #next(): NodeClass | undefined {
    if (this.#queue.length === 0) for (const own of this.classes) this.#bridge(own);
    return this.#queue.shift() ?? this.#single.shift();
  }

  /** Where a simplifier took a sum with zero out of the first step, what reads the sum reads its other operand there: that stands in step too. */
  #bridge(own: NodeClass): void {
    const { nodes, values } = this.#graph;
    const [first, second] = own.members;
    if (first === undefined || second === undefined) return;
    for (const [operand, value] of nodes[first]!.inputs.entries()) {
      const found = value < 0 || values[value]!.isConstant ? -1 : values[value]!.producer;
      if (found < 0 || this.#places.has(found)) continue;
      const sum = this.#places.get(values[nodes[second]!.inputs[operand]!]?.producer ?? -1);
      if (sum === undefined || sum.at !== sum.member.first) continue;
      if (nodes[found]!.signature === nodes[sum.member.members[0]!]!.signature) continue;
      for (const read of nodes[sum.member.members[0]!]!.inputs) {
        const other = this.#places.get(values[read]?.producer ?? -1);
        if (other === undefined || other.at !== other.member.first) continue;
        const [sample] = other.member.members;
        if (this.#isAlike(found, sample!)) this.#place(other.at - 1, [found, sample!], 2);
      }
    }
  }

  /** Whether two nodes are of one kind, and what they read is too. */
  #isAlike(a: number, b: number): boolean {
    const { nodes, values } = this.#graph;
    const kindOf = (value: number): number => (value < 0 ? -1 : (nodes[values[value]!.producer]?.signature ?? -1));
    if (nodes[a]!.signature !== nodes[b]!.signature) return false;
    return nodes[a]!.inputs.every((value, operand) => kindOf(value) === kindOf(nodes[b]!.inputs[operand]!));
  }

  #backward(own: NodeClass, operand: number): void {
    const { values, nodes } = this.#graph;
    const read = this.operands(own, operand);
    // What is computed from constants alone is of a step only where a first state is constant.
    const producers = read.map((value, k) => {
      if (value < 0) return -1;
      const { isConstant, producer } = values[value]!;
      return isConstant && (k > 0 || read.length === 1) ? -1 : producer;
    });
    if (read.length === 1) {
      const node = producers[0]!;
      if (node >= 0 && this.#singles < MOST_SINGLE && !this.#places.has(node)) this.#make(own.first, [node]);
      return;
    }
    if (read.every((value) => value === read[0])) return;
    // The first may be an initial state.
    const last = read.length - 1;
    const sample = producers[last]!;
    if (sample < 0) return;
    const output = values[read[last]!]!.output;
    const agrees = producers.map(
      (node, k) => node >= 0 && nodes[node]!.signature === nodes[sample]!.signature && values[read[k]!]!.output === output,
    );
    if (!agrees.every((each, k) => each || k === 0)) return;
    const from = agrees[0] ? 0 : 1;
    this.#place(own.first + from, producers.slice(from), 1);
  }

  /** Readers that all members have, told by operator and operand. */
  #forward(own: NodeClass): void {
    const { nodes, uses, values } = this.#graph;
    if (own.members.length < 2) return;
    const outputs = nodes[own.members[0]!]!.outputs.length;
    const coarse = (node: number, operand: number): string => `${nodes[node]!.signature} ${operand}`;
    const fine = (node: number, operand: number): string => {
      let key = coarse(node, operand);
      nodes[node]!.inputs.forEach((value, other) => {
        if (other !== operand && value >= 0 && values[value]!.isConstant) key += ` ${other}:${value}`;
      });
      return key;
    };
    for (let output = 0; output < outputs; output += 1) {
      const readers = own.members.map((node) => uses[nodes[node]!.outputs[output]!]!.filter(({ operand }) => operand >= 0));
      // Where one member has two readers of a kind, the constants that they read tell them apart.
      const several = new Set<string>();
      for (const each of readers) {
        const seen = new Set<string>();
        for (const { node, operand } of each) {
          const key = coarse(node, operand);
          if (seen.has(key)) several.add(key);
          seen.add(key);
        }
      }
      const found = new Map<string, number[][]>();
      readers.forEach((each, k) => {
        for (const { node, operand } of each) {
          const key = several.has(coarse(node, operand)) ? fine(node, operand) : coarse(node, operand);
          const known = found.get(key);
          if (known === undefined) found.set(key, [[k, node]]);
          else known.push([k, node]);
        }
      });
      for (const list of found.values()) {
        const [first, last] = [list[0]![0]!, list.at(-1)![0]!];
        const isOneEach = list.every(([k], place) => k === first + place);
        const nodesOf = list.map(([, node]) => node!);
        // What comes behind the last step may be of the same operator, with a constant of its own.
        if (this.#isOther(nodesOf.slice(0, -1), nodesOf.at(-1)!)) nodesOf.pop();
        if (isOneEach && first <= 1 && last >= own.members.length - 2 && nodesOf.length > 0) this.#place(own.first + first, nodesOf, 2);
      }
    }
  }

  /** Puts nodes into repetitions, into the class that some of them have already, if they fit. A new class has `least` members. */
  #place(first: number, nodes: readonly number[], least: number): void {
    const known = nodes.findIndex((node) => this.#places.has(node));
    if (known < 0) {
      if (nodes.length >= least) this.#make(first, nodes);
      return;
    }
    const { member: own, at } = this.#places.get(nodes[known]!)!;
    const shift = at - (first + known);
    // All that are known must be of the class and as far apart; what is unknown may stand at its ends.
    if (
      !nodes.every((node, k) => {
        const place = this.#places.get(node);
        return place === undefined ? true : place.member === own && place.at - (first + k) === shift;
      })
    )
      return;
    let isGrown = false;
    const add = (k: number): void => {
      const at = first + k + shift;
      const node = nodes[k]!;
      const isFirst = at === own.first - 1;
      // Recurrences that start from the same zeros share what is computed of them.
      if (this.#places.has(node) || (!isFirst && this.#isTaken(node)) || this.#isOther(own.members, node)) return;
      if (isFirst) {
        own.members.unshift(node);
        own.first = at;
      } else if (at === own.first + own.members.length) own.members.push(node);
      else return;
      this.#places.set(node, { member: own, at });
      isGrown = true;
    };
    for (let k = known; k < nodes.length; k += 1) add(k);
    for (let k = known; k >= 0; k -= 1) add(k);
    if (isGrown) this.#queue.push(own);
  }

  /** Whether a node reads a constant where all of the others read another one. */
  #isOther(nodes: readonly number[], node: number): boolean {
    const { nodes: all, values } = this.#graph;
    const sample = nodes[0];
    if (sample === undefined) return false;
    return all[sample]!.inputs.some((value, operand) => {
      const own = all[node]!.inputs[operand]!;
      if (value < 0 || own < 0 || own === value || !values[value]!.isConstant || !values[own]!.isConstant) return false;
      return values[own]!.tensor?.data_type !== 7 && nodes.every((each) => all[each]!.inputs[operand] === value);
    });
  }

  #make(first: number, nodes: readonly number[]): void {
    if (new Set(nodes).size < nodes.length || nodes.slice(1).some((node) => this.#isTaken(node))) return;
    if (nodes.length === 1 && ++this.#singles > MOST_SINGLE) return;
    const own: NodeClass = { id: this.classes.length, first, members: [...nodes] };
    this.classes.push(own);
    nodes.forEach((node, k) => {
      this.#places.set(node, { member: own, at: first + k });
    });
    (nodes.length === 1 ? this.#single : this.#queue).push(own);
  }
}
