// A figure of the literature, computed anew. What it has to train is trained as any model is, and kept when it is over, so that a reproduction that was
// interrupted goes on where it was.

import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { AnalyseOptions } from '../analysis/analyse.ts';
import type { Learned, ReproduceOptions, Training } from '../analysis/reproduce/reproduction.ts';
import { reproductions } from '../analysis/reproduce/reproductions.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Reproduced } from '../shared/analysis.ts';
import { numberText } from '../shared/numbers.ts';
import type { StepRecord } from '../shared/training.ts';
import { RuntimeEvaluator } from '../tracing/evaluator.ts';
import { replaceFile } from '../training/files.ts';
import { analyseModel, examplesOf, grouped } from './analysing.ts';
import type { ReproduceRequest } from './requests.ts';
import { sourceOfTrace } from './traces.ts';
import { runTraining } from './training.ts';

/** Of what is kept: another one where the same source would train otherwise. */
const EDITION = 1;
/** Trainings side by side, each on one thread: the rows of a reproduction wait for nothing of each other. */
const AT_ONCE = 2;

export interface ReproduceHooks extends Pick<AnalyseOptions, 'signal' | 'progress'> {
  /** One line for the reader's eyes. */
  readonly say?: (text: string) => void;
}

/** Throws the signal's reason where it is no longer wanted. */
export async function reproduce(
  { name, seed, keep, fresh = false }: ReproduceRequest,
  runtime: Runtime,
  { signal, progress, say }: ReproduceHooks = {},
): Promise<Reproduced> {
  const reproduction = reproductions[name];
  if (reproduction === undefined) throw new Error(`There is no reproduction ${name}.`);
  const began = performance.now();
  const slots = new Slots(AT_ONCE);
  const rows = await reproduction.run({
    evaluator: (batch) => new RuntimeEvaluator(runtime, { B: batch }),
    seed,
    check: (done) => {
      signal?.throwIfAborted();
      if (done !== undefined) progress?.(done);
    },
    train: trainer(signal),
    // In the order in which they are asked for.
    learn: (training) =>
      slots.use(async () => {
        signal?.throwIfAborted();
        const file = keep === undefined ? undefined : join(keep, name, `${keyOf(training)}.json`);
        const known = file === undefined || fresh ? undefined : await readKept(file);
        if (known !== undefined) {
          say?.(`${training.name}: kept from before`);
          return known;
        }
        const learned = await trainOne(training, runtime, signal, say);
        if (file !== undefined) await keepLearned(keep!, file, learned);
        return learned;
      }),
  });
  const { title, source } = reproduction;
  return { name, title, source, rows, seconds: (performance.now() - began) / 1000 };
}

/** Lets so many go on at once, in the order in which they came. */
class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async use<Result>(action: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await action();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}

/** Everything that decides how a training ends. */
const keyOf = ({ source, until, horizons }: Training): string =>
  createHash('sha256')
    .update(JSON.stringify([EDITION, source, until ?? null, horizons ?? null]))
    .digest('hex')
    .slice(0, 24);

async function readKept(file: string): Promise<Learned | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Learned;
  } catch {
    return undefined;
  }
}

async function keepLearned(keep: string, file: string, trained: Learned): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  // Whoever keeps the folder under version control need not know of it.
  await writeFile(join(keep, '.gitignore'), '*\n');
  await replaceFile(file, [Buffer.from(`${JSON.stringify(trained)}\n`)]);
}

async function trainOne(
  { name, source, until, horizons }: Training,
  runtime: Runtime,
  signal: AbortSignal | undefined,
  say: ReproduceHooks['say'],
): Promise<Learned> {
  const folder = await mkdtemp(join(tmpdir(), 'unroll-reproduce-'));
  const began = performance.now();
  try {
    const file = join(folder, 'model.rnn');
    await writeFile(file, source);
    let [figures, reached, steps] = [{} as Learned['figures'], false, 0];
    const run = await runTraining(
      { file, out: join(folder, 'run'), device: 'cpu', threads: 1, watch: 0 },
      {
        started: (summary) => {
          steps = summary.steps;
        },
        progress: (record) => {
          if (record.validationLoss === undefined) return;
          figures = { loss: record.validationLoss, ...record.metrics };
          reached ||= until !== undefined && isThere(figures, until);
          say?.(progressText(name, record, steps));
        },
        stop: () => (signal?.aborted === true || reached ? 'cancel' : undefined),
      },
    );
    signal?.throwIfAborted();
    const measured =
      horizons === undefined
        ? undefined
        : await analyseModel({ source: { kind: 'run', folder: run.folder }, ...horizons }, runtime, signal === undefined ? {} : { signal });
    const curves = measured?.layers[0]?.curves ?? [];
    return {
      step: run.step,
      steps,
      figures,
      reached,
      ...(run.status.kind === 'failed' ? { fault: run.status.what } : {}),
      seconds: (performance.now() - began) / 1000,
      ...(measured === undefined ? {} : { horizons: Object.fromEntries(curves.map(({ state, horizon }) => [state, horizon])) }),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function isThere(figures: Learned['figures'], { metric, below, above }: NonNullable<Training['until']>): boolean {
  const value = figures[metric];
  return value !== undefined && (below === undefined || value < below) && (above === undefined || value > above);
}

const progressText = (name: string, { step, validationLoss, metrics = {} }: StepRecord, steps: number): string =>
  [
    `${name}: step ${step.toLocaleString('en-US')} of ${steps.toLocaleString('en-US')}, held-out loss ${numberText(validationLoss!)}`,
    ...Object.entries(metrics).map(([metric, value]) => `${metric} ${numberText(value)}`),
  ].join(', ');

/** Throws the signal's reason, and what a training throws. */
export function trainer(signal?: AbortSignal): ReproduceOptions['train'] {
  return async (source, { seed, sequences, length, progress }) => {
    const folder = await mkdtemp(join(tmpdir(), 'unroll-reproduce-'));
    try {
      const file = join(folder, 'model.rnn');
      const out = join(folder, 'run');
      await writeFile(file, source);
      let steps = Number.POSITIVE_INFINITY;
      const run = await runTraining(
        // On the CPU, so that a seed means the same on every machine's graphics.
        { file, out, seed, device: 'cpu' },
        {
          started: (begun) => {
            steps = begun.steps;
          },
          progress: ({ step }) => progress?.(step / steps),
          stop: () => (signal?.aborted === true ? 'cancel' : undefined),
        },
      );
      signal?.throwIfAborted();
      if (run.status.kind === 'failed') throw new Error(run.status.what);
      const { model, weights, dataset } = await sourceOfTrace({ kind: 'run', folder: out });
      return { model, weights, groups: grouped(model, examplesOf(await dataset(), sequences, length), length) };
    } finally {
      await rm(folder, { recursive: true });
    }
  };
}
