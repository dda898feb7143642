// An analysis of a run, of an untrained file, or of the recurrent layers of an ONNX model: on sequences of its own data, or on what it was run on.

import { type AnalyseOptions, AnalysisError, analyse, type Sequences, study } from '../analysis/analyse.ts';
import { withEdits } from '../analysis/repairs/edits.ts';
import type { Dataset, Example } from '../data/dataset.ts';
import type { Reading } from '../data/text-stream.ts';
import type { Model } from '../graph/model.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Analysis, FirstSequence, Studies, StudyName } from '../shared/analysis.ts';
import type { KeptData } from '../shared/dataset.ts';
import { product } from '../tracing/arrays.ts';
import { timeAxis } from '../tracing/describe.ts';
import { RuntimeEvaluator } from '../tracing/evaluator.ts';
import { fixedTime, loosened } from '../tracing/loosen.ts';
import { type Analysable, foreignLayers } from './analysing-foreign.ts';
import { joinedAnalyses, joinedStudies } from './joined-analyses.ts';
import { rewritableOf } from './repairing.ts';
import type { AnalyseRequest } from './requests.ts';
import { heldOut } from './sequence.ts';
import { sourceOfTrace, type TracedModel } from './traces.ts';

/** Sequences unless told otherwise, and the most steps of each. */
const SEQUENCES = 16;
const LENGTH = 100;

export type AnalyseSettings = Omit<AnalyseRequest, 'source'>;

export interface AnalyseHooks {
  readonly reading?: Reading;
  readonly signal?: AbortSignal;
  readonly progress?: (share: number) => void;
}

/** Throws AnalysisError, DataError, PartError, or the signal's reason. */
export async function analyseModel(request: AnalyseRequest, runtime: Runtime, hooks: AnalyseHooks = {}): Promise<Analysis> {
  const began = performance.now();
  const { kept, ...found } = await analysed(request, runtime, hooks);
  const analysis = await analyseFound(found, request, runtime, hooks);
  const source = kept === undefined ? undefined : await rewritableOf(request.source, kept);
  const verdicts = source === undefined ? analysis.verdicts : await withEdits(analysis.verdicts, source);
  return { ...analysis, verdicts, seconds: (performance.now() - began) / 1000 };
}

/** Of a model of one's own with its weights; repairs are words. */
export async function analyseTraced(
  traced: TracedModel,
  request: AnalyseSettings,
  runtime: Runtime,
  hooks: AnalyseHooks = {},
): Promise<Analysis> {
  return analyseFound(await sequencesOf(traced, request), request, runtime, hooks);
}

async function analyseFound(
  { title, models, remarks, first }: Omit<Analysed, 'kept'>,
  request: AnalyseSettings,
  runtime: Runtime,
  hooks: AnalyseHooks,
): Promise<Analysis> {
  const began = performance.now();
  const { also = [] } = request;
  const all: Analysis[] = [];
  for (const [place, { model, weights, ...own }] of models.entries())
    all.push(await analyse(model, weights, { ...optionsOf(request, runtime, hooks, { title, place, of: models.length }), ...own, also }));
  const joined = joinedAnalyses(all);
  return {
    ...joined,
    ...(first === undefined ? {} : { first }),
    remarks: [...remarks, ...(joined.remarks ?? [])],
    seconds: (performance.now() - began) / 1000,
  };
}

/** One study alone. Throws as `analyseModel` does. */
export async function studyModel(
  request: Omit<AnalyseRequest, 'also'> & { readonly study: StudyName },
  runtime: Runtime,
  hooks: AnalyseHooks = {},
): Promise<Studies> {
  const { title, models } = await analysed(request, runtime, hooks);
  const all: Studies[] = [];
  for (const [place, { model, weights, ...own }] of models.entries())
    all.push(
      await study(model, weights, request.study, { ...optionsOf(request, runtime, hooks, { title, place, of: models.length }), ...own }),
    );
  return joinedStudies(all);
}

function optionsOf(
  { needs, threshold, seed = 1 }: Pick<AnalyseRequest, 'needs' | 'threshold' | 'seed'>,
  runtime: Runtime,
  { signal, progress }: AnalyseHooks,
  { title, place, of }: { readonly title: string; readonly place: number; readonly of: number },
): Omit<AnalyseOptions, 'groups' | 'also'> {
  return {
    title,
    evaluator: (batch) => new RuntimeEvaluator(runtime, { B: batch }),
    seed,
    ...(needs === undefined ? {} : { needs: { lag: needs, why: 'as told' } }),
    ...(threshold === undefined ? {} : { threshold }),
    ...(signal === undefined ? {} : { signal }),
    ...(progress === undefined ? {} : { progress: (share) => progress((place + share) / of) }),
  };
}

interface Analysed {
  readonly title: string;
  readonly models: readonly Analysable[];
  readonly remarks: readonly string[];
  readonly first?: FirstSequence;
  /** Of a model of one's own: what is known of its data. */
  readonly kept?: KeptData;
}

