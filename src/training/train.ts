// A training from its job to its run: a new one, or one that is taken up from its last checkpoint and then goes on as if it had not stopped.
// What computes a step is not known here.

import type { Batches, Dataset } from '../data/dataset.ts';
import { evaluationBatches, keptOf, trainingBatches } from '../data/load.ts';
import type { Model } from '../graph/model.ts';
import type { Device, TrainSettings } from '../shared/settings.ts';
import type { MemoryLook, NonFinite, RunSummary } from '../shared/training.ts';
import { type Checkpoint, lastGoodCheckpoint } from './checkpoint.ts';
import { checkDecoded, type DecodeHeldOut } from './decoding/figures.ts';
import { describe, parameterCount } from './describe.ts';
import { type Files, nodeFiles } from './files.ts';
import { initialise } from './initialise.ts';
import { lockRun } from './lock.ts';
import { usualEpochs } from './more.ts';
import { checkpointsOf, createRun, makeFolder, newRunFolder, RunError, type RunRecord, readRecord, removeRun } from './run.ts';
import { type FaultyStep, Session, type TrainHooks } from './session.ts';
import { trainedWeights } from './step.ts';
import { taughtInput } from './teacher.ts';
import type { OpenTrainer, Trainer, TrainerState } from './trainer.ts';
import { ownWeights, type ReadWeights, startedFrom } from './warm-start.ts';

export type { FaultyStep, TrainHooks } from './session.ts';

/** A `train` statement with everything it names: the model, its data, its settings. */
export interface Job {
  /** With the inputs `lengths(T)` of the data's ragged dimensions. */
  readonly model: Model;
  readonly data: Dataset;
  readonly settings: TrainSettings;
  /** The `.rnn` file, absolute, and which of its `train` statements, from 0; `unit: gru` where it is one of a list. */
  readonly file: string;
  readonly statement: number;
  readonly label?: string;
  /** The sources as they are kept with the run: by name with forward slashes, the library's among them. */
  readonly sources: ReadonlyMap<string, string>;
  /** The name of the `.rnn` file among the sources. */
  readonly main: string;
  /** Edition of the standard library. */
  readonly edition: number;
}

export interface TrainOptions {
  /** The run's folder; by default a new one in `runs` beside the file. */
  readonly out?: string;
  /** Goes on with the run in `out`; the job was read from that run. */
  readonly resume?: boolean;
  readonly device?: Device;
  readonly threads?: number;
  readonly epochs?: number;
  readonly steps?: number;
  readonly seed?: number;
  /** Hand on the record of every step, however fast they are. */
  readonly everyStep?: boolean;
  /** Write event files for TensorBoard beside the log. */
  readonly tensorBoard?: boolean;
  /** Steps between two looks at the memory, 0 for none; unless told otherwise as often as it costs next to nothing. */
  readonly watch?: number;
}

/** What is outside: the numeric step, the disk, the clock (milliseconds). */
export interface Surroundings {
  readonly openTrainer: OpenTrainer;
  readonly files?: Files;
  readonly now?: () => number;
  /** What the model writes with these weights; absent where it writes nothing. */
  readonly write?: (weights: TrainerState) => Promise<string>;
  /** Decodes held-out rows; absent where the model writes none. */
  readonly decode?: DecodeHeldOut;
  /** Looks at the memory with these weights; undefined where the model has none. */
  readonly look?: (weights: TrainerState) => Promise<MemoryLook | undefined>;
  /** Finds where the first number that is not finite comes about in a step. */
  readonly firstNonFinite?: (step: FaultyStep) => Promise<{ readonly first: NonFinite; readonly text: string } | undefined>;
  /** Reads what `start` names; runs and checkpoints of ours unless told otherwise. */
  readonly readWeights?: ReadWeights;
}

/** Trains until the last step, a stop or a fault. A fault of the numbers is the summary's status `failed`; what keeps a training from
 *  starting, and a disk that fails, is thrown (DataError, RunError, LockedError, DiskError, or the trainer's own). */
