// Every rule against central differences: one case, one line.

import type { AttributeValue } from '../../src/onnx/write.ts';
import { at, check, f, type Given, given, i, node, none, positive, scalar, w, within } from './differences.ts';

interface Options {
  readonly opset?: number;
  /** How many outputs the node has, and which of them (0) are in the objective. */
  readonly outputs?: number;
  readonly objective?: readonly number[];
  readonly zero?: boolean;
  /** The runtime calculates in float32 even where it takes float64. */
  readonly single?: boolean;
}

type Attributes = Readonly<Record<string, AttributeValue>>;
type Case = readonly [op: string, inputs: readonly Given[], attributes?: Attributes, options?: Options];

const float = (value: number): { float: number } => ({ float: value });

/** Names of the inputs of a case, in order; '' where one is left out. */
const letters = ['x', 'y', 'z', 'u', 'v', 'p'];

function cases(title: string, list: readonly Case[]): void {
  describe(title, () => {
    for (const [op, inputs, attributes = {}, options = {}] of list) {
      const { opset = 21, outputs = 1, objective = [0], zero = false, single = false } = options;
      const shapes = inputs.map((each) => (each.kind === 'absent' ? '-' : `[${each.dims}]`)).join(' ');
      const settings = Object.entries(attributes).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
      const label = [`${op}-${opset}`, shapes, ...settings].join(' ');
      it(label, async () => {
        const names = inputs.map((each, k) => (each.kind === 'absent' ? '' : letters[k]!));
        const results = Array.from({ length: outputs }, (_, k) => `r${k}`);
        const named = Object.fromEntries(inputs.flatMap((each, k) => (each.kind === 'absent' ? [] : [[letters[k]!, each]])));
        await check(label, {
          nodes: [node(op, names, results, attributes)],
          inputs: named,
          outputs: objective.map((k) => results[k]!),
          opset,
          zero,
          single,
        });
      });
    }
  });
}

cases('elementwise', [
  ...['Identity', 'Neg', 'Exp', 'Abs', 'Erf', 'Sin', 'Cos', 'Tan', 'Atan', 'Sinh', 'Cosh', 'Asinh'].map((op): Case => [op, [f(2, 3)]]),
  ...['Sigmoid', 'Tanh', 'Softplus', 'Softsign', 'Relu', 'Mish', 'HardSigmoid', 'Gelu'].map((op): Case => [op, [f(2, 3)]]),
  ...['Sqrt', 'Log', 'Reciprocal'].map((op): Case => [op, [positive(2, 3)]]),
  ...['Asin', 'Acos', 'Atanh'].map((op): Case => [op, [within(-0.8, 0.8, 2, 3)]]),
  ['Acosh', [within(1.3, 3, 2, 3)]],
  ...['Sign', 'Floor', 'Ceil', 'Round'].map((op): Case => [op, [within(-0.4, 0.4, 2, 3)], {}, { zero: true }]),
  ['LeakyRelu', [f(2, 3)]],
  ['LeakyRelu', [f(2, 3)], { alpha: float(0.2) }, { opset: 9 }],
  ['ThresholdedRelu', [f(3, 4)], { alpha: float(0.5) }],
  ['Elu', [f(2, 3)]],
  ['Elu', [f(2, 3)], { alpha: float(0.6) }, { opset: 9 }],
  ['Celu', [f(2, 3)], { alpha: float(0.6) }],
  ['Selu', [f(2, 3)]],
  ['Selu', [f(2, 3)], { alpha: float(1.2), gamma: float(0.7) }],
  ['HardSigmoid', [within(-4, 4, 3, 4)], { alpha: float(0.3), beta: float(0.4) }],
  ['HardSwish', [within(-5, 5, 3, 4)]],
  ['Shrink', [f(3, 4)], { lambd: float(0.7), bias: float(0.2) }, { single: true }],
  ['Gelu', [f(2, 3)], { approximate: 'tanh' }],
  ['Clip', [f(3, 4)], { min: float(-0.5), max: float(0.9) }, { opset: 9 }],
  ['Clip', [f(3, 4)], { max: float(0.9) }, { opset: 6 }],
  ['Clip', [f(3, 4), within(-0.6, -0.5), within(0.7, 0.9)]],
  ['Clip', [f(3, 4), none, within(0.7, 0.9)], {}, { opset: 12 }],
  ['Clip', [f(3, 4), within(-0.6, -0.5)], {}, { opset: 11 }],
  ['PRelu', [f(2, 3, 4), f(3, 1)]],
  ['PRelu', [f(2, 3), f(1)], {}, { opset: 9 }],
  ['Cast', [f(2, 3)], { to: 1 }, { single: true }],
  ['Cast', [f(2, 3)], { to: 11 }, { opset: 9 }],
  ['Dropout', [f(2, 3)], { ratio: float(0.4) }, { opset: 9 }],
  ['Dropout', [f(2, 3), given('float32', [], 0.4)], {}, { opset: 13 }],
  ['Dropout', [f(2, 3), given('float32', [], 0.4), given('bool', [], 0)]],
]);

