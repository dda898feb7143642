// The sequence that a person chose, as a trace takes it: one example of the model's data, or a text that was typed.

import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Dataset, Example, Part } from '../data/dataset.ts';
import { DataError, unreadable } from '../data/errors.ts';
import { exampleOfText } from '../data/example-text.ts';
import { decodeText } from '../data/text.ts';
import type { Axis } from '../graph/graph.ts';
import type { Model } from '../graph/model.ts';
import type { InputShape, KeptData, PartName } from '../shared/dataset.ts';
import { numberText } from '../shared/numbers.ts';
import type { Link, SequenceDescription } from '../shared/trace.ts';
import { axesBeside, timeAxis } from '../tracing/describe.ts';
import { fixedTime } from '../tracing/loosen.ts';
import type { SequenceChoice } from './requests.ts';
import { sourceText } from './source-text.ts';

export interface Sequence extends SequenceDescription {
  /** What is read beside it, by the axes: an encoder's sequence. */
  readonly beside: ReadonlyMap<string, SequenceDescription>;
  readonly inputs: Example['inputs'];
  readonly lengths: Example['lengths'];
  /** For the trace's title: `validation text`. */
  readonly what: string;
  readonly alignment?: readonly Link[];
}

/** A model with what is known of its data. */
export interface Reader {
  readonly model: Model;
  readonly shapes: readonly InputShape[];
  readonly kept: KeptData;
  /** Asked for only where the sequence comes from the model's data. */
  dataset(): Promise<Dataset>;
}

/** Throws DataError for what the vocabulary does not know. `written`: makes what the model writes itself. */
export async function sequenceOf(
  choice: SequenceChoice,
  reader: Reader,
  written: (choice: Extract<SequenceChoice, { kind: 'written' }>) => Promise<Example>,
): Promise<Sequence> {
  const { example, what, alignment }: Chosen =
    choice.kind === 'written' ? { example: await written(choice), what: writtenText(choice) } : await chosen(choice, reader);
  const shown = shownOf(example, reader);
  if (shown.steps === 0) throw new Error('The sequence is empty. Type at least one character or word.');
  const beside = besideOf(example, reader);
  for (const [axis, { steps }] of beside) if (steps === 0) throw new Error(`The sequence along ${axis} is empty.`);
  return { ...shown, beside, inputs: example.inputs, lengths: example.lengths, what, ...(alignment === undefined ? {} : { alignment }) };
}

const writtenText = ({ source }: Extract<SequenceChoice, { kind: 'written' }>): string =>
  `what it writes for ${source.kind === 'text' ? `“${source.text}”` : sourceText(source)}`;

async function chosen(choice: Exclude<SequenceChoice, { kind: 'written' }>, { shapes, kept, dataset }: Reader): Promise<Chosen> {
  switch (choice.kind) {
    case 'text':
      return { example: exampleOfText(kept, shapes, choice.text, choice.writes), what: 'typed text' };
    case 'file': {
      const bytes = await readFile(choice.path).catch((error: unknown) => {
        throw unreadable(choice.path, error);
      });
      return { example: exampleOfText(kept, shapes, decodeText(choice.path, bytes)), what: basename(choice.path) };
    }
    case 'data': {
      const data = await dataset();
      const { from, length } = choice;
      const part = data.parts[choice.part];
      // Examples are counted from 0 as the steps of a text are: who asks for a place in the data gets the example there.
      if (!data.running) return exampleAt(data, choice.part, from);
      if (from < 0 || length < 1 || from >= part.size) throw outside(choice.part, part.size, from, 'steps');
      return { example: part.example(from, Math.min(length, part.size - from)), what: `${choice.part} text` };
    }
    case 'example':
      return exampleAt(await dataset(), choice.part, choice.index);
    case 'given':
      throw new Error('Such an input is for ONNX models.');
  }
}

interface Chosen {
  readonly example: Example;
  readonly what: string;
  readonly alignment?: readonly Link[] | undefined;
}

/** Of the part that is held out where none is named. Throws DataError. */
export function exampleAt({ parts }: Dataset, name: PartName | undefined, index: number): Chosen {
  const part = name === undefined ? heldOut(parts) : parts[name];
  if (index < 0 || index >= part.size) throw outside(part.name, part.size, index, 'examples');
  const what = `${part.name} example ${index.toLocaleString('en-US')}`;
  return { example: part.example(index), what, alignment: part.alignment?.(index) };
}

/** Test, or else validation; what it was trained on where nothing is held out. */
export const heldOut = ({ test, validation, training }: Dataset['parts']): Part =>
  [test, validation].find(({ size }) => size > 0) ?? training;

const outside = (part: string, size: number, index: number, what: string): DataError =>
  new DataError('data', `The ${part} part has ${size.toLocaleString('en-US')} ${what}, from 0: ${index} is not among them.`);

/** The other sequences of an example. */
export function besideOf(example: Example, reader: Omit<Reader, 'dataset'>): ReadonlyMap<string, SequenceDescription> {
  return new Map(axesBeside(reader.model).map((axis) => [axis, shownOf(example, reader, { name: axis, size: axis })]));
}

/** The tokens of the first input that has a step for each of the model's timesteps (or of those of another axis); numbers in the data's own unit. */
export function shownOf(
  { inputs, lengths }: Example,
  { model, shapes, kept }: Omit<Reader, 'dataset'>,
  time: Axis | undefined = timeAxis(model),
): SequenceDescription {
  const fixed = fixedTime(model);
  const steps = typeof time?.size === 'string' ? (lengths[time.size] ?? 0) : (fixed?.size ?? 0);
  const first = fixed?.size ?? time?.size;
  const shape = shapes.find((each) => each.shape[0] === first) ?? shapes[0];
  const data = shape === undefined ? undefined : inputs[shape.name];
  if (shape === undefined || data === undefined) return { steps, tokens: [], by: 'number' };
  const vocabulary = shape.classes === undefined ? undefined : kept.vocabularies[shape.classes];
  if (vocabulary !== undefined)
    return {
      steps,
      tokens: Array.from({ length: steps }, (_, t) => vocabulary.tokens[data[t]!] ?? ''),
      by: vocabulary.by === 'char' ? 'char' : 'word',
    };
  const width = data.length / Math.max(1, steps);
  const scale = kept.scales[shape.name];
  const plain = (value: number, k: number): number =>
    scale === undefined ? value : value * scale.deviation[k % scale.deviation.length]! + scale.mean[k % scale.mean.length]!;
  const tokenAt = (t: number): string => {
    const own = Array.from({ length: Math.min(width, features) }, (_, k) => numberText(plain(data[t * width + k]!, k)));
    return width > features ? `${own.join(' ')} …` : own.join(' ');
  };
  return { steps, tokens: Array.from({ length: steps }, (_, t) => tokenAt(t)), by: 'number' };
}

/** Features of a timestep that are shown. */
const features = 3;
