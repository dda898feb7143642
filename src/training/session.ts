// One stretch of a training, from a checkpoint to its end or a stop: batch after batch through the trainer, with records, validation and checkpoints.

import { setImmediate as breathe } from 'node:timers/promises';
import type { Batch, Batches, Dataset } from '../data/dataset.ts';
import type { Model } from '../graph/model.ts';
import type { Metric, TrainSettings } from '../shared/settings.ts';
import type { RunStatus, RunSummary, Sample, StepRecord } from '../shared/training.ts';
import { bestCheckpoint, type Checkpoint, type TrainingProgress, writeCheckpoint } from './checkpoint.ts';
import type { Files } from './files.ts';
import { type Log, openLog } from './log.ts';
import { usualMetrics } from './metrics.ts';
import { Pace } from './pace.ts';
import { fresh, heard } from './plateau.ts';
import { afterValidation, freshRate, rateAt } from './rate.ts';
import { measure, writeReport } from './report.ts';
import { checkpointsOf, logOf, type RunRecord, summarise, writeRecord } from './run.ts';
import { examplesOf } from './samples.ts';
import { type EventFile, openEventFile } from './tensorboard.ts';
import type { StepResult, Trainer, TrainerState } from './trainer.ts';
import { Seldom, updateRatios } from './update-ratios.ts';
import { type Validated, validate } from './validation.ts';

export interface TrainHooks {
  started?(run: RunSummary): void;
  progress?(record: StepRecord): void;
  /** One line for the reader's eyes. */
  message?(text: string): void;
  /** Asked after each step. */
  stop?(): 'pause' | 'cancel' | undefined;
}

/** What a session works with. */
export interface Parts {
  readonly folder: string;
  readonly model: Model;
  readonly data: Dataset;
  readonly trainer: Trainer;
  readonly batches: Batches;
  readonly validation: Batches | undefined;
  readonly settings: TrainSettings;
  readonly hooks: TrainHooks;
  readonly files: Files;
  /** Milliseconds. */
  readonly now: () => number;
  readonly everyStep: boolean;
  readonly tensorBoard: boolean;
  /** What the model writes with these weights, if it writes. */
  readonly write?: (weights: TrainerState) => Promise<string>;
}

/** Share of the time that validation, and checkpoints, may take. */
const VALIDATION_SHARE = 0.05;
const CHECKPOINT_SHARE = 0.03;
/** Milliseconds between two checkpoints, at least; between two records that are handed on; before the first sample. */
const CHECKPOINT_INTERVAL = 5000;
const SHOW_INTERVAL = 50;
/** Samples of a training where nothing else is said. */
const SAMPLES = 10;

export class Session {
  readonly #parts: Parts;
  readonly #pace: Pace;
  /** Seconds of the sessions before. */
  readonly #before: number;
  readonly #ratios: Seldom;
  readonly #metrics: readonly Metric[];
  #record: RunRecord;
  #saved = { step: 0, time: 0, took: 0 };
  #best = Number.POSITIVE_INFINITY;
  #shown = Number.NEGATIVE_INFINITY;
  #progress: TrainingProgress;
  #events: EventFile | undefined;
  /** Real timesteps that were learned from, and since when. */
  #pastData: { readonly time: number; readonly steps: number }[] = [];

  constructor(parts: Parts, record: RunRecord, begin: Checkpoint) {
    this.#parts = parts;
    this.#record = record;
    this.#before = record.seconds;
    this.#pace = new Pace(parts.now);
    this.#ratios = new Seldom(parts.now);
    this.#metrics = parts.settings.report ?? usualMetrics(parts.model.judged);
    const progress = begin.progress ?? { rate: freshRate, stopping: fresh };
    // Who goes on with what has stopped early gives it its patience anew.
    const isSpent = parts.settings.stop !== undefined && progress.stopping.since >= parts.settings.stop.patience;
    this.#progress = isSpent ? { ...progress, stopping: { ...progress.stopping, since: 0 } } : progress;
    this.#best = this.#progress.stopping.best ?? Number.POSITIVE_INFINITY;
  }

  /** Steps done. */
  get step(): number {
    return this.#record.step;
  }

