// Where a model looks while it writes: the lines that are a softmax over a dimension of the source, and copying by them.

import type { Axis } from '../../graph/graph.ts';
import type { Line, Model } from '../../graph/model.ts';
import { weighs } from '../../graph/weighing.ts';
import type { Tensor } from '../../runtime/runtime.ts';
import { RunError } from '../run.ts';

export interface AttentionLine {
  /** `decoder.weights` */
  readonly name: string;
  readonly line: Line;
  /** The dimension that is looked at: `S`; or how many places it has, where that is always the same, as in images of one size. */
  readonly over: string | number;
  /** Sizes of other axes (heads), in the order of the line. */
  readonly heads: readonly number[];
}

/** Those of the lines that have a number for each step and each place of the source. Where these are a fixed number, as classes are, the line has to weigh a
 *  sum by them. */
export function attentionLines(model: Model): readonly AttentionLine[] {
  const input = model.inputs.find(({ name }) => name === model.prediction?.input);
  const time = input?.value.type.axes[0];
  if (time === undefined) return [];
  return model.instances.flatMap(({ path, lines }) =>
    lines.flatMap((line) => {
      const { axes, dtype } = line.value.type;
      const others = axes.filter(({ name }) => name !== time.name && name !== 'B');
      if (dtype !== 'float' || !axes.some(({ name }) => name === time.name) || !/\bsoftmax\s*\(/.test(line.text)) return [];
      const open = others.filter(({ size }) => typeof size === 'string');
      const over = open.length > 0 ? open[0] : fixedPlaces(model, line, others);
      if (over === undefined || open.length > 1 || over.size === time.size) return [];
      const name = path === '' ? line.name : `${path}.${line.name}`;
      return [{ name, line, over: over.size, heads: others.filter((axis: Axis) => axis !== over).map(({ size }) => Number(size)) }];
    }),
  );
}

/** The last of the axes, where the line weighs a sum along it: a softmax over classes does not. */
function fixedPlaces(model: Model, { value }: Line, axes: readonly Axis[]): Axis | undefined {
  const last = axes.at(-1);
  return last !== undefined && weighs(model, value, last.name) ? last : undefined;
}

/** The line that `unknown: copy(decoder.weights)` names. Throws RunError where it is none. */
export function copiedLine(model: Model, path: string): AttentionLine {
  const all = attentionLines(model);
  const found = all.find(({ name }) => name === path);
  const names = all.filter(({ heads }) => heads.length === 0).map(({ name }) => name);
  if (found === undefined || found.heads.length > 0)
    throw new RunError(
      `\`unknown: copy(${path})\`: ${path} is no line of ${model.name} with one weight for each place of the source. ${names.length === 0 ? 'It has none.' : `There is ${names.join(', ')}.`}`,
    );
  return found;
}

/** One row of a line at a step, without padding: `real` places of the source; of several heads one behind the other. */
export function rowOf({ dims, data }: Tensor, row: number, real: number): Float32Array {
  const width = data.length / Math.max(1, dims[0]!);
  const places = dims.at(-1)!;
  const own = (data as Float32Array).subarray(row * width, (row + 1) * width);
  if (places === real) return own.slice();
  const kept = new Float32Array((width / places) * real);
  for (let head = 0; head < width / places; head += 1) kept.set(own.subarray(head * places, head * places + real), head * real);
  return kept;
}

/** The place with the largest weight, the first of equals. */
export function mostLookedAt(weights: Float32Array): number {
  let best = 0;
  for (let k = 1; k < weights.length; k += 1) if (weights[k]! > weights[best]!) best = k;
  return best;
}
