// The trainer for a device.

import { physicalCores } from '../runtime/cores.ts';
import { createRuntime } from '../runtime/onnxruntime.ts';
import type { SessionOptions } from '../runtime/runtime.ts';
import { fastestTrainer } from './fastest.ts';
import { openPartsTrainer, partsFor } from './parts-trainer.ts';
import { openSessionTrainer } from './session-trainer.ts';
import type { OpenTrainer } from './trainer.ts';
import { openUnrolledTrainer } from './unrolled-trainer.ts';

/** The runtime runs loops on these; on the others, recurrences are written out. */
const withLoops: readonly SessionOptions['device'][] = ['cpu', 'cuda'];

export const openTrainer: OpenTrainer = (model, settings, start, { device, threads, message = () => undefined }) => {
  const runtime = createRuntime();
  const open = (chosen: SessionOptions['device']) => {
    const options = { device: chosen, ...(threads === undefined ? {} : { threads }) };
    const parts = chosen === 'cpu' ? partsFor(model, settings, threads ?? physicalCores()) : 1;
    if (parts > 1) return openPartsTrainer(model, settings, start, runtime, parts);
    return (withLoops.includes(chosen) ? openSessionTrainer : openUnrolledTrainer)(model, settings, start, runtime, options);
  };
  if (device !== 'auto') return open(device);
  return fastestTrainer(runtime, open, { model, settings, start, ...(threads === undefined ? {} : { threads }) }, message);
};
