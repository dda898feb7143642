// Steps as files spell them out, read as equations: what each operator becomes, and cells of the language that come back as they went.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { findParts } from '../../src/foreign/find.ts';
import { buildModel, loadProgram } from '../../src/language/index.ts';
import { exportModel } from '../../src/onnx/export.ts';
import { decodeModel, type ModelProto, type TensorProto } from '../../src/onnx/proto.ts';
import { attribute, tensorProto, valueInfo } from '../../src/onnx/write.ts';
import type { Tensor } from '../../src/runtime/runtime.ts';
import { startOf } from '../passes/models.ts';
import { Nodes } from './random-cells.ts';
import { generator } from './random-operators.ts';
import { replayed } from './replayed.ts';

const [STEPS, BATCH, UNITS] = [4, 3, 4];

/** What a case may use to make the next state of `h` from it and `x`, both [3, 4]. */
interface Given {
  readonly nodes: Nodes;
  /** A weight with numbers of its own. */
  weight(shape: readonly number[], scale?: number): string;
  ints(...data: readonly number[]): string;
  float(value: number): string;
}

type Case = (given: Given) => string;

/** A Scan whose next state is 0.5 h + what the case makes. */
function scanOf(make: Case, opset = 17): { model: ModelProto; feeds: Record<string, Tensor> } {
  const random = generator(7);
  const nodes = new Nodes('');
  const initializer: TensorProto[] = [];
  const numbers = (count: number, scale: number): Float32Array => Float32Array.from({ length: count }, () => scale * (2 * random() - 1));
  const made = make({
    nodes,
    weight(shape, scale = 0.7) {
      const name = `w${initializer.length}`;
      const count = shape.reduce((product, size) => product * size, 1);
      initializer.push(tensorProto('float32', shape, numbers(count, scale), name));
      return name;
    },
    ints: (...data) => nodes.constant('int64', [data.length], data),
    float: (value) => nodes.constant('float32', [], [value]),
  });
  const next = nodes.add('Add', [nodes.add('Mul', ['h', nodes.constant('float32', [], [0.5])]), made]);
  const body = {
    name: 'body',
    node: nodes.nodes,
    initializer: [],
    input: [valueInfo('h', 'float32', [BATCH, UNITS]), valueInfo('x', 'float32', [BATCH, UNITS])],
    output: [valueInfo(next, 'float32')],
  };
  const node = {
    op_type: 'Scan',
    name: 'cell',
    input: ['h0', 'X'],
    output: ['h_last'],
    attribute: [attribute('body', body), attribute('num_scan_inputs', 1)],
  };
  const tensor = (dims: readonly number[]): Tensor => ({
    type: 'float32',
    dims,
    data: numbers(
      dims.reduce((product, size) => product * size, 1),
      1.5,
    ),
  });
  return {
    model: {
      ir_version: 9,
      opset_import: [{ domain: '', version: opset }],
      graph: {
        name: 'one',
        node: [node],
        initializer,
        input: [valueInfo('h0', 'float32', [BATCH, UNITS]), valueInfo('X', 'float32', [STEPS, BATCH, UNITS])],
        output: [valueInfo('h_last', 'float32')],
      },
    },
    feeds: { h0: tensor([BATCH, UNITS]), X: tensor([STEPS, BATCH, UNITS]) },
  };
}

const unary =
  (operator: string, attributes = {}): Case =>
  ({ nodes }) =>
    nodes.add(operator, [nodes.add('Sub', ['x', 'h'])], attributes);
const positive =
  (operator: string): Case =>
  ({ nodes, float }) =>
    nodes.add(operator, [nodes.add('Add', [nodes.add('Abs', ['x']), float(0.1)])]);
const float = (value: number) => ({ float: value });

