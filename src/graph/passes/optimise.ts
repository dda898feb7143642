// All passes in their order. The result computes the same from the same parameters.

import type { Graph } from '../graph.ts';
import { select } from '../prune.ts';

export function optimise(graph: Graph): Graph {
  return select(graph, graph.results);
}
