// Encoders and decoders in files of their own, as exporters write them.

import type { ModelProto, NodeProto, TensorProto, ValueInfo } from '../../../src/onnx/proto.ts';
import { attribute, tensorProto, valueInfo } from '../../../src/onnx/write.ts';
import { graphOf, modelOf, node } from '../models.ts';
import { generator } from '../random-operators.ts';

export const sizes = { classes: 9, embedding: 5, hidden: 6 } as const;
const { classes: V, embedding: E, hidden: H } = sizes;

export interface Pair {
  readonly encoder: ModelProto;
  readonly decoder: ModelProto;
}

function weightsOf(seed: number): (name: string, dims: readonly number[]) => TensorProto {
  const random = generator(seed);
  return (name, dims) =>
    tensorProto(
      'float32',
      dims,
      Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => 3 * (random() - 0.5)),
      name,
    );
}

const float = (name: string, dims: (number | string)[]): ValueInfo => valueInfo(name, 'float32', dims);
const ids = (name: string, dims: (number | string)[]): ValueInfo => valueInfo(name, 'int64', dims);

/** Batch first: a GRU over `src` [B, S] gives `memory` [B, S, H] and `hidden` [1, B, H]. */
function batchFirst(weights: ReturnType<typeof weightsOf>, state: 'GRU' | 'LSTM'): ModelProto {
  const gates = state === 'GRU' ? 3 : 4;
  return modelOf(
    graphOf(
      [
        node('Gather', ['embed.weight', 'src'], ['vectors']),
        node('Transpose', ['vectors'], ['steps'], [attribute('perm', [1, 0, 2])]),
        node(state, ['steps', 'W', 'R'], ['y', 'hidden', ...(state === 'LSTM' ? ['cell'] : [])], [attribute('hidden_size', H)], {
          name: `/rnn/${state}`,
        }),
        node('Squeeze', ['y', 'one'], ['all']),
        node('Transpose', ['all'], ['memory'], [attribute('perm', [1, 0, 2])]),
      ],
      {
        initializer: [
          weights('embed.weight', [V, E]),
          weights('W', [1, gates * H, E]),
          weights('R', [1, gates * H, H]),
          tensorProto('int64', [1], [1], 'one'),
        ],
        input: [ids('src', ['B', 'S'])],
        output: [float('memory', ['B', 'S', H]), float('hidden', [1, 'B', H]), ...(state === 'LSTM' ? [float('cell', [1, 'B', H])] : [])],
      },
    ),
  );
}

/** A GRU cell that is spelled out, behind additive attention by the state before; `token` [B]. Names meet those of the encoder. */
export function additive(seed = 3): Pair {
  const weights = weightsOf(seed);
  const encoder = batchFirst(weights, 'GRU');
  const decoder = modelOf(
    graphOf(
      [
        node('Gather', ['embed.weight', 'token'], ['vector']),
        node('Squeeze', ['hidden', 'zero'], ['h']),
        node('MatMul', ['h', 'query.weight'], ['query']),
        node('Unsqueeze', ['query', 'one'], ['queries']),
        node('MatMul', ['memory', 'key.weight'], ['keys']),
        node('Add', ['queries', 'keys'], ['sums']),
        node('Tanh', ['sums'], ['bent']),
        node('MatMul', ['bent', 'v'], ['energies3']),
        node('Squeeze', ['energies3', 'two'], ['energies']),
        node('Softmax', ['energies'], ['attention'], [attribute('axis', 1)], { name: '/attention/Softmax' }),
        node('Unsqueeze', ['attention', 'one'], ['row']),
        node('MatMul', ['row', 'memory'], ['context3']),
        node('Squeeze', ['context3', 'one'], ['context']),
        node('Concat', ['vector', 'context'], ['input'], [attribute('axis', 1)]),
        node('Gemm', ['input', 'W', 'b'], ['gates_x'], [attribute('transB', 1)]),
        node('Gemm', ['h', 'R', 'b'], ['gates_h'], [attribute('transB', 1)]),
        node('Split', ['gates_x'], ['rx', 'zx', 'nx'], [attribute('axis', 1)]),
        node('Split', ['gates_h'], ['rh', 'zh', 'nh'], [attribute('axis', 1)]),
        node('Add', ['rx', 'rh'], ['rs']),
        node('Sigmoid', ['rs'], ['r']),
        node('Add', ['zx', 'zh'], ['zs']),
        node('Sigmoid', ['zs'], ['z']),
        node('Mul', ['r', 'nh'], ['rn']),
        node('Add', ['nx', 'rn'], ['ns']),
        node('Tanh', ['ns'], ['n']),
        node('Sub', ['h', 'n'], ['far']),
        node('Mul', ['z', 'far'], ['part']),
        node('Add', ['n', 'part'], ['h_new']),
        node('Unsqueeze', ['h_new', 'zero'], ['hidden_out']),
        node('Gemm', ['h_new', 'out.weight'], ['logits']),
      ],
      {
        initializer: [
          weights('embed.weight', [V, E]),
          weights('query.weight', [H, H]),
          weights('key.weight', [H, H]),
          weights('v', [H, 1]),
          weights('W', [3 * H, E + H]),
          weights('R', [3 * H, H]),
          weights('b', [3 * H]),
          weights('out.weight', [H, V]),
          tensorProto('int64', [1], [0], 'zero'),
          tensorProto('int64', [1], [1], 'one'),
          tensorProto('int64', [1], [2], 'two'),
        ],
        input: [ids('token', ['B']), float('hidden', [1, 'B', H]), float('memory', ['B', 'S', H])],
        output: [float('logits', ['B', V]), float('hidden_out', [1, 'B', H]), float('attention', ['B', 'S'])],
      },
    ),
  );
  return { encoder, decoder };
}

