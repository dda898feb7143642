// A trained model as an ONNX file: inputs are the model's and the states before, outputs its prediction and the states after; batch and time
// are symbolic. A recurrence that ONNX has an operator for becomes that operator, any other a Scan.

import { type Axis, axisNames, type Graph, type Node, type Value } from '../graph/graph.ts';
import type { Model } from '../graph/model.ts';
import { fixParameters } from '../graph/passes/fix.ts';
import { orderResults } from '../graph/passes/order.ts';
import { foldReversals } from '../graph/passes/reversal.ts';
import { sinkOutputs } from '../graph/passes/sink.ts';
import { select } from '../graph/prune.ts';
import { lower } from './lower.ts';
import { operatorsOf } from './operators.ts';
import { encodeModel, type ModelProto, type StringEntry } from './proto.ts';
import { withoutMask } from './row-lengths.ts';
import { type StandardRecurrence, standardRecurrence } from './standard.ts';
import { hasNumbers, lowerStandard, type Numbers } from './standard-lower.ts';
import { tensorProto } from './write.ts';

export interface ExportOptions {
  /** By name: `h.W_f`. */
  readonly weights: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;
  /** The classes of each vocabulary in order, by the name of its dimension: kept in the metadata. */
  readonly vocabularies?: Readonly<Record<string, readonly string[]>>;
  /** How numbers of the inputs were normalised: kept in the metadata. */
  readonly scales?: Readonly<Record<string, { readonly mean: readonly number[]; readonly deviation: readonly number[] }>>;
  /** The sources by file name: kept in the metadata. */
  readonly sources?: ReadonlyMap<string, string>;
}

export interface Exported {
  readonly bytes: Uint8Array;
  readonly model: ModelProto;
  /** The operators that occur, those of bodies too, in alphabetical order. */
  readonly operators: readonly string[];
}

/** What a model of Unroll is called in the metadata of its file. */
export const metadataKeys = {
  model: 'unroll.model',
  vocabularies: 'unroll.vocabularies',
  inputs: 'unroll.inputs',
  scales: 'unroll.scales',
  sources: 'unroll.sources',
} as const;

/** The name of a state's value after the last step; that before the first is the state's own name. */
export const finalName = (state: string): string => `${state}.final`;

/** Throws where a weight has no numbers. */
export function exportModel(model: Model, { weights, ...about }: ExportOptions): Exported {
  const outputs = outputsOf(model);
  const asked = [...outputs.map(({ value }) => value), ...model.states.map(({ after }) => after)];
  const ones = new Map(model.dropout.map(({ value }) => [value, 1]));
  const names = new Map<Value, string>([
    ...model.inputs.map(({ name, value }) => [value, name] as const),
    ...model.states.map(({ name, before }) => [before, name] as const),
  ]);
  const lowered = lowerForAll(model, fixParameters(select(model.graph, asked), ones), {
    names,
    outputs: [...outputs.map(({ name }) => name), ...model.states.map(({ name }) => finalName(name))],
    weights,
    orderOf: sequenceFirst,
  });
  const proto = { ...lowered, metadata_props: metadataOf(model, about) };
  return { bytes: encodeModel(proto), model: proto, operators: Object.keys(operatorsOf(proto)) };
}

/** What a file keeps of the model that it was made of. */
export function metadataOf(model: Model, { vocabularies, scales, sources }: Omit<ExportOptions, 'weights'>): StringEntry[] {
  return [
    { key: metadataKeys.model, value: model.name },
    // Which vocabulary the classes of an input are of.
    {
      key: metadataKeys.inputs,
      value: JSON.stringify(Object.fromEntries(model.inputs.map(({ name, classes }) => [name, classes ?? null]))),
    },
    ...(vocabularies === undefined ? [] : [{ key: metadataKeys.vocabularies, value: JSON.stringify(vocabularies) }]),
    ...(scales === undefined ? [] : [{ key: metadataKeys.scales, value: JSON.stringify(scales) }]),
    ...(sources === undefined ? [] : [{ key: metadataKeys.sources, value: JSON.stringify(Object.fromEntries(sources)) }]),
  ];
}

export interface Border {
  /** Of the parameters that are no weights. */
  readonly names: ReadonlyMap<Value, string>;
  readonly outputs: readonly string[];
  readonly weights: ExportOptions['weights'];
  /** The axes of a result, in their order. */
  readonly orderOf: (result: Value, place: number) => readonly Axis[];
}

/** A graph over a model's weights for any runtime: standard operators, the weights as initialisers. */
export function lowerForAll(model: Model, whole: Graph, { names, outputs, weights, orderOf }: Border): ModelProto {
  const folded = foldReversals(sinkOutputs(whole));
  const lean = select(folded, folded.results);
  const graph = constantsFirst(orderResults(lean, lean.results.map(orderOf)));
  const weightNames = new Map(model.weights.map(({ name, value }) => [value, name]));
  const numbers: Numbers = (value) => {
    const name = weightNames.get(value);
    return name === undefined ? undefined : numbersOf(name, weights).data;
  };
  const plan = standardPlan(graph, numbers);
  const lowered = lower(graph, {
    inputs: graph.parameters.map((value) => (weightNames.get(value) ?? names.get(value))!),
    outputs,
    extensions: false,
    recurrence(scope, node) {
      const directions = plan.get(node);
      if (directions !== undefined && directions.length > 0)
        lowerStandard(scope, directions, numbers, node.origin?.instance || node.attributes.axis.name);
      return directions !== undefined;
    },
  });
  return finished(lowered.model, model, weights);
}

