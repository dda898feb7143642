// One file for a model of several inputs; choices written by hand; what is streamed, call by call.

import assert from 'node:assert/strict';
import { callOf, framesOf } from '../../src/foreign/inputs/calls.ts';
import { choicesForFile } from '../../src/foreign/inputs/one-file.ts';
import { readInputs } from '../../src/foreign/inputs/read.ts';
import type { FileChoice, InputChoices } from '../../src/shared/inputs.ts';
import { type Folder, faultOf, makeFolder, npyFile, npzFile, pcm16, pngFile, port, waveFile } from './input-files.ts';

const array = (...values: number[]): Uint8Array => npyFile('<f4', `${values.length},`, Float32Array.from(values).buffer);

describe('one file', () => {
  let folder: Folder;
  beforeEach(() => {
    folder = makeFolder();
  });
  afterEach(() => folder.remove());

  const chosen = async (ports: string, path: string, options: Partial<FileChoice> = {}): Promise<string> => {
    const all = ports.split('; ').map(port);
    const { choices, remarks } = await choicesForFile(all, { kind: 'file', path, ...options });
    await readInputs(all, choices);
    return [...Object.entries(choices.inputs ?? {}).map(([name, choice]) => `${name} ${choice.kind}`), ...remarks].join(', ');
  };

  it('goes to the input that is most like data', async () => {
    const sound = folder.write('s.wav', waveFile({ bits: 16, data: pcm16([1, 2, 3]), rate: 8000 }));
    assert.equal(
      await chosen('state: float32 [2, B, 4]; sr: int64 []; input: float32 [B, T]', sound),
      'state zeros, sr constant, input file, sr is 8000, the sample rate of the file., Zeros are fed to state; the file is for input.',
    );
    const table = folder.write('t.csv', '1,2\n3,4\n');
    assert.equal(await chosen('lens: int64 [B]; x: float32 [B, T, 2]', table), 'lens size, x file, lens is the size of T.');
    assert.equal(
      await chosen('h0: float32 [1, 1, 2]; c0: float32 [1, 1, 2]; foo: float32 [T, 2]', table),
      'h0 zeros, c0 zeros, foo file, Zeros are fed to h0, c0; the file is for foo.',
    );
    const text = folder.write('t.txt', 'ab');
    const vocabulary = folder.write('v.txt', 'a\nb');
    assert.equal(
      await chosen('x: float32 [1, 2]; words: int64 [B, T]', text, { vocabulary }),
      'x zeros, words file, Zeros are fed to x; the file is for words.',
    );
    const image = folder.write('i.png', pngFile(1, 1, 8, 0, Uint8Array.of(0, 7)));
    assert.equal(await chosen('x: float32 [7]; y: float32 [1, 3, 2, 2]', image), 'x zeros, y file, Zeros are fed to x; the file is for y.');
    assert.match(await faultOf(chosen('x: float32 [7]', image)), /i\.png is for none of the inputs x\. Choose another file\.$/);
  });

  it('of several arrays gives each input the one of its name', async () => {
    const path = folder.write('d.npz', npzFile({ x: array(1, 2), other: array(3) }));
    assert.equal(await chosen('x: float32 [T]; h: float32 [3]', path), 'x file, h zeros, Zeros are fed to h; the file is for x.');
    assert.equal(
      await chosen('x: float32 [1]; h: float32 [3]', path, { array: 'other' }),
      'x file, h zeros, Zeros are fed to h; the file is for x.',
    );
    assert.match(
      await faultOf(chosen('a: float32 [T]; b: float32 [3]', path)),
      /^d\.npz: there is no array a in it for the input a\. It has x, other\./,
    );
    assert.equal(await chosen('x: float32 [T]; h: float32 [1]', folder.write('d.json', '{"h": [1], "x": [1, 2]}')), 'x file, h file');
  });

  it('is no choice where it was written wrongly', async () => {
    const read = (choices: unknown): Promise<string> => faultOf(readInputs([port('x: float32 [1]')], choices as InputChoices));
    assert.equal(
      await read({ all: { kind: 'noise' } }),
      'What is chosen for all inputs is noise, which is no kind of input. There are file, zeros, constant, ramp, size, random.',
    );
    assert.match(await read({ inputs: { x: { kind: 'file' } } }), /^What is chosen for x is a file without a path/);
  });

  it('is streamed call by call', async () => {
    const path = folder.write('x.csv', '1,2\n3,4\n5,6\n');
    for (const type of ['float32', 'float16', 'int64']) {
      const { inputs } = await readInputs([port(`x: ${type} [1, 2]`)], { all: { kind: 'file', path, stream: true } });
      assert.deepEqual(framesOf(inputs.x!).dims, [3, 1, 2]);
      assert.deepEqual(Array.from(framesOf(inputs.x!).data), [1, 2, 3, 4, 5, 6], type);
      assert.deepEqual(Array.from(framesOf(callOf(inputs.x!, 1)).data), [3, 4]);
    }
  });
});
