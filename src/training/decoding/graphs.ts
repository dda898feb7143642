// The graphs of decoding: what a model reads once (the source), and one step of what it writes. For sessions, and for export.

import { type Axis, axisNames, type Graph, type Value } from '../../graph/graph.ts';
import type { Model } from '../../graph/model.ts';
import { fixParameters } from '../../graph/passes/fix.ts';
import { optimise } from '../../graph/passes/optimise.ts';
import { orderResults } from '../../graph/passes/order.ts';
import { select } from '../../graph/prune.ts';
import { type Stepwise, stepwise } from '../../graph/stepwise.ts';
import { predictsNothing } from '../predictor.ts';
import { RunError } from '../run.ts';

export interface DecoderGraphs extends Stepwise {
  /** The model's input that it writes itself, and the name of the axis of its steps. */
  readonly predicted: Value;
  readonly axis: string;
  /** How many classes there are. The first result of `step` are their scores [B, classes], then come the lines [B, ...]. */
  readonly classes: number;
}

/** `lines`: values of the model that are asked for at each step beside the scores. Throws RunError where the model predicts no classes of its own
 *  input, or reads something else step by step beside it. `improve` is done to the graph of the source. */
export function decoderGraphs(model: Model, lines: readonly Value[] = [], improve: (graph: Graph) => Graph = optimise): DecoderGraphs {
  const { prediction, name } = model;
  if (prediction === undefined) throw predictsNothing(model);
  const predicted = model.inputs.find((each) => each.name === prediction.input)!.value;
  const axis = predicted.type.axes[0]!;
  const ones = new Map(model.dropout.map(({ value }) => [value, 1]));
  const graph = fixParameters(select(model.graph, [prediction.logits, ...lines]), ones);
  const beside = model.inputs.find(
    ({ value }) => value !== predicted && graph.parameters.includes(value) && axisNames(value).includes(axis.name),
  );
  if (beside !== undefined)
    throw new RunError(
      `${name} reads ${beside.name} step by step beside ${prediction.input}: both have the dimension ${axis.name}. Give ${beside.name} a dimension of its own to generate.`,
    );
  const cut = stepwise(graph, predicted);
  const step = orderResults(
    optimise(cut.step),
    cut.step.results.map((value, k) => {
      const place = k - graph.results.length;
      return place < 0 ? rowsFirst(value) : cut.states[place]!.type.axes;
    }),
  );
  const once = orderResults(
    improve(cut.once),
    [...cut.given, ...cut.states].map(({ type }) => type.axes),
  );
  const classes = step.results[0]!.type.axes.find(({ name: each }) => each !== 'B')!.size;
  return { ...cut, once, step, predicted, axis: axis.name, classes: Number(classes) };
}

/** The batch, features, and last a dimension of the source. */
const rowsFirst = ({ type }: Value): readonly Axis[] => {
  const rank = ({ name, size }: Axis): number => (name === 'B' ? 0 : typeof size === 'number' ? 1 : 2);
  return [...type.axes].sort((a, b) => rank(a) - rank(b));
};
