// Language models around a cell, as the language would make them: embedding, cell, linear, cross-entropy; the state is carried on.

import type { Batch } from '../../src/data/dataset.ts';
import { Builder } from '../../src/graph/builder.ts';
import { type Axis, tensor, type Value } from '../../src/graph/graph.ts';
import type { CarriedState, DropoutMask, Model, Weight } from '../../src/graph/model.ts';
import { random } from '../../src/shared/random.ts';
import type { TrainSettings } from '../../src/shared/settings.ts';
import type { TrainerState } from '../../src/training/trainer.ts';
import { B, type CellName, cells, layer, T } from '../graph/cells.ts';

export interface Shape {
  readonly V?: number;
  readonly I?: number;
  readonly H?: number;
  readonly layers?: number;
  readonly dropout?: number;
}

export function languageModel(cell: CellName, { V = 7, I = 3, H = 4, layers = 1, dropout = 0 }: Shape = {}): Model {
  const b = new Builder();
  const origin = { instance: '', line: '' };
  const weights: Weight[] = [];
  const states: CarriedState[] = [];
  const masks: DropoutMask[] = [];
  const weight = (name: string, value: Value): void => {
    weights.push({ name, value, initial: { kind: 'uniform', bound: 1 / Math.sqrt(H) }, origin });
  };
  const ownWeight = (name: string, axes: Axis[]): Value => {
    const value = b.parameter(tensor(axes), name);
    weight(name, value);
    return value;
  };
  const axis = (name: string, size: number): Axis => ({ name, size });
  const table = ownWeight('x.table', [axis('V', V), axis('I', I)]);
  const text = b.parameter(tensor([T, B], 'int'), 'text');
  const target = b.parameter(tensor([T, B], 'int'), 'next(text)');
  let x = b.gather(table, text, 'V');
  for (let k = 0; k < layers; k += 1) {
    const path = layers === 1 ? 'h' : `h[${k}]`;
    if (k > 0) {
      x = b.rename(x, 'H', 'I');
      const mask = b.parameter(tensor([T, B, axis('I', H)]));
      if (dropout > 0) {
        masks.push({ value: mask, rate: dropout });
        x = b.times(x, mask);
      }
    }
    const one = layer(b, cell, x, H);
    for (const [name, value] of Object.entries(one.weights)) weight(`${path}.${name}`, value);
    for (const name of cells[cell].states)
      states.push({ name: `${path}.${name}`, before: one.initial[name]!, after: one.final[name]!, instance: path });
    x = one.lines["h'"]!;
  }
  const out = ownWeight('logits.W', [axis('O', V), axis('H', H)]);
  const bias = ownWeight('logits.b', [axis('O', V)]);
  const logits = b.plus(b.contract(out, x, ['H']), bias);
  const losses = b.minus(b.logsumexp(logits, 'O'), b.gather(logits, target, 'O'));
  const counted = b.constant(1, [T, B]);
  const loss = b.over(b.sum(losses), b.sum(counted));
  const inputs = [text, target].map((value) => ({ name: value.name!, value, classes: 'Char' }));
  const graph = b.graph([loss, losses, counted, logits, ...states.map(({ after }) => after)]);
  const prediction = { input: 'text', line: 'logits', logits, classes: 'Char' };
  return {
    name: cell,
    graph,
    weights,
    inputs,
    states,
    dropout: masks,
    instances: [],
    loss,
    losses: { value: losses, counted },
    judged: { loss: 'cross_entropy', scores: logits, target, counted, over: 'O', classes: 'Char', input: 'text', ahead: true },
    prediction,
  };
}

export function startOf(model: Model, seed = 1): TrainerState {
  return new Map(
    model.weights.map(({ name, value, initial }) => {
      const shape = value.type.axes.map(({ size }) => Number(size));
      const bound = initial.kind === 'uniform' ? initial.bound : 1;
      const chance = random(seed, name);
      const data = Float32Array.from({ length: shape.reduce((a, c) => a * c, 1) }, () => (2 * chance.uniform() - 1) * bound);
      return [name, { shape, data }];
    }),
  );
}

/** A window of classes below V. */
export function windowOf(seed: number, { steps = 6, rows = 4, V = 7, reset = false } = {}): Batch {
  const chance = random(seed, 'window');
  const ids = (): Int32Array => Int32Array.from({ length: steps * rows }, () => Math.floor(chance.uniform() * V));
  return { rows, sizes: { T: steps }, inputs: { text: ids(), 'next(text)': ids() }, reset };
}

export const settingsWith = (more: Partial<TrainSettings> = {}): TrainSettings => ({
  batch: 4,
  window: 6,
  optimizer: { kind: 'adam', rate: 0.01 },
  clip: 1,
  seed: 1,
  device: 'cpu',
  ...more,
});
