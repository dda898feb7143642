// Reverse mode over the ordinary operators of an ONNX model, as a model of its own (Griewank & Walther, Evaluating Derivatives, chapter 3).
//
// Nodes are visited against their order; each adds what its rule makes of the cotangents of its results to those of its inputs. Recurrent parts
// are left out: a gradient stops at their results, and starts again at their inputs (segments.ts has the order). Half precision is
// differentiated in float32. What has no rule is named, and the rest still works.

import { elementTypes, type ModelProto, type NodeProto, type TensorProto, type ValueInfo } from '../../onnx/proto.ts';
import { Emitter } from './emitter.ts';
import { ancestors, dependents, type Flow, flowOf, sourcesOf } from './flow.ts';
import { GradientError } from './order.ts';
import { ruleOf } from './rules/table.ts';
import { carrierOf } from './types.ts';
import { type Around, type Contribution, NoGradient, Vjp } from './vjp.ts';

export interface BackwardRequest {
  /** Values whose cotangents are given: outputs of the model, or inputs of a recurrent part. */
  readonly cotangents: readonly string[];
  /** Values whose cotangents are wanted: inputs, outputs of recurrent parts, anything between. */
  readonly wanted: readonly string[];
  /** Recurrent parts: what they do is differentiated elsewhere, nothing passes through them here. */
  readonly opaque: (node: NodeProto) => boolean;
  /** Element types (TensorProto.DataType) that are known from a run; else declared ones, and what follows from the operators. */
  readonly types?: ReadonlyMap<string, number>;
  /** Of a wanted value that a spelled-out part makes: which nodes are the part's. Of its cotangent only what comes by others is given, in `outside`. */
  readonly inside?: (value: string) => ((node: NodeProto) => boolean) | undefined;
  /** Sizes of values that are known from a run: the model is for such sizes alone then, and smaller. */
  readonly dims?: ReadonlyMap<string, readonly number[]>;
  /** Ranks that are known from a run. Few rules need one, and those of initialisers are known. */
  readonly ranks?: ReadonlyMap<string, number>;
}

export interface BackwardModel {
  /** Inputs: `needs`, under their names, and one for each of `given`. Outputs: `gradients`. Opset 21. */
  readonly model: ModelProto;
  /** Forward values that it reads: inputs of the original model, or values of an instrumented run of it. */
  readonly needs: readonly string[];
  /** The input that takes the cotangent of a value, of the value's shape. One that changes nothing is absent. */
  readonly given: ReadonlyMap<string, string>;
  /** The output that has the cotangent of a wanted value, of the value's shape; float64 for a float64 value, else float32. */
  readonly gradients: ReadonlyMap<string, string>;
  /** The same of values that a part makes, without what the part's own nodes give them. */
  readonly outside: ReadonlyMap<string, string>;
  /** Wanted values whose gradient is exactly zero: the given ones do not depend on them. They have no output. */
  readonly zero: readonly string[];
  readonly missing: readonly MissingGradient[];
}

/** An operator that a gradient should go through, and does not. */
export interface MissingGradient {
  readonly node: NodeProto;
  readonly operator: string;
  /** A sentence. */
  readonly why: string;
  /** Wanted values that lose a contribution by it: their gradient is partial, or has no output at all. */
  readonly blocks: readonly string[];
}

