// Shapes of data, fitted to those of inputs; free dimensions; inputs that come from no file.

import assert from 'node:assert/strict';
import { fitted } from '../../src/foreign/inputs/fit.ts';
import { freeDimensions, Sizes } from '../../src/foreign/inputs/ports.ts';
import { readInputs } from '../../src/foreign/inputs/read.ts';
import type { InputChoice, InputChoices } from '../../src/shared/inputs.ts';
import { type Folder, faultOf, makeFolder, npyFile, npzFile, port, readOne } from './input-files.ts';

const zeros = (...shape: number[]): Uint8Array =>
  npyFile('<f4', `${shape.join(', ')},`, new Uint8Array(4 * shape.reduce((product, dim) => product * dim, 1)));

async function generated(text: string, choice: InputChoice, dimensions: Readonly<Record<string, number>> = {}): Promise<string> {
  const only = port(text);
  const { inputs } = await readInputs([only], { all: choice, dimensions });
  const { dims, data } = inputs[only.name]!;
  return `[${dims.join(', ')}] ${Array.from(data as ArrayLike<number | bigint>, String).join(' ')}`;
}

describe('inputs', () => {
  let folder: Folder;
  beforeEach(() => {
    folder = makeFolder();
  });
  afterEach(() => folder.remove());

  describe('shapes', () => {
    const cases: readonly (readonly [data: string, input: string, fitted: string])[] = [
      ['5, 3', '5, 3', '5, 3'],
      ['5, 3', 'T, 3', '5, 3'],
      ['5, 3', '1, T, 3', '1, 5, 3'],
      ['5, 3', 'batch, T, 3', '1, 5, 3'],
      ['5, 3', 'T, batch_size, 3', '5, 1, 3'],
      ['5, 3', 'T, 1, 3', '5, 1, 3'],
      ['5, 3', '?, ?, 3', '1, 5, 3'],
      ['1, 5, 3', 'T, 3', '5, 3'],
      ['5, 1, 3', 'T, 3', '5, 3'],
      ['5, 1, 3', '1, T, 3', '1, 5, 3'],
      ['5', 'T', '5'],
      ['5', '1, T, 1', '1, 5, 1'],
      ['5, 1', '1, T', '1, 5'],
      ['28, 28', '1, 1, 28, 28', '1, 1, 28, 28'],
      ['1', '', ''],
      ['', '1, 1', '1, 1'],
      ['2, 5, 3', 'B, T, 3', '2, 5, 3'],
      ['1, 1, 3', 'B, T, 3', '1, 1, 3'],
      ['5, 4', 'T, 3', 'no'],
      ['3, 5', 'T, 3', 'no'],
      ['5, 3', 'T', 'no'],
      ['2, 5, 3', '1, T, 3', 'no'],
    ];
    for (const [data, input, result] of cases)
      it(`[${data}] as [${input}]: ${result}`, () => {
        const only = port(`x: float32 [${input}]`);
        const dims = data === '' ? [] : data.split(', ').map(Number);
        const found = fitted(only, dims, new Sizes([only]));
        assert.equal(found === undefined ? 'no' : found.dims.join(', '), result);
      });

    it('are said, both of them, with what to change', async () => {
      const fault = (text: string, dimensions: Readonly<Record<string, number>>, ...shape: number[]): Promise<string> =>
        faultOf(readOne(text, folder.write('d.npy', zeros(...shape)), {}, dimensions));
      assert.equal(
        await fault('x: float32 [1, T, 3]', {}, 3, 5),
        'x is [1, T, 3], and d of d.npy is [3, 5]. Change the order of its axes, as with array.transpose(1, 0).',
      );
      assert.equal(
        await fault('x: float32 [1, 4]', {}, 7, 4),
        'x is [1, 4], and d of d.npy is [7, 4]. A model that is called once for each step takes it a part a call: choose to feed it as a stream.',
      );
      assert.equal(
        await fault('x: float32 [B, T, 3]', {}, 2, 5, 4),
        'x is [B, T, 3], and d of d.npy is [2, 5, 4]. Axis 2 has 4 instead of 3: choose data of that size.',
      );
      assert.equal(
        await fault('x: float32 [B, T, 3]', { T: 6 }, 2, 5, 3),
        'x is [B, 6, 3], and d of d.npy is [2, 5, 3]. Axis 1 has 5 instead of 6: choose data of that size, or change the sizes that were given.',
      );
      assert.equal(
        await fault('x: float32 [T, 3]', {}, 2, 5, 4, 2),
        'x is [T, 3], and d of d.npy is [2, 5, 4, 2]. It has 4 axes, and 2 are wanted, with 3 among their sizes.',
      );
    });

    it('of an input of any rank stay', async () => {
      assert.match(await readOne('x: float32', folder.write('d.npy', zeros(1, 2))), /^\[1, 2\]/);
    });

    it('are cut into calls where the model takes one step', async () => {
      const path = folder.write('d.npy', npyFile('<f4', '3, 2', Float32Array.of(1, 2, 3, 4, 5, 6).buffer));
      assert.equal(await readOne('x: float32 [1, 1, 2]', path, { stream: true }), '3 x [1, 1, 2] 1 2 3 4 5 6');
      assert.match(
        await faultOf(readOne('x: float32 [1, 1, 4]', path, { stream: true })),
        /^x is \[1, 1, 4\], and a part of d of d\.npy is \[2\]\. It is fed a part a call, along its first axis of 3\./,
      );
    });
  });

  describe('free dimensions', () => {
    const ports = ['x: float32 [batch, T, 3]', 'h: float32 [2, batch, 8]', 'n: int64 [batch]', 'u: float32 [None, ?]'].map(port);

    it('are asked for once', () => {
      assert.deepEqual(freeDimensions(ports), [
        {
          key: 'batch',
          uses: [
            { input: 'x', axis: 0 },
            { input: 'h', axis: 1 },
            { input: 'n', axis: 0 },
          ],
          suggestion: 1,
        },
        { key: 'T', uses: [{ input: 'x', axis: 1 }] },
        { key: 'u[0]', uses: [{ input: 'u', axis: 0 }] },
        { key: 'u[1]', uses: [{ input: 'u', axis: 1 }] },
      ]);
      const file = { kind: 'file', path: 'x.npy' } as const;
      assert.deepEqual(
        freeDimensions(ports, { all: { kind: 'zeros' }, inputs: { x: file }, dimensions: { 'u[1]': 4 } }).map(({ key }) => key),
        ['u[0]'],
      );
    });

    it('take the sizes of files, and go on to what is generated', async () => {
      const path = folder.write('x.npy', zeros(4, 7, 3));
      const { inputs, dimensions } = await readInputs(ports.slice(0, 3), {
        inputs: { x: { kind: 'file', path }, n: { kind: 'size', of: 'T' } },
        all: { kind: 'zeros' },
      });
      assert.deepEqual(Object.keys(inputs), ['x', 'h', 'n']);
      assert.deepEqual(inputs.h!.dims, [2, 4, 8]);
      assert.deepEqual(inputs.n!.data, BigInt64Array.of(7n, 7n, 7n, 7n));
      assert.deepEqual(dimensions, { batch: 4, T: 7 });
    });

    it('that files have in several sizes are remarked', async () => {
      const path = folder.write('d.npz', npzFile({ x: zeros(1, 7, 3), y: zeros(1, 8, 3) }));
      const { remarks } = await readInputs([port('x: float32 [B, T, 3]'), port('y: float32 [B, T, 3]')], { all: { kind: 'file', path } });
      assert.deepEqual(remarks, ['T is 8 for y, and 7 for another input: the model calls both by one name.']);
    });

    it('are said to be open, or wrong', async () => {
      const read = (choices: InputChoices): Promise<string> => faultOf(readInputs(ports, choices));
      const all = { kind: 'zeros' } as const;
      assert.equal(
        await read({ all, dimensions: { batch: 1 } }),
        'The size of the dimension T (axis 1 of x) is open. Say how large it is.',
      );
      assert.equal(await read({ all, dimensions: { batch: 0 } }), 'The dimension batch cannot be 0. Sizes are whole numbers from 1.');
      assert.equal(await read({ all, dimensions: { batch: 1.5 } }), 'The dimension batch cannot be 1.5. Sizes are whole numbers from 1.');
      assert.equal(
        await read({ inputs: { x: all, h: all } }),
        'Nothing is chosen for n, u. Choose a file, zeros or random numbers for each of them.',
      );
      assert.equal(await read({ all, inputs: { y: all } }), 'The model has no input y. Its inputs: x, h, n, u.');
      assert.equal(
        await read({ all: { kind: 'file', path: folder.write('a.csv', '1,2\n') } }),
        'a.csv: it holds one array, and 4 inputs (x, h, n, u) would take it. Say which one, and choose something else for the others.',
      );
      assert.equal(
        await read({ all: { kind: 'file', path: folder.write('a.npy', zeros(3)) } }),
        'a.npy: it holds one array, and 4 inputs (x, h, n, u) would take it. Say which one, and choose something else for the others.',
      );
      assert.match(
        await read({ all, dimensions: { batch: 1e6, T: 1e6, 'u[0]': 1, 'u[1]': 1 } }),
        /^x \[1000000, 1000000, 3\] would have 11,444,092 MiB; inputs have at most 128 MiB/,
      );
      assert.match(await faultOf(readInputs([port('x: float32')], { all })), /says nothing of the shape of x/);
      assert.deepEqual((await readInputs([port('x: float32')], { all, dimensions: { 'x[0]': 2, 'x[1]': 3 } })).inputs.x!.dims, [2, 3]);
    });
  });

  describe('without a file', () => {
    it('are zeros, constants, ramps', async () => {
      assert.equal(await generated('x: float16 [2]', { kind: 'zeros' }), '[2] 0 0');
      assert.equal(await generated('x: int64 []', { kind: 'constant', value: 16000 }), '[] 16000');
      assert.equal(await generated('x: int64 [1]', { kind: 'constant', value: '9007199254740993' }), '[1] 9007199254740993');
      assert.equal(await generated('x: bool [T]', { kind: 'constant', value: 1 }, { T: 2 }), '[2] 1 1');
      assert.equal(await generated('x: int32 [1, 3]', { kind: 'ramp' }), '[1, 3] 0 1 2');
      assert.equal(await generated('x: float64 [3]', { kind: 'ramp', from: 1, step: -0.5 }), '[3] 1 0.5 0');
      assert.equal(await faultOf(generated('x: uint8 [3]', { kind: 'ramp', from: 254 })), 'x: 256 does not fit uint8 (0 to 255).');
      assert.equal(
        await faultOf(generated('x: int32 [3]', { kind: 'constant', value: 0.5 })),
        'x: 0.5 is no whole number, and the input is int32.',
      );
      assert.equal(
        await faultOf(generated('x: int32 [3]', { kind: 'size', of: 'T' })),
        'The size of the dimension T (no input has it) is open. Say how large it is.',
      );
    });

    it('are random by a seed and the name', async () => {
      const draw = async (text: string, seed: number, more: object = {}): Promise<number[]> => {
        const only = port(text);
        const { inputs } = await readInputs([only], { all: { kind: 'random', seed, ...more } });
        return Array.from(inputs[only.name]!.data as ArrayLike<number | bigint>, Number);
      };
      const normal = await draw('x: float32 [100, 100]', 1);
      const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
      assert.ok(Math.abs(mean(normal)) < 0.03 && Math.abs(mean(normal.map((value) => value ** 2)) - 1) < 0.05);
      assert.deepEqual(await draw('x: float32 [100, 100]', 1), normal);
      assert.notDeepEqual(await draw('x: float32 [100, 100]', 2), normal);
      assert.notDeepEqual(await draw('y: float32 [100, 100]', 1), normal);
      assert.ok(Math.abs(mean(await draw('x: float64 [10000]', 1, { mean: 5, deviation: 2 })) - 5) < 0.1);
      assert.deepEqual([...new Set(await draw('x: int64 [1000]', 1, { from: 3, below: 6 }))].sort(), [3, 4, 5]);
      assert.deepEqual([...new Set(await draw('x: bool [100]', 1))].sort(), [0, 1]);
      const uniform = await draw('x: float16 [100]', 1, { from: 1, below: 2 });
      assert.ok(uniform.every((bits) => bits >= 0x3c00 && bits <= 0x4000));
      assert.equal(await faultOf(draw('x: int64 [1]', 1, { below: 0 })), 'x: there is no number from 0 to below 0. Give a larger bound.');
      assert.equal(
        await faultOf(draw('x: int8 [100]', 1, { below: 1000 })).then((text) => text.replace(/\d+ does/, 'N does')),
        'x: N does not fit int8 (-128 to 127).',
      );
    });
  });
});
