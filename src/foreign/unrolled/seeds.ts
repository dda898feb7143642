// Where to begin: nodes of one operator that read the same constant, one behind the other. Matrices come first, as hardly anything but a repetition
// reads a matrix twice; scalars, which everything may read, come last.

import type { IndexedGraph } from './indexed-graph.ts';

/** What all searches of a graph may visit together, in nodes: some hundred sweeps of a large graph. */
const LARGEST_WORK = 40_000_000;

/** How many activations of a kind there may be for neighbours of them to be tried as two steps. */
const MOST_PAIRED = 16;

/** Chains of nodes of one kind, each behind the one before it, the most telling first. */
export function* seedsOf(graph: IndexedGraph, isTaken: (node: number) => boolean): Generator<readonly number[]> {
  const sweep = new ChainSweep(graph);
  const groups = groupsOf(graph);
  const chainsOf = (nodes: readonly number[]): number[][] => {
    const free = nodes.filter((node) => !isTaken(node));
    return free.length < 2 || sweep.work > LARGEST_WORK ? [] : sweep.chains(free);
  };
  for (const size of [MATRIX_SIZE, 2, 1]) {
    const own = groups.filter((group) => group.size === size);
    for (const { nodes } of own) for (const chain of chainsOf(nodes)) if (!chain.some(isTaken)) yield chain;
    if (size !== MATRIX_SIZE) continue;
    // What has no chain of its own may be read by one: the input's matrix of a cell whose recurrent one was folded away.
    for (const { nodes } of own) {
      let derived: readonly number[] | undefined = nodes;
      for (let distance = 0; distance < 4; distance += 1) {
        derived = onlyReaders(graph, derived);
        if (derived === undefined || derived.some(isTaken)) break;
        const chains = chainsOf(derived);
        for (const chain of chains) if (!chain.some(isTaken)) yield chain;
        if (chains.length > 0) break;
      }
    }
  }
  for (const pair of pairsOf(graph)) for (const chain of chainsOf(pair)) yield chain;
}

/** Pairs of activations, for two steps of which the first lost all that read a constant. */
function pairsOf({ nodes }: IndexedGraph): (readonly number[])[] {
  const groups = new Map<number, number[]>();
  nodes.forEach(({ signature, proto }, k) => {
    if (!['Tanh', 'Sigmoid', 'Relu'].includes(proto.op_type)) return;
    const known = groups.get(signature);
    if (known === undefined) groups.set(signature, [k]);
    else known.push(k);
  });
  return [...groups.values()]
    .filter((group) => group.length <= MOST_PAIRED)
    .flatMap((group) => group.slice(1).map((node, k) => [group[k]!, node]));
}

const MATRIX_SIZE = 3;

interface Group {
  readonly nodes: number[];
  /** Of the largest constant that they read: MATRIX_SIZE, 2 for a vector, 1 for a scalar. */
  readonly size: number;
}

function groupsOf({ nodes, values }: IndexedGraph): Group[] {
  const groups = new Map<string, Group>();
  nodes.forEach(({ signature, inputs, outputs }, k) => {
    if (outputs.every((value) => values[value]!.isConstant)) return;
    let size = 0;
    let key = `${signature}`;
    inputs.forEach((value, operand) => {
      if (value < 0 || !values[value]!.isConstant) return;
      key += ` ${operand}:${value}`;
      size = Math.max(size, sizeOf(values[value]!.tensor?.dims));
    });
    if (size === 0) return;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { nodes: [k], size });
    else group.nodes.push(k);
  });
  return [...groups.values()].filter(({ nodes: members }) => members.length >= 2).sort((a, b) => b.size - a.size);
}

/** Matrices before vectors, vectors before scalars; what a node derives from a constant counts as a matrix. */
function sizeOf(dims: readonly number[] | undefined): number {
  if (dims === undefined) return MATRIX_SIZE;
  return 1 + Math.min(2, dims.filter((size) => size > 1).length);
}

/** The one reader of each's first result, where all of them are of one kind. */
function onlyReaders({ nodes, uses }: IndexedGraph, group: readonly number[]): number[] | undefined {
  const found: number[] = [];
  let kind: string | undefined;
  for (const node of group) {
    const readers = uses[nodes[node]!.outputs[0]!]!;
    if (readers.length !== 1) return undefined;
    const [{ node: reader, operand }] = readers as [(typeof readers)[number]];
    const own = `${nodes[reader]!.signature} ${operand}`;
    if (kind !== undefined && own !== kind) return undefined;
    kind = own;
    found.push(reader);
  }
  return new Set(found).size === found.length ? found : undefined;
}

class ChainSweep {
  /** Nodes visited by all sweeps so far. */
  work = 0;
  readonly #graph: IndexedGraph;
  /** By node: how many of the group are on a path to it, and the last of them. */
  readonly #count: Int32Array;
  readonly #last: Int32Array;

  constructor(graph: IndexedGraph) {
    this.#graph = graph;
    this.#count = new Int32Array(graph.nodes.length);
    this.#last = new Int32Array(graph.nodes.length);
  }

  /** The paths of which a group consists, each of two nodes at least. Where paths branch, the branching ones are none. */
  chains(group: readonly number[]): number[][] {
    const { nodes, values } = this.#graph;
    const members = new Set(group);
    const first = group.reduce((a, b) => Math.min(a, b));
    const last = group.reduce((a, b) => Math.max(a, b));
    const [count, latest] = [this.#count, this.#last];
    const before = new Map<number, number>();
    const behind = new Map<number, number[]>();
    for (let k = first; k <= last; k += 1) {
      let [most, by] = [0, -1];
      for (const value of nodes[k]!.inputs) {
        if (value < 0) continue;
        const { producer } = values[value]!;
        if (producer < first || count[producer]! <= most) continue;
        most = count[producer]!;
        by = latest[producer]!;
      }
      if (members.has(k)) {
        if (by >= 0) {
          before.set(k, by);
          const known = behind.get(by);
          if (known === undefined) behind.set(by, [k]);
          else known.push(k);
        }
        most += 1;
        by = k;
      }
      count[k] = most;
      latest[k] = by;
    }
    this.work += last - first + 1;
    const found: number[][] = [];
    for (const start of group) {
      if (before.has(start)) continue;
      const path = [start];
      for (let next = behind.get(start); next?.length === 1; next = behind.get(next[0]!)) path.push(next[0]!);
      if (path.length >= 2) found.push(path);
    }
    return found.sort((a, b) => b.length - a.length);
  }
}
