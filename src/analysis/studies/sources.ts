// What a model reads, as real numbers: an input itself, or the vectors that its classes become.

import type { Graph, Value } from '../../graph/graph.ts';
import type { Model, ModelInput } from '../../graph/model.ts';

export interface InputSource {
  readonly input: ModelInput;
  /** The first real numbers that are made of it: itself, or its embeddings. */
  readonly values: readonly Value[];
  /** The axis of its steps, where it has some. */
  readonly along?: string;
}

/** Inputs that are read, as against those that an output is compared with. */
export const readInputs = ({ inputs, judged }: Model): ModelInput[] =>
  inputs.filter(({ name }) => !/^(next|lengths)\(/.test(name) && (judged === undefined || judged.ahead || name !== judged.input));

/** The inputs that reach the model as real numbers outside of its recurrences, and the names of the others. */
export function inputSources(model: Model, graph: Graph): { readonly sources: readonly InputSource[]; readonly others: readonly string[] } {
  const sources: InputSource[] = [];
  const others: string[] = [];
  for (const input of readInputs(model)) {
    const along = stepsAxis(input.value);
    const values = input.value.type.dtype === 'float' ? [input.value] : madeOf(input.value, graph);
    if (values.length === 0) others.push(input.name);
    else sources.push({ input, values, ...(along === undefined ? {} : { along }) });
  }
  return { sources, others };
}

/** The axis along which a value has steps: the first that is no number and not the batch's. */
export const stepsAxis = ({ type }: Value): string | undefined =>
  type.axes.find(({ name, size }) => typeof size === 'string' && name !== 'B')?.name;

function madeOf(classes: Value, graph: Graph): Value[] {
  const integers = new Set([classes]);
  const found: Value[] = [];
  for (const { inputs, outputs, operation } of graph.nodes) {
    if (operation === 'recur' || !inputs.some((input) => integers.has(input))) continue;
    const [output] = outputs;
    if (output!.type.dtype === 'float') found.push(output!);
    else if (output!.type.dtype === 'int') integers.add(output!);
  }
  return found;
}

/** The graph in which these values are parameters, whatever made them. */
export function cutAt(graph: Graph, values: readonly Value[]): Graph {
  const cut = new Set(values);
  return {
    parameters: [...graph.parameters.filter((parameter) => !cut.has(parameter)), ...values],
    nodes: graph.nodes.filter(({ outputs }) => !outputs.some((output) => cut.has(output))),
    results: graph.results,
  };
}
