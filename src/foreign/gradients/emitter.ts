// Writes the nodes of a backward model (opset 21), and the few calculations with shapes that many rules need. No rank and no size has to be
// known: shapes are computed where the model runs, but for those that a run has told. Nodes that are the same are written once; what nothing reads is left out in the end.

import { type AttributeProto, elementTypes, type NodeProto, type TensorProto } from '../../onnx/proto.ts';
import { type AttributeValue, attribute, tensorProto } from '../../onnx/write.ts';

export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;

/** Operators whose result has the shape that their operands are broadcast to. */
const broadcasting: ReadonlySet<string> = new Set(
  'Add Sub Mul Div Neg Sum Where Cast Identity Tanh Sigmoid Exp Log Sqrt Abs Sign Not And Or Equal Less Greater LessOrEqual GreaterOrEqual Pow Reciprocal'.split(
    ' ',
  ),
);

export class Emitter {
  readonly nodes: NodeProto[] = [];
  readonly initializers: TensorProto[] = [];
  readonly #known = new Map<string, readonly string[]>();
  readonly #prefix: string;
  /** Of forward values, and of what follows from them. */
  readonly #dims: Map<string, readonly number[]>;
  #count = 0;

  /** `prefix` begins every name that is made here, and no name of the model. */
  constructor(prefix: string, dims: ReadonlyMap<string, readonly number[]> = new Map()) {
    this.#prefix = prefix;
    this.#dims = new Map(dims);
  }

  /** Says that a value has the sizes of another, where these are known. */
  alike(value: string, like: string): string {
    const dims = this.#dims.get(like);
    if (dims !== undefined) this.#dims.set(value, dims);
    return value;
  }

  /** The one result of an operator. An input '' is left out. */
  op(type: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.ops(type, inputs, attributes, 1)[0]!;
  }

