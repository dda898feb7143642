// Writes the graph of a pass: a Builder that makes no value twice (common subexpressions) and knows how each was made.

import { Builder } from '../builder.ts';
import {
  type AnyNode,
  type Axis,
  axisOf,
  type DataType,
  type Graph,
  type OperationName,
  type Operations,
  type Origin,
  type Value,
} from '../graph.ts';

export class Writer {
  readonly #builder = new Builder();
  readonly #makers = new Map<Value, AnyNode>();
  readonly #known = new Map<string, readonly Value[]>();

  set origin(origin: Origin | undefined) {
    this.#builder.origin = origin;
  }

  adopt(value: Value): Value {
    return this.#builder.adopt(value);
  }

  graph(results: readonly Value[]): Graph {
    return this.#builder.graph(results);
  }

  /** The node that made the value here; none for parameters. */
  maker(value: Value): AnyNode | undefined {
    return this.#makers.get(value);
  }

  /** The maker, if it is of this operation. */
  madeBy<Name extends OperationName>(value: Value, operation: Name): Extract<AnyNode, { operation: Name }> | undefined {
    const node = this.#makers.get(value);
    return node?.operation === operation ? (node as Extract<AnyNode, { operation: Name }>) : undefined;
  }

  add<Name extends OperationName>(
    operation: Name,
    attributes: Operations[Name],
    inputs: readonly Value[],
    name?: string,
  ): readonly Value[] {
    const key = operation === 'recur' ? undefined : keyOf(operation, attributes, inputs);
    const known = key === undefined ? undefined : this.#known.get(key);
    if (known !== undefined) return known;
    const outputs = this.#builder.add(operation, attributes, inputs, name);
    const node = { operation, attributes, inputs, outputs } as unknown as AnyNode;
    for (const output of outputs) this.#makers.set(output, node);
    if (key !== undefined) this.#known.set(key, outputs);
    return outputs;
  }

  one<Name extends OperationName>(operation: Name, attributes: Operations[Name], ...inputs: Value[]): Value {
    return this.add(operation, attributes, inputs)[0]!;
  }

  constant(value: number, axes: readonly Axis[] = [], dtype: DataType = 'float'): Value {
    return this.one('constant', { value, type: { dtype, axes } });
  }

  /** What the value is where it was only given other axis names, and the names by which it is called there. */
  unrenamed(value: Value): { readonly value: Value; readonly names: ReadonlyMap<string, string> } {
    const names = new Map(value.type.axes.map(({ name }) => [name, name]));
    let source = value;
    for (let node = this.madeBy(source, 'rename'); node !== undefined; node = this.madeBy(source, 'rename')) {
      const { from, to } = node.attributes;
      for (const [outer, inner] of names) if (inner === to) names.set(outer, from);
      source = node.inputs[0]!;
    }
    return { value: source, names };
  }

  rename(value: Value, from: string, to: string): Value {
    if (from === to) return value;
    const before = this.madeBy(value, 'rename');
    if (before !== undefined && before.attributes.to === from) return this.rename(before.inputs[0]!, before.attributes.from, to);
    return this.one('rename', { from, to }, value);
  }

  /** The parts one behind the other. The joined axis is called by its parts, so that equal joins are one, also where a part is called otherwise. */
  concat(parts: readonly Part[]): { readonly value: Value; readonly axis: Axis } {
    const plain = parts.map((part) => this.#plain(part));
    const sizes = plain.map(({ value, axis }) => axisOf(value, axis)!.size as number);
    const inputs = plain.map(({ value }) => value);
    let name = plain.map(({ axis }) => axis).join('+');
    // The matrices [H, H+H] of a cell that reads two states joined.
    while (inputs.some((value) => axisOf(value, name) !== undefined)) name += "'";
    const to = { name, size: sizes.reduce((sum, size) => sum + size, 0) };
    return { value: this.one('concat', { from: plain.map(({ axis }) => axis), to }, ...inputs), axis: to };
  }

  /** A part before its last rename, if that only renamed the axis that is joined. */
  #plain({ value, axis }: Part): Part {
    const node = this.madeBy(value, 'rename');
    if (node === undefined || node.attributes.to !== axis) return { value, axis };
    return this.#plain({ value: node.inputs[0]!, axis: node.attributes.from });
  }

  /** The pieces of an axis, as `pieces` call it. */
  slices(value: Value, from: string, pieces: readonly Axis[]): Value[] {
    let start = 0;
    return pieces.map((to) => {
      start += to.size as number;
      return this.one('slice', { from, start: start - (to.size as number), to }, value);
    });
  }
}

/** A tensor and the axis of it that is joined. */
export interface Part {
  readonly value: Value;
  readonly axis: string;
}

function keyOf(operation: OperationName, attributes: object, inputs: readonly Value[]): string {
  return `${operation} ${inputs.map((input) => input.id)} ${JSON.stringify(attributes)}`;
}