cases('elementwise with broadcasting', [
  ...['Add', 'Sub', 'Mul', 'Div'].flatMap((op): Case[] => [
    [op, [f(2, 3), positive(2, 3)]],
    [op, [f(2, 1, 4), positive(3, 1)]],
    [op, [f(), positive(2, 3)], {}, { opset: 9 }],
    [op, [f(1, 1), positive(3)]],
    [op, [f(2, 3), w(3)]],
  ]),
  ['Pow', [positive(2, 3), f(3)]],
  ['Pow', [positive(2, 1), f(2, 3)], {}, { opset: 9 }],
  ['Pow', [f(2, 3), i(2)], {}, { opset: 12 }],
  ['Pow', [f(2, 3), given('float32', [], 3)], {}, { opset: 13 }],
  ['Mod', [positive(3, 4), within(0.3, 0.7, 4)], { fmod: 1 }],
  ['Sum', [f(2, 3), f(3), f(2, 1)]],
  ['Mean', [f(2, 3), f(3), f()]],
  ['Max', [f(2, 3), within(-0.9, 1, 3), within(-0.2, 0.5, 2, 1)]],
  ['Min', [f(2, 3), within(-1, 1.1, 3)]],
  ['Where', [given('bool', [2, 1], 1, 0), f(2, 3), f(3)]],
]);

