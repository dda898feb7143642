// A trainer whose steps are simple arithmetic, and a job for it: for tests of what stands around the step.

import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadDataset } from '../../src/data/load.ts';
import { makeValue, tensor } from '../../src/graph/graph.ts';
import type { Model } from '../../src/graph/model.ts';
import { random } from '../../src/shared/random.ts';
import type { TrainSettings } from '../../src/shared/settings.ts';
import type { Job } from '../../src/training/train.ts';
import type { OpenTrainer, TrainerState } from '../../src/training/trainer.ts';

const value = makeValue(tensor([{ name: 'H', size: 4 }]), 'h.W');
const input = makeValue(tensor([], 'int'), 'input');
const model: Model = {
  name: 'Tiny',
  graph: { parameters: [], nodes: [], results: [] },
  weights: [{ name: 'h.W', value, initial: { kind: 'normal', deviation: 1 }, origin: { instance: 'h', line: 'W' } }],
  inputs: [
    { name: 'input', value: input, classes: 'Char' },
    { name: 'next(input)', value: input, classes: 'Char' },
  ],
  states: [],
  dropout: [],
  instances: [],
};

export const settings: TrainSettings = {
  steps: 30,
  batch: 2,
  window: 5,
  optimizer: { kind: 'adam', rate: 0.01 },
  clip: 1,
  seed: 1,
  device: 'auto',
};

/** A job over a text of 200 characters, in a folder of its own: 17 windows a pass, a validation every ten steps. */
export async function fakeJob(more: Partial<TrainSettings> = {}, validation = 0.1): Promise<{ folder: string; job: Job }> {
  const folder = await mkdtemp(join(tmpdir(), 'unroll-training-'));
  const path = join(folder, 'some.txt');
  const chance = random(7);
  await writeFile(path, Array.from({ length: 200 }, () => 'abcde'[Math.floor(chance.uniform() * 5)]).join(''));
  const text = { kind: 'text', path, by: 'char', lower: false, minimum: 1, validation, test: 0, seed: 1 } as const;
  const data = await loadDataset(text, [{ name: 'input', shape: ['T'], classes: 'Char', predicted: true, compared: false }]);
  const sources = new Map([
    ['tiny.rnn', 'model Tiny {}'],
    ['std/recurrent.rnn', 'cell rnn {}'],
  ]);
  const job = {
    model,
    data,
    settings: { ...settings, ...more },
    file: join(folder, 'tiny.rnn'),
    statement: 0,
    sources,
    main: 'tiny.rnn',
    edition: 1,
  };
  return { folder, job };
}

export interface FakeOptions {
  /** The step whose loss is NaN. */
  readonly nanAt?: number;
  /** The step that throws. */
  readonly throwAt?: number;
  readonly onStep?: (step: number) => void;
  /** The validation loss behind a step. */
  readonly validation?: (step: number) => number;
}

/** Steps that depend on the weights, the moments, the carried state, the window, the step's number and the seed. */
export const fakeTrainer =
  (options: FakeOptions = {}): OpenTrainer =>
  async (_, { seed }, start) => {
    let state = start;
    let done = 0;
    const of = (name: string): Float32Array => state.get(name)?.data ?? new Float32Array(4);
    return {
      device: 'cpu',
      async step(window, number, rate) {
        options.onStep?.(number);
        done = number;
        if (number === options.throwAt) throw new Error('the runtime broke');
        if (number === options.nanAt) return { loss: Number.NaN, gradientNorm: 1 };
        const ids = window.inputs.input!;
        const next = window.inputs['next(input)']!;
        const before = window.reset ? new Float32Array(4) : of('h.c#state');
        const chance = random(seed, 'dropout', number);
        const carried = before.map((c, k) => Math.tanh(c + ids[k]! - 0.5 * next[k]!));
        const moment = of('h.W#m').map((m, k) => 0.9 * m + 0.1 * carried[k]! * chance.uniform());
        const weight = of('h.W').map((w, k) => w - (rate * moment[k]!) / (1 - 0.9 ** number));
        state = new Map(
          Object.entries({ 'h.W': weight, 'h.W#m': moment, 'h.c#state': carried }).map(([name, data]) => [name, { shape: [4], data }]),
        );
        return { loss: Math.abs(weight[0]!), gradientNorm: Math.hypot(...moment) };
      },
      evaluate: async (window) => ({ sum: (options.validation?.(done) ?? Math.abs(of('h.W')[1]!)) * window.rows, count: window.rows }),
      state: async () => state,
      async restore(other) {
        state = other;
      },
      close: async () => undefined,
    };
  };

export const numbersOf = (state: TrainerState): Record<string, number[]> =>
  Object.fromEntries([...state].map(([name, { data }]) => [name, [...data]]));
