// What a model has written itself, as a sequence to step through: its own tokens in place of the answer that people gave.

import type { Example } from '../data/dataset.ts';
import { ahead, dimensionOf } from '../data/store.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { GenerateSettings } from '../shared/settings.ts';
import { RowWriter, type Source, type WrittenRow } from '../training/decoding/write.ts';
import { RunError } from '../training/run.ts';
import type { SequenceChoice } from './requests.ts';
import type { TracedModel } from './traces.ts';
import { sourcesOf, usualAnswer } from './writing.ts';

type Written = Extract<SequenceChoice, { readonly kind: 'written' }>;

/** The best of each step, or the tokens that the choice names; ‹end› stands behind them where the model came to it. Throws RunError for a model that
 *  writes no rows, or has not been trained. */
export async function writtenExample({ source, ids, cut = false }: Written, traced: TracedModel, runtime: Runtime): Promise<Example> {
  const { model, shapes, kept, padded } = traced;
  const shape = shapes.find(({ name }) => name === model.prediction?.input);
  const vocabulary = kept.vocabularies[shape?.classes ?? ''];
  const { begin, end } = vocabulary ?? {};
  const dimension = shape === undefined ? undefined : dimensionOf(shape);
  if (shape === undefined || dimension === undefined || begin === undefined || end === undefined)
    throw new RunError(`${model.name} writes no rows that begin and end, so there is nothing that it has written itself.`);
  if (padded === undefined) throw new RunError(`${model.name} has not been trained: choose a run to see what it writes.`);
  const [read] = await sourcesOf(traced, [source]);
  const settings = { ...usualAnswer, length: traced.length ?? usualAnswer.length };
  const row = ids === undefined ? await greedyRow(read!, { ...traced, model: padded() }, settings, runtime) : undefined;
  const ended = row?.ended ?? !cut;
  const own = Int32Array.from([begin, ...(ids ?? row!.ids), ...(ended ? [end] : [])]);
  const { inputs, lengths } = read!.example;
  return {
    inputs: { ...inputs, [shape.name]: own, [`next(${shape.name})`]: ahead(own, 1, true) },
    lengths: { ...lengths, [dimension]: own.length },
  };
}

async function greedyRow(read: Source, traced: TracedModel, settings: GenerateSettings, runtime: Runtime): Promise<WrittenRow> {
  const writer = await RowWriter.open(traced, traced.weights, settings, runtime);
  try {
    const [row] = await writer.write([read]);
    return row!;
  } finally {
    await writer.close();
  }
}
