// A model of one recurrent layer over a sequence of normal numbers, for what the literature says of cells as they start.

import { readFile } from 'node:fs/promises';
import type { Model } from '../../graph/model.ts';
import { buildModel, loadProgram } from '../../language/index.ts';
import { random } from '../../shared/random.ts';
import type { Evaluator } from '../../tracing/evaluator.ts';
import { openTrace, type SeededTrace } from '../../tracing/trace.ts';
import { draw } from '../../training/initialise.ts';
import { backwardPass, normsByLag, seedsOf } from '../lag.ts';
import { recurrencesOf } from '../recurrences.ts';
import type { ReproduceOptions } from './reproduction.ts';

/** The layer is called h, its input x has so many numbers a step. */
export async function oneCell(layer: string, inputs: number): Promise<Model> {
  const text = `model Cell(x: [T, ${inputs}]) {\n  h = ${layer}\n}\n`;
  const path = '/cell.rnn';
  const program = await loadProgram(path, (file) => (file === path ? Promise.resolve(text) : readFile(file, 'utf8')));
  return buildModel(program, { model: 'Cell', classes: {} });
}

export type Weights = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;

/** How PyTorch starts a recurrent layer of H units: every matrix and both of its bias vectors uniform within ±1/√H; a bias of ours is their sum,
 *  except those that stay apart (`apart`). `own` takes its place for a weight of its name. */
export function pytorchStarts(model: Model, units: number, seed: number, own: (name: string) => Float32Array | undefined): Weights {
  const bound = { kind: 'uniform', bound: 1 / Math.sqrt(units) } as const;
  return new Map(
    model.weights.map(({ name, value }) => {
      const shape = value.type.axes.map(({ size }) => size as number);
      const short = name.slice(name.lastIndexOf('.') + 1);
      const data = own(short) ?? draw(bound, shape, random(seed, name));
      // The GRU's candidate has both biases as weights of their own.
      const isSum = shape.length === 1 && !['b_n', 'd_n'].includes(short) && own(short) === undefined;
      const other = isSum ? draw(bound, shape, random(seed, name, 'second')) : undefined;
      return [name, { shape, data: other === undefined ? data : data.map((each, k) => each + other[k]!) }];
    }),
  );
}

/** A cell with PyTorch's starts, but for what it starts otherwise. */
export interface Starting {
  readonly layer: string;
  readonly state: string;
  readonly own?: (seed: number) => Readonly<Record<string, Float32Array>>;
}

/** Norms of the gradient of a state by lag, [B][T], of a cell of so many units, for each seed of weights, inputs and v. */
export async function untrainedNorms(
  { layer, state, own }: Starting,
  units: number,
  batch: Omit<Batch, 'seed'>,
  seeds: readonly number[],
  { evaluator, check }: Pick<ReproduceOptions, 'evaluator' | 'check'>,
): Promise<Float64Array[][]> {
  const model = await oneCell(`${layer}(x, ${units})`, batch.inputs);
  const norms: Float64Array[][] = [];
  for (const seed of seeds) {
    check();
    const others = own?.(seed) ?? {};
    const weights = pytorchStarts(model, units, seed, (weight) => others[weight]);
    const trace = await traced(model, weights, { ...batch, seed }, evaluator(batch.batch));
    try {
      const [recurrence] = recurrencesOf(trace);
      const { after } = await backwardPass(trace, recurrence!, seed);
      norms.push(normsByLag(after[recurrence!.states.findIndex(({ name }) => name === state)]!, batch.steps, batch.batch, false));
    } finally {
      await trace.close();
    }
  }
  return norms;
}

export interface Batch {
  readonly inputs: number;
  readonly steps: number;
  readonly batch: number;
  readonly seed: number;
}

/** A trace of it on sequences drawn from N(0, 1), whose gradients may begin at its states. */
export function traced(model: Model, weights: Weights, { inputs, steps, batch, seed }: Batch, evaluator: Evaluator): Promise<SeededTrace> {
  const chance = random(seed, 'x');
  const x = Float32Array.from({ length: steps * batch * inputs }, () => chance.normal());
  return openTrace(
    { id: 0, title: model.name, model, weights, batch, inputs: { x }, steps, tokens: [], by: 'number', seeds: seedsOf(model) },
    evaluator,
  );
}
