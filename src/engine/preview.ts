// What a model will see of its data.

import { basename } from 'node:path';
import { previewOf } from '../data/preview.ts';
import type { Reading } from '../data/text-stream.ts';
import type { DataPreview } from '../shared/dataset.ts';
import { openJob, PlacedError, trainsOf } from './job.ts';

/** Throws PlacedError: for faults of the file and of the data, and where no `train` statement says what reads the data. */
export async function previewData(file: string, data: string, model?: string, reading?: Reading): Promise<DataPreview> {
  const statement = (await trainsOf(file)).findIndex((train) => train.data === data && (model === undefined || train.model === model));
  if (statement < 0)
    throw new PlacedError(
      `No \`train\` statement of ${basename(file)} uses the data \`${data}\`, so nothing says how it is to be read. Write one: train ${model ?? 'Model'} on ${data} { epochs: 5 }`,
    );
  return previewOf((await openJob(file, statement, reading)).data);
}