  async run(begin: Checkpoint, resumed: boolean): Promise<RunSummary> {
    const { folder, hooks, tensorBoard } = this.#parts;
    const log = openLog(logOf(folder));
    try {
      if (resumed) log.append({ kind: 'resumed', step: begin.step });
      else await writeCheckpoint(checkpointsOf(folder), begin, this.#parts.files);
      this.#saved = { step: begin.step, time: this.#parts.now(), took: 0 };
      await this.#save({ kind: 'running', process: process.pid });
      if (tensorBoard) this.#events = openEventFile(folder);
      hooks.started?.(await summarise(folder, this.#record));
      const status = await this.#steps(begin.step, log);
      if (status.kind === 'done') await this.#report();
      await this.#save(status);
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
    const { batches, settings, hooks } = this.#parts;
    const total = this.#record.steps;
    const interval = this.#validationInterval();
    if (done >= total) hooks.message?.(`All ${done.toLocaleString('en-US')} steps are done. Give more steps to go on.`);
    for (let step = done + 1; step <= total; step += 1) {
      const rate = rateAt(settings.optimizer, { step, steps: total, pass: batches.count }, this.#progress.rate);
      const batch = batches.at(step - 1);
      const { result, ratios } = await this.#learn(batch, step, rate);
      this.#pace.step();
      const fault = faultOf(result);
      if (fault !== undefined) return this.#failed(step, fault);

      const stop = hooks.stop?.();
      const validated = step % interval === 0 || step === total ? await this.#validate() : undefined;
      if (validated !== undefined) this.#hear(validated);
      const sample = await this.#sample(step, validated);
      const record = this.#stepRecord(step, rate, batch, result, { validated, ratios, sample });
      log.append(record);
      this.#events?.record(record);
      const isOver = settings.stop !== undefined && this.#progress.stopping.since >= settings.stop.patience;
      this.#show(record, step === total || stop !== undefined || isOver);
      this.#record = {
        ...this.#record,
        step,
        loss: result.loss,
        ...(validated === undefined ? {} : { validationLoss: validated.loss, metrics: validated.metrics }),
      };
      if (stop !== undefined || step === total || isOver || this.#due(validated?.loss)) {
        if (!(await this.#checkpoint(step, validated?.loss))) return this.#failed(step, 'A weight became NaN or infinite');
      }
      if (isOver || (step === total && settings.stop !== undefined)) await this.#keepBest(step);
      if (isOver) {
        hooks.message?.(
          `Stopped early: the validation loss has not fallen for ${settings.stop!.patience} validations. The best weights are kept.`,
        );
        this.#record = { ...this.#record, steps: step };
        return { kind: 'done' };
      }
      if (stop !== undefined && step < total) return { kind: stop === 'pause' ? 'paused' : 'cancelled' };
      await breathe();
    }
    return { kind: 'done' };
  }

  /** A step; now and then with the way that the weights have gone. */
  async #learn(batch: Batch, step: number, rate: number): Promise<{ result: StepResult; ratios?: Record<string, number> }> {
    const { trainer, model, now } = this.#parts;
    if (!this.#ratios.isDue || model.instances.length === 0) return { result: await trainer.step(batch, step, rate) };
    const start = now();
    const before = await trainer.state();
    const stepping = now();
    const result = await trainer.step(batch, step, rate);
    const stepped = now();
    const ratios = updateRatios(model, before, await trainer.state());
    // The step itself would have been made anyway.
    this.#ratios.took(start + (stepped - stepping));
    return { result, ratios };
  }

  #hear({ loss }: Validated): void {
    const { rate, stopping } = this.#progress;
    this.#progress = { rate: afterValidation(this.#parts.settings.optimizer, rate, loss), stopping: heard(stopping, loss) };
  }

  #stepRecord(
    step: number,
    learningRate: number,
    batch: Batch,
    { loss, gradientNorm }: StepResult,
    {
      validated,
      ratios,
      sample,
    }: { validated: Validated | undefined; ratios: Record<string, number> | undefined; sample: Sample | undefined },
  ): StepRecord {
    const { batches, settings, now } = this.#parts;
    const secondsLeft = this.#pace.secondsFor(this.#record.steps - step);
    this.#pastData.push({ time: now(), steps: realSteps(batch) });
    if (this.#pastData.length > 33) this.#pastData.shift();
    const span = (this.#pastData.at(-1)!.time - this.#pastData[0]!.time) / 1000;
    const learned = this.#pastData.slice(1).reduce((sum, each) => sum + each.steps, 0);
    return {
      kind: 'step',
      step,
      epoch: epochOf(step, batches),
      loss,
      gradientNorm,
      clipped: settings.clip !== undefined && gradientNorm > settings.clip,
      learningRate,
      stepsPerSecond: this.#pace.stepsPerSecond,
      ...(span > 0 ? { stepsOfDataPerSecond: learned / span } : {}),
      ...(secondsLeft === undefined ? {} : { secondsLeft }),
      ...(validated === undefined ? {} : { validationLoss: validated.loss }),
      ...(validated === undefined || Object.keys(validated.metrics).length === 0 ? {} : { metrics: validated.metrics }),
      ...(ratios === undefined ? {} : { updateRatios: ratios }),
      ...(sample === undefined ? {} : { sample }),
    };
  }

  /** Hands a record on, not more often than eyes can follow. */
  #show(record: StepRecord, last: boolean): void {
    const { hooks, now, everyStep } = this.#parts;
    const isWorth = last || record.validationLoss !== undefined || record.sample !== undefined || record.updateRatios !== undefined;
    if (!everyStep && !isWorth && now() - this.#shown < SHOW_INTERVAL) return;
    this.#shown = now();
    hooks.progress?.(record);
  }

  /** Steps between two validations: where data comes in passes, whole passes; else 1, 2 or 5 times a power of ten. A batch of validation takes about
   *  a third of a step. */
  #validationInterval(): number {
    const { validation, batches, data } = this.#parts;
    if (validation === undefined) return Number.POSITIVE_INFINITY;
    const least = Math.max(10, validation.count / 3 / VALIDATION_SHARE);
    if (!data.running && batches.count >= 10) return batches.count * Math.max(1, Math.round(least / batches.count));
    const power = 10 ** Math.floor(Math.log10(least));
    return [1, 2, 5, 10].map((factor) => factor * power).find((interval) => interval >= least)!;
  }

  async #validate(): Promise<Validated | undefined> {
    const { validation, trainer, model, data } = this.#parts;
    return validation === undefined ? undefined : validate(trainer, validation, model, data, this.#metrics);
  }

  /** What the model writes or answers, about ten times in a training, or as the source says. */
  async #sample(step: number, validated: Validated | undefined): Promise<Sample | undefined> {
    const { settings, write, trainer, validation, model, data } = this.#parts;
    const every = settings.samples ?? Math.max(1, Math.ceil(this.#record.steps / SAMPLES));
    if (every === 0) return undefined;
    if (write !== undefined) {
      if (step % every !== 0) return undefined;
      return { kind: 'text', text: await write(await trainer.state()) };
    }
    // Answers come with a validation that is made anyway.
    if (validated?.first === undefined || validation === undefined) return undefined;
    const isDue = settings.samples === undefined || step % every === 0 || step === this.#record.steps;
    return isDue ? examplesOf(validation.at(0), validated.first, model, data) : undefined;
  }

  #due(validationLoss: number | undefined): boolean {
    const { settings, now } = this.#parts;
    const since = now() - this.#saved.time;
    const isBest = validationLoss !== undefined && validationLoss < this.#best;
    if (isBest && (settings.stop !== undefined || since > CHECKPOINT_INTERVAL / 5)) return true;
    return since > Math.max(CHECKPOINT_INTERVAL, this.#saved.took / CHECKPOINT_SHARE);
  }

  /** Writes a checkpoint, unless a number of it is not finite: a checkpoint is always one to go on from. */
  async #checkpoint(step: number, validationLoss: number | undefined): Promise<boolean> {
    const { folder, trainer, batches, settings, files, now } = this.#parts;
    const start = now();
    const state = await trainer.state();
    if (!allFinite(state)) return false;
    const checkpoint: Checkpoint = {
      step,
      epoch: epochOf(step, batches),
      window: step % batches.count,
      seed: settings.seed,
      ...(validationLoss === undefined ? {} : { validationLoss }),
      progress: this.#progress,
      state,
    };
    await writeCheckpoint(checkpointsOf(folder), checkpoint, files);
    this.#saved = { step, time: now(), took: now() - start };
    if (validationLoss !== undefined) this.#best = Math.min(this.#best, validationLoss);
    await this.#save(this.#record.status);
    return true;
  }

  /** The last checkpoint becomes that of the best weights. */
  async #keepBest(step: number): Promise<void> {
    const { folder, trainer, files } = this.#parts;
    const best = await bestCheckpoint(checkpointsOf(folder), files);
    if (best === undefined || best.step === step) return;
    await trainer.restore(best.state);
    await writeCheckpoint(checkpointsOf(folder), { ...best, step, progress: this.#progress }, files);
    this.#record = { ...this.#record, ...(best.validationLoss === undefined ? {} : { validationLoss: best.validationLoss }) };
  }

  async #report(): Promise<void> {
    const { folder, trainer, model, data, settings, files } = this.#parts;
    const report = await measure(trainer, model, data, settings, this.step);
    if (report !== undefined) await writeReport(folder, report, files);
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

const epochOf = (step: number, batches: Batches): number => Math.floor((step - 1) / batches.count) + 1;

/** Timesteps without padding; rows, where there are no timesteps. */
function realSteps({ rows, sizes, inputs }: Batch): number {
  const lengths = Object.entries(inputs).filter(([name]) => name.startsWith('lengths('));
  if (lengths.length > 0) return Math.max(...lengths.map(([, each]) => (each as Int32Array).reduce((sum, length) => sum + length, 0)));
  return rows * Math.max(1, ...Object.values(sizes));
}

function faultOf({ loss, gradientNorm }: StepResult): string | undefined {
  if (!Number.isFinite(loss)) return `The loss became ${loss}`;
  if (!Number.isFinite(gradientNorm)) return `The norm of the gradient became ${gradientNorm}`;
  return undefined;
}

function allFinite(state: TrainerState): boolean {
  for (const { data } of state.values()) for (const value of data) if (!Number.isFinite(value)) return false;
  return true;
}