cases('moving', [
  ['Reshape', [f(2, 3, 4), i(4, -1)]],
  ['Reshape', [f(2, 3, 4), i(0, -1)], {}, { opset: 9 }],
  ['Flatten', [f(2, 3, 4)], { axis: 2 }],
  ['Flatten', [f(2, 3)], { axis: 0 }, { opset: 9 }],
  ['Squeeze', [f(2, 1, 3, 1), i(1, -1)]],
  ['Squeeze', [f(2, 1, 3)], { axes: [1] }, { opset: 9 }],
  ['Squeeze', [f(1, 3, 1)]],
  ['Unsqueeze', [f(2, 3), i(0, -1)]],
  ['Unsqueeze', [f(2, 3)], { axes: [1] }, { opset: 9 }],
  ['Transpose', [f(2, 3, 4)]],
  ['Transpose', [f(2, 3, 4)], { perm: [2, 0, 1] }],
  ['Expand', [f(3, 1), i(2, 3, 4)]],
  ['Expand', [f(3, 4), i(1, 1)]],
  ['Concat', [f(2, 3), f(2, 1), f(2, 2)], { axis: -1 }],
  ['Concat', [f(2, 3), w(1, 3)], { axis: 0 }, { opset: 9 }],
  ['Concat', [f(2, 3)], { axis: 1 }],
  ['Split', [f(2, 5), i(2, 3)], { axis: 1 }, { outputs: 2, objective: [0, 1] }],
  ['Split', [f(2, 5)], { axis: -1, split: [2, 1, 2] }, { opset: 11, outputs: 3, objective: [1] }],
  ['Split', [f(5, 2)], { num_outputs: 3 }, { opset: 18, outputs: 3, objective: [0, 2] }],
  ['Split', [f(4, 2)], {}, { opset: 9, outputs: 2, objective: [0, 1] }],
  ['Slice', [f(5, 4), i(1, 0), i(5, 3)]],
  ['Slice', [f(5, 4), i(-1), i(-6), i(0), i(-2)]],
  ['Slice', [f(5, 4), i(3, -1), i(-100, 0), i(1, 0), i(-1, -2)]],
  ['Slice', [f(5, 4)], { starts: [1, -3], ends: [9999, -1], axes: [0, 1] }, { opset: 9 }],
  ['Gather', [f(4, 3), given('int64', [2, 2], 3, 0, -1, 3)]],
  ['Gather', [f(2, 4), scalar(-2)], { axis: 1 }],
  ['Gather', [f(2, 4, 2), given('int32', [3], 1, 1, 0)], { axis: -2 }, { opset: 9 }],
  ['GatherElements', [f(2, 3), given('int64', [2, 2], 0, -1, 2, 2)], { axis: 1 }],
  ['GatherND', [f(2, 3, 2), given('int64', [2, 2], 0, 1, 1, -1)]],
  ['GatherND', [f(2, 3, 2), given('int64', [2, 1], 2, 0)], { batch_dims: 1 }],
  ['Compress', [f(3, 2), given('bool', [3], 1, 0, 1)], { axis: 0 }],
  ['Compress', [f(3, 2), given('bool', [4], 0, 1, 0, 1)]],
  ['Tile', [f(2, 3), i(2, 3)]],
  ['ReverseSequence', [f(4, 2), i(3, 4)], { batch_axis: 1, time_axis: 0 }],
  ['ReverseSequence', [f(2, 4), i(1, 3)], { batch_axis: 0, time_axis: 1 }],
  ['DepthToSpace', [f(1, 8, 2, 1)], { blocksize: 2 }],
  ['DepthToSpace', [f(1, 8, 1, 2)], { blocksize: 2, mode: 'CRD' }],
  ['SpaceToDepth', [f(1, 2, 4, 2)], { blocksize: 2 }],
  ['ScatterND', [f(4, 2), given('int64', [2, 1], 3, 1), f(2, 2)]],
  ['ScatterND', [f(4), given('int64', [3, 1], 1, 1, 2), f(3)], { reduction: 'add' }],
  ['ScatterElements', [f(3, 3), given('int64', [1, 2], 2, -2), f(1, 2)], { axis: 1 }],
  ['ScatterElements', [f(3, 3), given('int64', [2, 2], 0, 0, 1, 0), f(2, 2)], { axis: 1, reduction: 'add' }],
  ['Scatter', [f(3, 3), given('int64', [1, 2], 2, 0), f(1, 2)], {}, { opset: 9 }],
  ['Pad', [f(2, 3), i(1, 0, 2, 1)]],
  ['Pad', [f(2, 3), i(1, -1, 0, 2), f()], {}, { opset: 13 }],
  ['Pad', [f(2, 3)], { pads: [0, 1, 1, 0], value: float(0.5) }, { opset: 9 }],
  ['Pad', [f(3, 4), i(1, 2, 2, 3)], { mode: 'reflect' }],
  ['Pad', [f(3, 4), i(1, 2, 0, 1)], { mode: 'edge' }, { opset: 11 }],
  ['Pad', [f(3, 4), i(2, 1), none, i(-1)], { mode: 'wrap' }, { opset: 19 }],
  ['Pad', [f(3, 4), i(2, 1), none, i(1)], {}, { opset: 18 }],
  ['TopK', [f(3, 4), i(2)], { axis: 0 }, { outputs: 2 }],
  ['TopK', [f(3, 4)], { k: 2 }, { opset: 9, outputs: 2 }],
  ['TopK', [f(3, 4), i(2)], { largest: 0, sorted: 0 }, { opset: 11, outputs: 2 }],
  ['Trilu', [f(3, 4)]],
  ['Trilu', [f(2, 3, 4), scalar(1)], { upper: 0 }],
]);

const reductions = [
  'ReduceSum',
  'ReduceMean',
  'ReduceMax',
  'ReduceMin',
  'ReduceL1',
  'ReduceL2',
  'ReduceSumSquare',
  'ReduceLogSumExp',
  'ReduceProd',
];

