// Streams frames through a model: one call a frame, with its states fed back.

import type { Session, Tensor, TensorData } from '../../runtime/runtime.ts';
import { elementOf } from '../inputs/elements.ts';
import { concreteDims, elementCount, type Port, printPort } from './ports.ts';
import { checkRule, type FrameRule, StreamError, type StreamRule } from './rule.ts';

/** Frames in row-major order: [N, ...], each of as many numbers as a call takes, context apart. */
export interface Frames {
  readonly dims: readonly number[];
  readonly data: ArrayLike<number>;
}

export interface StreamOptions {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** Outputs to yield; all by default. */
  readonly fetch?: readonly string[];
  /** Free dimensions by name; 1 where not given. */
  readonly sizes?: Readonly<Record<string, number>>;
  /** Cancels between two calls: its reason is thrown. */
  readonly signal?: AbortSignal;
}

export interface StreamStep {
  /** Zero-based number of the frame. */
  readonly timestep: number;
  /** What was fetched. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** What the call was fed: the frame with its context, the states before it, the constants. */
  readonly feeds: Readonly<Record<string, Tensor>>;
}

/**
 * Calls the model once for each frame and yields each call's outputs; nothing is kept but the states. `frames` is one array, or one an
 * input where the rule has several. Throws StreamError where rule, model and frames do not fit.
 */
export async function* streamRun(
  session: Pick<Session, 'compute'>,
  rule: StreamRule,
  frames: Frames | Readonly<Record<string, Frames>>,
  options: StreamOptions,
): AsyncGenerator<StreamStep, void, undefined> {
  const { inputs, outputs, sizes = {}, signal } = options;
  const faults = checkRule(rule, inputs, outputs, sizes);
  if (faults.length > 0) throw new StreamError(faults.join('\n'));
  const portOf = (name: string): Port => inputs.find((port) => port.name === name)!;
  const feeders = rule.frames.map((frame) => feeder(frame, portOf(frame.input), framesFor(frames, frame.input), sizes));
  const counts = new Set(feeders.map(({ count }) => count));
  if (counts.size > 1)
    throw new StreamError(
      `The inputs have different numbers of frames: ${feeders.map(({ input, count }) => `${input} ${count}`).join(', ')}.`,
    );

  let states: Record<string, Tensor> = Object.fromEntries(
    rule.state.map(({ input, initial = 'zeros' }) => [input, filled(portOf(input), initial === 'zeros' ? 0 : initial, sizes)]),
  );
  const constants = Object.fromEntries(Object.entries(rule.constants).map(([name, value]) => [name, filled(portOf(name), value, sizes)]));
  const wanted = [...new Set(options.fetch ?? outputs.map(({ name }) => name))];
  const fetch = [...new Set([...wanted, ...rule.state.map(({ output }) => output)])];
  for (let timestep = 0; timestep < feeders[0]!.count; timestep++) {
    if (signal?.aborted === true) throw signal.reason;
    const feeds = { ...Object.fromEntries(feeders.map(({ input, at }) => [input, at(timestep)])), ...states, ...constants };
    const answer = await session.compute(feeds, fetch);
    states = Object.fromEntries(rule.state.map(({ input, output }) => [input, carried(answer[output]!, states[input]!, input, output)]));
    yield { timestep, outputs: Object.fromEntries(wanted.map((name) => [name, answer[name]!])), feeds };
  }
}

function framesFor(frames: Frames | Readonly<Record<string, Frames>>, input: string): Frames {
  if (isFrames(frames)) return frames;
  const found = frames[input];
  if (found === undefined) throw new StreamError(`There are no frames for the input ${input}.`);
  return found;
}

const isFrames = (frames: Frames | Readonly<Record<string, Frames>>): frames is Frames => Array.isArray(frames.dims) && 'data' in frames;

