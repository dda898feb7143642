// Models that attend, as exporters write them: over whole sequences, by heads, spelled out, and at each step of a loop.

import type { GraphProto, ModelProto, NodeProto, TensorProto, ValueInfo } from '../../src/onnx/proto.ts';
import { attribute, tensorProto, valueInfo } from '../../src/onnx/write.ts';
import { graphOf, modelOf, node } from './models.ts';
import { generator } from './random-operators.ts';

export const sizes = { batch: 2, source: 5, target: 4, input: 3, hidden: 6 } as const;
const { input: I, hidden: H } = sizes;

const float = (name: string, dims?: (number | string)[]): ValueInfo => valueInfo(name, 'float32', dims);

function weightsOf(seed: number): (name: string, dims: readonly number[]) => TensorProto {
  const random = generator(seed);
  return (name, dims) =>
    tensorProto(
      'float32',
      dims,
      Float32Array.from({ length: dims.reduce((product, size) => product * size, 1) }, () => random() * 2 - 1),
      name,
    );
}

const lstm = (name: string, input: string, output: string): NodeProto =>
  node('LSTM', [input, `${name}.W`, `${name}.R`], [output], [attribute('hidden_size', H)], { name: `/${name}/LSTM` });

/** How weights and values come to be added up. */
export type Weighing = 'matmul' | 'turned' | 'einsum' | 'sum';
/** How the weights are made. */
export type Making = 'softmax' | 'spelled out' | 'exp' | 'masked' | 'added';

/** An encoder and a decoder, LSTMs over sequences of their own, of which the decoder looks back at the encoder; outputs `weights` [B, T, S] and `context`. */
export function lookingBack(weighing: Weighing = 'matmul', making: Making = 'softmax'): ModelProto {
  const weights = weightsOf(5);
  const scores: NodeProto[] = [
    lstm('encoder', 'source', 'e4'),
    node('Squeeze', ['e4', 'one'], ['e']),
    lstm('decoder', 'target', 'd4'),
    node('Squeeze', ['d4', 'one'], ['d']),
    node('Transpose', ['e'], ['keys'], [attribute('perm', [1, 2, 0])]),
    node('Transpose', ['e'], ['memory'], [attribute('perm', [1, 0, 2])]),
    node('Transpose', ['d'], ['queries'], [attribute('perm', [1, 0, 2])]),
    node('MatMul', ['queries', 'keys'], ['dots']),
    node('Div', ['dots', 'scale'], ['raw']),
  ];
  const made: Readonly<Record<Making, readonly NodeProto[]>> = {
    softmax: [node('Softmax', ['raw'], ['weights'], [attribute('axis', -1)], { name: '/attention/Softmax' })],
    masked: [
      node('Where', ['seen', 'raw', 'minus'], ['scores']),
      node('Softmax', ['scores'], ['weights'], [attribute('axis', 2)], { name: '/attention/Softmax' }),
    ],
    added: [
      node('Add', ['raw', 'mask'], ['scores']),
      node('Softmax', ['scores'], ['weights'], [attribute('axis', -1)], { name: '/attention/Softmax' }),
    ],
    'spelled out': [
      node('ReduceMax', ['raw'], ['largest'], [attribute('axes', [-1]), attribute('keepdims', 1)]),
      node('Sub', ['raw', 'largest'], ['lower']),
      node('Exp', ['lower'], ['powers']),
      node('ReduceSum', ['powers', 'last'], ['total'], [attribute('keepdims', 1)]),
      node('Div', ['powers', 'total'], ['weights'], [], { name: '/attention/Div' }),
    ],
    exp: [
      node('Exp', ['raw'], ['powers']),
      node('ReduceSum', ['powers', 'last'], ['total'], [attribute('keepdims', 1)]),
      node('Div', ['powers', 'total'], ['weights'], [], { name: '/attention/Div' }),
    ],
  };
  const weighed: Readonly<Record<Weighing, readonly NodeProto[]>> = {
    matmul: [node('Dropout', ['weights'], ['kept']), node('MatMul', ['kept', 'memory'], ['context'])],
    turned: [
      node('Transpose', ['weights'], ['turned'], [attribute('perm', [0, 2, 1])]),
      node('MatMul', ['keys', 'turned'], ['across']),
      node('Transpose', ['across'], ['context'], [attribute('perm', [0, 2, 1])]),
    ],
    einsum: [node('Einsum', ['memory', 'weights'], ['context'], [attribute('equation', 'bsd,bts->btd')])],
    sum: [
      node('Unsqueeze', ['weights', 'last'], ['spread']),
      node('Unsqueeze', ['memory', 'one'], ['across']),
      node('Mul', ['spread', 'across'], ['each']),
      node('ReduceSum', ['each', 'two'], ['context'], [attribute('keepdims', 0)]),
    ],
  };
  const { batch: B, source: S, target: T } = sizes;
  const seen = Array.from({ length: T * S }, (_, k) => Number(k % S <= Math.floor(k / S) + 1));
  return modelOf(
    graphOf([...scores, ...made[making], ...weighed[weighing], node('Softmax', ['context'], ['classes'])], {
      initializer: [
        ...['encoder', 'decoder'].flatMap((name) => [weights(`${name}.W`, [1, 4 * H, I]), weights(`${name}.R`, [1, 4 * H, H])]),
        tensorProto('int64', [1], [1], 'one'),
        tensorProto('int64', [1], [2], 'two'),
        tensorProto('int64', [1], [-1], 'last'),
        tensorProto('float32', [], [0.5], 'scale'),
        tensorProto('float32', [], [-1e9], 'minus'),
        tensorProto('bool', [1, T, S], seen, 'seen'),
        tensorProto(
          'float32',
          [1, T, S],
          seen.map((each) => (each === 1 ? 0 : Number.NEGATIVE_INFINITY)),
          'mask',
        ),
      ],
      input: [float('source', ['S', B, I]), float('target', ['T', B, I])],
      output: [float('weights', [B, 'T', 'S']), float('context', [B, 'T', H]), float('classes', [B, 'T', H])],
    }),
  );
}

