// `unroll train`: a training with its progress as text or as JSON lines. Ctrl+C writes a checkpoint and stops.

import { resolve } from 'node:path';
import type { EngineError } from '../engine/client.ts';
import type { Device } from '../shared/settings.ts';
import type { RunSummary, StepRecord } from '../shared/training.ts';
import { reportFaults } from './check.ts';
import { type Command, type Given, UsageError } from './command.ts';
import type { Surroundings, Terminal } from './terminal.ts';

const devices: readonly Device[] = ['auto', 'cpu', 'webgpu', 'cuda', 'directml', 'coreml'];

export const trainCommand: Command = {
  usage: 'FILE.rnn [--out DIR] [--device D] [--threads N] [--epochs N | --steps N] [--seed N] [--resume] [--json]',
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
    out: out === undefined ? undefined : resolve(terminal.folder, out),
  };
  if (settings.epochs !== undefined && settings.steps !== undefined) throw new UsageError('--epochs and --steps exclude each other.');
  const resume = given.flag('resume');
  // A run that is resumed has its own source, and does not mind what has become of the file.
  if (!resume && (await reportFaults(file, terminal))) return 1;

  const progress = given.flag('json') ? jsonProgress(terminal) : textProgress(terminal);
  terminal.onInterrupt(() => void engine.request('stopTraining', { kind: 'pause' }).catch(() => undefined));
  const chosen = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  let folder: string | undefined;
  const request = { file, resume, everyStep: given.flag('json'), ...chosen };
  const run = await engine
    .request('train', request, (event) => {
      if (event.name === 'started') {
        folder = event.data.run.folder;
        progress.started(event.data.run);
      } else if (event.name === 'progress') progress.step(event.data.record);
      else progress.message(event.data.text);
    })
    .catch((error: EngineError) => {
      if (error.code === 'engine-died' && folder !== undefined)
        error.message += ` Go on from the last checkpoint with --resume --out ${folder}.`;
      throw error;
    });
  progress.end(run);
  if (run.status.kind === 'failed') terminal.error(`${run.status.what}\n`);
  return run.status.kind === 'done' ? 0 : run.status.kind === 'failed' ? 1 : INTERRUPTED;
}

/** As shells report a process that SIGINT ended. */
const INTERRUPTED = 130;

interface Progress {
  started(run: RunSummary): void;
  step(record: StepRecord): void;
  message(text: string): void;
  end(run: RunSummary): void;
}

function jsonProgress({ out, error }: Terminal): Progress {
  const line = (value: object): void => out(`${JSON.stringify(value)}\n`);
  return {
    started: () => undefined,
    step: ({ kind, ...record }) => line(record),
    message: (text) => error(`${text}\n`),
    end: ({ status, folder, ...run }) => line({ done: status.kind === 'done', status: status.kind, run: folder, ...run }),
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
    started(run) {
      steps = run.steps;
      line(`${run.model}: ${run.settings}`);
      line(`${number(run.parameters)} parameters on ${run.device}, in ${run.folder}`);
    },
    step(record) {
      const text = recordText(record, steps);
      if (record.validationLoss !== undefined || (columns === undefined && seconds() - written > LINE_INTERVAL)) {
        written = seconds();
        line(text);
      } else if (columns !== undefined) out(`${clear}${text.slice(0, columns - 1)}`);
    },
    message: line,
    end: (run) => line(endText(run)),
  };
}

const seconds = (): number => performance.now() / 1000;
const number = (value: number): string => value.toLocaleString('en-US');

function recordText({ step, loss, gradientNorm, stepsPerSecond, secondsLeft, validationLoss }: StepRecord, steps: number): string {
  return [
    `step ${number(step)} of ${number(steps)}`,
    `loss ${loss.toFixed(3)}`,
    ...(validationLoss === undefined ? [] : [`validation ${validationLoss.toFixed(3)}`]),
    `gradient ${gradientNorm.toPrecision(2)}`,
    `${stepsPerSecond.toPrecision(3)} steps/s`,
    ...(secondsLeft === undefined ? [] : [`${durationText(secondsLeft)} left`]),
  ].join('  ');
}

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
