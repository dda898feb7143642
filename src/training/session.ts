// One stretch of a training, from a checkpoint to its end or a stop: batch after batch through the trainer, with records, validation and checkpoints.

import { setImmediate as breathe } from 'node:timers/promises';
import type { Batch, Batches, Dataset } from '../data/dataset.ts';
import type { Model } from '../graph/model.ts';
import type { Metric, TrainSettings } from '../shared/settings.ts';
import type { MemoryLook, NonFinite, RunStatus, RunSummary, Sample, StepRecord } from '../shared/training.ts';
import { bestCheckpoint, type Checkpoint, lastGoodCheckpoint, type TrainingProgress, writeCheckpoint } from './checkpoint.ts';
import { type DecodeHeldOut, decodedMetrics, VALIDATED } from './decoding/figures.ts';
import type { Files } from './files.ts';
import { type Log, openLog, readLog } from './log.ts';
import { usualMetrics } from './metrics.ts';
import { Pace, Throughput } from './pace.ts';
import { fresh, heard } from './plateau.ts';
import { afterValidation, freshRate, rateAt } from './rate.ts';
import { measure, writeReport } from './report.ts';
import { checkpointsOf, logOf, type RunRecord, summarise, writeRecord } from './run.ts';
import { examplesOf, Occasions } from './samples.ts';
import { mixed, taughtInput, truthAt } from './teacher.ts';
import { type EventFile, openEventFile } from './tensorboard.ts';
import type { StepResult, Trainer, TrainerState } from './trainer.ts';
import { Seldom, updateRatios } from './update-ratios.ts';
import { type Validated, validate, validationInterval } from './validation.ts';

export interface TrainHooks {
  started?(run: RunSummary): void;
  progress?(record: StepRecord): void;
  /** One line for the reader's eyes. */
  message?(text: string): void;
  /** Asked after each step. */
  stop?(): 'pause' | 'cancel' | undefined;
}

/** A step after which a number was not finite, with the numbers that it began with. */
export interface FaultyStep {
  readonly state: TrainerState;
  readonly batch: Batch;
  readonly step: number;
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
  readonly decode?: DecodeHeldOut;
  /** Steps between two looks at the memory; 0 for none. */
  readonly watch?: number;
  readonly look?: (weights: TrainerState) => Promise<MemoryLook | undefined>;
  readonly firstNonFinite?: (step: FaultyStep) => Promise<{ readonly first: NonFinite; readonly text: string } | undefined>;
}

/** Share of the time that checkpoints may take. */
const CHECKPOINT_SHARE = 0.03;
/** Milliseconds between two checkpoints, at least; between two records that are handed on. */
const CHECKPOINT_INTERVAL = 5000;
const SHOW_INTERVAL = 50;
/** Milliseconds before the first look at the memory: a training that is shorter has none. */
const FIRST_LOOK = 1000;

export class Session {
  readonly #parts: Parts;
  readonly #pace: Pace;
  /** Seconds of the sessions before. */
  readonly #before: number;
  readonly #throughput: Throughput;
  readonly #ratios: Seldom;
  readonly #looks: Seldom;
  #canLook = true;
  /** Looks so far; the step of the last, and how many have been clipped since. */
  #looked = { count: 0, step: 0, clipped: 0 };
  readonly #occasions: Occasions;
  readonly #metrics: readonly Metric[];
  #record: RunRecord;
  #saved = { step: 0, time: 0, took: 0 };
  #best = Number.POSITIVE_INFINITY;
  #shown = Number.NEGATIVE_INFINITY;
  #progress: TrainingProgress;
  /** The step that the weights are of, where the best were taken back. */
  #bestOf: number | undefined;
  #events: EventFile | undefined;

