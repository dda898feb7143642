// Images as inputs: every kind of PNG, JPEG, the order of axes, sizes, and what is too large.

import assert from 'node:assert/strict';
import { encode } from 'jpeg-js';
import { decodePng } from '../../src/data/images/png.ts';
import { resized } from '../../src/data/images/resize.ts';
import { InputError } from '../../src/foreign/inputs/errors.ts';
import { layoutOf } from '../../src/foreign/inputs/image.ts';
import { neededOptions } from '../../src/foreign/inputs/needed.ts';
import { readInputs } from '../../src/foreign/inputs/read.ts';
import { random } from '../../src/shared/random.ts';
import { type Folder, faultOf, makeFolder, pngFile, port, readOne } from './input-files.ts';

const fail = (why: string): InputError => new InputError(why);

/** Lines of bytes, each filtered in another way as the specification defines them. */
function filtered(rows: readonly (readonly number[])[], step: number, way: (row: number) => number = (row) => row % 5): Uint8Array {
  const lines = rows.map((row, y) => {
    const above = rows[y - 1] ?? row.map(() => 0);
    const filter = way(y);
    const bytes = row.map((value, x) => {
      const [a, b, c] = [row[x - step] ?? 0, above[x]!, x < step ? 0 : above[x - step]!];
      const estimate = a + b - c;
      const near = [a, b, c].toSorted((one, other) => Math.abs(estimate - one) - Math.abs(estimate - other))[0]!;
      return (value - [0, a, b, Math.floor((a + b) / 2), near][filter]!) & 255;
    });
    return [filter, ...bytes];
  });
  return Uint8Array.from(lines.flat());
}

