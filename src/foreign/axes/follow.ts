// Which axes of the model's inputs the axes of a value are: followed through what moves, splits and joins them, with the sizes of a run.
//
// An axis of a value is a product of factors, the slowest first: a Reshape of [B, T, F, C] to [B*T, F, C] makes one axis of two. What an operator
// makes anew (units, channels) is a factor of no input.

import type { GraphProto, NodeProto } from '../../onnx/proto.ts';
import { type Elements, intOf, intsOf, moved, numbersOf } from '../streaming/elements.ts';
import { flatten, inOrder, isRecurrent } from '../streaming/flatten.ts';
import { type Axes, type Factor, resized, sizeOfAxis } from './axis.ts';
import { convolved } from './convolved.ts';

/** Values of the outermost graph by their names; those that are lost sight of are left out. `inputs`: the sizes of the model's inputs. */
export function followAxes(graph: GraphProto, inputs: ReadonlyMap<string, readonly number[]>): ReadonlyMap<string, Axes> {
  const flat = flatten(graph);
  const axes = new Map<string, Axes>();
  // What shapes are made of.
  const numbers = new Map<string, Elements>();
  const initial = new Map<string, readonly number[]>();
  for (const [input, dims] of inputs)
    axes.set(
      input,
      dims.map((size, axis) => [{ size, of: { input, axis } }]),
    );
  for (const [name, tensor] of flat.initializers) {
    initial.set(name, tensor.dims);
    const known = axes.has(name) ? undefined : numbersOf(tensor);
    if (known !== undefined) numbers.set(name, known);
  }
  for (const { node, inputs: names, outputs } of inOrder(flat.nodes, (each) => each.inputs)) {
    const known = names.map((name) => axes.get(name));
    const operand = (k: number): Operand => ({
      axes: known[k],
      numbers: numbers.get(names[k] ?? ''),
      dims: known[k]?.map(sizeOfAxis) ?? numbers.get(names[k] ?? '')?.dims ?? initial.get(names[k] ?? ''),
    });
    const operands = names.map((_, k) => operand(k));
    if (known.every((each) => each === undefined) || node.op_type === 'Shape' || node.op_type === 'Size') {
      const given = operands.map(
        ({ numbers: own, dims }): Elements | undefined =>
          own ?? (node.op_type === 'Shape' && dims !== undefined ? { dims, data: new Float64Array(0), traced: true } : undefined),
      );
      moved(node, given).forEach((value, k) => {
        if (value !== undefined && !value.traced && value.data.length <= 64) numbers.set(outputs[k] ?? '', value);
      });
      continue;
    }
    outputsOf(node, operands).forEach((value, k) => {
      if (value !== undefined && outputs[k]) axes.set(outputs[k], value);
    });
  }
  return axes;
}

interface Operand {
  readonly axes: Axes | undefined;
  readonly numbers: Elements | undefined;
  readonly dims: readonly number[] | undefined;
}

const anew = (size: number): readonly Factor[] => [{ size }];
const place = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