export async function train(job: Job, options: TrainOptions, hooks: TrainHooks, around: Surroundings): Promise<RunSummary> {
  const settings = overridden(job.settings, options);
  const { model, data } = job;
  const batches = trainingBatches(data, settings);
  const validation = evaluationBatches(data, 'validation', settings);
  // What the end will be measured by is read now: a fault of it is better known before than after.
  evaluationBatches(data, 'test', settings);
  trainedWeights(model, settings);
  if (settings.teacher !== undefined) taughtInput(model, data.running);
  checkDecoded(settings.report ?? [], model.name, around.decode);
  if (validation === undefined) checkWaiting(settings);
  const files = around.files ?? nodeFiles;
  const folder = options.out ?? (await newRunFolder(job.file, model.name));
  const existing = await readRecord(folder).catch(() => undefined);
  if (existing !== undefined && options.resume !== true) throw existsAlready(folder);
  if (existing !== undefined && options.seed !== undefined && options.seed !== existing.settings.seed)
    throw seedKept(existing.settings.seed);
  const made = await makeFolder(folder, files);
  const lock = await lockRun(folder);
  let session: Session | undefined;
  try {
    const total = lengthOf(settings, batches);
    const begin =
      existing === undefined
        ? await firstCheckpoint(job, settings, hooks, around)
        : longer(await takeUp(folder, hooks, files), options, { settings, total, before: lengthOf(existing.settings, batches) }, hooks);
    const device = options.device ?? existing?.device ?? settings.device;
    const threads = options.threads ?? existing?.threads;
    const trainer = await around.openTrainer(model, settings, begin.state, {
      device,
      ...(threads === undefined ? {} : { threads }),
      message: (text) => hooks.message?.(text),
    });
    try {
      if (existing === undefined) await createRun(folder, job.sources, keptOf(data), files);
      const record = recordOf(job, settings, trainer, { total, pass: batches.count }, begin, threads, existing);
      const parts = {
        ...{ folder, model, data, trainer, batches, validation, settings, hooks, files },
        now: around.now ?? (() => performance.now()),
        everyStep: options.everyStep === true,
        tensorBoard: options.tensorBoard === true,
        ...(options.watch === undefined ? {} : { watch: options.watch }),
        ...(around.look === undefined ? {} : { look: around.look }),
        ...(around.firstNonFinite === undefined ? {} : { firstNonFinite: around.firstNonFinite }),
        ...(around.write === undefined ? {} : { write: around.write }),
        ...(around.decode === undefined ? {} : { decode: around.decode }),
      };
      session = new Session(parts, record, begin);
      return await session.run(begin, existing !== undefined);
    } finally {
      await trainer.close();
    }
  } catch (error) {
    // Without a single step there is nothing to keep.
    if (existing === undefined && (session?.step ?? 0) === 0) await removeRun(folder, made, files);
    throw error;
  } finally {
    await lock.release();
  }
}

async function firstCheckpoint(
  { model }: Job,
  { seed, start }: TrainSettings,
  hooks: TrainHooks,
  around: Surroundings,
): Promise<Checkpoint> {
  const drawn = initialise(model.weights, seed);
  if (start === undefined) return { step: 0, epoch: 1, window: 0, seed, state: drawn };
  const { state, message } = startedFrom(model, drawn, await (around.readWeights ?? ownWeights)(start), start);
  hooks.message?.(message);
  return { step: 0, epoch: 1, window: 0, seed, state };
}

/** The last checkpoint of a run that is sound. What was passed over is said. */
async function takeUp(folder: string, hooks: TrainHooks, files: Files): Promise<Checkpoint> {
  const { checkpoint, refused } = await lastGoodCheckpoint(checkpointsOf(folder), files);
  for (const { path, why } of refused) hooks.message?.(`${path} is not used: ${why}.`);
  if (checkpoint === undefined) throw new RunError(`${folder} has no sound checkpoint to go on from. Train anew into another folder.`);
  hooks.message?.(`Resumed from step ${checkpoint.step.toLocaleString('en-US')}.`);
  return checkpoint;
}

