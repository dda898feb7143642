// `unroll train`: a training with its progress as text or as JSON lines. Ctrl+C writes a checkpoint and stops.

import { resolve } from 'node:path';
import type { Engine, EngineError } from '../engine/client.ts';
import { trainsOf } from '../engine/job.ts';
import type { TrainRequest } from '../engine/requests.ts';
import { text } from '../report/words.ts';
import { shareText } from '../shared/numbers.ts';
import type { Device } from '../shared/settings.ts';
import type { LengthFigures, RunReport, RunSummary, StepRecord } from '../shared/training.ts';
import { readReport } from '../training/report.ts';
import { reportFaults } from './check.ts';
import { type Command, type Given, UsageError } from './command.ts';
import type { Surroundings, Terminal } from './terminal.ts';
import { INTERRUPTED } from './watched.ts';

const devices: readonly Device[] = ['auto', 'cpu', 'webgpu', 'cuda', 'directml', 'coreml'];

export const trainCommand: Command = {
  usage:
    'FILE.rnn [--out DIR] [--device D] [--threads N] [--epochs N | --steps N] [--seed N] [--statement N | --all] [--watch N] [--resume] [--json]',
  summary: 'Trains the model of a file. Ctrl+C pauses it with a checkpoint; --resume goes on from there.',
  positionals: 1,
  options: {
    out: { type: 'string' },
    device: { type: 'string' },
    threads: { type: 'string' },
    epochs: { type: 'string' },
    steps: { type: 'string' },
    seed: { type: 'string' },
    resume: { type: 'boolean' },
    all: { type: 'boolean' },
    statement: { type: 'string' },
    tensorboard: { type: 'boolean' },
    watch: { type: 'string' },
    json: { type: 'boolean' },
  },
  help: {
    out: "the run's folder; runs/MODEL-1 beside the file, or the next number that is free",
    device: `${devices.join(', ')}; auto takes the fastest that is there`,
    threads: 'threads of the CPU; its physical cores',
    epochs: 'passes over the text, instead of what the file says',
    steps: 'optimisation steps, instead of what the file says',
    seed: 'decides the starting weights and dropout',
    resume: 'goes on with the run in --out, or the newest of this file',
    all: 'trains every statement of the file, one after the other',
    statement: 'which train statement of the file, from 1; each cell of a list is one',
    tensorboard: 'also writes event files for TensorBoard into the run',
    watch:
      'looks at the memory every N steps (gradients by lag, dead and saturated units), 0: never; by itself as often as a fiftieth of the time allows',
    json: 'a JSON object a line: step, loss, gradientNorm, ...; the last has done: true',
  },
  run: train,
};

async function train(given: Given, { terminal, engine }: Surroundings): Promise<number> {
  const file = resolve(terminal.folder, given.positionals[0]!);
  const out = given.text('out');
  const settings = {
    device: given.choice('device', devices),
    threads: given.count('threads'),
    epochs: given.count('epochs'),
    steps: given.count('steps'),
    seed: given.count('seed', 0),
    watch: given.count('watch', 0),
    out: out === undefined ? undefined : resolve(terminal.folder, out),
  };
  if (settings.epochs !== undefined && settings.steps !== undefined) throw new UsageError('--epochs and --steps exclude each other.');
  const resume = given.flag('resume');
  // A run that is resumed has its own source, and does not mind what has become of the file.
  if (!resume && (await reportFaults(file, terminal))) return 1;

  const progress = given.flag('json') ? jsonProgress(terminal) : textProgress(terminal);
  terminal.onInterrupt(() => void engine.request('stopTraining', { kind: 'pause' }).catch(() => undefined));
  const chosen = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  const statements = resume ? [0] : await statementsOf(file, given);
  for (const statement of statements) {
    const code = await trainOne(
      { file, resume, statement, everyStep: given.flag('json'), tensorBoard: given.flag('tensorboard'), ...chosen },
      progress,
      terminal,
      engine,
    );
    if (code !== 0) return code;
  }
  return 0;
}

