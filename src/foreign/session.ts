// A model of others with one input: what it computed, and every recurrent part of it replayed.
//
// Parts whose sequences are as many and as long are replayed together, as one source; others in groups of their own (an encoder and a decoder, a
// recurrence over frequency bands inside one over time).

import { setImmediate } from 'node:timers/promises';
import type { ModelProto } from '../onnx/proto.ts';
import type { Runtime, SessionOptions, Tensor } from '../runtime/runtime.ts';
import type { Reading } from '../shared/reading.ts';
import { type Evaluator, RuntimeEvaluator } from '../tracing/evaluator.ts';
import { findParts } from './find.ts';
import { hasHalves } from './half-operators.ts';
import { ObservedModel, type PartValues } from './observed.ts';
import { isQuantizedLstm } from './operators/quantized.ts';
import { type BoundPart, PartError, type RecurrentPart } from './part.ts';
import { type Parity, type ReplayedParts, type ReplayRequest, replay } from './replay.ts';
import type { StreamRule } from './streaming/rule.ts';
import { type Frames, type StreamOptions, streamRun } from './streaming/run.ts';
import { concatenated, stacked } from './tensors.ts';

/** Nodes from which on the runtime takes more time to optimise a graph than to run it: its time for that rises with the square of their number. */
export const LARGE = 10_000;

/** A part as it ran once. */
export interface RanPart {
  readonly part: RecurrentPart;
  readonly bound: BoundPart;
  /** Of the loops around it, from 0; 0 where there are none. */
  readonly iteration: number;
}

export interface RanModel {
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly ran: readonly RanPart[];
  /** Parts without numbers, and why: their branch did not run, or they do not fit. */
  readonly idle: readonly { readonly part: RecurrentPart; readonly why: string }[];
}

type Feeds = Readonly<Record<string, Tensor>>;

/** How an output of each call became one of all: the last, or along an axis that calls have (`axis`) or have not. */
export type Joining = { readonly kind: 'last' } | { readonly kind: 'along'; readonly axis: number } | { readonly kind: 'stacked' };

/** A model that was called once a frame. */
export interface StreamedModel extends RanModel {
  /** What each call was fed. */
  readonly calls: readonly Feeds[];
  readonly joining: ReadonlyMap<string, Joining>;
}

/** Parts that are replayed as one source: their sequences are as many, and all of one length. */
export interface PartGroup {
  readonly parts: readonly RanPart[];
  readonly items: readonly number[];
  readonly steps: number;
}

export class ForeignSession {
  readonly parts: readonly RecurrentPart[];
  readonly attention: readonly RecurrentPart[];
  readonly refused: ReturnType<typeof findParts>['refused'];
  readonly #runtime: Runtime;
  /** With all values in itself. */
  readonly model: ModelProto;
  #observed: Promise<ObservedModel> | undefined;

  constructor(runtime: Runtime, model: ModelProto) {
    this.#runtime = runtime;
    this.model = model;
    ({ parts: this.parts, attention: this.attention, refused: this.refused } = findParts(model));
  }

  /** Runs the untouched model. Throws RuntimeFailure. */
  async run(feeds: Readonly<Record<string, Tensor>>): Promise<RanModel> {
    const { outputs, parts } = await (await this.#open()).run(feeds);
    return { outputs, ...this.#bound(parts) };
  }

  /** Calls the untouched model once a frame, and takes what its parts did as one run. Throws StreamError, RuntimeFailure. */
  async stream(rule: StreamRule, frames: Readonly<Record<string, Frames>>, options: Omit<StreamOptions, 'fetch'>): Promise<StreamedModel> {
    const observed = await this.#open();
    const calls = new Map(this.#all.map((part) => [part, [] as ReadonlyMap<string, Tensor>[]]));
    const outputs = new Map<string, Tensor[]>(observed.own.map((name) => [name, []]));
    const steps = streamRun(observed.session, rule, frames, { ...options, fetch: observed.all });
    const fed: Feeds[] = [];
    for await (const { outputs: all, feeds } of steps) {
      fed.push(feeds);
      for (const [part, values] of calls) {
        const [once, ...more] = observed.valuesOf(part, all).iterations;
        if (once !== undefined && more.length === 0) values.push(once);
      }
      for (const [name, values] of outputs) values.push(all[name]!);
    }
    const ran: RanPart[] = [];
    const idle: RanModel['idle'][number][] = [];
    for (const [part, values] of calls)
      try {
        if (part.bindJoined === undefined) idle.push({ part, why: 'its calls, each for a step of its own, are not one run' });
        else if (values.length === 0) idle.push({ part, why: 'its branch did not run' });
        else ran.push({ part, bound: part.bindJoined(values), iteration: 0 });
      } catch (error) {
        if (!(error instanceof PartError)) throw error;
        idle.push({ part, why: error.message });
      }
    return { ...joinedOutputs(outputs, rule, options), ran, idle, calls: fed };
  }

  /** All that is replayed. */
  get #all(): readonly RecurrentPart[] {
    return [...this.parts, ...this.attention];
  }

  /** Opens what runs, which takes long of large graphs. Throws RuntimeFailure, and the signal's reason before it has begun. */
  async open({ say, signal }: Reading = {}): Promise<void> {
    const nodes = this.model.graph.node.length;
    if (this.#observed === undefined && nodes > LARGE) {
      say?.(`${nodes.toLocaleString('en-US')} nodes are opened by the runtime, without its optimisations: they would take even longer`);
      await setImmediate();
    }
    signal?.throwIfAborted();
    await this.#open();
  }

  #optimisation(): Pick<SessionOptions, 'optimise'> {
    const { node } = this.model.graph;
    // Quantised values are moved about, so that what is observed is no longer what its node made.
    if (node.length > LARGE || node.some(({ op_type }) => op_type === 'QuantizeLinear')) return { optimise: 'disabled' };
    // onnxruntime 1.30 ends the process over some models of halves, and leaves out their rounding in others.
    return hasHalves(this.model) ? { optimise: 'extended' } : {};
  }

  #open(): Promise<ObservedModel> {
    // Several threads share out the sequences, and each makes bytes of its own share of the states.
    const isQuantized = this.parts.some(({ nodes }) => nodes.some(isQuantizedLstm));
    const options: SessionOptions = {
      device: 'cpu',
      ...(isQuantized ? { threads: 1 } : {}),
      ...this.#optimisation(),
    };
    this.#observed ??= ObservedModel.open(this.#runtime, this.model, this.#all, options);
    return this.#observed;
  }

