// The trajectory of a layer's states as the views show it: pooled for the picture, exact where the timestep stands.

import type { Table, TraceState, TrajectoryAtNumbers, TrajectoryNumbers } from '../shared/messages.ts';
import { pack } from '../shared/packed.ts';
import type { Layer } from './layer.ts';

/** All states of the layer together. */
export const ALL = 'all';
/** Points of the picture, and timesteps behind the current one that are told exactly. */
const POINTS = 2000;
const TRAIL = 10;
/** What is told of each timestep. */
export const COLUMNS = ['component 1', 'component 2', 'distance from the mean'] as const;
/** Lines of a table. */
const MOST = 1000;

/** Of which states, those of a line or all, a trajectory can be. */
export const trajectoriesOf = ({ stateRows }: Layer): readonly string[] =>
  stateRows.length < 2 ? stateRows.map(({ line }) => line) : [ALL, ...stateRows.map(({ line }) => line)];

/** The whole of it, from three numbers a timestep (SummaryKind). */
export function trajectoryNumbers(layer: Layer, of: string, values: Float32Array): TrajectoryNumbers {
  const timesteps = pooledTimesteps(values, POINTS);
  const explained = [0, 1].map((k) => {
    let [own, whole] = [0, 0];
    for (let at = 0; at < values.length; at += 3) {
      if (!Number.isFinite(values[at + 2]!)) continue;
      own += values[at + k]! ** 2;
      whole += values[at + 2]! ** 2;
    }
    return whole > 0 ? own / whole : 0;
  });
  return {
    part: 'trajectory',
    layer: layer.instance.path,
    of,
    reverse: layer.instance.reverse,
    tokens: timesteps.map((t) => layer.sequence.tokens[t] ?? ''),
    values: pack({ t: timesteps, x: timesteps.map((t) => values[3 * t]!), y: timesteps.map((t) => values[3 * t + 1]!), explained }),
  };
}

/** Where it is at a timestep, and the steps before that in the order that the layer runs. */
export function trajectoryAt(layer: Layer, of: string, values: Float32Array, t: number): TrajectoryAtNumbers {
  const back = layer.instance.reverse ? 1 : -1;
  const steps = Array.from({ length: TRAIL + 1 }, (_, k) => t + back * (TRAIL - k)).filter((each) => each >= 0 && each < values.length / 3);
  return {
    part: 'trajectoryAt',
    layer: layer.instance.path,
    of,
    t,
    values: pack({ x: steps.map((each) => values[3 * each]!), y: steps.map((each) => values[3 * each + 1]!) }),
  };
}

/** Timesteps that stand for all of them: both ends, and of each stretch between the one that lies farthest from its mean, so that excursions stay. */
export function pooledTimesteps(values: Float32Array, most: number): number[] {
  const steps = values.length / 3;
  if (steps <= most) return Array.from({ length: steps }, (_, t) => t);
  const inner = Array.from({ length: most - 2 }, (_, k) => {
    const from = 1 + Math.floor((k * (steps - 2)) / (most - 2));
    const to = 1 + Math.floor(((k + 1) * (steps - 2)) / (most - 2));
    let [x, y] = [0, 0];
    for (let t = from; t < to; t++) {
      x += values[3 * t]! / (to - from);
      y += values[3 * t + 1]! / (to - from);
    }
    let [farthest, chosen] = [-1, from];
    for (let t = from; t < to; t++) {
      const far = Math.hypot(values[3 * t]! - x, values[3 * t + 1]! - y);
      if (far > farthest) [farthest, chosen] = [far, t];
    }
    return chosen;
  });
  return [0, ...inner, steps - 1];
}

/** The window's timesteps, with their places and how far they are from the mean. */
export function trajectoryTable(layer: Layer, { title, window }: TraceState, values: Float32Array): Table {
  const { from } = window;
  const to = Math.min(window.to, from + MOST);
  const column = (k: number): Float32Array => Float32Array.from({ length: to - from }, (_, t) => values[3 * (from + t) + k]!);
  return {
    title: `${title}, ${layer.instance.path}, principal components`,
    columns: COLUMNS.map((name) => ({ name, unit: '' })),
    from,
    tokens: layer.sequence.tokens.slice(from, to),
    values: pack({ 0: column(0), 1: column(1), 2: column(2) }),
    ...(to < window.to ? { cut: window.to - from } : {}),
  };
}
