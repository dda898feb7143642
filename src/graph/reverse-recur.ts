// Backpropagation through time: the recurrence that carries the cotangents of another one's states, from its last step to its first.
//
// Its body is the reverse sweep over the other's body, and reads what it needs of the forward steps (residuals.ts). Contributions to held
// values and to scanned inputs are terms (gradients.ts) whose factors are stacked and multiplied after the loop: the gradient of a weight is
// one contraction over time and batch, that of an input one product for all timesteps. Only what is no product and no sum is added
// up in a state. States through which nothing flows are left out.

import { Builder } from './builder.ts';
import { ancestors, type Cotangents, influenced } from './cotangents.ts';
import type { Term } from './gradients.ts';
import { type AnyNode, hasAxis, type Node, type Value } from './graph.ts';
import { type RecurParts, recurParts } from './recur.ts';
import { Residuals } from './residuals.ts';

/** A reverse sweep that has been done: the forward nodes, some replaced, and the cotangents. */
export interface Swept {
  readonly nodes: readonly AnyNode[];
  readonly cotangents: Cotangents;
}

export type Sweep = (b: Builder, nodes: readonly AnyNode[], seeds: ReadonlyMap<Value, readonly Term[]>, wrt: ReadonlySet<Value>) => Swept;

/** The sweep that meets the recurrence. */
interface Surroundings {
  readonly b: Builder;
  readonly cotangents: Cotangents;
  readonly active: ReadonlySet<Value>;
  readonly wrt: ReadonlySet<Value>;
}

/** A contribution to one of the recurrence's inputs. */
export interface Contribution {
  readonly input: Value;
  readonly term: Term;
}

export interface ReversedRecur {
  /** The recurrence with its old outputs and the residuals. */
  readonly replacement: Node<'recur'>;
  readonly contributions: readonly Contribution[];
  /** Total cotangents of the stacked outputs that are asked for. */
  readonly totals: ReadonlyMap<Value, Value>;
}

export function reverseRecur(node: Node<'recur'>, around: Surroundings, sweep: Sweep): ReversedRecur {
  const { axis, reverse, body } = node.attributes;
  const { b, cotangents, wrt } = around;
  const parts = recurParts(node);
  const { active, carried } = flow(node, parts, around);

  const inner = new Builder();
  const seeds = new Map<Value, Term[]>();
  const seed = (value: Value): Value => {
    const cotangent = inner.parameter(value.type);
    seeds.set(value, [...(seeds.get(value) ?? []), { factors: [cotangent], over: [] }]);
    return cotangent;
  };
  /** Parameters of the reverse body that are scanned, with what they are outside. */
  const given = new Map<Value, Value>();
  parts.outputs.stacked.forEach((output, k) => {
    const cotangent = cotangents.total(output);
    if (cotangent !== undefined) given.set(seed(parts.body.outputs[k]!), cotangent);
  });
  const later = carried.map((k) => seed(parts.body.after[k]!));
  const wanted = parts.outputs.stacked.flatMap((output, k) => (wrt.has(output) ? [{ output, value: parts.body.outputs[k]! }] : []));
  const swept = sweep(inner, body.nodes, seeds, new Set([...active, ...wanted.map((each) => each.value)]));
  const earlier = carried.map((k) => swept.cotangents.total(parts.body.before[k]!) ?? zeros(inner, parts.body.before[k]!));

  const { terms, sums } = partTerms(inner, parts, active, swept.cotangents);
  const totals = wanted.flatMap(({ output, value }) => {
    const total = swept.cotangents.total(value);
    return total === undefined ? [] : [{ output, total }];
  });
  const own = new Set([...given.keys(), ...later, ...inner.graph([]).nodes.flatMap((each) => each.outputs)]);
  const leaving = [...terms.flatMap(({ term }) => term.factors), ...totals.map((each) => each.total)];
  const stacked = [...new Set(leaving.filter((value) => own.has(value) && !given.has(value)))];

  const residuals = new Residuals(node, swept.nodes);
  const open = {
    parameters: [...given.keys(), ...later, ...sums.map((sum) => sum.before)],
    nodes: inner.graph([]).nodes,
    results: [...stacked, ...earlier, ...sums.map((sum) => sum.after)],
  };
  const closed = residuals.close(open, given.size);
  const scanned = [...given.values(), ...closed.scanned];
  const initial = [
    ...carried.map((k) => cotangents.total(parts.outputs.final[k]!) ?? zeros(b, parts.body.before[k]!)),
    ...sums.map((sum) => zeros(b, sum.before)),
  ];
  const outputs = b.recur([...scanned, ...closed.held, ...initial], {
    axis,
    reverse: !reverse,
    scanned: scanned.length,
    held: closed.held.length,
    states: initial.length,
    body: closed.body,
  });

  /** A value of either body, as it is outside. */
  const outside = (value: Value): Value => {
    if (!own.has(value)) return residuals.outside(b, value);
    return given.get(value) ?? outputs[stacked.indexOf(value)]!;
  };
  const final = outputs.slice(stacked.length);
  const whole = (value: Value): Term => ({ factors: [value], over: [] });
  return {
    contributions: [
      ...terms.map(({ input, term }) => ({ input, term: termOutside(term, outside, hasAxis(input, axis.name) ? [] : [axis.name]) })),
      ...carried.map((k, place) => ({ input: parts.inputs.initial[k]!, term: whole(final[place]!) })),
      ...sums.map(({ input }, place) => ({ input, term: whole(final[carried.length + place]!) })),
    ],
    totals: new Map(totals.map(({ output, total }) => [output, outside(total)])),
    replacement: residuals.replacement(),
  };
}

