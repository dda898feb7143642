import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ModelFileError } from '../../src/onnx/file/error.ts';
import { type ModelFile, modelFileOf, openModelFile } from '../../src/onnx/file/open.ts';
import { describeModel, modelInfo } from '../../src/onnx/operators.ts';
import { decodeModel, encodeModel, type ModelProto, type TensorProto, type TypeProto } from '../../src/onnx/proto.ts';
import { attribute, tensorProto } from '../../src/onnx/write.ts';
import { field, functionModel, graphOf, modelOf, nestedModel, node, numberField, recurrentModel } from './models.ts';

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

/** A model of one tensor, whose fields are given as bytes. */
const held = (...fields: Uint8Array[]): Buffer => Buffer.concat([numberField(1, 8), field(7, field(5, [...fields, field(8, 't')]))]);
const opened = (bytes: Uint8Array): Promise<ModelFile> => modelFileOf(join(folder, 'm.onnx'), bytes);
async function read(...fields: Uint8Array[]): Promise<unknown[]> {
  const model = await opened(held(...fields));
  const { type, shape, data } = await model.tensor(model.model.graph.initializer[0]!);
  return [type, shape, data.constructor.name, [...data]];
}
const refuses = (bytes: Uint8Array, message: RegExp): Promise<void> =>
  assert.rejects(opened(bytes), (error) => error instanceof ModelFileError && message.test(error.message));
