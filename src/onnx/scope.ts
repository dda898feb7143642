// One ONNX graph while it is written, and where the values of the tensor graph stand in it.
//
// A value of the graph has named axes; in ONNX it has an order. The same value may be there in several orders ("variants"): a node asks for
// the order it works on, and what is not there yet is made by a Transpose or Unsqueeze, once, in the scope that the value belongs to, so
// nothing that a loop only holds is rearranged inside the loop. A pattern is an order of axis names; '' is an axis of length 1.

import { type Axis, axisOf, type DataType, type Origin, type Size, type Value } from '../graph/graph.ts';
import { GraphError, show } from '../graph/shapes.ts';
import type { ElementType, NodeProto, TensorProto } from './proto.ts';
import { type AttributeValue, attribute, tensorProto } from './write.ts';

export type Pattern = readonly string[];

interface Variant {
  readonly pattern: Pattern;
  readonly name: string;
}

type Entry =
  | { readonly kind: 'variants'; readonly variants: Variant[] }
  /** The value of another scope, or of this one under other axis names; `names` leads from this value's names to the other's. */
  | { readonly kind: 'alias'; readonly scope: Scope; readonly value: Value; readonly names: ReadonlyMap<string, string> }
  | { readonly kind: 'constant'; readonly value: number };

/** What all graphs of one model share. */
export interface Shared {
  readonly initializers: TensorProto[];
  readonly sizes: Readonly<Record<string, number>>;
  /** Whether operators of the runtime's own may be used. */
  readonly extensions: boolean;
  fresh(hint: string): string;
  /** Element type of a data type. */
  element(dtype: DataType): ElementType;
}

export class Scope {
  readonly nodes: NodeProto[] = [];
  readonly shared: Shared;
  readonly parent: Scope | undefined;
  origin: Origin | undefined;
  readonly #entries = new Map<Value, Entry>();
  /** Of the outermost scope: tensors made once a model, by what they hold. */
  readonly #constants = new Map<string, string>();
  readonly #symbols = new Map<string, { readonly name: string; readonly position: number }>();

  constructor(shared: Shared, parent?: Scope) {
    this.shared = shared;
    this.parent = parent;
  }

  get root(): Scope {
    return this.parent === undefined ? this : this.parent.root;
  }

  /** Inside loops features come first and the batch last, so that a product has the weights as its left operand, which the runtime uses in
   *  place; outside, time and batch come first, as data comes. */
  preferred(axes: readonly Axis[]): string[] {
    const rank = ({ name, size }: Axis): number => {
      const outside = typeof size === 'number' ? 2 : name === 'B' ? 1 : 0;
      return this.parent === undefined ? outside : name === 'B' ? 2 : typeof size === 'number' ? 0 : 1;
    };
    return [...axes].sort((a, b) => rank(a) - rank(b)).map((axis) => axis.name);
  }

  // Nodes

  node(operator: string, inputs: readonly string[], attributes: Readonly<Record<string, AttributeValue>> = {}, hint = operator): string {
    return this.nodeOf(operator, inputs, attributes, [hint])[0]!;
  }

  nodeOf(
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>>,
    hints: readonly string[],
    domain = '',
  ): string[] {
    const outputs = hints.map((hint) => this.shared.fresh(hint));
    this.nodes.push(this.describe(operator, inputs, attributes, outputs, domain));
    return outputs;
  }

  /** A node that carries the line it comes from. */
  describe(
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>>,
    outputs: readonly string[],
    domain = '',
  ): NodeProto {
    const { origin } = this;
    return {
      op_type: operator,
      domain,
      name: outputs[0]!,
      input: [...inputs],
      output: [...outputs],
      attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
      ...(origin === undefined
        ? {}
        : {
            metadata_props: [
              { key: 'unroll.instance', value: origin.instance },
              { key: 'unroll.line', value: origin.line },
            ],
          }),
    };
  }

  /** A tensor that the model holds; equal ones are one. */
  initializer(type: ElementType, dims: readonly number[], data: readonly number[]): string {
    const { root } = this;
    const key = `${type}[${dims}]${data}`;
    let name = root.#constants.get(key);
    if (name === undefined) {
      name = this.shared.fresh('constant');
      root.#constants.set(key, name);
      this.shared.initializers.push(tensorProto(type, dims, data, name));
    }
    return name;
  }

