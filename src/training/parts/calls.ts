// The calls of a part that runs in another thread, one at a time, answered in their order.

import { Worker } from 'node:worker_threads';
import type { Tensor } from '../../runtime/runtime.ts';
import type { Rates } from '../optimizer.ts';
import type { Evaluated } from '../trainer.ts';
import type { PartSetup, PartState, Share } from './part.ts';

export type Call =
  | { readonly kind: 'open' }
  | { readonly kind: 'step'; readonly share: Share; readonly rates: Rates }
  | { readonly kind: 'evaluate'; readonly share: Share }
  | { readonly kind: 'state' }
  | {
      readonly kind: 'restore';
      readonly parameters: Float32Array;
      readonly moments: readonly Float32Array[];
      readonly states: Readonly<Record<string, Tensor>>;
    }
  | { readonly kind: 'release' };

interface Results {
  open: undefined;
  step: { readonly loss: number; readonly gradientNorm: number };
  evaluate: Evaluated;
  state: PartState;
  restore: undefined;
  release: undefined;
}

type Answer = { readonly result: unknown } | { readonly error: string };

export class DistantPart {
  readonly #worker: Worker;
  readonly #waiting: { resolve: (result: unknown) => void; reject: (error: Error) => void }[] = [];
  #ended: Error | undefined;

  /** `ended` is called where the thread ends unasked: whoever waits for it must not wait for ever. */
  constructor(setup: PartSetup, ended: () => void) {
    this.#worker = new Worker(entry(), { workerData: setup });
    this.#worker.on('message', (answer: Answer) => {
      const call = this.#waiting.shift();
      if ('error' in answer) call?.reject(new Error(answer.error));
      else call?.resolve(answer.result);
    });
    const end = (error: Error): void => {
      this.#ended = error;
      ended();
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    };
    this.#worker.on('error', end);
    this.#worker.on('exit', () => end(new Error('A thread of the training has ended.')));
  }

  call<Kind extends Call['kind']>(call: Extract<Call, { kind: Kind }>): Promise<Results[Kind]> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) {
        reject(this.#ended);
        return;
      }
      this.#waiting.push({ resolve: resolve as (result: unknown) => void, reject });
      this.#worker.postMessage(call);
    });
  }
}

/** The worker beside this file, or beside the bundle that this file is part of. */
const entry = (): URL => new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './training-part.mjs', import.meta.url);
