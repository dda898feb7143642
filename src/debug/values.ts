// Numbers of a trace, read in windows of many timesteps and kept: a step, a hover and a condition over thousands of timesteps find them
// here, and the trace is asked once a window.

import type { LineRole } from '../shared/source.ts';
import { type Address, addressText, type InstanceDescription, sequenceAlong, type Trace } from '../shared/trace.ts';
import { sizeOf } from './tensor.ts';

/** What a trace can be asked for: a line, an input, or a state before the step. */
export interface ValueDescription {
  readonly address: Address;
  readonly shape: readonly number[];
  /** Names of the axes; sizes where the trace does not know them. */
  readonly dimensions: readonly string[];
  readonly perStep: boolean;
  /** The other sequence that its timesteps are of. */
  readonly along?: string;
  readonly integer: boolean;
  /** The name of the classes that it holds. */
  readonly classes?: string;
  readonly range?: 'gate' | 'signed' | 'scores';
}

/** The value called `name` in an instance: a line, else an input, else a state before the step. */
export const describeValue = (instance: InstanceDescription, name: string): ValueDescription | undefined => {
  const address = { instance: instance.path, line: name };
  const line = instance.lines.find((other) => other.name === name);
  if (line) {
    const range = RANGES[line.role];
    const { shape, dimensions, perStep } = line;
    return { address, shape, dimensions: named(dimensions, shape), perStep, integer: false, ...alongOf(line), ...(range && { range }) };
  }
  const input = instance.inputs.find((other) => other.name === name);
  if (input) {
    const { shape, perStep, integer, classes } = input;
    const rest = { ...alongOf(input), ...(classes !== undefined && { classes }) };
    return { address, shape, dimensions: named([], shape), perStep, integer, ...rest };
  }
  const state = instance.states.find((other) => other.name === name);
  if (!state) return undefined;
  const next = instance.lines.find((other) => other.name === `${name}'`);
  const dimensions = named(next?.dimensions ?? [], state.shape);
  return { address, shape: state.shape, dimensions, perStep: true, integer: false, ...alongOf(state) };
};

const alongOf = ({ along }: { readonly along?: string }): { readonly along?: string } => (along === undefined ? {} : { along });

const RANGES: Readonly<Partial<Record<LineRole, 'gate' | 'signed' | 'scores'>>> = { gate: 'gate', candidate: 'signed', scores: 'scores' };

const named = (dimensions: readonly string[], shape: readonly number[]): readonly string[] =>
  dimensions.length === shape.length ? dimensions : shape.map(String);

/** Bytes of numbers that are kept. */
const KEPT = 96 * 2 ** 20;
/** Bytes of one window of one value, and its bounds in timesteps. */
const WINDOW = 2 ** 19;
const SHORTEST = 16;
const LONGEST = 1024;

interface Wanted {
  readonly from: number;
  readonly to: number;
  readonly gradient: boolean;
  readonly values: {
    readonly value: ValueDescription;
    readonly resolve: (data: Float32Array) => void;
    readonly reject: (error: unknown) => void;
  }[];
}

export class TraceValues {
  readonly trace: Trace;
  readonly #windows = new Map<string, Promise<Float32Array>>();
  readonly #bytes = new Map<string, number>();
  readonly #weights = new Map<string, Promise<{ readonly shape: readonly number[]; readonly data: Float32Array }>>();
  #held = 0;
  #wanted = new Map<string, Wanted>();

  constructor(trace: Trace) {
    this.trace = trace;
  }

  /** One value at timestep t, row-major. `t` is not looked at where the value is one a sequence. */
  async at(value: ValueDescription, t: number, gradient = false): Promise<Float32Array> {
    const size = sizeOf(value.shape);
    if (!value.perStep) return await this.#window(value, 0, gradient);
    const length = windowLength(value);
    const data = await this.#window(value, Math.floor(t / length), gradient);
    const place = (t % length) * size;
    return data.subarray(place, place + size);
  }

  /** All timesteps of a value, [T, ...shape]; not kept. */
  async whole(value: ValueDescription, gradient = false): Promise<Float32Array> {
    const [data] = await this.trace.read({ addresses: [value.address], from: 0, to: this.steps(value), gradient });
    return data!;
  }

  /** Timesteps of the sequence that a value is of. */
  steps({ along }: ValueDescription): number {
    return sequenceAlong(this.trace.description, along).steps;
  }

