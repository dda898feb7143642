// Which device trains fastest: measured, since a small model can be slower on a GPU than on the CPU beside it.

import type { Batch } from '../data/dataset.ts';
import { Builder } from '../graph/builder.ts';
import { tensor } from '../graph/graph.ts';
import type { Model } from '../graph/model.ts';
import { lower } from '../onnx/lower.ts';
import type { Runtime, SessionOptions, Tensor } from '../runtime/runtime.ts';
import type { TrainSettings } from '../shared/settings.ts';
import { sizesOf } from './masks.ts';
import type { Trainer, TrainerState } from './trainer.ts';

type GivenDevice = SessionOptions['device'];

/** What `auto` tries beside the CPU: the runtime has kernels for all of a training step on these. */
const accelerators: readonly GivenDevice[] = ['cuda', 'webgpu'];

/** Side of the square matrices of the first trial. */
const side = 1024;
const rounds = 3;

/** The fastest trainer of this machine for the model, at its start. `open` opens one on a device; `message` hears what was measured. */
export async function fastestTrainer(
  runtime: Runtime,
  open: (device: GivenDevice) => Promise<Trainer>,
  given: { readonly model: Model; readonly settings: TrainSettings; readonly start: TrainerState; readonly threads?: number },
  message: (text: string) => void,
): Promise<Trainer> {
  let best = await open('cpu');
  const present = (await runtime.devices()).filter((report) => report.available).map((report) => report.device);
  const candidates = accelerators.filter((device) => present.includes(device));
  if (candidates.length === 0) return best;
  const batch = emptyBatch(given.model, given.settings);
  const threads = given.threads === undefined ? {} : { threads: given.threads };
  const onCpu = await productTime(runtime, { device: 'cpu', ...threads });
  let bestTime: number | undefined;
  for (const device of candidates) {
    let trainer: Trainer | undefined;
    try {
      // Writing a step out for a device takes seconds: not for a software driver.
      if ((await productTime(runtime, { device })) > onCpu) continue;
      trainer = await open(device);
      const time = await stepTime(trainer, batch);
      bestTime ??= await stepTime(best, batch);
      const [winner, loser] = time < bestTime ? [trainer, best] : [best, trainer];
      message(
        `A step takes ${milliseconds(time)} on ${device} and ${milliseconds(bestTime)} on ${best.device}: training on ${winner.device}.`,
      );
      await loser.close();
      [best, bestTime] = [winner, Math.min(time, bestTime)];
    } catch (error) {
      await trainer?.close();
      message(`${device} is not used: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (bestTime !== undefined) await best.restore(given.start);
  return best;
}

/** Milliseconds of one step, the first ones (kernels are compiled) left out. */
async function stepTime(trainer: Trainer, batch: Batch): Promise<number> {
  await trainer.step(batch, 1, 0);
  return shortest((round) => trainer.step(batch, round + 2, 0));
}

async function productTime(runtime: Runtime, options: SessionOptions): Promise<number> {
  const b = new Builder();
  const axis = (name: string) => ({ name, size: side });
  const product = b.contract(b.parameter(tensor([axis('I'), axis('K')])), b.parameter(tensor([axis('K'), axis('J')])), ['K']);
  const graph = b.graph([b.sum(product, ['J'])]);
  const session = await runtime.open(lower(graph, { inputs: ['a', 'b'], outputs: ['sums'] }).bytes, options);
  try {
    const matrix: Tensor = { type: 'float32', dims: [side, side], data: new Float32Array(side * side).fill(1 / side) };
    await session.compute({ a: matrix, b: matrix });
    return await shortest(() => session.compute({ a: matrix, b: matrix }));
  } finally {
    await session.release();
  }
}

async function shortest(run: (round: number) => Promise<unknown>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round += 1) {
    const start = performance.now();
    await run(round);
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

/** A batch of the training's size; what stands in it does not matter. */
function emptyBatch(model: Model, { batch: rows, window }: TrainSettings): Batch {
  const open = model.inputs
    .flatMap(({ value }) => value.type.axes.map(({ size }) => size))
    .filter((size) => typeof size === 'string' && size !== 'B');
  const lengths = Object.fromEntries(open.map((size) => [size, window]));
  const sizes = sizesOf({ sizes: lengths, rows });
  const inputs = Object.fromEntries(
    model.inputs.map(({ name, value }) => {
      const length = value.type.axes.reduce((product, { size }) => product * (typeof size === 'number' ? size : sizes[size]!), 1);
      return [name, value.type.dtype === 'int' ? new Int32Array(length) : new Float32Array(length)];
    }),
  );
  return { rows, sizes: lengths, inputs, reset: true };
}

const milliseconds = (time: number): string => `${time < 10 ? time.toFixed(1) : Math.round(time)} ms`;
