// What ONNX's operators do with the values of one step.

import { PartError } from '../part.ts';
import { elementwiseRules, scaled } from './elementwise.ts';
import type { Expression, Term } from './expression.ts';
import { sizeOf } from './expression.ts';
import type { Expressions } from './expressions.ts';
import { integersOf } from './integers.ts';
import { normalised } from './normalised.ts';
import { contracted, einsum, matmul } from './products.ts';
import { recurrent } from './recurrent.ts';
import { joined, reduced } from './reduced.ts';
import { integersIn, placeOf, type Rule, type Step, tensorIn } from './step.ts';
import {
  elementwise,
  expanded,
  expressionOf,
  type Integers,
  permuted,
  picked,
  reshaped,
  shapeOfTensor,
  sliced,
  type Tensor,
  type Value,
} from './value.ts';

/** The values of a node's outputs. Throws PartError. */
export function valuesOf(step: Step): readonly Value[] {
  const { op_type: name, domain = '' } = step.node;
  const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
  if (rule === undefined || !['', 'ai.onnx', 'com.microsoft'].includes(domain))
    throw new PartError('It is none of the operators that the equations can write.');
  return integersOf(step) ?? rule(step);
}

const same: Rule = (step) => [step.input(0)!];

const rules: Readonly<Record<string, Rule>> = {
  ...elementwiseRules,

  MatMul: (step) => [matmul(step.make, tensorIn(step, 0), tensorIn(step, 1))],
  FusedMatMul: (step) => {
    const turned = (k: 0 | 1): Tensor => {
      const tensor = tensorIn(step, k);
      const rank = tensor.axes.length;
      const order = tensor.axes.map((_, at) => at);
      return step.attributes.int(k === 0 ? 'transA' : 'transB', 0) === 0 || rank < 2
        ? tensor
        : permuted(tensor, [...order.slice(0, -2), rank - 1, rank - 2]);
    };
    const whole = matmul(step.make, turned(0), turned(1));
    return [multiplied(step.make, whole, step.attributes.float('alpha') ?? 1)];
  },
  Gemm: (step) => {
    const { make, attributes } = step;
    const turned = (k: 0 | 1): Tensor => {
      const tensor = tensorIn(step, k);
      return attributes.int(k === 0 ? 'transA' : 'transB', 0) === 0 ? tensor : permuted(tensor, [1, 0]);
    };
    const [alpha, beta] = [attributes.float('alpha') ?? 1, attributes.float('beta') ?? 1];
    const whole = multiplied(make, matmul(make, turned(0), turned(1)), alpha);
    if (step.input(2) === undefined || beta === 0) return [whole];
    const bias = elementwise(make, [tensorIn(step, 2)], ([x]) => scaled(make, beta, x!));
    return [elementwise(make, [whole, bias], ([a, b]) => make.plus(a!, b!))];
  },
  Einsum: (step) => [
    einsum(
      step.make,
      step.attributes.text('equation', ''),
      step.node.input.map((_, k) => tensorIn(step, k)),
    ),
  ],
  Conv: (step) => {
    const [x, w] = [tensorIn(step, 0), tensorIn(step, 1)];
    const isPoint = [...x.axes.slice(2), ...w.axes.slice(2)].every(({ size }) => size === 1) && step.attributes.int('group', 1) === 1;
    if (!isPoint) throw new PartError('It looks at several places of an image, which the equations have no way to write.');
    const { make } = step;
    const vectors = { ...x, axes: x.axes.slice(0, 2) };
    const whole = contracted(make, vectors, 1, { ...w, axes: w.axes.slice(0, 2) }, 1, []);
    const bias = step.input(2);
    const sum = bias === undefined ? whole : elementwise(make, [whole, tensorIn(step, 2)], ([a, b]) => make.plus(a!, b!));
    return [{ ...sum, axes: [...sum.axes, ...x.axes.slice(2)] }];
  },

  LSTM: recurrent,
  GRU: recurrent,
  RNN: recurrent,

  Identity: same,
  Dropout: same,
  Cast: same,
  CastLike: same,
  Transpose: (step) => {
    const tensor = tensorIn(step, 0);
    const given = step.attributes.ints('perm');
    return [permuted(tensor, given.length > 0 ? given : tensor.axes.map((_, k) => tensor.axes.length - 1 - k))];
  },
  Reshape: (step) => {
    const tensor = tensorIn(step, 0);
    const wanted = integersIn(step, 1, 'shape')!;
    const keepsZero = step.attributes.int('allowzero', 0) === 1;
    const sizes = wanted.map((size, k) => (size === 0 && !keepsZero ? tensor.axes[k]!.size : size));
    const rest = sizeOf(sizes.filter((size) => size !== -1));
    return [
      reshaped(
        step.make,
        tensor,
        sizes.map((size) => (size === -1 ? sizeOf(shapeOfTensor(tensor)) / rest : size)),
      ),
    ];
  },
  Flatten: (step) => {
    const tensor = tensorIn(step, 0);
    const axis = placeOf(step.attributes.int('axis', 1), tensor.axes.length);
    const shape = shapeOfTensor(tensor);
    return [reshaped(step.make, tensor, [sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis))])];
  },
  Squeeze: (step) => {
    const tensor = tensorIn(step, 0);
    const given = integersIn(step, 1, 'axes');
    const axes = given?.map((axis) => placeOf(axis, tensor.axes.length)) ?? tensor.axes.flatMap(({ size }, k) => (size === 1 ? [k] : []));
    return [{ ...tensor, axes: tensor.axes.filter((_, k) => !axes.includes(k)) }];
  },
  Unsqueeze: (step) => {
    const tensor = tensorIn(step, 0);
    const given = integersIn(step, 1, 'axes')!;
    const rank = tensor.axes.length + given.length;
    const places = new Set(given.map((axis) => placeOf(axis, rank)));
    let next = 0;
    const axes = Array.from({ length: rank }, (_, k) => (places.has(k) ? { size: 1, stride: 0, isBatch: false } : tensor.axes[next++]!));
    return [{ ...tensor, axes }];
  },
  Expand: (step) => [expanded(tensorIn(step, 0), integersIn(step, 1, 'shape')!, step.isBatch)],
  Tile: (step) => {
    const tensor = tensorIn(step, 0);
    const repeats = integersIn(step, 1, 'repeats')!;
    if (repeats.some((count, k) => count !== 1 && tensor.axes[k]!.size !== 1))
      throw new PartError('It repeats a vector, which the equations have no way to write.');
    return [
      expanded(
        tensor,
        tensor.axes.map(({ size }, k) => size * repeats[k]!),
        step.isBatch,
      ),
    ];
  },
  Concat: (step) => [
    joined(
      step.make,
      step.node.input.map((_, k) => tensorIn(step, k)),
      step.attributes.int('axis', 0),
    ),
  ],
  Split: (step) => {
    const tensor = tensorIn(step, 0);
    const axis = placeOf(step.attributes.int('axis', 0), tensor.axes.length);
    const { size } = tensor.axes[axis]!;
    const count = step.node.output.length;
    const even = Math.ceil(size / count);
    const sizes = integersIn(step, 1, 'split') ?? step.node.output.map((_, k) => Math.min(even, size - k * even));
    let from = 0;
    return sizes.map((own) => {
      from += own;
      return sliced(tensor, axis, from - own, own);
    });
  },
  Slice: (step) => {
    let tensor = tensorIn(step, 0);
    const [starts, ends] = [integersIn(step, 1, 'starts')!, integersIn(step, 2, 'ends')!];
    const axes = integersIn(step, 3, 'axes') ?? starts.map((_, k) => k);
    const steps = integersIn(step, 4, 'steps') ?? starts.map(() => 1);
    axes.forEach((given, k) => {
      const axis = placeOf(given, tensor.axes.length);
      const { size } = tensor.axes[axis]!;
      const stride = steps[k]!;
      const within = (at: number, low: number, high: number): number => Math.min(Math.max(at < 0 ? at + size : at, low), high);
      const [start, end] =
        stride > 0
          ? [within(starts[k]!, 0, size), within(ends[k]!, 0, size)]
          : [within(starts[k]!, 0, size - 1), within(ends[k]!, -1, size - 1)];
      const count = Math.max(0, Math.ceil((end - start) / stride));
      if (count === 0) throw new PartError('It takes nothing of a vector.');
      tensor = sliced(tensor, axis, start, count, stride);
    });
    return [tensor];
  },
  Gather: (step) => {
    const tensor = tensorIn(step, 0);
    const axis = placeOf(step.attributes.int('axis', 0), tensor.axes.length);
    const index = step.input(1);
    if (index?.kind !== 'integers') throw new PartError('Its places are computed in the step, which the equations have no way to write.');
    const places = index.data.map((place) => placeOf(place, tensor.axes[axis]!.size));
    if (index.shape.length === 0) return [picked(tensor, axis, places[0]!)];
    if (index.shape.length !== 1) throw new PartError('It takes a table of places, which the equations have no way to write.');
    const stride = places.length > 1 ? places[1]! - places[0]! : 1;
    if (stride !== 0 && places.every((place, k) => place === places[0]! + k * stride))
      return [sliced(tensor, axis, places[0]!, places.length, stride)];
    return [
      joined(
        step.make,
        places.map((place) => sliced(tensor, axis, place, 1)),
        axis,
      ),
    ];
  },

  Softmax: (step) => reduced(step, 'softmax'),
  LogSoftmax: (step) => {
    const [weights] = reduced(step, 'softmax') as [Tensor];
    return [elementwise(step.make, [weights], ([x]) => step.make.elementwise('log', [x!]))];
  },
  ReduceSum: (step) => reduced(step, 'sum'),
  ReduceMean: (step) => reduced(step, 'mean'),
  ReduceMax: (step) => reduced(step, 'max'),
  ReduceMin: (step) => reduced(step, 'min'),
  ReduceSumSquare: (step) => reduced(step, 'sum', (make, x) => make.elementwise('power', [x, make.constant(2)])),
  ReduceL1: (step) => reduced(step, 'sum', (make, x) => make.elementwise('abs', [x])),
  ReduceL2: (step) => {
    const squares = reduced(step, 'sum', (make, x) => make.elementwise('power', [x, make.constant(2)])) as [Tensor];
    return [elementwise(step.make, squares, ([x]) => step.make.elementwise('sqrt', [x!]))];
  },
  ReduceLogSumExp: (step) => {
    const powers = reduced(step, 'sum', (make, x) => make.elementwise('exp', [x])) as [Tensor];
    return [elementwise(step.make, powers, ([x]) => step.make.elementwise('log', [x!]))];
  },
  CumSum: (step) => {
    const tensor = tensorIn(step, 0);
    const axis = placeOf(integersIn(step, 1, 'axis')?.[0] ?? 0, tensor.axes.length);
    const own = expressionOf(step.make, tensor);
    const isPlain = step.attributes.int('exclusive', 0) === 0 && step.attributes.int('reverse', 0) === 0;
    const isOnly = own.shape.length === 1 && tensor.axes[axis]!.size > 1 && !tensor.axes[axis]!.isBatch;
    if (!isPlain || !isOnly) throw new PartError('It sums up in an order that the equations have no way to write.');
    const axes = tensor.axes.map((each, k) => (k === axis ? { ...each, stride: 1 } : each));
    return [{ kind: 'tensor', of: step.make.reduction('cumsum', own), offset: 0, axes }];
  },
  LayerNormalization: (step) => normalised(step, true),
  RMSNormalization: (step) => normalised(step, false),
  SimplifiedLayerNormalization: (step) => normalised(step, false),
  BatchNormalization: (step) => {
    const { make } = step;
    const [x] = [tensorIn(step, 0)];
    if (x.axes.slice(2).some(({ size }) => size > 1))
      throw new PartError('It normalises an image, which the equations have no way to write.');
    const plain = { ...x, axes: x.axes.slice(0, 2) };
    const epsilon = make.constant(step.attributes.float('epsilon') ?? 1e-5);
    const [result] = [
      elementwise(make, [plain, ...[1, 2, 3, 4].map((k) => tensorIn(step, k))], ([value, scale, bias, mean, variance]) => {
        const gain = make.elementwise('quotient', [scale!, make.elementwise('sqrt', [make.plus(variance!, epsilon)])]);
        return make.sum([
          { sign: 1, of: make.product([gain, value!]) },
          { sign: 1, of: bias! },
          { sign: -1, of: make.product([gain, mean!]) },
        ]);
      }),
    ];
    return [{ ...result, axes: [...result.axes, ...x.axes.slice(2)] }];
  },
  Constant: (step) => {
    const { make } = step;
    const [given] = step.node.attribute;
    if (given?.t !== undefined) return [step.constant(given.t)];
    const integers = (shape: readonly number[], data: readonly number[]): Integers => ({ kind: 'integers', shape, data });
    if (given?.name === 'value_int') return [integers([], [Number(given.i ?? 0)])];
    if (given?.name === 'value_ints') return [integers([given.ints?.length ?? 0], (given.ints ?? []).map(Number))];
    if (given?.name === 'value_float') return [{ kind: 'tensor', of: make.constant(given.f ?? 0), offset: 0, axes: [] }];
    throw new PartError('Its value is in a form that is not supported.');
  },
  ConstantOfShape: (step) => {
    const shape = integersIn(step, 0, 'shape')!;
    const given = step.node.attribute.find(({ name }) => name === 'value')?.t;
    const value = given === undefined ? undefined : step.constant(given);
    const number =
      value === undefined ? 0 : value.kind === 'integers' ? value.data[0]! : value.of.kind === 'constant' ? value.of.value : Number.NaN;
    if (Number.isNaN(number)) throw new PartError('Its value is no single number.');
    if (value?.kind === 'integers') return [{ kind: 'integers', shape, data: new Array<number>(sizeOf(shape)).fill(number) }];
    const one: Tensor = {
      kind: 'tensor',
      of: step.make.constant(number),
      offset: 0,
      axes: shape.map(() => ({ size: 1, stride: 0, isBatch: false })),
    };
    return [expanded(one, shape, step.isBatch)];
  },
  Shape: (step) => {
    const shape = shapeOfTensor(tensorIn(step, 0));
    const data = shape.slice(step.attributes.int('start', 0), step.attributes.int('end', shape.length));
    return [{ kind: 'integers', shape: [data.length], data }];
  },
  Size: (step) => [{ kind: 'integers', shape: [], data: [sizeOf(shapeOfTensor(tensorIn(step, 0)))] }],
  Range: () => {
    throw new PartError('It counts, which the equations have no way to write.');
  },
};

const operatorNames = new Set([...Object.keys(rules), 'Scan', 'Loop', 'If', 'SequenceAt'].map((name) => name.toLowerCase()));

/** Whether a word is an operator's name. */
export const isOperatorName = (word: string): boolean => operatorNames.has(word.toLowerCase());

function multiplied(make: Expressions, tensor: Tensor, by: number): Tensor {
  if (by === 1) return tensor;
  // The factor goes into the weights.
  const into = (of: Expression): Expression | undefined => {
    if (of.isWeight) return scaled(make, by, of);
    if (of.kind === 'linear') return make.linear(scaled(make, by, of.matrix), of.rows, of.columns, of.vector);
    if (of.kind !== 'sum') return undefined;
    const terms = of.terms.map((term) => ({ sign: term.sign, of: into(term.of) }));
    return terms.every((term) => term.of !== undefined) ? make.sum(terms as Term[]) : undefined;
  };
  const whole = into(tensor.of);
  if (whole !== undefined) return { ...tensor, of: whole };
  return elementwise(make, [tensor], ([x]) => scaled(make, by, x!));
}