  integers(...data: number[]): string {
    return this.initializer('int64', [data.length], data);
  }

  scalar(value: number, dtype: DataType): string {
    return this.initializer(this.shared.element(dtype), [], [value]);
  }

  // Sizes

  /** Where the length of a symbolic axis can be read: a tensor of the outermost scope. */
  bindSymbol(size: Size, name: string, position: number): void {
    if (typeof size === 'string' && !this.#symbols.has(size)) this.#symbols.set(size, { name, position });
  }

  size(axis: Axis): number | string {
    return typeof axis.size === 'number' ? axis.size : (this.shared.sizes[axis.size] ?? axis.size);
  }

  /** A tensor [groups.length] (int64): each group's sizes multiplied. One unknown is written -1 where `infer` allows it. */
  shape(groups: readonly (readonly Axis[])[], infer = false): string {
    const sizes = groups.map((axes) => axes.map((axis) => this.size(axis)));
    const known = sizes.map((group) => (group.every((size) => typeof size === 'number') ? group.reduce((a, b) => a * b, 1) : undefined));
    const unknown = known.filter((size) => size === undefined).length;
    if (unknown === 0 || (infer && unknown === 1)) return this.integers(...known.map((size) => size ?? -1));
    const { root } = this;
    const parts = sizes.map((group, k) => {
      const size = known[k];
      if (size !== undefined) return this.integers(size);
      return group.map((each) => root.#sizeTensor(each)).reduce((a, b) => root.#once(`mul ${a} ${b}`, () => root.node('Mul', [a, b])));
    });
    return parts.length === 1 ? parts[0]! : root.#once(`shape ${parts}`, () => root.node('Concat', parts, { axis: 0 }));
  }

  #sizeTensor(size: Size): string {
    if (typeof size === 'number') return this.integers(size);
    const symbol = this.#symbols.get(size);
    if (symbol === undefined) throw new GraphError(`no parameter has an axis of the size ${size}`);
    const { name, position } = symbol;
    return this.#once(`size ${size}`, () => this.node('Shape', [name], { start: position, end: position + 1 }, `size_${size}`));
  }

  #once(key: string, make: () => string): string {
    let name = this.#constants.get(key);
    if (name === undefined) {
      name = make();
      this.#constants.set(key, name);
    }
    return name;
  }

  /** A tensor that depends on sizes only, made once a model. */
  onceOutside(key: string, make: (root: Scope) => string): string {
    const { root } = this;
    return root.#once(key, () => make(root));
  }

  // Values

  define(value: Value, pattern: Pattern, name: string): void {
    const entry = this.#entries.get(value);
    if (entry?.kind === 'variants') entry.variants.push({ pattern, name });
    else this.#entries.set(value, { kind: 'variants', variants: [{ pattern, name }] });
  }

  /** `value` is `other` under other axis names: `renamed` maps the new names to the old. */
  alias(value: Value, scope: Scope, other: Value, renamed: ReadonlyMap<string, string> = new Map()): void {
    this.#entries.set(value, { kind: 'alias', scope, value: other, names: renamed });
  }

  defineConstant(value: Value, number: number): void {
    this.#entries.set(value, { kind: 'constant', value: number });
  }

