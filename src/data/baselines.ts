// What one reaches without learning: the figures that a model has to beat, on exactly the targets that it is judged by.

import type { Metric } from '../shared/settings.ts';
import type { Dataset, Example } from './dataset.ts';
import { denormalised } from './scales.ts';
import { dimensionOf } from './store.ts';

/** What a model's loss compares with: an input, or what comes one step after it. */
export interface Target {
  readonly input: string;
  readonly ahead: boolean;
}

/** Examples that are looked at, at most. */
const MOST = 20_000;

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

const everyOf = (size: number): number => Math.max(1, Math.ceil(size / MOST));

function naive(dataset: Dataset, name: 'validation' | 'test', { input, ahead }: Target, season: number): number | undefined {
  const part = dataset.parts[name];
  let [sum, count] = [0, 0];
  for (let index = 0; index < part.size; index += everyOf(part.size)) {
    const pairs = ahead
      ? nextPairs(dataset, part.example(index), input, season)
      : followingPairs(dataset, part.example(index), input, season);
    if (pairs === undefined) return undefined;
    for (const [guess, truth] of pairs) {
      if (Number.isNaN(truth)) continue;
      sum += (guess - truth) ** 2;
      count += 1;
    }
  }
  return count === 0 ? undefined : Math.sqrt(sum / count);
}

type Pairs = readonly (readonly [guess: number, truth: number])[];

/** The next value of a sequence, at the steps that are judged, against the one `season` steps before it. */
function nextPairs(dataset: Dataset, { inputs, lengths }: Example, input: string, season: number): Pairs | undefined {
  const shape = dataset.inputs.find(({ name }) => name === input)!;
  const steps = lengths[dimensionOf(shape) ?? ''] ?? 0;
  const scale = dataset.scales[input];
  const x = denormalised(inputs[input] as Float32Array, scale);
  const next = denormalised(inputs[`next(${input})`] as Float32Array, scale);
  const width = x.length / Math.max(1, steps);
  if (season > steps) return undefined;
  const pairs: (readonly [number, number])[] = [];
  for (let t = dataset.judgedAtEnd ? steps - 1 : season - 1; t < steps; t += 1)
    for (let k = 0; k < width; k += 1) pairs.push([x[(t + 1 - season) * width + k]!, next[t * width + k]!]);
  return pairs;
}

/** Values behind a window, against those of the sequence of the same column before them: its last value, or those a season before. */
function followingPairs(dataset: Dataset, { inputs, lengths }: Example, input: string, season: number): Pairs | undefined {
  const { source } = dataset;
  const binding = source.kind === 'series' ? source.bindings[input] : undefined;
  if (source.kind !== 'series' || binding?.kind !== 'following') return undefined;
  const truth = denormalised(inputs[input] as Float32Array, dataset.scales[input]);
  for (const shape of dataset.inputs) {
    const own = source.bindings[shape.name] ?? { kind: 'column', name: shape.name };
    const place = own.kind === 'columns' ? own.names.indexOf(binding.name) : own.kind === 'column' && own.name === binding.name ? 0 : -1;
    const steps = lengths[dimensionOf(shape) ?? ''];
    if (place < 0 || steps === undefined || shape.classes !== undefined) continue;
    const past = denormalised(inputs[shape.name] as Float32Array, dataset.scales[shape.name]);
    const width = past.length / steps;
    if (season > steps) return undefined;
    // k steps ahead: the newest known value that lies whole seasons before it.
    return Array.from(truth, (value, k) => [past[(steps - season + (season === 1 ? 0 : k % season)) * width + place]!, value] as const);
  }
  return undefined;
}

function majority(dataset: Dataset, name: 'validation' | 'test', input: string, ahead: boolean): Record<string, number> {
  const key = ahead ? `next(${input})` : input;
  const counts = new Map<number, number>();
  const { training, [name]: held } = dataset.parts;
  const visit = (part: typeof training, take: (id: number) => void): void => {
    const size = Number.isFinite(part.size) ? part.size : MOST;
    if (dataset.running) {
      part.example(0, Math.min(part.size, 1_000_000)).inputs[key]!.forEach(take);
      return;
    }
    for (let index = 0; index < size; index += everyOf(size)) part.example(index).inputs[key]!.forEach(take);
  };
  visit(training, (id) => {
    if (id >= 0) counts.set(id, (counts.get(id) ?? 0) + 1);
  });
  const [[most] = [-1]] = [...counts].sort((a, b) => b[1] - a[1]);
  let [right, all] = [0, 0];
  visit(held, (id) => {
    if (id < 0) return;
    all += 1;
    if (id === most) right += 1;
  });
  return all === 0 ? {} : { majority: right / all };
}