  constructor(parts: Parts, record: RunRecord, begin: Checkpoint) {
    this.#parts = parts;
    this.#record = record;
    this.#before = record.seconds;
    this.#pace = new Pace(parts.now);
    this.#throughput = new Throughput(parts.now);
    this.#ratios = new Seldom(parts.now);
    this.#looks = new Seldom(parts.now, parts.now() + FIRST_LOOK);
    this.#looked.step = begin.step;
    this.#occasions = new Occasions(parts.settings.samples, record.steps, begin.step, parts.now);
    this.#metrics = parts.settings.report ?? usualMetrics(parts.model.judged);
    this.#progress = begin.progress ?? { rate: freshRate, stopping: fresh };
    this.#best = this.#progress.stopping.best ?? Number.POSITIVE_INFINITY;
    this.#bestOf = begin.bestOf;
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
      if (tensorBoard) this.#events = openEventFile(folder, begin.step + 1);
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
    const { batches, validation, data, settings, hooks } = this.#parts;
    const total = this.#record.steps;
    const interval = validationInterval(validation, batches, data);
    if (this.#hasStopped) return this.#stopEarly(done);
    if (done >= total) hooks.message?.(`All ${done.toLocaleString('en-US')} steps are done. Give more steps to go on.`);
    for (let step = done + 1; step <= total; step += 1) {
      const rate = rateAt(settings.optimizer, { step, steps: total, pass: batches.count }, this.#progress.rate);
      const batch = await this.#taught(batches.at(step - 1), step);
      const { result, ratios } = await this.#learn(batch, step, rate);
      this.#bestOf = undefined;
      this.#pace.step();
      const fault = faultOf(result);
      if (fault !== undefined) return this.#failed(step, fault, await this.#found(batch, step));

      const stop = hooks.stop?.();
      const validated = step % interval === 0 || step === total ? await this.#validate() : undefined;
      if (validated !== undefined) this.#hear(validated);
      const isLast = step === total || this.#hasStopped;
      const sample = await this.#sample(step, isLast, validated);
      if (settings.clip !== undefined && result.gradientNorm > settings.clip) this.#looked.clipped += 1;
      const looked = await this.#look(step, isLast);
      const record = this.#stepRecord(step, rate, batch, result, { validated, ratios, sample, looked });
      log.append(record);
      this.#events?.record(record);
      this.#show(record, isLast || stop !== undefined);
      this.#record = {
        ...this.#record,
        step,
        loss: result.loss,
        ...(record.validationLoss === undefined ? {} : { validationLoss: record.validationLoss }),
        ...(record.metrics === undefined ? {} : { metrics: record.metrics }),
      };
      if (stop !== undefined || isLast || this.#due(record.validationLoss)) {
        const broken = await this.#checkpoint(step, record.validationLoss);
        if (broken !== undefined) return this.#failed(step, `${broken} became NaN or infinite`);
      }
      if (this.#hasStopped) return this.#stopEarly(step);
      if (step === total && settings.stop !== undefined) await this.#keepBest(step);
      if (stop !== undefined && step < total) return { kind: stop === 'pause' ? 'paused' : 'cancelled' };
      await breathe();
    }
    return { kind: 'done' };
  }

  /** The batch as it is read: the truth, or now and then what the model would say. */
  async #taught(batch: Batch, step: number): Promise<Batch> {
    const { settings, trainer, model, data, batches } = this.#parts;
    const truth = settings.teacher === undefined ? 1 : truthAt(settings.teacher, step, batches.count);
    if (truth >= 1) return batch;
    const { judged } = await trainer.evaluate(batch);
    return mixed(batch, taughtInput(model, data.running), judged!, truth, settings.seed, step);
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
      looked,
    }: {
      validated: Validated | undefined;
      ratios: Record<string, number> | undefined;
      sample: Sample | undefined;
      looked: Pick<StepRecord, 'memory' | 'clipRate'>;
    },
  ): StepRecord {
    const { batches, settings } = this.#parts;
    const secondsLeft = this.#pace.secondsFor(this.#record.steps - step);
    const stepsOfDataPerSecond = this.#throughput.learned(batch);
    return {
      kind: 'step',
      step,
      epoch: epochOf(step, batches),
      loss,
      gradientNorm,
      clipped: settings.clip !== undefined && gradientNorm > settings.clip,
      learningRate,
      stepsPerSecond: this.#pace.stepsPerSecond,
      ...(stepsOfDataPerSecond === undefined ? {} : { stepsOfDataPerSecond }),
      ...(secondsLeft === undefined ? {} : { secondsLeft }),
      ...(validated === undefined || !Number.isFinite(validated.loss) ? {} : { validationLoss: validated.loss }),
      ...(validated === undefined || Object.keys(validated.metrics).length === 0 ? {} : { metrics: validated.metrics }),
      ...(ratios === undefined ? {} : { updateRatios: ratios }),
      ...(sample === undefined ? {} : { sample }),
      ...looked,
    };
  }

  /** Hands a record on, not more often than eyes can follow. */
  #show(record: StepRecord, last: boolean): void {
    const { hooks, now, everyStep } = this.#parts;
    const isWorth =
      last ||
      record.validationLoss !== undefined ||
      record.sample !== undefined ||
      record.updateRatios !== undefined ||
      record.memory !== undefined;
    if (!everyStep && !isWorth && now() - this.#shown < SHOW_INTERVAL) return;
    this.#shown = now();
    hooks.progress?.(record);
  }

