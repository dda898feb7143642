// Models of others as files, run on what is chosen for them.

import assert from 'node:assert/strict';
import { npy } from '../../src/data/npz.ts';
import { ForeignModel } from '../../src/foreign/model.ts';
import { encodeModel, type NodeProto } from '../../src/onnx/proto.ts';
import { attribute, tensorProto, valueInfo } from '../../src/onnx/write.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import type { ForeignInput } from '../../src/shared/foreign.ts';
import { type Folder, makeFolder, pcm16, waveFile } from './input-files.ts';
import { graphOf, modelOf, node } from './models.ts';

const runtime = createRuntime();

const floats = (shape: readonly number[], data: Float32Array): Uint8Array => npy({ shape, data });

describe('models of others', () => {
  let folder: Folder;
  before(() => {
    folder = makeFolder();
  });
  after(() => folder.remove());

  async function run(file: string, input: ForeignInput) {
    const model = await ForeignModel.open(file, runtime);
    try {
      return await model.run(input);
    } finally {
      await model.release();
    }
  }

  it('that are streamed get context once: 4 numbers a frame before which 2 of the one before stand, where a call takes 6', async () => {
    const graph = graphOf([node('Identity', ['x'], ['seen']), node('Add', ['x', 's'], ['next'])], {
      input: [valueInfo('x', 'float32', [1, 6]), valueInfo('s', 'float32', [1, 6])],
      output: [valueInfo('seen', 'float32', [1, 6]), valueInfo('next', 'float32', [1, 6])],
    });
    const file = folder.write('context.onnx', encodeModel(modelOf(graph)));
    const path = folder.write(
      'frames.npy',
      floats(
        [3, 4],
        Float32Array.from({ length: 12 }, (_, k) => k + 1),
      ),
    );
    const stream = { frames: [{ input: 'x', context: 2 }], state: [{ input: 's', output: 'next' }], constants: {} };
    const { outputs } = await run(file, { all: { kind: 'file', path }, stream });
    assert.deepEqual(Array.from(outputs.seen!.data, Number), [0, 0, 1, 2, 3, 4, 3, 4, 5, 6, 7, 8, 7, 8, 9, 10, 11, 12]);
    // What is made at random is a frame without context, too.
    const random = await run(file, { all: { kind: 'random', seed: 1 }, stream });
    const seen = Array.from(random.outputs.seen!.data, Number);
    assert.equal(seen.length, 32 * 6);
    for (let call = 1; call < 32; call += 1) assert.deepEqual(seen.slice(6 * call, 6 * call + 2), seen.slice(6 * call - 2, 6 * call));
    // A recording that is cut into frames with their context has it.
    const wave = folder.write('a.wav', waveFile({ bits: 16, data: pcm16(Array.from({ length: 12 }, (_, k) => k + 1)) }));
    const cut = await run(file, { all: { kind: 'file', path: wave, frame: 4, context: 2 }, stream });
    assert.deepEqual(
      Array.from(cut.outputs.seen!.data as Float32Array, (each) => Math.round(each * 32768)),
      [0, 0, 1, 2, 3, 4, 3, 4, 5, 6, 7, 8, 7, 8, 9, 10, 11, 12],
    );
  });

  it('take one file for several inputs: the rest is zero, which is said', async () => {
    const graph = graphOf([node('Add', ['x', 'h0'], ['y'])], {
      input: [valueInfo('x', 'float32', ['T', 2]), valueInfo('h0', 'float32', [1, 2])],
      output: [valueInfo('y', 'float32', ['T', 2])],
    });
    const file = folder.write('two.onnx', encodeModel(modelOf(graph)));
    const path = folder.write('one.npy', floats([2, 2], Float32Array.of(1, 2, 3, 4)));
    const { outputs, remarks } = await run(file, { all: { kind: 'file', path } });
    assert.deepEqual(Array.from(outputs.y!.data, Number), [1, 2, 3, 4]);
    assert.deepEqual(remarks, ['Zeros are fed to h0; the file is for x.']);
    const own = await run(file, { all: { kind: 'file', path }, inputs: { h0: { kind: 'constant', value: 1 } } });
    assert.deepEqual([Array.from(own.outputs.y!.data, Number), own.remarks], [[2, 3, 4, 5], []]);
  });

  it('say of each layer which lines made it', async () => {
    const [I, H] = [2, 2];
    const layer = (k: number, from: string): NodeProto[] => [
      node('LSTM', [from, 'W', 'R'], [`Y${k}`], [attribute('hidden_size', H)], {
        name: `lstm${k}`,
        metadata_props: [{ key: 'pkg.torch.onnx.stack_trace', value: `File "net.py", line ${10 + k}, in forward\n    y = self.l${k}(x)` }],
      }),
      node('Squeeze', [`Y${k}`, 'axis'], [`y${k}`]),
    ];
    const ramp = (dims: readonly number[], name: string) =>
      tensorProto(
        'float32',
        dims,
        Float32Array.from({ length: dims.reduce((a, b) => a * b) }, (_, k) => Math.sin(k)),
        name,
      );
    const graph = graphOf([...layer(0, 'x'), ...layer(1, 'y0')], {
      initializer: [ramp([1, 4 * H, I], 'W'), ramp([1, 4 * H, H], 'R'), tensorProto('int64', [1], [1], 'axis')],
      input: [valueInfo('x', 'float32', ['T', 1, I])],
      output: [valueInfo('y1', 'float32')],
    });
    const file = folder.write('layers.onnx', encodeModel(modelOf(graph)));
    const model = await ForeignModel.open(file, runtime);
    const [part] = model.info.parts;
    await model.release();
    assert.deepEqual(part!.names.length, 2);
    assert.deepEqual(
      part!.sources.map((lines) => lines.map(({ line, text }) => [line, text])),
      [[[10, 'y = self.l0(x)']], [[11, 'y = self.l1(x)']]],
    );
    assert.deepEqual(part!.source, part!.sources[0]);
  });
});
