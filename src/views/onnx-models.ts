// What is known of ONNX models of others: read once by the engine, and again when the file has changed.

import { stat } from 'node:fs/promises';
import type { Engine } from '../engine/client.ts';
import type { ForeignInfo } from '../shared/foreign.ts';

export class OnnxModels {
  readonly #engine: () => Engine;
  readonly #known = new Map<string, { readonly version: string; readonly info: Promise<ForeignInfo> }>();

  constructor(engine: () => Engine) {
    this.#engine = engine;
  }

  /** Throws a sentence where the file is no model. */
  async info(file: string): Promise<ForeignInfo> {
    const { mtimeMs, size } = await stat(file).catch(() => {
      throw new Error(`${file} is not there any more, or cannot be read.`);
    });
    const version = `${mtimeMs} ${size}`;
    const known = this.#known.get(file);
    if (known?.version === version) return known.info;
    const info = this.#engine().request('inspect', { file });
    this.#known.set(file, { version, info });
    // What failed is asked again: a file beside it may have come.
    info.catch(() => this.forget(file));
    return info;
  }

  /** Something about the file has changed. */
  forget(file: string): void {
    this.#known.delete(file);
  }
}

/** Is it an ONNX model, by its name? */
export const isOnnx = (file: string): boolean => /\.onnx$/i.test(file);