/** Steps of the whole training. */
const lengthOf = ({ steps, epochs }: TrainSettings, batches: Batches): number => steps ?? (epochs ?? usualEpochs) * batches.count;

/** A run that goes on to another end than it had. What that changes is said. */
function longer(
  begin: Checkpoint,
  options: TrainOptions,
  { settings, total, before }: { readonly settings: TrainSettings; readonly total: number; readonly before: number },
  hooks: TrainHooks,
): Checkpoint {
  const { stop, optimizer } = settings;
  if (total !== before && optimizer.schedule?.kind === 'cosine')
    hooks.message?.(`The learning rate now falls until step ${total.toLocaleString('en-US')}, not ${before.toLocaleString('en-US')}.`);
  const isAsked = (options.steps ?? options.epochs) !== undefined && total > begin.step;
  const { progress } = begin;
  if (!isAsked || stop === undefined || progress === undefined || progress.stopping.since < stop.patience) return begin;
  hooks.message?.('The training had stopped early. It goes on, and waits anew for the validation loss to fall.');
  return { ...begin, progress: { ...progress, stopping: { ...progress.stopping, since: 0 } } };
}

/** Throws RunError where something waits for a validation that there is not. */
function checkWaiting({ stop, optimizer }: TrainSettings): void {
  const waits = [...(stop === undefined ? [] : ['`stop`']), ...(optimizer.schedule?.kind === 'plateau' ? ['the rate'] : [])];
  if (waits.length === 0) return;
  const [names, verb] = [waits.join(' and '), waits.length === 1 ? 'waits' : 'wait'];
  throw new RunError(
    `${names.replace(/^t/, 'T')} ${verb} for the validation loss, and nothing is held out to measure it on. Set \`validation: 0.1\` in the data line.`,
  );
}

function overridden(settings: TrainSettings, { epochs, steps, seed }: TrainOptions): TrainSettings {
  const { epochs: ownEpochs, steps: ownSteps, ...rest } = settings;
  const length =
    steps !== undefined
      ? { steps }
      : epochs !== undefined
        ? { epochs }
        : { ...(ownEpochs === undefined ? {} : { epochs: ownEpochs }), ...(ownSteps === undefined ? {} : { steps: ownSteps }) };
  return { ...rest, ...length, ...(seed === undefined ? {} : { seed }) };
}

function recordOf(
  job: Job,
  settings: TrainSettings,
  trainer: Trainer,
  { total, pass }: { readonly total: number; readonly pass: number },
  begin: Checkpoint,
  threads: number | undefined,
  existing: RunRecord | undefined,
): RunRecord {
  return {
    format: 2,
    model: job.model.name,
    file: job.file,
    statement: job.statement,
    main: job.main,
    edition: job.edition,
    settings,
    data: job.data.source,
    ...(job.label === undefined ? {} : { label: job.label }),
    ...(existing?.imported === undefined ? {} : { imported: existing.imported }),
    digest: job.data.digest,
    description: describe(job.model, settings, job.data.running),
    ...(job.model.judged === undefined ? {} : { lossFunction: job.model.judged.loss }),
    device: trainer.device,
    ...(threads === undefined ? {} : { threads }),
    parameters: parameterCount(job.model),
    steps: total,
    pass,
    status: { kind: 'running', process: process.pid },
    step: begin.step,
    ...(existing?.loss === undefined ? {} : { loss: existing.loss }),
    ...(existing?.validationLoss === undefined ? {} : { validationLoss: existing.validationLoss }),
    ...(existing?.metrics === undefined ? {} : { metrics: existing.metrics }),
    seconds: existing?.seconds ?? 0,
    started: existing?.started ?? new Date().toISOString(),
  };
}

const existsAlready = (folder: string): RunError =>
  new RunError(`There is a run in ${folder} already. Resume it, or train into another folder.`);

const seedKept = (seed: number): RunError =>
  new RunError(`The run has the seed ${seed} and keeps it. For another seed, train into another folder.`);
