// Arrays of NumPy as examples: the first axis of each counts them.

import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { InputShape, KeptData, Scale, Vocabulary } from '../shared/dataset.ts';
import type { ArraysSource } from '../shared/settings.ts';
import type { Dataset } from './dataset.ts';
import { badArray, count, missingArray, oneClass, unequalCounts, wrongShape } from './errors.ts';
import { idsFor } from './growing.ts';
import { arrayNames, nameOfFile, type ReadArray, readArrays } from './npy-read.ts';
import { byCodePoint } from './pieces.ts';
import { completed, missingIn, normalised, scaleOf } from './scales.ts';
import { drawParts } from './split.ts';
import { datasetOf, dimensionOf, type StoredInput } from './store.ts';

/** Reads arrays for a model's inputs. Throws DataError. */
export async function loadArrays(source: ArraysSource, shapes: readonly InputShape[], kept?: KeptData): Promise<Dataset> {
  const { path, bindings } = source;
  const names = await arrayNames(path);
  const wanted = shapes.map(({ name }) => {
    const said = bindings[name] ?? (names.length === 1 && shapes.length === 1 ? nameOfFile(path) : name);
    const found = names.find((each) => each === said) ?? (names.length === 1 && /\.npy$/i.test(path) ? names[0] : undefined);
    if (found === undefined) throw missingArray(path, said, names, name);
    return found;
  });
  const { arrays, bytes } = await readArrays(path, wanted);
  const read = wanted.map((name) => arrays.get(name)!);
  const counts = read.map(({ shape }, k) => [wanted[k]!, shape[0] ?? 0] as const);
  if (counts.some(([, examples]) => examples !== counts[0]![1])) throw unequalCounts(path, counts);
  const rows = counts[0]?.[1] ?? 0;
  const places = drawParts(basename(path), rows, source);
  const vocabularies: Record<string, Vocabulary> = {};
  const scales: Record<string, Scale> = {};
  const sizes: Record<string, number> = {};
  const remarks: string[] = [];
  const missing: Record<string, number> = {};
  for (const dimension of new Set(shapes.flatMap(({ classes }) => classes ?? [])))
    vocabularies[dimension] = kept?.vocabularies[dimension] ?? labelsOf(path, shapes, read, dimension);
  const inputs = shapes.map((shape, k): StoredInput => {
    const array = read[k]!;
    bindSizes(shape, array, sizes, path, wanted[k]!);
    const width = array.data.length / Math.max(1, rows * stepsOf(shape, array));
    const steps = dimensionOf(shape) === undefined ? undefined : stepsOf(shape, array);
    const offsets = steps === undefined ? {} : { offsets: Float64Array.from({ length: rows + 1 }, (_, row) => row * steps) };
    if (shape.classes !== undefined) {
      const vocabulary = vocabularies[shape.classes]!;
      const numbers = new Map(vocabulary.tokens.map((token, id) => [token, id]));
      const data = idsFor(vocabulary.tokens.length + 1, array.data.length);
      let unasked = 0;
      for (const value of array.data) if (shape.compared && isNothing(value)) unasked += 1;
      if (unasked > 0)
        remarks.push(`${count(unasked, 'class', 'classes')} of ${shape.name} below 0 ${unasked === 1 ? 'counts' : 'count'} nowhere.`);
      for (let at = 0; at < data.length; at += 1) data[at] = numbers.get(String(array.data[at]!)) ?? vocabulary.tokens.length;
      return { shape, data, nothing: vocabulary.tokens.length, width, ...offsets };
    }
    if (array.kind === 'texts') throw wrongShape(path, `${wanted[k]} (texts)`, array.shape.slice(1), shape.name, shape.shape);
    const stored: StoredInput = {
      shape,
      data: array.data instanceof Float32Array ? array.data : Float32Array.from(array.data),
      width,
      ...offsets,
    };
    if ((stored.data as Float32Array).some((value) => Math.abs(value) === Number.POSITIVE_INFINITY))
      throw badArray(
        path,
        wanted[k]!,
        'it holds infinite numbers. Replace them, as with numpy.nan_to_num, or write NaN for what is missing.',
      );
    const scale = kept?.scales[shape.name] ?? scaleOf(stored, places.training);
    if (scale.mean.some(Number.isNaN))
      throw badArray(path, wanted[k]!, 'all its numbers of the training part, or of one feature of it, are NaN.');
    missing[shape.name] = missingIn(stored, places.training);
    const filled = shape.compared ? { stored, missing: 0 } : completed(stored, scale);
    if (filled.missing > 0)
      remarks.push(
        `${count(filled.missing, 'number')} of ${shape.name} ${filled.missing === 1 ? 'is' : 'are'} NaN in the file, and the training part's mean to the model.`,
      );
    if (!source.normalise) return filled.stored;
    scales[shape.name] = scale;
    return normalised(filled.stored, scale);
  });
  const digest = createHash('sha256').update(bytes).digest('hex');
  return datasetOf({ source, digest, vocabularies, sizes, scales, inputs, places, remarks, missing }, []);
}

const stepsOf = (shape: InputShape, array: ReadArray): number => (dimensionOf(shape) === undefined ? 1 : (array.shape[1] ?? 1));

/** Checks an array's shape against the input's, and binds what that leaves open. */
function bindSizes(input: InputShape, { shape }: ReadArray, sizes: Record<string, number>, path: string, name: string): void {
  const own = shape.slice(1);
  // [examples, 1] is as good as [examples].
  const fits =
    own.length === input.shape.length ||
    (input.shape.length === 0 && own.length === 1 && own[0] === 1) ||
    (own.length === 0 && input.shape.length === 1 && input.shape[0] === 1);
  if (!fits) throw wrongShape(path, name, own, input.name, input.shape);
  input.shape.forEach((expected, k) => {
    const found = own[k] ?? 1;
    if (typeof expected === 'number' ? expected !== found : k > 0 && (sizes[expected] ?? found) !== found)
      throw wrongShape(path, name, own, input.name, input.shape);
    if (typeof expected === 'string' && (k > 0 || dimensionOf(input) !== expected)) sizes[expected] = found;
  });
}

/** A class that is asked for nowhere: below 0, as padding often is, or no number. */
const isNothing = (value: number | string): boolean => typeof value === 'number' && !(value >= 0);

/** The labels of a dimension: 0 .. n-1 where they are whole numbers, else the different texts. */
function labelsOf(path: string, shapes: readonly InputShape[], read: readonly ReadArray[], dimension: string): Vocabulary {
  const own = shapes.flatMap(({ classes, compared }, k) => (classes === dimension ? [{ ...read[k]!, compared }] : []));
  const different = new Set<string>();
  let most = -1;
  for (const { data, compared } of own)
    for (const value of data) {
      if (compared && isNothing(value)) continue;
      different.add(String(value));
      if (typeof value === 'number') most = Math.max(most, Number.isInteger(value) && value >= 0 ? value : Number.POSITIVE_INFINITY);
    }
  const [first] = own;
  if (different.size < 2)
    throw oneClass(basename(path), shapes.find(({ classes }) => classes === dimension)!.name, [...different][0] ?? '');
  const isNumbered = first?.kind === 'numbers' && Number.isFinite(most) && most < 2 ** 20;
  const tokens = isNumbered
    ? Array.from({ length: most + 1 }, (_, k) => `${k}`)
    : [...different].sort(first?.kind === 'numbers' ? (a, b) => Number(a) - Number(b) : byCodePoint);
  return { by: 'label', lower: false, tokens };
}
