// The graphs of training, whatever device runs them: a whole step (forward, backward, clip, update), and the evaluation of a window.

import { Builder } from '../graph/builder.ts';
import { differentiate } from '../graph/differentiate.ts';
import { axisNames, type Graph, type TensorType, tensor, type Value } from '../graph/graph.ts';
import type { Model, Weight } from '../graph/model.ts';
import { optimise } from '../graph/passes/optimise.ts';
import { orderResults } from '../graph/passes/order.ts';
import { packPadded } from '../graph/passes/pack.ts';
import { select } from '../graph/prune.ts';
import type { TrainSettings } from '../shared/settings.ts';
import { type Rates, rateNames, ruleOf } from './optimizer.ts';
import { RunError } from './run.ts';

/** A graph with a name for each parameter and result. */
export interface NamedGraph {
  readonly graph: Graph;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export interface StepGraphs {
  /** Inputs: weights and moments by their names in a checkpoint (`h.W_f`, `h.W_f#m`), carried states (`h.c#state`), the model's inputs (`input:text`),
   *  dropout masks (`mask:0`), and the optimiser's `Rates`. Outputs: `loss`, `gradientNorm`, and what replaces an input by its name with a prime (`h.W_f'`). */
  readonly step: NamedGraph;
  /** Inputs: weights, states, the model's inputs. Outputs: `sum`, `count`; `predicted`, `target`, `counted` and `judgedSum` where the model's loss
   *  compares something (rows first: [B, ...]); states with a prime. */
  readonly evaluation: NamedGraph;
}

export const inputName = (name: string): string => `input:${name}`;
export const maskName = (place: number): string => `mask:${place}`;
export const stateName = (name: string): string => `${name}#state`;
export const momentName = (weight: string, moment: string): string => `${weight}#${moment}`;
export const gradientName = (weight: string): string => `gradient:${weight}`;
export const next = (name: string): string => `${name}'`;

/** `pack`: what only the loss needs of a padded batch is computed without the padding, by tensors whose sizes are known when the graph runs. */
export function stepGraphs(model: Model, settings: TrainSettings, pack: boolean): StepGraphs {
  const improve = pack ? packPadded : (graph: Graph): Graph => graph;
  return { step: stepGraph(model, settings, improve), evaluation: evaluationGraph(model, improve) };
}

/** A model without a loss cannot be trained. */
export function lossOf({ loss, name }: Model): Value {
  if (loss === undefined) throw new Error(`The model ${name} has no line called loss, so there is nothing to train. Add one.`);
  return loss;
}

/** The names of the model's parameters. */
export function parameterNames(model: Model): Map<Value, string> {
  const names = new Map<Value, string>();
  for (const { name, value } of model.weights) names.set(value, name);
  for (const { name, value } of model.inputs) names.set(value, inputName(name));
  for (const { name, before } of model.states) names.set(before, stateName(name));
  model.dropout.forEach(({ value }, k) => {
    names.set(value, maskName(k));
  });
  return names;
}

/** The weights that training changes: those of no line that is frozen. Throws where a frozen line has none. */
export function trainedWeights({ name: modelName, weights }: Model, { freeze = [] }: Pick<TrainSettings, 'freeze'>): readonly Weight[] {
  const isOf = (line: string, name: string): boolean => name === line || name.startsWith(`${line}.`) || name.startsWith(`${line}[`);
  for (const line of freeze)
    if (!weights.some(({ name }) => isOf(line, name))) {
      const lines = [...new Set(weights.map(({ name }) => name.replace(/[.[].*$/, '')))];
      throw new RunError(`\`freeze: [${line}]\`: ${modelName} has no weights in a line ${line}. It has them in ${lines.join(', ')}.`);
    }
  const trained = weights.filter(({ name }) => !freeze.some((line) => isOf(line, name)));
  if (trained.length === 0)
    throw new RunError(`All weights of ${modelName} are frozen: there is nothing to train. Leave a line out of \`freeze\`.`);
  return trained;
}

/** For a share of the batch's rows: the sum of the losses, their count, and the gradient of the sum. Inputs as of a whole step but moments and rates;
 *  outputs `sum`, `count`, states with a prime, `gradient:h.W_f`. The loss must be the sum of `losses` over their count. */
export function gradientGraph(model: Model, trained: readonly Weight[] = model.weights): NamedGraph {
  const losses = model.losses!;
  const b = new Builder();
  const lean = packPadded(select(model.graph, [losses.value, losses.counted, ...model.states.map(({ after }) => after)]));
  const parameters = lean.parameters.map((value) => b.adopt(value));
  const [value, counted, ...after] = b.inline(lean, parameters);
  const sum = b.sum(value!);
  const count = b.sum(b.cast(counted!, 'float'));
  const weights = trained.map((weight) => weight.value);
  const { graph } = differentiate(b.graph([sum, count, ...after]), sum, weights);
  const names = parameterNames(model);
  const outputs = [
    'sum',
    'count',
    ...model.states.map(({ name }) => next(stateName(name))),
    ...trained.map(({ name }) => gradientName(name)),
  ];
  const orders = graph.results.map((result, k) => weights[k - 2 - model.states.length]?.type.axes ?? result.type.axes);
  const { inputs, graph: optimised } = named(optimise(graph), names, outputs);
  return { graph: orderResults(optimised, orders), inputs, outputs };
}

/** The update of any range of the parameters, as vectors of one length. Inputs: `parameter`, `gradient`, the moments by their suffixes, `factor` (of
 *  the clipping by norm), and the `Rates`. Outputs: parameter and moments with a prime. */
export function updateGraph({ optimizer, clipValue }: TrainSettings): NamedGraph {
  const b = new Builder();
  const rule = ruleOf(optimizer);
  const vector = tensor([{ name: 'N', size: 'N' }]);
  const names = ['parameter', 'gradient', ...rule.moments];
  const [parameter, gradient, ...moments] = names.map((name) => b.parameter(vector, name));
  const numbers = ['factor', ...rateNames].map((name) => b.parameter(tensor([]), name));
  const [factor, ...rest] = numbers;
  const rates = Object.fromEntries(rateNames.map((name, k) => [name, rest[k]!])) as Record<keyof Rates, Value>;
  const clipped = cut(b, b.times(gradient!, factor!), clipValue);
  const updated = rule.update(b, { parameter: parameter!, gradient: clipped, moments, rates });
  const inputs = new Map([...names, 'factor', ...rateNames].map((name, k) => [[parameter!, gradient!, ...moments, ...numbers][k]!, name]));
  return named(optimise(b.graph([updated.parameter, ...updated.moments])), inputs, ['parameter', ...rule.moments].map(next));
}

function stepGraph(model: Model, settings: TrainSettings, improve: (graph: Graph) => Graph): NamedGraph {
  const trained = trainedWeights(model, settings);
  const weights = trained.map(({ value }) => value);
  const lean = improve(select(model.graph, [lossOf(model), ...model.states.map(({ after }) => after)]));
  const derivative = differentiate(lean, lean.results[0]!, weights);

  const b = new Builder();
  const parameters = derivative.graph.parameters.map((value) => b.adopt(value));
  const values = b.inline(derivative.graph, parameters);
  const [loss, ...after] = values.slice(0, lean.results.length);
  const gradients = values.slice(lean.results.length);

  const names = parameterNames(model);
  const parameter = (type: TensorType, name: string): Value => {
    const value = b.parameter(type, name);
    names.set(value, name);
    return value;
  };
  const rates = Object.fromEntries(rateNames.map((name) => [name, parameter(tensor([]), name)])) as Record<keyof Rates, Value>;
  const norm = globalNorm(b, gradients);
  const clipped = clip(b, gradients, norm, settings);
  const rule = ruleOf(settings.optimizer);
  const outputs = ['loss', 'gradientNorm', ...model.states.map(({ name }) => next(stateName(name)))];
  const results = [loss!, norm, ...after];
  trained.forEach(({ name, value }, k) => {
    const moments = rule.moments.map((moment) => parameter(value.type, momentName(name, moment)));
    const updated = rule.update(b, { parameter: value, gradient: clipped[k]!, moments, rates });
    results.push(updated.parameter, ...updated.moments);
    outputs.push(next(name), ...rule.moments.map((moment) => next(momentName(name, moment))));
  });
  // A weight that the loss does not need is kept as it is.
  for (const value of weights) if (!parameters.includes(value)) b.adopt(value);
  return named(optimise(b.graph(results)), names, outputs);
}

/** What replaces an input has its axes in the input's order; of `rowsFirst`, the batch comes first, then time, and all have one order. */
function named(graph: Graph, names: ReadonlyMap<Value, string>, outputs: readonly string[], rowsFirst: readonly string[] = []): NamedGraph {
  const inputs = graph.parameters.map((value) => names.get(value)!);
  const together = graph.results[outputs.indexOf(rowsFirst[0] ?? '')]?.type.axes ?? [];
  const common = [...together].sort((a, c) => Number(c.name === 'B') - Number(a.name === 'B')).map(({ name }) => name);
  const orders = graph.results.map((result, k) => {
    if (rowsFirst.includes(outputs[k]!)) return [...result.type.axes].sort((a, c) => common.indexOf(a.name) - common.indexOf(c.name));
    const place = inputs.findIndex((name) => next(name) === outputs[k]);
    return (place < 0 ? result : graph.parameters[place]!).type.axes;
  });
  return { graph: orderResults(graph, orders), inputs, outputs };
}

/** Square root of the sum of all squares. */
function globalNorm(b: Builder, gradients: readonly Value[]): Value {
  const squares = gradients.map((gradient) => b.contract(gradient, gradient, axisNames(gradient)));
  return b.sqrt(squares.reduce((sum, each) => b.plus(sum, each)));
}

/** First all gradients are scaled so that their common norm is at most `clip`, then each element is cut at `clipValue`. */
export function clip(b: Builder, gradients: readonly Value[], norm: Value, { clip: most, clipValue }: TrainSettings): Value[] {
  const factor =
    most === undefined ? undefined : b.binary('minimum', b.over(b.constant(most), b.plus(norm, b.constant(tiny))), b.constant(1));
  return gradients.map((gradient) => {
    return cut(b, factor === undefined ? gradient : b.times(gradient, factor), clipValue);
  });
}

function cut(b: Builder, gradient: Value, most: number | undefined): Value {
  return most === undefined ? gradient : b.binary('minimum', b.binary('maximum', gradient, b.constant(-most)), b.constant(most));
}

/** Keeps the factor finite where the gradient is zero (torch.nn.utils.clip_grad_norm_). */
export const tiny = 1e-6;

function evaluationGraph(model: Model, improve: (graph: Graph) => Graph): NamedGraph {
  const { losses, states, dropout, judged } = model;
  const lossValues = losses === undefined ? [lossOf(model)] : [losses.value, losses.counted];
  const comparedValues = judged === undefined ? [] : [judged.scores, judged.target, judged.counted];
  const lean = select(model.graph, [...lossValues, ...comparedValues, ...states.map(({ after }) => after)]);
  const b = new Builder();
  const masks = new Set(dropout.map(({ value }) => value));
  const given = lean.parameters.map((value) => (masks.has(value) ? b.constant(1, value.type.axes) : b.adopt(value)));
  const values = b.inline(lean, given);
  const [sum, count] = losses === undefined ? [values[0]!, b.constant(1)] : [b.sum(values[0]!), b.sum(b.cast(values[1]!, 'float'))];
  const [scores, target, counted] = values.slice(lossValues.length);
  const compared = judged === undefined ? [] : comparison(b, judged, scores!, target!, counted!);
  const outputs = [
    'sum',
    'count',
    ...(judged === undefined ? [] : ['predicted', 'target', 'counted', 'judgedSum']),
    ...states.map(({ name }) => next(stateName(name))),
  ];
  const results = [sum, count, ...compared, ...values.slice(lossValues.length + comparedValues.length)];
  return named(optimise(improve(b.graph(results))), parameterNames(model), outputs, ['predicted', 'target', 'counted']);
}

/** What is predicted, what is true, what of it counts, and the sum of the loss function over that. */
function comparison(b: Builder, { loss, over }: NonNullable<Model['judged']>, scores: Value, target: Value, counted: Value): Value[] {
  const real = b.cast(counted, 'bool');
  const sumOf = (lost: Value): Value => b.sum(b.where(real, lost, b.constant(0)));
  // A target that is nothing must not become a number that is none.
  const known = (value: Value): Value => b.where(real, b.cast(value, 'float'), b.constant(0));
  if (over !== undefined) {
    const index = b.binary('maximum', target, b.constant(0, [], 'int'));
    const entropy = b.minus(b.logsumexp(scores, over), b.gather(scores, index, over));
    return [known(b.argmax(scores, over)), known(target), counted, sumOf(entropy)];
  }
  if (loss === 'binary') {
    const yes = b.binary('less', b.constant(0), scores);
    // A target may lie between no and yes.
    const truth = b.binary('less', b.constant(0.5), target);
    return [known(yes), known(truth), counted, sumOf(b.minus(b.unary('softplus', scores), b.times(scores, target)))];
  }
  const difference = b.minus(scores, target);
  return [known(scores), known(target), counted, sumOf(b.times(difference, difference))];
}
