// The order that nodes run in: as in the file where that will do, else each after what it reads; and cycles, in which none can run.

import type { ModelNode } from './structure.ts';

export interface Order {
  readonly nodes: readonly ModelNode[];
  /** Whether that is the order given. */
  readonly ordered: boolean;
  readonly cycles: readonly (readonly ModelNode[])[];
}

/** As many cycles are followed through to be named. */
const MOST_CYCLES = 10;

/** Nodes of one graph, in the file's order. Depth first without recursion, since chains are as long as models. */
export function orderOf(given: readonly ModelNode[]): Order {
  const nodes: ModelNode[] = [];
  const cycles: ModelNode[][] = [];
  const state = new Map<ModelNode, 'waits' | 'done'>();
  for (const first of given) {
    if (state.has(first)) continue;
    state.set(first, 'waits');
    const path = [{ node: first, before: producersOf(first), next: 0 }];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const producer = top.before[top.next];
      top.next += 1;
      if (producer === undefined) {
        path.pop();
        state.set(top.node, 'done');
        nodes.push(top.node);
      } else if (!state.has(producer)) {
        state.set(producer, 'waits');
        path.push({ node: producer, before: producersOf(producer), next: 0 });
      } else if (state.get(producer) === 'waits' && cycles.length < MOST_CYCLES) {
        cycles.push(path.slice(path.findIndex(({ node }) => node === producer)).map(({ node }) => node));
      }
    }
  }
  return { nodes, ordered: nodes.every((node, k) => node === given[k]), cycles };
}

/** Nodes of the same graph that make what a node, or a body of it, reads. */
function producersOf({ graph, proto, captures }: ModelNode): ModelNode[] {
  const found = new Set<ModelNode>();
  for (const name of proto.input) {
    const producer = graph.values.get(name)?.producer;
    if (producer !== undefined) found.add(producer);
  }
  for (const { graph: home, producer } of captures) if (home === graph && producer !== undefined) found.add(producer);
  return [...found];
}
