import assert from 'node:assert/strict';
import { unzipSync } from 'fflate';
import { npy, npz } from '../../src/data/npz.ts';

describe('npz', () => {
  it('writes the header of NumPy, aligned to 64 bytes', () => {
    const file = npy({ shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) });
    assert.equal(Buffer.from(file.subarray(0, 8)).toString('latin1'), '\x93NUMPY\x01\x00');
    const length = file[8]! + 256 * file[9]!;
    assert.equal((10 + length) % 64, 0);
    assert.match(
      Buffer.from(file.subarray(10, 10 + length)).toString('latin1'),
      /^\{'descr': '<f4', 'fortran_order': False, 'shape': \(2, 3\), \} *\n$/,
    );
    assert.deepEqual([...new Float32Array(file.slice(10 + length).buffer)], [1, 2, 3, 4, 5, 6]);
  });

  it('writes shapes of one dimension and of none as Python does', () => {
    const header = (shape: number[], data: Int32Array): string => Buffer.from(npy({ shape, data }).subarray(10, 74)).toString('latin1');
    assert.match(header([1], Int32Array.of(1)), /'<i4'.*'shape': \(1,\)/);
    assert.match(header([], Int32Array.of(1)), /'shape': \(\)/);
  });

  it('keeps arrays under their names', async () => {
    const parts: Uint8Array[] = [];
    for await (const part of npz([['h/f.gradient', { shape: [1], data: Float64Array.of(0.5) }]])) parts.push(part);
    const files = unzipSync(Buffer.concat(parts));
    assert.deepEqual(Object.keys(files), ['h/f.gradient.npy']);
    assert.deepEqual([...files['h/f.gradient.npy']!.subarray(-8)], [...new Uint8Array(Float64Array.of(0.5).buffer)]);
  });
});
