import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ModelFileError } from '../../src/onnx/file/error.ts';
import { type ModelFile, modelFileOf, openModelFile } from '../../src/onnx/file/open.ts';
import { describeModel, modelInfo } from '../../src/onnx/operators.ts';
import { decodeModel, encodeModel, type ModelProto, type TypeProto } from '../../src/onnx/proto.ts';
import { field, functionModel, graphOf, modelOf, nestedModel, node, numberField, packed, recurrentModel, type } from './models.ts';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unroll-reading-'));
});
after(() => rm(folder, { recursive: true }));

async function file(name: string, content: Uint8Array | string | ModelProto): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, typeof content === 'string' || content instanceof Uint8Array ? content : encodeModel(content));
  return path;
}

const opened = (bytes: Uint8Array): Promise<ModelFile> => modelFileOf(join(folder, 'm.onnx'), bytes);
const refuses = (bytes: Uint8Array, message: RegExp): Promise<void> =>
  assert.rejects(opened(bytes), (error) => error instanceof ModelFileError && message.test(error.message));

describe('files that are no model', () => {
  const cases: Readonly<Record<string, readonly [Uint8Array | string, RegExp]>> = {
    empty: ['', /no ONNX model: the file is empty/],
    text: ['hello', /m\.onnx is no ONNX model, or it is damaged: a field is of wire type 4 at byte 3/],
    'a pointer of Git LFS': ['version https://git-lfs.github.com/spec/v1\n', /pointer of Git LFS.*git lfs pull/],
    'a web page': ['<!DOCTYPE html><html>', /web page/],
    'an archive': [Buffer.from('PK\x03\x04rest', 'latin1'), /zip archive/],
    "onnxruntime's own": [Buffer.from('\x20\0\0\0ORTMxxxx', 'latin1'), /\.ort/],
    'without a graph': [encodeModel({ ...modelOf(graphOf([])), graph: undefined as never }), /it has no graph/],
  };
  for (const [name, [content, message]] of Object.entries(cases))
    it(name, () => refuses(typeof content === 'string' ? Buffer.from(content) : content, message));

  it('a file that is not there, a folder, one that is too large', async () => {
    await assert.rejects(openModelFile(join(folder, 'nowhere.onnx')), /There is no file .*nowhere\.onnx that can be read/);
    await assert.rejects(openModelFile(folder), /is no file/);
    await assert.rejects(openModelFile(await file('h.onnx', recurrentModel()), { file: 100 }), /has \d+ bytes, and at most 100 are read/);
  });

  it('says where the bytes go wrong', async () => {
    const node = [field(1, 'x'), field(4, 'Relu')];
    await refuses(
      field(7, [field(1, node), field(1, [Buffer.from([0x0a, 9, 65])])]),
      /cut short: at byte 17, 9 bytes .* in graph\.node\[1\]\.input\[0\]/,
    );
    await refuses(
      field(7, field(5, [numberField(2, 1), field(4, new Uint8Array(6))])),
      /6 bytes, which is no multiple of 4 in graph\.initializer\[0\]\.float_data/,
    );
    await refuses(field(7, field(1, Buffer.from([0x08 | 3, 1]))), /wire type 3/);
    await refuses(Buffer.from([8, ...Array.from({ length: 11 }, () => 255)]), /more than ten bytes/);
  });
});

describe('what hostile files cost', () => {
  it('bodies in bodies are read as deep as onnxruntime reads them, and refused beyond', async () => {
    const nested = (depth: number): Buffer => {
      let graph: Uint8Array[] = [field(1, field(4, 'Relu'))];
      for (let k = 0; k < depth; k += 1) graph = [field(1, [field(4, 'If'), field(5, [field(1, 'b'), field(6, graph)])])];
      return field(7, graph);
    };
    const { structure } = await opened(nested(30));
    assert.equal(structure.graphs.length, 31);
    await refuses(
      nested(40),
      /m\.onnx is not read: more than 33 bodies .* lie in each other in graph\.node\[0\]\.attribute\[0\]\.g\.….*\. Export it with fewer\.$/,
    );
    await refuses(nested(1000), /more than 33 bodies/);
  });

  it('a hundred thousand types in each other are refused', async () => {
    // Written from the inside out, each length known before.
    const layers: number[][] = [];
    let length = 0;
    for (let k = 0; k < 100_000; k += 1) {
      for (const tag of [0x0a, 0x22]) {
        const head = [tag, ...lengthOf(length)];
        layers.push(head);
        length += head.length;
      }
    }
    const type = Buffer.from(layers.reverse().flat());
    await refuses(field(7, field(11, field(2, type))), /lie in each other/);
  });

  it('many small parts are refused before they fill the memory', async () => {
    const many = Buffer.alloc(4_000_000, Buffer.from([0x0a, 0]));
    const start = performance.now();
    await assert.rejects(
      modelFileOf('m.onnx', field(7, many), { memory: 2 ** 24 }),
      /would take more than 16 MiB of memory in graph\.node\[\d+\]/,
    );
    const ones = field(7, field(5, [type(7), packed(7, [1]), field(7, Buffer.alloc(4_000_000, 1))]));
    await assert.rejects(modelFileOf('m.onnx', ones, { memory: 2 ** 24 }), /more than 16 MiB .*initializer\[0\]\.int64_data/);
    assert.ok(performance.now() - start < 5000);
  });

  it('the values of a large file are read where they lie', async () => {
    const values = new Uint8Array(64 * 2 ** 20);
    const typed = encodeModel(modelOf(graphOf([], { initializer: [{ name: 'w', data_type: 1, dims: [2 ** 24], raw_data: values }] })));
    // The same bytes as raw_data (field 9) and as float_data (field 4).
    const listed = Buffer.from(typed);
    const at = listed.findIndex((byte, k) => byte === 0x4a && listed[k + 1] === 0x80 && listed[k + 2] === 0x80);
    listed[at] = 0x22;
    for (const bytes of [typed, listed]) {
      const before = process.memoryUsage().arrayBuffers;
      const found = await opened(bytes);
      assert.equal(found.model.graph.initializer[0]!.raw_data!.buffer, bytes.buffer);
      assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 20);
    }
  });
});

