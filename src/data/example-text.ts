// A typed text as an example: what a debugger gives to a model whose input is a sequence of classes. What it does not say (the answer) is nothing.

import type { InputShape, KeptData, Vocabulary } from '../shared/dataset.ts';
import type { Example } from './dataset.ts';
import { DataError } from './errors.ts';
import { isImage } from './images/one.ts';
import { ahead, dimensionOf } from './store.ts';
import { encode } from './vocabulary.ts';

/** What stands between ‹begin› and ‹end›: a text, or the numbers of its tokens and whether ‹end› came. */
export type Writes = string | { readonly ids: readonly number[]; readonly ended: boolean };

/** `writes`: what a model writes that has read the text. Throws DataError where the model reads no text, writes none, or the text has what the vocabulary does
 *  not know. */
export function exampleOfText(kept: KeptData, shapes: readonly InputShape[], text: string, writes?: Writes): Example {
  const read = shapes.find((shape) => shape.classes !== undefined && shape.shape.length === 1 && dimensionOf(shape) !== undefined);
  const vocabulary = kept.vocabularies[read?.classes ?? ''];
  if (read === undefined || vocabulary === undefined)
    throw new DataError('prompt', 'The model reads no text: its inputs are numbers. Choose an example of its data.');
  const ids = read.predicted ? framed(vocabulary, text) : encodeText(vocabulary, text);
  const inputs: Record<string, Int32Array | Float32Array> = { [read.name]: ids };
  const lengths: Record<string, number> = { [dimensionOf(read)!]: ids.length };
  if (writes !== undefined) {
    const written = shapes.find((shape) => shape.predicted && shape !== read && shape.classes !== undefined && shape.shape.length === 1);
    const dimension = written && dimensionOf(written);
    const own = kept.vocabularies[written?.classes ?? ''];
    if (dimension === undefined || own === undefined)
      throw new DataError('prompt', 'The model writes no text after it has read one: give it only what it reads.');
    inputs[written!.name] = framed(own, writes);
    lengths[dimension] = inputs[written!.name]!.length;
  }
  // A number that is not said is 0; an image of zeros would be seen as one.
  const image = shapes.find((shape) => isImage(shape) || shape.network !== undefined);
  if (image !== undefined)
    throw new DataError(
      'prompt',
      `The model also reads the image ${image.network?.of ?? image.name}, which cannot be typed. Choose an example of its data.`,
    );
  for (const shape of shapes) {
    if (inputs[shape.name] === undefined) {
      const own = dimensionOf(shape);
      if (own !== undefined) lengths[own] ??= 1;
      const count = shape.shape.reduce<number>(
        (product, size) => product * (typeof size === 'number' ? size : (lengths[size] ?? kept.sizes[size] ?? 1)),
        1,
      );
      // What is predicted begins with ‹begin›, and that is all that is known of it.
      const start = shape.predicted ? (kept.vocabularies[shape.classes ?? '']?.begin ?? 0) : 0;
      inputs[shape.name] =
        shape.classes === undefined
          ? new Float32Array(count).fill(shape.compared ? Number.NaN : 0)
          : new Int32Array(count).fill(shape.compared ? -1 : start);
    }
    if (shape.predicted)
      inputs[`next(${shape.name})`] = ahead(
        inputs[shape.name]!,
        inputs[shape.name]!.length / (lengths[dimensionOf(shape) ?? ''] ?? 1),
        shape.classes !== undefined,
      );
  }
  return { inputs, lengths };
}

/** Between ‹begin› and ‹end›, where the vocabulary has them. */
function framed(vocabulary: Vocabulary, writes: Writes): Int32Array {
  const { begin, end } = vocabulary;
  const { ids, ended } = typeof writes === 'string' ? { ids: encodeText(vocabulary, writes), ended: true } : writes;
  if (begin === undefined || end === undefined) return Int32Array.from(ids);
  return Int32Array.from([begin, ...ids, ...(ended ? [end] : [])]);
}

/** The numbers of a typed text's tokens. Throws DataError for what the vocabulary does not know. */
export function encodeText(vocabulary: Vocabulary, text: string): Int32Array {
  return vocabulary.by === 'label' ? labels(vocabulary.tokens, text) : encode(vocabulary, text);
}

/** Tokens of a generated task: its symbols one after the other, with or without spaces. */
function labels(tokens: readonly string[], text: string): Int32Array {
  if (text.trim() === '') return new Int32Array();
  const parts = text.trim().includes(' ') ? text.trim().split(/\s+/) : Array.from(text.trim());
  return Int32Array.from(parts, (part) => {
    const id = tokens.indexOf(part);
    if (id < 0)
      throw new DataError('prompt', `The model has never seen ${JSON.stringify(part)}: it knows ${tokens.slice(0, 20).join(' ')}.`);
    return id;
  });
}
