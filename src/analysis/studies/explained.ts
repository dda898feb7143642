// Which number of a model's output is explained.

import type { Axis, Value } from '../../graph/graph.ts';
import type { Model } from '../../graph/model.ts';
import { type Elements, product, type Sizes, sizesOf, spread } from '../../tracing/arrays.ts';
import { stepsAxis } from './sources.ts';
import { StudyError } from './study.ts';

export interface Output {
  readonly what: string;
  readonly value: Value;
  /** 1 where the output has a value, axes among those of `value`. */
  readonly counted?: Value;
  /** The right class, whose score is meant; of numbers the largest is. */
  readonly target?: Value;
  /** The axis of the classes. */
  readonly over?: string;
}

/** The last step's score of the right class; the largest number that is said; of a model without a loss, that of its last line. */
export function outputOf(model: Model): Output {
  const { judged } = model;
  const at = (value: Value): string => (stepsAxis(value) === undefined ? '' : ' at the last step');
  if (judged !== undefined) {
    const { scores, target, counted, over } = judged;
    if (judged.loss === 'cross_entropy' && over !== undefined)
      return { what: `score of the right class${at(scores)}`, value: scores, counted, target, over };
    return { what: `largest number that is said${at(scores)}`, value: scores, counted };
  }
  const line = model.instances[0]!.lines.findLast(
    ({ name, value }) => name !== 'loss' && value.type.dtype === 'float' && value.type.axes.some((axis) => axis.name === 'B'),
  );
  if (line === undefined) throw new StudyError(`${model.name} has no loss, and no line that could stand for its output.`);
  return { what: `largest number of ${line.name}${at(line.value)}, as there is no loss`, value: line.value };
}

/** Steps, sequences, and the rest as it is. */
export function orderOf(value: Value): Axis[] {
  const first = [stepsAxis(value), 'B'];
  const { axes } = value.type;
  return [...first.flatMap((name) => axes.find((axis) => axis.name === name) ?? []), ...axes.filter(({ name }) => !first.includes(name))];
}

/** Which number of the output is meant: that of the last step that counts; its step, by sequence. */
export function chosenNumbers(
  { value, counted, target, over }: Output,
  order: readonly Axis[],
  sizes: Sizes,
  [numbers, ...more]: readonly Elements[],
): { readonly chosen: Float32Array; readonly at?: readonly number[] } {
  const lengths = sizesOf(order, sizes);
  const isStepped = stepsAxis(value) !== undefined;
  const [steps, batch] = isStepped ? [lengths[0]!, lengths[1]!] : [1, lengths[0]!];
  const width = product(lengths) / (steps * batch);
  const places = order.slice(0, isStepped ? 2 : 1);
  const chosen = new Float32Array(product(lengths));
  const counts = counted === undefined ? undefined : spread(more[0]!, counted.type.axes, sizes, places);
  const classes = target === undefined ? undefined : more[1]!;
  // The axes behind steps and sequences but for the classes: a class is chosen at each place of them.
  const rest = order.slice(places.length);
  const own = over === undefined ? undefined : rest.find(({ name }) => name === over);
  const others = rest.filter((axis) => axis !== own);
  const wanted = target === undefined || own === undefined ? undefined : spread(classes!, target.type.axes, sizes, [...places, ...others]);
  const across = product(sizesOf(others, sizes));
  const strides = rest.map((_, k) => product(sizesOf(rest.slice(k + 1), sizes)));
  const at: number[] = [];
  for (let row = 0; row < batch; row += 1) {
    let t = steps - 1;
    while (t > 0 && counts !== undefined && counts[t * batch + row] === 0) t -= 1;
    at.push(t);
    const start = (t * batch + row) * width;
    if (wanted !== undefined) {
      for (let place = 0; place < across; place += 1) {
        let [left, offset] = [place, 0];
        for (const axis of others.toReversed()) {
          const [length] = sizesOf([axis], sizes) as [number];
          offset += (left % length) * strides[rest.indexOf(axis)]!;
          left = Math.floor(left / length);
        }
        const right = wanted[(t * batch + row) * across + place]!;
        if (right >= 0) chosen[start + offset + right * strides[rest.indexOf(own!)]!] = 1;
      }
    } else {
      let largest = 0;
      for (let k = 1; k < width; k += 1) if (Math.abs(numbers![start + k]!) > Math.abs(numbers![start + largest]!)) largest = k;
      chosen[start + largest] = 1;
    }
  }
  return { chosen, ...(isStepped ? { at } : {}) };
}