/** Throws GradientError where a value of the request is not in the model, or has no gradient by its type. */
export function backward(model: ModelProto, request: BackwardRequest): BackwardModel {
  const flow = flowOf(model, request.types);
  for (const name of [...request.cotangents, ...request.wanted]) demand(flow, name);
  const live = dependents(flow, request.wanted, request.opaque);
  const prefix = freePrefix(flow);
  const emit = new Emitter(`${prefix}.`, sizesKnown(flow, request));
  const collected = new Map<string, (Contribution & { readonly by?: NodeProto })[]>();
  const contribute = (value: string, contribution: Contribution, by?: NodeProto): void => {
    const list = collected.get(value) ?? [];
    collected.set(value, list);
    list.push(by === undefined ? contribution : { ...contribution, by });
  };
  const given = new Map<string, string>();
  for (const name of new Set(request.cotangents)) {
    given.set(name, emit.alike(`${prefix}given/${name}`, name));
    if (live.has(name)) contribute(name, { kind: 'whole', cotangent: given.get(name)! });
  }
  const cotangents = new Map<string, string>();
  const apart = new Map(
    [...new Set(request.wanted)].flatMap((name) => {
      const isInside = request.inside?.(name);
      return isInside === undefined ? [] : [[name, isInside] as const];
    }),
  );
  const fromOutside = new Map<string, string>();
  const complete = (value: string): void => {
    const parts = collected.get(value);
    if (parts === undefined) return;
    const type = carrierOf(flow.types.get(value));
    cotangents.set(value, emit.alike(total(emit, parts, type), value));
    const isInside = apart.get(value);
    if (isInside === undefined) return;
    const others = parts.filter(({ by }) => by === undefined || !isInside(by));
    if (others.length === parts.length) fromOutside.set(value, cotangents.get(value)!);
    else if (others.length > 0) fromOutside.set(value, total(emit, others, type));
  };
  const around = surroundings(flow, request);
  const failures: { node: NodeProto; why: string; values: readonly string[] }[] = [];

  for (const node of flow.nodes.toReversed()) {
    for (const name of node.output) complete(name);
    if (request.opaque(node) || !node.output.some((name) => cotangents.has(name))) continue;
    const sources = sourcesOf(flow, node).filter((name) => live.has(name));
    const rule = ruleOf(node);
    if (sources.length === 0 || rule === 'zero') continue;
    if (rule === undefined) {
      failures.push({ node, why: `${operatorOf(node)} has no gradient here.`, values: sources });
      continue;
    }
    const vjp = new Vjp(node, emit, around, cotangents, (value) => live.has(value));
    try {
      rule(vjp);
      for (const { value, contribution } of vjp.contributions) contribute(value, contribution, node);
      for (const { value, why } of vjp.failures) failures.push({ node, why: `${operatorOf(node)}: ${why}.`, values: [value] });
    } catch (error) {
      if (!(error instanceof NoGradient)) throw error;
      failures.push({ node, why: `${operatorOf(node)}: ${error.message}.`, values: sources });
    }
  }
  for (const { name } of model.graph.input) complete(name);
  for (const name of flow.constants.keys()) if (!cotangents.has(name)) complete(name);

  const gradients = new Map<string, string>();
  for (const name of new Set(request.wanted)) if (cotangents.has(name) && !apart.has(name)) gradients.set(name, `${prefix}/${name}`);
  const outside = new Map(Array.from(fromOutside, ([name]) => [name, `${prefix}/${name}`] as const));
  const missing = named(flow, failures, request);
  const blocked = new Set(missing.flatMap(({ blocks }) => blocks));
  const shown = new Map([...gradients, ...outside]);
  const results: NodeProto[] = Array.from(shown, ([name, output]) => ({
    op_type: 'Identity',
    name: output,
    input: [(fromOutside.get(name) ?? cotangents.get(name))!],
    output: [output],
    attribute: [],
  }));
  const built = assemble(flow, emit, results, given, shown);
  return {
    model: built.model,
    needs: built.needs,
    given: new Map([...given].filter(([, input]) => built.free.has(input))),
    gradients,
    outside,
    zero: [...new Set(request.wanted)].filter((name) => !shown.has(name) && !blocked.has(name)),
    missing,
  };
}

/** With those of constants. None where none are known: the model is for any sizes then. */
function sizesKnown({ constants }: Flow, { dims }: BackwardRequest): ReadonlyMap<string, readonly number[]> {
  return dims === undefined ? new Map() : new Map([...Array.from(constants, ([name, tensor]) => [name, tensor.dims] as const), ...dims]);
}

function total(emit: Emitter, parts: readonly Contribution[], type: number): string {
  const whole = parts.flatMap((part) => (part.kind === 'whole' ? [part.cotangent] : []));
  const moved = parts.flatMap((part) => (part.kind === 'moved' ? [part] : []));
  if (moved.length > 0) whole.push(emit.gatherBack(moved, moved[0]!.like, type));
  return whole.length === 1 ? whole[0]! : emit.op('Sum', whole);
}

