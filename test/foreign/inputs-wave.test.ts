// Sound as inputs: every coding, odd files, frames with overlap and context, spectra.

import assert from 'node:assert/strict';
import { frameCount, Spectrum } from '../../src/foreign/inputs/frames.ts';
import { assumedFrame, neededOptions } from '../../src/foreign/inputs/needed.ts';
import { readInputs } from '../../src/foreign/inputs/read.ts';
import { random } from '../../src/shared/random.ts';
import { chunk, type Folder, faultOf, makeFolder, pcm16, port, readOne, waveFile } from './input-files.ts';

describe('.wav inputs', () => {
  let folder: Folder;
  beforeEach(() => {
    folder = makeFolder();
  });
  afterEach(() => folder.remove());
  const write = (...options: Parameters<typeof waveFile>): string => folder.write('s.wav', waveFile(...options));

  it('are read in every coding', async () => {
    const [half, low] = [0.5, -1];
    const bytes24 = Uint8Array.of(0, 0, 0x40, 0, 0, 0x80);
    const cases: readonly Parameters<typeof waveFile>[0][] = [
      { bits: 8, data: Uint8Array.of(192, 0) },
      { bits: 16, data: pcm16([16384, -32768]) },
      { bits: 24, data: bytes24 },
      { bits: 32, data: new Uint8Array(Int32Array.of(2 ** 30, -(2 ** 31)).buffer) },
      { bits: 32, isFloat: true, data: new Uint8Array(Float32Array.of(half, low).buffer) },
      { bits: 64, isFloat: true, data: new Uint8Array(Float64Array.of(half, low).buffer) },
    ];
    for (const each of cases)
      for (const isExtensible of [false, true])
        assert.equal(await readOne('x: float32 [1, T]', write({ ...each, isExtensible })), '[1, 2] 0.5 -1', `${each.bits}`);
    assert.equal(await readOne('x: float64 [T]', write({ bits: 24, data: Uint8Array.of(1, 0, 0, 255, 255, 255) })), '[2] 0 0');
    assert.equal(await readOne('x: int16 [T]', write({ bits: 16, data: pcm16([1, -32768, 32767]) })), '[3] 1 -32768 32767');
    assert.equal(
      await readOne('x: int64 [T]', write({ bits: 32, isFloat: true, data: new Uint8Array(Float32Array.of(1, 0.25).buffer) })),
      '[2] 32767n 8192n',
    );
  });

  it('are mixed down, or give the channel that is chosen', async () => {
    const path = write({ bits: 16, channels: 2, data: pcm16([16384, 8192, -16384, 0]) });
    assert.equal(await readOne('x: float32 [T]', path), '[2] 0.375 -0.25');
    assert.equal(await readOne('x: float32 [T]', path, { channel: 2 }), '[2] 0.25 0');
    assert.equal(
      await faultOf(readOne('x: float32 [T]', path, { channel: 3 })),
      's.wav: there is no channel 3 in it: it has 2 channels, counted from 1.',
    );
  });

  it('may have odd chunks, a length that nobody knew, and half a sample at the end', async () => {
    const data = pcm16([16384, 8192]);
    const between = [chunk('LIST', Buffer.from('odd')), chunk('fact', Buffer.alloc(4))];
    assert.equal(await readOne('x: float32 [T]', write({ bits: 16, data, between })), '[2] 0.5 0.25');
    for (const length of [0xffffffff, 0, 0x7ffff000])
      assert.equal(await readOne('x: float32 [T]', write({ bits: 16, data, length })), '[2] 0.5 0.25');
    assert.equal(await readOne('x: float32 [T]', write({ bits: 16, data: Buffer.concat([data, Buffer.alloc(1)]) })), '[2] 0.5 0.25');
  });

  it('that are no sound, damaged, or of another rate are refused', async () => {
    const whole = waveFile({ bits: 16, data: pcm16([1, 2, 3]) });
    const law = Buffer.from(waveFile({ bits: 8, data: Uint8Array.of(1, 2) }));
    law.writeUInt16LE(7, 20);
    const cases: readonly (readonly [Uint8Array, RegExp])[] = [
      [whole.subarray(0, -1), /^s\.wav: it was cut short: it says that there are more samples than are in it/],
      [whole.subarray(0, 40), /^s\.wav: there are no samples in it: it was cut short/],
      [whole.subarray(0, 14), /there are no samples in it/],
      [whole.subarray(0, 8), /^s\.wav: it is no \.wav file: it begins otherwise/],
      [law, /^s\.wav: it is written as mu-law of 8 bits\. .* Convert it, as with: ffmpeg -i s\.wav/],
      [waveFile({ bits: 16, data: new Uint8Array() }), /there is no sound in it/],
      [waveFile({ bits: 12, data: pcm16([1]) }), /PCM of 12 bits/],
      [waveFile({ bits: 16, channels: 0, data: pcm16([1]) }), /0 channels/],
      [Buffer.concat([Buffer.from('RF64'), whole.subarray(4)]), /of the kind RF64, which is not read/],
    ];
    for (const [bytes, fault] of cases) assert.match(await faultOf(readOne('x: float32 [T]', folder.write('s.wav', bytes))), fault);
    assert.equal(
      await faultOf(readOne('x: float32 [T]', folder.write('s.wav', whole), { rate: 8000 })),
      's.wav: it has 16,000 samples a second, and 8,000 are expected. Convert it, as with: ffmpeg -i s.wav -ar 8000 out.wav',
    );
  });

  describe('in frames', () => {
    const write8 = (count: number): string => write({ bits: 16, data: pcm16(Array.from({ length: count }, (_, k) => 128 * (k + 1))) });
    /** In 256ths, as the samples are 1, 2, 3, ... of them. */
    const frames = async (shape: string, path: string, options: object): Promise<string> => {
      const { inputs } = await readInputs([port(`x: float32 [${shape}]`)], { all: { kind: 'file', path, ...options } });
      const { dims, data, calls } = inputs.x!;
      return `${calls === undefined ? '' : `${calls} x `}[${dims.join(', ')}] ${Array.from(data as Float32Array, (value) => value * 256).join(' ')}`;
    };

    it('overlap, and have context before them', async () => {
      const path = write8(7);
      assert.equal(await frames('1, T, 3', path, { frame: 3 }), '[1, 2, 3] 1 2 3 4 5 6');
      assert.equal(await frames('1, T, 3', path, { frame: 3, tail: 'pad' }), '[1, 3, 3] 1 2 3 4 5 6 7 0 0');
      assert.equal(await frames('T, 4', path, { frame: 4, hop: 2 }), '[2, 4] 1 2 3 4 3 4 5 6');
      assert.equal(await frames('T, 4', path, { frame: 4, hop: 2, tail: 'pad' }), '[3, 4] 1 2 3 4 3 4 5 6 5 6 7 0');
      assert.equal(await frames('T, 5', path, { frame: 3, context: 2 }), '[2, 5] 0 0 1 2 3 2 3 4 5 6');
      assert.equal(await frames('T, 6', path, { frame: 2, hop: 3, context: 4 }), '[2, 6] 0 0 0 0 1 2 0 1 2 3 4 5');
    });

    it('are a call each where the model takes one, or a batch of them', async () => {
      assert.equal(await frames('1, 1, 3', write8(7), { frame: 3 }), '2 x [1, 1, 3] 1 2 3 4 5 6');
      assert.equal(await frames('batch, 3', write8(7), { frame: 3 }), '2 x [1, 3] 1 2 3 4 5 6');
      assert.equal(await frames('?, 3', write8(7), { frame: 3 }), '[2, 3] 1 2 3 4 5 6');
      assert.equal(await frames('?, 3', write8(7), { frame: 3, stream: true }), '2 x [1, 3] 1 2 3 4 5 6');
    });

    it('that cannot be are said', async () => {
      const fault = (options: object, shape = '1, 3'): Promise<string> => faultOf(frames(shape, write8(4), options));
      assert.equal(
        await fault({ frame: 5 }),
        's.wav: it has 4 samples, less than one frame of 5. Take a shorter frame, or fill the last one up with zeros.',
      );
      assert.equal(await fault({ frame: 0 }), 's.wav: a frame of 0 samples cannot be. Take a whole number from 1.');
      assert.equal(await fault({ frame: 2, hop: 0.5 }), 's.wav: a hop of 0.5 samples cannot be. Take a whole number from 1.');
      assert.equal(await fault({}), 'x is [1, 3], and s.wav is [4]. Cut the signal into frames: say how many samples one has.');
      assert.equal(
        await fault({ frame: 2 }),
        'x is [1, 3], and s.wav in frames is [2, 2]. Axis 0 has 2 instead of 1, axis 1 has 2 instead of 3: choose data of that size.',
      );
    });

    it('are as many as fit', () => {
      for (let samples = 1; samples < 20; samples += 1)
        for (const frame of [1, 3, 4])
          for (const hop of [1, 2, 5]) {
            let whole = 0;
            while (whole * hop + frame <= samples) whole += 1;
            assert.equal(frameCount(samples, { frame, hop, pads: false }), whole);
            const padded = frameCount(samples, { frame, hop, pads: true });
            assert.ok((padded - 1) * hop + frame >= samples && (padded === 1 || (padded - 2) * hop + frame < samples));
          }
    });
  });

  it('have spectra as their definition says', async () => {
    for (const size of [1, 2, 7, 12, 64, 100]) {
      const chance = random(size);
      const frame = Float64Array.from({ length: size }, () => chance.normal());
      for (const window of [undefined, 'hann'] as const) {
        const found = new Spectrum(size, { spectrum: 'power', ...(window === undefined ? {} : { window }) }).of(frame);
        assert.equal(found.length, Math.floor(size / 2) + 1);
        found.forEach((power, k) => {
          let [re, im] = [0, 0];
          frame.forEach((sample, n) => {
            const weight = window === undefined ? 1 : Math.sin((Math.PI * n) / size) ** 2;
            re += sample * weight * Math.cos((2 * Math.PI * k * n) / size);
            im -= sample * weight * Math.sin((2 * Math.PI * k * n) / size);
          });
          assert.ok(Math.abs(power - (re * re + im * im)) < 1e-9 * size * size);
        });
      }
    }
    const path = write({ bits: 16, data: pcm16([16384, 0, 0, 0, 16384, 16384, 16384, 16384]) });
    assert.equal(await readOne('x: float32 [1, 1, 3]', path, { frame: 4, spectrum: 'magnitude' }), '2 x [1, 1, 3] 0.5 0.5 0.5 2 0 0');
  });

  it('leave open what their frames are', async () => {
    const path = write({ bits: 16, channels: 2, data: pcm16([1, 2]) });
    const options = async (text: string, streamed = false): Promise<string> =>
      (await neededOptions(port(text), path, streamed))
        .map(({ option, suggestion, optional }) => `${option}${optional === true ? '?' : ''} ${suggestion ?? ''}`.trim())
        .join(', ');
    assert.equal(await options('x: float32 [1, T]'), 'rate? 16000, channel?');
    assert.equal(await options('x: float32 [B, ?]', true), 'rate? 16000, channel?, frame 512, context? 0, hop?');
    assert.deepEqual(
      [await assumedFrame(port('x: float32 [B, ?]'), path), await assumedFrame(port('x: float32 [1, 320]'), path)],
      [512, undefined],
    );
    assert.equal(await options('x: float32 [1, 512]'), 'rate? 16000, channel?, frame 512, context? 0, hop? 512, spectrum?');
    assert.equal(await options('x: float32 [1, 576]'), 'rate? 16000, channel?, frame 512, context? 64, hop? 512, spectrum?');
    assert.equal(await options('x: float32 [1, 1, 257]'), 'rate? 16000, channel?, frame 512, context? 0, hop? 128, spectrum? magnitude');
    assert.equal(await options('x: float32 [1, 320]'), 'rate? 16000, channel?, frame 320, context? 0, hop? 320, spectrum?');
  });
});