async function analysed(
  { source, ...settings }: Pick<AnalyseRequest, 'source' | 'sequences' | 'length'>,
  runtime: Runtime,
  { reading }: AnalyseHooks,
): Promise<Analysed> {
  if (source.kind === 'onnx') {
    const { sequences: count = SEQUENCES, length = LENGTH } = settings;
    const found = await foreignLayers(source, { count, length }, runtime, reading);
    if (found.models.length === 0) throw tooShort(found.title);
    return found;
  }
  return sequencesOf(await sourceOfTrace(source), settings);
}

async function sequencesOf(
  { model: written, weights, state, dataset, kept }: TracedModel,
  { sequences: count = SEQUENCES, length = LENGTH }: Pick<AnalyseRequest, 'sequences' | 'length'>,
): Promise<Analysed> {
  const fixed = fixedTime(written);
  const model = fixed === undefined ? written : loosened(written, fixed.name);
  const data = await dataset();
  const first = firstOf(data, length);
  const title = `${model.name} · ${state}`;
  const groups = grouped(model, examplesOf(data, count, length), length, fixed?.size);
  if (groups.length === 0) throw tooShort(title);
  const vocabularies = Object.fromEntries(Object.entries(kept.vocabularies).map(([dimension, { tokens }]) => [dimension, tokens]));
  return { title, models: [{ model, weights, groups, vocabularies }], remarks: [], kept, ...(first === undefined ? {} : { first }) };
}

const tooShort = (title: string): AnalysisError =>
  new AnalysisError(`${title}: no sequence has two steps or more, so there is no past to look back at. Give it longer ones.`);

/** So many examples, evenly over the part that is held out. */
export function examplesOf({ parts, running }: Dataset, count: number, length: number): Example[] {
  const part = heldOut(parts);
  if (running) {
    const steps = Math.min(length, part.size);
    const room = part.size - steps;
    const many = Math.max(1, Math.min(count, Math.floor(part.size / steps)));
    return Array.from({ length: many }, (_, k) => part.example(Math.floor((k * room) / Math.max(1, many - 1)), steps));
  }
  const many = Math.min(count, part.size);
  const every = Number.isFinite(part.size) ? part.size / many : 1;
  return Array.from({ length: many }, (_, k) => part.example(Math.floor(k * every)));
}

/** The first of them as a debugger opens it. */
function firstOf({ parts, running }: Dataset, length: number): FirstSequence | undefined {
  const { name, size } = heldOut(parts);
  if (!running) return { kind: 'example', index: 0 };
  return name === 'test' ? undefined : { kind: 'data', part: name, from: 0, length: Math.min(length, size) };
}

/** Side by side what is of the same length, cut after so many steps of the model's time. */
export function grouped(model: Model, examples: readonly Example[], length: number, fixed?: number): Sequences[] {
  const time = timeAxis(model)?.name ?? 'T';
  const groups = new Map<string, Example[]>();
  for (const { inputs, lengths } of examples) {
    const whole = lengths[time] ?? fixed ?? 0;
    const steps = Math.min(whole, length);
    if (steps < 2) continue;
    const cut = Object.fromEntries(
      model.inputs.map(({ name, value }) => {
        const data = inputs[name]!;
        // What runs along time has it first.
        const runs = value.type.axes[0]?.name === time;
        return [name, runs ? data.subarray(0, (data.length / whole) * steps) : data];
      }),
    );
    const own = { ...lengths, [time]: steps };
    const key = JSON.stringify(Object.entries(own).sort());
    groups.set(key, [...(groups.get(key) ?? []), { inputs: cut, lengths: own }]);
  }
  return [...groups.values()].map((members): Sequences => {
    const { lengths } = members[0]!;
    const { [time]: steps, ...others } = lengths;
    return { steps: steps!, batch: members.length, lengths: others, inputs: sideBySide(model, members) };
  });
}

/** Examples of the same lengths with the batch's axis where the model has it. */
function sideBySide(model: Model, members: readonly Example[]): Sequences['inputs'] {
  return Object.fromEntries(
    model.inputs.map(({ name, value }) => {
      const { axes } = value.type;
      const place = axes.findIndex((axis) => axis.name === 'B');
      const { lengths } = members[0]!;
      const outer = product(axes.slice(0, place).map(({ size }) => (typeof size === 'number' ? size : lengths[size]!)));
      const all = members.map(({ inputs }) => inputs[name]!);
      const inner = all[0]!.length / outer;
      const result = new (all[0]!.constructor as Float32ArrayConstructor)(all.length * all[0]!.length);
      for (const [row, data] of all.entries())
        for (let k = 0; k < outer; k += 1) result.set(data.subarray(k * inner, (k + 1) * inner), (k * all.length + row) * inner);
      return [name, result];
    }),
  );
}
