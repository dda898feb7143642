// Shapes of the values inside a network, as far as its file and the rules of its operators tell them without running it: what networks for images are
// made of. A value of which one cannot say has none.

import { Attributes } from '../attributes.ts';
import type { GraphProto, NodeProto } from '../proto.ts';
import { describeValue } from './elements.ts';
import { claimOf, tensorOf } from './tensors.ts';

export type Length = number | '?';
export type Shape = readonly Length[];

/** By the values' names. `given`: of the input, where there is one, and it has as many axes: lengths that the file leaves open. */
export function valueShapes(graph: GraphProto, given?: Shape): ReadonlyMap<string, Shape> {
  const context = new Context(graph);
  const [input, ...more] = graph.input.filter(({ name }) => graph.initializer.every((tensor) => tensor.name !== name));
  const own = context.shape(input?.name);
  if (own?.length === given?.length && own !== undefined && more.length === 0)
    context.shapes.set(
      input!.name,
      own.map((length, k) => (length === '?' ? given![k]! : length)),
    );
  let waiting: readonly NodeProto[] = graph.node;
  // Nodes may stand before those that they read.
  for (let pass = 0; pass < MOST_PASSES && waiting.length > 0; pass += 1) {
    const left = waiting.filter((node) => !told(node, context));
    if (left.length === waiting.length) break;
    waiting = left;
  }
  return context.shapes;
}

const MOST_PASSES = 16;

/** Whether the shapes of a node's outputs are found. */
function told(node: NodeProto, context: Context): boolean {
  const shapes = rules[node.op_type]?.(node, context) ?? [];
  const [first] = shapes;
  if (first === undefined || first.some((length) => length !== '?' && !(length >= 0))) return false;
  node.output.forEach((name, k) => {
    const shape = shapes[k];
    if (name !== '' && shape !== undefined) context.shapes.set(name, shape);
  });
  return true;
}

class Context {
  readonly shapes = new Map<string, Shape>();
  readonly #whole = new Map<string, readonly number[]>();

  constructor(graph: GraphProto) {
    for (const value of [...(graph.value_info ?? []), ...graph.input]) {
      const { shape } = describeValue(value);
      if (shape !== undefined)
        this.shapes.set(
          value.name,
          shape.map((length) => (typeof length === 'number' && length >= 0 ? length : '?')),
        );
    }
    const tensors = [
      ...graph.initializer.map((tensor) => [tensor.name ?? '', tensor] as const),
      ...graph.node.flatMap(({ op_type, attribute, output }) => {
        const value = op_type === 'Constant' ? attribute.find(({ name }) => name === 'value')?.t : undefined;
        return value === undefined ? [] : [[output[0]!, value] as const];
      }),
    ];
    for (const [name, tensor] of tensors) {
      this.shapes.set(name, tensor.dims);
      const claim = claimOf(tensor);
      if (typeof claim === 'string' || claim.type !== 'int64' || claim.count > MOST_AXES || tensor.raw_data === undefined) continue;
      this.#whole.set(name, Array.from(tensorOf(claim, tensor, tensor.raw_data).data as BigInt64Array, Number));
    }
  }

  shape(name: string | undefined): Shape | undefined {
    return this.shapes.get(name ?? '');
  }

  /** Integers that the file has: axes, sizes, pads. */
  integers(name: string | undefined): readonly number[] | undefined {
    return this.#whole.get(name ?? '');
  }
}

/** More integers than axes are no setting. */
const MOST_AXES = 64;

type Rule = (node: NodeProto, context: Context) => readonly (Shape | undefined)[] | undefined;

const same: Rule = ({ input }, { shapes }) => [shapes.get(input[0] ?? '')];

const broadcast: Rule = ({ input }, context) => {
  const all = input.map((name) => context.shape(name));
  const rank = Math.max(...all.map((shape) => shape?.length ?? Number.NaN));
  if (Number.isNaN(rank)) return undefined;
  const at = (axis: number): Length =>
    all.reduce<Length>((length, shape) => {
      const own = shape![shape!.length - rank + axis] ?? 1;
      return length === 1 ? own : length === '?' && own !== 1 ? own : length;
    }, 1);
  return [Array.from({ length: rank }, (_, axis) => at(axis))];
};

