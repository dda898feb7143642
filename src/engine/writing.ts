// What a model writes that reads something first: a translation, a reply, the name of a class, what an image shows.

import { basename } from 'node:path';
import { DataError } from '../data/errors.ts';
import { exampleOfText } from '../data/example-text.ts';
import { imageOf, isImage } from '../data/images/one.ts';
import { dimensionOf } from '../data/store.ts';
import { coderOf, joined, visitTokens } from '../data/vocabulary.ts';
import type { InputShape, KeptData, Vocabulary } from '../shared/dataset.ts';
import type { GenerateSettings } from '../shared/settings.ts';
import type { Source, WriteOptions, WrittenRow } from '../training/decoding/write.ts';
import { predictsNothing } from '../training/predictor.ts';
import { RunError } from '../training/run.ts';
import { featuresOf } from './features.ts';
import type { OpenRun } from './open-runs.ts';
import type { GenerateRequest, SourceOfRun } from './requests.ts';
import { exampleAt, heldOut, type Reader } from './sequence.ts';

/** How a model writes a text of its own whose source does not say. */
export const usualSettings: GenerateSettings = { search: { kind: 'sample', temperature: 1 }, length: 500, prompt: '' };

/** How a model answers whose source does not say. */
export const usualAnswer: GenerateSettings = { search: { kind: 'greedy' }, length: 200, prompt: '' };

/** Inputs that are read before anything is written. */
export function sourceShapes({ model, shapes }: Pick<Reader, 'model' | 'shapes'>): readonly InputShape[] {
  return shapes.filter(({ name, compared }) => name !== model.prediction?.input && !compared);
}

/** The rows that a run writes for some sources, or one for none where it reads nothing. */
export async function writtenRows(
  run: OpenRun,
  settings: GenerateSettings,
  request: Pick<GenerateRequest, 'sources' | 'attention' | 'continue'>,
  options: Pick<WriteOptions, 'seed' | 'watch'>,
): Promise<readonly WrittenRow[]> {
  if (run.reader.model.prediction === undefined) throw predictsNothing(run.reader.model);
  const sources = await sourcesOf(run.reader, request.sources);
  const writer = await run.writer(settings, request.attention);
  const { search, length } = settings;
  const prefix = request.continue === undefined ? {} : { prefix: request.continue };
  return writer.write(sources, { ...options, ...prefix, search, length });
}

export async function sourcesOf(reader: Reader, choices: GenerateRequest['sources']): Promise<readonly Source[]> {
  const shapes = sourceShapes(reader);
  if (shapes.length === 0) {
    if (choices !== undefined) throw new RunError(`${reader.model.name} reads nothing before it writes. Give it a prompt.`);
    return [{ example: { inputs: {}, lengths: {} } }];
  }
  if (choices === undefined || choices.length === 0)
    throw new RunError(
      `${reader.model.name} reads ${shapes.map(({ name }) => name).join(' and ')} before it writes: give it that as its input.`,
    );
  const sources: Source[] = [];
  for (const choice of choices)
    sources.push(
      choice.kind === 'text'
        ? sourceOfText(reader.kept, shapes, choice.text)
        : choice.kind === 'file'
          ? await sourceOfImage(reader, shapes, choice.path)
          : exampleAt(await reader.dataset(), choice.part, choice.index),
    );
  return sources;
}

/** An image file as what the model reads, and what networks make of it. Throws DataError. */
async function sourceOfImage({ model }: Reader, shapes: readonly InputShape[], path: string): Promise<Source> {
  const own = shapes.filter(({ network }) => network === undefined);
  const [image, ...more] = own;
  if (image === undefined || more.length > 0 || !isImage(image))
    throw new DataError(
      'data',
      `${model.name} reads ${own.map(({ name }) => name).join(' and ')}, and no image: ${basename(path)} cannot be it.`,
    );
  const values = await imageOf(path, image);
  const inputs: Record<string, Float32Array> = image.forNetworks === true ? {} : { [image.name]: values };
  for (const { name, network } of shapes)
    if (network !== undefined) inputs[name] = await featuresOf(network, image.shape as readonly number[], values);
  return { example: { inputs, lengths: {} } };
}

