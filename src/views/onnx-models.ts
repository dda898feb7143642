// What is known of ONNX models of others: read once by the engine, and again when the file has changed.

import { stat } from 'node:fs/promises';
import type { Engine } from '../engine/client.ts';
import type { ForeignInfo } from '../shared/foreign.ts';
import { progressText } from './progress-text.ts';

/** Somebody who waits for a model to be read. */
export interface Waiting {
  /** Is told how far it is. */
  readonly hear?: (text: string) => void;
  /** Says that they wait no longer: where nobody does, the reading ends. */
  readonly signal?: AbortSignal;
}

interface Known {
  readonly version: string;
  readonly info: Promise<ForeignInfo>;
  readonly waiting: Set<Waiting>;
  readonly abort: AbortController;
}

export class OnnxModels {
  readonly #engine: () => Engine;
  readonly #known = new Map<string, Known>();

  constructor(engine: () => Engine) {
    this.#engine = engine;
  }

  /** Throws a sentence where the file is no model, and EngineError of code `cancelled` where nobody waited to the end. */
  async info(file: string, who: Waiting = {}): Promise<ForeignInfo> {
    const { mtimeMs, size } = await stat(file).catch(() => {
      throw new Error(`${file} is not there any more, or cannot be read.`);
    });
    const version = `${mtimeMs} ${size}`;
    const found = this.#known.get(file);
    const known = found?.version === version ? found : this.#read(file, version);
    known.waiting.add(who);
    const left = (): void => {
      known.waiting.delete(who);
      if (known.waiting.size > 0) return;
      known.abort.abort();
      this.#forgetThis(file, known);
    };
    if (who.signal?.aborted === true) left();
    who.signal?.addEventListener('abort', left, { once: true });
    return known.info.finally(() => who.signal?.removeEventListener('abort', left));
  }

  #read(file: string, version: string): Known {
    const [waiting, abort] = [new Set<Waiting>(), new AbortController()];
    const tell = (text: string | undefined): void => {
      if (text !== undefined) for (const { hear } of waiting) hear?.(text);
    };
    const info = this.#engine().request('inspect', { file }, (event) => tell(progressText(event, 'the file')), abort.signal);
    const known = { version, info, waiting, abort };
    this.#known.set(file, known);
    // What failed is asked again: a file beside it may have come.
    info.catch(() => this.#forgetThis(file, known));
    return known;
  }

  #forgetThis(file: string, known: Known): void {
    if (this.#known.get(file) === known) this.#known.delete(file);
  }

  /** Something about the file has changed. */
  forget(file: string): void {
    this.#known.delete(file);
  }
}

/** Is it an ONNX model, by its name? */
export const isOnnx = (file: string): boolean => /\.onnx$/i.test(file);