/** The varint of a length. */
const lengthOf = (length: number): number[] => [...numberField(0, length).subarray(1)];

describe('what a model file says of itself', () => {
  it('inputs, defaults, versions, functions and metadata', () => {
    const info = modelInfo(encodeModel(recurrentModel()));
    assert.deepEqual(info.inputs, [{ name: 'x', type: 'float32', shape: ['T', 2, 3] }]);
    assert.deepEqual(info.defaults, [{ name: 'h0', type: 'float32', shape: [1, 2, 4] }]);
    assert.deepEqual([info.producer, info.producerVersion, info.irVersion, info.metadata], ['test', '1.2', 8, { author: 'someone' }]);
    assert.deepEqual(modelInfo(encodeModel({ ...recurrentModel(), ir_version: 3 })).defaults, []);
    const called = modelInfo(encodeModel(functionModel()));
    assert.deepEqual(called.functions, ['mine.Gate']);
    assert.deepEqual(called.operators, { Constant: 1, LeakyRelu: 1, MatMul: 1, 'custom.ops.Whirl': 1, 'mine.Gate': 1 });
    assert.deepEqual(modelInfo(encodeModel(nestedModel())).operators, {
      Add: 2,
      Identity: 1,
      If: 2,
      Loop: 1,
      Mul: 1,
      Relu: 2,
      Scan: 1,
      Tanh: 1,
    });
  });

  it('types and shapes of every kind', () => {
    const float: TypeProto = { tensor_type: { elem_type: 1, shape: { dim: [{ dim_value: 2 }] } } };
    const types: Readonly<Record<string, readonly [TypeProto | undefined, string, (string | number)[]?]>> = {
      half: [
        { tensor_type: { elem_type: 10, shape: { dim: [{ dim_value: 0 }, { dim_value: -1 }, {}, { dim_param: '' }] } } },
        'float16',
        [0, '?', '?', '?'],
      ],
      named: [
        { tensor_type: { elem_type: 16, shape: { dim: [{ dim_param: 'None' }, { dim_param: '?' }, { dim_param: 'N::1/2' }] } } },
        'bfloat16',
        ['?', '?', 'N::1/2'],
      ],
      scalar: [{ tensor_type: { elem_type: 8, shape: { dim: [] } } }, 'string', []],
      rankless: [{ tensor_type: { elem_type: 12 } }, 'uint32'],
      list: [{ sequence_type: { elem_type: float } }, 'sequence of float32 [2]'],
      maybe: [{ optional_type: { elem_type: { sequence_type: { elem_type: float } } } }, 'optional sequence of float32 [2]'],
      table: [{ map_type: { key_type: 7, value_type: { tensor_type: { elem_type: 11 } } } }, 'map from int64 to float64'],
      sparse: [{ sparse_tensor_type: { elem_type: 1, shape: { dim: [] } } }, 'sparse float32', []],
      eight: [{ tensor_type: { elem_type: 17 } }, 'float8e4m3fn'],
      unknown: [{ tensor_type: { elem_type: 200 } }, 'type 200'],
      absent: [undefined, 'type ?'],
    };
    const input = Object.entries(types).map(([name, [given]]) => ({ name, ...(given === undefined ? {} : { type: given }) }));
    const model = decodeModel(encodeModel(modelOf(graphOf([node('Relu', ['half'], ['y'])], { input }))));
    assert.deepEqual(
      describeModel(model, 1).inputs,
      Object.entries(types).map(([name, [, expected, shape]]) => ({ name, type: expected, ...(shape === undefined ? {} : { shape }) })),
    );
  });

  it('the largest integers stay so when a model is encoded again', () => {
    const ends = [2 ** 63, -(2 ** 63), -1, 5];
    const bytes = field(
      7,
      field(1, field(5, [numberField(8, 2n ** 63n - 1n), ...[-(2n ** 63n), -1n, 5].map((end) => numberField(8, end))])),
    );
    const again = decodeModel(encodeModel(decodeModel(bytes)));
    const found = again.graph.node[0]!.attribute[0]!.ints!;
    assert.deepEqual(
      found.map((end) => Math.round(end / 2 ** 20)),
      ends.map((end) => Math.round(end / 2 ** 20)),
    );
    assert.ok(found[0]! < 2 ** 63);
  });
});