const axisOf = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

const times = (a: Length, b: Length): Length => (a === '?' || b === '?' ? '?' : a * b);

interface Window {
  readonly kernel: readonly number[];
  readonly ceil: boolean;
}

/** Places of a window along each axis behind the first two (ONNX: Conv, MaxPool, AveragePool). */
function windows(node: NodeProto, spatial: Shape, { kernel, ceil }: Window): Shape {
  const attributes = new Attributes(node);
  const [strides, dilations, pads] = ['strides', 'dilations', 'pads'].map((name) => attributes.ints(name)) as [
    number[],
    number[],
    number[],
  ];
  const auto = attributes.text('auto_pad', 'NOTSET');
  return spatial.map((length, k) => {
    if (length === '?') return '?';
    const stride = strides[k] ?? 1;
    const span = (dilations[k] ?? 1) * (kernel[k]! - 1) + 1;
    if (auto.startsWith('SAME')) return Math.ceil(length / stride);
    const padded = length + (auto === 'VALID' ? 0 : (pads[k] ?? 0) + (pads[k + spatial.length] ?? 0));
    const places = (padded - span) / stride;
    return (ceil ? Math.ceil(places) : Math.floor(places)) + 1;
  });
}

const convolution: Rule = (node, context) => {
  const [x, weights] = [context.shape(node.input[0]), context.shape(node.input[1])];
  if (x === undefined || weights === undefined || weights.includes('?')) return undefined;
  const kernel = weights.slice(2) as number[];
  return [[x[0]!, weights[0]!, ...windows(node, x.slice(2), { kernel, ceil: false })]];
};

const pooling: Rule = (node, context) => {
  const x = context.shape(node.input[0]);
  const attributes = new Attributes(node);
  const kernel = attributes.ints('kernel_shape');
  if (x === undefined || kernel.length !== x.length - 2) return undefined;
  return [[x[0]!, x[1]!, ...windows(node, x.slice(2), { kernel, ceil: attributes.int('ceil_mode', 0) !== 0 })]];
};

const globalPooling: Rule = ({ input }, context) => [context.shape(input[0])?.map((length, k) => (k < 2 ? length : 1))];

const concat: Rule = (node, context) => {
  const all = node.input.map((name) => context.shape(name));
  const [first] = all;
  if (first === undefined || all.includes(undefined)) return undefined;
  const axis = axisOf(new Attributes(node).int('axis', 0), first.length);
  const sum = all.reduce<Length>((length, shape) => (length === '?' || shape![axis] === '?' ? '?' : length + (shape![axis] as number)), 0);
  return [first.with(axis, sum)];
};

/** Axes that an operator names by an input (newer) or an attribute. */
const axesOf = (node: NodeProto, context: Context): readonly number[] | undefined => {
  const given = new Attributes(node).ints('axes');
  if (given.length > 0) return given;
  return node.input[1] === undefined || node.input[1] === '' ? [] : context.integers(node.input[1]);
};

const reduction: Rule = (node, context) => {
  const [x, axes] = [context.shape(node.input[0]), axesOf(node, context)];
  if (x === undefined || axes === undefined) return undefined;
  const over = new Set(axes.length === 0 ? x.keys() : axes.map((axis) => axisOf(axis, x.length)));
  const keeps = new Attributes(node).int('keepdims', 1) !== 0;
  return [keeps ? x.map((length, k) => (over.has(k) ? 1 : length)) : x.filter((_, k) => !over.has(k))];
};

const reshape: Rule = (node, context) => {
  const [x, wanted] = [context.shape(node.input[0]), context.integers(node.input[1])];
  if (x === undefined || wanted === undefined) return undefined;
  const copied = wanted.map((length, k): Length | -1 => (length === 0 ? (x[k] ?? '?') : length));
  const open = copied.indexOf(-1);
  if (open < 0) return [copied];
  // Examples that are kept apart count on neither side.
  const apart = x[0] === '?' && copied[0] === '?';
  const count = (lengths: readonly Length[]): Length => lengths.slice(apart ? 1 : 0).reduce<Length>(times, 1);
  const [all, others] = [count(x), count(copied.map((length, k) => (k === open ? 1 : length)))];
  const rest = all === '?' || others === '?' || others === 0 ? '?' : all / others;
  return [copied.with(open, rest)];
};