/** Makes the tensor of each frame of an input. */
function feeder({ input, context = 0 }: FrameRule, port: Port, { dims, data }: Frames, sizes: Readonly<Record<string, number>>) {
  const count = dims[0] ?? 0;
  const size = elementCount(dims.slice(1));
  if (count * size !== data.length)
    throw new StreamError(`Frames of shape [${dims.join(', ')}] have ${count * size} numbers, not ${data.length}.`);
  const call = callDims(port, size, context, sizes);
  if (call === undefined)
    throw new StreamError(
      `${input} is ${printPort(port)}${context > 0 ? `, ${context} of them context` : ''}: a frame of [${dims.slice(1).join(', ')}] does not fit.`,
    );
  const width = call.at(-1) ?? 1;
  const rows = elementCount(call) / width;
  const fresh = width - context;
  const type = runtimeType(port);
  const write = writer(port);
  const at = (timestep: number): Tensor => {
    const made = arrayOf(type, rows * width);
    for (let row = 0; row < rows; row++)
      for (let k = 0; k < width; k++) {
        // Context reaches as far back as it must, through several frames where they are short.
        const place = timestep * fresh + k - context;
        const from = Math.floor(place / fresh);
        if (place >= 0) write(made, row * width + k, data[from * size + row * fresh + (place - from * fresh)]!);
      }
    return { type, dims: call, data: made };
  };
  return { input, count, at };
}

/** The shape of a call for frames of `size` numbers: free axes are 1, but the last free one takes what the frame has. */
function callDims(port: Port, size: number, context: number, sizes: Readonly<Record<string, number>>): readonly number[] | undefined {
  if (port.dims === undefined) return [1, size + context];
  const dims = concreteDims(port, sizes);
  const fits = (given: readonly number[]): boolean => {
    const width = given.at(-1) ?? 1;
    return (elementCount(given) / width) * (width - context) === size;
  };
  if (fits(dims)) return dims;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    const dim = port.dims[axis];
    if (typeof dim === 'number' || (dim !== undefined && sizes[dim] !== undefined)) continue;
    const others = elementCount(dims.filter((_, k) => k !== axis));
    const last = axis === dims.length - 1;
    const width = dims.at(-1)!;
    const needed = last ? size / others + context : size / ((others / width) * (width - context));
    const tried = dims.map((each, k) => (k === axis ? needed : each));
    if (Number.isInteger(needed) && needed > 0 && fits(tried)) return tried;
  }
  return undefined;
}

/** A tensor of an input, of one number everywhere or of these. Throws StreamError where its type cannot have one. */
export function filled(port: Port, value: number | readonly number[], sizes: Readonly<Record<string, number>> = {}): Tensor {
  const dims = concreteDims(port, sizes);
  const type = runtimeType(port);
  const write = writer(port);
  const data = arrayOf(type, elementCount(dims));
  for (let k = 0; k < data.length; k++) write(data, k, typeof value === 'number' ? value : value[k]!);
  return { type, dims, data };
}

/** The state as the next call is fed it; a model whose state grows or changes its shape where the rule says it does not is told. */
function carried(next: Tensor, before: Tensor, input: string, output: string): Tensor {
  if (next.type !== before.type || next.data.length !== before.data.length)
    throw new StreamError(
      `${output} came out as ${next.type} [${next.dims.join(', ')}], and ${input} was fed ${before.type} [${before.dims.join(', ')}]: it is not its next state.`,
    );
  return next.dims.length === before.dims.length ? next : { ...next, dims: before.dims };
}

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const satisfies Record<Tensor['type'], unknown>;

function runtimeType({ name, type }: Port): Tensor['type'] {
  if (type in arrays) return type as Tensor['type'];
  throw new StreamError(`${name} is ${type}; inputs of ${Object.keys(arrays).join(', ')} can be streamed.`);
}

const arrayOf = (type: Tensor['type'], size: number): TensorData => new arrays[type](size);

/** How numbers are written into tensors of an input's type. Throws StreamError where it cannot have one. */
function writer({ name, type }: Port): (data: TensorData, at: number, value: number) => void {
  const element = elementOf({ name, type });
  return (data, at, value) => {
    const why = element.put(data, at, value);
    if (why !== undefined) throw new StreamError(`${name}: ${why}.`);
  };
}
