// Finds out what ran of a model's branches and loops, and unfolds them: level by level, as inner bodies can be asked once those around them are gone.

import { encodeModel, type ModelProto, type NodeProto } from '../../onnx/proto.ts';
import type { Runtime, Tensor } from '../../runtime/runtime.ts';
import { instrumented, type Wanted } from '../instrument.ts';
import { runnable } from '../runnable.ts';
import type { Scope } from '../scopes.ts';
import { indexedGraph } from '../unrolled/indexed-graph.ts';
import { asked, withoutLists } from './lists.ts';
import { inputsOf } from './order.ts';
import { attributeOf, intsOf } from './reading.ts';
import { type Place, plain, type Turn, Unfolded } from './unfold.ts';

/** A model without branches, loops, lists and nodes that say the same twice, as far as they are gone. */
export interface Unfolding {
  /** Only what the value needs is left. */
  readonly model: ModelProto;
  /** The turns of a body of the file, in the order in which they ran. */
  turnsOf(owner: NodeProto, body: string): readonly Turn[];
  /** The nodes that a node of the file has become, in the order in which they ran. */
  copiesOf(node: NodeProto): readonly NodeProto[];
  /** What a value is called that a graph, of which a turn ran, sees. */
  nameOf(name: string, within: Turn | undefined): string;
  /** Nodes of the file that have become this one, and where they ran. */
  placesOf(node: NodeProto): readonly Place[];
  /** What could not be unfolded, and why; sentences. */
  readonly left: readonly string[];
}

/** Nodes that an unfolded model may have: the runtime takes longer than in proportion to open more, minutes of these. */
const MOST = 20_000;

/** Unfolds what a value of the model is computed by. Throws RuntimeFailure. */
export async function unfold(
  runtime: Runtime,
  model: ModelProto,
  feeds: Readonly<Record<string, Tensor>>,
  of: readonly string[],
): Promise<Unfolding> {
  let unfolded = new Unfolded(pruned(model, of));
  const left = new Map<NodeProto, string>();
  for (;;) {
    const { graph } = unfolded.model;
    const open = graph.node.filter((node) => isOpen(node) && !left.has(node));
    if (open.length === 0) break;
    const wanted = open.map((node) => questionOf({ graph }, node));
    const answers = await valuesOf(runtime, unfolded.model, feeds, wanted);
    const ran = new Map<NodeProto, 'then' | 'else' | number>();
    let size = graph.node.length;
    open.forEach((node, k) => {
      const what = answerOf(node, answers[k]!);
      if (typeof what === 'number') size += what * (attributeOf(node, 'body')?.g?.node.length ?? 0);
      if (size <= MOST) ran.set(node, what);
      else
        left.set(
          node,
          `${node.op_type} “${node.name || node.output[0] || ''}” ran ${what.toLocaleString('en-US')} times: too often for a gradient through each turn. Run the model on a shorter sequence.`,
        );
    });
    const before = unfolded;
    unfolded = before.next((node) => ran.get(node));
    // What is not built as ONNX wants it, or has another meaning in its version.
    const kept = new Set(unfolded.model.graph.node);
    for (const node of ran.keys()) if (kept.has(node)) left.set(node, '');
  }
  const { numbers, dims } = asked(unfolded.model);
  const names = [...new Set([...numbers, ...dims])];
  const graph = unfolded.model.graph;
  const found =
    names.length === 0
      ? []
      : await valuesOf(
          runtime,
          unfolded.model,
          feeds,
          names.map((name) => ({ scope: { graph }, name, type: 'float32' })),
        );
  const known = new Map(names.map((name, k) => [name, found[k]!]));
  const single = withoutLists(unfolded.model, {
    numbers: (name) => (known.has(name) ? Array.from(known.get(name)!.data as ArrayLike<number | bigint>, Number) : undefined),
    dims: (name) => known.get(name)?.dims,
  });
  return { ...numbered(pruned(single, of), unfolded), left: [...left.values()].filter((each) => each !== '') };
}

/** Values of one number (IndexedGraph) are read under one name: parts that are spelled out are told in such a graph. */
function numbered(model: ModelProto, unfolded: Unfolded): Omit<Unfolding, 'left'> {
  const { nodes, values, byName } = indexedGraph({ graph: model.graph });
  const named = (name: string): string => {
    const value = byName.get(name);
    return value === undefined ? name : values[value]!.name;
  };
  const fresh = new Map(
    model.graph.node.map((node) => [node, { ...node, input: node.input.map((name) => (name === '' ? '' : named(name))) }] as const),
  );
  const places = new Map<NodeProto, Place[]>();
  for (const node of model.graph.node) {
    const place = unfolded.places.get(node);
    const value = byName.get(node.output.find((name) => name !== '') ?? '');
    if (place === undefined || value === undefined || node.op_type === 'Identity') continue;
    const maker = nodes[values[value]!.producer]?.proto;
    const own = maker === undefined ? undefined : fresh.get(maker);
    if (own !== undefined) places.set(own, [...(places.get(own) ?? []), place]);
  }
  return {
    model: pruned(
      { ...model, graph: { ...model.graph, node: [...fresh.values()] } },
      model.graph.output.map(({ name }) => name),
    ),
    turnsOf: (owner, body) => unfolded.turnsOf(owner, body),
    copiesOf: (node) => unfolded.copiesOf(node).flatMap((copy) => fresh.get(copy) ?? []),
    nameOf: (name, within) => named(unfolded.nameOf(name, within)),
    placesOf: (node) => places.get(node) ?? [],
  };
}

