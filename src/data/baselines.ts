// What one reaches without learning: the figures that a model has to beat, on exactly the targets that it is judged by.

import type { Metric } from '../shared/settings.ts';
import type { Dataset, Example, Part } from './dataset.ts';
import { dimensionOf } from './store.ts';

/** What a model's loss compares with: an input, or what comes one step after it. */
export interface Target {
  readonly input: string;
  readonly ahead: boolean;
}

/** Examples of a part that never ends, and tokens of a text, that the most frequent class is told from. */
const MOST = 20_000;
const TOKENS = 1_000_000;

/**
 * `persistence`: the last value stays as it is; `seasonal(n)`: it is what it was n steps before. Both as RMSE in the data's own unit; a baseline whose
 * season is longer than the window is left out. `majority`: the share of the most frequent class of the training part.
 * Hyndman & Athanasopoulos, Forecasting: Principles and Practice (2021), section 5.2.
 */
export function baselinesOf(
  dataset: Dataset,
  part: 'validation' | 'test',
  metrics: readonly Metric[],
  target: Target | undefined,
): Record<string, number> {
  const shape = dataset.inputs.find(({ name }) => name === target?.input);
  if (shape === undefined || target === undefined || dataset.parts[part].size === 0) return {};
  if (shape.classes !== undefined)
    return metrics.some(({ kind }) => kind === 'accuracy') ? majority(dataset, part, shape.name, target.ahead) : {};
  const found: Record<string, number> = {};
  for (const metric of metrics) {
    const season = metric.kind === 'persistence' ? 1 : metric.kind === 'seasonal' ? metric.period : undefined;
    if (season === undefined) continue;
    const error = naive(dataset, part, target, season);
    if (error !== undefined) found[metric.kind === 'seasonal' ? `seasonal(${metric.period})` : 'persistence'] = error;
  }
  return found;
}

function naive(dataset: Dataset, name: 'validation' | 'test', { input, ahead }: Target, season: number): number | undefined {
  const part = dataset.parts[name];
  const pairs = ahead ? nextPairs(dataset, input, season) : followingPairs(dataset, input, season);
  let [sum, count] = [0, 0];
  for (let index = 0; index < part.size && pairs !== undefined; index += 1) {
    const isKnown = pairs(part.example(index), (guess, truth) => {
      if (Number.isNaN(truth)) return;
      sum += (guess - truth) ** 2;
      count += 1;
    });
    if (!isKnown) return undefined;
  }
  return count === 0 ? undefined : Math.sqrt(sum / count);
}

/** Hands on each guess with the truth, in the data's own unit; false where the example does not reach back far enough. */
type Pairs = (example: Example, visit: (guess: number, truth: number) => void) => boolean;

/** The number at a place, in the data's own unit. */
function reader(dataset: Dataset, input: string): (values: Int32Array | Float32Array, place: number) => number {
  const { mean, deviation } = dataset.scales[input] ?? { mean: [0], deviation: [1] };
  return (values, place) => values[place]! * deviation[place % deviation.length]! + mean[place % mean.length]!;
}

/** The next value of a sequence, at the steps that are judged, against the one `season` steps before it. */
function nextPairs(dataset: Dataset, input: string, season: number): Pairs {
  const dimension = dimensionOf(dataset.inputs.find(({ name }) => name === input)!) ?? '';
  const read = reader(dataset, input);
  return ({ inputs, lengths }, visit) => {
    const [x, next] = [inputs[input]!, inputs[`next(${input})`]!];
    const steps = lengths[dimension] ?? 0;
    const width = x.length / Math.max(1, steps);
    if (season > steps) return false;
    for (let t = dataset.judgedAtEnd ? steps - 1 : season - 1; t < steps; t += 1)
      for (let k = 0; k < width; k += 1) visit(read(x, (t + 1 - season) * width + k), read(next, t * width + k));
    return true;
  };
}

/** Values behind a window, against those of the sequence of the same column before them: its last value, or those a season before. */
function followingPairs(dataset: Dataset, input: string, season: number): Pairs | undefined {
  const { source } = dataset;
  const binding = source.kind === 'series' ? source.bindings[input] : undefined;
  if (source.kind !== 'series' || binding?.kind !== 'following') return undefined;
  const readTruth = reader(dataset, input);
  for (const shape of dataset.inputs) {
    const own = source.bindings[shape.name] ?? { kind: 'column', name: shape.name };
    const place = own.kind === 'columns' ? own.names.indexOf(binding.name) : own.kind === 'column' && own.name === binding.name ? 0 : -1;
    const dimension = dimensionOf(shape);
    if (place < 0 || dimension === undefined || shape.classes !== undefined) continue;
    const read = reader(dataset, shape.name);
    return ({ inputs, lengths }, visit) => {
      const [past, truth] = [inputs[shape.name]!, inputs[input]!];
      const steps = lengths[dimension] ?? 0;
      const width = past.length / Math.max(1, steps);
      if (season > steps) return false;
      // k steps ahead: the newest known value that lies whole seasons before it.
      for (let k = 0; k < truth.length; k += 1) visit(read(past, (steps - season + (k % season)) * width + place), readTruth(truth, k));
      return true;
    };
  }
  return undefined;
}

function majority(dataset: Dataset, name: 'validation' | 'test', input: string, ahead: boolean): Record<string, number> {
  const key = ahead ? `next(${input})` : input;
  const dimension = dimensionOf(dataset.inputs.find((shape) => shape.name === input)!) ?? '';
  const visit = (part: Part, take: (id: number) => void): void => {
    if (dataset.running) {
      part.example(0, Math.min(part.size, TOKENS)).inputs[key]!.forEach(take);
      return;
    }
    const onlyEnd = dataset.judgedAtEnd === true && part.name !== 'training';
    for (let index = 0; index < Math.min(part.size, Number.isFinite(part.size) ? part.size : MOST); index += 1) {
      const { inputs, lengths } = part.example(index);
      const ids = inputs[key]!;
      // Of a window that is judged at its end, only that.
      if (onlyEnd && lengths[dimension] !== undefined) take(ids[ids.length - 1]!);
      else ids.forEach(take);
    }
  };
  const counts = new Map<number, number>();
  visit(dataset.parts.training, (id) => {
    if (id >= 0) counts.set(id, (counts.get(id) ?? 0) + 1);
  });
  const [[most] = [-1]] = [...counts].sort((a, b) => b[1] - a[1]);
  let [right, all] = [0, 0];
  visit(dataset.parts[name], (id) => {
    if (id < 0) return;
    all += 1;
    if (id === most) right += 1;
  });
  return all === 0 ? {} : { majority: right / all };
}
