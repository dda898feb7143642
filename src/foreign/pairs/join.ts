// Two files as one model: the encoder, and the decoder as the body of a Scan over the ids that it was fed. So a pair is debugged, measured and
// differentiated as any other model with a loop; which ids are chosen was found out before, by calling the two in turn.

import { elementTypes, type GraphProto, type ModelProto, type NodeProto, type TensorProto, type ValueInfo } from '../../onnx/proto.ts';
import { renamedNode } from '../../onnx/renamed.ts';
import { attribute, tensorProto, valueInfo } from '../../onnx/write.ts';
import type { Tensor } from '../../runtime/runtime.ts';
import type { PairSettings } from '../../shared/foreign.ts';
import type { PairCalls } from './calls.ts';
import { PairError } from './rule.ts';
import type { Sizes } from './sizes.ts';

export interface JoinedPair {
  readonly model: ModelProto;
  /** What it is fed beside the encoder's inputs: ids are no constants, so that what looks at them alone is attention too. */
  readonly fed: Readonly<Record<string, Tensor>>;
  /** Values at the top that are the decoder's. */
  readonly decoder: ReadonlySet<string>;
  /** By the joined model's names: what is the same output of the two files; stacked over the calls, or as the last call gave it. */
  readonly outputs: ReadonlyMap<string, { readonly output: string; readonly isStacked: boolean }>;
}

/** `encoded`: what the encoder gave; `sizes`: of the decoder's values in a call. They are this model's. Throws PairError where one model cannot hold both. */
export function joinPair(
  encoder: ModelProto,
  decoder: ModelProto,
  rule: PairSettings,
  calls: PairCalls,
  { encoded, sizes }: { readonly encoded: Readonly<Record<string, Tensor>>; readonly sizes: Sizes },
): JoinedPair {
  const taken = namesIn(encoder.graph);
  const free = (name: string): string => {
    let found = name;
    for (let k = 2; taken.has(found); k += 1) found = `${name}_${k}`;
    taken.add(found);
    return found;
  };
  // What the encoder gives has its name; all else of the decoder a name of its own.
  const renames = new Map<string, string>();
  const isState = new Set(rule.state.map(({ input }) => input));
  for (const [input, source] of Object.entries(rule.given)) if (!isState.has(input)) renames.set(input, source);
  const own = namesIn(decoder.graph);
  const isOutput = new Set(decoder.graph.output.map(({ name }) => name));
  const isStep = rule.token.axis === undefined;
  const names = new Map(decoder.graph.output.map(({ name }) => [name, taken.has(name) ? free(`decoder_${name}`) : free(name)] as const));
  for (const name of own)
    if (!renames.has(name))
      renames.set(
        name,
        isOutput.has(name) && !isStep ? names.get(name)! : taken.has(name) || isOutput.has(name) ? free(`step/${name}`) : free(name),
      );
  const rename = (name: string): string => (name === '' ? '' : (renames.get(name) ?? name));
  // The runtime wants each node of a graph to have a name of its own.
  const titles = new Set(encoder.graph.node.map(({ name }) => name));
  const titled = (node: NodeProto): NodeProto =>
    node.name === undefined || node.name === '' || !titles.has(node.name)
      ? node
      : { ...node, name: `decoder/${node.name.replace(/^\//, '')}` };
  const renamed = decoder.graph.node.map((each) => renamedNode(withSize(each, sizes), rename));
  const known = [...sizes].flatMap(([name, { type, dims }]) =>
    type in elementTypes ? [valueInfo(rename(name), type as keyof typeof elementTypes, dims)] : [],
  );
  const nodes = isStep ? renamed : renamed.map(titled);
  const initializer: TensorProto[] = decoder.graph.initializer.map((each) => ({ ...each, name: rename(each.name ?? '') }));
  const constants = Object.keys(calls.first).filter((input) => rule.given[input] === undefined && !isState.has(input));
  initializer.push(...constants.map((input) => protoOf(rename(input), calls.first[input]!)));
  const [tokens, chosen] = [free('tokens'), free('chosen')];
  const added = isStep
    ? scanned({
        held: Object.keys(rule.given)
          .filter((input) => !isState.has(input))
          .map((input) => rule.given[input]!),
        known,
        decoder: decoder.graph,
        rule,
        calls,
        nodes,
        rename,
        names,
        free,
      })
    : whole({ rule, calls, nodes, rename });
  const made = new Set(added.nodes.flatMap(({ output }) => output));
  const scores = names.get(rule.scores)!;
  return {
    model: {
      ...encoder,
      ir_version: Math.max(encoder.ir_version, decoder.ir_version),
      opset_import: opsetsOf(encoder, decoder),
      functions: functionsOf(encoder, decoder),
      graph: {
        ...encoder.graph,
        node: [
          ...encoder.graph.node,
          ...(isStep ? added.nodes.map(titled) : added.nodes),
          { op_type: 'Identity', name: tokens, input: [added.tokens], output: [tokens], attribute: [] },
          {
            op_type: 'ArgMax',
            name: chosen,
            input: [scores],
            output: [chosen],
            attribute: [attribute('axis', -1), attribute('keepdims', 0)],
          },
        ],
        initializer: [...encoder.graph.initializer, ...initializer, ...added.initializer],
        sparse_initializer: [
          ...(encoder.graph.sparse_initializer ?? []),
          ...(decoder.graph.sparse_initializer ?? []).map((each) => ({
            ...each,
            ...(each.values === undefined ? {} : { values: { ...each.values, name: rename(each.values.name ?? '') } }),
          })),
        ],
        value_info: [...(encoder.graph.value_info ?? []), ...known.filter(({ name }) => made.has(name))],
        input: [
          ...encoder.graph.input,
          ...Object.entries(added.fed).map(([name, { type, dims }]) => valueInfo(name, type as keyof typeof elementTypes, dims)),
        ],
        output: [
          ...encoder.graph.output.map((each) => sized(each, encoded[each.name])),
          ...decoder.graph.output.map((each) => openInfo(names.get(each.name)!, each)),
          valueInfo(tokens, calls.token.type as 'int64'),
          valueInfo(chosen, 'int64'),
        ],
      },
    },
    fed: added.fed,
    decoder: made,
    outputs: new Map(decoder.graph.output.map(({ name }) => [names.get(name)!, { output: name, isStacked: isStep }])),
  };
}

