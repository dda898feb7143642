// What a run is, in one line.

import type { Model } from '../graph/model.ts';
import type { TrainSettings } from '../shared/settings.ts';

/** `2 × lstm 256 · adam .002 · clip 1 · batch 64 · window 64`; the window of a running text only. */
export function describe(model: Model, settings: TrainSettings, running = true): string {
  const { optimizer, clip, clipValue, window, batch } = settings;
  return [
    ...cellTexts(model),
    `${optimizer.kind} ${number(optimizer.rate)}${optimizer.schedule === undefined ? '' : ` ${optimizer.schedule.kind}`}`,
    ...(clip === undefined ? [] : [`clip ${number(clip)}`]),
    ...(clipValue === undefined ? [] : [`clip_value ${number(clipValue)}`]),
    `batch ${batch}`,
    ...(running ? [`window ${window}`] : []),
    ...(settings.freeze === undefined ? [] : [`${settings.freeze.join(', ')} frozen`]),
  ].join(' · ');
}

export const parameterCount = (model: Model): number =>
  model.weights.reduce((sum, { value }) => sum + value.type.axes.reduce((product, { size }) => product * Number(size), 1), 0);

/** The cells that run, in order of the source, equal ones once. */
function cellTexts({ instances }: Model): string[] {
  const counts = new Map<string, number>();
  for (const text of instances.filter(({ axis, states }) => axis !== undefined && states.length > 0).map(cellText))
    counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts].map(([text, count]) => (count === 1 ? text : `${count} × ${text}`));
}

function cellText({ cell, states }: Model['instances'][number]): string {
  const sizes = states[0]!.initial.type.axes.map((axis) => axis.size).filter((size) => typeof size === 'number');
  return [cell, sizes.join(' × ')].filter((part) => part !== '').join(' ');
}

const number = (value: number): string => String(value).replace(/^0\./, '.');
