// Reverse-mode differentiation of graphs (Linnainmaa 1976; Griewank & Walther 2008, chapter 3): the nodes in reverse order, each
// passing the cotangent of its outputs on to its inputs. A recurrence becomes a second one that runs the other way
// (backpropagation through time, Werbos 1990); see reverse-recur.ts.

import { Builder } from './builder.ts';
import { Cotangents, influenced } from './cotangents.ts';
import { type GradientRule, gradientRules, type Term } from './gradients.ts';
import type { AnyNode, Graph, OperationName, Value } from './graph.ts';
import { reverseRecur, type Swept } from './reverse-recur.ts';
import { GraphError, sameAxes, show } from './shapes.ts';

/** A value and the cotangent it starts with: a value of the graph, or a new one, which becomes a parameter behind the others. */
export interface Seed {
  readonly value: Value;
  readonly cotangent: Value;
}

export interface Derivative {
  /** The graph with all its values (a recurrence may have additional outputs), its results followed by the gradients. */
  readonly graph: Graph;
  /** One for each value of `wrt`, with its axes in whatever order; zeros where nothing flows. */
  readonly gradients: readonly Value[];
}

/** Gradients of an objective, a float without axes, or the product of a vector with the Jacobian where seeds are given.
 *  `wrt`: parameters or computed values. The gradient of a recurrence's stacked output is total: it has the paths through the output of the step
 *  and those through the states of later steps. */
export function differentiate(graph: Graph, objective: Value | readonly Seed[], wrt: readonly Value[]): Derivative {
  const b = new Builder();
  const seeds: readonly Seed[] = 'id' in objective ? [{ value: objective, cotangent: one(b, objective) }] : objective;
  const terms = new Map<Value, Term[]>();
  for (const { value, cotangent } of seeds) {
    if (!sameAxes(value.type.axes, cotangent.type.axes)) throw new GraphError(`${show(cotangent)} as the cotangent of ${show(value)}`);
    terms.set(value, [...(terms.get(value) ?? []), { factors: [cotangent], over: [] }]);
  }
  const { nodes, cotangents } = sweep(b, graph.nodes, terms, new Set(wrt));
  const gradients = wrt.map((x) => cotangents.total(x) ?? b.constant(0, x.type.axes));
  const made = new Set([...graph.parameters, ...graph.nodes.flatMap((node) => node.outputs)]);
  const given = 'id' in objective ? [] : seeds.map((seed) => seed.cotangent).filter((cotangent) => !made.has(cotangent));
  return {
    graph: {
      parameters: [...graph.parameters, ...new Set(given)],
      nodes: [...nodes, ...b.graph([]).nodes],
      results: [...graph.results, ...gradients],
    },
    gradients,
  };
}

/** Adds the nodes of the reverse sweep to b. Contributions are made to what lies between `wrt` and the seeds only. */
function sweep(b: Builder, nodes: readonly AnyNode[], seeds: ReadonlyMap<Value, readonly Term[]>, wrt: ReadonlySet<Value>): Swept {
  const active = influenced(nodes, wrt);
  const cotangents = new Cotangents(b);
  for (const [value, terms] of seeds) for (const term of terms) cotangents.add(value, term);
  const kept: AnyNode[] = [];
  for (const node of nodes.toReversed()) {
    b.origin = node.origin;
    kept.push(sweepNode(b, node, cotangents, active, wrt));
  }
  b.origin = undefined;
  return { nodes: kept.reverse(), cotangents };
}

/** Gives the node itself, or the one that takes its place. */
function sweepNode(b: Builder, node: AnyNode, cotangents: Cotangents, active: ReadonlySet<Value>, wrt: ReadonlySet<Value>): AnyNode {
  const flows = node.outputs.some((output) => active.has(output) && cotangents.terms(output).length > 0);
  if (!flows) return node;
  if (node.operation === 'recur') {
    const { replacement, contributions, totals } = reverseRecur(node, { b, cotangents, active, wrt }, sweep);
    for (const [output, total] of totals) cotangents.setTotal(output, total);
    for (const { input, term } of contributions) cotangents.add(input, term);
    return replacement;
  }
  const rule = gradientRules[node.operation] as GradientRule<OperationName>;
  if (rule === 'none' || !node.inputs.some((input) => active.has(input))) return node;
  const [y] = node.outputs;
  const needs = (k: number): boolean => active.has(node.inputs[k]!);
  const pullback = { b, node, attributes: node.attributes, y: y!, dy: cotangents.total(y!)!, needs };
  rule(node.inputs, pullback).forEach((term, k) => {
    if (term !== undefined && needs(k)) cotangents.add(node.inputs[k]!, term);
  });
  return node;
}

function one(b: Builder, objective: Value): Value {
  if (objective.type.axes.length > 0 || objective.type.dtype !== 'float')
    throw new GraphError(`${show(objective)} as an objective: it must be one number`);
  return b.constant(1);
}
