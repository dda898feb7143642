// What a reverse recurrence reads of the forward steps.
//
// A value of the forward body reaches the reverse one, or the graph around both, in one of three ways: as the scanned or held input that it
// is, stacked by an additional output of the forward recurrence, or made anew where that costs nothing or needs no step at all.

import { Builder } from './builder.ts';
import { type AnyNode, type Graph, makeValue, type Node, tensor, type Value } from './graph.ts';
import { recurParts } from './recur.ts';
import { freeValues } from './shapes.ts';

export class Residuals {
  readonly #node: Node<'recur'>;
  /** The forward body, closed over what the reverse sweep put in the place of inner recurrences. */
  readonly #nodes: readonly AnyNode[];
  readonly #maker = new Map<Value, AnyNode>();
  /** Values of the body that are the same at each step. */
  readonly #fixed: Set<Value>;
  /** Values of the body that are inputs or stacked, with what they are outside. */
  readonly #outside = new Map<Value, Value>();
  readonly #stacked: { readonly inside: Value; readonly outside: Value }[] = [];

  constructor(node: Node<'recur'>, nodes: readonly AnyNode[]) {
    this.#node = node;
    this.#nodes = nodes;
    const { body, inputs } = recurParts(node);
    body.scanned.forEach((value, k) => {
      this.#outside.set(value, inputs.scanned[k]!);
    });
    body.held.forEach((value, k) => {
      this.#outside.set(value, inputs.held[k]!);
    });
    this.#fixed = new Set(body.held);
    for (const each of nodes) {
      for (const output of each.outputs) this.#maker.set(output, each);
      if (each.inputs.every((input) => this.#fixed.has(input))) for (const output of each.outputs) this.#fixed.add(output);
    }
  }

  /** The value outside of the loop: with the axis, unless it is the same at each step. */
  outside(b: Builder, value: Value): Value {
    for (const source of this.#sources(value)) this.#source(source);
    return this.#remake(b, value, this.#outside);
  }

  /** A reverse body that reads values of the forward one, with parameters in their place. Its own parameters are `scanned` of the scanned
   *  kind and then states; the new ones stand behind the scanned. Gives also what to feed them with. */
  close(open: Graph, scanned: number): { readonly body: Graph; readonly scanned: readonly Value[]; readonly held: readonly Value[] } {
    const free = [...new Set(freeValues(open))];
    const sources = new Set(free.flatMap((value) => this.#sources(value)));
    const held = [...sources].filter((value) => this.#fixed.has(value));
    const perStep = [...sources].filter((value) => !this.#fixed.has(value));
    const b = new Builder();
    const parameter = (value: Value): Value => b.parameter(value.type, value.name);
    const ownScanned = open.parameters.slice(0, scanned).map(parameter);
    const given = new Map([...perStep, ...held].map((value) => [value, parameter(value)]));
    const states = open.parameters.slice(scanned).map(parameter);
    const read = free.map((value) => this.#remake(b, value, given));
    const results = b.inline({ ...open, parameters: [...open.parameters, ...free] }, [...ownScanned, ...states, ...read]);
    const feed = (values: readonly Value[]): Value[] => values.map((value) => this.#source(value));
    return { body: b.graph(results), scanned: feed(perStep), held: feed(held) };
  }

  /** The forward recurrence that stacks what has been asked for. */
  replacement(): Node<'recur'> {
    const { outputs, body } = recurParts(this.#node);
    const results = [...body.outputs, ...this.#stacked.map((each) => each.inside), ...body.after];
    return {
      ...this.#node,
      attributes: { ...this.#node.attributes, body: { ...this.#node.attributes.body, nodes: this.#nodes, results } },
      outputs: [...outputs.stacked, ...this.#stacked.map((each) => each.outside), ...outputs.final],
    };
  }

  /** What a source is outside. */
  #source(value: Value): Value {
    const known = this.#outside.get(value);
    if (known !== undefined) return known;
    const { axis } = this.#node.attributes;
    const { outputs, body } = recurParts(this.#node);
    const already = body.outputs.indexOf(value);
    const outside = outputs.stacked[already] ?? makeValue(tensor([axis, ...value.type.axes], value.type.dtype), value.name);
    if (already < 0) this.#stacked.push({ inside: value, outside });
    this.#outside.set(value, outside);
    return outside;
  }

  #madeAnew(value: Value): AnyNode | undefined {
    const node = this.#maker.get(value);
    return node !== undefined && (this.#fixed.has(value) || free.has(node.operation)) ? node : undefined;
  }

  #sources(value: Value): Value[] {
    const node = this.#madeAnew(value);
    return node === undefined ? [value] : node.inputs.flatMap((input) => this.#sources(input));
  }

  /** Puts the nodes between known values and this one. */
  #remake(b: Builder, value: Value, known: Map<Value, Value>): Value {
    const found = known.get(value);
    if (found !== undefined) return found;
    const node = this.#maker.get(value)!;
    const inputs = node.inputs.map((input) => this.#remake(b, input, known));
    b.add(node.operation, node.attributes, inputs, value.name).forEach((output, k) => {
      known.set(node.outputs[k]!, output);
    });
    return known.get(value)!;
  }
}

/** Operations that only give other names or more axes to what is there. */
const free: ReadonlySet<string> = new Set<AnyNode['operation']>(['rename', 'broadcast', 'stopGradient']);
