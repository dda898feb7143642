// A model as an exporter writes it: two LSTM layers over time, with the Python lines that made them.

import type { GraphProto, ModelProto, NodeProto, TensorProto } from '../../src/onnx/proto.ts';
import { attribute, tensorProto, valueInfo } from '../../src/onnx/write.ts';
import { random } from '../../src/shared/random.ts';

/** Line 6 is the one that made both layers. */
export const PYTHON = `import torch.nn as nn


class Speech(nn.Module):
    def forward(self, x):
        y, _ = self.lstm(x)
        return y
`;

const [I, H] = [3, 5];

export function stackedLstm(): ModelProto {
  const weights = weightsOf(1);
  const trace = 'File "/home/someone/project/net.py", line 6, in forward\n    y, _ = self.lstm(x)';
  const lstm = (name: string, input: string, output: string, size: number): readonly [NodeProto, readonly TensorProto[]] => [
    {
      op_type: 'LSTM',
      name: `/${name}/LSTM`,
      input: [input, `${name}.W`, `${name}.R`, `${name}.B`],
      output: [output],
      attribute: [attribute('hidden_size', H)],
      metadata_props: [{ key: 'pkg.torch.onnx.stack_trace', value: trace }],
    },
    [weights(`${name}.W`, [1, 4 * H, size]), weights(`${name}.R`, [1, 4 * H, H]), weights(`${name}.B`, [1, 8 * H])],
  ];
  const squeeze = (input: string, output: string): NodeProto => ({
    op_type: 'Squeeze',
    input: [input, 'axis'],
    output: [output],
    attribute: [],
  });
  const [first, firstWeights] = lstm('lstm', 'x', 'y0', I);
  const [second, secondWeights] = lstm('lstm_1', 'h0', 'y1', H);
  return modelOf({
    name: 'speech',
    node: [first, squeeze('y0', 'h0'), second, squeeze('y1', 'y')],
    initializer: [...firstWeights, ...secondWeights, tensorProto('int64', [1], [1], 'axis')],
    input: [valueInfo('x', 'float32', ['T', 'B', I])],
    output: [valueInfo('y', 'float32', ['T', 'B', H])],
  });
}

/** One frame a call: the state comes in and goes out. */
export function streamingLstm(): ModelProto {
  const weights = weightsOf(2);
  const state = (name: string) => valueInfo(name, 'float32', [1, 1, H]);
  return modelOf({
    name: 'stream',
    node: [
      {
        op_type: 'LSTM',
        name: '/lstm/LSTM',
        input: ['x', 'W', 'R', 'B', '', 'h_in', 'c_in'],
        output: ['y', 'h_out', 'c_out'],
        attribute: [attribute('hidden_size', H)],
      },
    ],
    initializer: [weights('W', [1, 4 * H, I]), weights('R', [1, 4 * H, H]), weights('B', [1, 8 * H])],
    input: [valueInfo('x', 'float32', [1, 1, I]), state('h_in'), state('c_in')],
    output: [valueInfo('y', 'float32', [1, 1, 1, H]), state('h_out'), state('c_out')],
  });
}

/** A decoder that looks back at an encoder, LSTMs over sequences of their own. */
export function translator(): ModelProto {
  const weights = weightsOf(3);
  const lstm = (name: string, input: string): NodeProto[] => [
    {
      op_type: 'LSTM',
      name: `/${name}/LSTM`,
      input: [input, `${name}.W`, `${name}.R`],
      output: [`${name}.y`],
      attribute: [attribute('hidden_size', H)],
    },
    { op_type: 'Squeeze', input: [`${name}.y`, 'axis'], output: [name], attribute: [] },
  ];
  const plain = (op_type: string, input: string[], output: string, attributes: NodeProto['attribute'] = []): NodeProto => ({
    op_type,
    input,
    output: [output],
    attribute: attributes,
  });
  const turned = (input: string, output: string, perm: readonly number[]) =>
    plain('Transpose', [input], output, [attribute('perm', [...perm])]);
  return modelOf({
    name: 'translator',
    node: [
      ...lstm('encoder', 'source'),
      ...lstm('decoder', 'target'),
      turned('encoder', 'keys', [1, 2, 0]),
      turned('encoder', 'memory', [1, 0, 2]),
      turned('decoder', 'queries', [1, 0, 2]),
      plain('MatMul', ['queries', 'keys'], 'dots'),
      plain('Mul', ['dots', 'sharp'], 'scores'),
      { ...plain('Softmax', ['scores'], 'weights', [attribute('axis', -1)]), name: '/attention/Softmax' },
      plain('MatMul', ['weights', 'memory'], 'context'),
    ],
    initializer: [
      ...['encoder', 'decoder'].flatMap((name) => [weights(`${name}.W`, [1, 4 * H, I]), weights(`${name}.R`, [1, 4 * H, H])]),
      tensorProto('int64', [1], [1], 'axis'),
      tensorProto('float32', [], [12], 'sharp'),
    ],
    input: [valueInfo('source', 'float32', ['S', 1, I]), valueInfo('target', 'float32', ['T', 1, I])],
    output: [valueInfo('context', 'float32', [1, 'T', H])],
  });
}

/** An LSTM over the four bands of each frame: x [B, frames, 4, I]. */
export function overBands(): ModelProto {
  const weights = weightsOf(4);
  return modelOf({
    name: 'bands',
    node: [
      { op_type: 'Reshape', input: ['x', 'flat'], output: ['frames'], attribute: [] },
      { op_type: 'Transpose', input: ['frames'], output: ['bands'], attribute: [attribute('perm', [1, 0, 2])] },
      { op_type: 'LSTM', name: '/intra/LSTM', input: ['bands', 'W', 'R'], output: ['y'], attribute: [attribute('hidden_size', H)] },
    ],
    initializer: [weights('W', [1, 4 * H, I]), weights('R', [1, 4 * H, H]), tensorProto('int64', [3], [-1, 4, I], 'flat')],
    input: [valueInfo('x', 'float32', ['B', '?', 4, I])],
    output: [valueInfo('y', 'float32')],
  });
}

function weightsOf(seed: number): (name: string, dims: readonly number[]) => TensorProto {
  const chance = random(seed);
  return (name, dims) =>
    tensorProto(
      'float32',
      dims,
      Array.from({ length: dims.reduce((a, b) => a * b) }, () => chance.normal() * 0.5),
      name,
    );
}

const modelOf = (graph: GraphProto): ModelProto => ({
  ir_version: 8,
  opset_import: [{ domain: '', version: 17 }],
  producer_name: 'test',
  producer_version: '1.0',
  metadata_props: [{ key: 'author', value: 'someone' }],
  graph,
});