/** The statements that are meant, from 0. */
async function statementsOf(file: string, given: Given): Promise<readonly number[]> {
  const trains = await trainsOf(file);
  if (given.flag('all')) {
    if (given.text('out') !== undefined && trains.length > 1)
      throw new UsageError('--all makes a run for each statement: leave --out away.');
    return trains.map((_, k) => k);
  }
  const asked = given.count('statement');
  if (asked !== undefined && asked > trains.length)
    throw new UsageError(`The file has ${trains.length} train statement${trains.length === 1 ? '' : 's'}, and no ${asked}.`);
  return [(asked ?? 1) - 1];
}

async function trainOne(request: TrainRequest, progress: Progress, terminal: Terminal, engine: Engine): Promise<number> {
  let folder: string | undefined;
  const run = await engine
    .request('train', request, (event) => {
      if (event.name === 'started') {
        folder = event.data.run.folder;
        progress.started(event.data.run);
      } else if (event.name === 'progress') progress.step(event.data.record);
      else if (event.name === 'reading') progress.reading(event.data.share);
      else if (event.name === 'message') progress.message(event.data.text);
    })
    .catch((error: EngineError) => {
      if (error.code === 'engine-died' && folder !== undefined)
        error.message += ` Go on from the last checkpoint with --resume --out ${folder}.`;
      throw error;
    });
  progress.end(run, await readReport(run.folder));
  if (run.status.kind === 'failed') terminal.error(`${run.status.what}\n`);
  return run.status.kind === 'done' ? 0 : run.status.kind === 'failed' ? 1 : INTERRUPTED;
}

interface Progress {
  reading(share: number): void;
  started(run: RunSummary): void;
  step(record: StepRecord): void;
  message(text: string): void;
  end(run: RunSummary, report: RunReport | undefined): void;
}

function jsonProgress({ out, error }: Terminal): Progress {
  const line = (value: object): void => out(`${JSON.stringify(value)}\n`);
  return {
    reading: () => undefined,
    started: () => undefined,
    step: ({ kind, ...record }) => line(record),
    message: (text) => error(`${text}\n`),
    end: ({ status, folder, ...run }, report) =>
      line({ done: status.kind === 'done', status: status.kind, run: folder, ...run, ...(report === undefined ? {} : { report }) }),
  };
}

/** Seconds between two lines where lines cannot be rewritten. */
const LINE_INTERVAL = 5;

function textProgress({ out, columns }: Terminal): Progress {
  let steps = 0;
  let written = Number.NEGATIVE_INFINITY;
  const clear = columns === undefined ? '' : '\r\u001b[K';
  const line = (text: string): void => out(`${clear}${text}\n`);
  return {
    reading(share) {
      if (columns !== undefined) out(`${clear}${`reading the data, ${Math.round(100 * share)} %`.slice(0, columns - 1)}`);
    },
    started(run) {
      steps = run.steps;
      line(`${run.model}: ${run.settings}`);
      line(`${number(run.parameters)} parameters on ${run.device}, in ${run.folder}`);
    },
    step(record) {
      const text = recordText(record, steps);
      if (record.memory !== undefined) line(memoryText(record));
      if (record.validationLoss !== undefined || (columns === undefined && seconds() - written > LINE_INTERVAL)) {
        written = seconds();
        line(text);
      } else if (columns !== undefined) out(`${clear}${text.slice(0, columns - 1)}`);
    },
    message: line,
    end(run, report) {
      line(endText(run));
      if (report !== undefined && run.status.kind === 'done') out(reportText(report));
    },
  };
}

const seconds = (): number => performance.now() / 1000;
const number = (value: number): string => value.toLocaleString('en-US');

function recordText(
  { step, loss, gradientNorm, stepsPerSecond, secondsLeft, validationLoss, metrics = {} }: StepRecord,
  steps: number,
): string {
  return [
    `step ${number(step)} of ${number(steps)}`,
    `loss ${loss.toFixed(3)}`,
    ...(validationLoss === undefined ? [] : [`validation ${validationLoss.toFixed(3)}`]),
    ...Object.entries(metrics).map(([name, value]) => `${name} ${value.toPrecision(4)}`),
    `gradient ${gradientNorm.toPrecision(2)}`,
    `${stepsPerSecond.toPrecision(3)} steps/s`,
    ...(secondsLeft === undefined ? [] : [`${durationText(secondsLeft)} left`]),
  ].join('  ');
}