  #entry(value: Value): Entry {
    const entry = this.#entries.get(value);
    if (entry === undefined) throw new GraphError(`${show(value)} is used before it is made`);
    return entry;
  }

  /** The number that the value is everywhere, if it is one. */
  constantOf(value: Value): number | undefined {
    const entry = this.#entry(value);
    if (entry.kind === 'alias') return entry.scope.constantOf(entry.value);
    return entry.kind === 'constant' ? entry.value : undefined;
  }

  /** Whether the value belongs to a graph around this one. */
  isOutside(value: Value): boolean {
    const entry = this.#entry(value);
    return entry.kind === 'alias' && (entry.scope !== this || entry.scope.isOutside(entry.value));
  }

  /** The order in which the value was made: what costs nothing to ask for. */
  orderOf(value: Value): string[] {
    return this.ordersOf(value)[0]!;
  }

  ordersOf(value: Value): string[][] {
    const entry = this.#entry(value);
    if (entry.kind === 'constant') return [this.preferred(value.type.axes)];
    if (entry.kind === 'variants') return entry.variants.map(({ pattern }) => pattern.filter((name) => name !== ''));
    const back = new Map([...entry.names].map(([here, there]) => [there, here]));
    return entry.scope.ordersOf(entry.value).map((order) => order.map((name) => back.get(name) ?? name));
  }

  /** The tensor that holds the value in this order. */
  need(value: Value, pattern: Pattern): string {
    const entry = this.#entry(value);
    if (entry.kind === 'alias')
      return entry.scope.need(
        entry.value,
        pattern.map((name) => entry.names.get(name) ?? name),
      );
    if (entry.kind === 'constant') return this.#filled(value, entry.value, pattern);
    const exact = entry.variants.find((variant) => equal(variant.pattern, pattern));
    if (exact !== undefined) return exact.name;
    const order = pattern.filter((name) => name !== '');
    if (order.length !== value.type.axes.length || order.some((name) => axisOf(value, name) === undefined))
      throw new GraphError(`${show(value)} was asked for as [${pattern}]`);
    const name = equal(order, pattern) ? this.#ordered(value, entry.variants, order) : this.#widened(value, pattern, order);
    entry.variants.push({ pattern, name });
    return name;
  }

  #ordered(value: Value, variants: readonly Variant[], order: Pattern): string {
    const same = variants.find(({ pattern }) => equal(squeezed(pattern), order));
    if (same !== undefined) {
      const fillers = same.pattern.flatMap((name, k) => (name === '' ? [k] : []));
      return this.node('Squeeze', [same.name, this.integers(...fillers)], {}, value.name);
    }
    const source = variants.find(({ pattern }) => !pattern.includes('')) ?? variants[0]!;
    const base = squeezed(source.pattern);
    const name = source.pattern.includes('') ? this.need(value, base) : source.name;
    return this.node('Transpose', [name], { perm: order.map((axis) => base.indexOf(axis)) }, value.name);
  }

  #widened(value: Value, pattern: Pattern, order: Pattern): string {
    const name = this.need(value, order);
    const fillers = pattern.flatMap((axis, k) => (axis === '' ? [k] : []));
    return this.node('Unsqueeze', [name, this.integers(...fillers)], {}, value.name);
  }

  #filled(value: Value, number: number, pattern: Pattern): string {
    const { dtype } = value.type;
    if (pattern.length === 0) return this.scalar(number, dtype);
    const axes = pattern.map((name): Axis => (name === '' ? { name, size: 1 } : axisOf(value, name)!));
    const sizes = axes.map((axis) => this.size(axis));
    return this.onceOutside(`fill ${dtype} ${number} [${sizes}]`, (root) =>
      root.node('Expand', [root.scalar(number, dtype), root.shape(axes.map((axis) => [axis]))], {}, 'filled'),
    );
  }

  /** The value's tensor with `groups` of axes flattened to one each. */
  grouped(value: Value, groups: readonly Pattern[]): string {
    const name = this.need(
      value,
      groups.flatMap((group) => (group.length === 0 ? [''] : [...group])),
    );
    if (groups.every((group) => group.length <= 1)) return name;
    const axes = groups.map((group) => group.map((each) => axisOf(value, each)!));
    return this.node('Reshape', [name, this.shape(axes, true)], {}, value.name);
  }

  /** The opposite: defines the value from a tensor whose axes are groups. */
  defineGrouped(value: Value, groups: readonly Pattern[], name: string): void {
    if (groups.every((group) => group.length <= 1)) {
      this.define(
        value,
        groups.flatMap((group) => (group.length === 0 ? [''] : [...group])),
        name,
      );
      return;
    }
    const order = groups.flat();
    const axes = order.map((each) => [axisOf(value, each)!]);
    this.define(value, order, this.node('Reshape', [name, this.shape(axes, true)], {}, value.name));
  }
}

const squeezed = (pattern: Pattern): string[] => pattern.filter((name) => name !== '');
const equal = (a: Pattern, b: Pattern): boolean => a.length === b.length && a.every((name, k) => name === b[k]);
