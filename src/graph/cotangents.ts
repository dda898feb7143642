// The cotangents of one reverse sweep: what has been contributed to each value so far.

import type { Builder } from './builder.ts';
import { carryOut, gradientRules, type Term } from './gradients.ts';
import type { AnyNode, Value } from './graph.ts';

export class Cotangents {
  readonly #b: Builder;
  readonly #terms = new Map<Value, Term[]>();
  readonly #totals = new Map<Value, Value>();

  constructor(b: Builder) {
    this.#b = b;
  }

  add(x: Value, term: Term): void {
    const terms = this.#terms.get(x);
    if (terms === undefined) this.#terms.set(x, [term]);
    else terms.push(term);
  }

  /** What has been contributed, not carried out. */
  terms(x: Value): readonly Term[] {
    return this.#terms.get(x) ?? [];
  }

  /** The sum of all contributions; absent where there are none. To be asked for when all uses of x have been swept. */
  total(x: Value): Value | undefined {
    const known = this.#totals.get(x);
    if (known !== undefined) return known;
    const [first, ...rest] = this.terms(x).map((term) => carryOut(this.#b, term));
    if (first === undefined) return undefined;
    const total = rest.reduce((sum, each) => this.#b.plus(sum, each), first);
    this.#totals.set(x, total);
    return total;
  }

  /** The total as a loop that made x has found it, with the paths inside the loop. */
  setTotal(x: Value, total: Value): void {
    this.#totals.set(x, total);
  }
}

/** Where something flows: the sources and every number computed from them with a derivative. */
export function influenced(nodes: readonly AnyNode[], sources: Iterable<Value>): Set<Value> {
  const active = new Set(sources);
  for (const node of nodes) {
    if (node.operation !== 'recur' && gradientRules[node.operation] === 'none') continue;
    if (![...node.inputs, ...node.outputs].some((value) => active.has(value))) continue;
    for (const output of node.outputs) if (output.type.dtype === 'float') active.add(output);
  }
  return active;
}

/** The roots and every value that they are computed from. */
export function ancestors(nodes: readonly AnyNode[], roots: Iterable<Value>): Set<Value> {
  const reached = new Set(roots);
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((output) => reached.has(output))) continue;
    for (const input of node.inputs) reached.add(input);
  }
  return reached;
}
