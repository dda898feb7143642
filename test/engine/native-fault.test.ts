// A native fault while a model of others runs: which model, and which of its nodes.

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createEngine, type Engine, type EngineError } from '../../src/engine/client.ts';
import { encodeModel, type NodeProto } from '../../src/onnx/proto.ts';
import { attribute, tensorProto, valueInfo } from '../../src/onnx/write.ts';

describe('a native fault of the engine', function () {
  this.timeout(30_000);
  let folder: string;
  let engine: Engine;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unroll-fault-'));
    engine = createEngine({ entry: fileURLToPath(new URL('./dying-process.ts', import.meta.url)) });
  });
  after(async () => {
    await engine.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  async function modelWith(operator: string): Promise<string> {
    const one = (op_type: string, input: string[], output: string, name: string, more: NodeProto['attribute'] = []): NodeProto => ({
      op_type,
      name,
      input,
      output: [output],
      attribute: more,
    });
    const path = join(folder, `${operator.toLowerCase()}.onnx`);
    const graph = {
      name: 'g',
      node: [
        one('MatMul', ['x', 'W'], 'a', '/net/first'),
        one('Reshape', ['a', 'shape'], 'b', '/net/reshape'),
        one(operator, ['b'], 'c', '/net/odd'),
        one('Concat', ['c', 'b'], 'y', '/net/join', [attribute('axis', 0)]),
      ],
      initializer: [tensorProto('float32', [3, 4], new Array(12).fill(0.5), 'W'), tensorProto('int64', [1], [-1], 'shape')],
      input: [valueInfo('x', 'float32', ['T', 3])],
      output: [valueInfo('y', 'float32')],
    };
    await writeFile(path, encodeModel({ ir_version: 8, opset_import: [{ domain: '', version: 14 }], graph }));
    return path;
  }

  const all = { all: { kind: 'random', seed: 1 } } as const;

  it('names the model and the node at which it ends again', async () => {
    const file = await modelWith('Softplus');
    const requests = [
      () => engine.request('verify', { file, seed: 1 }),
      () => engine.request('traceForeign', { file, out: join(folder, 'a.npz'), input: all }),
      () => engine.openTrace({ source: { kind: 'onnx', file }, sequence: { kind: 'given', input: { ...all, dimensions: { T: 2 } } } }),
    ];
    for (const request of requests)
      await assert.rejects(request(), (error: EngineError) => {
        assert.equal(error.code, 'engine-died');
        assert.match(error.message, /was ended by signal SIGSEGV/);
        assert.match(error.message, /It was at work on softplus\.onnx\. Run again node by node, it ended at Softplus “\/net\/odd”\.$/);
        return true;
      });
  });

  it('says so where no node alone does it', async () => {
    const file = await modelWith('Erf');
    await assert.rejects(
      engine.request('verify', { file, seed: 1 }),
      /erf\.onnx\. Run again node by node, it came to its end: the fault lies/,
    );
  });

  it('is how a model ends that takes more memory than it may: it says so, and which node', async () => {
    const bounded = createEngine({
      entry: fileURLToPath(new URL('../../src/engine/process.ts', import.meta.url)),
      environment: { UNROLL_MEMORY: '300' },
    });
    const file = join(folder, 'large.onnx');
    const graph = {
      name: 'g',
      node: [
        { op_type: 'Neg', name: '/small', input: ['x'], output: ['a'], attribute: [] },
        { op_type: 'Expand', name: '/large', input: ['a', 'shape'], output: ['b'], attribute: [] },
        { op_type: 'ReduceSum', name: '/sum', input: ['b'], output: ['y'], attribute: [] },
      ],
      initializer: [tensorProto('int64', [2], [2 ** 28, 1], 'shape')],
      input: [valueInfo('x', 'float32', [1, 1])],
      output: [valueInfo('y', 'float32')],
    };
    await writeFile(file, encodeModel({ ir_version: 8, opset_import: [{ domain: '', version: 14 }], graph }));
    try {
      await assert.rejects(bounded.request('verify', { file, seed: 1 }), (error: EngineError) => {
        assert.equal(error.code, 'engine-died');
        assert.match(
          error.message,
          /It said last: It took more than 0\.\d GiB of memory; the environment's UNROLL_MEMORY, in MiB, allows more\./,
        );
        assert.match(error.message, /It was at work on large\.onnx\. Run again node by node, it ended at Expand “\/large”\.$/);
        return true;
      });
    } finally {
      await bounded.dispose();
    }
  });

  it('leaves the engine as it was for what comes next', async () => {
    const file = await modelWith('Softplus');
    await assert.rejects(engine.request('verify', { file, seed: 1 }), { code: 'engine-died' });
    assert.deepEqual((await engine.request('verify', { file: await modelWith('Tanh'), seed: 1 })).parity, []);
  });
});
