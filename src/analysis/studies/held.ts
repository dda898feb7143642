// A model in which values can be held: v becomes keep · v + put, with keep and put as parameters that each row has of its own.

import { Builder } from '../../graph/builder.ts';
import { type AnyNode, type Axis, type Graph, makeValue, type Node, tensor, type Value } from '../../graph/graph.ts';
import { recurParts } from '../../graph/recur.ts';
import type { Observed } from '../../tracing/states.ts';

/** What is multiplied with a value and added to it; the axes are [B, units] or, of an input, [steps, B]. */
export interface Hold {
  readonly value: Value;
  readonly keep: Value;
  readonly put?: Value;
}

/** A value of a recurrence, with its axes in the order in which what it is held at is given. */
export interface Holdable {
  readonly value: Value;
  readonly axes: readonly Axis[];
}

export interface HeldRecurrence {
  readonly graph: Graph;
  /** In the order of `states` and then of `gates`. */
  readonly holds: readonly Hold[];
  /** [steps, B], by which all states are multiplied that a step hands on; what it gives to others is as it was. */
  readonly reset: Value;
}

/** The graph in which the states after each step of a recurrence can be held, and gates of it, which are stacked outputs of its node, or values before it.
 *  Whoever reads them, within the step and behind it, reads what they are held at. */
export function heldRecurrence(graph: Graph, recur: Observed, states: readonly Holdable[], gates: readonly Holdable[]): HeldRecurrence {
  const { node } = recur;
  const { axis } = node.attributes;
  const { inputs, outputs, body } = recurParts(node);
  const of = ({ value, axes }: Holdable): Hold => {
    const units = axes.filter(({ name }) => name !== axis.name);
    return { value, keep: makeValue(tensor(units), 'keep'), put: makeValue(tensor(units), 'put') };
  };
  const stateHolds = states.map(of);
  const gateHolds = gates.map(of);
  const inside = gateHolds.filter(({ value }) => outputs.stacked.includes(value));
  const before = gateHolds.filter((hold) => !inside.includes(hold));
  const batch = states[0]!.value.type.axes.find(({ name }) => name === 'B')!;
  const reset = makeValue(tensor([axis, batch]), 'reset');
  const resetNow = makeValue(tensor([batch]), 'reset');

  // Inside, holds are parameters of the body by the same names.
  const heldParameters: Value[] = [];
  const heldInputs: Value[] = [];
  const within = (parameter: Value): Value => {
    const own = makeValue(parameter.type, parameter.name);
    heldParameters.push(own);
    heldInputs.push(parameter);
    return own;
  };
  const wanted = new Map<Value, { readonly keep: Value; readonly put: Value }>();
  const passing: { readonly place: number; readonly state: number; readonly keep: Value; readonly put: Value }[] = [];
  for (const { value, keep, put } of inside) {
    const own = body.outputs[outputs.stacked.indexOf(value)]!;
    wanted.set(own, { keep: within(keep), put: within(put!) });
  }
  const parameters = new Set(node.attributes.body.parameters);
  for (const { value, keep, put } of stateHolds) {
    const place = outputs.stacked.indexOf(value);
    const own = body.outputs[place]!;
    const hold = { keep: within(keep), put: within(put!) };
    // A state that merely takes over what another was is held where it is handed on.
    if (parameters.has(own)) passing.push({ place, state: recur.after.indexOf(value), ...hold });
    else wanted.set(own, hold);
  }
  const b = new Builder();
  const renamed = new Map<Value, Value>();
  const heldAt = (value: Value, { keep, put }: { keep: Value; put: Value }): Value => b.plus(b.times(value, keep), put);
  const nodes: AnyNode[] = [];
  let written = 0;
  const flush = (): void => {
    const all = b.graph([]).nodes;
    nodes.push(...all.slice(written));
    written = all.length;
  };
  const current = (value: Value): Value => renamed.get(value) ?? value;
  for (const each of node.attributes.body.nodes) {
    nodes.push({ ...each, inputs: each.inputs.map(current) } as AnyNode);
    for (const output of each.outputs) {
      const hold = wanted.get(output);
      if (hold === undefined) continue;
      renamed.set(output, heldAt(output, hold));
      flush();
    }
  }
  const results = body.outputs.map(current);
  const after = body.after.map(current);
  for (const { place, state, keep, put } of passing) {
    const held = heldAt(body.outputs[place]!, { keep, put });
    results[place] = held;
    after[state] = held;
  }
  for (const [k, value] of after.entries()) after[k] = b.times(value, resetNow);
  flush();
  const attributes = {
    ...node.attributes,
    scanned: node.attributes.scanned + 1,
    held: node.attributes.held + heldParameters.length,
    body: {
      parameters: [...body.scanned, resetNow, ...body.held, ...heldParameters, ...body.before],
      nodes,
      results: [...results, ...after],
    },
  };
  const changed: Node<'recur'> = {
    ...node,
    attributes,
    inputs: [...inputs.scanned, reset, ...inputs.held, ...heldInputs, ...inputs.initial],
  };
  const outer = heldValues({ ...graph, nodes: graph.nodes.map((each) => (each === node ? changed : each)) }, before);
  const more = [...stateHolds, ...inside].flatMap(({ keep, put }) => [keep, put!]);
  return { graph: { ...outer, parameters: [...outer.parameters, reset, ...more] }, holds: [...stateHolds, ...gateHolds], reset };
}

/** The graph in which these values, parameters or computed ones, are held for whoever reads them. */
export function heldValues(graph: Graph, holds: readonly Hold[]): Graph {
  const b = new Builder();
  const renamed = new Map<Value, Value>();
  const nodes: AnyNode[] = [];
  let written = 0;
  const hold = (value: Value): void => {
    const found = holds.find((each) => each.value === value);
    if (found === undefined) return;
    const kept = b.times(value, found.keep);
    renamed.set(value, found.put === undefined ? kept : b.plus(kept, found.put));
    const all = b.graph([]).nodes;
    nodes.push(...all.slice(written));
    written = all.length;
  };
  for (const parameter of graph.parameters) hold(parameter);
  for (const node of graph.nodes) {
    nodes.push({ ...node, inputs: node.inputs.map((input) => renamed.get(input) ?? input) } as AnyNode);
    node.outputs.forEach(hold);
  }
  return {
    parameters: [...graph.parameters, ...holds.flatMap(({ keep, put }) => (put === undefined ? [keep] : [keep, put]))],
    nodes,
    results: graph.results.map((result) => renamed.get(result) ?? result),
  };
}

/** Axes of a hold over the steps. */
export const stepsAndRows = (value: Value, along: string): Axis[] =>
  [along, 'B'].map((name) => value.type.axes.find((axis) => axis.name === name)!);
