// What a run is, in one line.

import type { Model } from '../graph/model.ts';
import type { TrainSettings } from '../shared/settings.ts';

/** `lstm 256 · adam .002 · clip 1 · window 64` */
export function describe(model: Model, settings: TrainSettings): string {
  const { optimizer, clip, clipValue, window, batch } = settings;
  return [
    ...new Set(model.instances.filter((instance) => instance.axis !== undefined && instance.states.length > 0).map(cellText)),
    `${optimizer.kind} ${number(optimizer.rate)}`,
    ...(clip === undefined ? [] : [`clip ${number(clip)}`]),
    ...(clipValue === undefined ? [] : [`clip_value ${number(clipValue)}`]),
    `batch ${batch}`,
    `window ${window}`,
  ].join(' · ');
}

export const parameterCount = (model: Model): number =>
  model.weights.reduce((sum, { value }) => sum + value.type.axes.reduce((product, { size }) => product * Number(size), 1), 0);

function cellText({ cell, states }: Model['instances'][number]): string {
  const sizes = states[0]!.initial.type.axes.map((axis) => axis.size).filter((size) => typeof size === 'number');
  return [cell, sizes.join(' × ')].filter((part) => part !== '').join(' ');
}

const number = (value: number): string => String(value).replace(/^0\./, '.');
