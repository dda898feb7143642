// Other axes as long as the sequence, as the places that self-attention looks at: in a window of timesteps they are still all of it.

import type { Axis, Graph, Value } from '../graph/graph.ts';
import { type Elements, type Sizes, wholeOf } from './arrays.ts';
import type { Evaluator, Result } from './evaluator.ts';
import { renewed } from './renew.ts';

/** Has windows computed with lengths of their own for such axes. `time`: the axis of time, whose size has its name. */
export function withPlaces(evaluator: Evaluator, time: string): Evaluator {
  const graphs = new WeakMap<Graph, Graph>();
  const axis = (each: Axis): Axis => {
    if (each.name === time) return each.size === time ? each : { name: time, size: time };
    return each.size === time ? { ...each, size: wholeOf(time) } : each;
  };
  const apart = (graph: Graph): Graph => {
    const known = graphs.get(graph) ?? renewed(axis).graph(graph);
    graphs.set(graph, known);
    return known;
  };
  return {
    async run(graph: Graph, feeds: ReadonlyMap<Value, Elements>, sizes: Sizes): Promise<readonly Result[]> {
      if (sizes[time] === sizes[wholeOf(time)]) return evaluator.run(graph, feeds, sizes);
      const other = apart(graph);
      return evaluator.run(other, new Map(graph.parameters.map((parameter, k) => [other.parameters[k]!, feeds.get(parameter)!])), sizes);
    },
    close: () => evaluator.close(),
  };
}