interface Added {
  readonly nodes: readonly NodeProto[];
  readonly initializer: readonly TensorProto[];
  /** Further inputs of the joined model, and what they are fed. */
  readonly fed: Readonly<Record<string, Tensor>>;
  readonly tokens: string;
}

interface ScanRequest {
  /** Values that the encoder gives and that stay. */
  readonly held: readonly string[];
  /** Values with their sizes. */
  readonly known: readonly ValueInfo[];
  readonly decoder: GraphProto;
  readonly rule: PairSettings;
  readonly calls: PairCalls;
  readonly nodes: readonly NodeProto[];
  readonly rename: (name: string) => string;
  readonly names: ReadonlyMap<string, string>;
  readonly free: (name: string) => string;
}

/** The decoder as the body of a Scan: its states, and the ids of each call. */
function scanned({ held, known, decoder, rule, calls, nodes: all, rename, names, free }: ScanRequest): Added {
  const { token, time, state, given } = rule;
  const { once, nodes } = onceOnly(all, held, new Set(decoder.initializer.map(({ name }) => rename(name ?? ''))));
  const ids = free('decoder/tokens');
  const initializer: TensorProto[] = [];
  const fed: Record<string, Tensor> = { [ids]: stackedIds(calls) };
  const scans = [{ input: token.input, from: ids }];
  if (time !== undefined) {
    const from = free('decoder/times');
    const { type, dims } = calls.last[time]!;
    const steps = calls.fed.map((_, k) => k);
    fed[from] = {
      type,
      dims: [steps.length, ...dims],
      data: type === 'int64' ? BigInt64Array.from(steps, BigInt) : type === 'int32' ? Int32Array.from(steps) : Float32Array.from(steps),
    };
    scans.push({ input: time, from });
  }
  const starts = state.map(({ input }) => {
    if (given[input] !== undefined) return given[input];
    const name = free(`decoder/${input}_0`);
    initializer.push(protoOf(name, calls.first[input]!));
    return name;
  });
  const infoOf = (input: string, dims: readonly number[]): ValueInfo => {
    const { type } = decoder.input.find(({ name }) => name === input)!;
    const tensor = type!.tensor_type!;
    return {
      name: rename(input),
      type: { tensor_type: { elem_type: tensor.elem_type, shape: { dim: dims.map((size) => ({ dim_value: size })) } } },
    };
  };
  // An output is given step by step beside the state that it may be.
  const outputs = decoder.output.map(({ name }) => ({ name, step: free(`step/given/${name}`) }));
  const states = state.map(({ output }, k) => ({ output, after: free(`step/after_${k}/${output}`) }));
  const handing = (input: string, output: string): NodeProto => ({ op_type: 'Identity', input: [input], output: [output], attribute: [] });
  const untyped = (name: string, like: string): ValueInfo => openInfo(name, decoder.output.find((each) => each.name === like)!);
  const made = new Set(nodes.flatMap(({ output }) => output));
  const body: GraphProto = {
    name: 'decoder',
    node: [
      ...nodes,
      ...states.map(({ output, after }) => handing(rename(output), after)),
      ...outputs.map(({ name, step }) => handing(rename(name), step)),
    ],
    initializer: [],
    input: [
      ...state.map(({ input }) => infoOf(input, calls.first[input]!.dims)),
      infoOf(token.input, calls.token.dims),
      ...(time === undefined ? [] : [infoOf(time, calls.last[time]!.dims)]),
    ],
    output: [...states.map(({ output, after }) => untyped(after, output)), ...outputs.map(({ name, step }) => untyped(step, name))],
    value_info: known.filter(({ name }) => made.has(name)),
  };
  const node: NodeProto = {
    op_type: 'Scan',
    name: 'decoder',
    input: [...starts, ...scans.map(({ from }) => from)],
    output: [...state.map(({ output }) => free(`decoder/last/${output}`)), ...outputs.map(({ name }) => names.get(name)!)],
    attribute: [attribute('num_scan_inputs', scans.length), attribute('body', body)],
  };
  return { nodes: [...once, node], initializer, fed, tokens: ids };
}

