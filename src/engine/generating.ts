// What a trained model writes: a text, or the numbers that it foresees.

import { setImmediate } from 'node:timers/promises';
import { encode } from '../data/vocabulary.ts';
import type { Model } from '../graph/model.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { KeptData } from '../shared/dataset.ts';
import { random } from '../shared/random.ts';
import type { GenerateSettings } from '../shared/settings.ts';
import { forecast } from '../training/forecast.ts';
import { generate } from '../training/generate.ts';
import { openPredictor, openReader, readBeside } from '../training/predictor.ts';
import { RunError } from '../training/run.ts';
import type { TrainerState } from '../training/trainer.ts';
import type { OpenRun } from './open-runs.ts';
import type { GenerateRequest, Result } from './requests.ts';
import type { Reader } from './sequence.ts';
import type { Context } from './serve.ts';
import { sourceShapes, usualAnswer, usualSettings, writtenRows } from './writing.ts';

/** Throws RunError where the model does not predict its own input. */
export async function written(run: OpenRun, { request, seed, runtime, context }: Wish): Promise<Result<'generate'>> {
  const { reader, weights, generate: said } = run;
  const { model, kept } = reader;
  const answers = model.prediction !== undefined && sourceShapes(reader).length > 0;
  const settings = settingsOf(said ?? (answers ? usualAnswer : usualSettings), request);
  if (model.forecast !== undefined) return { text: await foreseen(reader, weights, settings, runtime), rows: [] };
  const { search } = settings;
  const isByRow = answers || search.kind === 'beam' || request.continue !== undefined || request.attention === true;
  if (isByRow || request.sources !== undefined || request.stream === true) {
    const watch = async (text: string, ids: readonly number[]): Promise<void> => {
      context.emit({ name: 'written', data: { text, ids } });
      // So that it is heard when the row is no longer wanted.
      await setImmediate();
      context.signal.throwIfAborted();
    };
    const rows = await writtenRows(run, settings, request, { seed, ...(request.stream === true ? { watch } : {}) });
    return { text: rows.map(({ text }) => text).join('\n'), rows };
  }
  const predictor = await openPredictor(model, weights, runtime);
  try {
    return { text: await generate(predictor, kept.vocabularies[model.prediction!.classes]!, { ...settings, search }, seed), rows: [] };
  } finally {
    await predictor.close();
  }
}

interface Wish {
  readonly request: Omit<GenerateRequest, 'run' | 'seed'>;
  readonly seed: number;
  readonly runtime: Runtime;
  readonly context: Context;
}

function settingsOf(said: GenerateSettings, { prompt, length, beam, search }: Wish['request']): GenerateSettings {
  const penalty = said.search.kind === 'beam' ? said.search.penalty : 0;
  return {
    ...said,
    ...(prompt === undefined ? {} : { prompt }),
    ...(length === undefined ? {} : { length }),
    ...(search === undefined ? {} : { search }),
    ...(beam === undefined ? {} : { search: { kind: 'beam', width: beam, penalty } }),
  };
}

/** The next steps of the data, a line each, as comma-separated values in the data's own unit; the first column counts the steps ahead. */
async function foreseen(
  { model, kept, dataset }: Reader,
  weights: TrainerState,
  { length }: GenerateSettings,
  runtime: Runtime,
): Promise<string> {
  const { input, values } = model.forecast!;
  const { parts } = await dataset();
  const part = [parts.test, parts.validation, parts.training].find(({ size }) => size > 0 && Number.isFinite(size));
  if (part === undefined) throw new RunError(`${model.name} has no data to go on from.`);
  const { inputs } = part.example(part.size - 1);
  const read = inputs[input] as Float32Array;
  const next = inputs[`next(${input})`] as Float32Array;
  const width = model.inputs
    .find(({ name }) => name === input)!
    .value.type.axes.slice(2)
    .reduce((product, { size }) => product * Number(size), 1);
  const last = next.subarray(next.length - width);
  const beginning = Float32Array.from(last.some(Number.isNaN) ? read : [...read, ...last]);
  const reader = await openReader(model, { input, line: values }, weights, runtime);
  try {
    const ahead = await forecast(reader, beginning, width, length);
    const scale = kept.scales[input];
    const plain = ahead.map((value, k) => (scale === undefined ? value : value * scale.deviation[k % width]! + scale.mean[k % width]!));
    const rows = Array.from({ length }, (_, t) => [t + 1, ...plain.subarray(t * width, (t + 1) * width)].join(','));
    return [['step', ...Array.from({ length: width }, (_, k) => (width === 1 ? input : `${input}[${k}]`))].join(','), ...rows].join('\n');
  } finally {
    await reader.close();
  }
}

/** Lengths of the samples that a training shows. */
const SAMPLED = 200;

/** What the model writes while it is trained; undefined where it predicts no text, or reads more than that. */
export function sampler(
  model: Model,
  kept: KeptData,
  said: GenerateSettings = { ...usualSettings, search: { kind: 'sample', temperature: 0.8 } },
  runtime: () => Runtime,
): ((weights: TrainerState) => Promise<string>) | undefined {
  const { prediction } = model;
  const vocabulary = kept.vocabularies[prediction?.classes ?? ''];
  if (prediction === undefined || vocabulary === undefined) return undefined;
  if (readBeside(model, { input: prediction.input, line: prediction.logits }).length > 0) return undefined;
  // While it learns, a text is drawn as it comes: a beam would write the same again and again.
  const search = said.search.kind === 'beam' ? ({ kind: 'sample', temperature: 0.8 } as const) : said.search;
  // A prompt that the text does not allow is no reason to stop a training.
  const prompt = isKnown(() => encode(vocabulary, said.prompt)) ? said.prompt : '';
  return async (weights) => {
    const predictor = await openPredictor(model, weights, runtime());
    try {
      const text = await generate(
        predictor,
        vocabulary,
        { prompt, search, length: Math.min(said.length, SAMPLED) },
        random('sample').uniform(),
      );
      return prompt + text;
    } finally {
      await predictor.close();
    }
  };
}

function isKnown(action: () => unknown): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}
