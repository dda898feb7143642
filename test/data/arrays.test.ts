// Arrays of NumPy: every type, order of bytes and axes; what they are to a model.

import assert from 'node:assert/strict';
import { zipSync } from 'fflate';
import { columnsOf } from '../../src/data/columns.ts';
import { loadDataset } from '../../src/data/load.ts';
import { parse } from '../../src/data/npy-read.ts';
import { npy } from '../../src/data/npz.ts';
import { arrays, type Folder, faultOf, input, makeFolder } from './sources.ts';

/** A .npy file of a type, as NumPy writes it. */
function file(descr: string, shape: string, bytes: Uint8Array, { fortran = false, version = 1 } = {}): Uint8Array {
  const header = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${shape}), }\n`;
  const length = version === 1 ? [header.length & 255, header.length >> 8] : [header.length & 255, header.length >> 8, 0, 0];
  return Uint8Array.from([0x93, ...Buffer.from('NUMPY'), version, 0, ...length, ...Buffer.from(header, 'latin1'), ...bytes]);
}

const bytesOf = (size: number, count: number, write: (view: DataView, at: number, k: number) => void): Uint8Array => {
  const bytes = new Uint8Array(size * count);
  const view = new DataView(bytes.buffer);
  for (let k = 0; k < count; k += 1) write(view, k * size, k);
  return bytes;
};

const npz = (content: Readonly<Record<string, Uint8Array>>): Uint8Array =>
  zipSync(Object.fromEntries(Object.entries(content).map(([name, bytes]) => [`${name}.npy`, bytes])));

describe('arrays', () => {
  let folder: Folder;
  beforeEach(() => {
    folder = makeFolder();
  });
  afterEach(() => folder.remove());

  it('reads every type of numbers, in either order of bytes', () => {
    const cases: readonly (readonly [string, Uint8Array])[] = [
      ['<f2', Uint8Array.of(0x00, 0x3c, 0x00, 0xc0)],
      ['>f4', bytesOf(4, 2, (view, at, k) => view.setFloat32(at, [1, -2][k]!, false))],
      ['<f8', bytesOf(8, 2, (view, at, k) => view.setFloat64(at, [1, -2][k]!, true))],
      ['|i1', bytesOf(1, 2, (view, at, k) => view.setInt8(at, [1, -2][k]!))],
      ['>i2', bytesOf(2, 2, (view, at, k) => view.setInt16(at, [1, -2][k]!, false))],
      ['<i4', bytesOf(4, 2, (view, at, k) => view.setInt32(at, [1, -2][k]!, true))],
      ['<i8', bytesOf(8, 2, (view, at, k) => view.setBigInt64(at, [1n, -2n][k]!, true))],
    ];
    for (const [type, bytes] of cases) assert.deepEqual([...parse('x.npy', '', file(type, '2,', bytes)).data], [1, -2], type);
    const unsigned = [
      ['|u1', 1],
      ['<u2', 2],
      ['<u4', 4],
      ['<u8', 8],
      ['|b1', 1],
    ] as const;
    for (const [type, size] of unsigned) {
      const bytes = bytesOf(size, 2, (view, at) => view.setUint8(at, 1));
      assert.deepEqual([...parse('x.npy', '', file(type, '2,', bytes, { version: 2 })).data], [1, 1], type);
    }
    const half = parse('x.npy', '', file('<f2', '3,', Uint8Array.of(0x01, 0x00, 0x00, 0x7c, 0xff, 0x7b))).data;
    assert.deepEqual([...half], [2 ** -24, Number.POSITIVE_INFINITY, 65504]);
  });

  it('reads arrays by columns, and texts', () => {
    const columns = parse('x.npy', '', file('|u1', '2, 3', Uint8Array.of(1, 4, 2, 5, 3, 6), { fortran: true }));
    assert.deepEqual([...columns.data], [1, 2, 3, 4, 5, 6]);
    const texts = parse(
      'x.npy',
      '',
      file(
        '<U2',
        '2,',
        bytesOf(4, 4, (view, at, k) => view.setUint32(at, 'ab'.codePointAt(k) ?? 'é'.codePointAt(k - 2) ?? 0, true)),
        { version: 3 },
      ),
    );
    assert.deepEqual(texts.data, ['ab', 'é']);
  });

  it('gives each example its part of every array', async () => {
    const path = folder.write(
      'd.npz',
      npz({
        x: npy({ shape: [4, 2, 3], data: Float32Array.from({ length: 24 }, (_, k) => k) }),
        y: npy({ shape: [4], data: Int32Array.of(2, 0, 1, 2) }),
      }),
    );
    const data = await loadDataset(arrays(path, { bindings: { image: 'x', digit: 'y' } }), [
      input('image: [2, 3]'),
      input('= digit: one of Digit'),
    ]);
    assert.deepEqual([...data.parts.training.example(1).inputs.image!], [6, 7, 8, 9, 10, 11]);
    assert.deepEqual([...data.parts.training.example(3).inputs.digit!], [2]);
    assert.deepEqual(data.vocabularies.Digit!.tokens, ['0', '1', '2']);
    const steps = await loadDataset(arrays(path, { bindings: { x: 'x', y: 'y' } }), [input('x: [T, Measure]'), input('= y: one of Y')]);
    assert.deepEqual([steps.sizes, steps.parts.training.example(0).lengths], [{ Measure: 3 }, { T: 2 }]);
  });

  it('takes the one array of a .npy file, and tells the names of an archive without reading it', async () => {
    const path = folder.write('x.npy', npy({ shape: [3, 4, 1], data: new Float32Array(12) }));
    assert.equal((await loadDataset(arrays(path), [input('next signal: [T, 1]')])).parts.training.size, 3);
    const archive = folder.write(
      'd.npz',
      npz({ images: npy({ shape: [1], data: new Float32Array(1) }), labels: npy({ shape: [1], data: new Int32Array(1) }) }),
    );
    assert.deepEqual(
      (await columnsOf(archive)).map(({ name }) => name),
      ['images', 'labels'],
    );
  });

  it('counts no class below 0 where it is compared with', async () => {
    const x = npy({ shape: [4, 2], data: new Float32Array(8) });
    const path = folder.write('t.npz', npz({ x, y: npy({ shape: [4, 2], data: Int32Array.of(1, -1, 0, -1, 2, 1, 0, -100) }) }));
    const data = await loadDataset(arrays(path), [input('x: [T]'), input('= y: [T] of Tag')]);
    assert.deepEqual(data.vocabularies.Tag!.tokens, ['0', '1', '2']);
    assert.deepEqual([...data.parts.training.example(0).inputs.y!], [1, -1]);
    assert.deepEqual(data.remarks, ['3 classes of y below 0 count nowhere.']);
  });

  it('says what does not fit, and what cannot be read', async () => {
    const x = npy({ shape: [4, 5], data: new Float32Array(20) });
    const path = folder.write(
      'd.npz',
      npz({ x, y: npy({ shape: [3], data: Int32Array.of(0, 1, 0) }), o: file('|O', '2,', Uint8Array.of(0, 0)) }),
    );
    const fault = (
      bindings: Readonly<Record<string, string>>,
      shapes = [input('x: [5]'), input('= y: one of Y')],
      at = path,
    ): Promise<string> => faultOf(() => loadDataset(arrays(at, { bindings }), shapes), folder);
    assert.match(await fault({}), /^data: The arrays of d.npz hold different numbers of examples: x 4, y 3/);
    assert.match(await fault({ x: 'z' }), /^columns: d.npz has no array `z` for the input x\. It has x, y, o/);
    assert.match(
      await fault({}, [input('x: [6]')]),
      /^columns: The array x of d.npz has examples of the shape \[5\]; the input x is \[6\]/,
    );
    const odd = (value: number): Promise<string> =>
      fault({}, [input('x: [2]')], folder.write('x.npy', npy({ shape: [2, 2], data: Float32Array.of(1, value, 2, value) })));
    assert.match(await odd(Number.POSITIVE_INFINITY), /^data: x of x.npy cannot be read: it holds infinite numbers\. Replace them/);
    assert.match(
      await odd(Number.NaN),
      /^data: x of x.npy cannot be read: all its numbers of the training part, or of one feature of it, are NaN/,
    );
    assert.match(await fault({ x: 'o' }, [input('x: [6]')]), /^data: o of d.npz cannot be read: it holds Python objects/);
    assert.match(await fault({}, [input('x: [5]')], folder.write('cut.npz', npz({ x }).subarray(0, 60))), /^data: cut.npz cannot be read/);
    assert.match(
      await fault({}, [input('x: [5]')], folder.write('x.npy', x.subarray(0, 100))),
      /^data: x.npy cannot be read: it was cut short/,
    );
    assert.match(
      await fault({}, [input('x: [5]')], folder.write('x.npy', 'hello, this is text')),
      /^data: x.npy cannot be read: it is no NumPy array/,
    );
  });
});