cases('reductions', [
  ...[...reductions.map((op) => [op, f] as const), ['ReduceLogSum', positive] as const].flatMap(([op, draw]): Case[] => [
    [op, [draw(2, 3, 2)]],
    [op, [draw(2, 3, 2), i(1)], { keepdims: 0 }],
    [op, [draw(2, 3, 2), i(-1, 0)], { keepdims: 1 }],
    [op, [draw(2, 3)], { axes: [1], keepdims: 0 }, { opset: 9 }],
  ]),
  ['ReduceMean', [f(2, 3)], { axes: [-1] }, { opset: 11 }],
  ['ReduceSum', [f(2, 3), i()], { noop_with_empty_axes: 1 }],
  ['ReduceSum', [f(2, 3), i()], { keepdims: 0 }, { opset: 13 }],
  ['ReduceProd', [at([3, 3], 0, 2, 3, 0, 0, 4, -2, 5, 3), i(1)]],
  ...['Softmax', 'LogSoftmax'].flatMap((op): Case[] => [
    [op, [f(2, 3)]],
    [op, [f(2, 3, 2)], { axis: 1 }],
    [op, [f(2, 3, 2)], {}, { opset: 9 }],
    [op, [f(2, 3, 2)], { axis: 2 }, { opset: 11 }],
    [op, [f(2, 3, 2)], { axis: -2 }, { opset: 12 }],
  ]),
  ['CumSum', [f(2, 4), scalar(1)]],
  ['CumSum', [f(2, 4), scalar(-1)], { exclusive: 1 }],
  ['CumSum', [f(3, 2), scalar(0)], { exclusive: 1, reverse: 1 }],
  ['LpNormalization', [f(2, 3)]],
  ['LpNormalization', [f(2, 3)], { p: 1, axis: 0 }],
]);

cases('products', [
  ['MatMul', [f(2, 3), f(3, 4)]],
  ['MatMul', [f(2, 2, 3), f(3, 2)]],
  ['MatMul', [f(2, 2, 3), w(3, 2)]],
  ['MatMul', [f(3), w(3, 2)]],
  ['MatMul', [w(2, 3), f(3)]],
  ['MatMul', [f(2, 1, 2, 3), f(3, 3, 2)]],
  ['MatMul', [f(2, 3), f(2, 3, 2)]],
  ['MatMul', [f(3), f(3)]],
  ['MatMul', [f(3), f(2, 3, 2)]],
  ['MatMul', [f(2, 2, 3), f(3)], {}, { opset: 9 }],
  ['Gemm', [f(2, 3), f(3, 4)], {}, { opset: 11 }],
  ['Gemm', [f(2, 3), f(3, 4), f(4)], { alpha: float(0.5), beta: float(2) }],
  ['Gemm', [f(3, 2), f(3, 4), f(2, 1)], { transA: 1 }, { opset: 9 }],
  ['Gemm', [f(2, 3), f(4, 3), f(1, 4)], { transB: 1, alpha: float(0.3) }],
  ['Gemm', [f(3, 2), f(4, 3), f()], { transA: 1, transB: 1 }],
  ...['ij,jk->ik', 'bij,bjk->bik', 'ij,kj', 'ij,kl->ik', 'i,j->ij', 'bij,bkj->bik'].map(
    (equation): Case => [
      'Einsum',
      equation
        .split('->')[0]!
        .split(',')
        .map((term) => f(...[...term].map((letter) => ('bijkl'.indexOf(letter) % 3) + 2))),
      { equation },
    ],
  ),
  ['Einsum', [f(2, 3)], { equation: 'ij->ji' }],
  ['Einsum', [f(2, 3)], { equation: 'ij->i' }],
  ['Einsum', [f(2, 3)], { equation: ' i j -> ' }],
  ['Einsum', [f(2, 2, 3), f(3, 2)], { equation: '...ij,jk->...ik' }],
  ['Einsum', [f(2, 2, 3), f(1, 3, 2)], { equation: '...ij,...jk->...ik' }],
  ['Einsum', [f(2, 3), f(3), f(2)], { equation: 'ij,j,i->' }],
]);

