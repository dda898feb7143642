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
  /** Sentences and their translations, padded on both sides. */
  translation: `model M(source: [S] of Char, target: [T] of Tag) {
  encoder = bidirectional(gru, embed(source, 4), 4)
  decoder = attending_decoder(embed(target, 4), encoder, 6)
  loss    = cross_entropy(linear(decoder, Tag), next(target))
}`,
};
/** Of the rows; those of a source run the other way. */
export const lengths = [3, 7, 1, 5, 6, 2, 7, 4, 3, 5, 1, 2, 6, 7, 4, 2, 3];

export async function modelOf(text: string): Promise<Model> {
  return buildModel(await programOf(text), { model: 'M', classes: { Char: 6, Tag: 3 }, ragged: ['T', 'S'] });
}

/** The same rows, with so many steps of padding that hold something else each time. */
export function batchOf(model: Model, steps: number): Batch {
  const rows = lengths.length;
  const fill = random('padding', steps);
  const floats: Record<string, Float32Array> = {};
  const given = new Set(model.inputs.map(({ name }) => name));
  const lengthsOf = (axis: string): readonly number[] => (axis === 'S' ? lengths.toReversed() : lengths);
  const inputs: Record<string, Int32Array> = {};
  for (const axis of ['T', 'S']) if (given.has(`lengths(${axis})`)) inputs[`lengths(${axis})`] = Int32Array.from(lengthsOf(axis));
  for (const { name, value, classes } of model.inputs) {
    if (value.type.dtype === 'float') {
      const numbers = random('rows', name);
      const width = value.type.axes.reduce((product, { size }) => product * (typeof size === 'number' ? size : 1), rows);
      floats[name] = Float32Array.from({ length: width }, () => 2 * numbers.uniform() - 1);
    }
    if (classes === undefined) continue;
    const count = classes === 'Char' ? 6 : 3;
    const ahead = /^next\((.*)\)$/.exec(name)?.[1];
    const real = random('rows', ahead ?? name);
    const drawn = lengthsOf(String(value.type.axes[0]!.size)).map((length) =>
      Array.from({ length }, () => Math.floor(real.uniform() * count)),
    );
    // Behind the last step comes nothing.
    const own = ahead === undefined ? drawn : drawn.map((row) => [...row.slice(1), -1]);
    const isStepped = value.type.axes.length > 1;
    inputs[name] = isStepped
      ? Int32Array.from({ length: steps * rows }, (_, k) => own[k % rows]![Math.floor(k / rows)] ?? Math.floor(fill.uniform() * count))
      : Int32Array.from(own, (row) => row[0]!);
  }
  return { rows, sizes: { T: steps, ...(given.has('lengths(S)') ? { S: steps } : {}) }, inputs: { ...inputs, ...floats }, reset: true };
}
