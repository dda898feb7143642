// Greedy decoding in one call of the runtime: encoder, steps and choices are one model with a loop, so that nothing is handed over between steps.

import type { Batch } from '../../data/dataset.ts';
import type { Model } from '../../graph/model.ts';
import { exportGreedy } from '../../onnx/export-decoder.ts';
import type { Runtime, Session, SessionOptions } from '../../runtime/runtime.ts';
import { parameterNames } from '../step.ts';
import type { TrainerState } from '../trainer.ts';
import { feedsOf } from './decoder.ts';
import { type DecoderGraphs, decoderGraphs } from './graphs.ts';
import type { Hypothesis, Rules } from './search.ts';

/** Writes what `searchRows` would write greedily, without telling where it looked. */
export class GreedyLoop {
  readonly #model: Model;
  readonly #graphs: DecoderGraphs;
  readonly #session: Session;
  readonly #end: number | undefined;

  private constructor(model: Model, graphs: DecoderGraphs, session: Session, end: number | undefined) {
    this.#model = model;
    this.#graphs = graphs;
    this.#session = session;
    this.#end = end;
  }

  static async open(
    model: Model,
    weights: TrainerState,
    rules: Pick<Rules, 'begin' | 'end' | 'never'>,
    runtime: Runtime,
    options: SessionOptions = { device: 'cpu', threads: 1 },
  ): Promise<GreedyLoop> {
    const graphs = decoderGraphs(model);
    const bytes = exportGreedy(model, { ...graphs, lines: [], ...rules }, weights);
    return new GreedyLoop(model, graphs, await runtime.open(bytes, options), rules.end);
  }

  /** At most `length` tokens for each row. */
  async write(batch: Pick<Batch, 'rows' | 'sizes' | 'inputs'>, length: number): Promise<Hypothesis[]> {
    const names = parameterNames(this.#model);
    const own = new Map([
      ...this.#model.inputs.map(({ name, value }) => [names.get(value)!, name] as const),
      ...this.#model.states.map(({ name, before }) => [names.get(before)!, name] as const),
    ]);
    const feeds = Object.entries(feedsOf(this.#model, this.#graphs, batch)).map(
      ([name, tensor]) => [own.get(name) ?? name, tensor] as const,
    );
    // One more than are kept: whether a row of the full length ends.
    const steps = this.#end === undefined ? length : length + 1;
    const { tokens } = await this.#session.compute({
      ...Object.fromEntries(feeds),
      length: { type: 'int64', dims: [], data: BigInt64Array.of(BigInt(steps)) },
    });
    const width = tokens!.dims[1]!;
    return Array.from({ length: batch.rows }, (_, row) => {
      const own = [...(tokens!.data as Int32Array).subarray(row * width, (row + 1) * width)];
      const at = this.#end === undefined ? -1 : own.indexOf(this.#end);
      return { tokens: own.slice(0, at < 0 ? length : at), ended: at >= 0, lines: [] };
    });
  }

  close(): Promise<void> {
    return this.#session.release();
  }
}
