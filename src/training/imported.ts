// A run whose weights come from elsewhere: at step 0, paused, ready to be traced, to generate, to be trained on.

import { keptOf, trainingBatches } from '../data/load.ts';
import type { RunSummary } from '../shared/training.ts';
import { writeCheckpoint } from './checkpoint.ts';
import { describe, parameterCount } from './describe.ts';
import { nodeFiles } from './files.ts';
import { usualEpochs } from './more.ts';
import {
  checkpointsOf,
  createRun,
  logOf,
  makeFolder,
  newRunFolder,
  RunError,
  type RunRecord,
  readRecord,
  removeRun,
  summarise,
  writeRecord,
} from './run.ts';
import type { Job } from './train.ts';
import type { TrainerState } from './trainer.ts';

/** Writes the run of a job that starts with these weights. Throws RunError where there is a run already, DataError, DiskError. */
export async function writeImportedRun(job: Job, state: TrainerState, out?: string): Promise<RunSummary> {
  const { model, data, settings } = job;
  const pass = trainingBatches(data, settings).count;
  const steps = settings.steps ?? (settings.epochs ?? usualEpochs) * pass;
  const folder = out ?? (await newRunFolder(job.file, model.name));
  if ((await readRecord(folder).catch(() => undefined)) !== undefined)
    throw new RunError(`There is a run in ${folder} already. Import into another folder.`);
  const made = await makeFolder(folder);
  const record: RunRecord = {
    format: 2,
    model: model.name,
    file: job.file,
    statement: job.statement,
    main: job.main,
    edition: job.edition,
    settings,
    data: data.source,
    ...(job.label === undefined ? {} : { label: job.label }),
    imported: true,
    digest: data.digest,
    description: describe(model, settings, data.running),
    ...(model.judged === undefined ? {} : { lossFunction: model.judged.loss }),
    device: settings.device === 'auto' ? 'cpu' : settings.device,
    parameters: parameterCount(model),
    steps,
    pass,
    status: { kind: 'paused' },
    step: 0,
    seconds: 0,
    started: new Date().toISOString(),
  };
  try {
    await createRun(folder, job.sources, keptOf(data));
    await writeCheckpoint(checkpointsOf(folder), { step: 0, epoch: 1, window: 0, seed: settings.seed, state });
    await nodeFiles.open(logOf(folder), 'a').then((log) => log.close());
    await writeRecord(folder, record);
  } catch (error) {
    await removeRun(folder, made);
    throw error;
  }
  return summarise(folder, record);
}
