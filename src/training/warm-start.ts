// Weights that do not start by chance: those of another run, or of a file.

import { stat } from 'node:fs/promises';
import type { Model } from '../graph/model.ts';
import { lastGoodCheckpoint, readCheckpoint } from './checkpoint.ts';
import { checkpointsOf, RunError } from './run.ts';
import type { TrainerState } from './trainer.ts';

/** Weights by name. */
export type ReadWeights = (path: string) => Promise<TrainerState>;

/** The weights of a run's folder, or of a checkpoint of ours. Throws RunError. */
export const ownWeights: ReadWeights = async (path) => {
  const found = await stat(path).catch(() => {
    throw new RunError(`\`start\`: there is no run or file ${path}.`);
  });
  if (!found.isDirectory())
    return (
      await readCheckpoint(path).catch((error: Error) => {
        throw new RunError(`\`start\`: ${path} cannot be read: ${error.message}.`);
      })
    ).state;
  const { checkpoint } = await lastGoodCheckpoint(checkpointsOf(path));
  if (checkpoint === undefined) throw new RunError(`\`start\`: ${path} has no sound checkpoint.`);
  return checkpoint.state;
};

/** The starting values, with those weights replaced that are given under the same name and in the same shape; what became of the others is said. */
export function startedFrom(
  { weights }: Pick<Model, 'weights'>,
  start: TrainerState,
  given: TrainerState,
  path: string,
): { readonly state: TrainerState; readonly message: string } {
  const state = new Map(start);
  const missing: string[] = [];
  const other: string[] = [];
  const broken: string[] = [];
  for (const { name } of weights) {
    const found = given.get(name);
    const { shape } = start.get(name)!;
    if (found === undefined) missing.push(name);
    else if (found.shape.join() !== shape.join()) other.push(`${name} is [${found.shape.join(', ')}] there and [${shape.join(', ')}] here`);
    else if (!found.data.every(Number.isFinite)) broken.push(name);
    else state.set(name, found);
  }
  if (broken.length > 0)
    throw new RunError(
      `\`start\`: ${listed(broken)} of ${path} ${broken.length === 1 ? 'holds' : 'hold'} NaN or infinite numbers. Name another run or file.`,
    );
  const taken = weights.length - missing.length - other.length;
  if (taken === 0)
    throw new RunError(
      `\`start\`: no weight of ${path} has a name and shape of this model's. It has ${names(given)}; the model has ${names(start)}.`,
    );
  const rest = [
    ...(missing.length === 0 ? [] : [`${listed(missing)} ${missing.length === 1 ? 'is' : 'are'} not there`]),
    ...(other.length === 0 ? [] : [listed(other)]),
  ];
  const drawn = rest.length === 0 ? '' : ` The others are drawn as the source says: ${rest.join('; ')}.`;
  return { state, message: `${taken} of ${weights.length} weights start from ${path}.${drawn}` };
}

const listed = (texts: readonly string[]): string =>
  texts.length > 4 ? `${texts.slice(0, 4).join(', ')} and ${texts.length - 4} more` : texts.join(', ');
const names = (state: TrainerState): string => listed([...state.keys()].filter((name) => !name.includes('#')));