const isOpen = ({ op_type, domain = '' }: NodeProto): boolean =>
  (domain === '' || domain === 'ai.onnx') && (op_type === 'If' || op_type === 'Loop' || op_type === 'Scan');

/** The value that tells what runs of a node: an If's condition, a Loop's one after each iteration, what a Scan goes through. */
function questionOf(scope: Scope, node: NodeProto): Wanted {
  if (node.op_type === 'If') return { scope, name: node.input[0]!, type: 'bool' };
  if (node.op_type === 'Scan') return { scope, name: node.input.at(-1)!, type: 'float32' };
  const body = attributeOf(node, 'body')!.g!;
  return { scope: { graph: body, owner: { scope, node, attribute: 'body' } }, name: body.output[0]!.name, type: 'bool' };
}

function answerOf(node: NodeProto, { dims, data }: Tensor): 'then' | 'else' | number {
  if (node.op_type === 'If') return data[0] ? 'then' : 'else';
  if (node.op_type === 'Loop') return dims[0]!;
  const axis = intsOf(node, 'scan_input_axes')?.at(-1) ?? 0;
  return dims.at(axis) ?? 0;
}

/** Values of a run. Throws RuntimeFailure. */
async function valuesOf(runtime: Runtime, model: ModelProto, feeds: Feeds, wanted: readonly Wanted[]): Promise<readonly Tensor[]> {
  return (await valuesOfCalls(runtime, model, [feeds], wanted))[0]!;
}

/** Values of each of several runs, as they are wanted. Throws RuntimeFailure. */
export async function valuesOfCalls(
  runtime: Runtime,
  model: ModelProto,
  calls: readonly Feeds[],
  wanted: readonly Wanted[],
): Promise<readonly (readonly Tensor[])[]> {
  if (wanted.length === 0) return calls.map(() => []);
  const { model: open, outputs } = instrumented(model, wanted);
  const names = [...new Set(outputs.map(({ name }) => name))];
  // The model's own outputs are not asked for here.
  const own = pruned({ ...open, graph: { ...open.graph, output: names.map((name) => typed(open, name)) } }, names);
  const session = await runtime.open(encodeModel(runnable(own)), { device: 'cpu', frugal: true, optimise: 'disabled' });
  try {
    const all: Tensor[][] = [];
    for (const feeds of calls) {
      const found = await session.compute(Object.fromEntries(session.inputs.map((name) => [name, feeds[name]!])), names);
      all.push(outputs.map(({ name }) => found[name]!));
    }
    return all;
  } finally {
    await session.release();
  }
}

type Feeds = Readonly<Record<string, Tensor>>;

/** The sizes of all tensors of a model in a run. Throws RuntimeFailure. */
export async function sizesOf(runtime: Runtime, model: ModelProto, feeds: Feeds): Promise<ReadonlyMap<string, readonly number[]>> {
  const { graph } = model;
  const sizes = new Map<string, readonly number[]>(
    graph.input.flatMap(({ name }) => (feeds[name] === undefined ? [] : [[name, feeds[name].dims]])),
  );
  const names = graph.node.flatMap((node) => (isList(node) ? [] : node.output.filter((name) => name !== '')));
  const shown = names.map((name, k) => plain('Shape', [name], `sizes/${k}`));
  const asked = { ...model, graph: { ...graph, node: [...graph.node, ...shown] } };
  const scope = { graph: asked.graph };
  const found = await valuesOf(
    runtime,
    asked,
    feeds,
    shown.map(({ output: [name] }) => ({ scope, name: name!, type: 'int64' })),
  );
  names.forEach((name, k) => {
    sizes.set(name, Array.from(found[k]!.data as BigInt64Array, Number));
  });
  return sizes;
}

/** Whether a node gives a list of tensors, which has no sizes. */
const isList = ({ op_type: operator }: NodeProto): boolean =>
  /^(?:Optional|Sequence|SplitToSequence)/.test(operator) && operator !== 'SequenceAt' && operator !== 'SequenceLength';

const typed = ({ graph }: ModelProto, name: string): ModelProto['graph']['output'][number] =>
  graph.output.find((each) => each.name === name) ?? { name };

/** The model without the nodes, inputs and initialisers that the values do not need. */
export function pruned(model: ModelProto, of: readonly string[]): ModelProto {
  const { graph } = model;
  const makers = new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node] as const)));
  const needed = new Set(of);
  const nodes = new Set<NodeProto>();
  for (const name of needed) {
    const node = makers.get(name);
    if (node === undefined || nodes.has(node)) continue;
    nodes.add(node);
    for (const read of inputsOf(node)) needed.add(read);
  }
  const isNeeded = ({ name }: { readonly name?: string }): boolean => needed.has(name ?? '');
  const value_info = graph.value_info?.filter(isNeeded);
  return {
    ...model,
    graph: {
      ...graph,
      node: graph.node.filter((node) => nodes.has(node)),
      initializer: graph.initializer.filter(isNeeded),
      input: graph.input.filter(isNeeded),
      output: graph.output.filter(({ name }) => of.includes(name)),
      ...(value_info === undefined ? {} : { value_info }),
    },
  };
}