function outputsOf(node: NodeProto, operands: readonly Operand[]): readonly (Axes | undefined)[] {
  const x = operands[0]?.axes;
  const listed = (k: number, name: string): readonly number[] | undefined =>
    operands[k]?.numbers === undefined ? intsOf(node, name) : Array.from(operands[k].numbers.data);
  const axesOf = (k = 1): readonly number[] | undefined => listed(k, 'axes')?.map((axis) => place(axis, x?.length ?? 0));
  if (isRecurrent(node)) return x === undefined ? [] : [recurrent(node, x, operands)];
  const operator = node.op_type;
  if (keeping.has(operator)) return [x];
  if (spreading.has(operator)) return [spread(operands)];
  switch (operator) {
    case 'Transpose':
      return [x && (intsOf(node, 'perm') ?? x.map((_, k) => x.length - 1 - k)).map((axis) => x[axis] ?? anew(1))];
    case 'Reshape': {
      const shape = listed(1, 'shape');
      return [x && shape && regrouped(x, resolved(shape, x, intOf(node, 'allowzero') === 1))];
    }
    case 'Flatten': {
      const axis = place(intOf(node, 'axis') ?? 1, x?.length ?? 0);
      return [x && [x.slice(0, axis).flat(), x.slice(axis).flat()]];
    }
    case 'Squeeze': {
      const gone = axesOf();
      return [x?.filter((each, k) => (gone === undefined ? sizeOfAxis(each) !== 1 : !gone.includes(k)))];
    }
    case 'Unsqueeze': {
      const added = listed(1, 'axes');
      if (x === undefined || added === undefined) return [];
      const rank = x.length + added.length;
      const places = new Set(added.map((axis) => place(axis, rank)));
      const rest = [...x];
      return [Array.from({ length: rank }, (_, k) => (places.has(k) ? anew(1) : (rest.shift() ?? anew(1))))];
    }
    case 'Expand':
      return [x && spread([operands[0]!, { axes: undefined, numbers: undefined, dims: listed(1, 'shape') }])];
    case 'MatMul':
    case 'MatMulInteger':
      return [product(operands)];
    case 'Gemm': {
      const columns = operands[1]?.dims?.[intOf(node, 'transB') === 1 ? 0 : 1];
      const rows = x?.[intOf(node, 'transA') === 1 ? 1 : 0];
      return [rows && columns !== undefined ? [rows, anew(columns)] : undefined];
    }
    case 'Gather':
      return [gathered(node, operands)];
    case 'Slice':
      return [x && sliced(x, listed(1, 'starts'), listed(2, 'ends'), listed(3, 'axes'), listed(4, 'steps'))];
    case 'Split': {
      const axis = place(intOf(node, 'axis') ?? 0, x?.length ?? 0);
      const whole = sizeOfAxis(x?.[axis] ?? []);
      const count = node.output.length;
      const even = Math.ceil(whole / count);
      const parts = listed(1, 'split') ?? Array.from({ length: count }, (_, k) => Math.min(even, whole - k * even));
      return parts.map((size) => x?.map((each, k) => (k === axis ? resized(each, size) : each)));
    }
    case 'Concat': {
      const first = operands.find(({ axes }) => axes !== undefined)?.axes;
      const axis = place(intOf(node, 'axis') ?? 0, first?.length ?? 0);
      const sizes = operands.map(({ dims }) => dims?.[axis]);
      if (first === undefined || sizes.some((size) => size === undefined)) return [];
      return [
        first.map((each, k) =>
          k === axis
            ? resized(
                each,
                sizes.reduce<number>((sum, size) => sum + size!, 0),
              )
            : each,
        ),
      ];
    }
    case 'Pad': {
      const pads = listed(1, 'pads');
      const own = operands[3]?.numbers === undefined ? undefined : axesOf(3);
      if (x === undefined || pads === undefined) return [];
      const all = own ?? x.map((_, k) => k);
      return [
        x.map((each, k) => {
          const at = all.indexOf(k);
          return at < 0 ? each : resized(each, sizeOfAxis(each) + pads[at]! + pads[at + all.length]!);
        }),
      ];
    }
    default:
      if (/^Reduce/.test(operator) || operator === 'ArgMax' || operator === 'ArgMin') return [reduced(node, x, axesOf())];
      return [x && convolved(node, x, operands[1]?.dims)];
  }
}

/** Operators whose result has the axes of their first operand. */
const keeping = new Set(
  'Identity Cast CastLike Dropout Relu Tanh Sigmoid LeakyRelu Elu Selu Gelu HardSigmoid HardSwish Mish Softplus Softsign Clip Log Exp Sqrt Abs Neg Erf Reciprocal Floor Ceil Round Sign Sin Cos Not IsNaN LayerNormalization BatchNormalization InstanceNormalization GroupNormalization SimplifiedLayerNormalization RMSNormalization QuantizeLinear DequantizeLinear Softmax LogSoftmax CumSum PRelu ThresholdedRelu Celu Shrink'.split(
    ' ',
  ),
);

/** Operators whose operands are spread over each other. */
const spreading = new Set('Add Sub Mul Div Pow Max Min Mean Sum Where And Or Equal Less Greater LessOrEqual GreaterOrEqual Mod'.split(' '));

/** Y [T, D, B, H] of X [T, B, I], or [B, T, D, H] of [B, T, I]. */
function recurrent(node: NodeProto, x: Axes, operands: readonly Operand[]): Axes | undefined {
  const hidden = intOf(node, 'hidden_size') ?? operands[2]?.dims?.[2];
  const directions = operands[1]?.dims?.[0];
  if (x.length !== 3 || hidden === undefined || directions === undefined) return undefined;
  const batchFirst = intOf(node, 'layout') === 1;
  return batchFirst ? [x[0]!, x[1]!, anew(directions), anew(hidden)] : [x[0]!, anew(directions), x[1]!, anew(hidden)];
}

/** Axes as NumPy spreads them: those that are larger than 1, of inputs first. */
function spread(operands: readonly Operand[]): Axes | undefined {
  const known = operands.filter(({ axes, dims }) => axes !== undefined || dims !== undefined);
  const rank = Math.max(...known.map(({ axes, dims }) => (axes ?? dims)!.length));
  return Array.from({ length: rank }, (_, k) => {
    const found = known.flatMap(({ axes, dims }): (readonly Factor[])[] => {
      const at = k - rank + (axes ?? dims)!.length;
      if (at < 0) return [];
      return [axes?.[at] ?? anew(dims![at]!)];
    });
    const large = found.filter((each) => sizeOfAxis(each) > 1);
    return large.find((each) => each.some(({ of }) => of !== undefined)) ?? large[0] ?? found.find(([one]) => one?.of) ?? anew(1);
  });
}

