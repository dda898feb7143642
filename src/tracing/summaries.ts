// One number a timestep: what the overview and the gradient rows draw.

import { hasAxis, type Value } from '../graph/graph.ts';
import type { Model } from '../graph/model.ts';
import type { SummaryKind, Trace } from '../shared/trace.ts';
import { timeAxis } from './describe.ts';
import { trajectory } from './trajectory.ts';

type Read = (values: readonly Value[], from: number, to: number) => Promise<readonly Float32Array[]>;

/** Timesteps read at once. */
const CHUNK = 1024;

export async function summarise(
  kind: SummaryKind,
  trace: Pick<Trace, 'read' | 'description'>,
  model: Model,
  read: Read,
): Promise<Float32Array> {
  const { steps } = trace.description;
  if (kind.kind === 'surprise') return surprise(model, steps, read);
  if (kind.kind === 'trajectory') return trajectory((request) => trace.read(request), kind.addresses, steps);
  const result = new Float32Array(steps);
  const reduce = reducers(kind);
  const gradient = kind.kind === 'norm' && kind.gradient;
  for (let from = 0; from < steps; from += CHUNK) {
    const to = Math.min(from + CHUNK, steps);
    const [values] = await trace.read({ addresses: [kind.address], from, to, gradient });
    const width = values!.length / (to - from);
    for (let t = from; t < to; t += 1) result[t] = reduce(values!.subarray((t - from) * width, (t - from + 1) * width));
  }
  return result;
}

function reducers(kind: Exclude<SummaryKind, { readonly kind: 'surprise' | 'trajectory' }>): (units: Float32Array) => number {
  switch (kind.kind) {
    case 'norm':
      return (units) => Math.sqrt(units.reduce((sum, unit) => sum + unit * unit, 0));
    case 'mean':
      return (units) => units.reduce((sum, unit) => sum + unit, 0) / units.length;
    case 'share': {
      const counts = kind.side === 'below' ? (unit: number) => unit < 0.1 : (unit: number) => unit > 0.9;
      return (units) => units.reduce((count, unit) => count + Number(counts(unit)), 0) / units.length;
    }
  }
}

/** The loss of the step before in bits, for a model that predicts its own input; else the loss of the step itself; NaN where no step has one. */
async function surprise(model: Model, steps: number, read: Read): Promise<Float32Array> {
  const { losses, prediction } = model;
  const result = new Float32Array(steps).fill(Number.NaN);
  // One loss for the whole sequence is no step's.
  if (losses === undefined || !hasAxis(losses.value, timeAxis(model)?.name ?? '')) return result;
  const later = prediction === undefined ? 0 : 1;
  for (let from = 0; from < steps - later; from += CHUNK) {
    const to = Math.min(from + CHUNK, steps - later);
    const [values] = await read([losses.value], from, to);
    for (let t = from; t < to; t += 1) result[t + later] = values![t - from]! / Math.LN2;
  }
  return result;
}
