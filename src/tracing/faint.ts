// Gradients that fade lie, at the end of the floats' range, among numbers with few digits, with which processors take a hundred times as long: an LSTM's
// backward pass over a thousand steps spends most of its time on the twenty to sixty steps in which the gradient goes out.

import { Builder } from '../graph/builder.ts';
import type { AnyNode, Graph, Value } from '../graph/graph.ts';
import { recurParts } from '../graph/recur.ts';

/** What is fainter is taken as zero, between steps. A weight's factor below it is still an ordinary float. */
const FAINTEST = 1e-34;

/** The graph whose recurrences read states without what is fainter than `FAINTEST`; those of `kept` stay as they are. */
export function withoutFaint(graph: Graph, kept: readonly AnyNode[]): Graph {
  const untouched = new Set(kept);
  const nodes = graph.nodes.map((node): AnyNode => {
    if (node.operation !== 'recur' || untouched.has(node)) return node;
    const { before } = recurParts(node).body;
    const { body } = node.attributes;
    const b = new Builder();
    const audible = new Map(before.filter(({ type }) => type.dtype === 'float').map((state) => [state, flushed(b, state)]));
    const own = body.nodes.map((each) => ({ ...each, inputs: each.inputs.map((input) => audible.get(input) ?? input) }) as AnyNode);
    return { ...node, attributes: { ...node.attributes, body: { ...body, nodes: [...b.graph([]).nodes, ...own] } } };
  });
  return { ...graph, nodes };
}

function flushed(b: Builder, x: Value): Value {
  const size = b.binary('maximum', x, b.neg(x));
  return b.where(b.binary('less', size, b.constant(FAINTEST)), b.constant(0), x);
}
