// A model of others run and replayed: its parts, their sources, and how far the replay is from what the model computed.

import { readFile } from 'node:fs/promises';
import { findParts } from '../../src/foreign/find.ts';
import { ObservedModel } from '../../src/foreign/observed.ts';
import type { BoundPart, RecurrentPart } from '../../src/foreign/part.ts';
import { relativeDifference } from '../../src/foreign/replay.ts';
import { sourceOf } from '../../src/foreign/text.ts';
import { buildModel, loadProgram } from '../../src/language/index.ts';
import type { ModelProto } from '../../src/onnx/proto.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import type { Tensor } from '../../src/runtime/runtime.ts';
import { openTrace } from '../../src/tracing/trace.ts';
import { InterpreterEvaluator } from '../tracing/interpreter.ts';

export interface Replayed {
  readonly part: RecurrentPart;
  readonly bound: BoundPart;
  /** The generated cells. */
  readonly text: string;
  /** The largest relative difference over all sequences and lines; undefined where there is nothing to compare with. */
  readonly parity: number | undefined;
  /** Lines that were compared, and how many sequences. */
  readonly compared: readonly string[];
}

const runtime = createRuntime();

/** Runs a model and replays every part of it, every sequence of it. */
export async function replayed(
  model: ModelProto,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<{ readonly parts: readonly Replayed[]; readonly refused: ReturnType<typeof findParts>['refused'] }> {
  const { parts, refused } = findParts(model);
  const observed = await ObservedModel.open(runtime, model, parts, { device: 'cpu', threads: 1 });
  try {
    const { parts: found } = await observed.run(feeds);
    const results: Replayed[] = [];
    for (const { part, iterations } of found)
      for (const values of iterations) {
        const bound = part.bind(values);
        const { text, model: name, runs } = sourceOf('One', 'one.onnx', [{ part, bound }]);
        const program = await loadProgram('/one.rnn', async (path) => (path === '/one.rnn' ? text : readFile(path, 'utf8')));
        const built = buildModel(program, { model: name, classes: {} });
        let parity: number | undefined;
        const compared = new Set<string>();
        for (const [item, steps] of bound.lengths.entries()) {
          const weights = new Map<string, { readonly shape: readonly number[]; readonly data: Float32Array }>();
          const inputs: Record<string, Float32Array> = {};
          for (const { line, run, inputs: names } of runs) {
            for (const [weight, numbers] of run.weights) weights.set(`${line}.${weight}`, numbers);
            for (const [input, data] of Object.entries(run.sequence(item).inputs)) inputs[names.get(input)!] = data;
          }
          const tokens = Array.from({ length: steps }, (_, t) => String(t));
          const trace = await openTrace(
            { id: 1, title: '', model: built, weights, inputs, steps, tokens, by: 'number' },
            new InterpreterEvaluator(),
          );
          for (const { line: instance, run } of runs)
            for (const { line, data, lastOnly } of run.sequence(item).expected) {
              const at = run.direction === 'reverse' ? 0 : steps - 1;
              const [from, to] = lastOnly ? [at, at + 1] : [0, steps];
              const [traced] = await trace.read({ addresses: [{ instance, line }], from, to });
              parity = Math.max(parity ?? 0, relativeDifference(traced!, data));
              compared.add(line);
            }
          await trace.close();
        }
        results.push({ part, bound, text, parity, compared: [...compared] });
      }
    return { parts: results, refused };
  } finally {
    await observed.release();
  }
}
