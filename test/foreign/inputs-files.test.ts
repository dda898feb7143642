// Arrays, tables, lists and texts as inputs: what the input's type can hold, exactly, and what it cannot, with its place.

import assert from 'node:assert/strict';
import { npy } from '../../src/data/npz.ts';
import { readInputs } from '../../src/foreign/inputs/read.ts';
import { readVocabulary } from '../../src/foreign/inputs/text.ts';
import { type Folder, faultOf, makeFolder, npyFile, npzFile, port, readOne } from './input-files.ts';

const floats = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);
const longs = (...values: bigint[]): Uint8Array => new Uint8Array(BigInt64Array.from(values).buffer);

describe('inputs from files', () => {
  let folder: Folder;
  beforeEach(() => {
    folder = makeFolder();
  });
  afterEach(() => folder.remove());

  describe('.npy and .npz', () => {
    it('give every type of elements', async () => {
      const path = folder.write('x.npy', npyFile('<f8', '3,', Float64Array.of(0, 1, 3).buffer));
      for (const type of ['float32', 'float64', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32'])
        assert.equal(await readOne(`x: ${type} [T]`, path), '[3] 0 1 3', type);
      for (const type of ['int64', 'uint64']) assert.equal(await readOne(`x: ${type} [T]`, path), '[3] 0n 1n 3n', type);
      assert.equal(await readOne('x: float16 [T]', path), `[3] 0 ${0x3c00} ${0x4200}`);
      assert.match(await faultOf(readOne('x: bfloat16 [T]', path)), /^x is of the type bfloat16, which cannot be fed/);
      assert.equal(await faultOf(readOne('x: bool [T]', path)), 'x.npy: x[2]: 3 is neither true nor false (0 and 1 are taken too).');
      assert.equal(
        await faultOf(readOne('x: string [T]', path)),
        'x is of the type string, which cannot be fed. Types that can: floats of 16 to 64 bits, whole numbers of 8 to 64 bits, bool.',
      );
    });

    it('are the same bytes where nothing is to be converted, wherever they stand', async () => {
      for (const data of [Float32Array.of(1, -2.5, 1e-40), Float64Array.of(1, 0.1), Int32Array.of(-1, 5)]) {
        const type = data instanceof Float32Array ? 'float32' : data instanceof Float64Array ? 'float64' : 'int32';
        const aligned = npy({ shape: [data.length], data });
        const moved = npyFile(`<${type[0]}${data.BYTES_PER_ELEMENT}`, `${data.length},`, data.buffer);
        for (const bytes of [aligned, moved]) {
          const { inputs } = await readInputs([port(`x: ${type} [T]`)], { all: { kind: 'file', path: folder.write('x.npy', bytes) } });
          assert.deepEqual(inputs.x!.data, data);
        }
      }
    });

    it('are read whatever their type and order', async () => {
      const cases: readonly (readonly [string, ArrayBufferLike])[] = [
        ['<f2', Uint16Array.of(0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600).buffer],
        ['<f4', Float32Array.of(1, 2, 3, 4, 5, 6).buffer],
        ['<f8', Float64Array.of(1, 2, 3, 4, 5, 6).buffer],
        ['|i1', Int8Array.of(1, 2, 3, 4, 5, 6).buffer],
        ['|u1', Uint8Array.of(1, 2, 3, 4, 5, 6).buffer],
        ['<i2', Int16Array.of(1, 2, 3, 4, 5, 6).buffer],
        ['<u2', Uint16Array.of(1, 2, 3, 4, 5, 6).buffer],
        ['<i4', Int32Array.of(1, 2, 3, 4, 5, 6).buffer],
        ['<u4', Uint32Array.of(1, 2, 3, 4, 5, 6).buffer],
        ['<i8', BigInt64Array.of(1n, 2n, 3n, 4n, 5n, 6n).buffer],
        ['<u8', BigUint64Array.of(1n, 2n, 3n, 4n, 5n, 6n).buffer],
      ];
      for (const [descr, buffer] of cases) {
        const [plain, turned] = [npyFile(descr, '2, 3', buffer), npyFile(descr, '2, 3', buffer, { fortran: true })];
        const swapped = Buffer.from(buffer.slice(0));
        const size = Number(descr[2]);
        for (let at = 0; at < swapped.length; at += size) swapped.subarray(at, at + size).reverse();
        const big = npyFile(descr.replace('<', '>'), '2, 3', swapped);
        for (const type of ['float32', 'float64', 'int32', 'int64']) {
          const suffix = type === 'int64' ? 'n' : '';
          const text = (values: number[]): string => `[2, 3] ${values.map((value) => `${value}${suffix}`).join(' ')}`;
          assert.equal(await readOne(`x: ${type} [A, B]`, folder.write('x.npy', plain)), text([1, 2, 3, 4, 5, 6]), descr);
          assert.equal(await readOne(`x: ${type} [A, B]`, folder.write('x.npy', turned)), text([1, 3, 5, 2, 4, 6]), descr);
          assert.equal(await readOne(`x: ${type} [A, B]`, folder.write('x.npy', big)), text([1, 2, 3, 4, 5, 6]), `big ${descr}`);
        }
      }
      const bools = folder.write('b.npy', npyFile('|b1', '3,', Uint8Array.of(1, 0, 2)));
      assert.equal(await readOne('x: bool [T]', bools), '[3] 1 0 1');
      assert.equal(await readOne('x: float32 [T]', bools), '[3] 1 0 1');
    });

    it('keep long whole numbers to the last digit', async () => {
      const path = folder.write('x.npy', npyFile('<i8', '2,', longs(2n ** 53n + 1n, -(2n ** 63n))));
      assert.equal(await readOne('x: int64 [T]', path), '[2] 9007199254740993n -9223372036854775808n');
      assert.equal(
        await faultOf(readOne('x: uint64 [T]', path)),
        'x.npy: x[1]: -9223372036854775808 does not fit uint64 (0 to 18446744073709551615).',
      );
      assert.equal(
        await faultOf(readOne('x: int32 [T]', path)),
        'x.npy: x[0]: 9007199254740993 does not fit int32 (-2147483648 to 2147483647).',
      );
    });

    it('say which element does not fit, and where', async () => {
      const path = folder.write('x.npy', npyFile('<f8', '2, 2', Float64Array.of(1, 300, 3.5, 1e39).buffer));
      assert.equal(await faultOf(readOne('x: uint8 [A, B]', path)), 'x.npy: x[0, 1]: 300 does not fit uint8 (0 to 255).');
      assert.equal(await faultOf(readOne('x: int64 [A, B]', path)), 'x.npy: x[1, 0]: 3.5 is no whole number, and the input is int64.');
      assert.equal(await faultOf(readOne('x: float32 [A, B]', path)), 'x.npy: x[1, 1]: 1e+39 is too large for float32.');
      assert.equal(await faultOf(readOne('x: float16 [A, B]', path)), 'x.npy: x[1, 1]: 1e+39 is too large for float16.');
      const odd = folder.write('n.npy', npyFile('<f4', '2,', floats(Number.NaN, 1 / 0)));
      assert.equal(await faultOf(readOne('x: int32 [T]', odd)), 'n.npy: n[0]: NaN is no whole number, and the input is int32.');
      assert.equal(await readOne('x: float32 [T]', odd), '[2] NaN Infinity');
      assert.equal(await readOne('x: float16 [T]', odd), `[2] ${0x7e00} ${0x7c00}`);
    });

    it('of an archive go to the inputs of their names, or those that are chosen', async () => {
      const path = folder.write('d.npz', npzFile({ x: npyFile('<f4', '1, 2', floats(1, 2)), other: npyFile('<i8', '', longs(7n)) }));
      const ports = [port('x: float32 [1, 2]'), port('y: int64 []')];
      const { inputs } = await readInputs(ports, { all: { kind: 'file', path }, inputs: { y: { kind: 'file', path, array: 'other' } } });
      assert.deepEqual(
        [inputs.x, inputs.y],
        [
          { type: 'float32', dims: [1, 2], data: Float32Array.of(1, 2) },
          { type: 'int64', dims: [], data: BigInt64Array.of(7n) },
        ],
      );
      assert.equal(
        await faultOf(readInputs(ports, { all: { kind: 'file', path } })),
        'd.npz: there is no array y in it for the input y. It has x, other. Name one of them, or rename the array to y.',
      );
      assert.equal(
        await faultOf(readOne('z: int64 [2]', path, { array: 'w' })),
        'd.npz: there is no array w in it for the input z. It has x, other. Name one of them, or rename the array to z.',
      );
      const unnamed = folder.write('u.npz', npzFile({ arr_0: npyFile('<f4', '2,', floats(1, 2)), arr_1: npyFile('<i8', '', longs(7n)) }));
      assert.deepEqual((await readInputs(ports, { all: { kind: 'file', path: unnamed } })).inputs.y!.data, BigInt64Array.of(7n));
    });

    it('that are damaged are refused', async () => {
      const whole = npyFile('<f4', '2, 3', floats(1, 2, 3, 4, 5, 6));
      const archive = npzFile({ x: whole });
      const cases: readonly (readonly [string, string | Uint8Array, RegExp])[] = [
        ['e.npy', '', /^e\.npy: it is empty\./],
        ['c.npy', whole.subarray(0, -1), /^c of c\.npy cannot be read: it was cut short\.$/],
        ['h.npy', whole.subarray(0, 20), /^h of h\.npy cannot be read: it was cut short\.$/],
        ['t.npy', 'not an array', /^t\.npy: it is no NumPy array: it begins otherwise/],
        ['z.npz', archive.subarray(0, -10), /^z\.npz: it is no \.npz archive, is damaged or was cut short\./],
        ['l.npy', npyFile('<f4', '1152921504606846976,', floats(1)), /cut short/],
        ['c16.npy', npyFile('<c8', '1,', floats(1, 2)), /its type c8 is not read/],
        ['o.npy', npyFile('|O', '1,', floats(1)), /Python objects/],
        ['u.npy', npyFile('<U2', '1,', floats(1, 2)), /holds texts, and x is float32/],
        ['zero.npy', npyFile('<f4', '0, 3', floats()), /^zero\.npy: zero of zero\.npy is \[0, 3\]: there is nothing in it for x\.$/],
      ];
      for (const [name, content, fault] of cases)
        assert.match(await faultOf(readOne('x: float32 [A, B]', folder.write(name, content))), fault, name);
      assert.match(
        await faultOf(readOne('x: float32 [A]', folder.path('none.npy'))),
        /^There is no file .*none\.npy\. Choose another, or put it there\.$/,
      );
      assert.match(await faultOf(readOne('x: float32 [A]', folder.path(''))), /is a folder\. Choose a file\.$/);
      assert.match(
        await faultOf(readOne('x: float32 [A]', folder.write('x.xls', 'abc'))),
        /^x\.xls: files of this kind are not read\. Choose \.npy/,
      );
      assert.match(
        await faultOf(readOne('x: float32 [A]', folder.write('x.wav', 'ID3xxxxxxxxxxxxxxx'))),
        /^x\.wav: it is an MP3 file, which is not read\. Convert it to \.wav\.$/,
      );
    });

    it('are told by how they begin, whatever they are called', async () => {
      const path = folder.write('x.npz', npyFile('<f4', '2,', floats(1, 2)));
      const { inputs, remarks } = await readInputs([port('x: float32 [T]')], { all: { kind: 'file', path } });
      assert.deepEqual([...inputs.x!.data], [1, 2]);
      assert.match(remarks.join(), /x\.npz is a NumPy array, and is read as one\.$/);
    });

    it('that unpack to more than is allowed are refused before they are unpacked', async () => {
      const archive = Buffer.from(npzFile({ x: npyFile('<f4', '2,', floats(1, 2)) }));
      const entry = archive.lastIndexOf('PK\u0001\u0002');
      archive.writeUInt32LE(0xf0000000, entry + 24);
      assert.match(
        await faultOf(readOne('x: float32 [T]', folder.write('b.npz', archive))),
        /^b\.npz: it has 3,840 MiB; files of up to 2,048 MiB/,
      );
    });
  });

  describe('.json', () => {
    it('gives nested lists, and objects of them by name', async () => {
      assert.equal(await readOne('x: float32 [A, B]', folder.write('a.json', '[[1, 2.5], [true, "-3e1"]]')), '[2, 2] 1 2.5 1 -30');
      assert.equal(
        await readOne('x: int64 [T]', folder.write('b.json', '{"y": [1], "x": [3, "9007199254740993"]}')),
        '[2] 3n 9007199254740993n',
      );
      assert.equal(await readOne('x: int64 []', folder.write('c.json', '7')), '[] 7n');
      assert.equal(await readOne('x: float32 [T]', folder.write('d.json', '{"a]NaN": [NaN, -Infinity, 1]}')), '[3] NaN -Infinity 1');
      const records = folder.write('e.json', '[{"a": 1, "b": 2, "c": "x"}, {"a": 3, "b": 4, "c": "y"}]');
      assert.equal(await readOne('x: float32 [T, 2]', records, { columns: ['b', 'a'] }), '[2, 2] 2 1 4 3');
    });

    it('says where lists differ, and what is no number', async () => {
      const fault = async (content: string, type = 'float32'): Promise<string> =>
        faultOf(readOne(`x: ${type} [A, B]`, folder.write('x.json', content)));
      assert.equal(
        await fault('[[1, 2], [3]]'),
        'x.json: element [1]: it has 1 elements where the first list of its level has 2. Make them of one length.',
      );
      assert.equal(
        await fault('[[1, 2], 3]'),
        'x.json: element [1]: it is no list where the first one of its level is one of 2. All have the same shape.',
      );
      assert.equal(
        await fault('[1, [2]]'),
        'x.json: element [1]: it is a list where the first one of its level is a number. All have the same shape.',
      );
      assert.equal(
        await fault('[[1, null]]'),
        'x.json: element [0, 1]: there is null instead of a number. Fill it in, or write NaN where it is missing.',
      );
      assert.equal(await fault('{"x": [[1, "one"]], "y": 0}'), 'x.json: x [0, 1]: "one" is no number.');
      assert.equal(
        await fault('[[9007199254740994]]', 'int64'),
        'x.json: element [0, 0]: 9007199254740994 may have lost digits. Write whole numbers beyond 2^53 as text, or in a .npy file.',
      );
      assert.match(await fault('[[1, 2'), /^x\.json: it is no JSON, or was cut short \(/);
      assert.match(await fault('  \n'), /^x\.json: it holds only white space/);
      assert.equal(await fault('[]'), 'x.json: x.json is [0]: there is nothing in it for x.');
      assert.match(await fault(`${'['.repeat(2000)}1${']'.repeat(2000)}`), /nested more than 32 deep/);
      assert.match(await fault('{"y": [1], "z": [2]}'), /^x\.json: there is no array x in it for the input x\. It has y, z\./);
      assert.match(await fault('{"__proto__": [1], "z": [2]}'), /there is no array x/);
    });
  });

  describe('tables', () => {
    it('give rows and columns', async () => {
      const path = folder.write('m.csv', 'day,a,b\nmon,1,2\ntue,3.5,-4e-1\n');
      assert.equal(await readOne('x: float32 [T, 2]', path, { columns: ['a', 'b'] }), '[2, 2] 1 2 3.5 -0.4');
      assert.equal(await readOne('x: float32 [1, T]', path, { columns: ['3'] }), '[1, 2] 2 -0.4');
      assert.equal(
        await readOne('x: int64 [T, 3]', folder.write('n.tsv', '1\t2\t3\n4\t5\t9223372036854775807\n')),
        '[2, 3] 1n 2n 3n 4n 5n 9223372036854775807n',
      );
      assert.equal(await readOne('x: float32 [A, B]', folder.write('o.csv', '1;2\n3;4'), { header: true }), '[1, 2] 3 4');
      assert.equal(await readOne('x: float32 [T, 2]', folder.write('p.jsonl', '{"a": 1, "b": 2}\n{"a": 3, "b": 4}\n')), '[2, 2] 1 2 3 4');
      assert.equal(
        await readOne('x: float32 [N, T, 2]', folder.write('q.jsonl', '{"x": [[1, 2], [3, 4]]}\n{"x": [[5, 6], [7, 8]]}\n')),
        '[2, 2, 2] 1 2 3 4 5 6 7 8',
      );
      const [x, y] = [port('x: float32 [T, 1]'), port('y: int64 [T]')];
      const { inputs } = await readInputs([x, y], {
        inputs: { x: { kind: 'file', path, columns: ['b'] }, y: { kind: 'file', path: folder.write('y.txt', '# ids\n5\n6 # last\n') } },
      });
      assert.deepEqual([inputs.x!.dims, inputs.y!.data], [[2, 1], BigInt64Array.of(5n, 6n)]);
    });

    it('say row and column of what is wrong', async () => {
      const path = folder.write('m.csv', 'day,a,b\nmon,1,2\ntue,x,\nwed,"3,5",1\n');
      assert.equal(
        await faultOf(readOne('x: float32 [T]', path, { columns: ['a'] })),
        'm.csv: line 3, column a: "x" is no number. Correct the cell, or choose the columns that hold numbers.',
      );
      assert.equal(
        await faultOf(readOne('x: float32 [T]', path, { columns: ['b'] })),
        'm.csv: line 3, column b: there is no number. Fill it in, or write NaN where it is missing.',
      );
      assert.match(await faultOf(readOne('x: float32 [T, 3]', path)), /^m\.csv: line 2, column day: "mon" is no number\./);
      assert.equal(await faultOf(readOne('x: float32 [T]', path, { columns: ['c'] })), 'm.csv: it has no column c. It has day, a, b.');
      assert.match(
        await faultOf(readOne('x: float32 [T]', folder.write('g.csv', 'a\n"3,5"\n'), { header: true })),
        /line 2, column a: "3,5" is no number\. Write it with a point\./,
      );
      assert.match(
        await faultOf(readOne('x: float32 [T, 2]', folder.write('r.csv', '1,2\n3\n'))),
        /^r\.csv, line 2 has 1 cell instead of 2/,
      );
      assert.match(await faultOf(readOne('x: float32 [T]', folder.write('e.csv', ''))), /^e\.csv: it is empty/);
      assert.match(await faultOf(readOne('x: float32 [T]', folder.write('h.csv', 'a,b\n'), { header: true })), /no rows below its header/);
      assert.match(
        await faultOf(readOne('x: float32 [T]', folder.write('b.csv', Uint8Array.of(0x31, 0, 0x32)))),
        /^b\.csv is no text: byte 2 is 0\. Name a text file \(UTF-8\)\.$/,
      );
      assert.match(await faultOf(readOne('x: float32 [T, 4]', path, { columns: ['a', 'b'], header: true })), /line 3, column a/);
      assert.equal(
        await faultOf(readOne('x: float32 [T, 4]', folder.write('w.csv', 'a,b\n1,2\n'))),
        'x is [T, 4], and w.csv is [1, 2]. Rows are its first axis, columns its second. Choose among the columns a, b.',
      );
    });

    it('without a header that is told ask for it', async () => {
      assert.match(
        await faultOf(readOne('x: float32 [T]', folder.write('g.csv', 'a\nb\n'))),
        /line 1, column 1: "a" is no number\. If the first line has the names/,
      );
    });

    it('that are large say how far they are, and can be stopped', async () => {
      const path = folder.write('l.csv', Array.from({ length: 60_000 }, (_, k) => `${k},1\n`).join(''));
      const seen: number[] = [];
      const stop = new AbortController();
      const choice = { all: { kind: 'file', path } } as const;
      await readInputs([port('x: float32 [T, 2]')], choice, { progress: (bytes, size) => seen.push(bytes / size) });
      assert.ok(seen.length > 3 && seen.at(-1) === 1, seen.join(' '));
      const stopped = readInputs([port('x: float32 [T, 2]')], choice, {
        signal: stop.signal,
        progress: () => stop.abort(new Error('enough')),
      });
      await assert.rejects(stopped, /enough/);
    });
  });

  describe('.txt', () => {
    it('become ids by a vocabulary of any form', async () => {
      const text = folder.write('t.txt', 'abba a\n');
      const lists: readonly (readonly [string, string])[] = [
        ['a.json', '{"a": 1, "b": 2, " ": 3}'],
        ['b.json', '["-", "a", "b", " "]'],
        ['c.json', '{"1": "a", "2": "b", "3": " "}'],
        ['d.json', '{"model": {"vocab": {"a": 1, "b": 2, " ": 3}}}'],
        ['e.txt', '-\na\nb\n \n'],
        ['f.txt', 'a 1\nb 2\n  3\n'],
      ];
      for (const [name, content] of lists)
        assert.equal(await readOne('x: int64 [B, T]', text, { vocabulary: folder.write(name, content) }), '[1, 6] 1n 2n 2n 1n 3n 1n', name);
      const words = folder.write('w.json', '{"<unk>": 0, "abba": 5, "is": 6}');
      assert.equal(
        await readOne('x: int32 [T]', folder.write('u.txt', 'Abba  is\nhere'), {
          vocabulary: words,
          by: 'word',
          unknown: '<unk>',
          lower: true,
        }),
        '[3] 5 6 0',
      );
      assert.equal(
        await readOne('x: float32 [1, T, 3]', folder.write('v.txt', 'ba'), { vocabulary: folder.write('g.txt', 'a\nb\nc'), oneHot: true }),
        '[1, 2, 3] 0 1 0 1 0 0',
      );
      assert.equal((await readVocabulary(folder.write('n.txt', 'a\r\nb\r\n'))).get('b'), 1);
    });

    it('are fed a token a call where the model takes one', async () => {
      const vocabulary = folder.write('v.txt', 'a\nb');
      assert.equal(await readOne('x: int64 [1, 1]', folder.write('t.txt', 'abb'), { vocabulary }), '3 x [1, 1] 0n 1n 1n');
    });

    it('say which token is unknown, and where', async () => {
      const vocabulary = folder.write('v.txt', 'a\nb\n');
      const fault = (text: string, options: object = {}): Promise<string> =>
        faultOf(readOne('x: uint8 [T]', folder.write('t.txt', text), { vocabulary, ...options }));
      assert.match(await fault('ab\naéb'), /^t\.txt: line 1, column 3: "\\n" is not in the vocabulary v\.txt\./);
      assert.match(await fault('aéb'), /line 1, column 2: "é" is not/);
      assert.equal(await fault('ab', { unknown: '?' }), 'v.txt: the token "?", which was to stand for what is unknown, is not in it.');
      assert.match(
        await fault('ab', { vocabulary: folder.write('i.json', '{"a": 0, "b": 1.5}') }),
        /^i\.json: the id of "b" is 1\.5\. Ids are whole numbers from 0\.$/,
      );
      assert.match(await fault('ab', { vocabulary: folder.write('j.json', '{"a": 0, "b": 300}') }), /column 2: 300 does not fit uint8/);
      assert.match(await fault('ab', { vocabulary: undefined }), /^t\.txt: a vocabulary is wanted/);
      assert.match(await fault('  ', { by: 'word' }), /there are no tokens in it/);
      assert.match(await fault('1 2\n3 x', { vocabulary: undefined }), /^t\.txt: line 2, column 2: "x" is no number\. Is it a text\?/);
    });
  });
});