/** As a person knows it. */
export const operatorOf = ({ op_type, domain = '' }: NodeProto): string =>
  domain === '' || domain === 'ai.onnx' ? op_type : `${domain}.${op_type}`;

function demand(flow: Flow, name: string): void {
  if (!flow.values.has(name)) throw new GradientError(`The model has no value called ${name}.`);
  if (!flow.carries(name)) throw new GradientError(`${name} is no tensor of floating-point numbers, so it has no gradient.`);
}

/** What the names of gradients begin with: d, or more of them where the model has such names. */
function freePrefix({ values }: Flow): string {
  const all = [...values];
  let prefix = 'd';
  while (all.some((name) => [`${prefix}/`, `${prefix}.`, `${prefix}given/`].some((start) => name.startsWith(start)))) prefix += 'd';
  return prefix;
}

function surroundings(flow: Flow, request: BackwardRequest): Around {
  // A file may leave the name of the standard domain out.
  const short = (domain = ''): string => (domain === 'ai.onnx' ? '' : domain);
  const versions = new Map(flow.model.opset_import.map(({ domain, version }) => [short(domain), version]));
  return {
    types: flow.types,
    version: (domain) => versions.get(short(domain)) ?? versions.get('') ?? 1,
    constant: (value) => flow.constants.get(value),
    rank: (value) => request.ranks?.get(value) ?? request.dims?.get(value)?.length ?? flow.constants.get(value)?.dims.length,
  };
}

/** Failures by node and cause, with the wanted values that are behind them. */
function named(
  flow: Flow,
  failures: readonly { node: NodeProto; why: string; values: readonly string[] }[],
  { wanted, opaque }: BackwardRequest,
): MissingGradient[] {
  const grouped = new Map<NodeProto, Map<string, string[]>>();
  for (const { node, why, values } of failures) {
    const causes = grouped.get(node) ?? new Map<string, string[]>();
    grouped.set(node, causes.set(why, [...(causes.get(why) ?? []), ...values]));
  }
  return [...grouped].flatMap(([node, causes]) =>
    Array.from(causes, ([why, values]) => {
      const behind = ancestors(flow, values, opaque);
      return { node, operator: operatorOf(node), why, blocks: [...new Set(wanted)].filter((name) => behind.has(name)) };
    }),
  );
}

/** The model of the nodes that the results need. */
function assemble(
  flow: Flow,
  emit: Emitter,
  results: readonly NodeProto[],
  given: ReadonlyMap<string, string>,
  gradients: ReadonlyMap<string, string>,
) {
  const read = new Set(results.flatMap(({ input }) => input));
  const kept: NodeProto[] = [];
  for (const node of emit.nodes.toReversed()) {
    if (!node.output.some((name) => read.has(name))) continue;
    kept.push(node);
    for (const name of node.input) if (name !== '') read.add(name);
  }
  const made = new Set(kept.flatMap(({ output }) => output));
  const own = emit.initializers.filter(({ name }) => read.has(name!));
  for (const { name } of own) made.add(name!);
  const carried: TensorProto[] = [];
  const inputs: ValueInfo[] = [];
  const needs: string[] = [];
  const free = new Set<string>();
  const carrier = (name: string): number => carrierOf(flow.types.get(name));
  const typeOfGiven = new Map(Array.from(given, ([name, input]) => [input, carrier(name)]));
  for (const name of read) {
    if (made.has(name)) continue;
    const constant = flow.constants.get(name);
    const type = typeOfGiven.get(name);
    if (constant !== undefined && type === undefined) {
      carried.push({ ...constant, name });
      continue;
    }
    if (type === undefined) needs.push(name);
    free.add(name);
    inputs.push({ name, type: { tensor_type: { elem_type: type ?? flow.types.get(name) ?? elementTypes.float32 } } });
  }
  const model: ModelProto = {
    ir_version: 10,
    producer_name: 'unroll',
    opset_import: [{ domain: '', version: 21 }],
    graph: {
      name: 'backward',
      node: [...kept.reverse(), ...results],
      initializer: [...own, ...carried],
      input: inputs,
      output: Array.from(gradients, ([name, output]) => ({ name: output, type: { tensor_type: { elem_type: carrier(name) } } })),
    },
  };
  return { model, needs, free };
}
