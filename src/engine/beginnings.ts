// What of a model's held-out data a person may step through: places in a text where a reader would begin, or examples.

import type { Dataset, Example } from '../data/dataset.ts';
import { BEGIN, decode, END } from '../data/vocabulary.ts';
import type { PartName, Vocabulary } from '../shared/dataset.ts';
import type { SequenceDescription } from '../shared/trace.ts';
import type { Beginning } from './requests.ts';
import { besideOf, type Reader, shownOf } from './sequence.ts';

/** Timesteps that are shown of each. */
const shown = 80;
/** Timesteps of a sequence out of a text. */
const stretch = 400;

/** At most `count` sequences of the held-out part (of the training part where nothing is held out). */
export function beginningsOf(dataset: Dataset, reader: Omit<Reader, 'dataset'>, count: number): Beginning[] {
  return dataset.running ? placesOf(dataset, count) : examplesOf(dataset, reader, count);
}

function examplesOf(dataset: Dataset, reader: Omit<Reader, 'dataset'>, count: number): Beginning[] {
  const names: readonly PartName[] = ['validation', 'test', 'training'];
  const part = names.find((name) => dataset.parts[name].size > 0);
  if (part === undefined) return [];
  const size = Math.min(count, dataset.parts[part].size);
  // Apart from each other where they are many: neighbours of a series are nearly the same.
  const step = Number.isFinite(dataset.parts[part].size) ? Math.max(1, Math.floor(dataset.parts[part].size / size)) : 1;
  return Array.from({ length: size }, (_, k) => {
    const index = k * step;
    const example = dataset.parts[part].example(index);
    const sequence = shownOf(example, reader);
    const { steps } = sequence;
    const { prediction } = reader.model;
    const answers = prediction !== undefined && reader.shapes.some(({ name, compared }) => name !== prediction.input && !compared);
    return {
      sequence: { kind: 'example', part, index },
      text: [...besideOf(example, reader).values(), sequence].map(textOf).join(' → '),
      detail: [...answersOf(example, reader), `${steps.toLocaleString('en-US')} steps`, `${part} ${index.toLocaleString('en-US')}`].join(
        ' · ',
      ),
      ...(answers ? { answers: true as const } : {}),
    };
  });
}

const textOf = ({ tokens, by }: SequenceDescription): string =>
  tokens
    .filter((token) => token !== BEGIN && token !== END)
    .slice(0, shown)
    .join(by === 'char' ? '' : ' ')
    .replace(/\s+/g, ' ')
    .trim() || '(empty)';

/** The classes that an example has as a whole: `Russian`. */
function answersOf({ inputs }: Example, { shapes, kept }: Omit<Reader, 'dataset'>): string[] {
  return shapes.flatMap(({ name, shape, classes }) => {
    const token = shape.length > 0 || classes === undefined ? undefined : kept.vocabularies[classes]?.tokens[inputs[name]?.[0] ?? -1];
    return token === undefined ? [] : [token];
  });
}

/** Places in the held-out text, the first of them its start. */
function placesOf(dataset: Dataset, count: number): Beginning[] {
  const name = dataset.parts.validation.size > 0 ? 'validation' : 'training';
  const [shape] = dataset.inputs;
  const vocabulary = dataset.vocabularies[shape?.classes ?? ''];
  if (shape === undefined || vocabulary === undefined) return [];
  const ids = dataset.parts[name].example(0).inputs[shape.name] as Int32Array;
  const starts = startsOf(ids, vocabulary);
  const chosen = Array.from(
    { length: Math.min(count, starts.length) },
    (_, k) => starts[Math.floor((k * starts.length) / Math.min(count, starts.length))]!,
  );
  return chosen.map((from) => ({
    sequence: { kind: 'data', part: name, from, length: stretch },
    text: decode(vocabulary, ids.subarray(from, from + shown))
      .replace(/\s+/g, ' ')
      .trim(),
    detail: `t = ${from.toLocaleString('en-US')}`,
  }));
}

/** After the end of a paragraph, else of a line, else of a sentence; else evenly apart. */
function startsOf(ids: Int32Array, { tokens }: Vocabulary): number[] {
  const newline = tokens.indexOf('\n');
  const stop = tokens.indexOf('.');
  const room = Math.max(1, ids.length - shown);
  const after = (ends: (k: number) => boolean): number[] => {
    const found = [0];
    for (let k = 1; k < room; k += 1) if (ends(k - 1) && ids[k] !== newline) found.push(k);
    return found;
  };
  const candidates = [
    after((k) => ids[k] === newline && ids[k - 1] === newline),
    after((k) => ids[k] === newline),
    after((k) => tokens[ids[k]!] === ' ' && ids[k - 1] === stop),
  ];
  return candidates.find((starts) => starts.length > 4) ?? Array.from({ length: 8 }, (_, k) => Math.floor((k * room) / 8));
}
