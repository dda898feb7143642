// A trained model that writes: the source is read once, then every step reads a token of each row, and the states stay.

import type { Batch } from '../../data/dataset.ts';
import type { Value } from '../../graph/graph.ts';
import type { Model } from '../../graph/model.ts';
import { borderNames, decoderPorts, onceOutputs, stepOutputs } from '../../onnx/decoder-ports.ts';
import { fixInputs, type Numbers } from '../../onnx/fixed.ts';
import { lower } from '../../onnx/lower.ts';
import { encodeModel } from '../../onnx/proto.ts';
import type { Runtime, Session, SessionOptions, Tensor } from '../../runtime/runtime.ts';
import { RunError } from '../run.ts';
import { parameterNames } from '../step.ts';
import type { TrainerState } from '../trainer.ts';
import { type DecoderGraphs, decoderGraphs } from './graphs.ts';

export interface Decoder {
  /** How many classes there are to choose from. */
  readonly classes: number;
  /** Reads what stands beside the predicted input: rows of a batch, padded, with `lengths(S)` where the model has them. */
  begin(batch: Pick<Batch, 'rows' | 'sizes' | 'inputs'>): Promise<Decoding>;
  close(): Promise<void>;
}

/** Where rows stand after some tokens. It never changes, so that one can go on from it more than once. */
export interface Decoding {
  readonly rows: number;
  /** Tokens that were read. */
  readonly length: number;
  /** Reads one token of each row. */
  read(ids: Int32Array): Promise<Step>;
  /** Some of the rows, in this order; a row may come more than once. */
  take(rows: readonly number[]): Decoding;
}

export interface Step {
  /** Of each class to come next, [rows, classes]. */
  readonly scores: Float32Array;
  /** What the lines that were asked for say at this step, [rows, ...]. */
  readonly lines: readonly Tensor[];
  readonly after: Decoding;
}

/** Longer than anything that is written: what is generated has no padding. */
const ENDLESS = 2 ** 30;

/** Opens a model with its weights; `lines` are values of the model. Throws RunError where it cannot generate, or a weight is missing. */
export async function openDecoder(
  model: Model,
  weights: TrainerState,
  runtime: Runtime,
  lines: readonly Value[] = [],
  options: SessionOptions = { device: 'cpu', threads: 1 },
): Promise<Decoder> {
  const graphs = decoderGraphs(model, lines);
  const numbers = new Map<string, Numbers>();
  for (const { name } of model.weights) {
    const weight = weights.get(name);
    if (weight === undefined) throw new RunError(`The checkpoint has no weight ${name}, which the model needs.`);
    numbers.set(name, weight);
  }
  const { once, step } = loweredDecoder(model, graphs);
  const open = ({ model: proto }: typeof once): Promise<Session> => runtime.open(encodeModel(fixInputs(proto, numbers)), options);
  return new SessionDecoder(model, graphs, await open(once), await open(step), lines.length);
}

/** Both graphs as ONNX models whose weights are inputs. */
function loweredDecoder(model: Model, { once, step, ...values }: DecoderGraphs): Record<'once' | 'step', ReturnType<typeof lower>> {
  const own = parameterNames(model);
  // What the step is given may be an input of the model.
  const border = borderNames(values);
  const inputs = ({ parameters }: typeof once, ...names: ReadonlyMap<Value, string>[]): string[] =>
    parameters.map((value) => names.map((each) => each.get(value)).find((name) => name !== undefined)!);
  return {
    once: lower(once, { inputs: inputs(once, own, border), outputs: onceOutputs(values) }),
    step: lower(step, { inputs: inputs(step, border, own), outputs: stepOutputs(values, step.results.length - 1 - values.states.length) }),
  };
}

/** What the graph of the source is fed, by the names of a training. */
export function feedsOf(
  model: Model,
  { once, rows: rowsValue, axis }: DecoderGraphs,
  { rows, sizes, inputs }: Pick<Batch, 'rows' | 'sizes' | 'inputs'>,
): Record<string, Tensor> {
  const names = parameterNames(model);
  const weights = new Set(model.weights.map(({ value }) => value));
  const all: Readonly<Record<string, number>> = { ...sizes, B: rows };
  const fed = (value: Value): Tensor => {
    const input = model.inputs.find((each) => each.value === value);
    const type = value.type.dtype === 'int' ? 'int32' : 'float32';
    const dims = value.type.axes.map(({ size }) => (typeof size === 'number' ? size : all[size]!));
    const count = dims.reduce((product, size) => product * size, 1);
    if (value === rowsValue) return { type, dims, data: new Int32Array(count) };
    if (input === undefined) {
      const initial = model.states.find(({ before }) => before === value)?.initial ?? 0;
      return { type, dims, data: new Float32Array(count).fill(initial) };
    }
    if (input.name === `lengths(${axis})`) return { type, dims, data: new Int32Array(count).fill(ENDLESS) };
    const data = inputs[input.name];
    if (data === undefined) throw new RunError(`${model.name} reads ${input.name} before it writes, and it was not given.`);
    return { type, dims, data };
  };
  const read = once.parameters.filter((value) => !weights.has(value));
  return Object.fromEntries(read.map((value) => [value === rowsValue ? decoderPorts.rows : names.get(value)!, fed(value)]));
}