const flatten: Rule = (node, context) => {
  const x = context.shape(node.input[0]);
  if (x === undefined) return undefined;
  const axis = axisOf(new Attributes(node).int('axis', 1), x.length);
  return [[x.slice(0, axis).reduce<Length>(times, 1), x.slice(axis).reduce<Length>(times, 1)]];
};

const transpose: Rule = (node, context) => {
  const x = context.shape(node.input[0]);
  const order = new Attributes(node).ints('perm');
  return [x === undefined ? undefined : order.length === 0 ? x.toReversed() : order.map((axis) => x[axis] ?? '?')];
};

const squeeze: Rule = (node, context) => {
  const [x, axes] = [context.shape(node.input[0]), axesOf(node, context)];
  if (x === undefined || axes === undefined) return undefined;
  const gone = new Set(axes.map((axis) => axisOf(axis, x.length)));
  if (gone.size === 0 && x.includes('?')) return undefined;
  return [x.filter((length, k) => (gone.size === 0 ? length !== 1 : !gone.has(k)))];
};

const unsqueeze: Rule = (node, context) => {
  const [x, axes] = [context.shape(node.input[0]), axesOf(node, context)];
  if (x === undefined || axes === undefined) return undefined;
  const rank = x.length + axes.length;
  const added = new Set(axes.map((axis) => axisOf(axis, rank)));
  const rest = x.values();
  return [Array.from({ length: rank }, (_, k) => (added.has(k) ? 1 : (rest.next().value ?? '?')))];
};

const gemm: Rule = (node, context) => {
  const [a, b] = [context.shape(node.input[0]), context.shape(node.input[1])];
  const attributes = new Attributes(node);
  if (a?.length !== 2 || b?.length !== 2) return undefined;
  return [[a[attributes.int('transA', 0) === 0 ? 0 : 1]!, b[attributes.int('transB', 0) === 0 ? 1 : 0]!]];
};

const matmul: Rule = ({ input }, context) => {
  const [a, b] = [context.shape(input[0]), context.shape(input[1])];
  return a === undefined || b?.length !== 2 || a.length < 2 ? undefined : [[...a.slice(0, -1), b[1]!]];
};

const pad: Rule = (node, context) => {
  const x = context.shape(node.input[0]);
  const given = new Attributes(node).ints('pads');
  const pads = given.length > 0 ? given : context.integers(node.input[1]);
  if (x === undefined || pads?.length !== 2 * x.length) return undefined;
  return [x.map((length, k) => (length === '?' ? '?' : length + pads[k]! + pads[k + x.length]!))];
};

const rules: Readonly<Partial<Record<string, Rule>>> = {
  ...Object.fromEntries(
    'Abs BatchNormalization Cast Ceil Celu Clip Dropout Elu Erf Exp Floor Gelu GroupNormalization HardSigmoid HardSwish Identity InstanceNormalization LRN LayerNormalization LeakyRelu Log LogSoftmax LpNormalization Mish Neg PRelu Relu Selu Sigmoid Softmax Softplus Softsign Sqrt Tanh ThresholdedRelu'
      .split(' ')
      .map((name) => [name, same]),
  ),
  ...Object.fromEntries('Add Div Max Mean Min Mul Pow Sub Sum'.split(' ').map((name) => [name, broadcast])),
  ...Object.fromEntries('ReduceL2 ReduceMax ReduceMean ReduceMin ReduceSum'.split(' ').map((name) => [name, reduction])),
  Conv: convolution,
  AveragePool: pooling,
  MaxPool: pooling,
  GlobalAveragePool: globalPooling,
  GlobalMaxPool: globalPooling,
  Concat: concat,
  Flatten: flatten,
  Gemm: gemm,
  MatMul: matmul,
  Pad: pad,
  Reshape: reshape,
  Squeeze: squeeze,
  Transpose: transpose,
  Unsqueeze: unsqueeze,
};
