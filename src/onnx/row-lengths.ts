// A recurrence whose states stand still behind the end of each row, as one of rows of different lengths is built (`language/build/ragged.ts`): without
// the mask, and how long the rows are. ONNX's operators have an input for that (sequence_lens in LSTM-14, GRU-14, RNN-14).

import type { AnyNode, Graph, Node, Value } from '../graph/graph.ts';
import { recurParts } from '../graph/recur.ts';

export interface WithoutMask {
  readonly node: Node<'recur'>;
  /** Integers [B]. */
  readonly lengths: Value;
}

/** Undefined where some state goes on behind the end. What the outputs are there is left open, as nothing reads it. */
export function withoutMask({ nodes }: Graph, node: Node<'recur'>): WithoutMask | undefined {
  const { scanned, body } = node.attributes;
  const parts = recurParts(node);
  for (const [place, mask] of parts.body.scanned.entries()) {
    const lengths = lengthsOf(nodes, parts.inputs.scanned[place]!, node.attributes.axis.name);
    if (lengths === undefined) continue;
    const masked = new Map<Value, readonly [after: Value, before: Value]>();
    for (const { operation, inputs, outputs } of body.nodes)
      if (operation === 'where' && inputs[0] === mask) masked.set(outputs[0]!, [inputs[1]!, inputs[2]!]);
    if (!parts.body.after.every((after, k) => masked.get(after)?.[1] === parts.body.before[k])) continue;
    const real = (value: Value): Value => masked.get(value)?.[0] ?? value;
    const own = body.nodes.filter(({ outputs }) => !masked.has(outputs[0]!));
    if (own.some(({ inputs }) => inputs.includes(mask))) continue;
    const without = <Item>(all: readonly Item[]): Item[] => all.filter((_, k) => k !== place);
    return {
      lengths,
      node: {
        ...node,
        inputs: without(node.inputs),
        attributes: {
          ...node.attributes,
          scanned: scanned - 1,
          body: {
            parameters: without(body.parameters),
            nodes: own.map((each) => ({ ...each, inputs: each.inputs.map(real) })),
            results: body.results.map(real),
          },
        },
      },
    };
  }
  return undefined;
}

/** Of a mask that is iota < lengths. */
function lengthsOf(nodes: readonly AnyNode[], mask: Value, axis: string): Value | undefined {
  const producer = (value: Value | undefined): AnyNode | undefined =>
    nodes.find(({ outputs }) => value !== undefined && outputs[0] === value);
  const less = producer(mask);
  if (less?.operation !== 'less') return undefined;
  const place = producer(less.inputs[0]);
  return place?.operation === 'iota' && place.attributes.axis.name === axis ? less.inputs[1] : undefined;
}
