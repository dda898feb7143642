// Training on a device that has no loops, with WebGPU: the step's recurrences are written out for the window's T and B, and weights,
// moments and states stay in the device's memory from step to step.

import type { Model } from '../graph/model.ts';
import { basicOperations } from '../graph/passes/basic.ts';
import { unroll } from '../graph/passes/unroll.ts';
import { select } from '../graph/prune.ts';
import { lower } from '../onnx/lower.ts';
import type { Runtime, Session, SessionOptions } from '../runtime/runtime.ts';
import type { TrainSettings } from '../shared/settings.ts';
import { SessionTrainer } from './session-trainer.ts';
import { type NamedGraph, next, stepGraphs } from './step.ts';
import type { Trainer, TrainerState } from './trainer.ts';

/** Operands of one concatenation: a WebGPU kernel binds few buffers. */
const fanIn = 6;

export async function openUnrolledTrainer(
  model: Model,
  settings: TrainSettings,
  start: TrainerState,
  runtime: Runtime,
  options: SessionOptions,
): Promise<Trainer> {
  const trainer = new SessionTrainer(model, settings, stepGraphs(model, settings, false), {
    device: options.device,
    fixedSizes: true,
    open: (graph, sizes) => openUnrolled(runtime, graph, sizes, options),
  });
  await trainer.restore(start);
  return trainer;
}

function openUnrolled(
  runtime: Runtime,
  { graph, inputs, outputs }: NamedGraph,
  sizes: Readonly<Record<string, number>>,
  options: SessionOptions,
): Promise<Session> {
  const unrolled = unroll(basicOperations(graph), { fanIn, sizes });
  const { nodes } = select(unrolled, unrolled.results);
  const { bytes } = lower({ ...unrolled, nodes }, { inputs, outputs, sizes, extensions: false });
  const primed = new Set(inputs.map(next));
  return runtime.open(bytes, { ...options, resident: outputs.filter((name) => primed.has(name)) });
}
