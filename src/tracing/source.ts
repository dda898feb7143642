// What a trace is made from, and its numbers by the parameters of the model's graph.

import type { AnyNode, Graph, Value } from '../graph/graph.ts';
import type { Model } from '../graph/model.ts';
import type { Address, Objective, TraceDescription } from '../shared/trace.ts';
import { type Elements, product, type Sizes, sizesOf } from './arrays.ts';
import { TraceError } from './errors.ts';

export interface TraceSource {
  readonly id: number;
  readonly title: string;
  readonly model: Model;
  readonly weights: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;
  /** Sequences of one length that are traced together, 1 unless given: then everything that is read is [T, batch, ...], and the views are not for it. */
  readonly batch?: number;
  /** One sequence, by the names of the model's inputs: [T] ids or [T, ...] numbers; several as [T, batch, ...] and [batch, ...]. */
  readonly inputs: Readonly<Record<string, Int32Array | Float32Array>>;
  readonly steps: number;
  /** The axis of the timesteps; `timeAxis` of the model unless given. */
  readonly time?: string;
  /** Axes of other sequences, which lines are said to be along: their numbers come from traces of their own (joined.ts). */
  readonly beside?: readonly string[];
  /** Lengths of the model's other open dimensions, by name. */
  readonly lengths?: Sizes;
  readonly tokens: readonly string[];
  readonly by: TraceDescription['by'];
  readonly classes?: readonly string[];
  readonly vocabularies?: TraceDescription['vocabularies'];
  readonly alignment?: TraceDescription['alignment'];
  readonly objective?: Objective;
  /** States that are known for the whole sequence, [T, batch, ...] by `instance/state'`: they are taken as they are. */
  readonly known?: ReadonlyMap<string, Float32Array>;
  /** Instead of a loss: values of which the gradient begins, with cotangents that the trace is given (SeededTrace). */
  readonly seeds?: readonly Address[];
}

/** The model as it is outside training: carried states as they start, dropout leaves everything. */
export function graphAtRest({ graph, states, dropout }: Model): Graph {
  const values = new Map<Value, number>(dropout.map(({ value }) => [value, 1]));
  for (const { before, initial } of states) values.set(before, initial ?? 0);
  const constants = [...values].map(([output, value]): AnyNode => {
    return { operation: 'constant', attributes: { value, type: output.type }, inputs: [], outputs: [output] };
  });
  return { ...graph, parameters: graph.parameters.filter((parameter) => !values.has(parameter)), nodes: [...constants, ...graph.nodes] };
}

/** The elements of each parameter that is left. */
export function givenElements({ model, weights, inputs }: TraceSource, sizes: Sizes): ReadonlyMap<Value, Elements> {
  const result = new Map<Value, Elements>();
  const put = (what: string, value: Value, data: Elements | undefined): void => {
    const expected = product(sizesOf(value.type.axes, sizes));
    if (data === undefined) throw new TraceError(`The ${what} of ${model.name} is missing.`);
    if (data.length !== expected) throw new TraceError(`The ${what} of ${model.name} has ${data.length} numbers instead of ${expected}.`);
    result.set(value, data);
  };
  for (const { name, value } of model.weights) put(`weight ${name}`, value, weights.get(name)?.data);
  for (const { name, value } of model.inputs) put(`input ${name}`, value, inputs[name]);
  return result;
}