const dims = (...sizes: (number | bigint)[]): Buffer => Buffer.concat(sizes.map((size) => numberField(1, size)));
const type = (number: number): Buffer => numberField(2, number);
const raw = (view: ArrayBufferView): Buffer => field(9, new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
const packed = (id: number, values: readonly (number | bigint)[]): Buffer =>
  field(
    id,
    values.map((value) => numberField(0, value).subarray(1)),
  );

describe('values of tensors', () => {
  const single = Float32Array.of(1.5, -2);
  const cases: Readonly<Record<string, readonly [Uint8Array[], unknown[]]>> = {
    'float32, raw': [
      [type(1), dims(2), raw(single)],
      ['float32', [2], 'Float32Array', [1.5, -2]],
    ],
    'float32, packed': [
      [type(1), dims(1, 2), field(4, new Uint8Array(single.buffer))],
      ['float32', [1, 2], 'Float32Array', [1.5, -2]],
    ],
    'float32, in two pieces, before its type': [
      [field(4, new Uint8Array(single.buffer, 0, 4)), field(4, new Uint8Array(single.buffer, 4)), type(1), dims(2)],
      ['float32', [2], 'Float32Array', [1.5, -2]],
    ],
    'float32, one by one': [
      [Buffer.from([0x25, 0, 0, 0xc0, 0x3f]), Buffer.from([0x25, 0, 0, 0, 0xc0]), type(1), dims(2)],
      ['float32', [2], 'Float32Array', [1.5, -2]],
    ],
    'float64, raw': [
      [type(11), dims(1), raw(Float64Array.of(0.1))],
      ['float64', [1], 'Float64Array', [0.1]],
    ],
    'float64, packed': [
      [type(11), dims(1), field(10, new Uint8Array(Float64Array.of(0.1).buffer))],
      ['float64', [1], 'Float64Array', [0.1]],
    ],
    'float16, raw': [
      [type(10), dims(6), raw(Uint16Array.of(0x3c00, 0xc000, 1, 0x7c00, 0xfc00, 0x7bff))],
      ['float16', [6], 'Float32Array', [1, -2, 2 ** -24, Infinity, -Infinity, 65504]],
    ],
    'float16, in int32_data': [
      [type(10), dims(2), packed(5, [0x3c00, 0xc000])],
      ['float16', [2], 'Float32Array', [1, -2]],
    ],
    'bfloat16, raw': [
      [type(16), dims(2), raw(Uint16Array.of(0x3f80, 0xc040))],
      ['bfloat16', [2], 'Float32Array', [1, -3]],
    ],
    'bfloat16, in int32_data': [
      [type(16), dims(1), packed(5, [0x3f80])],
      ['bfloat16', [1], 'Float32Array', [1]],
    ],
    'int8, raw': [
      [type(3), dims(2), raw(Int8Array.of(-1, 127))],
      ['int8', [2], 'Int8Array', [-1, 127]],
    ],
    'int8, in int32_data': [
      [type(3), dims(2), packed(5, [-1n, 127])],
      ['int8', [2], 'Int8Array', [-1, 127]],
    ],
    'uint8, in int32_data': [
      [type(2), dims(2), packed(5, [0, 255])],
      ['uint8', [2], 'Uint8Array', [0, 255]],
    ],
    'int16, raw': [
      [type(5), dims(1), raw(Int16Array.of(-300))],
      ['int16', [1], 'Int16Array', [-300]],
    ],
    'uint16, in int32_data': [
      [type(4), dims(1), packed(5, [65535])],
      ['uint16', [1], 'Uint16Array', [65535]],
    ],
    'int32, in int32_data': [
      [type(6), dims(2), packed(5, [-7n, 2 ** 31 - 1])],
      ['int32', [2], 'Int32Array', [-7, 2 ** 31 - 1]],
    ],
    'uint32, in uint64_data': [
      [type(12), dims(1), packed(11, [2 ** 32 - 1])],
      ['uint32', [1], 'Uint32Array', [2 ** 32 - 1]],
    ],
    'int64, exact in int64_data': [
      [type(7), dims(4), packed(7, [-1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n])],
      ['int64', [4], 'BigInt64Array', [-1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n]],
    ],
    'int64, raw': [
      [type(7), dims(1), raw(BigInt64Array.of(-5n))],
      ['int64', [1], 'BigInt64Array', [-5n]],
    ],
    'uint64, one by one': [
      [type(13), dims(2), numberField(11, 2n ** 64n - 1n), numberField(11, 3)],
      ['uint64', [2], 'BigUint64Array', [2n ** 64n - 1n, 3n]],
    ],
    bool: [
      [type(9), dims(2), packed(5, [1, 0])],
      ['bool', [2], 'Uint8Array', [1, 0]],
    ],
    strings: [
      [type(8), dims(2), field(6, 'a'), field(6, 'ü')],
      ['string', [2], 'Array', ['a', 'ü']],
    ],
    'a scalar': [
      [type(1), raw(Float32Array.of(3))],
      ['float32', [], 'Float32Array', [3]],
    ],
    'of no elements': [
      [type(1), dims(2 ** 50, 0, 2 ** 50)],
      ['float32', [2 ** 50, 0, 2 ** 50], 'Float32Array', []],
    ],
  };
  for (const [name, [fields, expected]] of Object.entries(cases)) {
    it(name, async () => assert.deepEqual(await read(...fields), expected));
    it(`${name}, decoded and encoded again`, async () => {
      const again = await opened(encodeModel(decodeModel(held(...fields))));
      const { type: found, shape, data } = await again.tensor(again.model.graph.initializer[0]!);
      assert.deepEqual([found, shape, data.constructor.name, [...data]], expected);
    });
  }

  const faults: Readonly<Record<string, readonly [Uint8Array[], RegExp]>> = {
    'of more elements than any file has': [
      [type(1), dims(2n ** 60n)],
      /m\.onnx: t would be \[1152921504606847000\], more than any file holds\.$/,
    ],
    'of sizes whose product overflows': [[type(1), dims(2n ** 40n, 2n ** 40n, 2n ** 40n)], /more than any file holds/],
    'of many elements and no bytes': [[type(1), dims(1e12)], /t is float32 \[1000000000000\] and has 0 bytes instead of 4000000000000/],
    'of a size below 0': [[type(1), dims(-1n), raw(single)], /t is \[-1\]: a size is below 0/],
    'of too few bytes': [[type(1), dims(3), raw(single)], /t is float32 \[3\] and has 8 bytes instead of 12/],
    'of too few strings': [[type(8), dims(3), field(6, 'a')], /has 1 strings instead of 3/],
    'with its numbers in the wrong field': [
      [type(7), dims(2), field(4, new Uint8Array(single.buffer))],
      /is int64 and keeps its numbers in float_data/,
    ],
    'in segments': [[type(1), dims(2), raw(single), field(3, numberField(1, 0))], /in segments, which is not supported/],
    'of no type': [[dims(1), raw(single)], /is type 0, which is not supported/],
    'of a type that is none': [[type(77), dims(1), raw(single)], /is type 77, which is not supported/],
    'of thousands of dimensions': [[type(1), dims(...Array.from({ length: 5000 }, () => 1)), raw(single)], /has 5000 dimensions/],
  };
  for (const [name, [fields, message]] of Object.entries(faults))
    it(`${name}: a fault of the tensor and a remark on the model`, async () => {
      await assert.rejects(read(...fields), (error) => error instanceof ModelFileError && message.test(error.message));
      const { remarks } = await opened(held(...fields));
      assert.ok(
        remarks.some((remark) => /\bt\b/.test(remark)),
        remarks.join('\n'),
      );
    });

  it('types that are not supported are named with their places, and the rest is read', async () => {
    const odd = { 17: 'float8e4m3fn', 20: 'float8e5m2fnuz', 21: 'uint4', 22: 'int4', 23: 'float4e2m1', 14: 'complex64', 15: 'complex128' };
    const tensors = Object.entries(odd).map(
      ([number, name]): TensorProto => ({ name, data_type: Number(number), dims: [2], raw_data: new Uint8Array(1) }),
    );
    const body = graphOf([node('Identity', ['inner'], ['o'])], { initializer: [{ ...tensors[0]!, name: 'inner' }] });
    const model = await opened(
      encodeModel(
        modelOf(
          graphOf(
            [
              node('If', ['c'], ['y'], [attribute('then_branch', body)], { name: 'choose' }),
              node('Constant', [], ['k'], [attribute('value', tensors[0]!)]),
            ],
            { initializer: [...tensors, tensorProto('float32', [1], [4], 'fine')] },
          ),
        ),
      ),
    );
    for (const name of Object.values(odd))
      assert.ok(
        model.remarks.some((remark) => remark.includes(`${name}, which is not supported`)),
        name,
      );
    assert.match(
      model.remarks.join('\n'),
      /Values are not read of complex64, value of Constant \(node 1\) and inner of If "choose" then_branch: complex64, which/,
    );
    assert.deepEqual([...(await model.tensor(model.model.graph.initializer.at(-1)!)).data], [4]);
    await assert.rejects(model.tensor(tensors[5]!), /m\.onnx: int4 is int4, which is not supported/);
  });
});

describe('values in files beside the model', () => {
  const model = (location: string | undefined, more: Record<string, string> = {}, sizes = [2], elements = 1): ModelProto => {
    const entries = { ...(location === undefined ? {} : { location }), ...more };
    const external_data = Object.entries(entries).map(([key, value]) => ({ key, value }));
    return modelOf(graphOf([], { initializer: [{ name: 'w', data_type: elements, dims: sizes, data_location: 1, external_data }] }));
  };
  const value = async (path: string): Promise<unknown[]> => {
    const found = await openModelFile(path);
    return [...(await found.tensor(found.model.graph.initializer[0]!)).data];
  };
  before(async () => {
    await mkdir(join(folder, 'inner', 'deep'), { recursive: true });
    await writeFile(join(folder, 'w.bin'), new Uint8Array(Float32Array.of(0, 1.5, -2).buffer));
    await writeFile(join(folder, 'inner', 'deep', 'w.bin'), new Uint8Array(Float32Array.of(7, 8).buffer));
    await symlink(join(folder, 'w.bin'), join(folder, 'inner', 'out.bin'));
    await symlink(join('deep', 'w.bin'), join(folder, 'inner', 'in.bin'));
    await symlink(folder, join(folder, 'inner', 'up'));
  });

  it('are read where they lie', async () => {
    assert.deepEqual(await value(await file('a.onnx', model('w.bin', { offset: '4', length: '8' }))), [1.5, -2]);
    assert.deepEqual(await value(await file('b.onnx', model('w.bin', { offset: '4' }))), [1.5, -2]);
    assert.deepEqual(await value(await file('c.onnx', model('w.bin'))), [0, 1.5]);
    assert.deepEqual(await value(await file('inner/d.onnx', model('deep/w.bin'))), [7, 8]);
    assert.deepEqual(await value(await file('inner/e.onnx', model('./in.bin'))), [7, 8]);
    assert.deepEqual(await value(await file('f.onnx', model('w.bin', {}, [0]))), []);
  });

  const faults: Readonly<Record<string, readonly [ModelProto, RegExp]>> = {
    'above the folder': [model('../w.bin'), /m\.onnx keeps w in \.\.\/w\.bin, outside its folder; that is not read/],
    'above it by a detour': [model('deep/../../w.bin'), /outside its folder/],
    'at an absolute path': [model('/etc/hostname'), /outside its folder/],
    'at an absolute path of Windows': [model('C:\\w.bin'), /outside its folder/],
    'behind a link that leaves the folder': [model('out.bin'), /outside its folder/],
    'behind a folder that is such a link': [model('up/w.bin'), /outside its folder/],
    'in a file that is not there': [model('gone.bin'), /keeps w in gone\.bin, which is not there\. Copy it beside the model/],
    'in a folder': [model('deep'), /deep, which is no file/],
    'in a name that is none': [model('a\0b'), /which is no name of a file/],
    'in no file': [model(undefined), /does not say in which/],
    'behind the end': [model('in.bin', { offset: '4' }), /in\.bin is cut short: w has 8 bytes from 4 on, and the file ends at 8/],
    'far behind the end': [model('in.bin', { offset: '9007199254740991' }), /is cut short/],
    'at no number': [model('in.bin', { offset: '-4' }), /has -4 as offset of its values in in\.bin, which is no number of bytes/],
    'of a length that is none': [model('in.bin', { length: '0x8' }), /has 0x8 as length/],
    'of another length': [model('in.bin', { length: '4' }), /w has 4 bytes in in\.bin instead of 8/],
    'of more than there is': [model('in.bin', {}, [10 ** 9]), /is cut short/],
    'that are strings': [model('in.bin', {}, [2], 8), /strings outside of the model file/],
  };
  for (const [name, [content, message]] of Object.entries(faults))
    it(`${name}: refused, and a remark`, async () => {
      const path = await file('inner/m.onnx', content);
      await assert.rejects(value(path), (error) => error instanceof ModelFileError && message.test(error.message));
      const { remarks, external } = await openModelFile(path);
      assert.match(remarks.at(-1)!, /\bw\b.*\.$/);
      assert.equal(
        external.some(({ outside }) => outside),
        /outside its folder/.test(message.source),
      );
    });

  it('a limit holds for what one tensor has', async () => {
    const found = await openModelFile(await file('g.onnx', model('w.bin')), { tensor: 4 });
    await assert.rejects(found.tensor(found.model.graph.initializer[0]!), /has 8 bytes, and at most 4 are read/);
  });
});

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
