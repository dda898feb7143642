// The loop of a training: window after window through the trainer, with records, validation and checkpoints. What computes a step is not
// known here. A training that stops, for whatever reason, can be taken up from its last checkpoint, and then goes on as if it had not stopped.

import { setImmediate as breathe } from 'node:timers/promises';
import type { Corpus } from '../data/text.ts';
import { type TextWindow, trainingWindows, validationWindows, type Windows } from '../data/windows.ts';
import type { Model } from '../graph/model.ts';
import type { Device, TrainSettings } from '../shared/settings.ts';
import type { RunStatus, RunSummary, StepRecord } from '../shared/training.ts';
import { type Checkpoint, lastGoodCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { describe, parameterCount } from './describe.ts';
import { type Files, nodeFiles } from './files.ts';
import { initialise } from './initialise.ts';
import { lockRun } from './lock.ts';
import { type Log, openLog } from './log.ts';
import { Pace } from './pace.ts';
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
import type { OpenTrainer, StepResult, Trainer, TrainerState, Window } from './trainer.ts';

/** A `train` statement with everything it names: the model, its data, its settings. */
export interface Job {
  readonly model: Model;
  readonly corpus: Corpus;
  readonly settings: TrainSettings;
  /** The `.rnn` file, absolute, and which of its `train` statements, from 0. */
  readonly file: string;
  readonly statement: number;
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
}

export interface TrainHooks {
  started?(run: RunSummary): void;
  progress?(record: StepRecord): void;
  /** One line for the reader's eyes. */
  message?(text: string): void;
  /** Asked after each step. */
  stop?(): 'pause' | 'cancel' | undefined;
}

/** What is outside: the numeric step, the disk, the clock (milliseconds). */
export interface Surroundings {
  readonly openTrainer: OpenTrainer;
  readonly files?: Files;
  readonly now?: () => number;
}

/** Passes over the data where a statement gives neither epochs nor steps. */
const EPOCHS = 10;
/** Share of the time that validation, and checkpoints, may take. */
const VALIDATION_SHARE = 0.05;
const CHECKPOINT_SHARE = 0.03;
/** Milliseconds between two checkpoints, at least; and between two records that are handed on. */
const CHECKPOINT_INTERVAL = 5000;
const SHOW_INTERVAL = 50;

/** Trains until the last step, a stop or a fault. A fault of the numbers is the summary's status `failed`; what keeps a training from
 *  starting, and a disk that fails, is thrown (DataError, RunError, LockedError, DiskError, or the trainer's own). */
export async function train(job: Job, options: TrainOptions, hooks: TrainHooks, around: Surroundings): Promise<RunSummary> {
  const settings = overridden(job.settings, options);
  const windows = trainingWindows(job.corpus, settings.batch, settings.window);
  const validation = validationWindows(job.corpus, settings.batch, settings.window);
  const files = around.files ?? nodeFiles;
  const folder = options.out ?? (await newRunFolder(job.file, job.model.name));
  const existing = await readRecord(folder).catch(() => undefined);
  if (existing !== undefined && options.resume !== true) throw existsAlready(folder);
  if (existing !== undefined && options.seed !== undefined && options.seed !== existing.settings.seed)
    throw seedKept(existing.settings.seed);
  const made = await makeFolder(folder, files);
  const lock = await lockRun(folder);
  let session: Session | undefined;
  try {
    const begin = existing === undefined ? firstCheckpoint(job, settings) : await takeUp(folder, hooks, files);
    const device = options.device ?? existing?.device ?? settings.device;
    const threads = options.threads ?? existing?.threads;
    const trainer = await around.openTrainer(job.model, settings, begin.state, {
      device,
      ...(threads === undefined ? {} : { threads }),
      message: (text) => hooks.message?.(text),
    });
    try {
      if (existing === undefined) await createRun(folder, job.sources, job.corpus.vocabulary, files);
      const total = settings.steps ?? (settings.epochs ?? EPOCHS) * windows.count;
      const record = recordOf(job, settings, trainer, total, begin, threads, existing);
      const now = around.now ?? (() => performance.now());
      const parts = { folder, trainer, windows, validation, settings, hooks, files, now, everyStep: options.everyStep === true };
      session = new Session(job.model, parts, record);
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

interface Parts {
  readonly folder: string;
  readonly trainer: Trainer;
  readonly windows: Windows;
  readonly validation: Windows | undefined;
  readonly settings: TrainSettings;
  readonly hooks: TrainHooks;
  readonly files: Files;
  readonly now: () => number;
  readonly everyStep: boolean;
}

class Session {
  readonly #model: Model;
  readonly #parts: Parts;
  readonly #pace: Pace;
  /** Seconds of the sessions before. */
  readonly #before: number;
  #record: RunRecord;
  #saved = { step: 0, time: 0, took: 0 };
  #best = Number.POSITIVE_INFINITY;
  #shown = Number.NEGATIVE_INFINITY;

  constructor(model: Model, parts: Parts, record: RunRecord) {
    this.#model = model;
    this.#parts = parts;
    this.#record = record;
    this.#before = record.seconds;
    this.#pace = new Pace(parts.now);
  }

  /** Steps done. */
  get step(): number {
    return this.#record.step;
  }

  async run(begin: Checkpoint, resumed: boolean): Promise<RunSummary> {
    const { folder, hooks } = this.#parts;
    const log = openLog(logOf(folder));
    try {
      if (resumed) log.append({ kind: 'resumed', step: begin.step });
      else await writeCheckpoint(checkpointsOf(folder), begin, this.#parts.files);
      this.#saved = { step: begin.step, time: this.#parts.now(), took: 0 };
      await this.#save({ kind: 'running', process: process.pid });
      hooks.started?.(await summarise(folder, this.#record));
      await this.#save(await this.#steps(begin.step, log));
    } catch (error) {
      if (!resumed && this.step === 0) throw error;
      const what = `${error instanceof Error ? error.message : String(error)} ${this.#safe()}`;
      // On a full disk this fails too; the lock that is gone then tells that the training is over.
      await this.#save({ kind: 'failed', what }).catch(() => undefined);
      if (error instanceof Error) error.message = what;
      throw error;
    } finally {
      log.close();
    }
    return summarise(folder, this.#record);
  }

  async #steps(done: number, log: Log): Promise<RunStatus> {
    const { trainer, windows, settings, hooks } = this.#parts;
    const total = this.#record.steps;
    const rate = settings.optimizer.rate;
    const interval = this.#validationInterval();
    if (done >= total) hooks.message?.(`All ${done.toLocaleString('en-US')} steps are done. Give more steps to go on.`);
    for (let step = done + 1; step <= total; step += 1) {
      const result = await trainer.step(windowOf(this.#model, windows.at((step - 1) % windows.count), settings), step, rate);
      this.#pace.step();
      const fault = faultOf(result);
      if (fault !== undefined) return this.#failed(step, fault);

      const stop = hooks.stop?.();
      const validationLoss = step % interval === 0 || step === total ? await this.#validate() : undefined;
      const record = this.#stepRecord(step, result, validationLoss);
      log.append(record);
      this.#show(record, step === total || stop !== undefined);
      this.#record = {
        ...this.#record,
        step,
        loss: result.loss,
        ...(validationLoss === undefined ? {} : { validationLoss }),
      };
      if (stop !== undefined || step === total || this.#due(validationLoss)) {
        if (!(await this.#checkpoint(step, validationLoss))) return this.#failed(step, 'A weight became NaN or infinite');
      }
      if (stop !== undefined && step < total) return { kind: stop === 'pause' ? 'paused' : 'cancelled' };
      await breathe();
    }
    return { kind: 'done' };
  }

  #stepRecord(step: number, { loss, gradientNorm }: StepResult, validationLoss: number | undefined): StepRecord {
    const { windows, settings } = this.#parts;
    const secondsLeft = this.#pace.secondsFor(this.#record.steps - step);
    return {
      kind: 'step',
      step,
      epoch: epochOf(step, windows),
      loss,
      gradientNorm,
      clipped: settings.clip !== undefined && gradientNorm > settings.clip,
      learningRate: settings.optimizer.rate,
      stepsPerSecond: this.#pace.stepsPerSecond,
      ...(secondsLeft === undefined ? {} : { secondsLeft }),
      ...(validationLoss === undefined ? {} : { validationLoss }),
    };
  }

  /** Hands a record on, not more often than eyes can follow. */
  #show(record: StepRecord, last: boolean): void {
    const { hooks, now, everyStep } = this.#parts;
    if (!everyStep && !last && record.validationLoss === undefined && now() - this.#shown < SHOW_INTERVAL) return;
    this.#shown = now();
    hooks.progress?.(record);
  }

  /** Steps between two validations, 1, 2 or 5 times a power of ten: a window of validation takes about a third of a step. */
  #validationInterval(): number {
    const { validation } = this.#parts;
    if (validation === undefined) return Number.POSITIVE_INFINITY;
    const least = Math.max(10, validation.count / 3 / VALIDATION_SHARE);
    const power = 10 ** Math.floor(Math.log10(least));
    return [1, 2, 5, 10].map((factor) => factor * power).find((interval) => interval >= least)!;
  }

  /** Mean over the validation part; undefined where nothing is held out. */
  async #validate(): Promise<number | undefined> {
    const { validation, trainer, settings } = this.#parts;
    if (validation === undefined) return undefined;
    let [sum, count] = [0, 0];
    if (validation.lead !== undefined) await trainer.evaluate(windowOf(this.#model, validation.lead, settings));
    for (let k = 0; k < validation.count; k += 1) {
      const part = await trainer.evaluate(windowOf(this.#model, validation.at(k), settings));
      sum += part.sum;
      count += part.count;
    }
    return sum / count;
  }

  #due(validationLoss: number | undefined): boolean {
    const since = this.#parts.now() - this.#saved.time;
    if (validationLoss !== undefined && validationLoss < this.#best && since > CHECKPOINT_INTERVAL / 5) return true;
    return since > Math.max(CHECKPOINT_INTERVAL, this.#saved.took / CHECKPOINT_SHARE);
  }

  /** Writes a checkpoint, unless a number of it is not finite: a checkpoint is always one to go on from. */
  async #checkpoint(step: number, validationLoss: number | undefined): Promise<boolean> {
    const { folder, trainer, windows, settings, files, now } = this.#parts;
    const start = now();
    const state = await trainer.state();
    if (!allFinite(state)) return false;
    const checkpoint: Checkpoint = {
      step,
      epoch: epochOf(step, windows),
      window: step % windows.count,
      seed: settings.seed,
      ...(validationLoss === undefined ? {} : { validationLoss }),
      state,
    };
    await writeCheckpoint(checkpointsOf(folder), checkpoint, files);
    this.#saved = { step, time: now(), took: now() - start };
    if (validationLoss !== undefined) this.#best = Math.min(this.#best, validationLoss);
    await this.#save(this.#record.status);
    return true;
  }

  async #save(status: RunStatus): Promise<void> {
    this.#record = { ...this.#record, status, seconds: this.#before + this.#pace.seconds };
    await writeRecord(this.#parts.folder, this.#record, this.#parts.files);
  }

  #failed(step: number, what: string): RunStatus {
    const { optimizer, clip } = this.#parts.settings;
    const repair = clip === undefined ? `a smaller rate than ${optimizer.rate}, or clip: 1` : `a smaller rate than ${optimizer.rate}`;
    return {
      kind: 'failed',
      what: `${what} at step ${step.toLocaleString('en-US')}. ${this.#safe()} Set ${repair}.`,
    };
  }

  #safe(): string {
    return `The checkpoint of step ${this.#saved.step.toLocaleString('en-US')} is safe.`;
  }
}

/** The feeds of the model's inputs: `next(x)` is what follows x. */
function windowOf(model: Model, { ids, next, reset }: TextWindow, { batch, window }: TrainSettings): Window {
  const inputs = Object.fromEntries(model.inputs.map(({ name }) => [name, name.startsWith('next(') ? next : ids]));
  return { steps: window, rows: batch, inputs, reset };
}

const epochOf = (step: number, windows: Windows): number => Math.floor((step - 1) / windows.count) + 1;

function faultOf({ loss, gradientNorm }: StepResult): string | undefined {
  if (!Number.isFinite(loss)) return `The loss became ${loss}`;
  if (!Number.isFinite(gradientNorm)) return `The norm of the gradient became ${gradientNorm}`;
  return undefined;
}

function allFinite(state: TrainerState): boolean {
  for (const { data } of state.values()) for (const value of data) if (!Number.isFinite(value)) return false;
  return true;
}

function firstCheckpoint(job: Job, { seed }: TrainSettings): Checkpoint {
  return { step: 0, epoch: 1, window: 0, seed, state: initialise(job.model.weights, seed) };
}

/** The last checkpoint of a run that is sound. What was passed over is said. */
async function takeUp(folder: string, hooks: TrainHooks, files: Files): Promise<Checkpoint> {
  const { checkpoint, refused } = await lastGoodCheckpoint(checkpointsOf(folder), files);
  for (const { path, why } of refused) hooks.message?.(`${path} is not used: ${why}.`);
  if (checkpoint === undefined) throw new RunError(`${folder} has no sound checkpoint to go on from. Train anew into another folder.`);
  hooks.message?.(`Resumed from step ${checkpoint.step.toLocaleString('en-US')}.`);
  return checkpoint;
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
  steps: number,
  begin: Checkpoint,
  threads: number | undefined,
  existing: RunRecord | undefined,
): RunRecord {
  return {
    format: 1,
    model: job.model.name,
    file: job.file,
    statement: job.statement,
    main: job.main,
    edition: job.edition,
    settings,
    data: job.corpus.source,
    digest: job.corpus.digest,
    description: describe(job.model, settings),
    device: trainer.device,
    ...(threads === undefined ? {} : { threads }),
    parameters: parameterCount(job.model),
    steps,
    status: { kind: 'running', process: process.pid },
    step: begin.step,
    ...(existing?.loss === undefined ? {} : { loss: existing.loss }),
    ...(existing?.validationLoss === undefined ? {} : { validationLoss: existing.validationLoss }),
    seconds: existing?.seconds ?? 0,
    started: existing?.started ?? new Date().toISOString(),
  };
}

const existsAlready = (folder: string): RunError =>
  new RunError(`There is a run in ${folder} already. Resume it, or train into another folder.`);

const seedKept = (seed: number): RunError =>
  new RunError(`The run has the seed ${seed} and keeps it. For another seed, train into another folder.`);
