// Trains small language models on the CPU and on WebGPU; prints the losses as JSON. A process of its own: the driver is chosen by its environment.

import type { Batch } from '../../src/data/dataset.ts';
import type { Model } from '../../src/graph/model.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import { initialise } from '../../src/training/initialise.ts';
import { openSessionTrainer } from '../../src/training/session-trainer.ts';
import type { Trainer, TrainerState } from '../../src/training/trainer.ts';
import { openUnrolledTrainer } from '../../src/training/unrolled-trainer.ts';
import type { CellName } from '../graph/cells.ts';
import { languageModel, settingsWith, startOf, windowOf } from '../passes/models.ts';
import { batchOf, modelOf as ragged, texts } from './ragged.ts';

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

async function train(trainer: Trainer, batchAt: (k: number, reset: boolean) => Batch): Promise<Trained> {
  const [losses, norms, validation, answers]: [number[], number[], number[], number[]] = [[], [], [], []];
  for (let step = 1; step <= steps; step += 1) {
    const { loss, gradientNorm } = await trainer.step(batchAt(step % 4, step % 10 === 1), step, 0.02);
    losses.push(loss);
    norms.push(gradientNorm);
    if (step % 10 === 0) {
      for (const reset of [true, false]) {
        const { sum, count, judged } = await trainer.evaluate(batchAt(99, reset));
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

/** A model of the language whose rows are padded, or one around a cell. */
async function given(name: string): Promise<{ model: Model; start: TrainerState; batchAt: (k: number, reset: boolean) => Batch }> {
  if (name in texts) {
    const model = await ragged(texts[name as keyof typeof texts]);
    return { model, start: initialise(model.weights, 1), batchAt: (k) => batchOf(model, 7 + (k % 2)) };
  }
  const model = languageModel(name as CellName, shape);
  return { model, start: startOf(model), batchAt: (k, reset) => windowOf(k, { ...size, reset }) };
}

const results: Record<string, Record<string, Trained>> = {};
for (const name of process.argv.slice(2)) {
  const { model, start, batchAt } = await given(name);
  results[name] = {
    cpu: await train(await openSessionTrainer(model, settings, start, runtime, { device: 'cpu', threads: 1 }), batchAt),
    webgpu: await train(await openUnrolledTrainer(model, settings, start, runtime, { device: 'webgpu', threads: 1 }), batchAt),
  };
}
console.log(JSON.stringify(results));
