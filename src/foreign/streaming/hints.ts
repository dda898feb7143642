// What the graph tells about streaming: which outputs are computed from which inputs, how directly, and which elements of a state are the
// h and c of which recurrent operator.

import type { ModelProto } from '../../onnx/proto.ts';
import { timeAxisOf } from './axes.ts';
import { distancesFrom, type Edges, edgesOf } from './distances.ts';
import { type Elements, followElements, type Source, stridesOf, type Trail } from './elements.ts';
import { type FlatGraph, flatten, isRecurrent, nodeTitle } from './flatten.ts';
import { concreteDims, elementCount, type Port, portsOf } from './ports.ts';

/** Elements of a state tensor that are the initial h or c of an operator: element (d, b, j) of its [D, B, H] is the flat element offset + strides . (d, b, j). */
export interface StateSlot {
  /** The operator's name, or that of its first output where it has none. */
  readonly operator: string;
  readonly state: 'h' | 'c';
  readonly offset: number;
  readonly strides: readonly [number, number, number];
  /** [D, B, H] */
  readonly sizes: readonly [number, number, number];
}

export interface PairHint {
  readonly input: string;
  readonly output: string;
  /** How much is computed between them (distances.ts). */
  readonly distance: number;
  /** Of the output's elements, how many are the next value of the input's element in the same place, and how many of another place. */
  readonly aligned: number;
  readonly crossed: number;
  readonly elements: number;
}

export interface InputHint {
  /** It arrives at what a recurrent operator reads at each step, or its numbers look up vectors. */
  readonly read: boolean;
  /** The axis that is time. */
  readonly timeAxis?: number;
  /** Numbers that it is compared with: what an option may be. */
  readonly compared: readonly number[];
  readonly slots: readonly StateSlot[];
}

export interface StreamHints {
  readonly pairs: readonly PairHint[];
  /** Outputs whose numbers are computed on to other outputs, as those of a state are; others end there, as predictions do. */
  readonly continued: readonly string[];
  readonly inputs: Readonly<Record<string, InputHint>>;
}

export const noHints: StreamHints = { pairs: [], continued: [], inputs: {} };

/** `sizes`: free dimensions by name, 1 where not given; slots hold for these sizes. */
export function hintsOf(model: ModelProto, sizes: Readonly<Record<string, number>> = {}): StreamHints {
  const { inputs, outputs } = portsOf(model.graph);
  const graph = flatten(model.graph);
  const edges = edgesOf(graph);
  // The state of a layer reads like a frame to the layer above it: one does not look past recurrent operators.
  const steps = new Set(graph.nodes.flatMap(({ node, outputs }) => (isRecurrent(node) ? outputs : [])));
  const shapes = new Map(inputs.map((port) => [port.name, concreteDims(port, sizes)]));
  const branching = graph.nodes.some(({ node }) => node.op_type === 'If');
  const trails = (branching ? (['then_branch', 'else_branch'] as const) : (['then_branch'] as const)).map((branch) =>
    followElements(graph, shapes, branch),
  );
  const pairs: PairHint[] = [];
  const known: Record<string, InputHint> = {};
  for (const { name, dims } of inputs) {
    const reached = distancesFrom(name, edges);
    for (const output of outputs) {
      const distance = reached.get(output.name);
      if (distance !== undefined) pairs.push({ input: name, output: output.name, distance, ...alignment(trails, name, output.name) });
    }
    const constants = (key: string): readonly number[] | undefined => {
      const value = trails[0]!.values.get(key);
      return value === undefined || value.traced ? undefined : Array.from(value.data.slice(0, 16));
    };
    const axis = dims === undefined ? undefined : timeAxisOf(graph, name, dims.length, constants);
    const direct = distancesFrom(name, edges, steps);
    known[name] = {
      read: graph.nodes.some(
        ({ node, inputs: [x, indices] }) =>
          (isRecurrent(node) && direct.has(x!)) || (node.op_type === 'Gather' && direct.get(indices!) === 0),
      ),
      ...(axis === undefined ? {} : { timeAxis: axis }),
      compared: comparedWith(graph, reached, constants),
      slots: trails.flatMap((trail) => slotsOf(trail, name)).filter((slot, k, all) => all.findIndex((each) => same(each, slot)) === k),
    };
  }
  const continued = outputs.filter(({ name }) => continues(name, outputs, edges)).map(({ name }) => name);
  return { pairs, continued, inputs: known };
}

/** The elements of a state that belong to a slot, as [D, B, H] in row-major order. */
export function readSlot({ offset, strides, sizes }: StateSlot, state: ArrayLike<number>): Float32Array {
  const [D, B, H] = sizes;
  const read = new Float32Array(D * B * H);
  for (let d = 0, to = 0; d < D; d++)
    for (let b = 0; b < B; b++) for (let j = 0; j < H; j++) read[to++] = state[offset + d * strides[0] + b * strides[1] + j * strides[2]]!;
  return read;
}

const same = (a: StateSlot, b: StateSlot): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Finds the operators whose initial state is made of elements of `input`, in even strides. */
function slotsOf(trail: Trail, input: string): StateSlot[] {
  return trail.sources.flatMap((source) => {
    if ('input' in source.of) return [];
    const { operator, state } = source.of;
    const from = initialElements(trail, source, input);
    if (from === undefined) return [];
    const region = evenRegion(from, source.dims);
    if (region === undefined) return [];
    const batchFirst = operator.node.attribute.find(({ name }) => name === 'layout')?.i === 1;
    const order = batchFirst ? ([1, 0, 2] as const) : ([0, 1, 2] as const);
    const strides = order.map((axis) => region.strides[axis]!) as unknown as StateSlot['strides'];
    const slotSizes = order.map((axis) => source.dims[axis]!) as unknown as StateSlot['sizes'];
    return [{ operator: nodeTitle(operator.node), state, offset: region.offset, strides, sizes: slotSizes }];
  });
}