  async #validate(): Promise<Validated | undefined> {
    const { validation, trainer, model, data, decode } = this.#parts;
    if (validation === undefined) return undefined;
    const validated = await validate(trainer, validation, model, data, this.#metrics);
    const wanted = decodedMetrics(this.#metrics);
    if (wanted.length === 0 || decode === undefined) return validated;
    const decoded = await decode(await trainer.state(), 'validation', wanted, VALIDATED);
    return { ...validated, metrics: { ...validated.metrics, ...decoded } };
  }

  /** What the model writes or answers, now and then. */
  async #sample(step: number, isLast: boolean, validated: Validated | undefined): Promise<Sample | undefined> {
    const { write, trainer, validation, model, data, hooks, now } = this.#parts;
    // Answers come with a validation that is made anyway.
    const some = write === undefined ? validated?.some : undefined;
    if ((write === undefined && some === undefined) || !this.#occasions.isDue(step, isLast)) return undefined;
    const start = now();
    try {
      if (some !== undefined) return examplesOf(validation!.at(some.batch), some.judged, model, data);
      return { kind: 'text', text: await write!(await trainer.state()) };
    } catch (error) {
      // A training does not end for a sample's sake.
      hooks.message?.(`There is no sample of step ${number(step)}: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    } finally {
      this.#occasions.made(step, start);
    }
  }

  /** What the memory is like, now and then; chance that the training draws has no part in it. */
  async #look(step: number, isLast: boolean): Promise<Pick<StepRecord, 'memory' | 'clipRate'>> {
    const { look, watch, trainer, settings, hooks, now } = this.#parts;
    const { count, step: before, clipped } = this.#looked;
    const isDue =
      watch === undefined ? this.#looks.isDue || (isLast && count > 0) : watch > 0 && (isLast || step === 1 || step % watch === 0);
    if (look === undefined || !this.#canLook || !isDue) return {};
    const start = now();
    try {
      const memory = await look(await trainer.state());
      if (memory === undefined) return {};
      this.#looked = { count: count + 1, step, clipped: 0 };
      return { memory, ...(settings.clip === undefined ? {} : { clipRate: clipped / (step - before) }) };
    } catch (error) {
      // A training does not end for a look's sake.
      hooks.message?.(
        `The memory of step ${number(step)} could not be looked at: ${error instanceof Error ? error.message : String(error)}`,
      );
      this.#canLook = false;
      return {};
    } finally {
      this.#looks.took(start);
    }
  }

  /** Where the first number that is not finite came about in a step. The numbers that the step began with are gone; they come again from the last checkpoint,
   *  by the steps since. */
  async #found(batch: Batch, step: number): Promise<{ readonly first: NonFinite; readonly text: string } | undefined> {
    const { firstNonFinite, folder, files, trainer, batches, hooks } = this.#parts;
    if (firstNonFinite === undefined) return undefined;
    try {
      const { checkpoint } = await lastGoodCheckpoint(checkpointsOf(folder), files);
      const rates = new Map((await readLog(logOf(folder))).map((record) => [record.step, record.learningRate]));
      if (checkpoint === undefined) return undefined;
      if (checkpoint.step < step - 1)
        hooks.message?.(
          `Step ${number(step)} went wrong. To find out where, the steps since the checkpoint of step ${number(checkpoint.step)} are repeated.`,
        );
      await trainer.restore(checkpoint.state);
      for (let each = checkpoint.step + 1; each < step; each += 1) {
        if (hooks.stop?.() !== undefined) return undefined;
        await trainer.step(await this.#taught(batches.at(each - 1), each), each, rates.get(each)!);
        await breathe();
      }
      return await firstNonFinite({ state: await trainer.state(), batch, step });
    } catch (error) {
      hooks.message?.(`Where it went wrong could not be found: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }

  /** The validation loss has not fallen for as long as the source says. */
  get #hasStopped(): boolean {
    const { stop } = this.#parts.settings;
    return stop !== undefined && this.#progress.stopping.since >= stop.patience;
  }

  async #stopEarly(step: number): Promise<RunStatus> {
    const { settings, hooks } = this.#parts;
    await this.#keepBest(step);
    this.#record = { ...this.#record, steps: step };
    const waited = settings.stop!.patience === 1 ? 'at the last validation' : `for ${settings.stop!.patience} validations`;
    hooks.message?.(
      `Stopped early at step ${number(step)}: the validation loss has not fallen ${waited}. Give more steps or epochs to go on.`,
    );
    return { kind: 'done' };
  }

  #due(validationLoss: number | undefined): boolean {
    const { settings, now } = this.#parts;
    const since = now() - this.#saved.time;
    const isBest = validationLoss !== undefined && validationLoss < this.#best;
    if (isBest && (settings.stop !== undefined || since > CHECKPOINT_INTERVAL / 5)) return true;
    return since > Math.max(CHECKPOINT_INTERVAL, this.#saved.took / CHECKPOINT_SHARE);
  }

  /** Writes a checkpoint, unless a number of it is not finite: a checkpoint is always one to go on from. Says what is not. */
  async #checkpoint(step: number, validationLoss: number | undefined): Promise<string | undefined> {
    const { folder, trainer, batches, settings, files, now } = this.#parts;
    const start = now();
    const state = await trainer.state();
    const broken = brokenOf(state);
    if (broken !== undefined) return broken;
    const checkpoint: Checkpoint = {
      step,
      epoch: epochOf(step, batches),
      window: step % batches.count,
      seed: settings.seed,
      ...(validationLoss === undefined ? {} : { validationLoss }),
      progress: this.#progress,
      ...(this.#bestOf === undefined ? {} : { bestOf: this.#bestOf }),
      state,
    };
    await writeCheckpoint(checkpointsOf(folder), checkpoint, files);
    this.#saved = { step, time: now(), took: now() - start };
    if (validationLoss !== undefined) this.#best = Math.min(this.#best, validationLoss);
    await this.#save(this.#record.status);
    return undefined;
  }

  /** The last checkpoint becomes that of the best weights. */
  async #keepBest(step: number): Promise<void> {
    const { folder, trainer, files, hooks } = this.#parts;
    const best = await bestCheckpoint(checkpointsOf(folder), files);
    if (best === undefined || best.step === step) return;
    const bestOf = best.bestOf ?? best.step;
    await trainer.restore(best.state);
    await writeCheckpoint(checkpointsOf(folder), { ...best, step, bestOf, progress: this.#progress }, files);
    this.#saved = { ...this.#saved, step };
    this.#bestOf = bestOf;
    const then = (await readLog(logOf(folder))).find((record) => record.step === bestOf);
    this.#record = {
      ...this.#record,
      ...(best.validationLoss === undefined ? {} : { validationLoss: best.validationLoss }),
      ...(then?.metrics === undefined ? {} : { metrics: then.metrics }),
    };
    hooks.message?.(`The weights of step ${number(bestOf)} are kept: they have the lowest validation loss.`);
  }

  async #report(): Promise<void> {
    const { folder, trainer, model, data, settings, files, decode } = this.#parts;
    const report = await measure(trainer, model, data, settings, this.#bestOf ?? this.step, decode);
    if (report !== undefined) await writeReport(folder, report, files);
  }

  async #save(status: RunStatus): Promise<void> {
    this.#record = { ...this.#record, status, seconds: this.#before + this.#pace.seconds };
    await writeRecord(this.#parts.folder, this.#record, this.#parts.files);
  }

  #failed(step: number, what: string, found?: { readonly first: NonFinite; readonly text: string }): RunStatus {
    const { optimizer, clip } = this.#parts.settings;
    const repair = clip === undefined ? `a smaller rate than ${optimizer.rate}, or clip: 1` : `a smaller rate than ${optimizer.rate}`;
    return {
      kind: 'failed',
      what: `${what} at step ${number(step)}. ${found === undefined ? '' : `${found.text} `}${this.#safe()} Set ${repair}.`,
      ...(found === undefined ? {} : { first: found.first }),
    };
  }

  #safe(): string {
    return `The checkpoint of step ${this.#saved.step.toLocaleString('en-US')} is safe.`;
  }
}

const epochOf = (step: number, batches: Batches): number => Math.floor((step - 1) / batches.count) + 1;

const number = (value: number): string => value.toLocaleString('en-US');

function faultOf({ loss, gradientNorm }: StepResult): string | undefined {
  if (!Number.isFinite(loss)) return `The loss became ${loss}`;
  if (!Number.isFinite(gradientNorm)) return `The norm of the gradient became ${gradientNorm}`;
  return undefined;
}

/** The first of the numbers that is not finite: `The weight h.W_f[12]`, by its place in row-major order. */
function brokenOf(state: TrainerState): string | undefined {
  for (const [name, { data }] of state) {
    const at = data.findIndex((value) => !Number.isFinite(value));
    if (at >= 0)
      return `${/#(?!state)/.test(name) ? 'The optimiser’s' : name.endsWith('#state') ? 'The carried state' : 'The weight'} ${name.replace('#state', '')}[${at}]`;
  }
  return undefined;
}
