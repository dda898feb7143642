// Parts replayed: the generated source is built as any model is, gets the numbers of a run of the untouched model, and is traced. What the replay
// says is measured against what the untouched model computed.

import { readFile } from 'node:fs/promises';
import type { Model } from '../graph/model.ts';
import { buildModel, loadProgram } from '../language/index.ts';
import type { Tensor } from '../runtime/runtime.ts';
import type { Address, TraceDescription } from '../shared/trace.ts';
import type { Evaluator } from '../tracing/evaluator.ts';
import { openTrace, type SeededTrace } from '../tracing/trace.ts';
import { withoutLost } from './not-numbers.ts';
import type { BoundPart, Expected, PartGradient, RecurrentPart } from './part.ts';
import { type GeneratedRun, type GeneratedSource, sourceOf } from './text.ts';

export interface ReplayRequest {
  readonly id: number;
  readonly title: string;
  /** Name of the generated model, and of the file that it is from. */
  readonly model: string;
  readonly file: string;
  /** Where the generated source is said to stand. */
  readonly uri: string;
  /** Parts, as many sequences of each, all of one length. */
  readonly parts: readonly ReplayedPart[];
  /** The cotangents with which the gradients of a part begin. Parts that have no gradient begin with nothing. */
  readonly cotangents?: Cotangents;
  readonly tokens?: readonly string[];
  readonly by?: TraceDescription['by'];
}

export type Cotangents = (bound: BoundPart) => ReadonlyMap<string, Tensor>;

export interface ReplayedPart {
  readonly part: RecurrentPart;
  readonly bound: BoundPart;
  readonly items: readonly number[];
}

export interface Parity {
  readonly part: string;
  /** The largest difference to the untouched model's states, over their largest size there; absent where the model gives none of them. */
  readonly value: number | undefined;
  readonly halves?: true;
  /** See not-numbers.ts. */
  readonly lost?: number;
}

export interface ReplayedParts {
  readonly trace: SeededTrace;
  readonly source: GeneratedSource;
  readonly parity: readonly Parity[];
}

/** What a replay is traced from: the generated model with the numbers of a run. */
export interface ReplaySource {
  readonly source: GeneratedSource;
  readonly model: Model;
  readonly weights: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;
  /** [T, B, ...], and [B, ...] of what is the same at all steps. */
  readonly inputs: Readonly<Record<string, Float32Array>>;
  readonly steps: number;
  readonly batch: number;
}

type Replayed = ReplaySource & { readonly expected: ReadonlyMap<GeneratedRun, readonly Expected[]> };

/** Parts over their sequences as a model with its weights and inputs. Throws PartError where a part does not fit its own numbers. */
export async function replaySource(request: Pick<ReplayRequest, 'model' | 'file' | 'uri' | 'parts'>): Promise<Replayed> {
  const { parts } = request;
  const source = sourceOf(request.model, request.file, parts);
  const model = await modelOf(source, request.uri);
  const { bound: first, items: chosen } = parts[0]!;
  const [steps, batch] = [first.lengths[chosen[0]!]!, chosen.length];
  const weights = new Map<string, { readonly shape: readonly number[]; readonly data: Float32Array }>();
  const inputs: Record<string, Float32Array> = {};
  const expected = new Map<GeneratedRun, readonly Expected[]>();
  for (const generated of source.runs) {
    const { items } = parts.find(({ part }) => part === generated.part)!;
    const { run, line } = generated;
    for (const [name, numbers] of run.weights) weights.set(`${line}.${name}`, numbers);
    const sequences = items.map((item) => run.sequence(item));
    for (const { name } of run.cell.inputs)
      inputs[generated.inputs.get(name)!] = sideBySide(
        sequences.map((each) => each.inputs[name]!),
        steps,
      );
    for (const { name } of run.cell.held)
      inputs[generated.inputs.get(name)!] = sideBySide(
        sequences.map((each) => each.inputs[name]!),
        1,
      );
    const lines = sequences[0]!.expected.map(({ line: name, lastOnly }, k): Expected => {
      return {
        line: name,
        lastOnly,
        data: sideBySide(
          sequences.map((each) => each.expected[k]!.data),
          lastOnly ? 1 : steps,
        ),
      };
    });
    expected.set(generated, lines);
  }
  return { source, model, weights, inputs, steps, batch, expected };
}

/** Replays parts over their sequences. Throws TraceError, and PartError where a part does not fit its own numbers. */
export async function replay(request: ReplayRequest, evaluator: Evaluator): Promise<ReplayedParts> {
  const { parts, id, title } = request;
  const { source, model, weights, inputs, steps, batch, expected } = await replaySource(request);
  const given = request.tokens ?? [];
  const tokens = Array.from({ length: steps }, (_, t) => given[t] ?? String(t));
  const seeds = request.cotangents === undefined ? undefined : seedsOf(source, parts);
  // What the untouched model says of its states is taken as it is; the rest is computed from it.
  const known = new Map<string, Float32Array>();
  for (const [{ line }, lines] of expected)
    for (const each of lines) if (!each.lastOnly && each.line.endsWith("'")) known.set(`${line}/${each.line}`, each.data);
  const trace = await openTrace(
    {
      id,
      title,
      model,
      weights,
      inputs,
      steps,
      batch,
      tokens,
      by: request.by ?? 'number',
      ...(known.size === 0 ? {} : { known }),
      ...(seeds === undefined || seeds.length === 0 ? {} : { seeds: seeds.map(({ address }) => address) }),
    },
    evaluator,
  );
  if (seeds !== undefined && seeds.length > 0) seed(trace, seeds, steps, request.cotangents!);
  await trace.remember(REMEMBERED);
  const parity: Parity[] = [];
  for (const { part } of parts) {
    let value: number | undefined;
    let lost = 0;
    for (const [generated, lines] of expected) {
      if (generated.part !== part) continue;
      const hasNaN = (): boolean => [...generated.inputs.values()].some((name) => inputs[name]!.some(Number.isNaN));
      const found = await parityOf(trace, generated, lines, steps, hasNaN);
      if (found === undefined) continue;
      value = Math.max(value ?? 0, found.value);
      lost += found.lost;
    }
    parity.push({
      part: part.name,
      value,
      ...(lost === 0 ? {} : { lost }),
      ...(part.halves === undefined ? {} : { halves: part.halves }),
    });
  }
  return { trace, source, parity };
}

