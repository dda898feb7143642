// Products that share an operand are one product with the other operands joined, then cut in pieces: the gates' matrices become one.
//
// Where all products of a group go on alike, a bias and then the same function (a sigmoid), these are applied to the whole as well, and
// groups are formed by it: what the runtime computes in one operator stays together. Bias gradients, sums of what has been joined, follow.

import { ancestors } from '../cotangents.ts';
import { type AnyNode, axisNames, axisOf, type Graph, hasAxis, type Node, type OperationName, type Value } from '../graph.ts';
import { cheapToJoin, sizeOfAxis } from './cheap.ts';
import { makersOf, type Place, positionsOf, useCounts } from './levels.ts';
import { type Part, Writer } from './writer.ts';

export function mergeProducts(place: Place): Graph {
  const { graph } = place;
  const writer = new Writer();
  const groups = groupsOf(place);
  const known = new Map<Value, Value>(graph.parameters.map((value) => [value, writer.adopt(value)]));
  const makers = makersOf(graph);
  // On demand: a group is written when its first member is asked for, after all its operands.
  const find = (value: Value): Value => {
    const found = known.get(value);
    if (found !== undefined) return found;
    const node = makers.get(value)!;
    const group = groups.get(value);
    if (group === undefined) {
      const inputs = node.inputs.map(find);
      writer.origin = node.origin;
      writer.add(node.operation, node.attributes as never, inputs).forEach((output, k) => {
        known.set(node.outputs[k]!, output);
      });
    } else {
      writeGroup(writer, group, find).forEach((piece, k) => {
        known.set(group.members[k]!.result, piece);
      });
    }
    return known.get(value)!;
  };
  // In order, so that chains of any length are no deep recursion.
  for (const node of graph.nodes) if (!groups.has(node.outputs[0]!) && !insideOf(groups, node)) node.outputs.forEach(find);
  return writer.graph(graph.results.map(find));
}

interface Member {
  /** What is replaced: the product, or what follows it. */
  readonly result: Value;
  /** Nodes that the group stands for, the product first. */
  readonly chain: readonly AnyNode[];
  readonly other: Part;
  readonly bias?: Part;
}

interface Group {
  readonly shared: Value | undefined;
  readonly over: readonly string[];
  readonly follow: Followed | undefined;
  readonly members: readonly Member[];
}

function insideOf(groups: ReadonlyMap<Value, Group>, node: AnyNode): boolean {
  for (const group of new Set(groups.values())) if (group.members.some(({ chain }) => chain.includes(node))) return true;
  return false;
}

/** Groups by the results of their members. */
function groupsOf(place: Place): Map<Value, Group> {
  const found = new Map<string, { shared: Value; over: readonly string[]; follow: Followed | undefined; members: Member[] }>();
  const consumers = consumersOf(place.graph);
  for (const node of place.graph.nodes) {
    if (node.operation !== 'contract') continue;
    for (const side of [0, 1] as const) {
      const shared = node.inputs[side]!;
      const other = node.inputs[1 - side]!;
      const member = memberOf(node, shared, other, consumers);
      if (member === undefined) continue;
      const rest = axisNames(other).filter((name) => name !== member.other.axis);
      const follow = member.chain.at(-1)!.operation;
      const key = `${shared.id} over ${node.attributes.over.toSorted()} with ${rest.sort()} then ${member.bias === undefined ? '' : 'bias'} ${follow}`;
      const group = found.get(key) ?? { shared, over: node.attributes.over, follow: unary(follow) ? follow : undefined, members: [] };
      group.members.push(member);
      found.set(key, group);
    }
  }
  const chosen = new Map<Value, Group>();
  // In the order of the operands, as sums of products are joined (join.ts): equal joins are then one.
  const positions = positionsOf(place.graph);
  const taken = new Set<AnyNode>();
  for (const group of [...found.values()].toSorted((a, b) => b.members.length - a.members.length)) {
    const members = group.members
      .filter(({ chain }) => !chain.some((node) => taken.has(node)))
      .toSorted((a, b) => positions.get(a.other.value)! - positions.get(b.other.value)!);
    if (
      members.length < 2 ||
      !cheapToJoin(
        place,
        members.map(({ other }) => other.value),
      )
    )
      continue;
    if (dependent(place.graph, members)) continue;
    for (const member of members) {
      chosen.set(member.result, { ...group, members });
      for (const node of member.chain) taken.add(node);
    }
  }
  // One object a group.
  const byFirst = new Map<Value, Group>();
  for (const [result, group] of chosen) {
    const first = group.members[0]!.result;
    if (!byFirst.has(first)) byFirst.set(first, group);
    chosen.set(result, byFirst.get(first)!);
  }
  addSums(place, chosen);
  return chosen;
}

