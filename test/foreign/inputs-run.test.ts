// Inputs of every type, as a model file names them, fed to the runtime.

import assert from 'node:assert/strict';
import { framesOf } from '../../src/foreign/inputs/calls.ts';
import { readInputs } from '../../src/foreign/inputs/read.ts';
import { streamRun } from '../../src/foreign/streaming/run.ts';
import { modelInfo } from '../../src/onnx/operators.ts';
import { encodeModel, type ValueInfo } from '../../src/onnx/proto.ts';
import { attribute, valueInfo } from '../../src/onnx/write.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import { type Folder, makeFolder } from './input-files.ts';

/** TensorProto.DataType */
const types = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
} as const;

/** Each input as float64 under another name, and the halves as they are. */
function casts(): Uint8Array {
  const names = Object.keys(types) as (keyof typeof types)[];
  const input = (name: keyof typeof types): ValueInfo => ({
    name,
    type: { tensor_type: { elem_type: types[name], shape: { dim: [{ dim_value: 1 }, { dim_param: 'T' }] } } },
  });
  return encodeModel({
    ir_version: 9,
    opset_import: [{ domain: '', version: 17 }],
    graph: {
      name: 'casts',
      node: [
        ...names.map((name) => ({ op_type: 'Cast', input: [name], output: [`${name}_out`], attribute: [attribute('to', types.float64)] })),
        { op_type: 'Identity', input: ['float16'], output: ['same'], attribute: [] },
      ],
      initializer: [],
      input: names.map(input),
      output: [...names.map((name) => valueInfo(`${name}_out`, 'float64', [1, 'T'])), { ...input('float16'), name: 'same' }],
    },
  });
}

describe('inputs of every type', () => {
  let folder: Folder;
  beforeEach(() => {
    folder = makeFolder();
  });
  afterEach(() => folder.remove());

  it('arrive in the runtime as they were read', async () => {
    const bytes = casts();
    const { inputs: ports } = modelInfo(bytes);
    assert.deepEqual(
      ports.map(({ name, type }) => name === type),
      ports.map(() => true),
    );
    const path = folder.write(
      'x.json',
      JSON.stringify(Object.fromEntries(ports.map(({ name }, k) => [name, name === 'bool' ? [1, 0, 1] : [k, 1, 100]]))),
    );
    const session = await createRuntime().open(bytes, { device: 'cpu', threads: 1 });
    try {
      for (const choices of [{ all: { kind: 'file', path } }, { all: { kind: 'random', seed: 3 }, dimensions: { T: 50 } }] as const) {
        const { inputs } = await readInputs(ports, choices);
        const outputs = await session.compute(inputs);
        assert.deepEqual(outputs.same, inputs.float16);
        for (const { name } of ports)
          assert.deepEqual(Array.from(outputs[`${name}_out`]!.data as Float64Array), Array.from(framesOf(inputs[name]!).data), name);
      }
    } finally {
      await session.release();
    }
  });

  it('are streamed, with states of their types', async () => {
    const path = folder.write('x.csv', '1,2\n3,4\n5,6.5\n');
    for (const type of ['float32', 'float16', 'int64'] as const) {
      const bytes = sums(type);
      const { inputs: ports } = modelInfo(bytes);
      const session = await createRuntime().open(bytes, { device: 'cpu', threads: 1 });
      try {
        const isWhole = type === 'int64';
        const frames = isWhole ? folder.write('x.csv', '1,2\n3,4\n5,6\n') : path;
        const { inputs } = await readInputs(ports.slice(0, 1), { all: { kind: 'file', path: frames, stream: true } });
        const dims = [1, 2];
        const described = {
          inputs: ports.map((each) => ({ ...each, dims })),
          outputs: ['y', 'next'].map((name) => ({ name, type, dims })),
        };
        const rule = { frames: [{ input: 'x' }], state: [{ input: 's', output: 'next', initial: 1 }], constants: {} } as const;
        const sums: number[][] = [];
        for await (const { outputs } of streamRun(session, rule, framesOf(inputs.x!), described))
          sums.push(Array.from(framesOf(outputs.y!).data));
        assert.deepEqual(
          sums,
          [
            [2, 3],
            [5, 7],
            [10, isWhole ? 13 : 13.5],
          ],
          type,
        );
      } finally {
        await session.release();
      }
    }
  });
});

/** y = next = x + s. */
function sums(type: keyof typeof types): Uint8Array {
  const value = (name: string): ValueInfo => ({
    name,
    type: { tensor_type: { elem_type: types[type], shape: { dim: [{ dim_value: 1 }, { dim_value: 2 }] } } },
  });
  return encodeModel({
    ir_version: 9,
    opset_import: [{ domain: '', version: 17 }],
    graph: {
      name: 'sums',
      node: [
        { op_type: 'Add', input: ['x', 's'], output: ['y'], attribute: [] },
        { op_type: 'Identity', input: ['y'], output: ['next'], attribute: [] },
      ],
      initializer: [],
      input: [value('x'), value('s')],
      output: [value('y'), value('next')],
    },
  });
}
