// Sessions of the inference runtime, as the stages above see them. One file (onnxruntime.ts) implements this with onnxruntime-node.

import type { NumericData } from '../shared/numeric.ts';
import type { Device } from '../shared/settings.ts';

export type { NumericData as TensorData } from '../shared/numeric.ts';

export type TensorType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'bool';

/** A dense, row-major tensor. Booleans are Uint8Array of 0 and 1, halves the bits of IEEE 754 in a Uint16Array. */
export interface Tensor {
  readonly type: TensorType;
  readonly dims: readonly number[];
  readonly data: NumericData;
}

export interface SessionOptions {
  readonly device: Exclude<Device, 'auto'>;
  /** Intra-op threads; physical cores by default. */
  readonly threads?: number;
  /** Memory is given back after each run, not kept for the next: for many sessions that are seldom used. */
  readonly frugal?: boolean;
  /** How far graphs are rewritten to run faster, as onnxruntime calls it: `all` unless told otherwise; large ones open sooner without. */
  readonly optimise?: 'disabled' | 'basic' | 'extended' | 'all';
  /** Outputs that shall stay where they are computed: `run` gives them as `Resident`. */
  readonly resident?: readonly string[];
}

/** A tensor that stays where it was computed (on a GPU: in its memory): fed to further runs, never read directly. It ends with its session. */
export interface Resident {
  readonly kind: 'resident';
  readonly type: Tensor['type'];
  readonly dims: readonly number[];
  dispose(): void;
}

export interface Session {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Runs the model; blocks this thread meanwhile. Outputs are tensors, but those opened as `resident`.
   *  `into` (CPU only): memory that outputs are written to, which saves a copy; it must not be fed to the same run. */
  run(
    feeds: Readonly<Record<string, Tensor | Resident>>,
    fetch?: readonly string[],
    into?: Readonly<Record<string, Tensor>>,
  ): Promise<Record<string, Tensor | Resident>>;
  /** `run` of a session that keeps nothing resident. */
  compute(
    feeds: Readonly<Record<string, Tensor | Resident>>,
    fetch?: readonly string[],
    into?: Readonly<Record<string, Tensor>>,
  ): Promise<Record<string, Tensor>>;
  /** Reads a resident tensor back. */
  read(resident: Resident): Promise<Tensor>;
  /** Frees the session and all of its resident tensors. */
  release(): Promise<void>;
}

export interface Runtime {
  open(model: Uint8Array, options: SessionOptions): Promise<Session>;
  /** The devices of this machine, tried with a tiny model; `reason` says why one is absent. */
  devices(): Promise<readonly { readonly device: Exclude<Device, 'auto'>; readonly available: boolean; readonly reason?: string }[]>;
}

/** A fault that a person can meet: a device that is not there, a model that the runtime refuses, memory that ran out. */
export class RuntimeFailure extends Error {
  override name = 'RuntimeFailure';
}
