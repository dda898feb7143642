// Weights from elsewhere: into a run of their own, or where a training starts.

import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import type { Model } from '../graph/model.ts';
import { writeImportedRun } from '../training/imported.ts';
import { initialise } from '../training/initialise.ts';
import { RunError } from '../training/run.ts';
import { ownWeights, type ReadWeights } from '../training/warm-start.ts';
import { applyWeights, type MatchedWeights, matchWeights } from '../weights/match.ts';
import { readWeights } from '../weights/read.ts';
import { openJob, placed } from './job.ts';
import type { Parameters, Result } from './requests.ts';

/** What was found; with `apply`, a run at step 0 besides. Throws WeightsError, RunError, PlacedError, DiskError. */
export async function importWeights({
  file,
  statement,
  weights,
  out,
  apply,
}: Parameters<'importWeights'>): Promise<Result<'importWeights'>> {
  const job = await openJob(file, statement);
  const matched = matchWeights(job.model, await readWeights(weights));
  const { taken, report, missing, unused } = matched;
  if (!apply) return { report, missing, unused };
  if (taken.size === 0) throw nothingFound(weights, matched);
  try {
    const state = applyWeights(initialise(job.model.weights, job.settings.seed), matched);
    return { report, missing, unused, run: await writeImportedRun(job, state, out) };
  } catch (error) {
    throw placed(error, job.places);
  }
}

/** Reads what `start:` names: a run, or a file of weights, matched to the model. */
export const startingWeights =
  (model: Model, message: (text: string) => void): ReadWeights =>
  async (path) => {
    const isFile = await stat(path).then(
      (found) => !found.isDirectory(),
      () => false,
    );
    if (!isFile || !['.safetensors', '.onnx'].includes(extname(path).toLowerCase())) return ownWeights(path);
    const matched = matchWeights(model, await readWeights(path));
    if (matched.taken.size === 0) throw nothingFound(path, matched);
    for (const { weight, why } of matched.missing) if (why !== undefined) message(`${weight} is not taken from ${path}: ${why}.`);
    return new Map(matched.taken);
  };

function nothingFound(path: string, { missing, unused }: Pick<MatchedWeights, 'missing' | 'unused'>): RunError {
  const shown = (tensors: readonly { readonly shape: readonly number[] }[], name: (k: number) => string): string =>
    tensors
      .slice(0, 4)
      .map(({ shape }, k) => `${name(k)} [${shape.join(', ')}]`)
      .join(', ');
  return new RunError(
    `Nothing in ${path} is a weight of this model. It has ${shown(unused, (k) => unused[k]!.name) || 'no tensors'}; the model has ${shown(missing, (k) => missing[k]!.weight)}.`,
  );
}