/** `step 400: gradient left after 10 / 50 steps .41 / .02 (h, c); 3 of 64 units dead; f shut in 12 of 32, open in 2; 40 % of steps clipped` */
function memoryText({ step, memory, clipRate }: StepRecord): string {
  const layers = memory!.layers.map(({ layer, lags, gradient, units, dead, stuck, saturated }) => {
    const places = [...new Set([10, 50, lags.at(-1)!])].flatMap((lag) => (lags.includes(lag) ? [lags.indexOf(lag)] : []));
    const parts = Object.entries(gradient).map(([state, values]) => `${state} ${places.map((k) => text(values[k]!)).join(' / ')}`);
    const still = [
      ...(dead === 0 ? [] : [`${dead} of ${units} units dead`]),
      ...(stuck === 0 ? [] : [`${stuck} of ${units} stuck`]),
      ...saturated.flatMap(({ line, units: all, low, high }) =>
        low + high === 0 ? [] : [`${line} at its ends in ${low} + ${high} of ${all} units`],
      ),
    ];
    const after = `gradient left after ${places.map((k) => lags[k]!).join(' / ')} steps: ${parts.join(', ')}`;
    return `${layer}: ${[after, ...still].join('; ')}`;
  });
  return [
    `  memory at step ${number(step)}`,
    ...layers,
    ...(clipRate === undefined ? [] : [`${shareText(clipRate)} of steps clipped`]),
  ].join(' · ');
}

/** Figures on held-out data, those of who does not learn beside them. */
function reportText({ part, loss, metrics, baselines, confusion, byLength = [] }: RunReport): string {
  const figures = (all: Readonly<Record<string, number>>): string[] =>
    Object.entries(all).map(([name, value]) => `  ${name.padEnd(14)} ${value.toPrecision(4)}`);
  const mistakes = (confusion?.counts ?? [])
    .flatMap((row, truth) => row.map((count, answer) => ({ count, truth, answer })))
    .filter(({ truth, answer, count }) => truth !== answer && count > 0)
    .sort((a, b) => b.count - a.count)
    .slice(0, 5)
    .map(({ count, truth, answer }) => `  ${confusion!.classes[truth]} taken for ${confusion!.classes[answer]}: ${number(count)}`);
  return [
    `On the ${part} part:`,
    ...figures({ loss, ...metrics }),
    ...(byLength.length === 0 ? [] : ['By answers in a row:', ...byLength.map(lengthText)]),
    ...(Object.keys(baselines).length === 0 ? [] : ['Without learning:', ...figures(baselines)]),
    ...(mistakes.length === 0 ? [] : ['Most often confused:', ...mistakes]),
    '',
  ].join('\n');
}

const lengthText = ({ from, to, rows, accuracy, exact }: LengthFigures): string =>
  `  ${(from === to ? `${from}` : `${from} to ${to}`).padEnd(14)} accuracy ${accuracy.toPrecision(4)}, exact ${exact.toPrecision(4)} (${number(rows)} rows)`;

/** `48 s`, `12 min 5 s`, `3 h 20 min`. */
export function durationText(value: number): string {
  const whole = Math.round(value);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

function endText({ status, step, folder, validationLoss, seconds: took }: RunSummary): string {
  const word = { running: 'Running', paused: 'Paused', cancelled: 'Cancelled', done: 'Done', failed: 'Failed' }[status.kind];
  const loss = validationLoss === undefined ? '' : `, validation loss ${validationLoss.toFixed(4)}`;
  const next = status.kind === 'paused' ? ' Go on with --resume.' : '';
  return `${word} at step ${number(step)} after ${durationText(took)}${loss}. The run is in ${folder}.${next}`;
}
