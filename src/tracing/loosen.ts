// Models that run over a dimension of a fixed length, as the rows of an image, are stepped through like those over a sequence: the axis gets a length
// that is bound when the graph runs, so that a window of it can be computed alone.

import { type AnyNode, type Axis, type Graph, makeValue, type OperationName, type RecurAttributes, type Value } from '../graph/graph.ts';
import type { Model } from '../graph/model.ts';
import { isLocal } from './locality.ts';

/** The model with every axis of this name having its name for a length. */
export function loosened(model: Model, name: string): Model {
  const known = new Map<Value, Value>();
  const axis = (each: Axis): Axis => (each.name === name ? { name, size: name } : each);
  const renew = (value: Value): Value => {
    let renewed = known.get(value);
    if (renewed === undefined) {
      const changes = value.type.axes.some((each) => each.name === name);
      renewed = changes ? makeValue({ ...value.type, axes: value.type.axes.map(axis) }, value.name) : value;
      known.set(value, renewed);
    }
    return renewed;
  };
  const node = (each: AnyNode): AnyNode =>
    ({ ...each, attributes: attributesOf(each), inputs: each.inputs.map(renew), outputs: each.outputs.map(renew) }) as AnyNode;
  const attributesOf = (each: AnyNode): unknown => {
    if (each.operation === 'recur') {
      const attributes = each.attributes as RecurAttributes;
      return { ...attributes, axis: axis(attributes.axis), body: graphOf(attributes.body) };
    }
    return Object.fromEntries(Object.entries(each.attributes).map(([key, value]) => [key, attributeOf(value)]));
  };
  const attributeOf = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    if ('axes' in value) return { ...value, axes: (value as { axes: readonly Axis[] }).axes.map(axis) };
    return 'name' in value && 'size' in value ? axis(value as Axis) : value;
  };
  const graphOf = ({ parameters, nodes, results }: Graph): Graph => ({
    parameters: parameters.map(renew),
    nodes: nodes.map(node),
    results: results.map(renew),
  });
  const { losses, loss, prediction, forecast, judged } = model;
  return {
    ...model,
    graph: graphOf(model.graph),
    weights: model.weights.map((each) => ({ ...each, value: renew(each.value) })),
    inputs: model.inputs.map((each) => ({ ...each, value: renew(each.value) })),
    states: model.states.map((each) => ({ ...each, before: renew(each.before), after: renew(each.after) })),
    dropout: model.dropout.map((each) => ({ ...each, value: renew(each.value) })),
    instances: model.instances.map((instance) => ({
      ...instance,
      lines: instance.lines.map((line) => ({ ...line, value: renew(line.value) })),
      states: instance.states.map((state) => ({ ...state, after: renew(state.after), initial: renew(state.initial) })),
      inputs: instance.inputs.map((input) => ({ ...input, value: renew(input.value) })),
    })),
    ...(loss === undefined ? {} : { loss: renew(loss) }),
    ...(losses === undefined ? {} : { losses: { value: renew(losses.value), counted: renew(losses.counted) } }),
    ...(prediction === undefined ? {} : { prediction: { ...prediction, logits: renew(prediction.logits) } }),
    ...(forecast === undefined ? {} : { forecast: { ...forecast, values: renew(forecast.values) } }),
    ...(judged === undefined
      ? {}
      : { judged: { ...judged, scores: renew(judged.scores), target: renew(judged.target), counted: renew(judged.counted) } }),
  };
}

const imageOperations: ReadonlySet<string> = new Set<OperationName>(['convolve', 'pool', 'unpool', 'split', 'merge']);

/** The fixed axis that a model's first running cell runs over, where it has no sequence: its name and length. */
export function fixedTime({ inputs, instances, graph }: Model): { readonly name: string; readonly size: number } | undefined {
  const axes = inputs.flatMap(({ value }) => value.type.axes);
  if (axes.some(({ name, size }) => typeof size === 'string' && name !== 'B')) return undefined;
  const running = instances.find(({ axis, states }) => axis !== undefined && states.length > 0)?.axis;
  const found = axes.find(({ name }) => name === running);
  if (found === undefined || typeof found.size !== 'number') return undefined;
  // Operations on images need their lengths as numbers.
  const isWindowed = graph.nodes.some((node) => imageOperations.has(node.operation) && !isLocal(node, found.name));
  return isWindowed ? undefined : { name: found.name, size: found.size };
}
