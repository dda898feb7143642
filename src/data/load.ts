// The data of a `train` statement, whatever its source, and its batches.

import type { InputShape, KeptData } from '../shared/dataset.ts';
import type { DataSource, TrainSettings } from '../shared/settings.ts';
import { loadArrays } from './arrays.ts';
import { batchesOf, heldOutBatches } from './batches.ts';
import type { Batches, Dataset } from './dataset.ts';
import { loadImages } from './images/load.ts';
import { loadDialogue, loadPairs } from './pairs.ts';
import { heldOutTextBatches, isRunningText, loadRunningText, textBatches } from './running-text.ts';
import { loadSeries } from './series.ts';
import { loadTable } from './table.ts';
import { loadTask } from './tasks.ts';
import type { Reading } from './text-stream.ts';

/** Reads the data for the inputs of a model. A run that goes on, or is opened again, gives what it has kept. Throws DataError, or the signal's reason. */
export async function loadDataset(source: DataSource, inputs: readonly InputShape[], kept?: KeptData, reading?: Reading): Promise<Dataset> {
  switch (source.kind) {
    case 'text':
      return loadRunningText(source, inputs, kept, reading);
    case 'table':
      return loadTable(source, inputs, kept, reading);
    case 'series':
      return loadSeries(source, inputs, kept, reading);
    case 'arrays':
      return loadArrays(source, inputs, kept);
    case 'pairs':
      return loadPairs(source, inputs, kept, reading);
    case 'dialogue':
      return loadDialogue(source, inputs, kept, reading);
    case 'images':
      return loadImages(source, inputs, kept, reading);
    case 'task':
      return loadTask(source, inputs, kept);
  }
}

/** What a run keeps of its data. */
export const keptOf = ({ vocabularies, sizes, ragged, scales }: Dataset): KeptData => ({ vocabularies, sizes, ragged, scales });

/** The batches of training, pass after pass. Throws DataError where a text is too short for them. */
export function trainingBatches(dataset: Dataset, { batch, window, seed }: Pick<TrainSettings, 'batch' | 'window' | 'seed'>): Batches {
  return isRunningText(dataset) ? textBatches(dataset, batch, window) : batchesOf(dataset, batch, seed);
}

/** The batches of a held-out part, once through; undefined where nothing is held out. Throws DataError where a text is too short for them. */
export function evaluationBatches(
  dataset: Dataset,
  part: 'validation' | 'test',
  { batch, window }: Pick<TrainSettings, 'batch' | 'window'>,
): Batches | undefined {
  return isRunningText(dataset) ? heldOutTextBatches(dataset, part, batch, window) : heldOutBatches(dataset, part, batch);
}