/** An LSTM operator of one step, then attention by products (Luong et al. 2015); `token` [B, 1], words for what is handed on: h0, hn. */
export function products(seed = 5): Pair {
  const weights = weightsOf(seed);
  const encoder = batchFirst(weights, 'LSTM');
  const nodes: NodeProto[] = [
    node('Gather', ['table', 'prev_token'], ['vectors']),
    node('Transpose', ['vectors'], ['steps'], [attribute('perm', [1, 0, 2])]),
    node('LSTM', ['steps', 'W', 'R', '', '', 'h0', 'c0'], ['y', 'hn', 'cn'], [attribute('hidden_size', H)], { name: '/decoder/rnn/LSTM' }),
    node('Squeeze', ['y', 'one'], ['all']),
    node('Transpose', ['all'], ['queries'], [attribute('perm', [1, 0, 2])]),
    node('Transpose', ['encoder_outputs'], ['keys'], [attribute('perm', [0, 2, 1])]),
    node('MatMul', ['queries', 'keys'], ['energies']),
    node('Softmax', ['energies'], ['weights'], [attribute('axis', 2)], { name: '/attn/Softmax' }),
    node('MatMul', ['weights', 'encoder_outputs'], ['context']),
    node('Concat', ['queries', 'context'], ['both'], [attribute('axis', 2)]),
    node('MatMul', ['both', 'combine'], ['mixed']),
    node('Tanh', ['mixed'], ['seen']),
    node('MatMul', ['seen', 'out'], ['scores']),
  ];
  const decoder = modelOf(
    graphOf(nodes, {
      initializer: [
        weights('table', [V, E]),
        weights('W', [1, 4 * H, E]),
        weights('R', [1, 4 * H, H]),
        weights('combine', [2 * H, H]),
        weights('out', [H, V]),
        tensorProto('int64', [1], [1], 'one'),
      ],
      input: [ids('prev_token', ['B', 1]), float('h0', [1, 'B', H]), float('c0', [1, 'B', H]), float('encoder_outputs', ['B', 'S', H])],
      output: [float('scores', ['B', 1, V]), float('hn', [1, 'B', H]), float('cn', [1, 'B', H])],
    }),
  );
  return { encoder, decoder };
}

/** A decoder that reads all ids so far, [B, T]: a GRU over them that starts from what the encoder ended with, and looks back at `memory`. */
export function reading(seed = 7): Pair {
  const weights = weightsOf(seed);
  const encoder = batchFirst(weights, 'GRU');
  const decoder = modelOf(
    graphOf(
      [
        node('Gather', ['table', 'tgt'], ['vectors']),
        node('Transpose', ['vectors'], ['steps'], [attribute('perm', [1, 0, 2])]),
        node('GRU', ['steps', 'W', 'R', '', '', 'hidden'], ['y'], [attribute('hidden_size', H)], { name: '/decoder/gru/GRU' }),
        node('Squeeze', ['y', 'one'], ['all']),
        node('Transpose', ['all'], ['queries'], [attribute('perm', [1, 0, 2])]),
        node('Transpose', ['memory'], ['keys'], [attribute('perm', [0, 2, 1])]),
        node('MatMul', ['queries', 'keys'], ['energies']),
        node('Softmax', ['energies'], ['weights'], [attribute('axis', 2)], { name: '/attn/Softmax' }),
        node('MatMul', ['weights', 'memory'], ['context']),
        node('Add', ['queries', 'context'], ['both']),
        node('MatMul', ['both', 'out'], ['logits']),
      ],
      {
        initializer: [
          weights('table', [V, E]),
          weights('W', [1, 3 * H, E]),
          weights('R', [1, 3 * H, H]),
          weights('out', [H, V]),
          tensorProto('int64', [1], [1], 'one'),
        ],
        input: [ids('tgt', ['B', 'T']), float('memory', ['B', 'S', H]), float('hidden', [1, 'B', H])],
        output: [float('logits', ['B', 'T', V])],
      },
    ),
  );
  return { encoder, decoder };
}
