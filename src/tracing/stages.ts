// A graph of all timesteps of which some states are still to be computed, taken apart.
//
// Where most states are known (those that a model of others gave), nearly everything can be computed for all timesteps at once, and once only:
// first what depends on no unknown state, the gates' products among it; then the unknown states, which are mostly elementwise
// functions of these and of themselves a step before (c' = f * c + i * g), step by step without a session; then the rest.

import { type AnyNode, axisNames, type Graph, type Value } from '../graph/graph.ts';
import { select } from '../graph/prune.ts';
import { isElementwise } from './elementwise-loop.ts';

export interface Unknown {
  /** The states before each step, as parameters of the graph, and after each, as it makes them. */
  readonly before: readonly Value[];
  readonly after: readonly Value[];
  readonly final: readonly Value[];
}

export interface Stages {
  /** What depends on no unknown state, and is a result or read by what does. */
  readonly first: Graph;
  /** One for each recurrence with unknown states: from these and from the results of the first, the states after each step. */
  readonly loops: readonly Graph[];
  /** The results that depend on unknown states. Parameters are the graph's own, results of the first, and the states after each step. */
  readonly last: Graph;
}

/** Absent where an unknown state depends on another recurrence's, or on its own by more than elementwise operations. */
export function stagesOf(graph: Graph, unknown: readonly Unknown[]): Stages | undefined {
  const depends = new Set<Value>(unknown.flatMap(({ before, final }) => [...before, ...final]));
  const late: AnyNode[] = [];
  for (const node of graph.nodes) {
    if (!node.inputs.some((input) => depends.has(input))) continue;
    late.push(node);
    for (const output of node.outputs) depends.add(output);
  }
  const given = new Set(graph.parameters);
  const constants = graph.nodes.filter((node) => node.operation === 'constant');
  const free = new Set(constants.flatMap((node) => node.outputs));
  const border = late.flatMap((node) => node.inputs).filter((input) => !depends.has(input) && !free.has(input));
  const ready = [...new Set([...graph.results, ...border])].filter((value) => !depends.has(value) && !given.has(value));
  const rest = { parameters: [...graph.parameters, ...ready], nodes: [...constants, ...late] };
  const loops = unknown.map(({ after }) => select({ ...rest, results: after }, after));
  const others = (own: Unknown): Set<Value> =>
    new Set(unknown.flatMap((each) => (each === own ? each.final : [...each.before, ...each.final])));
  const fits = loops.every((loop, k) => {
    const foreign = others(unknown[k]!);
    if (loop.parameters.some((parameter) => foreign.has(parameter)) || !loop.nodes.every(isElementwise)) return false;
    const axes = (value: Value): string => axisNames(value).toSorted().join(' ');
    return unknown[k]!.before.every((state) => axes(state) === axes(unknown[k]!.before[0]!));
  });
  if (!fits) return undefined;
  const after = new Set(unknown.flatMap((each) => each.after).filter((value) => !given.has(value)));
  const results = [...new Set(graph.results)].filter((value) => depends.has(value) && !given.has(value) && !after.has(value));
  const behind = {
    parameters: [...rest.parameters, ...after],
    nodes: rest.nodes.filter(({ outputs }) => !outputs.some((output) => after.has(output))),
  };
  return { first: select({ ...graph, results: ready }, ready), loops, last: select({ ...behind, results }, results) };
}
