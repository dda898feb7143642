// The step shared out to several sessions is the step of one session, and a run that is restored goes on as if it had not stopped.

import assert from 'node:assert/strict';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import type { Optimizer } from '../../src/shared/settings.ts';
import { openPartsTrainer, partsFor } from '../../src/training/parts-trainer.ts';
import { openSessionTrainer } from '../../src/training/session-trainer.ts';
import type { Trainer, TrainerState } from '../../src/training/trainer.ts';
import { assertClose } from '../onnx/lowered.ts';
import { languageModel, settingsWith, startOf, windowOf } from '../passes/models.ts';

const model = languageModel('lstm', { layers: 2, dropout: 0.3 });
const rows = 5;

describe('a training step in parts', function () {
  this.timeout(30_000);

  const optimizers: Optimizer[] = [
    { kind: 'sgd', rate: 0.1 },
    { kind: 'sgd', rate: 0.1, momentum: 0.9, decay: 0.01 },
    { kind: 'rmsprop', rate: 0.01, momentum: 0.5 },
    { kind: 'adam', rate: 0.01 },
    { kind: 'adamw', rate: 0.01, decay: 0.1 },
  ];
  for (const optimizer of optimizers) {
    it(`is the step of one session: ${optimizer.kind}${optimizer.momentum === undefined ? '' : ' with momentum'}`, async () => {
      const settings = settingsWith({ optimizer, clip: 0.05, clipValue: 0.01 });
      const runtime = createRuntime();
      const trainers = [
        await openSessionTrainer(model, settings, startOf(model), runtime, { device: 'cpu', threads: 1 }),
        await openPartsTrainer(model, settings, startOf(model), runtime, 2),
      ];
      const [one, two] = await each(trainers, (trainer) => run(trainer, 1, 4, optimizer.rate));
      assertClose(two!.numbers, one!.numbers, 'losses and norms');
      assertSame(two!.state, one!.state);
      assert.deepEqual(two!.evaluation.count, 5 * 6);
      assertClose([two!.evaluation.sum], [one!.evaluation.sum], 'evaluation');
    });
  }

  it('goes on bit by bit where it was restored', async () => {
    const settings = settingsWith();
    const runtime = createRuntime();
    const open = (state: TrainerState): Promise<Trainer> => openPartsTrainer(model, settings, state, runtime, 3);
    const [whole, first] = await each([await open(startOf(model)), await open(startOf(model))], (trainer, k) =>
      run(trainer, 1, k === 0 ? 4 : 2, 0.01),
    );
    const [rest] = await each([await open(first!.state)], (trainer) => run(trainer, 3, 4, 0.01));
    assert.deepEqual([...rest!.state].map(bits), [...whole!.state].map(bits));
  });

  it('tells of a failure, and does not wait for ever', async () => {
    const trainer = await openPartsTrainer(model, settingsWith(), startOf(model), createRuntime(), 2);
    const window = windowOf(1, { rows });
    const short = { ...window, inputs: { ...window.inputs, text: new Float32Array(30) } };
    await assert.rejects(trainer.step(short, 1, 0.01), /type|float|int32/i);
    await trainer.close();
  });

  it('has parts of eight rows or more, and one where rows cannot be told apart', () => {
    assert.equal(partsFor(model, settingsWith({ batch: 64 }), 4), 4);
    assert.equal(partsFor(model, settingsWith({ batch: 20 }), 4), 2);
    assert.equal(partsFor(model, settingsWith({ batch: 4 }), 4), 1);
    const { losses: _, ...summed } = model;
    assert.equal(partsFor(summed, settingsWith({ batch: 64 }), 4), 1);
  });
});

const bits = ([name, { shape, data }]: [string, { shape: readonly number[]; data: Float32Array }]): unknown => [name, shape, [...data]];

async function run(trainer: Trainer, from: number, to: number, rate: number) {
  const numbers: number[] = [];
  for (let step = from; step <= to; step += 1) {
    const { loss, gradientNorm } = await trainer.step(windowOf(step, { rows, reset: step === 1 }), step, rate);
    numbers.push(loss, gradientNorm);
  }
  return { numbers, state: await trainer.state(), evaluation: await trainer.evaluate(windowOf(9, { rows })) };
}

async function each<Result>(trainers: readonly Trainer[], f: (trainer: Trainer, k: number) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  for (const [k, trainer] of trainers.entries()) {
    results.push(await f(trainer, k));
    await trainer.close();
  }
  return results;
}

function assertSame(actual: TrainerState, expected: TrainerState): void {
  assert.deepEqual([...actual.keys()].sort(), [...expected.keys()].sort());
  for (const [name, { shape, data }] of expected) {
    assert.deepEqual(actual.get(name)!.shape, shape, name);
    assertClose(actual.get(name)!.data, data, name, 1e-4);
  }
}
