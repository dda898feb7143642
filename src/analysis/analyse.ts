// The whole analysis of a model on some sequences.

import type { Instance } from '../graph/model.ts';
import type { Analysis, Factor, GateUnits, LagCurve, LayerAnalysis, Spectrum, Studies, StudyName, Way } from '../shared/analysis.ts';
import { windowOf } from '../tracing/arrays.ts';
import type { Evaluator } from '../tracing/evaluator.ts';
import type { TraceSource } from '../tracing/source.ts';
import { openTrace, type SeededTrace, traceSizes } from '../tracing/trace.ts';
import { coursesOf } from './courses.ts';
import { stepJacobians } from './jacobian.ts';
import { backwardPass, lagCurve, normsByLag, seedsOf, spreadLags } from './lag.ts';
import { firstValue, nonFiniteText } from './non-finite.ts';
import { PathSums } from './path.ts';
import { type Recurrence, recurrencesOf } from './recurrences.ts';
import { lyapunovExponents, productSpectra, singularValues, spectralRadius } from './spectrum.ts';
import { readInputs } from './studies/sources.ts';
import { studies } from './studies/studies.ts';
import { type StudyContext, StudyError } from './studies/study.ts';
import { StateRows, stateCourses, trajectoriesOf } from './trajectories.ts';
import { gateUnits, stateUnits } from './units.ts';
import { verdictsOf } from './verdict.ts';

/** Sequences of one length that are traced together. */
export type Sequences = Required<Pick<TraceSource, 'inputs' | 'steps' | 'batch'>> & Pick<TraceSource, 'lengths'>;

export interface AnalyseOptions extends Partial<Pick<StudyContext, 'vocabularies'>> {
  readonly title: string;
  /** All that are analysed, in groups of one length: nothing is padded. */
  readonly groups: readonly Sequences[];
  /** An evaluator for so many sequences side by side. */
  readonly evaluator: (batch: number) => Evaluator;
  readonly threshold?: number;
  readonly seed?: number;
  /** The lag that memory should reach, and where that is from; by default the sequences' length. */
  readonly needs?: Analysis['needs'];
  /** What is studied besides. */
  readonly also?: readonly StudyName[];
  readonly signal?: AbortSignal;
  readonly progress?: (share: number) => void;
}

export class AnalysisError extends Error {
  override name = 'AnalysisError';
}

/** g(k) below this counts as forgotten. */
export const THRESHOLD = 1e-3;
/** Above so many units, spectra cost more, and fewer are taken. */
const LARGE = 160;

/** Throws AnalysisError where there is nothing recurrent, and the signal's reason. */
export async function analyse(model: TraceSource['model'], weights: TraceSource['weights'], options: AnalyseOptions): Promise<Analysis> {
  const { groups, threshold = THRESHOLD, seed = 1, also = [], progress, title } = options;
  const began = performance.now();
  return withTraces(model, weights, options, async (traces, { ordered, steps, open }) => {
    // Jacobians are large: they are of one sequence.
    const alone = await open(firstOf(model, ordered[0]!));
    const recurrences = recurrencesOf(traces[0]!);
    if (recurrences.length === 0)
      throw new AnalysisError(
        `${model.name} has no recurrent layer whose states could be followed. Give it one, such as h = lstm(x, 64): only a state remembers.`,
      );
    const parts = recurrences.length + also.length;
    const layers: LayerAnalysis[] = [];
    for (const [place, { path }] of recurrences.entries()) {
      const check = checkOf(options, place, parts);
      layers.push(await analyseLayer(traces, path, place, { alone, threshold, seed, check, steps }));
    }
    const found: Partial<Record<StudyName, unknown>> = {};
    const remarks: string[] = [];
    for (const [place, name] of also.entries())
      try {
        const check = checkOf(options, recurrences.length + place, parts);
        found[name] = await studied(name, { model, weights, groups: ordered, traces }, options, check);
      } catch (error) {
        if (!(error instanceof StudyError)) throw error;
        remarks.push(error.message);
      }
    progress?.(1);
    const sequences = groups.reduce((sum, { batch }) => sum + batch, 0);
    const needs = options.needs ?? { lag: steps - 1, why: `the sequences have ${steps} steps` };
    return {
      title,
      model: model.name,
      sequences,
      steps,
      threshold,
      needs,
      seed,
      layers,
      studies: found as Studies,
      ...(remarks.length === 0 ? {} : { remarks }),
      verdicts: verdictsOf(layers, { needs, threshold, sequences }),
      seconds: (performance.now() - began) / 1000,
    };
  });
}

/** One study alone. Throws AnalysisError, and the signal's reason. */
export async function study(
  model: TraceSource['model'],
  weights: TraceSource['weights'],
  name: StudyName,
  options: Omit<AnalyseOptions, 'also'>,
): Promise<Studies> {
  studyOf(name);
  return withTraces(model, weights, options, async (traces, { ordered: groups }) => {
    const check = checkOf(options, 0, 1);
    check(0);
    return { [name]: await studied(name, { model, weights, groups, traces }, options, check) };
  });
}