const cases: Readonly<Record<string, Case>> = {
  Sigmoid: unary('Sigmoid'),
  Tanh: unary('Tanh'),
  Relu: unary('Relu'),
  Exp: unary('Exp'),
  Log: positive('Log'),
  Sqrt: positive('Sqrt'),
  Abs: unary('Abs'),
  Neg: unary('Neg'),
  Reciprocal: positive('Reciprocal'),
  Softplus: unary('Softplus'),
  Softsign: unary('Softsign'),
  HardSigmoid: unary('HardSigmoid', { alpha: float(0.3), beta: float(0.4) }),
  HardSwish: unary('HardSwish'),
  LeakyRelu: unary('LeakyRelu', { alpha: float(0.2) }),
  ThresholdedRelu: unary('ThresholdedRelu', { alpha: float(0.3) }),
  Elu: unary('Elu', { alpha: float(0.8) }),
  Celu: unary('Celu', { alpha: float(0.7) }),
  Selu: unary('Selu'),
  Mish: ({ nodes }) => nodes.add('Mul', ['x', nodes.add('Tanh', [nodes.add('Softplus', ['x'])])]),
  PRelu: ({ nodes, weight }) => nodes.add('PRelu', ['x', weight([UNITS])]),
  'Gelu, spelled out': ({ nodes, float: number }) => {
    const erf = nodes.add('Erf', [nodes.add('Div', ['x', number(Math.SQRT2)])]);
    return nodes.add('Mul', [nodes.add('Mul', ['x', nodes.add('Add', [erf, number(1)])]), number(0.5)]);
  },
  'Gelu with the half first': ({ nodes, float: number }) => {
    const erf = nodes.add('Erf', [nodes.add('Mul', ['x', number(Math.SQRT1_2)])]);
    return nodes.add('Mul', [nodes.add('Mul', ['x', number(0.5)]), nodes.add('Add', [number(1), erf])]);
  },
  Clip: ({ nodes, float: number }) => nodes.add('Clip', ['x', number(-0.4), number(0.6)]),
  'Clip below': ({ nodes, float: number }) => nodes.add('Clip', ['x', number(-0.4)]),
  'Clip above': ({ nodes, float: number }) => nodes.add('Clip', ['x', '', number(0.6)]),
  'Min and Max': ({ nodes, float: number }) => nodes.add('Min', [nodes.add('Max', ['x', 'h', number(-0.2)]), number(0.9)]),
  Pow: ({ nodes, float: number }) => nodes.add('Pow', ['x', number(2)]),
  Div: ({ nodes, weight, float: number }) => nodes.add('Div', ['x', nodes.add('Add', [nodes.add('Abs', [weight([UNITS])]), number(1)])]),
  'Sum and Mean': ({ nodes }) => nodes.add('Mean', [nodes.add('Sum', ['x', 'h', 'x']), 'h']),
  Where: ({ nodes, float: number }) => nodes.add('Where', [nodes.add('Less', ['x', number(0.1)]), 'h', nodes.add('Neg', ['x'])]),
  'Where, both and not': ({ nodes, float: number }) => {
    const both = nodes.add('And', [
      nodes.add('GreaterOrEqual', ['x', number(-0.5)]),
      nodes.add('Not', [nodes.add('Greater', ['h', number(0.2)])]),
    ]);
    return nodes.add('Where', [both, 'x', 'h']);
  },
  'a comparison as a number': ({ nodes, float: number }) =>
    nodes.add('Mul', [nodes.add('Cast', [nodes.add('Less', ['x', number(0)])], { to: 1 }), 'h']),
  MatMul: ({ nodes, weight }) => nodes.add('MatMul', ['x', weight([UNITS, UNITS])]),
  'MatMul of a row of matrices': ({ nodes, weight, ints }) =>
    nodes.add('Squeeze', [nodes.add('MatMul', ['x', weight([1, UNITS, UNITS])]), ints(0)]),
  Gemm: ({ nodes, weight }) =>
    nodes.add('Gemm', ['x', weight([UNITS, UNITS]), weight([1, UNITS])], { alpha: float(0.5), beta: float(2), transB: 1 }),
  'Gemm from the left': ({ nodes, weight }) =>
    nodes.add('Transpose', [nodes.add('Gemm', [weight([UNITS, UNITS]), 'x'], { transA: 1, transB: 1 })], { perm: [1, 0] }),
  Einsum: ({ nodes, weight }) => nodes.add('Einsum', ['x', weight([UNITS, UNITS])], { equation: 'bi,oi->bo' }),
  'Einsum of heads': ({ nodes, weight, ints }) => {
    const heads = nodes.add('Reshape', ['x', ints(-1, 2, UNITS / 2)]);
    return nodes.add('Reshape', [
      nodes.add('Einsum', [heads, weight([2, UNITS / 2, UNITS / 2])], { equation: 'bhi,hij->bhj' }),
      ints(-1, UNITS),
    ]);
  },
  'Conv with kernel 1': ({ nodes, weight, ints }) =>
    nodes.add('Squeeze', [
      nodes.add('Conv', [nodes.add('Unsqueeze', ['x', ints(2)]), weight([UNITS, UNITS, 1]), weight([UNITS])]),
      ints(2),
    ]),
  Concat: ({ nodes, weight }) => nodes.add('MatMul', [nodes.add('Concat', ['x', 'h', 'x'], { axis: 1 }), weight([3 * UNITS, UNITS])]),
  'halves exchanged': ({ nodes, ints }) => {
    const [a, b] = nodes.many('Split', ['x', ints(2, 2)], 2, { axis: 1 });
    return nodes.add('Concat', [b!, a!], { axis: 1 });
  },
  'every other unit': ({ nodes, weight, ints }) =>
    nodes.add('MatMul', [nodes.add('Slice', ['x', ints(0), ints(UNITS), ints(1), ints(2)]), weight([UNITS / 2, UNITS])]),
  'units from the end': ({ nodes, ints }) => nodes.add('Slice', ['x', ints(-1), ints(-UNITS - 1), ints(1), ints(-1)]),
  'Gather of units': ({ nodes, ints }) => nodes.add('Gather', ['x', ints(2, 0, 0, 3)], { axis: 1 }),
  'one unit for all': ({ nodes, ints }) => nodes.add('Mul', [nodes.add('Gather', ['x', ints(1)], { axis: 1 }), 'h']),
  Expand: ({ nodes, ints }) =>
    nodes.add('Mul', [nodes.add('Expand', [nodes.add('Slice', ['x', ints(0), ints(1), ints(1)]), ints(1, UNITS)]), 'h']),
  ReduceSum: ({ nodes, ints }) => nodes.add('Mul', [nodes.add('ReduceSum', ['x', ints(1)]), 'h']),
  ReduceMean: ({ nodes }) => nodes.add('Sub', ['x', nodes.add('ReduceMean', ['x'], { axes: [-1] })]),
  ReduceMax: ({ nodes }) => nodes.add('Sub', ['x', nodes.add('ReduceMax', ['h'], { axes: [1] })]),
  ReduceL2: ({ nodes }) => nodes.add('Div', ['x', nodes.add('ReduceL2', ['x'], { axes: [1] })]),
  'ReduceSum without its dimension': ({ nodes, ints }) =>
    nodes.add('Mul', [nodes.add('Unsqueeze', [nodes.add('ReduceSum', ['x', ints(1)], { keepdims: 0 }), ints(1)]), 'h']),
  Softmax: ({ nodes }) => nodes.add('Softmax', ['x'], { axis: 1 }),
  LogSoftmax: ({ nodes }) => nodes.add('LogSoftmax', ['x'], { axis: -1 }),
  CumSum: ({ nodes }) => nodes.add('CumSum', ['x', nodes.constant('int64', [], [1])]),
  LayerNormalization: ({ nodes, weight }) =>
    nodes.add('LayerNormalization', ['x', weight([UNITS]), weight([UNITS])], { epsilon: float(1e-3) }),
  'LayerNormalization of four gates': ({ nodes, weight, ints }) => {
    const wide = nodes.add('LayerNormalization', [
      nodes.add('MatMul', ['x', weight([UNITS, 2 * UNITS])]),
      weight([2 * UNITS]),
      weight([2 * UNITS]),
    ]);
    const [a, b] = nodes.many('Split', [wide, ints(UNITS, UNITS)], 2, { axis: 1 });
    return nodes.add('Mul', [nodes.add('Sigmoid', [a!]), nodes.add('Tanh', [b!])]);
  },
  BatchNormalization: ({ nodes, weight }) =>
    nodes.add('BatchNormalization', ['x', weight([UNITS]), weight([UNITS]), weight([UNITS]), nodes.add('Abs', [weight([UNITS])])]),
  'a step of an LSTM operator': ({ nodes, weight, ints }) => {
    const x = nodes.add('Unsqueeze', ['x', ints(0)]);
    const h = nodes.add('Unsqueeze', ['h', ints(0)]);
    const [, last] = nodes.many(
      'LSTM',
      [x, weight([1, 16, UNITS]), weight([1, 16, UNITS]), weight([1, 32]), '', h, h, weight([1, 12])],
      3,
      {
        hidden_size: UNITS,
        clip: float(0.8),
      },
    );
    return nodes.add('Squeeze', [last!, ints(0)]);
  },
  'a step of a GRU operator': ({ nodes, weight, ints }) => {
    const x = nodes.add('Unsqueeze', ['x', ints(0)]);
    const h = nodes.add('Unsqueeze', ['h', ints(0)]);
    const [all] = nodes.many('GRU', [x, weight([1, 12, UNITS]), weight([1, 12, UNITS]), weight([1, 24]), '', h], 2, {
      hidden_size: UNITS,
      linear_before_reset: 1,
    });
    return nodes.add('Squeeze', [all!, ints(0, 1)]);
  },
  'If by a shape': ({ nodes }) => {
    const count = nodes.add('Gather', [nodes.add('Shape', ['x']), nodes.constant('int64', [], [1])]);
    const isFour = nodes.add('Equal', [count, nodes.constant('int64', [], [UNITS])]);
    const branch = (operator: string) => ({
      name: operator,
      node: [{ op_type: operator, name: operator, input: ['x'], output: [`${operator}_x`], attribute: [] }],
      initializer: [],
      input: [],
      output: [valueInfo(`${operator}_x`, 'float32')],
    });
    return nodes.add('If', [isFour], { then_branch: branch('Sigmoid'), else_branch: branch('Exp') });
  },
};