/** The size of a value is that of the run. */
function withSize(node: NodeProto, sizes: Sizes): NodeProto {
  const dims = node.op_type === 'Shape' ? sizes.get(node.input[0]!)?.dims : undefined;
  if (dims === undefined) return node;
  const bound = (name: string): number | undefined => {
    const value = node.attribute.find((each) => each.name === name)?.i;
    return value === undefined ? undefined : Number(value);
  };
  const shape = dims.slice(bound('start') ?? 0, bound('end'));
  return {
    op_type: 'Constant',
    input: [],
    output: node.output,
    attribute: [attribute('value', tensorProto('int64', [shape.length], shape))],
  };
}

/** What depends on nothing but what the encoder gives is the same at each call: it stands before the steps. */
function onceOnly(
  all: readonly NodeProto[],
  held: readonly string[],
  weights: ReadonlySet<string>,
): { once: NodeProto[]; nodes: NodeProto[] } {
  const makers = new Map(all.flatMap((node) => node.output.map((name) => [name, node] as const)));
  const [constant, given] = [new Set<string>([...weights, '']), new Set(held)];
  const once = new Set<NodeProto>();
  const take = (node: NodeProto): void => {
    if (once.has(node)) return;
    once.add(node);
    for (const name of node.input) if (makers.has(name)) take(makers.get(name)!);
  };
  for (const node of all) {
    if (node.attribute.some(({ g }) => g !== undefined) || drawing.has(node.op_type)) continue;
    if (!node.input.every((name) => constant.has(name) || given.has(name))) continue;
    const isConstant = !node.input.some((name) => given.has(name));
    for (const name of node.output) (isConstant ? constant : given).add(name);
    if (!isConstant) take(node);
  }
  return { once: all.filter((node) => once.has(node)), nodes: all.filter((node) => !once.has(node)) };
}