/** Which parameters of the body the values of `wrt` reach, and which states carry a cotangent on its way to them. */
function flow(node: Node<'recur'>, { inputs, outputs, body }: RecurParts, around: Surroundings) {
  const { nodes, parameters } = node.attributes.body;
  const active = new Set(parameters.filter((_, k) => around.active.has(node.inputs[k]!)));
  const wanted = body.outputs.filter((_, k) => around.wrt.has(outputs.stacked[k]!));
  untilStable(active, () => {
    const reached = influenced(nodes, [...active, ...wanted]);
    return body.before.filter((_, k) => reached.has(body.after[k]!));
  });

  const flows = (output: Value): boolean => around.cotangents.terms(output).length > 0;
  const loaded = new Set(inputs.initial.keys().filter((k) => flows(outputs.final[k]!)));
  untilStable(loaded, () => {
    const roots = [...body.outputs.filter((_, k) => flows(outputs.stacked[k]!)), ...[...loaded].map((k) => body.after[k]!)];
    const reached = ancestors(nodes, roots);
    return inputs.initial.keys().filter((k) => reached.has(body.before[k]!));
  });
  return { active, carried: [...loaded].filter((k) => active.has(body.before[k]!)).sort((a, b) => a - b) };
}

/** Adds to the set until there is nothing to add. */
function untilStable<T>(set: Set<T>, more: () => Iterable<T>): void {
  let before: number;
  do {
    before = set.size;
    for (const each of more()) set.add(each);
  } while (set.size > before);
}

/** The contributions to scanned and held inputs: as terms whose factors are to be stacked, or as a sum that a state keeps. */
function partTerms(inner: Builder, { inputs, body }: RecurParts, active: ReadonlySet<Value>, cotangents: Cotangents) {
  const terms: Contribution[] = [];
  const sums: { readonly input: Value; readonly before: Value; readonly after: Value }[] = [];
  body.scanned.forEach((parameter, k) => {
    if (active.has(parameter)) for (const term of cotangents.terms(parameter)) terms.push({ input: inputs.scanned[k]!, term });
  });
  body.held.forEach((parameter, k) => {
    if (!active.has(parameter)) return;
    const input = inputs.held[k]!;
    for (const term of cotangents.terms(parameter)) {
      if (term.factors.length > 1 || term.over.length > 0) terms.push({ input, term });
      else {
        const before = inner.parameter(parameter.type);
        sums.push({ input, before, after: inner.plus(before, term.factors[0]) });
      }
    }
  });
  return { terms, sums };
}

function termOutside({ factors, over }: Term, outside: (value: Value) => Value, alsoOver: readonly string[]): Term {
  const [first, second] = factors;
  return {
    factors: second === undefined ? [outside(first)] : [outside(first), outside(second)],
    over: [...over, ...alsoOver],
  };
}

const zeros = (b: Builder, like: Value): Value => b.constant(0, like.type.axes);
