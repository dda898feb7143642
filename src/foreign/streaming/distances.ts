// How much is computed between an input and what depends on it. A state goes to its next value by little: through the operator that it
// is the initial state of, past a gate (c' = f * c + i * g), or shifted in a buffer. Operators that move elements cost nothing.

import { type FlatGraph, type FlatNode, isRecurrent } from './flatten.ts';

interface Edge {
  readonly to: string;
  readonly cost: number;
}

export type Edges = ReadonlyMap<string, readonly Edge[]>;

const costs = { moved: 0, own: 1, elementwise: 1, heavy: 10, foreign: 20 } as const;

const moving = new Set(
  'Identity Cast CastLike Dropout Slice Squeeze Unsqueeze Split Gather Concat Reshape Transpose Flatten Expand Pad Tile QuantizeLinear DequantizeLinear DynamicQuantizeLinear SequenceConstruct ConcatFromSequence SequenceInsert SplitToSequence SequenceAt GatherElements GatherND ScatterElements ScatterND'.split(
    ' ',
  ),
);
/** Of these, the operands that are data, not indices. */
const dataOperands: Readonly<Record<string, readonly number[]>> = { ScatterElements: [0, 2], ScatterND: [0, 2], SequenceInsert: [0, 1] };
const every = new Set(['Concat', 'SequenceConstruct']);
const elementwise = new Set(
  'Add Sub Mul Div Tanh Sigmoid HardSigmoid Relu LeakyRelu Elu Selu PRelu Clip Neg Abs Sqrt Exp Log Pow Softsign Softplus Max Min Sum Mean Where Not Gelu HardSwish Erf Reciprocal Sign Celu ThresholdedRelu Mish'.split(
    ' ',
  ),
);
/** What these give tells nothing of their operand's numbers. */
const shapesOnly = new Set(['Shape', 'Size', 'ConstantOfShape', 'RandomNormalLike', 'RandomUniformLike', 'EyeLike']);

export function edgesOf(graph: FlatGraph): Edges {
  const edges = new Map<string, Edge[]>();
  const link = (from: string | undefined, to: string | undefined, cost: number): void => {
    if (!from || !to) return;
    const known = edges.get(from);
    if (known === undefined) edges.set(from, [{ to, cost }]);
    else known.push({ to, cost });
  };
  for (const flat of graph.nodes) {
    if (shapesOnly.has(flat.node.op_type)) continue;
    if (flat.bodies.length > 0) bodyEdges(flat, link);
    else
      flat.inputs.forEach((from, k) => {
        flat.outputs.forEach((to, out) => {
          link(from, to, costOf(flat, k, out));
        });
      });
  }
  return edges;
}

function costOf({ node }: FlatNode, input: number, output: number): number {
  if (isRecurrent(node)) {
    if (input === 5) return output === 2 ? costs.foreign : costs.own;
    if (input === 6) return output === 2 ? costs.own : costs.foreign;
    return costs.heavy;
  }
  if (moving.has(node.op_type)) {
    if (every.has(node.op_type) || (dataOperands[node.op_type] ?? [0]).includes(input)) return costs.moved;
    return costs.foreign;
  }
  return elementwise.has(node.op_type) ? costs.elementwise : costs.heavy;
}

/** A state that a Loop or Scan carries comes out where it went in; everything else passes through the body. */
function bodyEdges(
  { node, inputs, outputs, bodies }: FlatNode,
  link: (from: string | undefined, to: string | undefined, cost: number) => void,
): void {
  for (const body of bodies) {
    if (node.op_type === 'If') {
      body.outputs.forEach((from, k) => {
        link(from, outputs[k], costs.moved);
      });
      link(inputs[0], body.outputs[0], costs.foreign);
      continue;
    }
    // Loop: trip count and condition come first; its body has the iteration and the condition, and gives the condition.
    const [skipped, given] = node.op_type === 'Loop' ? [2, 1] : [0, 0];
    const scanned = node.attribute.find(({ name }) => name === 'num_scan_inputs')?.i ?? 0;
    const carried = node.op_type === 'Loop' ? inputs.length - 2 : inputs.length - scanned;
    for (let k = 0; k < carried; k++) link(inputs[k + skipped], outputs[k], costs.own);
    inputs.forEach((from, k) => {
      link(from, body.inputs[k], k < skipped ? costs.foreign : costs.elementwise);
    });
    body.outputs.slice(given).forEach((from, k) => {
      link(from, outputs[k], costs.elementwise);
    });
  }
}

/** The least cost from `start` to everything that depends on it, not looking behind values that are `ends`. */
export function distancesFrom(start: string, edges: Edges, ends: ReadonlySet<string> = new Set()): ReadonlyMap<string, number> {
  const settled = new Map<string, number>();
  const buckets: string[][] = [[start]];
  for (let cost = 0; cost < buckets.length; cost++) {
    const bucket = buckets[cost];
    for (let k = 0; bucket !== undefined && k < bucket.length; k++) {
      const name = bucket[k]!;
      if (settled.has(name)) continue;
      settled.set(name, cost);
      if (ends.has(name)) continue;
      for (const edge of edges.get(name) ?? []) {
        if (settled.has(edge.to)) continue;
        const later = buckets[cost + edge.cost] ?? [];
        buckets[cost + edge.cost] = later;
        later.push(edge.to);
      }
    }
  }
  return settled;
}
