import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ModelFileError } from '../../src/onnx/file/error.ts';
import { type ModelFile, modelFileOf, openModelFile } from '../../src/onnx/file/open.ts';
import { decodeModel, encodeModel, type ModelProto, type TensorProto } from '../../src/onnx/proto.ts';
import { attribute, tensorProto } from '../../src/onnx/write.ts';
import { dims, field, graphOf, held, modelOf, node, numberField, packed, raw, recurrentModel, type } from './models.ts';

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
async function read(...fields: Uint8Array[]): Promise<unknown[]> {
  const model = await opened(held(...fields));
  const { type, shape, data } = await model.tensor(model.model.graph.initializer[0]!);
  return [type, shape, data.constructor.name, [...data]];
}

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

  it('of a tensor that was made in memory', async () => {
    const model = await opened(encodeModel(recurrentModel()));
    const half = await model.tensor({ data_type: 10, dims: [2], int32_data: [0x3c00, 0xc000] });
    assert.deepEqual([half.type, [...half.data]], ['float16', [1, -2]]);
    assert.deepEqual([...(await model.tensor({ data_type: 7, dims: [1], int64_data: [-3] })).data], [-3n]);
    await assert.rejects(
      model.tensor({ data_type: 1, dims: [2], float_data: [1] }),
      /a tensor without a name is float32 \[2\] and has 4 bytes instead of 8/,
    );
  });

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
