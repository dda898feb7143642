// Rounds of steps in turn: ours, the floor, PyTorch. What else the machine does falls on all of them alike, so ratios hold.

import { setTimeout as rest } from 'node:timers/promises';
import type { Batch } from '../../data/dataset.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { random } from '../../shared/random.ts';
import type { TrainSettings } from '../../shared/settings.ts';
import { initialise } from '../../training/initialise.ts';
import { openTrainer } from '../../training/open-trainer.ts';
import { type Cell, cells, modelOf, type Size, vocabulary } from './cases.ts';
import { openFloor } from './floor.ts';
import type { Peer } from './peer.ts';

/** Medians in milliseconds. */
export interface Measured {
  readonly cell: string;
  readonly size: string;
  readonly step: number;
  readonly floor: number;
  /** What ran beside it, and how long that took. */
  readonly beside?: string;
  readonly other?: number;
  /** Of our step to the other, and what it should be at most. */
  readonly ratio?: number;
  readonly target?: number;
}

export interface Effort {
  readonly rounds: number;
  /** Steps of a round; the first two are not counted. */
  readonly steps: number;
}

/** Adam at a rate, the gradient clipped at norm 1. */
export const benchSettings = (batch: number, window: number, rate: number): TrainSettings => ({
  batch,
  window,
  optimizer: { kind: 'adam', rate },
  clip: 1,
  seed: 1,
  device: 'cpu',
});

/** Threads of a pool that has just worked go on looking for work, and would disturb the next: they rest between turns. */
const pause = 60;
const warmUp = 2;

export async function measure(cell: Cell, size: Size, threads: number, effort: Effort, runtime: Runtime, peer?: Peer): Promise<Measured> {
  const settings = benchSettings(size.batch, size.steps, 0.002);
  const own = await openRunner(cell, size, settings, threads);
  const other = await openOther(cell, size, settings, threads, peer);
  const floor = await openFloor(cell, size, threads, runtime);
  const times = { step: [] as number[], floor: [] as number[], other: [] as number[] };
  const turn = async (kind: keyof typeof times, run: (count: number) => Promise<number[]>): Promise<void> => {
    times[kind].push(...(await run(effort.steps)).slice(warmUp));
    await rest(pause);
  };
  try {
    for (let round = 0; round < effort.rounds; round += 1) {
      await turn('step', own.steps);
      await turn('floor', (count) => repeated(count, () => floor.step()));
      if (other !== undefined) await turn('other', other.steps);
    }
  } finally {
    await own.close();
    await other?.close();
    await floor.close();
  }
  const step = median(times.step);
  const common = { cell: cell.name, size: size.name, step, floor: median(times.floor) };
  const target = cell.target[size.name];
  if (other === undefined) return common;
  const beside = { beside: other.name, other: median(times.other), ratio: step / median(times.other) };
  return { ...common, ...beside, ...(target === undefined ? {} : { target }) };
}

interface Runner {
  readonly name: string;
  /** Milliseconds of each of `count` steps. */
  readonly steps: (count: number) => Promise<number[]>;
  close(): Promise<void>;
}

async function openRunner(cell: Cell, size: Size, settings: TrainSettings, threads: number): Promise<Runner> {
  const model = await modelOf(cell, size);
  const trainer = await openTrainer(model, settings, initialise(model.weights, 1), { device: 'cpu', threads });
  const window = someBatch(
    size,
    model.inputs.map(({ name }) => name),
  );
  let number = 0;
  const step = async (): Promise<number> => {
    const start = performance.now();
    number += 1;
    await trainer.step(window, number, settings.optimizer.rate);
    return performance.now() - start;
  };
  return { name: cell.name, steps: (count) => repeated(count, step), close: () => trainer.close() };
}

async function openOther(
  cell: Cell,
  size: Size,
  settings: TrainSettings,
  threads: number,
  peer: Peer | undefined,
): Promise<Runner | undefined> {
  const { beside } = cell;
  if ('library' in beside) return openRunner(cells.find(({ name }) => name === beside.library)!, size, settings, threads);
  if (peer === undefined) return undefined;
  return { name: `PyTorch ${beside.pytorch}`, steps: (count) => peer.steps(beside.pytorch, size, count), close: async () => undefined };
}

async function repeated(count: number, run: () => Promise<number>): Promise<number[]> {
  const times: number[] = [];
  for (let k = 0; k < count; k += 1) times.push(await run());
  return times;
}

export function someBatch({ steps, batch }: Size, inputs: readonly string[]): Batch {
  const chance = random('bench');
  const ids = (): Int32Array => Int32Array.from({ length: steps * batch }, () => Math.floor(chance.uniform() * vocabulary));
  return { rows: batch, sizes: { T: steps }, inputs: Object.fromEntries(inputs.map((name) => [name, ids()])), reset: false };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}
