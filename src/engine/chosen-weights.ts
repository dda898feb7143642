// The weights of a run that are chosen: of one of its checkpoints, or those that its training started with.

import type { Model } from '../graph/model.ts';
import { bestCheckpoint, type Checkpoint, checkpointAt, keptCheckpoints, lastGoodCheckpoint } from '../training/checkpoint.ts';
import { initialise } from '../training/initialise.ts';
import { checkpointsOf, type Run, RunError } from '../training/run.ts';
import type { TrainerState } from '../training/trainer.ts';
import { startedFrom } from '../training/warm-start.ts';
import { startingWeights } from './importing.ts';
import type { CheckpointChoice } from './requests.ts';

export interface ChosenWeights {
  readonly weights: TrainerState;
  /** `step 1,400`, `untrained`. */
  readonly state: string;
}

/** Throws RunError where the run has no such weights. */
export async function chosenWeights(run: Run, model: Model, choice: CheckpointChoice = 'last'): Promise<ChosenWeights> {
  if (choice === 'start') return startOf(run, model);
  const { step, state } = await checkpointOf(run, choice);
  return { weights: state, state: `step ${step.toLocaleString('en-US')}` };
}

/** A sound checkpoint of a run, the newest unless told otherwise. Throws RunError. */
export async function checkpointOf({ folder }: Run, choice: Exclude<CheckpointChoice, 'start'> = 'last'): Promise<Checkpoint> {
  const checkpoints = checkpointsOf(folder);
  if (choice === 'last') {
    const { checkpoint } = await lastGoodCheckpoint(checkpoints);
    if (checkpoint === undefined) throw new RunError(`${folder} has no sound checkpoint.`);
    return checkpoint;
  }
  if (choice === 'best') {
    const best = await bestCheckpoint(checkpoints);
    if (best === undefined)
      throw new RunError(`No validation loss was measured in ${folder}, so none of its checkpoints is the best. Take the last.`);
    return best;
  }
  const kept = (await keptCheckpoints(checkpoints)).map(({ step }) => step);
  if (!kept.includes(choice))
    throw new RunError(
      `${folder} keeps no checkpoint of step ${choice}. It keeps ${kept.length === 0 ? 'none' : `those of the steps ${kept.join(', ')}`}.`,
    );
  return checkpointAt(checkpoints, choice).catch((error: Error) => {
    throw new RunError(`The checkpoint of step ${choice} in ${folder} cannot be used: ${error.message}.`);
  });
}

/** What the training began with: drawn anew by its seed, where the checkpoint is no longer there. */
async function startOf({ folder, record }: Run, model: Model): Promise<ChosenWeights> {
  const { seed, start } = record.settings;
  const state = start === undefined && record.imported === undefined ? 'untrained' : 'as it started';
  const kept = await checkpointAt(checkpointsOf(folder), 0).catch(() => undefined);
  if (kept !== undefined) return { weights: kept.state, state };
  if (record.imported)
    throw new RunError(`${folder} began with weights from elsewhere, and no longer keeps them. Choose one of its checkpoints.`);
  const drawn = initialise(model.weights, seed);
  if (start === undefined) return { weights: drawn, state };
  return { weights: startedFrom(model, drawn, await startingWeights(model, () => undefined)(start), start).state, state };
}
