// Sessions of the inference runtime, as the stages above see them. One file (onnxruntime.ts) implements this with onnxruntime-node.

import type { Device } from '../shared/settings.ts';

export type TensorData = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;

/** A dense, row-major tensor. Booleans are Uint8Array of 0 and 1. */
export interface Tensor {
  readonly type: 'float32' | 'float64' | 'int32' | 'int64' | 'bool';
  readonly dims: readonly number[];
  readonly data: TensorData;
}

export interface SessionOptions {
  readonly device: Exclude<Device, 'auto'>;
  /** Intra-op threads; physical cores by default. */
  readonly threads?: number;
  /** Sizes that the model's symbolic dimensions shall be fixed to (GPU: unrolled graphs). */
  readonly sizes?: Readonly<Record<string, number>>;
}

/** A tensor that stays where it was computed (GPU memory), or in the runtime's own memory: fed to further runs, never read directly. */
export interface Resident {
  readonly kind: 'resident';
  readonly dims: readonly number[];
  dispose(): void;
}

export interface Session {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Runs the model. `keep` names outputs that shall stay resident; the others come back as tensors. */
  run(
    feeds: Readonly<Record<string, Tensor | Resident>>,
    fetch?: readonly string[],
    keep?: readonly string[],
  ): Promise<Record<string, Tensor | Resident>>;
  /** Reads a resident tensor back. */
  read(resident: Resident): Promise<Tensor>;
  release(): Promise<void>;
}

export interface Runtime {
  open(model: Uint8Array, options: SessionOptions): Promise<Session>;
  /** The devices of this machine, tried with a tiny model; `reason` says why one is absent. */
  devices(): Promise<readonly { readonly device: Exclude<Device, 'auto'>; readonly available: boolean; readonly reason?: string }[]>;
}