/** What two directions start from must be there before the first of them. */
function constantsFirst(graph: Graph): Graph {
  const isConstant = ({ operation }: Graph['nodes'][number]): boolean => operation === 'constant';
  return { ...graph, nodes: [...graph.nodes.filter(isConstant), ...graph.nodes.filter((node) => !isConstant(node))] };
}

/** Time and batch before the features. */
function sequenceFirst({ type }: Value): readonly Axis[] {
  const symbolic = (axis: Axis): boolean => typeof axis.size === 'string';
  const [batch, time] = [type.axes.filter((axis) => axis.name === 'B'), type.axes.filter((axis) => symbolic(axis) && axis.name !== 'B')];
  return [...time, ...batch, ...type.axes.filter((axis) => !symbolic(axis))];
}

/** The prediction, or what the loss compares with its target; in a model without a loss, its last line. */
function outputsOf(model: Model): readonly { readonly name: string; readonly value: Value }[] {
  if (model.prediction !== undefined) return [{ name: model.prediction.line, value: model.prediction.logits }];
  const lines = model.instances.find(({ path }) => path === '')?.lines ?? [];
  const scores = model.judged?.scores;
  if (scores !== undefined) {
    const line = lines.find(({ value }) => value === scores || isReordered(model.graph, value, scores));
    return [{ name: line?.name ?? 'scores', value: scores }];
  }
  const last = lines.findLast(({ role, value }) => role !== 'loss' && value.type.dtype === 'float');
  if (last === undefined) throw new Error(`The model ${model.name} has no line to export: only its loss.`);
  return [{ name: last.name, value: last.value }];
}

/** A line's value has its axes in the order of the language: it may be another's, added to a zero that has that order. */
function isReordered({ nodes }: Graph, value: Value, of: Value): boolean {
  const node = nodes.find(({ outputs }) => outputs[0] === value);
  return (
    node?.operation === 'add' &&
    node.inputs[1] === of &&
    nodes.some((each) => each.operation === 'constant' && each.outputs[0] === node.inputs[0] && each.attributes.value === 0)
  );
}

/** What each recurrence with a standard operator is written as. Two over one sequence from both ends are one operator: the second then has no
 *  directions of its own. */
function standardPlan(graph: Graph, numbers: Numbers): Map<Node<'recur'>, readonly StandardRecurrence[]> {
  const plan = new Map<Node<'recur'>, readonly StandardRecurrence[]>();
  for (const node of graph.nodes) {
    if (node.operation !== 'recur') continue;
    const masked = withoutMask(graph, node);
    const recurrence = standardRecurrence(masked?.node ?? node);
    if (recurrence === undefined || !hasNumbers(recurrence, numbers)) continue;
    const found = masked === undefined ? recurrence : { ...recurrence, lengths: masked.lengths };
    const partner = [...plan].find(([, [other]]) => other !== undefined && isOtherDirection(graph, other, found));
    if (partner === undefined) plan.set(node, [found]);
    else {
      plan.set(partner[0], [...partner[1], found]);
      plan.set(node, []);
    }
  }
  return plan;
}

/** `b` may be written where `a` stands, so it must need nothing that is computed later. */
function isOtherDirection(graph: Graph, a: StandardRecurrence, b: StandardRecurrence): boolean {
  const known = (value: Value): boolean =>
    graph.parameters.includes(value) || graph.nodes.some((node) => node.operation === 'constant' && node.outputs[0] === value);
  const hidden = (each: StandardRecurrence): unknown => each.initial.h.type.axes.find(({ name }) => name === each.axes.hidden)?.size;
  return (
    a.operator === b.operator &&
    a.x === b.x &&
    a.lengths === b.lengths &&
    !a.reverse &&
    b.reverse &&
    hidden(a) === hidden(b) &&
    // The runtime takes the first activation for both directions.
    a.activation === b.activation &&
    (a.past === undefined) === (b.past === undefined) &&
    [a.initial.h, a.initial.c, b.initial.h, b.initial.c].every((value) => value === undefined || known(value))
  );
}

/** Weights become initialisers, or go where an operator holds them already. */
function finished(lowered: ModelProto, model: Model, weights: ExportOptions['weights']): ModelProto {
  const { graph } = lowered;
  const used = namesRead(graph);
  const isWeight = new Set(model.weights.map(({ name }) => name));
  const held = model.weights.filter(({ name }) => used.has(name) && graph.input.some((input) => input.name === name));
  const initializers = held.map(({ name, value }) => {
    const { shape, data } = numbersOf(name, weights);
    if (shape.length !== axisNames(value).length) throw new Error(`The weight ${name} has the shape [${shape}].`);
    return tensorProto('float32', shape, data, name);
  });
  return {
    ...lowered,
    producer_name: 'unroll',
    graph: {
      ...graph,
      name: model.name,
      initializer: [...initializers, ...graph.initializer.filter(({ name }) => used.has(name!))],
      input: graph.input.filter(({ name }) => !isWeight.has(name)),
    },
  };
}

function numbersOf(name: string, weights: ExportOptions['weights']): { readonly shape: readonly number[]; readonly data: Float32Array } {
  const found = weights.get(name);
  if (found === undefined) throw new Error(`The weight ${name} is missing: the checkpoint is of another model.`);
  return found;
}

/** Every name that a node reads, bodies included. */
function namesRead(graph: ModelProto['graph']): Set<string> {
  return new Set([
    ...graph.output.map(({ name }) => name),
    ...graph.node.flatMap((node) => [...node.input, ...node.attribute.flatMap(({ g }) => (g === undefined ? [] : [...namesRead(g)]))]),
  ]);
}
