// What the engine does for each request, by the stages behind it.

import { stat } from 'node:fs/promises';
import { studies } from '../analysis/studies/studies.ts';
import { npz } from '../data/npz.ts';
import type { Reading } from '../data/text-stream.ts';
import { ForeignModel } from '../foreign/model.ts';
import { proposalOf } from '../foreign/pairs/open.ts';
import { createRuntime } from '../runtime/onnxruntime.ts';
import type { StudyName } from '../shared/analysis.ts';
import type { TraceDescription } from '../shared/trace.ts';
import { replaceFile } from '../training/files.ts';
import type { TrainHooks } from '../training/train.ts';
import { type AnalyseHooks, analyseModel, studyModel } from './analysing.ts';
import { openAsModel } from './as-model.ts';
import { beginningsOf } from './beginnings.ts';
import { compareCells, compareModels } from './comparing.ts';
import { exportRun } from './exporting.ts';
import { loadData } from './features.ts';
import { inspect, nodeByNode, traceForeign, verify } from './foreign.ts';
import { written } from './generating.ts';
import { importWeights } from './importing.ts';
import { openRunModel, trainsOf } from './job.ts';
import { allowedMemory, usualMemory, withinMemory } from './memory-limit.ts';
import { OpenRuns } from './open-runs.ts';
import { previewData } from './preview.ts';
import { reproduce } from './reproducing.ts';
import type { Context, Handlers } from './serve.ts';
import { sourceOfTrace, Traces } from './traces.ts';
import { runTraining } from './training.ts';
import { tryRepairs } from './trying.ts';
import { sourceOfRun } from './writing.ts';

export interface Engine {
  readonly handlers: Handlers;
  /** Pauses the training that runs; resolves when nothing is left to do. */
  finish(): Promise<void>;
}

export function createHandlers(runtime = createRuntime()): Engine {
  const traces = new Traces(runtime);
  const runs = new OpenRuns(runtime);
  let stop: 'pause' | 'cancel' | undefined;
  let training: Promise<unknown> = Promise.resolve();

  const handlers: Handlers = {
    devices: () => runtime.devices(),

    train(request, context) {
      const { emit, signal } = context;
      stop = undefined;
      let folder = '';
      const hooks: TrainHooks = {
        started(summary) {
          folder = summary.folder;
          emit({ name: 'started', data: { run: summary } });
        },
        progress: (record) => emit({ name: 'progress', data: { run: folder, record } }),
        message: (text) => emit({ name: 'message', data: { text } }),
        stop: () => stop ?? (signal.aborted ? 'cancel' : undefined),
      };
      const run = runTraining(request, hooks, readingOf(context));
      training = run.catch(() => undefined);
      return run;
    },
    async stopTraining({ kind }) {
      stop = kind;
      await training;
      return {};
    },

    async beginnings({ source, count }) {
      const traced = await sourceOfTrace(source);
      return beginningsOf(await traced.dataset(), traced, count);
    },
    async statements({ file }) {
      return (await trainsOf(file)).map(({ model, data, item, label }) => ({
        model,
        data,
        item,
        ...(label === undefined ? {} : { label }),
      }));
    },
    preview: ({ file, data, model }, context) => previewData(file, data, model, readingOf(context)),
    inspect: ({ file }, context) => inspect(file, runtime, readingOf(context)),
    inputNeeds: async ({ file, choices }, context) => (await ForeignModel.open(file, runtime, readingOf(context))).needs(choices),
    pairProposal: ({ encoder, decoder }, context) => proposalOf(encoder, decoder, runtime, readingOf(context)),
    traceForeign: (request, context) => withinMemory(allowedMemory(), () => traceForeign(request, runtime, readingOf(context))),
    openAsModel: (request, context) => withinMemory(allowedMemory(), () => openAsModel(request, runtime, readingOf(context))),
    async nodeByNode(request, context) {
      const tell = (text: string): void => context.emit({ name: 'node', data: { text } });
      await withinMemory(allowedMemory(), () => nodeByNode(request, runtime, tell, readingOf(context)));
      return {};
    },
    async verify(request, context) {
      const { size } = await stat(request.file).catch(() => ({ size: 0 }));
      return withinMemory(usualMemory(size), () => verify(request, runtime, readingOf(context)));
    },
    analyse: (request, context) => bounded(request, () => analyseModel(request, runtime, hooksOf(context))),
    study: (request, context) => bounded(request, () => studyModel(request, runtime, hooksOf(context))),
    async studies() {
      return Object.entries(studies).map(([name, { title }]) => ({ name: name as StudyName, title }));
    },
    async writeArrays({ path, arrays }) {
      await replaceFile(path, npz(arrays));
      return {};
    },
    tryRepair: (request, context) => tryRepairs(request, runtime, hooksOf(context)),
    compareMemory: (request, context) => withinMemory(allowedMemory(), () => compareModels(request, runtime, hooksOf(context))),
    compareCells: (request, context) => compareCells(request, runtime, hooksOf(context)),
    reproduce: (request, { emit, signal }) =>
      reproduce(request, runtime, {
        signal,
        progress: (done) => emit({ name: 'share', data: { done } }),
        say: (text) => emit({ name: 'message', data: { text } }),
      }),
    openTrace(request, context) {
      const open = (): Promise<TraceDescription> => traces.open(request, readingOf(context));
      return request.source.kind === 'onnx' ? withinMemory(allowedMemory(), open) : open();
    },
    read: ({ trace, ...request }) => traces.get(trace).read(request),
    summary: ({ trace, summary }) => traces.get(trace).summary(summary),
    weight: ({ trace, name }) => traces.get(trace).weight(name),
    async differentiate({ trace, objective }) {
      await traces.get(trace).differentiate(objective);
      return {};
    },
    async closeTrace({ trace }) {
      await traces.close(trace);
      return {};
    },

    export: exportRun,
    importWeights,
    generate: ({ run: folder, seed, ...request }, context) =>
      runs.use(folder, (run) => written(run, { request, seed: seed ?? run.run.record.settings.seed, runtime, context })),
    async sourceOf({ run: folder, examples = true }) {
      const { run, model, shapes, generate } = await openRunModel(folder);
      const reader = { model, shapes, kept: run.data, dataset: () => loadData(run.record.data, shapes, run.data) };
      return sourceOfRun(reader, generate, examples);
    },
  };
  return {
    handlers,
    async finish() {
      stop ??= 'pause';
      await training;
    },
  };
}

/** Models of others may ask for any amount of memory. */
const bounded = <Result>({ source }: { readonly source: { readonly kind: string } }, work: () => Promise<Result>): Promise<Result> =>
  source.kind === 'onnx' ? withinMemory(allowedMemory(), work) : work();

/** An event for each hundredth that is done. */
function hooksOf(context: Context): AnalyseHooks {
  let said = -1;
  return {
    reading: readingOf(context),
    signal: context.signal,
    progress(share) {
      const done = Math.floor(100 * share) / 100;
      if (done > said) context.emit({ name: 'share', data: { done } });
      said = Math.max(said, done);
    },
  };
}

/** What is long goes on for as long as the request is wanted, with an event for each hundredth of a file that is read, and what is said meanwhile. */
function readingOf({ emit, signal }: Context): Reading {
  let said = 0;
  return {
    signal,
    say: (text) => emit({ name: 'message', data: { text } }),
    progress(bytes, size) {
      const share = Math.floor((100 * bytes) / size) / 100;
      if (share > said) emit({ name: 'reading', data: { share } });
      said = share;
    },
  };
}
