// What a model writes that reads something first: a translation, a reply, the name of a class.

import type { Example } from '../data/dataset.ts';
import { DataError } from '../data/errors.ts';
import { exampleOfText } from '../data/example-text.ts';
import { dimensionOf } from '../data/store.ts';
import { joined, visitTokens } from '../data/vocabulary.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { InputShape, KeptData, Vocabulary } from '../shared/dataset.ts';
import type { GenerateSettings } from '../shared/settings.ts';
import { RowWriter, type Source, type WrittenRow } from '../training/decoding/write.ts';
import { RunError } from '../training/run.ts';
import type { TrainerState } from '../training/trainer.ts';
import type { GenerateRequest, SourceOfRun } from './requests.ts';
import type { Reader } from './sequence.ts';

/** How a model answers whose source does not say. */
export const usualAnswer: GenerateSettings = { search: { kind: 'greedy' }, length: 200, prompt: '' };

/** Inputs that are read before anything is written. */
export function sourceShapes({ model, shapes }: Pick<Reader, 'model' | 'shapes'>): readonly InputShape[] {
  return shapes.filter(({ name, compared }) => name !== model.prediction?.input && !compared);
}

/** The rows that a model writes for some sources, or one for none where it reads nothing. `reader.model` is built for rows of different lengths. */
export async function writtenRows(
  reader: Reader,
  weights: TrainerState,
  settings: GenerateSettings,
  request: Pick<GenerateRequest, 'sources' | 'attention' | 'continue'>,
  seed: number,
  runtime: Runtime,
): Promise<readonly WrittenRow[]> {
  const sources = await sourcesOf(reader, request.sources);
  const writer = await RowWriter.open(reader, weights, settings, runtime, request.attention);
  try {
    return await writer.write(sources, { seed, ...(request.continue === undefined ? {} : { prefix: request.continue }) });
  } finally {
    await writer.close();
  }
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
    sources.push(choice.kind === 'text' ? sourceOfText(reader.kept, shapes, choice.text) : { example: await exampleAt(reader, choice) });
  return sources;
}

async function exampleAt(
  { dataset }: Reader,
  { part: name, index }: { readonly part: keyof Awaited<ReturnType<Reader['dataset']>>['parts']; readonly index: number },
): Promise<Example> {
  const part = (await dataset()).parts[name];
  if (index < 0 || index >= part.size)
    throw new DataError('data', `The ${name} part has ${part.size.toLocaleString('en-US')} examples, from 0: ${index} is not among them.`);
  return part.example(index);
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
  return { example, ...wordsOf(shape, vocabulary, text) };
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
export async function sourceOfRun(reader: Reader): Promise<SourceOfRun> {
  if (reader.model.prediction === undefined) return { reads: false, examples: [] };
  const shapes = sourceShapes(reader);
  const read = typedInput(reader.kept, shapes);
  if (read === undefined) return { reads: shapes.length > 0, examples: [] };
  const { shape, vocabulary } = read;
  const { parts } = await reader.dataset();
  const part = [parts.test, parts.validation].find(({ size }) => size > 0) ?? parts.training;
  const count = Math.min(OFFERED, part.size);
  const examples = Array.from({ length: count }, (_, k) => {
    const ids = part.example(k).inputs[shape.name]!;
    return joined(
      vocabulary,
      Array.from(ids, (id) => vocabulary.tokens[id] ?? ''),
    );
  });
  return { reads: true, name: shape.name, examples: [...new Set(examples)] };
}
