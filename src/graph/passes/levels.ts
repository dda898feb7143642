// How often a value of a body must be computed (IR levels): once and for all, once a sequence, once a step whatever the state, or in turn.

import type { Graph, Node, Value } from '../graph.ts';

export const levels = { constant: 0, held: 1, step: 2, state: 3 } as const;
export type Level = (typeof levels)[keyof typeof levels];

/** One graph of a nest: the outermost, or a body of the recurrence `of`. */
export interface Place {
  readonly graph: Graph;
  readonly of?: Node<'recur'>;
}

export function levelsOf({ graph, of }: Place): (value: Value) => Level {
  const known = new Map<Value, Level>();
  if (of !== undefined) {
    const { scanned, held } = of.attributes;
    graph.parameters.forEach((parameter, k) => {
      known.set(parameter, k < scanned ? levels.step : k < scanned + held ? levels.held : levels.state);
    });
  }
  const of_ = (value: Value): Level => known.get(value) ?? levels.held;
  for (const node of graph.nodes) {
    const level = node.inputs.reduce<Level>((most, input) => Math.max(most, of_(input)) as Level, levels.constant);
    for (const output of node.outputs) known.set(output, level);
  }
  return of_;
}

/** Applies a pass to the bodies of all recurrences, innermost first, and then to the graph. */
export function everywhere(graph: Graph, pass: (place: Place) => Graph, of?: Node<'recur'>): Graph {
  const nodes = graph.nodes.map((node) => {
    if (node.operation !== 'recur') return node;
    const body = everywhere(node.attributes.body, pass, node);
    return body === node.attributes.body ? node : { ...node, attributes: { ...node.attributes, body } };
  });
  return pass({ graph: { ...graph, nodes }, ...(of === undefined ? {} : { of }) });
}

/** How often each value is read; results count. */
export function useCounts(graph: Graph): ReadonlyMap<Value, number> {
  const counts = new Map<Value, number>();
  for (const value of [...graph.results, ...graph.nodes.flatMap((node) => node.inputs)]) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

/** The node of each value that is made in the graph. */
export function makersOf(graph: Graph): ReadonlyMap<Value, Graph['nodes'][number]> {
  return new Map(graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
}

/** Where each value stands: parameters first, then nodes in order. */
export function positionsOf(graph: Graph): ReadonlyMap<Value, number> {
  return new Map([...graph.parameters, ...graph.nodes.flatMap((node) => node.outputs)].map((value, k) => [value, k]));
}
