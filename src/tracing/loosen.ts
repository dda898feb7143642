// Models that run over a dimension of a fixed length, as the rows of an image, are stepped through like those over a sequence: the axis gets a length
// that is bound when the graph runs, so that a window of it can be computed alone.

import type { OperationName } from '../graph/graph.ts';
import { isLocal } from '../graph/locality.ts';
import type { Model } from '../graph/model.ts';
import { renewed } from './renew.ts';

/** The model with every axis of this name having its name for a length. */
export function loosened(model: Model, name: string): Model {
  const { renew, graph: graphOf } = renewed((each) => (each.name === name ? { name, size: name } : each));
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
