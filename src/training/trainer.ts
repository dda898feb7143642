// The optimisation step, whatever computes it.

import type { Batch } from '../data/dataset.ts';
import type { Model } from '../graph/model.ts';
import type { Device, TrainSettings } from '../shared/settings.ts';

export interface StepResult {
  /** Mean over all that is counted. */
  readonly loss: number;
  /** Norm of the whole gradient before clipping. */
  readonly gradientNorm: number;
}

/** What a batch gives without learning from it. */
export interface Evaluated {
  /** Sum of the losses, and their count. */
  readonly sum: number;
  readonly count: number;
  readonly judged?: Judged;
}

/** What a loss function compared (Model.judged), row by row: rows * n numbers each, n being what a row has in steps and features. */
export interface Judged {
  readonly rows: number;
  /** The class with the best score, yes (1) or no (0), or the number that was predicted. */
  readonly predicted: Float32Array;
  readonly target: Float32Array;
  /** 1 where there is something to compare, else 0. */
  readonly counted: Float32Array;
  /** Sum of the loss function over what is counted: of a cross-entropy, whatever else the line `loss` adds to it. */
  readonly sum: number;
}

/** Everything that a checkpoint keeps of the numbers: weights by name (`h.W_f`), the optimiser's moments (`h.W_f#m`, `h.W_f#v`), carried states (`h.c#state`). */
export type TrainerState = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;

export interface Trainer {
  readonly device: Exclude<Device, 'auto'>;
  /** Forward, backward, clip and update on one batch; carries the states to the next. `number` counts from 1 (Adam's bias correction). */
  step(batch: Batch, number: number, rate: number): Promise<StepResult>;
  /** How well the model does on a batch, nothing changed; the states are carried on apart from those of training. */
  evaluate(batch: Batch): Promise<Evaluated>;
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