describe('a step as equations', () => {
  for (const [name, make] of Object.entries(cases))
    it(`has ${name}`, async () => {
      const opset = name === 'BatchNormalization' ? 15 : 17;
      const { model, feeds } = scanOf(make, opset);
      const { parts, refused } = await replayed(model, feeds);
      assert.deepEqual(
        refused.map(({ why }) => why),
        [],
      );
      const [{ parity, text, bound }] = parts as [(typeof parts)[number]];
      assert.equal(bound.lengths.length, BATCH, text);
      assert.ok(parity !== undefined && parity <= 1e-5, `${parity} apart:\n${text}`);
    });

  const refusals: Readonly<Record<string, readonly [Case, RegExp]>> = {
    'an operator that it has no word for': [unary('Sin'), /^Sin “Sin_1” in the body of Scan “cell”: It is none of the operators/],
    'a look at neighbours': [
      ({ nodes, weight, ints }) =>
        nodes.add('Squeeze', [nodes.add('Conv', [nodes.add('Unsqueeze', ['x', ints(1)]), weight([1, 1, 3])], { pads: [1, 1] }), ints(1)]),
      /^Conv .* looks at several places/,
    ],
    'sequences that see each other': [
      ({ nodes, weight, ints }) =>
        nodes.add('Mul', ['x', nodes.add('ReduceSum', [nodes.add('MatMul', ['x', weight([UNITS, UNITS])]), ints(0)])]),
      /sequences of the batch/,
    ],
  };
  for (const [name, [make, why]] of Object.entries(refusals))
    it(`refuses ${name}`, () => {
      const { parts, refused } = findParts(scanOf((given) => given.nodes.add('Tanh', [make(given)])).model);
      assert.equal(parts.length, 0);
      assert.match(refused[0]!.why, why);
    });
});