  ops(type: string, inputs: readonly string[], attributes: Attributes, outputs: number): readonly string[] {
    const given = Object.entries(attributes).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
    return this.#once(JSON.stringify([type, inputs, given, outputs]), () => {
      const made = Array.from({ length: outputs }, () => this.#fresh(type));
      const list: AttributeProto[] = given.map(([name, value]) => attribute(name, value));
      this.nodes.push({ op_type: type, name: made[0]!, input: [...inputs], output: [...made], attribute: list });
      const dims = this.#resulting(type, inputs);
      if (dims !== undefined) this.#dims.set(made[0]!, dims);
      return made;
    });
  }

  /** A list of integers, int64 [n]. */
  ints(...values: readonly number[]): string {
    return this.#constant('int64', [values.length], values);
  }

  /** One integer, int64 []. */
  int(value: number): string {
    return this.#constant('int64', [], [value]);
  }

  /** A scalar of an element type (float32 or float64). */
  scalar(type: number, value: number): string {
    return this.#constant(type === elementTypes.float64 ? 'float64' : 'float32', [], [value]);
  }

  shape(value: string): string {
    const dims = this.#dims.get(value);
    return dims === undefined ? this.op('Shape', [value]) : this.ints(...dims);
  }

  /** Sizes [from, to) of a shape, which may be counted from its end. */
  sizes(value: string, from: number, to?: number): string {
    const dims = this.#dims.get(value);
    return dims === undefined ? this.op('Shape', [value], { start: from, end: to }) : this.ints(...dims.slice(from, to));
  }

  /** Size along one axis, int64 [1]. */
  size(value: string, axis: number): string {
    const size = this.#dims.get(value)?.at(axis);
    return size === undefined ? this.op('Gather', [this.shape(value), this.ints(axis)]) : this.ints(size);
  }

  concat(...lists: readonly string[]): string {
    return lists.length === 1 ? lists[0]! : this.op('Concat', lists, { axis: 0 });
  }

  /** A size of 0 in the shape means 0. */
  reshape(value: string, shape: string): string {
    return this.op('Reshape', [value, shape], { allowzero: 1 });
  }

  /** The value in the shape of another that has as many elements. */
  reshapeLike(value: string, like: string): string {
    return this.#isSame(value, like) ? value : this.alike(this.reshape(value, this.shape(like)), like);
  }

  /** In the shape of another to which it can be broadcast. */
  expandLike(value: string, like: string): string {
    return this.#isSame(value, like) ? value : this.op('Expand', [value, this.shape(like)]);
  }

  cast(value: string, type: number): string {
    return this.op('Cast', [value], { to: type });
  }

  add(a: string, b: string): string {
    return this.op('Add', [a, b]);
  }

  sub(a: string, b: string): string {
    return this.op('Sub', [a, b]);
  }

  mul(a: string, b: string): string {
    return this.op('Mul', [a, b]);
  }

  div(a: string, b: string): string {
    return this.op('Div', [a, b]);
  }

  /** What was broadcast to `value` from the shape of `like`, summed back to it. */
  sumTo(value: string, like: string): string {
    const [from, to] = [this.#dims.get(value), this.#dims.get(like)];
    if (from === undefined || to === undefined) return this.alike(this.sumToShape(value, this.shape(like)), like);
    if (this.#isSame(value, like)) return value;
    const added = from.length - to.length;
    const axes = from.flatMap((size, axis) => (axis < added || (to[axis - added] === 1 && size !== 1) ? [axis] : []));
    return this.alike(this.reshape(axes.length === 0 ? value : this.sum(value, this.ints(...axes)), this.shape(like)), like);
  }

  /** Sums over axes that the shape has not, or has with size 1. */
  sumToShape(value: string, shape: string): string {
    const missing = this.sub(this.shape(this.shape(value)), this.shape(shape));
    const padded = this.concat(this.op('Expand', [this.ints(1), missing]), shape);
    const ones = this.op('Equal', [padded, this.ints(1)]);
    const axes = this.op('Squeeze', [this.op('NonZero', [ones]), this.ints(0)]);
    return this.reshape(this.sum(value, axes), shape);
  }

  /** Sum over axes (an int64 list; none: no sum), which stay with size 1. */
  sum(value: string, axes: string): string {
    return this.op('ReduceSum', [value, axes], { keepdims: 1, noop_with_empty_axes: 1 });
  }

  mean(value: string, axes: string): string {
    return this.op('ReduceMean', [value, axes], { keepdims: 1 });
  }

  /** The last two axes exchanged, at any rank from 2 on. */
  swap(value: string): string {
    const swapped = this.op('Einsum', [value], { equation: '...ij->...ji' });
    const dims = this.#dims.get(value);
    if (dims !== undefined) this.#dims.set(swapped, [...dims.slice(0, -2), dims.at(-1)!, dims.at(-2)!]);
    return swapped;
  }

  zeros(shape: string, type: number): string {
    return this.op('Expand', [this.scalar(type, 0), shape]);
  }

  /** `value` where the condition holds, else 0. */
  where(condition: string, value: string, type: number, otherwise = this.scalar(type, 0)): string {
    return this.op('Where', [condition, value, otherwise]);
  }

  /** How many elements of `whole` there are for one of `part`, as a scalar of the type. */
  ratio(whole: string, part: string, type: number): string {
    return this.cast(this.div(this.op('Size', [whole]), this.op('Size', [part])), type);
  }

  /** Numbers 1, 2, ... in the shape of a value: where its elements came to, when they are moved like it. 0 is left for what comes from elsewhere. */
  places(like: string): string {
    const range = this.op('Range', [this.int(1), this.add(this.op('Size', [like]), this.int(1)), this.int(1)]);
    return this.reshapeLike(range, like);
  }

  /** Adds the cotangents of each list to the elements of `like` that the places beside them say. */
  gatherBack(lists: readonly { readonly cotangent: string; readonly places: string }[], like: string, type: number): string {
    const flat = (value: string): string => this.op('Reshape', [value, this.ints(-1)]);
    const all = (values: readonly string[]): string => this.concat(...values.map(flat));
    const size = this.op('Reshape', [this.add(this.op('Size', [like]), this.int(1)), this.ints(1)]);
    const inputs = [this.zeros(size, type), all(lists.map(({ places }) => places)), all(lists.map(({ cotangent }) => cotangent))];
    const added = this.op('ScatterElements', inputs, { axis: 0, reduction: 'add' });
    return this.reshapeLike(this.op('Slice', [added, this.ints(1), this.ints(Number.MAX_SAFE_INTEGER)]), like);
  }

  #isSame(a: string, b: string): boolean {
    const [one, other] = [this.#dims.get(a), this.#dims.get(b)];
    return one !== undefined && one.join() === other?.join();
  }

  /** Sizes of a result, where they follow from the operands'. */
  #resulting(type: string, inputs: readonly string[]): readonly number[] | undefined {
    const all = inputs.map((name) => this.#dims.get(name));
    if (all.length === 0 || all.some((dims) => dims === undefined)) return undefined;
    const given = all as readonly (readonly number[])[];
    if (broadcasting.has(type)) {
      const rank = Math.max(...given.map((dims) => dims.length));
      return Array.from({ length: rank }, (_, k) => {
        const sizes = given.map((dims) => dims[k - rank + dims.length] ?? 1);
        return sizes.find((size) => size !== 1) ?? 1;
      });
    }
    const [a, b] = given as [readonly number[], (readonly number[])?];
    if (type === 'MatMul' && a.length === 2 && b?.length === 2) return [a[0]!, b[1]!];
    return undefined;
  }

  #constant(type: 'int64' | 'float32' | 'float64', dims: readonly number[], values: readonly number[]): string {
    const key = values.map((value) => (Object.is(value, -0) ? '-0' : String(value))).join();
    return this.#once(`${type} ${dims} ${key}`, () => {
      const name = this.#fresh('constant');
      this.#dims.set(name, dims);
      this.initializers.push(tensorProto(type, dims, values, name));
      return [name];
    })[0]!;
  }

  #once(key: string, make: () => readonly string[]): readonly string[] {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const made = make();
    this.#known.set(key, made);
    return made;
  }

  #fresh(word: string): string {
    this.#count += 1;
    return `${this.#prefix}${word.toLowerCase()}.${this.#count}`;
  }
}
