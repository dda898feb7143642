// Models whose rows have lengths of their own, and a batch of rows that can be padded to any length.

import type { Batch } from '../../src/data/dataset.ts';
import type { Model } from '../../src/graph/model.ts';
import { buildModel } from '../../src/language/index.ts';
import { random } from '../../src/shared/random.ts';
import { programOf } from '../language/load.ts';

export const texts = {
  classifier: `model M(input: [T] of Char, tag: one of Tag) {
  h    = lstm(embed(input, 4), 8)
  loss = cross_entropy(linear(last(h), Tag), tag)
}`,
  tagger: `model M(input: [T] of Char, tags: [T] of Tag) {
  h    = bidirectional(gru, embed(input, 4), 6)
  loss = cross_entropy(linear(h, Tag), tags)
}`,
  /** Eyes and words: convolutions, pools of both kinds, the last windows smaller, attention over places. */
  images: `model M(image: [2, 7, 5], input: [T] of Char, tag: one of Tag) {
  seen = max_pool(channel_norm(relu(conv(conv(image, 3, stride: 2), 4))), 2)
  h    = attending_decoder(embed(input, 4), places(seen), 4)
  loss = cross_entropy(linear(last(h) + mean(mean_pool(conv(image, 4, window: 2), 3), over: [3, 2]), Tag), tag)
}`,
};
/** Of the rows. */
export const lengths = [3, 7, 1, 5, 6, 2, 7, 4, 3, 5, 1, 2, 6, 7, 4, 2, 3];

export async function modelOf(text: string): Promise<Model> {
  return buildModel(await programOf(text), { model: 'M', classes: { Char: 6, Tag: 3 }, ragged: ['T'] });
}

/** The same rows, with so many steps of padding that hold something else each time. */
export function batchOf(model: Model, steps: number): Batch {
  const rows = lengths.length;
  const fill = random('padding', steps);
  const floats: Record<string, Float32Array> = {};
  const inputs: Record<string, Int32Array> = { 'lengths(T)': Int32Array.from(lengths) };
  for (const { name, value, classes } of model.inputs) {
    if (value.type.dtype === 'float') {
      const numbers = random('rows', name);
      const width = value.type.axes.reduce((product, { size }) => product * (typeof size === 'number' ? size : 1), rows);
      floats[name] = Float32Array.from({ length: width }, () => 2 * numbers.uniform() - 1);
    }
    if (classes === undefined) continue;
    const count = classes === 'Char' ? 6 : 3;
    const real = random('rows', name);
    const own = lengths.map((length) => Array.from({ length }, () => Math.floor(real.uniform() * count)));
    const isStepped = value.type.axes.length > 1;
    inputs[name] = isStepped
      ? Int32Array.from({ length: steps * rows }, (_, k) => own[k % rows]![Math.floor(k / rows)] ?? Math.floor(fill.uniform() * count))
      : Int32Array.from(own, (row) => row[0]!);
  }
  return { rows, sizes: { T: steps }, inputs: { ...inputs, ...floats }, reset: true };
}