  /** Starts to read what a stop at t, and the next ones, will show. Failures come out where the value is used. */
  prefetch(values: readonly ValueDescription[], t: number, gradient = false): void {
    for (const value of values) {
      const steps = this.steps(value);
      const length = value.perStep ? windowLength(value) : 1;
      const window = value.perStep ? Math.floor(t / length) : 0;
      const near = t % length < length / 4 ? window - 1 : t % length >= (length * 3) / 4 ? window + 1 : window;
      for (const index of new Set([window, near]))
        if (index === 0 || (value.perStep && index > 0 && index * length < steps)) this.#window(value, index, gradient).catch(() => {});
    }
  }

  weight(name: string): Promise<{ readonly shape: readonly number[]; readonly data: Float32Array }> {
    let weight = this.#weights.get(name);
    if (!weight) {
      weight = this.trace.weight(name);
      this.#weights.set(name, weight);
    }
    return weight;
  }

  #window(value: ValueDescription, index: number, gradient: boolean): Promise<Float32Array> {
    const key = `${gradient ? 'grad ' : ''}${addressText(value.address)} ${index}`;
    const known = this.#windows.get(key);
    if (known) {
      this.#windows.delete(key);
      this.#windows.set(key, known);
      return known;
    }
    const length = value.perStep ? windowLength(value) : 1;
    const from = value.perStep ? index * length : 0;
    const to = Math.min(from + length, this.steps(value));
    const read = new Promise<Float32Array>((resolve, reject) => this.#want(from, to, gradient, { value, resolve, reject }));
    this.#windows.set(key, read);
    read.then(
      (data) => this.#keep(key, data.byteLength),
      () => this.#windows.delete(key),
    );
    return read;
  }

  /** What is asked for in one turn of the event loop, over the same timesteps, is one request. */
  #want(from: number, to: number, gradient: boolean, asked: Wanted['values'][number]): void {
    if (this.#wanted.size === 0) queueMicrotask(() => this.#send());
    const key = `${from} ${to} ${gradient}`;
    const wanted = this.#wanted.get(key) ?? { from, to, gradient, values: [] };
    this.#wanted.set(key, wanted);
    wanted.values.push(asked);
  }

  #send(): void {
    const requests = merged([...this.#wanted.values()]);
    this.#wanted = new Map();
    for (const { from, to, gradient, parts } of requests) {
      const addresses = parts[0]!.values.map(({ value }) => value.address);
      this.trace.read({ addresses, from, to, gradient }).then(
        (data) => {
          for (const part of parts)
            for (const [k, { value, resolve }] of part.values.entries()) {
              const size = sizeOf(value.shape);
              resolve(parts.length === 1 ? data[k]! : data[k]!.slice((part.from - from) * size, (part.to - from) * size));
            }
        },
        (error: unknown) => {
          for (const { values } of parts) for (const { reject } of values) reject(error);
        },
      );
    }
  }

  #keep(key: string, bytes: number): void {
    this.#bytes.set(key, bytes);
    this.#held += bytes;
    for (const oldest of this.#windows.keys()) {
      if (this.#held <= KEPT || oldest === key) return;
      const size = this.#bytes.get(oldest);
      if (size === undefined) continue;
      this.#windows.delete(oldest);
      this.#bytes.delete(oldest);
      this.#held -= size;
    }
  }
}

interface Merged {
  readonly from: number;
  readonly to: number;
  readonly gradient: boolean;
  readonly parts: readonly Wanted[];
}

/** Windows of the same values, one behind the other, are read at once: a search over thousands of timesteps asks for many. */
const merged = (wanted: readonly Wanted[]): readonly Merged[] => {
  const requests: Merged[] = [];
  for (const part of wanted.toSorted((a, b) => a.from - b.from)) {
    const place = requests.findIndex(
      ({ to, gradient, parts }) => to === part.from && gradient === part.gradient && sameValues(parts[0]!, part),
    );
    const before = requests[place];
    if (before) requests[place] = { ...before, to: part.to, parts: [...before.parts, part] };
    else requests.push({ from: part.from, to: part.to, gradient: part.gradient, parts: [part] });
  }
  return requests;
};

const sameValues = (a: Wanted, b: Wanted): boolean =>
  a.values.length === b.values.length &&
  a.values.every(({ value }, k) => value.perStep && addressText(value.address) === addressText(b.values[k]!.value.address));

const windowLength = ({ shape }: ValueDescription): number => {
  const fitting = WINDOW / (4 * Math.max(1, sizeOf(shape)));
  return 2 ** Math.floor(Math.log2(Math.min(LONGEST, Math.max(SHORTEST, fitting))));
};
