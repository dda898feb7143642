// The trainer for a device.

import { createRuntime } from '../runtime/onnxruntime.ts';
import { openSessionTrainer } from './session-trainer.ts';
import type { OpenTrainer } from './trainer.ts';

export const openTrainer: OpenTrainer = (model, settings, start, { device, threads }) =>
  openSessionTrainer(model, settings, start, createRuntime(), {
    device: device === 'auto' ? 'cpu' : device,
    ...(threads === undefined ? {} : { threads }),
  });