const studied = (
  name: StudyName,
  on: Pick<StudyContext, 'model' | 'weights' | 'groups' | 'traces'>,
  { evaluator, seed = 1, vocabularies = {} }: AnalyseOptions,
  check: StudyContext['check'],
): Promise<unknown> => studyOf(name).run({ ...on, evaluator, seed, vocabularies, check });

function studyOf(name: StudyName): { run(context: StudyContext): Promise<unknown> } {
  const found = studies[name];
  if (found === undefined) throw new AnalysisError(`There is no study ${name}. There are ${Object.keys(studies).join(', ')}.`);
  return found;
}

/** Tells the share of one of so many parts, and throws where the result is no longer wanted. */
const checkOf =
  ({ signal, progress }: AnalyseOptions, place: number, of: number) =>
  (done: number): void => {
    signal?.throwIfAborted();
    progress?.((place + done) / of);
  };

interface Opened {
  /** The groups in the order of the traces: the longest sequences first. */
  readonly ordered: readonly Sequences[];
  readonly steps: number;
  readonly open: (group: Sequences) => Promise<SeededTrace>;
}

/** Traces all sequences, for as long as `action` takes. */
async function withTraces<Result>(
  model: TraceSource['model'],
  weights: TraceSource['weights'],
  { groups, evaluator, title }: Pick<AnalyseOptions, 'groups' | 'evaluator' | 'title'>,
  action: (traces: readonly SeededTrace[], opened: Opened) => Promise<Result>,
): Promise<Result> {
  if (groups.length === 0)
    throw new AnalysisError('There is no sequence of two steps or more to analyse the model on. Give it longer ones.');
  const ordered = groups.toSorted((a, b) => b.steps - a.steps);
  const { steps } = ordered[0]!;
  if (steps < 2) throw new AnalysisError('The sequences have one step: there is no past to look back at. Give longer ones.');
  const opened: SeededTrace[] = [];
  const open = async (group: Sequences): Promise<SeededTrace> => {
    const source = { id: 0, title, model, weights, tokens: [], by: 'number' as const, seeds: seedsOf(model), ...group };
    const trace = await openTrace(source, evaluator(group.batch), { parity: false });
    opened.push(trace);
    return trace;
  };
  try {
    const traces: SeededTrace[] = [];
    for (const group of ordered) {
      const trace = await open(group);
      traces.push(trace);
      await demandFinite(title, trace, group, weights);
    }
    return await action(traces, { ordered, steps, open });
  } finally {
    await Promise.all(opened.map((trace) => trace.close()));
  }
}

/** Throws AnalysisError where a state is no finite number: it says which number was the first, and what to do. */
async function demandFinite(title: string, trace: SeededTrace, { inputs }: Sequences, weights: TraceSource['weights']): Promise<void> {
  for (const recurrence of recurrencesOf(trace)) {
    const courses = await stateCourses([trace], recurrence);
    if (courses.every(([course]) => course!.data.every(Number.isFinite))) continue;
    const { model } = trace;
    const read = new Set(readInputs(model).map(({ name }) => name));
    const first = await firstValue([{ axis: recurrence.recur.node.attributes.axis.name, trace }], {
      targets: new Set(model.inputs.map(({ name }) => name).filter((name) => !read.has(name))),
      inputs,
      broken: new Set([...weights].filter(([, { data }]) => !data.every(Number.isFinite)).map(([name]) => name)),
    });
    const where = first === undefined ? '' : ` ${nonFiniteText(first)}`;
    throw new AnalysisError(
      `${title}: the states of ${recurrence.path} are not all numbers on these sequences, so no gradient goes back through them.${where} Look at it in the debugger, which stops there; start the weights smaller, or train with a smaller rate or with \`clip: 1\`.`,
    );
  }
}

/** The first of the sequences by itself. */
function firstOf(model: TraceSource['model'], { inputs, batch, ...group }: Sequences): Sequences {
  const sizes = traceSizes(model, group.steps, group.lengths, batch);
  const own = model.inputs.map(({ name, value }) => [
    name,
    windowOf(inputs[name]!, value.type.axes, sizes, 'B', 0, 1) as Float32Array | Int32Array,
  ]);
  return { ...group, batch: 1, inputs: Object.fromEntries(own) };
}

interface LayerOptions {
  readonly threshold: number;
  readonly seed: number;
  readonly steps: number;
  readonly check: (done: number) => void;
  /** One of the longest sequences. */
  readonly alone: SeededTrace;
}

