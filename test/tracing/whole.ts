// What a trace must say, computed without one: the whole sequence by the loops of the graph.

import { Builder } from '../../src/graph/builder.ts';
import { differentiate } from '../../src/graph/differentiate.ts';
import type { Graph, Value } from '../../src/graph/graph.ts';
import { interpret } from '../../src/graph/interpret.ts';
import { sameNumbers } from '../../src/tracing/lines.ts';
import type { TraceSource } from '../../src/tracing/source.ts';
import { array } from '../graph/numeric.ts';

/** All lines and their gradients by the loops of the whole graph, [T, ...] in the order of their axes. */
export function wholeGraph({ model, weights, inputs, steps, objective = { kind: 'loss' } }: TraceSource) {
  const sizes = { T: steps, B: 1 };
  const lines = [...new Set(model.instances.flatMap((instance) => instance.lines.map(({ value }) => value)))];
  const b = new Builder();
  const atT = b.sum(
    b.where(
      b.binary('equal', b.iota(model.losses!.value.type.axes[0]!), b.constant(objective.kind === 'lossAt' ? objective.t : 0, [], 'int')),
      model.losses!.value,
      b.constant(0),
    ),
  );
  const graph: Graph = { ...model.graph, nodes: [...model.graph.nodes, ...b.graph([]).nodes] };
  const originals = lines.map(sameNumbers(graph));
  const { graph: whole, gradients } = differentiate(graph, objective.kind === 'loss' ? model.loss! : atT, originals);
  const fed = (value: Value): ((place: number) => number) => {
    const weight = model.weights.find((each) => each.value === value);
    const input = model.inputs.find((each) => each.value === value);
    if (weight !== undefined) return (place) => weights.get(weight.name)!.data[place]!;
    if (input !== undefined) return (place) => inputs[input.name]![place]!;
    return () => (model.states.some(({ before }) => before === value) ? 0 : 1);
  };
  const feeds = new Map(whole.parameters.map((parameter) => [parameter, array(parameter, sizes, fed(parameter))]));
  const results = interpret({ ...whole, results: [...lines, ...gradients] }, feeds, sizes);
  // With one sequence, time first and one axis of units, an array is the same in every order but where the units come first.
  const timeFirst = ({ axes, data }: (typeof results)[number]): Float64Array => {
    const [first] = axes.filter(({ size }) => size > 1);
    if (first === undefined || first.name === 'T' || !axes.some(({ name }) => name === 'T')) return data;
    const units = data.length / steps;
    return Float64Array.from(data, (_, place) => data[(place % units) * steps + Math.floor(place / units)]!);
  };
  return {
    values: new Map(lines.map((value, k) => [value, timeFirst(results[k]!)])),
    gradients: new Map(lines.map((value, k) => [value, timeFirst(results[lines.length + k]!)])),
  };
}
