// The optimisation step, whatever computes it.

import type { Model } from '../graph/model.ts';
import type { Device, TrainSettings } from '../shared/settings.ts';

/** A window of the data for every row of the batch: class ids as [T, B], row-major, by the name of the model's input. */
export interface Window {
  readonly steps: number;
  readonly rows: number;
  readonly inputs: Readonly<Record<string, Int32Array | Float32Array>>;
  /** The rows start afresh: the carried states are zeroed before this window. */
  readonly reset: boolean;
}

export interface StepResult {
  /** Mean over the window and batch. */
  readonly loss: number;
  /** Norm of the whole gradient before clipping. */
  readonly gradientNorm: number;
}

/** Everything that a checkpoint keeps of the numbers: weights by name (`h.W_f`), the optimiser's moments (`h.W_f#m`, `h.W_f#v`), carried states (`h.c#state`). */
export type TrainerState = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;

export interface Trainer {
  readonly device: Exclude<Device, 'auto'>;
  /** Forward, backward, clip and update on one window; carries the states to the next. `number` counts from 1 (Adam's bias correction). */
  step(window: Window, number: number, rate: number): Promise<StepResult>;
  /** Sum of the losses and their count on a window, nothing changed; the states are carried on apart from those of training. */
  evaluate(window: Window): Promise<{ readonly sum: number; readonly count: number }>;
  state(): Promise<TrainerState>;
  restore(state: TrainerState): Promise<void>;
  close(): Promise<void>;
}

export interface TrainerOptions {
  readonly device: Device;
  readonly threads?: number;
  /** Hears one line for the reader's eyes: which device was taken, and why. */
  readonly message?: (text: string) => void;
}

export type OpenTrainer = (model: Model, settings: TrainSettings, start: TrainerState, options: TrainerOptions) => Promise<Trainer>;
