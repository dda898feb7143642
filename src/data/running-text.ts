// A text as a dataset: one sequence that goes on from batch to batch, the state with it.

import { basename } from 'node:path';
import type { InputShape, KeptData, PartName } from '../shared/dataset.ts';
import type { TextSource } from '../shared/settings.ts';
import type { Batch, Batches, Dataset, Example, Part } from './dataset.ts';
import { unboundInput } from './errors.ts';
import type { Ids } from './growing.ts';
import { type Corpus, loadText } from './text.ts';
import type { Reading } from './text-stream.ts';
import { heldOutWindows, type TextWindow, trainingWindows, type Windows } from './windows.ts';

export interface RunningText extends Dataset {
  readonly corpus: Corpus;
}

export const isRunningText = (dataset: Dataset): dataset is RunningText => 'corpus' in dataset;

/** Reads a text for a model with one sequence of classes. Throws DataError. */
export async function loadRunningText(
  source: TextSource,
  shapes: readonly InputShape[],
  kept?: KeptData,
  reading?: Reading,
): Promise<RunningText> {
  const [shape, ...more] = shapes;
  if (shape?.classes === undefined || shape.shape.length !== 1 || more.length > 0)
    throw unboundInput(
      basename(source.path),
      shapes.map(({ name }) => name).join(' and ') || '(none)',
      'a text is one sequence of classes, as in input: [T] of Char.',
    );
  const corpus = await loadText(source, kept?.vocabularies[shape.classes], reading);
  const part = (name: PartName): Part => ({
    name,
    size: corpus[name].length,
    example: (index, length) => stretch(corpus[name], shape, index, length),
  });
  return {
    corpus,
    source,
    digest: corpus.digest,
    vocabularies: { [shape.classes]: corpus.vocabulary },
    sizes: {},
    scales: {},
    ragged: [],
    remarks: [],
    inputs: shapes,
    running: true,
    parts: { training: part('training'), validation: part('validation'), test: part('test') },
  };
}

function stretch(ids: Ids, { name, shape, predicted }: InputShape, from: number, length = ids.length - from): Example {
  const own = Int32Array.from(ids.subarray(from, from + length));
  const next = new Int32Array(own.length);
  next.set(own.subarray(1));
  if (own.length > 0) next[own.length - 1] = ids[from + own.length] ?? -1;
  return { inputs: { [name]: own, ...(predicted ? { [`next(${name})`]: next } : {}) }, lengths: { [String(shape[0])]: own.length } };
}

export function textBatches(text: RunningText, batch: number, window: number): Batches {
  return asBatches(trainingWindows(text.corpus, batch, window), text, batch, window);
}

export function heldOutTextBatches(text: RunningText, part: 'validation' | 'test', batch: number, window: number): Batches | undefined {
  const windows = heldOutWindows(text.corpus, part, batch, window);
  return windows === undefined ? undefined : asBatches(windows, text, batch, window);
}

function asBatches({ count, at, lead }: Windows, { inputs: [shape] }: RunningText, rows: number, window: number): Batches {
  const { name, shape: dimensions, predicted } = shape!;
  const batchOf = ({ ids, next, reset }: TextWindow): Batch => ({
    rows,
    sizes: { [String(dimensions[0])]: window },
    inputs: { [name]: ids, ...(predicted ? { [`next(${name})`]: next } : {}) },
    reset,
  });
  return { count, at: (index) => batchOf(at(index % count)), ...(lead === undefined ? {} : { lead: batchOf(lead) }) };
}
