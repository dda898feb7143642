// Sound from .wav files (RIFF WAVE): PCM of 8, 16, 24 and 32 bits and floats of 32 and 64, in any order of chunks, with WAVE_FORMAT_EXTENSIBLE.

import { basename } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { count } from '../../data/errors.ts';
import type { Reading } from '../../data/text-stream.ts';
import type { WaveOptions } from '../../shared/inputs.ts';
import { LIMIT, type OpenFile } from './bytes.ts';
import { badFile, type InputError, largeFile } from './errors.ts';

export interface WaveFormat {
  readonly channels: number;
  /** Samples a second. */
  readonly rate: number;
  readonly bits: number;
  readonly isFloat: boolean;
  /** Where the samples begin, and how many there are of each channel. */
  readonly start: number;
  readonly samples: number;
}

/** The samples of one channel, or the mean of all; PCM as -1 to 1. Throws InputError, and the signal's reason. */
export async function readWave(file: OpenFile, { channel, rate }: WaveOptions, reading: Reading = {}): Promise<Float64Array> {
  const format = await waveFormat(file);
  const { path } = file;
  if (rate !== undefined && rate !== format.rate) {
    const [found, wanted] = [format.rate, rate].map((each) => each.toLocaleString('en-US'));
    throw badFile(
      path,
      `it has ${found} samples a second, and ${wanted} are expected. Convert it, as with: ffmpeg -i ${basename(path)} -ar ${rate} out.wav`,
    );
  }
  if (channel !== undefined && !(Number.isInteger(channel) && channel >= 1 && channel <= format.channels))
    throw badFile(path, `there is no channel ${channel} in it: it has ${count(format.channels, 'channel')}, counted from 1.`);
  if (format.samples * 8 > LIMIT) throw largeFile(path, format.samples * 8, LIMIT);
  const signal = new Float64Array(format.samples);
  const width = format.bits / 8;
  const read = readers[`${format.isFloat ? 'f' : 'i'}${format.bits}`]!;
  const each = width * format.channels;
  const [first, last] = channel === undefined ? [0, format.channels] : [channel - 1, channel];
  for (let from = 0; from < format.samples; from += PIECE) {
    reading.signal?.throwIfAborted();
    const to = Math.min(format.samples, from + PIECE);
    const bytes = await file.read(format.start + from * each, (to - from) * each);
    if (bytes.length < (to - from) * each) throw cutShort(path);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let k = 0; k < to - from; k += 1) {
      let sum = 0;
      for (let at = first; at < last; at += 1) sum += read(view, k * each + at * width);
      signal[from + k] = sum / (last - first);
    }
    reading.progress?.(format.start + to * each, file.size);
    await setImmediate();
  }
  return signal;
}

/** Samples that are read at once. */
const PIECE = 2 ** 18;

const readers: Readonly<Record<string, (view: DataView, at: number) => number>> = {
  i8: (view, at) => (view.getUint8(at) - 128) / 128,
  i16: (view, at) => view.getInt16(at, true) / 2 ** 15,
  i24: (view, at) => (view.getUint16(at, true) + view.getInt8(at + 2) * 2 ** 16) / 2 ** 23,
  i32: (view, at) => view.getInt32(at, true) / 2 ** 31,
  f32: (view, at) => view.getFloat32(at, true),
  f64: (view, at) => view.getFloat64(at, true),
};

/** What the file says of its sound. Throws InputError where it is no such file, was cut short, or its coding is another. */
export async function waveFormat(file: OpenFile): Promise<WaveFormat> {
  const { path, size } = file;
  const head = Buffer.from(await file.read(0, 12));
  const magic = head.toString('latin1', 0, 4);
  if (magic === 'RIFX' || magic === 'RF64') throw badFile(path, `it is of the kind ${magic}, which is not read. ${CONVERT(path)}`);
  if (head.length < 12 || magic !== 'RIFF' || head.toString('latin1', 8, 12) !== 'WAVE')
    throw badFile(path, `it is no .wav file, or was cut short. ${CONVERT(path)}`);
  let coding: Pick<WaveFormat, 'channels' | 'rate' | 'bits' | 'isFloat'> | undefined;
  for (let at = 12, chunks = 0; at + 8 <= size && chunks < MOST_CHUNKS; chunks += 1) {
    const chunk = Buffer.from(await file.read(at, 8));
    const name = chunk.toString('latin1', 0, 4);
    const length = chunk.readUInt32LE(4);
    if (name === 'fmt ') coding = codingOf(path, Buffer.from(await file.read(at + 8, Math.min(length, 40))));
    else if (name === 'data') {
      if (coding === undefined) throw badFile(path, `it does not say how its samples are written before they begin. ${CONVERT(path)}`);
      return { ...coding, start: at + 8, samples: samplesOf(path, coding, length, size - at - 8) };
    }
    // Chunks begin at even places.
    at += 8 + length + (length % 2);
  }
  throw badFile(path, `there are no samples in it: it was cut short, or holds something else. ${CONVERT(path)}`);
}

const MOST_CHUNKS = 10_000;

function samplesOf(path: string, { channels, bits }: Pick<WaveFormat, 'channels' | 'bits'>, length: number, there: number): number {
  // Programs that write into a pipe do not know the length, and leave a place-holder.
  const isOpen = length >= 0xfffff000 || length === 0x7fffffff || length === 0x7ffff000 || length === 0;
  if (!isOpen && length > there) throw cutShort(path);
  const samples = Math.floor((isOpen ? there : length) / ((channels * bits) / 8));
  if (samples === 0) throw badFile(path, 'there is no sound in it. Choose a file that holds some.');
  return samples;
}

function codingOf(path: string, bytes: Buffer): Pick<WaveFormat, 'channels' | 'rate' | 'bits' | 'isFloat'> {
  if (bytes.length < 16) throw cutShort(path);
  const written = bytes.readUInt16LE(0);
  // The extensible format has the code that others have at 0 at the beginning of an identifier at 24.
  const code = written === 0xfffe && bytes.length >= 26 ? bytes.readUInt16LE(24) : written;
  const channels = bytes.readUInt16LE(2);
  const rate = bytes.readUInt32LE(4);
  const block = bytes.readUInt16LE(12);
  const valid = bytes.readUInt16LE(14);
  if (channels === 0 || rate === 0)
    throw badFile(path, `it says that it has ${count(channels, 'channel')} and ${rate} samples a second. ${CONVERT(path)}`);
  // Samples of 20 bits lie in 24.
  const bits = (block / channels) * 8;
  const isFloat = code === 3;
  if ((code !== 1 && !isFloat) || valid > bits || valid <= bits - 8 || readers[`${isFloat ? 'f' : 'i'}${bits}`] === undefined) {
    const what = codings[code] ?? (code === 1 ? 'PCM' : isFloat ? 'float' : `code ${code}`);
    throw badFile(path, `it is written as ${what} of ${valid} bits. PCM of 8 to 32 bits and floats of 32 or 64 are read. ${CONVERT(path)}`);
  }
  return { channels, rate, bits, isFloat };
}

const codings: Readonly<Record<number, string>> = { 2: 'ADPCM', 6: 'A-law', 7: 'mu-law', 17: 'IMA ADPCM', 80: 'MPEG', 85: 'MP3' };

const CONVERT = (path: string): string => `Convert it, as with: ffmpeg -i ${basename(path)} -c:a pcm_s16le out.wav`;

const cutShort = (path: string): InputError =>
  badFile(path, 'it was cut short: it says that there are more samples than are in it. Write it anew.');
