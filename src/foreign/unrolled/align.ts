// Where a step begins. The members of each class are numbered from anywhere; here each class of a core is shifted so that a step reads what the step itself
// or the one before it makes.
//
// Classes that have all steps tell how many there are. One that lacks a step lacks the first, where what it would have computed from a zero state was
// put there by a simplifier, or else the last, where nobody reads it.

import type { Operands } from './cores.ts';
import { isZeroStart } from './folded.ts';
import type { IndexedGraph } from './indexed-graph.ts';
import type { NodeClass } from './lockstep.ts';
import { MATRIX } from './products.ts';

/** Classes by steps 0 to T - 1: step s of a class is its member s - offset. */
export class Alignment {
  readonly steps: number;
  readonly offsets: ReadonlyMap<NodeClass, number>;

  constructor(steps: number, offsets: ReadonlyMap<NodeClass, number>) {
    this.steps = steps;
    this.offsets = offsets;
  }

  /** The node of a class in a step; undefined where the step lacks it. */
  node(own: NodeClass, step: number): number | undefined {
    return step < 0 || step >= this.steps ? undefined : own.members[step - this.offsets.get(own)!];
  }

  /** How many steps on a link reads, as steps are counted here. */
  shift(own: NodeClass, from: NodeClass, shift: number): number {
    return shift + own.first - from.first + this.offsets.get(from)! - this.offsets.get(own)!;
  }
}

/** The steps of a core; undefined where its classes do not fit together. */
export function alignmentOf(graph: IndexedGraph, operands: Operands, core: readonly NodeClass[]): Alignment | undefined {
  const longest = Math.max(...core.map(({ members }) => members.length));
  // A product with a matrix is missing at the end only where nothing else is possible: the steps are then others than they seem.
  for (const mayShift of [false, true])
    for (const steps of [longest, longest - 1]) {
      const found = steps < 2 ? undefined : alignedTo(steps, graph, operands, core, mayShift);
      if (found !== undefined) return found;
    }
  return undefined;
}

function alignedTo(
  steps: number,
  graph: IndexedGraph,
  operands: Operands,
  core: readonly NodeClass[],
  mayShift: boolean,
): Alignment | undefined {
  if (core.some(({ members }) => Math.abs(members.length - steps) > 1)) return undefined;
  const offsets = new Map<NodeClass, number>();
  // One too many is an initial state that was made as later ones are.
  for (const own of core) if (own.members.length >= steps) offsets.set(own, steps - own.members.length);
  const short = core.filter(({ members }) => members.length < steps);
  for (const group of groupsOf(short, operands)) {
    for (const own of group) offsets.set(own, 1);
    const trial = new Alignment(steps, withOthers(offsets, short));
    if (fits(trial, operands, group) && isZeroStart(graph, operands, trial, core, group)) continue;
    for (const own of group) offsets.set(own, 0);
    const reads = group.some((own) => operands.get(own)!.some(({ kind }) => kind === 'scanned'));
    const isProduct = group.some((own) => MATRIX.has(graph.nodes[own.members[0]!]!.proto.op_type));
    if (reads || (isProduct && !mayShift) || !fits(new Alignment(steps, withOthers(offsets, short)), operands, group)) return undefined;
  }
  const found = new Alignment(steps, offsets);
  const isShifted = (own: NodeClass): boolean => own.members.length < steps && offsets.get(own) === 0;
  if (core.filter(isShifted).length * 2 > core.length) return undefined;
  return fits(found, operands, core) && isConsistent(found, graph, operands, core) && orderOf(found, operands, core) !== undefined
    ? found
    : undefined;
}

/** Those not yet placed where the first step lacks them. */
function withOthers(offsets: ReadonlyMap<NodeClass, number>, others: readonly NodeClass[]): Map<NodeClass, number> {
  const all = new Map(offsets);
  for (const own of others) if (!all.has(own)) all.set(own, 1);
  return all;
}

/** Classes in groups that are linked among themselves. */
function groupsOf(classes: readonly NodeClass[], operands: Operands): NodeClass[][] {
  const group = new Map<NodeClass, NodeClass[]>(classes.map((own) => [own, [own]]));
  for (const own of classes)
    for (const each of operands.get(own)!) {
      if (each.kind !== 'link') continue;
      const [a, b] = [group.get(own)!, group.get(each.from)];
      if (b === undefined || a === b) continue;
      a.push(...b);
      for (const other of b) group.set(other, a);
    }
  return [...new Set(group.values())];
}

/** All links of a core read this step or the one before. */
function fits(found: Alignment, operands: Operands, classes: readonly NodeClass[]): boolean {
  return classes.every((own) =>
    operands.get(own)!.every((each) => {
      if (each.kind !== 'link' || !found.offsets.has(each.from)) return true;
      const shift = found.shift(own, each.from, each.shift);
      return shift === 0 || shift === -1;
    }),
  );
}

/** Each member reads what its links say, but for initial states, and for what a first step lacks. */
function isConsistent(found: Alignment, { nodes }: IndexedGraph, operands: Operands, core: readonly NodeClass[]): boolean {
  return core.every((own) =>
    operands.get(own)!.every((each, operand) => {
      if (each.kind !== 'link' || !found.offsets.has(each.from)) return true;
      const shift = found.shift(own, each.from, each.shift);
      for (let step = 0; step < found.steps; step += 1) {
        const node = found.node(own, step);
        if (node === undefined || step + shift < 0) continue;
        const from = found.node(each.from, step + shift);
        if (from === undefined) {
          if (step + shift !== 0) return false;
        } else if (nodes[node]!.inputs[operand] !== nodes[from]!.outputs[each.output]) return false;
      }
      return true;
    }),
  );
}

/** Classes in an order in which a step can be computed; undefined where there is none. */
export function orderOf(found: Alignment, operands: Operands, classes: readonly NodeClass[]): NodeClass[] | undefined {
  const own = new Set(classes);
  const before = new Map(
    classes.map((each) => [
      each,
      new Set(
        operands
          .get(each)!
          .flatMap((link) =>
            link.kind === 'link' && own.has(link.from) && found.shift(each, link.from, link.shift) === 0 ? [link.from] : [],
          ),
      ),
    ]),
  );
  const readers = new Map<NodeClass, NodeClass[]>(classes.map((each) => [each, []]));
  for (const [each, others] of before) for (const other of others) readers.get(other)!.push(each);
  const waiting = new Map([...before].map(([each, others]) => [each, others.size]));
  const order = classes.filter((each) => waiting.get(each) === 0);
  for (const each of order)
    for (const reader of readers.get(each)!) {
      waiting.set(reader, waiting.get(reader)! - 1);
      if (waiting.get(reader) === 0) order.push(reader);
    }
  return order.length === classes.length ? order : undefined;
}
