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
  const parts = recurParts(node);
  const inside = sweepBody(node, parts, around, sweep);
  const residuals = new Residuals(node, inside.nodes);
  const reversed = closeBody(node, parts, inside, residuals, around);

  /** A value of either body, as it is outside. */
  const outside = (value: Value): Value => reversed.outside(value) ?? residuals.outside(around.b, value);
  const { name } = node.attributes.axis;
  const terms = inside.terms.map(({ input, term: { factors, over } }): Contribution => {
    const [first, second] = factors;
    return {
      input,
      term: {
        factors: second === undefined ? [outside(first)] : [outside(first), outside(second)],
        over: hasAxis(input, name) ? over : [...over, name],
      },
    };
  });
  const sums = reversed.final.map(({ input, value }): Contribution => ({ input, term: { factors: [value], over: [] } }));
  return {
    contributions: [...terms, ...sums],
    totals: new Map(inside.totals.map(({ output, total }) => [output, outside(total)])),
    replacement: residuals.replacement(),
  };
}

/** The reverse sweep over the body. Its nodes read values of the forward body as if they were their own. */
interface SweptBody {
  readonly inner: Builder;
  /** The nodes of the forward body, some replaced. */
  readonly nodes: readonly AnyNode[];
  /** Parameters for the cotangents of stacked outputs, with what they are outside. */
  readonly given: ReadonlyMap<Value, Value>;
  /** The places of the states whose cotangents are carried; their cotangents after the step and before it. */
  readonly carried: readonly { readonly place: number; readonly after: Value; readonly before: Value }[];
  /** Contributions to scanned and held inputs whose factors are to be stacked. */
  readonly terms: readonly Contribution[];
  /** Contributions to held inputs that a state adds up. */
  readonly sums: readonly Sum[];
  readonly totals: readonly { readonly output: Value; readonly total: Value }[];
}

interface Sum {
  readonly input: Value;
  readonly before: Value;
  readonly after: Value;
}

function sweepBody(node: Node<'recur'>, parts: RecurParts, around: Surroundings, sweep: Sweep): SweptBody {
  const { body, outputs } = parts;
  const { active, carried } = flow(node, parts, around);
  const inner = new Builder();
  const seeds = new Map<Value, Term[]>();
  const seed = (value: Value): Value => {
    const cotangent = inner.parameter(value.type);
    seeds.set(value, [...(seeds.get(value) ?? []), { factors: [cotangent], over: [] }]);
    return cotangent;
  };
  const given = new Map<Value, Value>();
  outputs.stacked.forEach((output, k) => {
    const cotangent = around.cotangents.total(output);
    if (cotangent !== undefined) given.set(seed(body.outputs[k]!), cotangent);
  });
  const later = carried.map((place) => seed(body.after[place]!));

  const wanted = outputs.stacked.flatMap((output, k) => (around.wrt.has(output) ? [{ output, value: body.outputs[k]! }] : []));
  const swept = sweep(inner, node.attributes.body.nodes, seeds, new Set([...active, ...wanted.map(({ value }) => value)]));
  const total = (value: Value): Value | undefined => swept.cotangents.total(value);
  return {
    inner,
    nodes: swept.nodes,
    given,
    carried: carried.map((place, k) => {
      const state = body.before[place]!;
      return { place, after: later[k]!, before: total(state) ?? zeros(inner, state) };
    }),
    ...partTerms(inner, parts, active, swept.cotangents),
    totals: wanted.flatMap(({ output, value }) => {
      const found = total(value);
      return found === undefined ? [] : [{ output, total: found }];
    }),
  };
}

/** Puts the recurrence with the reverse body into the graph around it. */
function closeBody(node: Node<'recur'>, parts: RecurParts, inside: SweptBody, residuals: Residuals, { b, cotangents }: Surroundings) {
  const { given, carried, sums } = inside;
  const { nodes } = inside.inner.graph([]);
  const states = [...carried.map(({ after }) => after), ...sums.map(({ before }) => before)];
  const own = new Set([...states, ...nodes.flatMap((each) => each.outputs)]);
  const leaving = [...inside.terms.flatMap(({ term }) => term.factors), ...inside.totals.map(({ total }) => total)];
  const stacked = [...new Set(leaving.filter((value) => own.has(value)))];
  const results = [...stacked, ...carried.map(({ before }) => before), ...sums.map(({ after }) => after)];
  const closed = residuals.close({ parameters: [...given.keys(), ...states], nodes, results }, given.size);

  const scanned = [...given.values(), ...closed.scanned];
  const initial = [
    ...carried.map(({ place }) => cotangents.total(parts.outputs.final[place]!) ?? zeros(b, parts.body.before[place]!)),
    ...sums.map(({ before }) => zeros(b, before)),
  ];
  const outputs = b.recur([...scanned, ...closed.held, ...initial], {
    axis: node.attributes.axis,
    reverse: !node.attributes.reverse,
    scanned: scanned.length,
    held: closed.held.length,
    states: initial.length,
    body: closed.body,
  });
  const inputs = [...carried.map(({ place }) => parts.inputs.initial[place]!), ...sums.map(({ input }) => input)];
  return {
    /** A value of the reverse body, as it is outside; absent for those of the forward body. */
    outside: (value: Value): Value | undefined => given.get(value) ?? (own.has(value) ? outputs[stacked.indexOf(value)] : undefined),
    /** What the states end with, and the inputs that it is a contribution to. */
    final: inputs.map((input, k) => ({ input, value: outputs[stacked.length + k]! })),
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
  const sums: Sum[] = [];
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

const zeros = (b: Builder, like: Value): Value => b.constant(0, like.type.axes);