type Followed = 'sigmoid' | 'tanh' | 'relu';
const functions: readonly OperationName[] = ['sigmoid', 'tanh', 'relu'] satisfies Followed[];
const unary = (operation: OperationName): operation is Followed => functions.includes(operation);

function consumersOf(graph: Graph): (value: Value) => AnyNode | undefined {
  const uses = useCounts(graph);
  const results = new Set(graph.results);
  const only = new Map<Value, AnyNode>();
  for (const node of graph.nodes) for (const input of node.inputs) only.set(input, node);
  return (value) => (uses.get(value) === 1 && !results.has(value) ? only.get(value) : undefined);
}

function memberOf(
  product: Node<'contract'> & AnyNode,
  shared: Value,
  other: Value,
  consumer: (value: Value) => AnyNode | undefined,
): Member | undefined {
  const { over } = product.attributes;
  const free = axisNames(other).filter((name) => !over.includes(name) && !hasAxis(shared, name));
  const [axis] = free;
  if (free.length !== 1 || sizeOfAxis(other, axis!) === undefined) return undefined;
  const chain: AnyNode[] = [product];
  let result = product.outputs[0]!;
  let bias: Part | undefined;
  const added = consumer(result);
  if (added?.operation === 'add') {
    const addend = added.inputs[0] === result ? added.inputs[1]! : added.inputs[0]!;
    if (axisNames(addend).join() === axis) {
      chain.push(added);
      [result] = added.outputs as [Value];
      bias = { value: addend, axis: axis! };
    }
  }
  const followed = consumer(result);
  if (followed !== undefined && unary(followed.operation)) {
    chain.push(followed);
    [result] = followed.outputs as [Value];
  }
  return { result, chain, other: { value: other, axis: axis! }, ...(bias === undefined ? {} : { bias }) };
}

/** Whether an operand needs a product of the group. */
function dependent(graph: Graph, members: readonly Member[]): boolean {
  const inside = new Set(members.flatMap(({ chain }) => chain.flatMap((node) => node.outputs)));
  const operands = members.flatMap(({ other, bias }) => [other.value, ...(bias === undefined ? [] : [bias.value])]);
  for (const value of ancestors(graph.nodes, operands)) if (inside.has(value)) return true;
  return false;
}

/** Sums, over the same axes, of operands that a group joins. */
function addSums(place: Place, groups: Map<Value, Group>): void {
  const sums = place.graph.nodes.filter((node): node is Node<'sum'> & AnyNode => node.operation === 'sum');
  for (const { members, over } of new Set(groups.values())) {
    const own = members.map(({ other }) =>
      sums.find((node) => node.inputs[0] === other.value && node.attributes.over.toSorted().join() === over.toSorted().join()),
    );
    if (!own.every((node) => node !== undefined) || own.some((node) => groups.has(node.outputs[0]!))) continue;
    if (own.some((node, k) => axisNames(node.outputs[0]!).join() !== members[k]!.other.axis)) continue;
    const group: Group = {
      shared: undefined,
      over,
      follow: undefined,
      members: own.map((node, k) => ({ result: node.outputs[0]!, chain: [node], other: members[k]!.other })),
    };
    for (const { result } of group.members) groups.set(result, group);
  }
}

function writeGroup(writer: Writer, { shared, over, follow, members }: Group, find: (value: Value) => Value): Value[] {
  writer.origin = members[0]!.chain[0]!.origin;
  const parts = (part: (member: Member) => Part): Part[] => members.map(part).map(({ value, axis }) => ({ value: find(value), axis }));
  const left = shared === undefined ? undefined : find(shared);
  const { value: joined, axis } = writer.concat(parts(({ other }) => other));
  // The operands in the order that they had: gradients of weights have their rows first.
  const first = members[0]!.chain[0]!.inputs[0] === shared;
  let whole =
    left === undefined
      ? writer.one('sum', { over }, joined)
      : writer.one('contract', { over }, ...(first ? [left, joined] : [joined, left]));
  if (members[0]!.bias !== undefined) {
    const bias = writer.concat(parts((member) => member.bias!));
    whole = writer.one('add', {}, whole, writer.rename(bias.value, bias.axis.name, axis.name));
  }
  if (follow !== undefined) whole = writer.add(follow, {}, [whole])[0]!;
  return writer.slices(
    whole,
    axis.name,
    members.map(({ other }) => axisOf(other.value, other.axis)!),
  );
}
