// Recurrent layers of an ONNX model as a model of one's own: the same numbers, trained on, and exported again.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHandlers } from '../../src/engine/handlers.ts';
import { modelInfo } from '../../src/onnx/operators.ts';
import { encodeModel, type ModelProto } from '../../src/onnx/proto.ts';
import { attribute, tensorProto, valueInfo } from '../../src/onnx/write.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import type { Tensor } from '../../src/runtime/runtime.ts';
import { generator } from './random-operators.ts';

const [T, I, H] = [6, 3, 4];

function stack(): ModelProto {
  const random = generator(5);
  const weight = (name: string, dims: readonly number[]) =>
    tensorProto(
      'float32',
      dims,
      Float32Array.from({ length: dims.reduce((product, size) => product * size, 1) }, () => random() - 0.5),
      name,
    );
  const settings = [attribute('hidden_size', H), attribute('direction', 'bidirectional')];
  return {
    ir_version: 8,
    opset_import: [{ domain: '', version: 17 }],
    graph: {
      name: 'stack',
      node: [
        { op_type: 'LSTM', name: '/low/LSTM', input: ['X', 'W1', 'R1', 'B1', '', '', '', 'P1'], output: ['Y1'], attribute: settings },
        { op_type: 'Transpose', input: ['Y1'], output: ['Y1t'], attribute: [attribute('perm', [0, 2, 1, 3])] },
        { op_type: 'Reshape', input: ['Y1t', 'flat'], output: ['Y1f'], attribute: [] },
        { op_type: 'LSTM', name: '/high/LSTM', input: ['Y1f', 'W2', 'R2', 'B2'], output: ['Y2'], attribute: settings },
      ],
      initializer: [
        weight('W1', [2, 4 * H, I]),
        weight('R1', [2, 4 * H, H]),
        weight('B1', [2, 8 * H]),
        weight('P1', [2, 3 * H]),
        weight('W2', [2, 4 * H, 2 * H]),
        weight('R2', [2, 4 * H, H]),
        weight('B2', [2, 8 * H]),
        tensorProto('int64', [3], [0, 0, -1], 'flat'),
      ],
      input: [valueInfo('X', 'float32', ['T', 'B', I])],
      output: [valueInfo('Y2', 'float32')],
    },
  };
}

describe('layers of an ONNX model as a model of one’s own', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'unroll-own-'));
    writeFileSync(join(folder, 'stack.onnx'), encodeModel(stack()));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('compute what the model computes, are trained on, and exported again', async function () {
    this.timeout(60_000);
    const { handlers } = createHandlers();
    const context = { emit: () => {}, signal: new AbortController().signal };
    const file = join(folder, 'stack.onnx');
    const input = { all: { kind: 'random', seed: 3 } as const, dimensions: { T, B: 2 } };
    const { file: source, run, remarks } = await handlers.openAsModel({ file, input, folder }, context);
    assert.deepEqual(remarks, []);
    const text = readFileSync(source, 'utf8');
    assert.match(text, /high +(= high_cell\(low_both\))/);
    assert.match(text, /o += sigmoid\(W_o @ x \+ U_o @ h \+ p_o \* c' \+ b_o\)/);

    await assert.rejects(handlers.openAsModel({ file, input, folder }, context), /There is a file .*stack\.rnn already/);

    // What it was given, back through the exported model: the same numbers as the untouched one.
    const out = join(folder, 'again.onnx');
    await handlers.export({ run: run.folder, out }, context);
    const runtime = createRuntime();
    const random = generator(9);
    const data = Float32Array.from({ length: T * I }, () => 2 * random() - 1);
    /** Of inputs, the one that is so wide as x is given the data, states start at zero. */
    const compute = async (model: Uint8Array): Promise<Float32Array> => {
      const session = await runtime.open(model, { device: 'cpu', threads: 1 });
      const feeds = Object.fromEntries(
        modelInfo(model).inputs.map(({ name, shape = [] }): [string, Tensor] => {
          const dims = shape.map((size) => (size === 'T' ? T : size === 'B' ? 1 : Number(size)));
          const size = dims.reduce((product, each) => product * each, 1);
          return [name, { type: 'float32', dims, data: shape.at(-1) === I ? data : new Float32Array(size) }];
        }),
      );
      const outputs = await session.compute(feeds);
      await session.release();
      return Object.values(outputs)
        .map((each) => each.data as Float32Array)
        .find((each) => each.length === T * 2 * H)!;
    };
    const expected = await compute(encodeModel(stack()));
    const found = await compute(readFileSync(out));
    expected.forEach((each, k) => {
      assert.ok(Math.abs(each - found[k]!) < 1e-5, `${k}: ${found[k]} instead of ${each}`);
    });

    const trained = await handlers.train({ file: source, resume: true, out: run.folder, steps: 3, everyStep: true }, context);
    assert.equal(trained.step, 3);
    assert.ok(trained.loss! < 1e-3, 'it begins where the model was');
  });
});
