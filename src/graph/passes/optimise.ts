// All passes in their order. The result computes the same from the same parameters.

import type { Graph } from '../graph.ts';
import { select } from '../prune.ts';
import { sumByClass } from './classes.ts';
import { entropyBySoftmax } from './entropy.ts';
import { regroupFactors } from './factors.ts';
import { hoist } from './hoist.ts';
import { joinProducts } from './join.ts';
import { everywhere } from './levels.ts';
import { mergeProducts } from './merge.ts';
import { pull } from './pull.ts';
import { reuseProducts } from './reuse.ts';
import { simplify } from './simplify.ts';

export type Pass = (graph: Graph) => Graph;

export const passes: readonly Pass[] = [
  simplify,
  (graph) => everywhere(graph, regroupFactors),
  (graph) => everywhere(graph, joinProducts),
  (graph) => everywhere(graph, mergeProducts),
  (graph) => everywhere(graph, sumByClass),
  // The second time for what the first has joined: products with the input and with the state now share the gates.
  (graph) => everywhere(graph, mergeProducts),
  (graph) => everywhere(graph, hoist),
  (graph) => everywhere(graph, pull),
  (graph) => everywhere(graph, reuseProducts),
  (graph) => everywhere(graph, entropyBySoftmax),
  simplify,
];

export function optimise(graph: Graph): Graph {
  const prune: Pass = (each) => ({ ...select(each, each.results) });
  return passes.reduce((each, pass) => prune(pass(each)), prune(graph));
}