class SessionDecoder implements Decoder {
  readonly classes: number;
  readonly graphs: DecoderGraphs;
  readonly step: Session;
  readonly lines: number;
  readonly #model: Model;
  readonly #once: Session;

  constructor(model: Model, graphs: DecoderGraphs, once: Session, step: Session, lines: number) {
    this.classes = graphs.classes;
    this.graphs = graphs;
    this.step = step;
    this.lines = lines;
    this.#model = model;
    this.#once = once;
  }

  async begin({ rows, sizes, inputs }: Pick<Batch, 'rows' | 'sizes' | 'inputs'>): Promise<Decoding> {
    const { given, states } = this.graphs;
    const feeds = feedsOf(this.#model, this.graphs, { rows, sizes, inputs });
    const found = await this.#once.compute(feeds);
    return new SessionDecoding(this, {
      rows,
      length: 0,
      given: given.map((_, k) => found[decoderPorts.given(k)]!),
      states: states.map((_, k) => found[decoderPorts.state(k)]!),
      written: [],
    });
  }

  async close(): Promise<void> {
    await this.#once.release();
    await this.step.release();
  }
}

interface Held {
  readonly rows: number;
  readonly length: number;
  readonly given: readonly Tensor[];
  readonly states: readonly Tensor[];
  /** Of a model that reads all again: every token so far, [length][rows]. */
  readonly written: readonly Int32Array[];
}

class SessionDecoding implements Decoding {
  readonly #decoder: SessionDecoder;
  readonly #held: Held;

  constructor(decoder: SessionDecoder, held: Held) {
    this.#decoder = decoder;
    this.#held = held;
  }

  get rows(): number {
    return this.#held.rows;
  }

  get length(): number {
    return this.#held.length;
  }

  async read(ids: Int32Array): Promise<Step> {
    const { graphs, step, lines } = this.#decoder;
    const { rows, length, given, states, written } = this.#held;
    const all = graphs.isPrefix ? [...written, ids] : [];
    const feeds: Record<string, Tensor> = {};
    given.forEach((tensor, k) => {
      feeds[decoderPorts.given(k)] = tensor;
    });
    states.forEach((tensor, k) => {
      feeds[decoderPorts.state(k)] = tensor;
    });
    feeds[decoderPorts.input] = graphs.isPrefix
      ? { type: 'int32', dims: [all.length, rows], data: Int32Array.from(all.flatMap((each) => [...each])) }
      : { type: 'int32', dims: [rows], data: ids };
    feeds[decoderPorts.time] = { type: 'int32', dims: [], data: Int32Array.of(length) };
    const found = await step.compute(feeds);
    return {
      scores: found[decoderPorts.scores]!.data as Float32Array,
      lines: Array.from({ length: lines }, (_, k) => found[decoderPorts.line(k)]!),
      after: new SessionDecoding(this.#decoder, {
        rows,
        length: length + 1,
        given,
        states: states.map((_, k) => found[decoderPorts.after(k)]!),
        written: all,
      }),
    };
  }

  take(rows: readonly number[]): Decoding {
    const { graphs } = this.#decoder;
    const { given, states, written } = this.#held;
    const some = (value: Value, tensor: Tensor): Tensor => {
      const place = value.type.axes.findIndex(({ name }) => name === 'B');
      return place < 0 ? tensor : rowsOf(tensor, place, rows);
    };
    return new SessionDecoding(this.#decoder, {
      ...this.#held,
      rows: rows.length,
      given: given.map((tensor, k) => some(graphs.given[k]!, tensor)),
      states: states.map((tensor, k) => some(graphs.states[k]!, tensor)),
      written: written.map((ids) => Int32Array.from(rows, (row) => ids[row]!)),
    });
  }
}

/** Some places of a tensor's axis. */
export function rowsOf({ type, dims, data }: Tensor, place: number, rows: readonly number[]): Tensor {
  const inner = dims.slice(place + 1).reduce((product, size) => product * size, 1);
  const outer = dims.slice(0, place).reduce((product, size) => product * size, 1);
  const size = dims[place]!;
  const taken = new (data.constructor as Float32ArrayConstructor)(outer * rows.length * inner) as Float32Array;
  for (let k = 0; k < outer; k += 1)
    rows.forEach((row, at) => {
      const from = (k * size + row) * inner;
      taken.set((data as Float32Array).subarray(from, from + inner), (k * rows.length + at) * inner);
    });
  return { type, dims: dims.map((each, k) => (k === place ? rows.length : each)), data: taken };
}