/** Operators that give something else each time. */
const drawing = new Set(['RandomNormal', 'RandomNormalLike', 'RandomUniform', 'RandomUniformLike', 'Multinomial', 'Bernoulli']);

/** A decoder that reads all that was written, once. */
function whole({ rule: { token, time }, calls, nodes, rename }: Pick<ScanRequest, 'rule' | 'calls' | 'nodes' | 'rename'>): Added {
  const tokens = rename(token.input);
  const times = time === undefined ? {} : { [rename(time)]: calls.last[time]! };
  return { nodes, initializer: [], fed: { [tokens]: calls.token, ...times }, tokens };
}

/** [calls, ...] as a call is fed them. */
function stackedIds({ fed, token: { type, dims } }: PairCalls): Tensor {
  const ids = fed.flat();
  const data = type === 'int64' ? BigInt64Array.from(ids, BigInt) : Int32Array.from(ids);
  if (type !== 'int64' && type !== 'int32')
    throw new PairError(`The decoder's token is ${type}; int32 and int64 can be debugged together.`);
  return { type, dims: [fed.length, ...dims], data };
}

function protoOf(name: string, { type, dims, data }: Tensor): TensorProto {
  if (!(type in elementTypes)) throw new PairError(`The decoder reads ${type}, which cannot be kept in one model with the encoder.`);
  return {
    name,
    data_type: elementTypes[type as keyof typeof elementTypes],
    dims: [...dims],
    raw_data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  };
}

/** With the sizes that it had. */
function sized(info: ValueInfo, tensor: Tensor | undefined): ValueInfo {
  const own = info.type?.tensor_type;
  if (own === undefined || tensor === undefined) return info;
  return { ...info, type: { tensor_type: { ...own, shape: { dim: tensor.dims.map((size) => ({ dim_value: size })) } } } };
}

/** The type alone: sizes are other ones where calls are stacked. */
function openInfo(name: string, { type }: ValueInfo): ValueInfo {
  if (type?.tensor_type === undefined) return { name };
  const { shape: _, ...tensor } = type.tensor_type;
  return { name, type: { tensor_type: tensor } };
}

/** Throws PairError where the two files are of different versions of a domain's operators. */
function opsetsOf(encoder: ModelProto, decoder: ModelProto): ModelProto['opset_import'] {
  const found = new Map(encoder.opset_import.map(({ domain, version }) => [domain ?? '', version]));
  for (const { domain = '', version } of decoder.opset_import) {
    const before = found.get(domain);
    if (before !== undefined && before !== version)
      throw new PairError(
        `The encoder is of version ${before} of ${domain || "ONNX's own operators"}, the decoder of ${version}: export both with the same opset, so that one model can hold them.`,
      );
    found.set(domain, version);
  }
  if ((found.get('') ?? found.get('ai.onnx') ?? 0) < 9)
    throw new PairError('The files are of an opset before 9, which has no Scan for one sequence: export them with opset 9 or newer.');
  return [...found].map(([domain, version]) => ({ domain, version }));
}

function functionsOf(encoder: ModelProto, decoder: ModelProto): NonNullable<ModelProto['functions']> {
  const key = ({ domain = '', name, overload = '' }: NonNullable<ModelProto['functions']>[number]): string =>
    `${domain}:${name}:${overload}`;
  const found = new Map((encoder.functions ?? []).map((each) => [key(each), each]));
  for (const each of decoder.functions ?? []) if (!found.has(key(each))) found.set(key(each), each);
  return [...found.values()];
}

/** All names of values, those of bodies too. */
function namesIn(graph: GraphProto, found = new Set<string>()): Set<string> {
  for (const { name } of [...graph.input, ...graph.output]) found.add(name);
  for (const { name } of graph.initializer) found.add(name ?? '');
  for (const { values } of graph.sparse_initializer ?? []) found.add(values?.name ?? '');
  for (const { input, output, attribute: attributes } of graph.node) {
    for (const name of [...input, ...output]) found.add(name);
    for (const { g } of attributes) if (g !== undefined) namesIn(g, found);
  }
  found.delete('');
  return found;
}
