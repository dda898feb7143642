// The hypotheses of a beam as a tree: a column a step, a line a branch, the branches that lead to a hypothesis before those that were given up.

import type { Beam, BeamNode } from '../../training/decoding/beam.ts';

export interface PlacedNode {
  readonly node: BeamNode;
  /** Of the step, from 0; of the branch, from the top. */
  readonly column: number;
  readonly lane: number;
  /** It leads to a hypothesis that is among the results; the best of these is the first. */
  readonly fate: 'best' | 'kept' | 'dropped';
}

export interface PlacedTree {
  readonly nodes: readonly PlacedNode[];
  readonly columns: number;
  readonly lanes: number;
}

/** A node stands in the line of its best branch, so that the result is a straight line. */
export function placedTree({ nodes, hypotheses }: Beam): PlacedTree {
  const fates = new Map<number, PlacedNode['fate']>();
  [...hypotheses].reverse().forEach((hypothesis, k, all) => {
    for (let id = hypothesis.node; id !== undefined; id = nodes[id]!.parent) fates.set(id, k === all.length - 1 ? 'best' : 'kept');
  });
  const children = Map.groupBy(nodes, ({ parent }) => parent);
  const rank = { best: 0, kept: 1, dropped: 2 } as const;
  const fateOf = ({ id }: BeamNode): PlacedNode['fate'] => fates.get(id) ?? 'dropped';
  const placed: PlacedNode[] = [];
  let lanes = 0;
  const place = (parent: number | undefined, lane: number): void => {
    const own = (children.get(parent) ?? []).toSorted((a, b) => rank[fateOf(a)] - rank[fateOf(b)] || b.sum - a.sum);
    own.forEach((node, k) => {
      const at = k === 0 ? lane : lanes;
      lanes = Math.max(lanes, at + 1);
      placed.push({ node, column: node.step, lane: at, fate: fateOf(node) });
      place(node.id, at);
    });
  };
  place(undefined, 0);
  return { nodes: placed, columns: Math.max(0, ...nodes.map(({ step }) => step + 1)), lanes };
}
