// Rounds of steps in turn: ours, the floor, PyTorch. What else the machine does falls on all of them alike, so ratios hold.

import { setTimeout as rest } from 'node:timers/promises';
import type { Runtime } from '../../runtime/runtime.ts';
import { random } from '../../shared/random.ts';
import type { TrainSettings } from '../../shared/settings.ts';
import { initialise } from '../../training/initialise.ts';
import { openTrainer } from '../../training/open-trainer.ts';
import type { Window } from '../../training/trainer.ts';
import { type Cell, modelOf, type Size, vocabulary } from './cases.ts';
import { openFloor } from './floor.ts';
import type { Peer } from './peer.ts';

/** Medians in milliseconds. */
export interface Measured {
  readonly cell: string;
  readonly size: string;
  readonly step: number;
  readonly floor: number;
  readonly peer?: number;
  /** Of our step to the peer's, and what it should be at most. */
  readonly ratio?: number;
  readonly target?: number;
}

export interface Effort {
  readonly rounds: number;
  /** Steps of a round; the first two are not counted. */
  readonly steps: number;
}

/** Threads of a pool that has just worked go on looking for work, and would disturb the next: they rest between turns. */
const pause = 60;
const warmUp = 2;

export async function measure(cell: Cell, size: Size, threads: number, effort: Effort, runtime: Runtime, peer?: Peer): Promise<Measured> {
  const settings: TrainSettings = {
    batch: size.batch,
    window: size.steps,
    optimizer: { kind: 'adam', rate: 0.002 },
    clip: 1,
    seed: 1,
    device: 'cpu',
  };
  const model = await modelOf(cell, size);
  const trainer = await openTrainer(model, settings, initialise(model.weights, 1), { device: 'cpu', threads });
  const floor = await openFloor(cell, size, threads, runtime);
  const window = someWindow(
    size,
    model.inputs.map(({ name }) => name),
  );
  const times = { step: [] as number[], floor: [] as number[], peer: [] as number[] };
  try {
    let number = 0;
    for (let round = 0; round < effort.rounds; round += 1) {
      const turn = async (kind: keyof typeof times, run: () => Promise<number[]>): Promise<void> => {
        times[kind].push(...(await run()).slice(warmUp));
        await rest(pause);
      };
      await turn('step', () =>
        repeated(effort.steps, async () => {
          const start = performance.now();
          number += 1;
          await trainer.step(window, number, settings.optimizer.rate);
          return performance.now() - start;
        }),
      );
      await turn('floor', () => repeated(effort.steps, () => floor.step()));
      if (peer !== undefined) await turn('peer', () => peer.steps(cell.peer, size, effort.steps));
    }
  } finally {
    await trainer.close();
    await floor.close();
  }
  const step = median(times.step);
  const common = { cell: cell.name, size: size.name, step, floor: median(times.floor) };
  const target = cell.target[size.name];
  if (peer === undefined) return common;
  return { ...common, peer: median(times.peer), ratio: step / median(times.peer), ...(target === undefined ? {} : { target }) };
}

async function repeated(count: number, run: () => Promise<number>): Promise<number[]> {
  const times: number[] = [];
  for (let k = 0; k < count; k += 1) times.push(await run());
  return times;
}

function someWindow({ steps, batch }: Size, inputs: readonly string[]): Window {
  const chance = random('bench');
  const ids = (): Int32Array => Int32Array.from({ length: steps * batch }, () => Math.floor(chance.uniform() * vocabulary));
  return { steps, rows: batch, inputs: Object.fromEntries(inputs.map((name) => [name, ids()])), reset: false };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}