cases('normalisations', [
  ['LayerNormalization', [f(2, 4), f(4), f(4)]],
  ['LayerNormalization', [f(2, 3, 2), f(3, 2), f(3, 2)], { axis: 1, epsilon: float(0.1) }],
  ['LayerNormalization', [f(2, 3, 2), f(2)], { axis: -1 }, { opset: 17 }],
  ['LayerNormalization', [f(2, 3, 2), f(3, 2)], { axis: -2 }],
  ['RMSNormalization', [f(2, 4), f(4)], {}, { opset: 23 }],
  ['BatchNormalization', [f(2, 3, 2), f(3), f(3), f(3), positive(3)], { epsilon: float(0.01) }],
  ['BatchNormalization', [f(3, 2), f(2), f(2), f(2), positive(2)], {}, { opset: 9 }],
  ['InstanceNormalization', [f(2, 2, 3), f(2), f(2)], { epsilon: float(0.01) }],
  ['InstanceNormalization', [f(1, 2, 2, 2), f(2), f(2)], {}, { opset: 9 }],
  ['GroupNormalization', [f(2, 4, 3), f(4), f(4)], { num_groups: 2 }, { single: true }],
  ['GroupNormalization', [f(2, 4, 3), f(2), f(2)], { num_groups: 2 }, { opset: 18 }],
  ['MeanVarianceNormalization', [f(2, 2, 3)], { axes: [0, 2] }],
]);

cases('convolutions', [
  ['Conv', [f(2, 2, 5), f(3, 2, 2), f(3)], { kernel_shape: [2] }],
  ['Conv', [f(1, 4, 7), f(2, 2, 3), f(2)], { group: 2, strides: [2], dilations: [2], pads: [1, 2] }],
  ['Conv', [f(1, 2, 4, 5), f(2, 2, 2, 3)], { strides: [1, 2], pads: [0, 1, 1, 0] }],
  ['Conv', [f(1, 2, 4, 4), f(2, 1, 2, 2)], { group: 2, kernel_shape: [2, 2] }],
  ['Conv', [f(2, 1, 6), w(2, 1, 3)], { strides: [3] }],
  ['Conv', [f(1, 1, 6), f(1, 1, 3)], { strides: [2], auto_pad: 'SAME_UPPER', kernel_shape: [3] }],
  ['Conv', [f(1, 1, 6), f(1, 1, 3)], { strides: [2], auto_pad: 'SAME_LOWER', kernel_shape: [3] }],
  ['Conv', [f(1, 1, 6), f(1, 1, 3)], { strides: [2], auto_pad: 'VALID', kernel_shape: [3] }, { opset: 9 }],
  ['Conv', [f(1, 1, 3, 3, 2), f(1, 1, 2, 2, 2)], { kernel_shape: [2, 2, 2] }],
  ['ConvTranspose', [f(1, 2, 4), f(2, 3, 2), f(3)], { kernel_shape: [2] }],
  [
    'ConvTranspose',
    [f(1, 4, 3), f(4, 1, 3), f(2)],
    { group: 2, strides: [2], dilations: [2], pads: [1, 2], output_padding: [1], kernel_shape: [3] },
  ],
  ['ConvTranspose', [f(1, 2, 3, 2), f(2, 1, 2, 3)], { strides: [2, 1], pads: [0, 1, 1, 0], kernel_shape: [2, 3] }],
  ['ConvTranspose', [f(1, 1, 3), f(1, 1, 3)], { strides: [2], auto_pad: 'SAME_UPPER', kernel_shape: [3] }],
  ['ConvTranspose', [f(1, 1, 3), f(1, 1, 4)], { strides: [2], auto_pad: 'SAME_LOWER', kernel_shape: [4] }],
  ['ConvTranspose', [f(1, 1, 3), f(1, 1, 4)], { strides: [2], output_shape: [7], kernel_shape: [4] }],
  ['AveragePool', [f(1, 2, 6)], { kernel_shape: [2], strides: [2] }],
  ['AveragePool', [f(1, 1, 4, 5)], { kernel_shape: [2, 3], pads: [1, 1, 0, 1], strides: [1, 2] }],
  ['AveragePool', [f(1, 1, 4, 5)], { kernel_shape: [2, 3], pads: [1, 1, 0, 1], count_include_pad: 1 }, { opset: 11 }],
  ['AveragePool', [f(1, 1, 6)], { kernel_shape: [3], strides: [2], ceil_mode: 1 }, { opset: 19 }],
  ['AveragePool', [f(1, 1, 6)], { kernel_shape: [3], strides: [2], auto_pad: 'SAME_LOWER' }],
  ['AveragePool', [f(1, 1, 7)], { kernel_shape: [3], dilations: [2] }, { opset: 19 }],
  ['MaxPool', [f(1, 2, 6)], { kernel_shape: [2], strides: [2] }],
  ['MaxPool', [f(2, 1, 4, 5)], { kernel_shape: [2, 3], pads: [1, 1, 0, 1], strides: [1, 2] }, { opset: 9 }],
  ['MaxPool', [f(1, 1, 7)], { kernel_shape: [3], dilations: [2], ceil_mode: 1, strides: [2] }, { outputs: 2 }],
  ['MaxPool', [f(1, 1, 4, 4)], { kernel_shape: [2, 2], storage_order: 1 }, { outputs: 2 }],
  ['GlobalAveragePool', [f(2, 2, 3, 2)]],
  ['GlobalMaxPool', [f(2, 2, 5)]],
]);

