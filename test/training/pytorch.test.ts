// Optimisers, clipping and schedules against PyTorch: the same windows, one after the other, through either trainer.

import assert from 'node:assert/strict';
import type { Batch } from '../../src/data/dataset.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import type { Optimizer, Schedule, TrainSettings } from '../../src/shared/settings.ts';
import { openPartsTrainer } from '../../src/training/parts-trainer.ts';
import { afterValidation, freshRate, rateAt } from '../../src/training/rate.ts';
import { openSessionTrainer } from '../../src/training/session-trainer.ts';
import type { TrainerState } from '../../src/training/trainer.ts';
import { assertClose } from '../onnx/lowered.ts';
import { type Oracle, scheduleOracles, type UpdateName, type UpdatesOracle, updateOracles } from '../oracles/oracles.ts';
import { languageModel, settingsWith } from '../passes/models.ts';

const optimizers: Readonly<Record<UpdateName, Optimizer>> = {
  sgd: { kind: 'sgd', rate: 0.1 },
  sgd_momentum: { kind: 'sgd', rate: 0.1, momentum: 0.9 },
  sgd_decay: { kind: 'sgd', rate: 0.1, momentum: 0.9, decay: 0.2 },
  rmsprop: { kind: 'rmsprop', rate: 0.01 },
  rmsprop_momentum: { kind: 'rmsprop', rate: 0.01, momentum: 0.5, decay: 0.2 },
  adam: { kind: 'adam', rate: 0.01 },
  adam_decay: { kind: 'adam', rate: 0.01, decay: 0.2 },
  adamw: { kind: 'adamw', rate: 0.01, decay: 0.1 },
  adamw_usual: { kind: 'adamw', rate: 0.01 },
  clip_value: { kind: 'sgd', rate: 0.1, momentum: 0.9 },
};

const model = languageModel('lstm', { V: 6, I: 3, H: 4 });

function windowsOf({ tokens, next, window }: UpdatesOracle): Batch[] {
  const [steps, rows] = tokens.shape as [number, number];
  const cut = ({ data }: Oracle, k: number): Int32Array => Int32Array.from(data.slice(k * window * rows, (k + 1) * window * rows));
  return Array.from({ length: steps / window }, (_, k) => ({
    rows,
    sizes: { T: window },
    inputs: { text: cut(tokens, k), 'next(text)': cut(next, k) },
    reset: k === 0,
  }));
}

const startOf = ({ start }: UpdatesOracle): TrainerState =>
  new Map(Object.entries(start).map(([name, { shape, data }]) => [name, { shape, data: Float32Array.from(data) }]));

describe('training as PyTorch does it', function () {
  this.timeout(30_000);
  const runtime = createRuntime();
  const trainers = {
    session: (settings: TrainSettings, start: TrainerState) =>
      openSessionTrainer(model, settings, start, runtime, { device: 'cpu', threads: 1 }),
    parts: (settings: TrainSettings, start: TrainerState) => openPartsTrainer(model, settings, start, runtime, 2),
  };
  for (const [name, oracle] of Object.entries(updateOracles()) as [UpdateName, UpdatesOracle][])
    for (const [kind, open] of Object.entries(trainers))
      it(`${name} (${kind})`, async () => {
        const optimizer = optimizers[name];
        const clipValue = name === 'clip_value' ? { clipValue: 0.01 } : {};
        const trainer = await open(
          settingsWith({ optimizer, batch: 2, window: oracle.window, clip: oracle.clip, ...clipValue }),
          startOf(oracle),
        );
        for (const [k, batch] of windowsOf(oracle).entries()) {
          const { loss, gradientNorm } = await trainer.step(batch, k + 1, optimizer.rate);
          const expected = oracle.records[k]!;
          assertClose([loss, gradientNorm], [expected.loss.data[0]!, expected.gradientNorm.data[0]!], `step ${k + 1}`);
        }
        const state = await trainer.state();
        await trainer.close();
        for (const [weight, { data }] of Object.entries(oracle.end)) {
          // What counts is how far they have come from their start.
          const from = oracle.start[weight]!.data;
          const moved = Array.from(state.get(weight)!.data, (value, at) => value - from[at]!);
          assertClose(
            moved,
            data.map((value, at) => value - from[at]!),
            weight,
            2e-4,
          );
        }
      });
});

describe('learning rates as PyTorch has them', () => {
  const { losses, ...schedules } = scheduleOracles();
  const cases: Readonly<Record<Exclude<keyof typeof schedules, 'losses'>, Schedule>> = {
    cosine: { kind: 'cosine', warmup: 0, end: 0.2 },
    warm_cosine: { kind: 'cosine', warmup: 4, end: 0.1 },
    step: { kind: 'step', every: 2, factor: 0.5, after: 2, warmup: 0 },
    plateau: { kind: 'plateau', patience: 2, factor: 0.5, warmup: 0 },
  };
  for (const [name, schedule] of Object.entries(cases) as [keyof typeof cases, Schedule][])
    it(name, () => {
      const optimizer: Optimizer = { kind: 'sgd', rate: 0.1, schedule };
      const { data } = schedules[name];
      let state = freshRate;
      const rates = Array.from(data, (_, k) => {
        const rate = rateAt(optimizer, { step: k + 1, steps: data.length, pass: 4 }, state);
        // One validation a step.
        if (name === 'plateau') state = afterValidation(optimizer, state, losses.data[k]!);
        return rate;
      });
      rates.forEach((rate, k) => {
        assert.ok(Math.abs(rate - data[k]!) < 1e-9, `step ${k + 1}: ${rate} is not ${data[k]}`);
      });
    });
});