function product([a, b]: readonly Operand[]): Axes | undefined {
  const [left, right] = [a?.axes ?? a?.dims?.map(anew), b?.axes ?? b?.dims?.map(anew)];
  if (left === undefined) return undefined;
  if (right === undefined || left.length < 2 || right.length < 2) return undefined;
  const lead = (axes: Axes): Operand => ({ axes: axes.slice(0, -2), numbers: undefined, dims: undefined });
  const batch = left.length === 2 && right.length === 2 ? [] : spread([lead(left), lead(right)]);
  return batch && [...batch, left.at(-2)!, right.at(-1)!];
}

function gathered(node: NodeProto, [data, indices]: readonly Operand[]): Axes | undefined {
  const own = data?.axes ?? data?.dims?.map(anew);
  const at = indices?.axes ?? indices?.dims?.map(anew);
  if (own === undefined || at === undefined) return undefined;
  const axis = place(intOf(node, 'axis') ?? 0, own.length);
  // Tokens look up their vectors in a table; places of an axis stay places of it.
  const isTable = data?.axes === undefined;
  const inner = isTable || at.length !== 1 ? at : [resized(own[axis] ?? [], sizeOfAxis(at[0]!))];
  return [...own.slice(0, axis), ...inner, ...own.slice(axis + 1)];
}

function sliced(
  x: Axes,
  starts: readonly number[] | undefined,
  ends: readonly number[] | undefined,
  given: readonly number[] | undefined,
  steps: readonly number[] | undefined,
): Axes | undefined {
  if (starts === undefined || ends === undefined) return undefined;
  const axes = (given ?? starts.map((_, k) => k)).map((axis) => place(axis, x.length));
  return x.map((each, k) => {
    const at = axes.indexOf(k);
    if (at < 0) return each;
    const [size, step] = [sizeOfAxis(each), steps?.[at] ?? 1];
    const clamp = (value: number): number =>
      Math.min(Math.max(value < 0 ? value + size : value, step < 0 ? -1 : 0), step < 0 ? size - 1 : size);
    return resized(each, Math.max(0, Math.ceil((clamp(ends[at]!) - clamp(starts[at]!)) / step)));
  });
}

function reduced(node: NodeProto, x: Axes | undefined, given: readonly number[] | undefined): Axes | undefined {
  if (x === undefined) return undefined;
  const isArg = node.op_type.startsWith('Arg');
  const axes = isArg ? [place(intOf(node, 'axis') ?? 0, x.length)] : (given ?? x.map((_, k) => k));
  const keeps = (intOf(node, 'keepdims') ?? 1) !== 0;
  return x.flatMap((each, k) => (axes.includes(k) ? (keeps ? [anew(1)] : []) : [each]));
}

/** The sizes that a Reshape asks for. */
function resolved(shape: readonly number[], x: Axes, zeroIsZero: boolean): readonly number[] {
  const kept = shape.map((size, k) => (size === 0 && !zeroIsZero ? sizeOfAxis(x[k] ?? []) : size));
  const known = kept.reduce((all, size) => (size === -1 ? all : all * size), 1);
  return kept.map((size) => (size === -1 ? sizeOfAxis(x.flat()) / known : size));
}

/** Factors as the axes of a new shape; undefined where the sizes do not fit. */
function regrouped(x: Axes, dims: readonly number[]): Axes | undefined {
  const rest = x.flat().filter(({ size }) => size !== 1);
  const isSize = (size: number): boolean => Number.isSafeInteger(size) && size > 0;
  if (!dims.every(isSize) || !rest.every(({ size }) => isSize(size))) return undefined;
  const result = dims.map((dim): readonly Factor[] => {
    const own: Factor[] = [];
    let left = dim;
    while (left > 1 && rest.length > 0) {
      const next = rest.shift()!;
      if (left % next.size === 0) {
        own.push(next);
        left /= next.size;
        continue;
      }
      // An axis is cut in two: neither piece is the axis.
      const piece = commonFactor(left, next.size);
      if (piece === 1) break;
      own.push({ size: piece });
      if (next.size !== piece) rest.unshift({ size: next.size / piece });
      left /= piece;
    }
    return left === 1 && own.length > 0 ? own : left === dim ? anew(dim) : [{ size: Number.NaN }];
  });
  const isWhole = rest.length === 0 && result.every((each) => Number.isFinite(sizeOfAxis(each)));
  return isWhole ? result : undefined;
}

const commonFactor = (a: number, b: number): number => (b === 0 ? a : commonFactor(b, a % b));