/** A cell of the language, exported and found again: its lines. */
async function roundTrip(name: string, own = ''): Promise<string> {
  const text = `${own}\nmodel Trial(x: [T, 3], y: [T, 2]) {\n  h = ${name}(x, 4)\n  s = linear(h, 2)\n  loss = mse(s, y)\n}`;
  const program = await loadProgram('/t.rnn', async (path: string) => (path === '/t.rnn' ? text : readFile(path, 'utf8')));
  const model = buildModel(program, { model: 'Trial', classes: {} });
  const { bytes } = exportModel(model, { weights: startOf(model) });
  const proto = decodeModel(bytes);
  const random = generator(3);
  const feeds = Object.fromEntries(
    proto.graph.input.map(({ name: input, type }) => {
      const dims = type!.tensor_type!.shape!.dim.map(({ dim_value, dim_param }) => dim_value || (dim_param === 'T' ? STEPS : BATCH));
      const count = dims.reduce((product, size) => product * size, 1);
      return [input, { type: 'float32', dims, data: Float32Array.from({ length: count }, () => 2 * random() - 1) } satisfies Tensor];
    }),
  );
  const { parts, refused } = await replayed(proto, feeds);
  assert.deepEqual(refused, []);
  const [part] = parts as [(typeof parts)[number]];
  assert.equal(part.part.form, 'scan');
  assert.ok(part.parity !== undefined && part.parity <= 1e-5, `${part.parity} apart:\n${part.text}`);
  const lines = part.bound.runs[0]!.cell.lines.map((line) => `${line.name} = ${line.text}`);
  return [part.part.kind, ...lines].join('\n');
}

const gates = (names: string): string => [...names].map((gate) => `W_${gate}: [H, I], U_${gate}: [H, H], b_${gate}: [H]`).join(', ');

