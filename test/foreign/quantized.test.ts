// onnxruntime's DynamicQuantizeLSTM, replayed beside its kernel.

import assert from 'node:assert/strict';
import { Evaluators, ForeignSession, groupsOf, replayGroup } from '../../src/foreign/session.ts';
import type { ModelProto, NodeProto, TensorProto } from '../../src/onnx/proto.ts';
import { attribute, tensorProto, valueInfo } from '../../src/onnx/write.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import { generator } from './random-operators.ts';

const runtime = createRuntime();

function quantized(
  seed: number,
  direction: 'forward' | 'reverse' | 'bidirectional',
  signed: boolean,
  perColumn: boolean,
): { model: ModelProto; X: Float32Array; dims: number[] } {
  const random = generator(seed);
  const [T, B, I, H] = [6, 2, 5, 4];
  const D = direction === 'bidirectional' ? 2 : 1;
  const bytes = (name: string, dims: readonly number[]): TensorProto => {
    const size = dims.reduce((product, each) => product * each, 1);
    const data = signed
      ? Int8Array.from({ length: size }, () => Math.floor(255 * random()) - 127)
      : Uint8Array.from({ length: size }, () => Math.floor(256 * random()));
    return { name, data_type: signed ? 3 : 2, dims: [...dims], raw_data: new Uint8Array(data.buffer) };
  };
  const scales = perColumn ? [D, 4 * H] : [D];
  const floats = (name: string, dims: readonly number[], by: number, from = 0): TensorProto =>
    tensorProto(
      'float32',
      dims,
      Float32Array.from({ length: dims.reduce((product, each) => product * each, 1) }, () => from + by * random()),
      name,
    );
  const zeros = (name: string): TensorProto => {
    const size = scales.reduce((product, each) => product * each, 1);
    const data = signed ? new Int8Array(size) : new Uint8Array(size).fill(128);
    return { name, data_type: signed ? 3 : 2, dims: [...scales], raw_data: new Uint8Array(data.buffer) };
  };
  const X = Float32Array.from({ length: T * B * I }, () => 2 * random() - 0.7);
  return {
    X,
    dims: [T, B, I],
    model: {
      ir_version: 8,
      opset_import: [
        { domain: '', version: 17 },
        { domain: 'com.microsoft', version: 1 },
      ],
      graph: {
        name: 'q',
        node: [
          {
            op_type: 'DynamicQuantizeLSTM',
            domain: 'com.microsoft',
            name: '/rnn/LSTM_quant',
            input: ['X', 'W', 'R', 'B', '', '', '', '', 'Ws', 'Wz', 'Rs', 'Rz'],
            output: ['Y', 'Y_h', 'Y_c'],
            attribute: [attribute('hidden_size', H), attribute('direction', direction)],
          },
        ],
        initializer: [
          bytes('W', [D, I, 4 * H]),
          bytes('R', [D, H, 4 * H]),
          floats('B', [D, 8 * H], 0.2),
          floats('Ws', scales, 0.004, 0.004),
          floats('Rs', scales, 0.004, 0.004),
          zeros('Wz'),
          zeros('Rz'),
        ],
        input: [valueInfo('X', 'float32', [T, B, I])],
        output: [valueInfo('Y', 'float32'), valueInfo('Y_c', 'float32')],
      },
    },
  };
}

describe('DynamicQuantizeLSTM', () => {
  for (const direction of ['forward', 'reverse', 'bidirectional'] as const)
    for (const signed of [true, false])
      for (const perColumn of [false, true])
        it(`${direction}, ${signed ? 'int8' : 'uint8'}, ${perColumn ? 'a scale a column' : 'one scale'}`, async () => {
          const { model, X, dims } = quantized(3, direction, signed, perColumn);
          const session = new ForeignSession(runtime, model);
          const [part] = session.parts;
          assert.equal(part?.kind, 'lstm');
          const { ran, idle } = await session.run({ X: { type: 'float32', dims, data: X } });
          assert.deepEqual(idle, []);
          const evaluators = new Evaluators(runtime);
          for (const group of groupsOf(ran)) {
            const { parity, trace } = await replayGroup(evaluators, group, { id: 1, title: '', model: 'Q', file: 'q.onnx', uri: '/q.rnn' });
            assert.ok(parity[0]!.value! < 1e-5, `parity ${parity[0]!.value}`);
            await trace.close();
          }
          await evaluators.close();
          await session.release();
        });
});

describe('LSTM between quantised values', () => {
  it('is seen as it ran, although the runtime moves quantisation through shapes', async () => {
    const random = generator(3);
    const [T, B, I, H] = [5, 2, 3, 4];
    const floats = (name: string, dims: readonly number[]): TensorProto =>
      tensorProto(
        'float32',
        dims,
        Float32Array.from({ length: dims.reduce((a, b) => a * b) }, () => random() - 0.5),
        name,
      );
    const node = (op_type: string, input: string[], output: string[], more: NodeProto['attribute'] = []): NodeProto => {
      return { op_type, name: output[0]!, input, output, attribute: more };
    };
    const both = [attribute('hidden_size', H), attribute('direction', 'bidirectional')];
    const model: ModelProto = {
      ir_version: 8,
      opset_import: [{ domain: '', version: 17 }],
      graph: {
        name: 'qdq',
        node: [
          node('LSTM', ['x', 'W', 'R'], ['Y'], both),
          node('Transpose', ['Y'], ['turned'], [attribute('perm', [0, 2, 1, 3])]),
          node('Reshape', ['turned', 'shape'], ['flat']),
          node('QuantizeLinear', ['flat', 'scale', 'zero'], ['bytes']),
          node('DequantizeLinear', ['bytes', 'scale', 'zero'], ['back']),
          node('MatMul', ['back', 'V'], ['y']),
        ],
        initializer: [
          floats('W', [2, 4 * H, I]),
          floats('R', [2, 4 * H, H]),
          floats('V', [2 * H, 3]),
          tensorProto('int64', [3], [0, 0, -1], 'shape'),
          tensorProto('float32', [], [0.01], 'scale'),
          { name: 'zero', data_type: 3, dims: [], raw_data: new Uint8Array(1) },
        ],
        input: [valueInfo('x', 'float32', [T, B, I])],
        output: [valueInfo('y', 'float32')],
      },
    };
    const session = new ForeignSession(runtime, model);
    const evaluators = new Evaluators(runtime);
    try {
      const data = Float32Array.from({ length: T * B * I }, () => 4 * random() - 2);
      const { ran } = await session.run({ x: { type: 'float32', dims: [T, B, I], data } });
      const [group] = groupsOf(ran);
      const replayed = await replayGroup(evaluators, group!, { id: 0, title: '', model: 'One', file: 'one.onnx', uri: '/one.rnn' });
      await replayed.trace.close();
      assert.ok(replayed.parity[0]!.value! <= 1e-6, `${replayed.parity[0]!.value}`);
    } finally {
      await evaluators.close();
      await session.release();
    }
  });
});