/** Bytes of a replay that is computed whole when it is opened; a larger one is computed as it is read. */
const REMEMBERED = 48 * 2 ** 20;

/** A state at which gradients begin. */
export interface Seed {
  readonly address: Address;
  readonly bound: BoundPart;
  readonly gradient: PartGradient;
  /** The run of its part, and the place among its seeds. */
  readonly run: number;
  readonly place: number;
  readonly items: readonly number[];
}

export function seedsOf(source: GeneratedSource, parts: readonly ReplayedPart[]): Seed[] {
  return parts.flatMap(({ part, bound, items }) => {
    const { gradient } = bound;
    if (gradient === undefined) return [];
    return source.runs
      .filter((run) => run.part === part)
      .flatMap(({ line }, run) =>
        gradient.seeds.map((name, place) => ({ address: { instance: line, line: name }, bound, gradient, run, place, items })),
      );
  });
}

/** Gives a trace the cotangents that its gradients begin with. */
export function seed(trace: SeededTrace, seeds: readonly Seed[], steps: number, cotangents: Cotangents): void {
  trace.seed(
    seeds.map(({ bound, gradient, run, place, items }) =>
      sideBySide(
        items.map((item) => gradient.seed(run, item, cotangents(bound))[place]!),
        steps,
      ),
    ),
  );
}

/** Sequences of [T, ...] as [T, B, ...]. */
function sideBySide(sequences: readonly Float32Array[], steps: number): Float32Array {
  const [only, ...more] = sequences;
  if (more.length === 0) return only!;
  const width = only!.length / steps;
  const result = new Float32Array(only!.length * sequences.length);
  sequences.forEach((data, b) => {
    for (let t = 0; t < steps; t += 1) result.set(data.subarray(t * width, (t + 1) * width), (t * sequences.length + b) * width);
  });
  return result;
}

/** The last sources that were built: another sequence of a model has the same. */
const built = new Map<string, Promise<Model>>();
const KEPT = 16;

/** The generated source as a model. */
function modelOf(source: GeneratedSource, uri: string): Promise<Model> {
  const key = `${uri}\n${source.text}`;
  const known = built.get(key) ?? buildSource(source, uri);
  built.delete(key);
  built.set(key, known);
  known.catch(() => built.delete(key));
  if (built.size > KEPT) built.delete(built.keys().next().value!);
  return known;
}

async function buildSource({ text, model }: GeneratedSource, uri: string): Promise<Model> {
  const program = await loadProgram(uri, async (path) => (path === uri ? text : readFile(path, 'utf8')));
  return buildModel(program, { model, classes: {} });
}

async function parityOf(
  trace: SeededTrace,
  { line, run }: GeneratedRun,
  expected: readonly Expected[],
  steps: number,
  hasNaN: () => boolean,
): Promise<{ readonly value: number; readonly lost: number } | undefined> {
  if (steps === 0 || expected.length === 0) return undefined;
  let [worst, all] = [0, 0];
  for (const { line: name, data, lastOnly } of expected) {
    const at = run.direction === 'reverse' ? 0 : steps - 1;
    const [from, to] = lastOnly ? [at, at + 1] : [0, steps];
    const found = await trace.recomputed({ instance: line, line: name }, from, to);
    const difference = relativeDifference(found, data);
    const { found: kept, lost } = difference < Number.POSITIVE_INFINITY || !hasNaN() ? { found, lost: 0 } : withoutLost(found, data);
    worst = Math.max(worst, lost === 0 ? difference : relativeDifference(kept, data));
    all += lost;
  }
  return { value: worst, lost: all };
}

/** The largest difference over the largest size. NaN and infinities are no difference where both have them. */
export function relativeDifference(found: Float32Array, expected: Float32Array): number {
  if (found.length !== expected.length) return Number.POSITIVE_INFINITY;
  let [largest, difference] = [0, 0];
  for (let k = 0; k < expected.length; k += 1) {
    const size = Math.abs(expected[k]!);
    const apart = Math.abs(found[k]! - expected[k]!);
    // Comparisons with NaN are false: such numbers are looked at by themselves.
    if (!(apart < Number.POSITIVE_INFINITY)) {
      if (Object.is(found[k], expected[k])) continue;
      return Number.POSITIVE_INFINITY;
    }
    if (size > largest) largest = size;
    if (apart > difference) difference = apart;
  }
  return difference === 0 ? 0 : difference / Math.max(largest, Number.MIN_VALUE);
}