cases('resizing', [
  ['Resize', [f(1, 1, 2, 3), none, given('float32', [4], 1, 1, 2, 2)], { mode: 'nearest' }],
  [
    'Resize',
    [f(1, 1, 5), none, none, i(1, 1, 3)],
    { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' },
  ],
  ['Resize', [f(2, 3), given('float32', [2], 1, 2.5)], {}, { opset: 10 }],
  ['Resize', [f(1, 1, 3, 3), none, given('float32', [4], 1, 1, 2, 1.5)], { mode: 'linear' }],
  ['Resize', [f(1, 1, 3, 4), none, none, i(1, 1, 5, 3)], { mode: 'linear', coordinate_transformation_mode: 'align_corners' }],
  ['Resize', [f(1, 1, 4, 4), none, given('float32', [4], 1, 1, 2, 1.5)], { mode: 'cubic' }],
  ['Resize', [f(3, 4), none, none, i(6)], { mode: 'nearest', axes: [1] }, { opset: 18 }],
  ['Upsample', [f(1, 1, 2, 3), given('float32', [4], 1, 1, 2, 3)], { mode: 'nearest' }, { opset: 9 }],
  ['Upsample', [f(1, 1, 2, 3), given('float32', [4], 1, 1, 2, 3)], { mode: 'linear' }, { opset: 9 }],
]);

cases('fused', [
  ['com.microsoft:FusedMatMul', [f(3, 2), f(4, 3)], { transA: 1, transB: 1, alpha: float(0.5) }],
  ['com.microsoft:FusedMatMul', [f(2, 2, 3), f(2, 4, 3)], { transB: 1 }],
  ['com.microsoft:BiasGelu', [f(2, 3), f(3)]],
  ['com.microsoft:Gelu', [f(2, 3)]],
  ['com.microsoft:FastGelu', [f(2, 3), f(3)], {}, { single: true }],
  ['com.microsoft:FastGelu', [f(2, 3)], {}, { single: true }],
  ['com.microsoft:QuickGelu', [f(2, 3)], { alpha: float(1.5) }],
  ['com.microsoft:SkipLayerNormalization', [f(1, 2, 4), f(1, 2, 4), f(4), f(4), f(4)], { epsilon: float(0.01) }],
  ['com.microsoft:SkipLayerNormalization', [f(1, 2, 4), f(1, 2, 4), f(4), f(4)], {}, { outputs: 4, objective: [0, 3] }],
  ['com.microsoft:SkipSimplifiedLayerNormalization', [f(1, 2, 4), f(1, 2, 4), f(4)], { epsilon: float(0.01) }],
  ['SimplifiedLayerNormalization', [f(2, 4), f(4)], { epsilon: float(0.01) }],
]);
