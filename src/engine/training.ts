// The request `train`: from a file, or going on with a run.

import { resolve } from 'node:path';
import { nonFiniteText } from '../analysis/non-finite.ts';
import { keptOf } from '../data/load.ts';
import type { Reading } from '../data/text-stream.ts';
import { createRuntime } from '../runtime/onnxruntime.ts';
import type { RunSummary } from '../shared/training.ts';
import { type DecodeHeldOut, heldOutDecoder } from '../training/decoding/figures.ts';
import { openTrainer } from '../training/open-trainer.ts';
import { newestRun } from '../training/run.ts';
import { type TrainHooks, train } from '../training/train.ts';
import { sampler } from './generating.ts';
import { startingWeights } from './importing.ts';
import { type OpenedJob, openJob, openRunJob, placed, sourceChanged } from './job.ts';
import type { TrainRequest } from './requests.ts';
import { firstNonFinite, watcherOf } from './watching.ts';
import { usualAnswer } from './writing.ts';

/** Settles when the training ends. Throws what `train` throws, faults of the source and the data as PlacedError. */
export async function runTraining(
  { file, statement, resume, ...options }: TrainRequest,
  hooks: TrainHooks,
  reading?: Reading,
): Promise<RunSummary> {
  const folder = resume === true ? resolve(options.out ?? (await newestRun(file))) : options.out;
  const job = resume === true ? await openRunJob(folder!, reading) : await openJob(file, statement, reading);
  if (resume === true && (await sourceChanged(job)))
    hooks.message?.(`${file} has changed since the run began. The run goes on with the source that it was begun with.`);
  if (resume !== true) for (const remark of job.data.remarks) hooks.message?.(remark);
  const watcher = watcherOf(job, createRuntime);
  try {
    const write = sampler(job.whole, keptOf(job.data), job.generate, createRuntime);
    const decode = decoder(job);
    return await train(job, { ...options, ...(folder === undefined ? {} : { out: folder }), resume: resume === true }, hooks, {
      openTrainer,
      look: (weights) => watcher.look(weights),
      async firstNonFinite(step) {
        const first = await firstNonFinite(job, step, createRuntime());
        return first === undefined ? undefined : { first, text: nonFiniteText(first) };
      },
      readWeights: startingWeights(job.model, (text) => hooks.message?.(text)),
      ...(write === undefined ? {} : { write }),
      ...(decode === undefined ? {} : { decode }),
    });
  } catch (error) {
    throw placed(error, job.places);
  } finally {
    await watcher.close();
  }
}

/** Decodes held-out rows of a job whose model writes rows. */
function decoder({ model, shapes, data, generate = usualAnswer }: OpenedJob): DecodeHeldOut | undefined {
  if (data.running || model.prediction === undefined) return undefined;
  return heldOutDecoder({ model, shapes, kept: keptOf(data) }, data, generate, createRuntime);
}
