// The traces that are open, by number.

import type { Dataset } from '../data/dataset.ts';
import type { Reading } from '../data/text-stream.ts';
import type { Model } from '../graph/model.ts';
import type { Read } from '../language/index.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Trace, TraceDescription } from '../shared/trace.ts';
import { RuntimeEvaluator } from '../tracing/evaluator.ts';
import { type Beside, joined } from '../tracing/joined.ts';
import { fixedTime, loosened } from '../tracing/loosen.ts';
import type { TraceSource } from '../tracing/source.ts';
import { openTrace } from '../tracing/trace.ts';
import { initialise } from '../training/initialise.ts';
import type { TrainerState } from '../training/trainer.ts';
import { chosenWeights } from './chosen-weights.ts';
import { loadData } from './features.ts';
import { openForeignTrace } from './foreign-trace.ts';
import { openModelJob, openRunModel } from './job.ts';
import type { FileSource, SequenceChoice, TraceRequest } from './requests.ts';
import { type Reader, sequenceOf } from './sequence.ts';
import { writtenExample } from './written-sequence.ts';

export class Traces {
  readonly #runtime: Runtime;
  readonly #open = new Map<number, Trace>();
  #count = 0;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  async open(request: TraceRequest, reading?: Reading): Promise<TraceDescription> {
    const { source, sequence: choice, objective } = request;
    if (source.kind === 'onnx') return this.#foreign(source, choice, reading);
    const traced = await sourceOfTrace(source);
    const { model, weights, kept, state } = traced;
    const { inputs, lengths, steps, tokens, by, beside, what, alignment } = await sequenceOf(choice, traced, (written) =>
      writtenExample(written, traced, this.#runtime),
    );
    const id = this.#next();
    const vocabularies = Object.fromEntries(Object.entries(kept.vocabularies).map(([dimension, each]) => [dimension, each.tokens]));
    const classes = vocabularies[classesOf(model) ?? ''];
    const fixed = fixedTime(model);
    const about = {
      id,
      title: `${model.name} · ${state} · ${what}`,
      model: fixed === undefined ? model : loosened(model, fixed.name),
      weights,
      inputs,
      lengths,
      vocabularies,
      ...(alignment === undefined ? {} : { alignment }),
      ...(classes === undefined ? {} : { classes }),
      ...(objective === undefined ? {} : { objective }),
    };
    const main = await this.#trace({ ...about, steps, tokens, by, beside: [...beside.keys()] });
    const others = new Map<string, Beside>();
    try {
      for (const [axis, sequence] of beside)
        others.set(axis, { sequence, trace: await this.#trace({ ...about, ...sequence, time: axis }) });
    } catch (error) {
      await Promise.all([main, ...[...others.values()].map(({ trace }) => trace)].map((trace) => trace.close()));
      throw error;
    }
    const trace = joined(main, others);
    this.#open.set(id, trace);
    return trace.description;
  }

  async #trace(source: TraceSource): Promise<Trace> {
    const evaluator = new RuntimeEvaluator(this.#runtime, { B: 1 });
    return openTrace(source, evaluator).catch(async (error: unknown) => {
      await evaluator.close();
      throw error;
    });
  }

  async #foreign(
    source: Extract<TraceRequest['source'], { kind: 'onnx' }>,
    choice: SequenceChoice,
    reading?: Reading,
  ): Promise<TraceDescription> {
    if (choice.kind !== 'given') throw new Error('An ONNX model is run on an input that was chosen for it, not on a text or on data.');
    const id = this.#next();
    const trace = await openForeignTrace(id, source, choice.input, this.#runtime, reading);
    this.#open.set(id, trace);
    return trace.description;
  }

  /** Numbers of another process, which ended, must not mean traces of this one. */
  #next(): number {
    this.#count += 1;
    return process.pid * 2 ** 20 + this.#count;
  }

  get(id: number): Trace {
    const trace = this.#open.get(id);
    if (trace === undefined) throw new Error('This trace is no longer open: it was closed, or its process ended. Open it again.');
    return trace;
  }

  async close(id: number): Promise<void> {
    const trace = this.#open.get(id);
    this.#open.delete(id);
    await trace?.close();
  }
}

/** What the model's scores are of. */
const classesOf = ({ judged, prediction }: Model): string | undefined => judged?.classes ?? prediction?.classes;

export interface TracedModel extends Reader {
  readonly weights: TrainerState;
  /** `step 1,400`, or `untrained`. */
  readonly state: string;
  /** Of a run: the model for rows of different lengths, and the most tokens that its source lets it write. */
  readonly padded?: () => Model;
  readonly length?: number;
}

/** A run with the weights that are chosen of it, or a file's model as it starts. */
export async function sourceOfTrace(source: TraceRequest['source']): Promise<TracedModel> {
  if (source.kind === 'onnx') throw new Error('An ONNX model has no data of its own to choose a sequence from.');
  if (source.kind === 'file') return untrained(source);
  const { run, model, shapes, padded, generate } = await openRunModel(source.folder);
  const { weights, state } = await chosenWeights(run, model, source.checkpoint);
  const dataset = (): Promise<Dataset> => loadData(run.record.data, shapes, run.data);
  return {
    ...{ model, shapes, weights, kept: run.data, dataset, padded, state },
    ...(generate === undefined ? {} : { length: generate.length }),
  };
}

/** A file's model as it starts. `read`: where texts are changed before they are read. */
export async function untrained({ file, ...choice }: FileSource, read?: Read): Promise<TracedModel> {
  const { model, shapes, data, settings } = await openModelJob(file, choice, read);
  const weights = initialise(model.weights, settings.seed);
  return { model, shapes, weights, kept: data, dataset: async () => data, state: 'untrained' };
}