/** Elements that lie in even strides: element (i, j, ...) is offset + strides . (i, j, ...); strides of axes of size 1 are 0. */
export interface Region {
  readonly offset: number;
  readonly strides: readonly number[];
  readonly sizes: readonly number[];
}

/** Which elements of `input` a value of the graph is, for cells that are spelled out; undefined where it is more than moved, or uneven. */
export function regionOf(
  model: ModelProto,
  input: string,
  value: string,
  sizes: Readonly<Record<string, number>> = {},
): Region | undefined {
  const shapes = new Map(portsOf(model.graph).inputs.map((port) => [port.name, concreteDims(port, sizes)]));
  const trail = followElements(flatten(model.graph), shapes, 'then_branch');
  const found = trail.values.get(value);
  const places = found === undefined ? undefined : placesIn(trail, found, input);
  return places && evenRegion(places, found!.dims);
}

function evenRegion(places: readonly number[], sizes: readonly number[]): Region | undefined {
  const own = stridesOf(sizes);
  const offset = places[0]!;
  const strides = sizes.map((size, axis) => (size > 1 ? places[own[axis]!]! - offset : 0));
  const even = places.every(
    (place, k) => place === strides.reduce((sum, stride, axis) => sum + stride * (Math.floor(k / own[axis]!) % sizes[axis]!), offset),
  );
  return even ? { offset, strides, sizes } : undefined;
}

/** For each element of an operator's initial h or c, the element of `input` that it is; undefined where one is none. */
function initialElements(trail: Trail, { of, dims }: Source, input: string): readonly number[] | undefined {
  if ('input' in of) return undefined;
  const initial = trail.values.get(of.operator.inputs[of.state === 'h' ? 5 : 6] ?? '');
  return initial === undefined || initial.data.length !== elementCount(dims) ? undefined : placesIn(trail, initial, input);
}

function placesIn(trail: Trail, { data, traced }: Elements, input: string): readonly number[] | undefined {
  const source = trail.sources.find((each) => 'input' in each.of && each.of.input === input);
  if (!traced || source === undefined) return undefined;
  const places = Array.from(data, (each) => each - source.offset);
  const count = elementCount(source.dims);
  return places.length > 0 && places.every((place) => place >= 0 && place < count) ? places : undefined;
}

/** How the elements of an output follow those of an input, over the branches that know it best. */
function alignment(trails: readonly Trail[], input: string, output: string): Pick<PairHint, 'aligned' | 'crossed' | 'elements'> {
  let best = { aligned: 0, crossed: 0, elements: 0 };
  for (const trail of trails) {
    const value = trail.values.get(output);
    if (value?.traced !== true) continue;
    const counted = { aligned: 0, crossed: 0, elements: value.data.length };
    const initial = new Map(trail.sources.map((source) => [source, initialElements(trail, source, input)]));
    value.data.forEach((each, k) => {
      if (each < 0) return;
      const source = sourceOf(trail.sources, each);
      if ('input' in source.of) return;
      const before = initial.get(source)?.[each - source.offset];
      if (before === k) counted.aligned++;
      else if (before !== undefined) counted.crossed++;
    });
    if (counted.aligned + counted.crossed >= best.aligned + best.crossed) best = counted;
  }
  return best;
}

/** Whether a value that the output merely moves is computed on to another output. */
function continues(output: string, outputs: readonly Port[], edges: Edges): boolean {
  const before = new Map<string, string[]>();
  for (const [from, list] of edges) for (const { to, cost } of list) if (cost === 0) before.set(to, [...(before.get(to) ?? []), from]);
  const bases = [output];
  const seen = new Set(bases);
  for (let k = 0; k < bases.length; k++)
    for (const from of before.get(bases[k]!) ?? []) {
      if (seen.has(from)) continue;
      seen.add(from);
      bases.push(from);
    }
  // What nothing made is an input, or a constant: it goes everywhere.
  const made = new Set([...edges.values()].flatMap((list) => list.map(({ to }) => to)));
  return bases.some((base) => {
    if (!made.has(base)) return false;
    const reached = distancesFrom(base, edges);
    return outputs.some(({ name }) => name !== output && (reached.get(name) ?? 0) > 0);
  });
}

/** The source that an element's number belongs to; sources lie in order of their offsets. */
function sourceOf(sources: readonly Source[], element: number): Source {
  let [low, high] = [0, sources.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (sources[middle]!.offset <= element) low = middle;
    else high = middle - 1;
  }
  return sources[low]!;
}

function comparedWith(
  graph: FlatGraph,
  reached: ReadonlyMap<string, number>,
  constants: (name: string) => readonly number[] | undefined,
): number[] {
  const found = new Set<number>();
  for (const { node, inputs } of graph.nodes) {
    if (node.op_type !== 'Equal') continue;
    for (const [one, other] of [inputs, [...inputs].reverse()] as [string, string][])
      if (reached.get(one) === 0) for (const value of constants(other)?.slice(0, 1) ?? []) found.add(value);
  }
  return [...found];
}