/** Two heads over one sequence that looks at itself: `weights` [B, 2, T, T]. No recurrence. */
export function byHeads(): ModelProto {
  const weights = weightsOf(7);
  const head = (name: string): NodeProto[] => [
    node('MatMul', ['x', `W_${name}`], [`${name}_flat`]),
    node('Reshape', [`${name}_flat`, 'apart'], [`${name}_apart`]),
    node('Transpose', [`${name}_apart`], [name], [attribute('perm', name === 'k' ? [0, 2, 3, 1] : [0, 2, 1, 3])]),
  ];
  return modelOf(
    graphOf(
      [
        ...['q', 'k', 'v'].flatMap(head),
        node('MatMul', ['q', 'k'], ['scores']),
        node('Softmax', ['scores'], ['weights'], [attribute('axis', -1)], { name: '/layer.0/attn/Softmax' }),
        node('IsNaN', ['weights'], ['odd']),
        node('Where', ['odd', 'zero', 'weights'], ['whole']),
        node('MatMul', ['whole', 'v'], ['context']),
        node('Transpose', ['context'], ['together'], [attribute('perm', [0, 2, 1, 3])]),
        node('Reshape', ['together', 'joined'], ['y']),
      ],
      {
        initializer: [
          ...['q', 'k', 'v'].map((name) => weights(`W_${name}`, [I, H])),
          tensorProto('int64', [4], [0, 0, 2, H / 2], 'apart'),
          tensorProto('int64', [3], [0, 0, H], 'joined'),
          tensorProto('float32', [], [0], 'zero'),
        ],
        input: [float('x', ['B', 'T', I])],
        output: [float('y', ['B', 'T', H]), float('weights', ['B', 2, 'T', 'T']), float('context')],
      },
    ),
  );
}

/** A Scan whose state looks back at the source before each step; `looks` [T, B, S] are its weights. */
export function attendingScan(): ModelProto {
  const weights = weightsOf(9);
  const { batch: B } = sizes;
  const body: GraphProto = graphOf(
    [
      node('MatMul', ['h', 'U_a'], ['query']),
      node('Unsqueeze', ['query', 'two'], ['column']),
      node('MatMul', ['source', 'column'], ['dots']),
      node('Squeeze', ['dots', 'two'], ['scores']),
      node('Softmax', ['scores'], ['w'], [attribute('axis', -1)]),
      node('Unsqueeze', ['w', 'one'], ['row']),
      node('MatMul', ['row', 'source'], ['seen']),
      node('Squeeze', ['seen', 'one'], ['context']),
      node('MatMul', ['xt', 'W'], ['wx']),
      node('MatMul', ['h', 'U'], ['uh']),
      node('MatMul', ['context', 'V'], ['vc']),
      node('Add', ['wx', 'uh'], ['sum']),
      node('Add', ['sum', 'vc'], ['net']),
      node('Tanh', ['net'], ['next']),
      node('Identity', ['w'], ['look']),
      node('Identity', ['next'], ['shown']),
    ],
    { input: [float('h', [B, H]), float('xt', [B, I])], output: [float('next', [B, H]), float('look'), float('shown')] },
  );
  return modelOf(
    graphOf(
      [
        node('Scan', ['start', 'x'], ['last', 'looks', 'states'], [attribute('body', body), attribute('num_scan_inputs', 1)], {
          name: '/decoder/Scan',
        }),
      ],
      {
        initializer: [
          weights('U_a', [H, H]),
          weights('W', [I, H]),
          weights('U', [H, H]),
          weights('V', [H, H]),
          tensorProto('int64', [1], [1], 'one'),
          tensorProto('int64', [1], [2], 'two'),
        ],
        input: [float('x', ['T', B, I]), float('source', [B, 'S', H]), float('start', [B, H])],
        output: [float('looks', ['T', B, 'S']), float('states', ['T', B, H])],
      },
    ),
  );
}

/** Classes at the end, and a table that a softmax looks something up in: nothing in it attends. */
export function classifier(): ModelProto {
  const weights = weightsOf(11);
  return modelOf(
    graphOf(
      [
        lstm('rnn', 'x', 'y4'),
        node('Squeeze', ['y4', 'one'], ['y']),
        node('MatMul', ['y', 'V'], ['scores']),
        node('Softmax', ['scores'], ['classes'], [attribute('axis', -1)]),
        node('MatMul', ['classes', 'table'], ['likely']),
      ],
      {
        initializer: [
          weights('rnn.W', [1, 4 * H, I]),
          weights('rnn.R', [1, 4 * H, H]),
          weights('V', [H, 3]),
          weights('table', [3, 4]),
          tensorProto('int64', [1], [1], 'one'),
        ],
        input: [float('x', ['T', 'B', I])],
        output: [float('classes'), float('likely')],
      },
    ),
  );
}