/** A typed text as what the model reads: of its only sequence of classes, or its only class. Throws DataError. */
export function sourceOfText(kept: KeptData, shapes: readonly InputShape[], text: string): Source {
  const read = typedInput(kept, shapes);
  if (read === undefined)
    throw new DataError(
      'prompt',
      `The model reads ${shapes.map(({ name }) => name).join(' and ')}, which is not one text. Choose an example of its data.`,
    );
  const { shape, vocabulary } = read;
  if (dimensionOf(shape) === undefined)
    return { example: { inputs: { [shape.name]: Int32Array.of(classOf(vocabulary, text.trim())) }, lengths: {} } };
  const example = exampleOfText(kept, [shape], text);
  if (example.lengths[dimensionOf(shape)!] === 0) throw new DataError('prompt', 'The input is empty. Type at least one character or word.');
  return { example, ...wordsOf(shape, vocabulary, text), unknown: unknownIn(vocabulary, text) };
}

/** The words (of pieces: the stretches) of a text that the vocabulary has not, each once. */
function unknownIn(vocabulary: Vocabulary, text: string): string[] {
  const { unknown } = vocabulary;
  if (unknown === undefined) return [];
  const found = new Set<string>();
  const coder = coderOf(vocabulary);
  visitTokens(text, vocabulary, (token) => {
    if (coder(token).includes(unknown)) found.add(token.trim());
  });
  return [...found];
}

function classOf({ tokens }: Vocabulary, label: string): number {
  const id = tokens.indexOf(label);
  if (id < 0)
    throw new DataError('prompt', `The model has never seen ${JSON.stringify(label)}: it knows ${tokens.slice(0, 20).join(', ')}.`);
  return id;
}

/** Words as they are typed, where each has a number of its own. */
function wordsOf({ name }: InputShape, vocabulary: Vocabulary, text: string): Pick<Source, 'words'> {
  if (vocabulary.by !== 'word' && vocabulary.by !== 'char') return {};
  const words: string[] = [];
  visitTokens(text, vocabulary, (word) => words.push(word));
  return { words: { [name]: words } };
}

/** The input that a text can be typed for. */
function typedInput(
  kept: KeptData,
  shapes: readonly InputShape[],
): { readonly shape: InputShape; readonly vocabulary: Vocabulary } | undefined {
  const [shape, ...more] = shapes;
  const vocabulary = kept.vocabularies[shape?.classes ?? ''];
  const isOne =
    shape !== undefined &&
    more.length === 0 &&
    (shape.shape.length === 0 || (shape.shape.length === 1 && dimensionOf(shape) !== undefined));
  return isOne && vocabulary !== undefined ? { shape, vocabulary } : undefined;
}

/** Held-out examples that are offered. */
const OFFERED = 8;

/** What has to be asked for before a run writes. */
export async function sourceOfRun(reader: Reader, said: GenerateSettings | undefined, wantsExamples: boolean): Promise<SourceOfRun> {
  if (reader.model.prediction === undefined) return { reads: false, examples: [] };
  const shapes = sourceShapes(reader);
  const settings = said ?? (shapes.length > 0 ? usualAnswer : usualSettings);
  const read = typedInput(reader.kept, shapes);
  const isOfImage = shapes.length > 0 && shapes.every((shape) => shape.network !== undefined || isImage(shape));
  if (read === undefined) return { reads: shapes.length > 0, examples: [], settings, ...(isOfImage ? { image: true } : {}) };
  const { shape, vocabulary } = read;
  const known = { reads: true, name: shape.name, settings, ...(shape.shape.length === 0 ? { isClass: true as const } : {}) };
  if (!wantsExamples) return { ...known, examples: [] };
  const { parts } = await reader.dataset();
  const part = heldOut(parts);
  const count = Math.min(OFFERED, part.size);
  const examples = Array.from({ length: count }, (_, k) => {
    const ids = part.example(k).inputs[shape.name]!;
    return joined(
      vocabulary,
      Array.from(ids, (id) => vocabulary.tokens[id] ?? ''),
    );
  });
  return { ...known, examples: [...new Set(examples)] };
}
