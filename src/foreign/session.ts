// A model of others with one input: what it computed, and every recurrent part of it replayed.
//
// Parts whose sequences are as many and as long are replayed together, as one source; others in groups of their own (an encoder and a decoder, a
// recurrence over frequency bands inside one over time).

import type { ModelProto } from '../onnx/proto.ts';
import type { Runtime, Tensor } from '../runtime/runtime.ts';
import { RuntimeEvaluator } from '../tracing/evaluator.ts';
import { findParts } from './find.ts';
import { type ObservedModel, observe } from './observed.ts';
import { type BoundPart, PartError, type RecurrentPart } from './part.ts';
import { type Parity, type ReplayedParts, type ReplayRequest, replay } from './replay.ts';

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

/** Parts that are replayed as one source: their sequences are as many, and all of one length. */
export interface PartGroup {
  readonly parts: readonly RanPart[];
  readonly items: readonly number[];
  readonly steps: number;
}

export class ForeignSession {
  readonly parts: readonly RecurrentPart[];
  readonly refused: ReturnType<typeof findParts>['refused'];
  readonly #runtime: Runtime;
  readonly #model: ModelProto;
  #observed: Promise<ObservedModel> | undefined;

  constructor(runtime: Runtime, model: ModelProto) {
    this.#runtime = runtime;
    this.#model = model;
    ({ parts: this.parts, refused: this.refused } = findParts(model));
  }

  /** Runs the untouched model. Throws RuntimeFailure. */
  async run(feeds: Readonly<Record<string, Tensor>>): Promise<RanModel> {
    this.#observed ??= observe(this.#runtime, this.#model, this.parts);
    const { outputs, parts } = await (await this.#observed).run(feeds);
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
    return { outputs, ran, idle };
  }

  async release(): Promise<void> {
    const observed = await this.#observed?.catch(() => undefined);
    this.#observed = undefined;
    await observed?.release();
  }
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

/** Replays a group: all of its sequences, or some. */
export async function replayGroup(
  runtime: Runtime,
  { parts, items }: PartGroup,
  request: Omit<ReplayRequest, 'parts'>,
): Promise<ReplayedParts> {
  const evaluator = new RuntimeEvaluator(runtime, { B: items.length });
  return replay({ ...request, parts: parts.map(({ part, bound }) => ({ part, bound, items })) }, evaluator).catch(
    async (error: unknown) => {
      await evaluator.close();
      throw error;
    },
  );
}

/** The worst of several measurements of the same parts. */
export function worstParity(all: readonly Parity[]): Parity[] {
  const worst = new Map<string, number | undefined>();
  for (const { part, value } of all) {
    const before = worst.get(part);
    worst.set(part, value === undefined ? before : Math.max(before ?? 0, value));
  }
  return [...worst].map(([part, value]) => ({ part, value }));
}