  #bound(parts: readonly PartValues[]): Omit<RanModel, 'outputs'> {
    const ran: RanPart[] = [];
    const idle: RanModel['idle'][number][] = [];
    for (const { part, iterations } of parts) {
      if (iterations.length === 0) idle.push({ part, why: 'its branch did not run' });
      try {
        for (const [iteration, values] of iterations.entries()) ran.push({ part, bound: part.bind(values), iteration });
      } catch (error) {
        if (!(error instanceof PartError)) throw error;
        idle.push({ part, why: error.message });
      }
    }
    return { ran, idle };
  }

  async release(): Promise<void> {
    const observed = await this.#observed?.catch(() => undefined);
    this.#observed = undefined;
    await observed?.release();
  }
}

/** States as they are in the end; what has an axis of frames along it; the rest with an axis of frames in front. */
function joinedOutputs(
  outputs: ReadonlyMap<string, readonly Tensor[]>,
  rule: StreamRule,
  { inputs }: Pick<StreamOptions, 'inputs'>,
): Pick<StreamedModel, 'outputs' | 'joining'> {
  const states = new Set(rule.state.map(({ output }) => output));
  const [frame] = rule.frames;
  const rank = inputs.find(({ name }) => name === frame?.input)?.dims?.length;
  const axis = frame?.axis;
  const joining = new Map<string, Joining>();
  const joined: Record<string, Tensor> = {};
  for (const [name, values] of outputs) {
    const last = values.at(-1);
    if (last === undefined) continue;
    const isAlong = axis !== undefined && last.dims.length === rank && last.dims[axis] === 1;
    const how: Joining = states.has(name) ? { kind: 'last' } : isAlong ? { kind: 'along', axis } : { kind: 'stacked' };
    joining.set(name, how);
    joined[name] = how.kind === 'last' ? last : how.kind === 'along' ? concatenated(values, how.axis) : stacked(values);
  }
  return { outputs: joined, joining };
}

/** Every sequence of every part, in groups that can be replayed together. */
export function groupsOf(ran: readonly RanPart[]): PartGroup[] {
  const groups = new Map<string, { parts: RanPart[]; items: readonly number[]; steps: number }>();
  for (const each of ran) {
    const { lengths } = each.bound;
    for (const steps of new Set(lengths)) {
      if (steps === 0) continue;
      const items = [...lengths.keys()].filter((item) => lengths[item] === steps);
      const key = `${each.iteration} ${steps} ${items.join(' ')}`;
      const group = groups.get(key) ?? { parts: [], items, steps };
      group.parts.push(each);
      groups.set(key, group);
    }
  }
  return [...groups.values()];
}

/** What computes replays: its sessions serve every sequence of a model, until it is closed. */
export class Evaluators {
  readonly #runtime: Runtime;
  readonly #byBatch = new Map<number, RuntimeEvaluator>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** For so many sequences side by side. Closing it leaves the sessions for the next. */
  of(batch: number): Evaluator {
    const known = this.#byBatch.get(batch) ?? new RuntimeEvaluator(this.#runtime, { B: batch });
    this.#byBatch.set(batch, known);
    return { run: (graph, feeds, sizes) => known.run(graph, feeds, sizes), close: async () => {} };
  }

  async close(): Promise<void> {
    const all = [...this.#byBatch.values()];
    this.#byBatch.clear();
    await Promise.all(all.map((each) => each.close()));
  }
}

/** Replays a group: all of its sequences, or some. */
export const replayGroup = (
  evaluators: Evaluators,
  { parts, items }: PartGroup,
  request: Omit<ReplayRequest, 'parts'>,
): Promise<ReplayedParts> =>
  replay({ ...request, parts: parts.map(({ part, bound }) => ({ part, bound, items })) }, evaluators.of(items.length));

/** The worst of several measurements of the same parts. */
export function worstParity(all: readonly Parity[]): Parity[] {
  const worst = new Map<string, Parity>();
  for (const each of all) {
    const { value: before, lost: lostBefore = 0 } = worst.get(each.part) ?? {};
    const lost = lostBefore + (each.lost ?? 0);
    const value = each.value === undefined ? before : Math.max(before ?? 0, each.value);
    worst.set(each.part, { ...each, value, ...(lost === 0 ? {} : { lost }) });
  }
  return [...worst.values()];
}
