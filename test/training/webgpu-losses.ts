// Trains small language models on the CPU and on WebGPU; prints the losses as JSON. A process of its own: the driver is chosen by its environment.

import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import { openSessionTrainer } from '../../src/training/session-trainer.ts';
import type { Trainer, TrainerState } from '../../src/training/trainer.ts';
import { openUnrolledTrainer } from '../../src/training/unrolled-trainer.ts';
import type { CellName } from '../graph/cells.ts';
import { languageModel, settingsWith, startOf, windowOf } from '../passes/models.ts';

const shape = { V: 9, I: 5, H: 8, layers: 1 };
const size = { steps: 5, rows: 3, V: shape.V };
const steps = 20;

export interface Trained {
  readonly losses: number[];
  readonly norms: number[];
  readonly validation: number[];
  /** The best class of each place, what is true, and the sum of the cross-entropies. */
  readonly judged: number[];
  /** Sum of the absolute values of weights, moments and states by name, at the end. */
  readonly sums: Record<string, number>;
}

const runtime = createRuntime();
const settings = settingsWith({ batch: size.rows, window: size.steps });

async function train(trainer: Trainer): Promise<Trained> {
  const [losses, norms, validation, answers]: [number[], number[], number[], number[]] = [[], [], [], []];
  for (let step = 1; step <= steps; step += 1) {
    const { loss, gradientNorm } = await trainer.step(windowOf(step % 4, { ...size, reset: step % 10 === 1 }), step, 0.02);
    losses.push(loss);
    norms.push(gradientNorm);
    if (step % 10 === 0) {
      for (const reset of [true, false]) {
        const { sum, count, judged } = await trainer.evaluate(windowOf(99, { ...size, reset }));
        validation.push(sum / count);
        answers.push(...judged!.predicted, ...judged!.target, ...judged!.counted, judged!.sum);
      }
      // A checkpoint, and going on from it.
      await trainer.restore(await trainer.state());
    }
  }
  const state: TrainerState = await trainer.state();
  await trainer.close();
  const sums = Object.fromEntries([...state].map(([name, { data }]) => [name, data.reduce((sum, x) => sum + Math.abs(x), 0)]));
  return { losses, norms, validation, judged: answers, sums };
}

const results: Record<string, Record<string, Trained>> = {};
for (const cell of process.argv.slice(2) as CellName[]) {
  const model = languageModel(cell, shape);
  results[cell] = {
    cpu: await train(await openSessionTrainer(model, settings, startOf(model), runtime, { device: 'cpu', threads: 1 })),
    webgpu: await train(await openUnrolledTrainer(model, settings, startOf(model), runtime, { device: 'webgpu', threads: 1 })),
  };
}
console.log(JSON.stringify(results));