const trips: Readonly<Record<string, readonly [string, readonly string[]]>> = {
  'an LSTM with coupled gates and a projection': [
    `cell own(x: [I], size H) {
      state h: [2], c: [H]
      param W_i: [H, I], U_i: [H, 2], b_i: [H], W_g: [H, I], U_g: [H, 2], b_g: [H], W_o: [H, I], U_o: [H, 2], P: [2, H]
      i  = sigmoid(W_i @ x + U_i @ h + b_i)
      g  = tanh(W_g @ x + U_g @ h + b_g)
      c' = (1 - i) * c + i * g
      o  = sigmoid(W_o @ x + U_o @ h)
      h' = P @ (o * tanh(c'))
    }`,
    [
      'lstm',
      'i = sigmoid(W_i @ x + U_i @ h + b_i)',
      'f = 1 - i',
      'g = tanh(W_g @ x + U_g @ h + b_g)',
      "c' = f * c + i * g",
      'o = sigmoid(W_o @ x + U_o @ h)',
      "h' = W_h @ (o * tanh(c'))",
    ],
  ],
  'an LSTM that bounds its cell': [
    `cell own(x: [I], size H) {
      state h, c: [H]
      param ${gates('figo')}
      f  = sigmoid(W_f @ x + U_f @ h + b_f)
      i  = sigmoid(W_i @ x + U_i @ h + b_i)
      g  = tanh(W_g @ x + U_g @ h + b_g)
      o  = sigmoid(W_o @ x + U_o @ h + b_o)
      c' = clip(f * c + i * g, -1, 1)
      h' = o * tanh(c')
    }`,
    [
      'lstm',
      'f = sigmoid(W_f @ x + U_f @ h + b_f)',
      'i = sigmoid(W_i @ x + U_i @ h + b_i)',
      'g = tanh(W_g @ x + U_g @ h + b_g)',
      'c_new = f * c + i * g',
      "c' = clip(c_new, -1, 1)",
      'o = sigmoid(W_o @ x + U_o @ h + b_o)',
      "h' = o * tanh(c')",
    ],
  ],
  'a leaky network': [
    `cell own(x: [I], size H) {
      state h: [H]
      param W: [H, I], U: [H, H], b: [H]
      h' = 0.9 * h + 0.1 * tanh(W @ x + U @ h + b)
    }`,
    ['rnn', 'h_new = tanh(W @ x + U @ h + b)', "h' = 0.9 * h + 0.1 * h_new"],
  ],
  'a network with an attached memory': [
    `cell own(x: [I], size H) {
      state h: [H], m: [3]
      param A: [H, I], B: [H, H], C: [3, H], D: [H, 3]
      e  = softplus(A @ x + B @ h)
      m' = 0.9 * m + C @ e
      h' = softmax(D @ m') * e
    }`,
    ['cell', 'a1 = softplus(A @ x + B @ h)', "m' = C @ a1 + 0.9 * m", "a2 = softmax(D @ m')", "h' = a1 * a2"],
  ],
  'a GRU whose candidate is bounded': [
    `cell own(x: [I], size H) {
      state h: [H]
      param ${gates('rzn')}
      r  = sigmoid(W_r @ x + U_r @ h + b_r)
      z  = sigmoid(W_z @ x + U_z @ h + b_z)
      n  = clip(W_n @ x + U_n @ (r * h) + b_n, -1, 1)
      h' = h + z * (n - h)
    }`,
    [
      'gru',
      'r = sigmoid(W_r @ x + U_r @ h + b_r)',
      'z = sigmoid(W_z @ x + U_z @ h + b_z)',
      'n = clip(W_n @ x + U_n @ (r * h) + b_n, -1, 1)',
      "h' = h + z * (n - h)",
    ],
  ],
};

describe('cells of the language, exported and read back,', () => {
  for (const [name, [source, lines]] of Object.entries(trips))
    it(`are ${name}`, async () => assert.equal(await roundTrip('own', source), lines.join('\n')));

  it('are the LSTM with layer normalisation', async () => {
    const found = await roundTrip('normed_lstm');
    assert.match(found, /^lstm\n/);
    for (const gate of ['f', 'i', 'g', 'o']) assert.match(found, new RegExp(`\\nnet_${gate} = W_${gate} @ x \\+ U_${gate} @ h\\n`));
    assert.match(found, /\nc' = f \* c \+ i \* g\n/);
  });
});
