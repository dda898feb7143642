// A signal cut into frames that may overlap, each with samples before it that the model wants to see again; and the frames' spectra.

import { basename } from 'node:path';
import type { WaveOptions } from '../../shared/inputs.ts';
import { LIMIT, withFile } from './bytes.ts';
import type { Element, ElementData } from './elements.ts';
import { badFile, badValue, type InputError, largeTensor } from './errors.ts';
import type { Asked, Found } from './found.ts';
import { readWave } from './wave.ts';

/** The samples of a .wav file, [samples]; as frames [frames, context + frame] where a frame's length is given, or their spectra
 *  [frames, (context + frame) / 2 + 1]. Floats are -1 to 1; whole numbers those of 16 bits. Throws InputError. */
export async function waveElements({ choice, element, reading }: Asked): Promise<Found> {
  const { path } = choice;
  const what = basename(path);
  const signal = await withFile(path, (file) => readWave(file, choice, reading));
  if (choice.frame === undefined) {
    const data = checkedMake(element, [signal.length], what);
    for (let at = 0; at < signal.length; at += 1) put(element, data, at, signal[at]!, path);
    return { dims: [signal.length], data, what, hint: 'Cut the signal into frames: say how many samples one has.' };
  }
  const cut = frameOptions(path, choice);
  const frames = frameCount(signal.length, cut);
  if (frames === 0)
    throw badFile(
      path,
      `it has ${signal.length} samples, less than one frame of ${cut.frame}. Take a shorter frame, or fill the last one up with zeros.`,
    );
  const width = cut.context + cut.frame;
  const columns = choice.spectrum === undefined ? width : Math.floor(width / 2) + 1;
  const data = checkedMake(element, [frames, columns], what);
  const frame = new Float64Array(width);
  const transform = choice.spectrum === undefined ? undefined : new Spectrum(width, choice);
  for (let k = 0; k < frames; k += 1) {
    const from = k * cut.hop - cut.context;
    for (let n = 0; n < width; n += 1) frame[n] = signal[from + n] ?? 0;
    const row = transform === undefined ? frame : transform.of(frame);
    for (let n = 0; n < columns; n += 1) put(element, data, k * columns + n, row[n]!, path);
    if (k % 1000 === 0) reading.signal?.throwIfAborted();
  }
  return { dims: [frames, columns], data, what: `${what} in frames`, isSequence: true };
}

function checkedMake(element: Element, dims: readonly number[], what: string): ElementData {
  const length = dims.reduce((product, dim) => product * dim, 1);
  if (length * element.bytes > LIMIT) throw largeTensor(what, dims, length * element.bytes, LIMIT);
  return element.make(length);
}

function put(element: Element, data: ElementData, at: number, sample: number, path: string): void {
  const value = element.isFloat ? sample : Math.min(2 ** 15 - 1, Math.round(sample * 2 ** 15));
  const why = element.put(data, at, value);
  if (why !== undefined) throw badValue(path, `sample ${at + 1}`, `${why}.`);
}

interface Cut {
  readonly frame: number;
  readonly hop: number;
  readonly context: number;
  readonly pads: boolean;
}

function frameOptions(path: string, { frame = 0, hop = frame, context = 0, tail = 'drop' }: WaveOptions): Cut {
  const fault = (what: string, value: number, from: number): InputError =>
    badFile(path, `${what} of ${value} samples cannot be. Take a whole number from ${from}.`);
  if (!Number.isSafeInteger(frame) || frame < 1) throw fault('a frame', frame, 1);
  if (!Number.isSafeInteger(hop) || hop < 1) throw fault('a hop', hop, 1);
  if (!Number.isSafeInteger(context) || context < 0) throw fault('a context', context, 0);
  return { frame, hop, context, pads: tail === 'pad' };
}

/** How many frames a signal has: whole ones, or with what is left over at its end. */
export function frameCount(samples: number, { frame, hop, pads }: Pick<Cut, 'frame' | 'hop' | 'pads'>): number {
  if (pads) return samples <= frame ? 1 : Math.ceil((samples - frame) / hop) + 1;
  return samples < frame ? 0 : Math.floor((samples - frame) / hop) + 1;
}

/** The discrete Fourier transform of real frames of one length: by halves where it is even (Cooley & Tukey 1965), else by its definition. */
export class Spectrum {
  readonly #size: number;
  readonly #power: boolean;
  readonly #window: Float64Array | undefined;
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;

  constructor(size: number, { spectrum, window }: Pick<WaveOptions, 'spectrum' | 'window'>) {
    this.#size = size;
    this.#power = spectrum === 'power';
    this.#window =
      window === 'hann' ? Float64Array.from({ length: size }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / size)) : undefined;
    this.#cos = Float64Array.from({ length: size }, (_, n) => Math.cos((2 * Math.PI * n) / size));
    this.#sin = Float64Array.from({ length: size }, (_, n) => -Math.sin((2 * Math.PI * n) / size));
  }

  /** size/2 + 1 magnitudes, or squares of them. */
  of(frame: Float64Array): Float64Array {
    const real = this.#window === undefined ? frame : frame.map((sample, n) => sample * this.#window![n]!);
    const { re, im } = this.#transform(real, 0, 1, this.#size);
    return Float64Array.from({ length: Math.floor(this.#size / 2) + 1 }, (_, k) => {
      const power = re[k]! ** 2 + im[k]! ** 2;
      return this.#power ? power : Math.sqrt(power);
    });
  }

  /** Of the samples at `from`, `from + step`, ...: `size` of them. */
  #transform(signal: Float64Array, from: number, step: number, size: number): { re: Float64Array; im: Float64Array } {
    const re = new Float64Array(size);
    const im = new Float64Array(size);
    if (size % 2 === 1) {
      for (let k = 0; k < size; k += 1)
        for (let n = 0; n < size; n += 1) {
          const turn = ((k * n) % size) * step;
          re[k]! += signal[from + n * step]! * this.#cos[turn]!;
          im[k]! += signal[from + n * step]! * this.#sin[turn]!;
        }
      return { re, im };
    }
    const half = size / 2;
    const even = this.#transform(signal, from, 2 * step, half);
    const odd = this.#transform(signal, from + step, 2 * step, half);
    for (let k = 0; k < half; k += 1) {
      const [cos, sin] = [this.#cos[k * step]!, this.#sin[k * step]!];
      const [x, y] = [odd.re[k]! * cos - odd.im[k]! * sin, odd.re[k]! * sin + odd.im[k]! * cos];
      re[k] = even.re[k]! + x;
      im[k] = even.im[k]! + y;
      re[k + half] = even.re[k]! - x;
      im[k + half] = even.im[k]! - y;
    }
    return { re, im };
  }
}
