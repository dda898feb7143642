// What of the repeated classes feeds back into itself: strongly connected components of the classes, each the core of one recurrence. Layers that
// were unrolled into one another come apart here, and what only reads a state or only leads to one is left for the surroundings.

import type { IndexedGraph } from './indexed-graph.ts';
import type { Lockstep, NodeClass } from './lockstep.ts';

/** An operand that reads a member of another class, `shift` repetitions on: -1 is the one before. The first member may read something else. */
export interface Link {
  readonly from: NodeClass;
  readonly output: number;
  readonly shift: number;
}

/** What a class reads at an operand: nothing, the same value always, a class, or another value each time. */
export type Operand =
  | { readonly kind: 'none' }
  | { readonly kind: 'held'; readonly value: number }
  | ({ readonly kind: 'link' } & Link)
  | { readonly kind: 'scanned' };

/** How long a path within a step may be along which members are taken off. */
const MOST_ROUNDS = 64;

export type Operands = ReadonlyMap<NodeClass, readonly Operand[]>;

/** What each class reads. Members at the end that do not read as the others do are taken off. */
export function operandsOf(graph: IndexedGraph, lockstep: Lockstep): Operands {
  const found = new Map<NodeClass, readonly Operand[]>();
  // Taking one off may leave another without what it reads.
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    let isTrimmed = false;
    for (const own of lockstep.classes) {
      const { inputs } = graph.nodes[own.members[0]!]!;
      const operands = inputs.map((_, operand) => operandOf(graph, lockstep, own, operand));
      const lengths = operands.filter((each) => typeof each === 'number');
      if (lengths.length > 0) {
        own.members.splice(Math.min(...lengths));
        isTrimmed = true;
      }
      found.set(
        own,
        operands.map((each) => (typeof each === 'number' ? { kind: 'scanned' } : each)),
      );
    }
    if (!isTrimmed) break;
  }
  const missing = missingFirsts(graph, lockstep, found);
  if (missing.size === 0) return found;
  // One member alone does not tell whether it reads what is left of a sum, or the sum.
  for (const [own, operands] of found)
    if (own.members.length === 1)
      found.set(
        own,
        operands.map((each, operand) => {
          const sum = missing.get(graph.nodes[own.members[0]!]!.inputs[operand]!);
          return sum === undefined || sum.from === own ? each : { ...sum, kind: 'link', shift: sum.from.first - 1 - own.first };
        }),
      );
  return found;
}

/** Values that others read in the first step where they read a class, which lacks that step, in all further ones. */
function missingFirsts(graph: IndexedGraph, lockstep: Lockstep, operands: Operands): ReadonlyMap<number, Omit<Link, 'shift'>> {
  const found = new Map<number, Omit<Link, 'shift'>>();
  for (const [own, all] of operands)
    for (const [operand, each] of all.entries()) {
      if (each.kind !== 'link' || own.members.length < 2 || each.from.first !== own.first + each.shift + 1) continue;
      const value = lockstep.operands(own, operand)[0]!;
      if (value >= 0 && !graph.values[value]!.isConstant) found.set(value, { from: each.from, output: each.output });
    }
  return found;
}

/** Of members of which only the first some read alike: how many those are. */
function operandOf(graph: IndexedGraph, lockstep: Lockstep, own: NodeClass, operand: number): Operand | number {
  const { values } = graph;
  const read = lockstep.operands(own, operand);
  if (read.every((value) => value < 0)) return { kind: 'none' };
  if (read.length > 1 && read.every((value) => value === read[0])) return { kind: 'held', value: read[0]! };
  const at = (k: number): Link | undefined => {
    const { producer, output } = values[read[k]!] ?? { producer: -1, output: 0 };
    const place = lockstep.placeOf(producer);
    if (place === undefined) return undefined;
    const { member, at: repetition } = place;
    if (repetition < member.first || repetition >= member.first + member.members.length) return undefined;
    return { from: member, output, shift: repetition - (own.first + k) };
  };
  const sample = at(Math.min(1, read.length - 1));
  if (sample === undefined) return read.length === 1 ? { kind: 'held', value: read[0]! } : { kind: 'scanned' };
  const isSample = (k: number): boolean => {
    const other = at(k);
    return other?.from === sample.from && other.output === sample.output && other.shift === sample.shift;
  };
  for (let k = 2; k < read.length; k += 1) {
    if (isSample(k)) continue;
    for (let other = k + 1; other < read.length; other += 1) if (isSample(other)) return { kind: 'scanned' };
    // One of them alone says nothing of how the others read.
    return k > 2 || isSample(0) ? k : { kind: 'scanned' };
  }
  return { kind: 'link', ...sample };
}

/** The strongly connected components that have a cycle, each behind those that lead to it. */
export function cyclesOf(operands: Operands): (readonly NodeClass[])[] {
  const classes = [...operands.keys()];
  const before = (own: NodeClass): NodeClass[] => operands.get(own)!.flatMap((each) => (each.kind === 'link' ? [each.from] : []));
  const after = new Map<NodeClass, NodeClass[]>(classes.map((own) => [own, []]));
  for (const own of classes) for (const other of before(own)) after.get(other)?.push(own);
  // Kosaraju: an order in which each is finished behind what it leads to, then backwards from the last finished.
  const finished: NodeClass[] = [];
  const seen = new Set<NodeClass>();
  for (const start of classes) {
    if (seen.has(start)) continue;
    seen.add(start);
    const stack = [{ own: start, next: 0 }];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const other = after.get(top.own)![top.next++];
      if (other === undefined) finished.push(stack.pop()!.own);
      else if (!seen.has(other)) {
        seen.add(other);
        stack.push({ own: other, next: 0 });
      }
    }
  }
  const found: NodeClass[][] = [];
  const taken = new Set<NodeClass>();
  for (const start of finished.reverse()) {
    if (taken.has(start)) continue;
    taken.add(start);
    const component = [start];
    for (const own of component)
      for (const other of before(own))
        if (!taken.has(other)) {
          taken.add(other);
          component.push(other);
        }
    if (component.length > 1 || before(start).includes(start)) found.push(component);
  }
  return found;
}
