// What gradients are of: a sum of the losses of the timesteps, each with a weight.
//
// The weights are a parameter, so every objective has the same graph of gradients, and another one is other numbers.

import { Builder } from '../graph/builder.ts';
import { type Graph, hasAxis, type Value } from '../graph/graph.ts';
import type { Model } from '../graph/model.ts';
import type { Objective } from '../shared/trace.ts';
import { TraceError } from './errors.ts';

export interface ObjectiveGraph {
  readonly graph: Graph;
  readonly objective: Value;
  /** The parameter for the weights; absent where the model's loss is one number for the whole sequence. */
  readonly weights?: Value;
}

/** Adds the objective to the graph of a model. */
export function objectiveGraph(graph: Graph, model: Model, time: string): ObjectiveGraph {
  const { loss, losses } = model;
  if (loss === undefined) throw new TraceError(`${model.name} has no line called loss, so there is nothing to take gradients of.`);
  if (losses === undefined || !isStepwise(losses.value, time)) return { graph, objective: loss };
  const b = new Builder();
  const weights = b.parameter(losses.value.type);
  const objective = b.sum(b.times(losses.value, weights));
  return {
    graph: { ...graph, parameters: [...graph.parameters, weights], nodes: [...graph.nodes, ...b.graph([]).nodes] },
    objective,
    weights,
  };
}

/** Whether there is a loss at each step: of the sequence that is traced, or of another alone. */
function isStepwise(losses: Value, time: string): boolean {
  const open = losses.type.axes.filter(({ name, size }) => typeof size === 'string' && name !== 'B');
  return hasAxis(losses, time) || open.length === 1;
}

/** Adds the sum of values, each times a cotangent of its own that is a parameter: its gradient is what comes back from these cotangents. */
export function seededGraph(
  graph: Graph,
  values: readonly Value[],
): { readonly graph: Graph; readonly objective: Value; readonly cotangents: readonly Value[] } {
  const b = new Builder();
  const cotangents = values.map((value) => b.parameter(value.type));
  const terms = values.map((value, k) => b.sum(b.times(value, cotangents[k]!)));
  const objective = terms.reduce((sum, term) => b.plus(sum, term));
  return {
    graph: { ...graph, parameters: [...graph.parameters, ...cotangents], nodes: [...graph.nodes, ...b.graph([]).nodes] },
    objective,
    cotangents,
  };
}

/** Weights of the losses, one a step: their mean over the steps that are counted, or one of them. */
export function objectiveWeights(objective: Objective, counted: Float32Array): Float32Array {
  if (objective.kind === 'loss') {
    const count = counted.reduce((sum, each) => sum + each, 0);
    return counted.map((each) => each / Math.max(1, count));
  }
  if (objective.kind !== 'lossAt') throw new TraceError('This model has a loss, and gradients are of it.');
  const { t } = objective;
  if (t < 0 || t >= counted.length) throw new TraceError(`There are timesteps 0 to ${counted.length - 1}, not ${t}.`);
  if (counted[t] === 0) throw new TraceError(`There is no loss at timestep ${t}: what comes after it is not known.`);
  return counted.map((_, each) => Number(each === t));
}
