// A trace of an ONNX model of others: one run, the parts that ran over the chosen sequence, and their source as a file to stop in.

import type { Reading } from '../data/text-stream.ts';
import type { ForeignModel, ForeignRun } from '../foreign/model.ts';
import { wordOf } from '../foreign/names.ts';
import { openAndRun } from '../foreign/pairs/open.ts';
import { attentionOf, PartError } from '../foreign/part.ts';
import { type ReplayedParts, seed, seedsOf } from '../foreign/replay.ts';
import { type PartGroup, replayGroup } from '../foreign/session.ts';
import type { GeneratedSource } from '../foreign/text.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { ForeignInput } from '../shared/foreign.ts';
import type { OutputObjective } from '../shared/objective.ts';
import type { InstanceDescription, Objective, ReadRequest, SummaryKind, Trace, TraceDescription } from '../shared/trace.ts';
import { AlongSequences } from './along-sequences.ts';
import { chosenSequence } from './chosen-sequence.ts';
import { partParity } from './foreign.ts';
import { generatedPath, keepGenerated } from './generated.ts';

/** Throws what running it throws, and PartError where no part ran over the sequence. */
export async function openForeignTrace(
  id: number,
  { file, generated }: { readonly file: string; readonly generated?: string },
  input: ForeignInput,
  runtime: Runtime,
  reading?: Reading,
): Promise<Trace> {
  const { model, run } = await openAndRun(file, input, runtime, reading);
  try {
    const { group, title, still, names } = chosenSequence(model, run, input);
    const path = generatedPath(model.file.path, generated);
    const name = wordOf(model.name.replace(/\.onnx$/i, '')) || 'Model';
    const request = {
      id,
      title,
      model: name,
      file: model.name,
      uri: path,
      cotangents: () => new Map(),
    };
    const replayed = await replayGroup(model.evaluators, group, request);
    await keepGenerated(path, replayed.source.text);
    const trace = new ForeignTrace(model, run, group, replayed, names);
    return still === undefined ? trace : new AlongSequences(trace, still, group.items.length);
  } catch (error) {
    await model.release();
    throw error;
  }
}

/** The replayed parts, with gradients of the untouched model's outputs; these are computed when they are first asked for. */
class ForeignTrace implements Trace {
  readonly #model: ForeignModel;
  readonly #run: ForeignRun;
  readonly #group: PartGroup;
  readonly #replayed: ReplayedParts;
  #objective: OutputObjective | undefined;
  #seeded: Promise<void> | undefined;
  #missing: readonly string[] = [];
  readonly #names: readonly string[] | undefined;

  constructor(model: ForeignModel, run: ForeignRun, group: PartGroup, replayed: ReplayedParts, names?: readonly string[]) {
    this.#names = names;
    this.#model = model;
    this.#run = run;
    this.#group = group;
    this.#replayed = replayed;
    const [first] = this.#outputs;
    if (first !== undefined) this.#objective = { kind: 'output', output: first.name };
  }

  get description(): TraceDescription {
    const { trace, parity } = this.#replayed;
    const { ran, idle } = this.#run;
    const own = new Set(this.#group.parts.map(({ part }) => part));
    const others = new Set(ran.map(({ part }) => part).filter((part) => !own.has(part)));
    const left = [
      ...idle.map(({ part, why }) => ({ part: part.name, why })),
      ...[...others].map((part) => ({ part: part.name, why: 'it runs over another sequence, or one of another length' })),
    ];
    const parts = parity.map(partParity);
    const outputs = this.#outputs;
    return {
      ...trace.description,
      instances: withAttention(trace.description.instances, this.#replayed.source),
      parts,
      parity: Math.max(trace.description.parity, ...parts.map(({ value = 0 }) => value)),
      ...(left.length === 0 ? {} : { idle: left }),
      ...(this.#names === undefined ? {} : { sequences: this.#names }),
      ...(outputs.length === 0 ? {} : { outputs }),
      ...(this.#objective === undefined ? {} : { objective: this.#objective }),
    };
  }

  async read(request: ReadRequest): Promise<readonly Float32Array[]> {
    if (request.gradient === true) await this.#seed();
    return this.#replayed.trace.read(request);
  }

  async summary(kind: SummaryKind): Promise<Float32Array> {
    if (kind.kind === 'norm' && kind.gradient) await this.#seed();
    return this.#replayed.trace.summary(kind);
  }

  weight(name: string): ReturnType<Trace['weight']> {
    return this.#replayed.trace.weight(name);
  }

  async differentiate(objective: Objective): Promise<void> {
    if (objective.kind !== 'output' && objective.kind !== 'against')
      throw new PartError('Gradients of an ONNX model are of one of its outputs.');
    const before = [this.#objective, this.#seeded] as const;
    this.#objective = objective;
    this.#seeded = undefined;
    try {
      await this.#seed();
    } catch (error) {
      [this.#objective, this.#seeded] = before;
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#replayed.trace.close();
    await this.#model.release();
  }

  /** What loses gradient where, in sentences. */
  get missing(): readonly string[] {
    return this.#missing;
  }

  /** Float outputs, where a gradient of them reaches a part. */
  get #outputs(): { readonly name: string; readonly dims: readonly number[] }[] {
    const { outputs, ran } = this.#run;
    if (!ran.some(({ bound }) => bound.gradient !== undefined)) return [];
    return Object.entries(outputs)
      .filter(([, { type, data }]) => type === 'float32' && data.length > 0)
      .map(([name, { dims }]) => ({ name, dims }));
  }

  #seed(): Promise<void> {
    this.#seeded ??= this.#cotangents();
    return this.#seeded;
  }

  async #cotangents(): Promise<void> {
    if (this.#objective === undefined) throw new PartError('There is nothing in this model that a gradient could be of.');
    const { trace, source } = this.#replayed;
    const { parts, items, steps } = this.#group;
    const { of, missing } = await this.#model.gradient(this.#run, this.#objective);
    this.#missing = missing;
    const seeds = seedsOf(
      source,
      parts.map(({ part, bound }) => ({ part, bound, items })),
    );
    seed(trace, seeds, steps, of);
  }
}

/** Which lines of the generated cells are attention. */
function withAttention(instances: readonly InstanceDescription[], { runs }: GeneratedSource): readonly InstanceDescription[] {
  return instances.map((instance) => {
    const cell = runs.find(({ line }) => line === instance.path)?.run.cell;
    const marked = new Set(cell === undefined ? [] : attentionOf(cell).attention);
    if (marked.size === 0) return instance;
    return { ...instance, lines: instance.lines.map((line) => (marked.has(line.name) ? { ...line, attention: true as const } : line)) };
  });
}