async function analyseLayer(
  traces: readonly SeededTrace[],
  layer: string,
  place: number,
  { threshold, seed, steps, check, alone }: LayerOptions,
): Promise<LayerAnalysis> {
  check(0);
  const longestTrace = traces[0]!;
  const recurrence = recurrencesOf(longestTrace)[place]!;
  const { states, reverse, cell, shown } = recurrence;
  const norms: Float64Array[][] = states.map(() => []);
  const sums = new PathSums(longestTrace, recurrence, steps);
  for (const [k, trace] of traces.entries()) {
    const own = recurrencesOf(trace)[place]!;
    const pass = await backwardPass(trace, own, seed + k);
    for (const [n, gradient] of pass.after.entries())
      norms[n]!.push(...normsByLag(gradient, trace.description.steps, trace.sizes.B!, reverse));
    check(0.4 * ((k + 0.5) / traces.length));
    await sums.add(trace, own, pass);
    check(0.4 * ((k + 1) / traces.length));
  }
  // A state whose gradient is zero where it begins, as one that nothing reads after the step, has no curve.
  const curves = states.flatMap(({ name }, k): LagCurve[] =>
    norms[k]!.some(([first]) => first! > 0) ? [lagCurve(name, norms[k]!, threshold, seed)] : [],
  );
  const spectrum = await spectrumOf(alone, recurrencesOf(alone)[place]!, check);
  const instances = [...new Set(states.map(({ instance }) => instance))];
  const gates: GateUnits[] = [];
  for (const instance of instances) gates.push(...(await gatesOf(traces, layer, instance)));
  const courses = await stateCourses(traces, recurrence);
  const units = states.map(({ name }, k) => stateUnits(name, courses[k]!));
  check(0.95);
  const ways = sums.ways();
  const killer = killerOf(ways);
  return {
    layer,
    cell,
    reverse,
    from: shown.name,
    curves,
    ways,
    direct: sums.direct(),
    ...(killer === undefined ? {} : { killer }),
    spectrum,
    gates,
    units,
    trajectories: trajectoriesOf(states, new StateRows(courses)),
  };
}

/** The smallest factor of the way that most of the gradient takes. */
function killerOf(ways: readonly Way[]): Factor | undefined {
  const main = ways
    .filter(({ factors }) => factors.length > 0)
    .reduce<Way | undefined>((best, way) => (best === undefined || way.share > best.share ? way : best), undefined);
  return main?.factors.reduce((smallest, factor) => (factor.mean < smallest.mean ? factor : smallest));
}

export async function gatesOf(traces: readonly SeededTrace[], layer: string, instance: Instance): Promise<GateUnits[]> {
  const found: GateUnits[] = [];
  for (const { name, role, text, range } of instance.lines) {
    if (role !== 'gate') continue;
    found.push({ layer, line: name, factor: name, text, range, ...gateUnits(await coursesOf(traces, instance.path, name)) });
  }
  return found;
}

async function spectrumOf(trace: SeededTrace, recurrence: Recurrence, check: (done: number) => void): Promise<Spectrum> {
  const { steps } = trace.description;
  const { size, reverse } = recurrence;
  const isLarge = size > LARGE;
  const wanted = Math.min(steps, isLarge ? 100 : 400);
  const from = reverse ? 0 : steps - wanted;
  const jacobians: Float32Array[] = [];
  const chunk = Math.max(1, Math.floor(2 ** 23 / (size * size)));
  for (let begin = from; begin < from + wanted; begin += chunk) {
    const end = Math.min(begin + chunk, from + wanted);
    const all = await stepJacobians(trace, recurrence, begin, end);
    for (let t = 0; t < end - begin; t += 1) jacobians.push(all.subarray(t * size * size, (t + 1) * size * size));
    check(0.4 + 0.2 * ((end - from) / wanted));
  }
  if (reverse) jacobians.reverse();
  // Of finite states a step may still be steeper than floats hold: what comes behind the last such step is measured.
  const lost = 1 + jacobians.findLastIndex((jacobian) => !jacobian.every(Number.isFinite));
  jacobians.splice(0, lost);
  const count = jacobians.length;
  if (count < 2) return { sequences: 1, units: size, steps: [], products: [], lyapunov: [], lyapunovSteps: 0 };
  const at = (k: number): number => (reverse ? steps - 1 - lost - k : from + lost + k);
  const samples = [...new Set(Array.from({ length: isLarge ? 4 : 8 }, (_, k) => Math.round((k * (count - 1)) / (isLarge ? 3 : 7))))];
  const sampled = samples.map((k) => {
    const values = singularValues(jacobians[k]!, size);
    return {
      t: at(k),
      largest: values[0]!,
      smallest: values.at(-1)!,
      median: values[Math.floor(values.length / 2)]!,
      radius: spectralRadius(jacobians[k]!, size),
    };
  });
  check(0.7);
  const products = productSpectra(jacobians, size, spreadLags(isLarge ? Math.min(50, count) : Math.min(200, count), 8));
  check(0.8);
  const skipped = Math.floor(count / 10);
  const lyapunov = lyapunovExponents(jacobians, size, isLarge ? 8 : Math.min(size, 32), skipped);
  check(0.9);
  return { sequences: 1, units: size, steps: sampled, products, lyapunov, lyapunovSteps: count - skipped };
}
