// Models of one cell, written in the language, with several sequences: what the analyses are tested on.

import { readFile } from 'node:fs/promises';
import { buildModel, loadProgram } from '../../src/language/index.ts';
import { random } from '../../src/shared/random.ts';
import type { TraceSource } from '../../src/tracing/source.ts';
import { openTrace, type SeededTrace } from '../../src/tracing/trace.ts';
import { initialise } from '../../src/training/initialise.ts';
import { InterpreterEvaluator } from '../tracing/interpreter.ts';

export interface Shape {
  readonly steps: number;
  readonly batch?: number;
  readonly inputs?: number;
  /** Changes a weight, by its name. */
  readonly weights?: (name: string, data: Float32Array) => void;
  readonly seed?: number;
}

/** `layer` makes h of x, a sequence of normal numbers: `lstm(x, 4)`. The gradient begins at the state h of the instance h. */
export async function sourceOf(
  layer: string,
  { steps, batch = 1, inputs = 3, weights, seed = 1 }: Shape,
  cells = '',
): Promise<TraceSource> {
  const path = '/one.rnn';
  const text = `${cells}\nmodel One(x: [T, ${inputs}]) {\n  h = ${layer}\n}\n`;
  const program = await loadProgram(path, (file) => (file === path ? Promise.resolve(text) : readFile(file, 'utf8')));
  const model = buildModel(program, { model: 'One', classes: {} });
  const start = initialise(model.weights, seed);
  for (const [name, { data }] of start) weights?.(name, data);
  const chance = random(seed, 'x');
  return {
    id: 1,
    title: 'test',
    model,
    weights: start,
    batch,
    inputs: { x: Float32Array.from({ length: steps * batch * inputs }, () => chance.normal()) },
    steps,
    tokens: [],
    by: 'number',
    seeds: model.instances.flatMap(({ path: instance, states }) => states.map(({ name }) => ({ instance, line: `${name}'` }))),
  };
}

/** A trace of it in double precision, handed on as floats. */
export const traceOf = async (layer: string, shape: Shape, cells = ''): Promise<SeededTrace> =>
  openTrace(await sourceOf(layer, shape, cells), new InterpreterEvaluator());