describe('images as inputs', () => {
  let folder: Folder;
  beforeEach(() => {
    folder = makeFolder();
  });
  afterEach(() => folder.remove());

  /** Red, green; blue, white. */
  const colours = [
    [255, 0, 0, 0, 255, 0],
    [0, 0, 255, 255, 255, 255],
  ];
  const small = (): string => folder.write('i.png', pngFile(2, 2, 8, 2, filtered(colours, 3)));

  describe('PNG', () => {
    it('is read with every filter and type of colour', () => {
      const chance = random(3);
      for (const [colour, count] of [
        [0, 1],
        [2, 3],
        [4, 2],
        [6, 4],
      ] as const) {
        const rows = Array.from({ length: 11 }, () => Array.from({ length: 7 * count }, () => Math.floor(256 * chance.uniform())));
        const { data, channels } = decodePng(pngFile(7, 11, 8, colour, filtered(rows, count)), fail);
        assert.deepEqual([channels, [...data]], [count, rows.flat()]);
        const wide = Array.from({ length: 11 }, () => Array.from({ length: 14 * count }, () => Math.floor(256 * chance.uniform())));
        const deep = decodePng(pngFile(7, 11, 16, colour, filtered(wide, 2 * count)), fail);
        const flat = wide.flat();
        for (const [k, value] of deep.data.entries()) assert.ok(Math.abs(value - (flat[2 * k]! * 256 + flat[2 * k + 1]!) / 257) < 1e-4);
      }
    });

    it('is read in few bits, and by a palette', () => {
      const bits = (depth: number): number[] => [...decodePng(pngFile(3, 1, depth, 0, Uint8Array.of(0, 0b01_10_11_00)), fail).data];
      assert.deepEqual(bits(1), [0, 255, 255]);
      assert.deepEqual(bits(2), [85, 170, 255]);
      const palette = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9);
      assert.deepEqual(
        [...decodePng(pngFile(3, 1, 4, 3, Uint8Array.of(0, 0x20, 0x10), { palette }), fail).data],
        [7, 8, 9, 1, 2, 3, 4, 5, 6],
      );
      assert.throws(() => decodePng(pngFile(1, 1, 8, 3, Uint8Array.of(0, 3), { palette }), fail), /not in its palette/);
    });

    it('is read interlaced', () => {
      const [width, height] = [5, 6];
      const image = Array.from({ length: height }, (_, y) => Array.from({ length: width }, (_, x) => 10 * y + x));
      // As the specification draws the passes on each square of eight by eight.
      const square = ['16462646', '77777777', '56565656', '77777777', '36463646', '77777777', '56565656', '77777777'];
      const lines: number[] = [];
      for (let pass = 1; pass <= 7; pass += 1) {
        const rows = image.map((row, y) => row.filter((_, x) => square[y]![x] === `${pass}`)).filter((row) => row.length > 0);
        lines.push(...filtered(rows, 1));
      }
      assert.deepEqual([...decodePng(pngFile(width, height, 8, 0, Uint8Array.from(lines), { interlaced: true }), fail).data], image.flat());
    });

    it('that is damaged or would be too large is refused', async () => {
      const whole = pngFile(2, 2, 8, 2, filtered(colours, 3));
      const fault = (bytes: Uint8Array): Promise<string> => faultOf(readOne('x: float32 [1, 3, H, W]', folder.write('i.png', bytes)));
      for (const length of [20, 40, 50, whole.length - 14])
        assert.match(await fault(whole.subarray(0, length)), /^i\.png: it .*was cut short\.$/, `${length}`);
      assert.equal(await fault(pngFile(2, 3, 8, 2, filtered(colours, 3))), 'i.png: it was cut short.');
      assert.equal(
        await fault(
          pngFile(
            2,
            1,
            8,
            2,
            filtered(colours, 3, () => 0),
          ),
        ),
        'i.png: it is damaged, or was cut short.',
      );
      assert.equal(await fault(pngFile(2, 2, 8, 2, Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))), 'i.png: it is damaged.');
      assert.equal(await fault(pngFile(2, 2, 3, 2, new Uint8Array(14))), 'i.png: its header is damaged.');
      assert.equal(
        await fault(pngFile(20_000, 20_000, 8, 2, new Uint8Array(14))),
        'i.png: it has 20,000 x 20,000 pixels; images of up to 50 million are read, of at most 65,535 on a side. Make it smaller.',
      );
      // What unpacks to more than its header says ends there.
      assert.match(await fault(pngFile(1, 1, 8, 0, new Uint8Array(1e7))), /damaged/);
      assert.match(await fault(Buffer.from('GIF89a..........')), /a GIF image, which is not read\. Convert it to PNG\.$/);
    });
  });

  describe('JPEG', () => {
    const picture = (width: number, height: number): Uint8Array => {
      const data = Buffer.alloc(4 * width * height);
      for (let y = 0; y < height; y += 1) for (let x = 0; x < width; x += 1) data.set([4 * x, 4 * y, 128, 255], 4 * (y * width + x));
      return encode({ width, height, data }, 95).data;
    };

    it('is read', async () => {
      const path = folder.write('i.jpg', picture(40, 30));
      const { inputs } = await readInputs([port('x: float32 [N, 3, H, W]')], { all: { kind: 'file', path } });
      const { dims, data } = inputs.x!;
      assert.deepEqual(dims, [1, 3, 30, 40]);
      for (const [y, x] of [
        [3, 5],
        [20, 31],
      ] as const)
        for (const [channel, value] of [4 * x, 4 * y, 128].entries())
          assert.ok(Math.abs(Number(data[(channel * 30 + y) * 40 + x]) * 255 - value) < 12, `${y} ${x} ${channel}`);
    });

    it('is turned as its camera was held', async () => {
      // Its corners, row by row: what is seen of the first row and column is told by CIPA DC-008 for each orientation.
      const corners = [10, 80, 160, 240];
      const [width, height] = [16, 32];
      const grey = Buffer.alloc(4 * width * height);
      for (let y = 0; y < height; y += 1)
        for (let x = 0; x < width; x += 1) {
          const value = corners[(y < height / 2 ? 0 : 2) + (x < width / 2 ? 0 : 1)]!;
          grey.set([value, value, value, 255], 4 * (y * width + x));
        }
      const plain = encode({ width, height, data: grey }, 95).data;
      const seen: Readonly<Record<number, readonly number[]>> = {
        1: [10, 80, 160, 240],
        2: [80, 10, 240, 160],
        3: [240, 160, 80, 10],
        4: [160, 240, 10, 80],
        5: [10, 160, 80, 240],
        6: [160, 10, 240, 80],
        7: [240, 80, 160, 10],
        8: [80, 240, 10, 160],
      };
      for (const isLittle of [true, false])
        for (const [orientation, expected] of Object.entries(seen)) {
          const block = new DataView(new ArrayBuffer(26));
          block.setUint16(0, isLittle ? 0x4949 : 0x4d4d);
          for (const [at, value] of [
            [2, 42],
            [8, 1],
            [10, 0x0112],
            [12, 3],
            [18, Number(orientation)],
          ] as const)
            block.setUint16(at, value, isLittle);
          block.setUint32(4, 8, isLittle);
          block.setUint32(14, 1, isLittle);
          const exif = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), new Uint8Array(block.buffer)]);
          const segment = Buffer.concat([Uint8Array.of(0xff, 0xe1, 0, exif.length + 2), exif]);
          const path = folder.write('i.jpg', Buffer.concat([plain.subarray(0, 2), segment, plain.subarray(2)]));
          const { inputs } = await readInputs([port('x: float32 [H, W]')], { all: { kind: 'file', path } });
          const { dims, data } = inputs.x!;
          const [rows, columns] = dims as [number, number];
          assert.deepEqual(dims, Number(orientation) >= 5 ? [width, height] : [height, width]);
          const found = [
            [2, 2],
            [2, columns - 3],
            [rows - 3, 2],
            [rows - 3, columns - 3],
          ].map(([y, x]) => Number(data[y! * columns + x!]) * 255);
          for (const [k, value] of expected.entries()) assert.ok(Math.abs(found[k]! - value) < 6, `${orientation}: ${found}`);
        }
    });

    it('that is large is decoded aside, and can be given up', async () => {
      const path = folder.write('i.jpg', picture(2000, 1500));
      const abort = new AbortController();
      const began = performance.now();
      const reading = readInputs([port('x: uint8 [H, W]')], { all: { kind: 'file', path } }, { signal: abort.signal });
      setTimeout(() => abort.abort(new Error('given up')), 30);
      await assert.rejects(reading, /given up/);
      const givenUp = performance.now() - began;
      const { inputs } = await readInputs([port('x: uint8 [H, W]')], { all: { kind: 'file', path } });
      assert.deepEqual(inputs.x!.dims, [1500, 2000]);
      assert.ok(givenUp < (performance.now() - began - givenUp) / 2, `${givenUp} ms`);
    }).timeout(20_000);

    it('that is damaged or would be too large is refused', async () => {
      const whole = picture(16, 16);
      const fault = (bytes: Uint8Array): Promise<string> => faultOf(readOne('x: float32 [N, 3, H, W]', folder.write('i.jpg', bytes)));
      assert.match(await fault(whole.subarray(0, 100)), /^i\.jpg: it was cut short/);
      assert.match(await fault(whole.subarray(0, -30)), /^i\.jpg: it was cut short\.$/);
      const large = Buffer.from(whole);
      const frame = large.indexOf(Uint8Array.of(0xff, 0xc0));
      large.writeUInt16BE(20_000, frame + 5);
      large.writeUInt16BE(20_000, frame + 7);
      assert.match(await fault(large), /^i\.jpg: it has 20,000 x 20,000 pixels/);
    });
  });

  describe('order of axes', () => {
    const cases: readonly (readonly [input: string, result: string])[] = [
      ['float32 [1, 3, 2, 2]', '[1, 3, 2, 2] 1 0 0 1 0 1 0 1 0 0 1 1'],
      ['float32 [N, C, H, W]', '[1, 3, 2, 2] 1 0 0 1 0 1 0 1 0 0 1 1'],
      ['uint8 [1, 2, 2, 3]', '[1, 2, 2, 3] 255 0 0 0 255 0 0 0 255 255 255 255'],
      ['uint8 [?, ?, ?, 3]', '[1, 2, 2, 3] 255 0 0 0 255 0 0 0 255 255 255 255'],
      ['uint8 [3, 2, 2]', '[3, 2, 2] 255 0 0 255 0 255 0 255 0 0 255 255'],
      ['uint8 [2, 2]', '[2, 2] 76 150 29 255'],
      ['uint8 [1, T, 2]', '[1, 2, 2] 76 150 29 255'],
      ['uint8 [batch, T, 2]', '[1, 2, 2] 76 150 29 255'],
      ['uint8 [1, 1, 2, 2]', '[1, 1, 2, 2] 76 150 29 255'],
      ['uint8 [1, 2, 2, 1]', '[1, 2, 2, 1] 76 150 29 255'],
      ['uint8 [1, 4, H, W]', '[1, 4, 2, 2] 255 0 0 255 0 255 0 255 0 0 255 255 255 255 255 255'],
      ['int64 [1, 1, 3, H, W]', '[1, 1, 3, 2, 2] 255n 0n 0n 255n 0n 255n 0n 255n 0n 0n 255n 255n'],
      ['float32', '[1, 3, 2, 2] 1 0 0 1 0 1 0 1 0 0 1 1'],
    ];
    for (const [input, result] of cases) it(`of ${input}`, async () => assert.equal(await readOne(`x: ${input}`, small()), result));

    it('is that of the choice, and asked for where it cannot be told', async () => {
      assert.match(await readOne('x: uint8 [1, 3, H, 3]', small(), { layout: 'channels-last' }), /^\[1, 3, 3, 3\]/);
      assert.match(
        await faultOf(readOne('x: uint8 [1, 5, H, W]', small(), { layout: 'channels-first' })),
        /images have 1, 3 or 4 channels, not 5/,
      );
      assert.deepEqual(await neededOptions(port('x: uint8 [1, 3, H, W]'), small()), []);
      assert.deepEqual(
        (await neededOptions(port('x: uint8 [1, 5, 6, 7]'), small())).map(({ option }) => option),
        ['layout'],
      );
      assert.match(await faultOf(readOne('x: float32 [2, 5, 6, 7]', small())), /^x is \[2, 5, 6, 7\], which is no image's shape/);
      assert.equal(layoutOf(port('x: float32 [1, 28, 28]'), {}).channels, 1);
    });

    it('has values as they are wanted', async () => {
      assert.equal(await readOne('x: float32 [3, 2, 2]', small(), { bytes: true }), '[3, 2, 2] 255 0 0 255 0 255 0 255 0 0 255 255');
      assert.equal(
        await readOne('x: float32 [3, 2, 2]', small(), { mean: [0.5], spread: [0.5, 0.5, 0.25] }),
        '[3, 2, 2] 1 -1 -1 1 -1 1 -1 1 -2 -2 2 2',
      );
      assert.match(await faultOf(readOne('x: float32 [3, 2, 2]', small(), { mean: [1, 2] })), /mean has 2 values for 3 channels/);
      assert.equal(await faultOf(readOne('x: int8 [3, 2, 2]', small())), 'i.png: row 0, column 0: 255 does not fit int8 (-128 to 127).');
    });
  });

  describe('size', () => {
    const plane = (rows: number[][]): Parameters<typeof resized>[0] => ({
      width: rows[0]!.length,
      height: rows.length,
      data: Float32Array.from(rows.flat()),
    });

    it('is that of the input, and what is lost is said', async () => {
      const { inputs, remarks } = await readInputs([port('x: float32 [1, 3, 1, W]')], { all: { kind: 'file', path: small() } });
      assert.deepEqual(inputs.x!.dims, [1, 3, 1, 1]);
      assert.deepEqual(remarks, ['i.png: 2 x 2 pixels were resized to 1 x 1.']);
      const asked = await readInputs([port('x: float32 [1, 3, H, W]')], {
        all: { kind: 'file', path: small() },
        dimensions: { H: 4, W: 3 },
      });
      assert.deepEqual(asked.inputs.x!.dims, [1, 3, 4, 3]);
    });

    it('grows along straight lines, and shrinks over all pixels', () => {
      assert.deepEqual([...resized(plane([[0, 4]]), 1, 4).data], [0, 1, 3, 4]);
      assert.deepEqual([...resized(plane([[0], [4]]), 4, 1).data], [0, 1, 3, 4]);
      const shrunk = resized(plane([[0, 0, 8, 8, 0, 0, 8, 8]]), 1, 2).data;
      assert.ok(shrunk.every((value) => value > 2 && value < 6));
      assert.ok(Math.abs(shrunk[0]! + shrunk[1]! - 8) < 1e-5);
      const flat = resized(plane(Array.from({ length: 13 }, () => Array.from({ length: 9 }, () => 7))), 5, 20).data;
      assert.ok(flat.length === 100 && flat.every((value) => Math.abs(value - 7) < 1e-5));
    });
  });
});
