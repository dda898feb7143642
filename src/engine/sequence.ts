// The sequence that a person chose, as a trace takes it: class ids by the names of the model's inputs.

import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { unreadable } from '../data/errors.ts';
import { type Corpus, decodeText } from '../data/text.ts';
import { encode, unitOf, type Vocabulary } from '../data/vocabulary.ts';
import type { Model } from '../graph/model.ts';
import type { SequenceChoice } from './requests.ts';

export interface Sequence {
  readonly inputs: Readonly<Record<string, Int32Array>>;
  readonly steps: number;
  /** What stands at each timestep. */
  readonly tokens: readonly string[];
  /** For the trace's title: `validation text`. */
  readonly what: string;
}

/** Of a class that is nowhere: the loss does not count the step. */
const nothing = -1;

/** `corpus` is asked for only where the sequence comes from the model's data. Throws DataError for what the vocabulary does not know. */
export async function sequenceOf(
  choice: SequenceChoice,
  model: Model,
  vocabulary: Vocabulary,
  corpus: () => Promise<Corpus>,
): Promise<Sequence> {
  const { ids, after, what } = await chosen(choice, vocabulary, corpus);
  if (ids.length === 0) throw new Error(`The sequence holds no ${unitOf(vocabulary)}. Type at least one.`);
  const next = new Int32Array(ids.length);
  next.set(ids.subarray(1));
  next[ids.length - 1] = after;
  return {
    inputs: Object.fromEntries(model.inputs.map(({ name }) => [name, name.startsWith('next(') ? next : ids])),
    steps: ids.length,
    tokens: Array.from(ids, (id) => vocabulary.tokens[id]!),
    what,
  };
}

/** `after` is the class of the step behind the last, which its loss is measured by. */
async function chosen(
  choice: SequenceChoice,
  vocabulary: Vocabulary,
  corpus: () => Promise<Corpus>,
): Promise<{ readonly ids: Int32Array; readonly after: number; readonly what: string }> {
  switch (choice.kind) {
    case 'text':
      return { ids: encode(vocabulary, choice.text), after: nothing, what: 'typed text' };
    case 'file': {
      const bytes = await readFile(choice.path).catch((error: unknown) => {
        throw unreadable(choice.path, error);
      });
      return { ids: encode(vocabulary, decodeText(choice.path, bytes)), after: nothing, what: basename(choice.path) };
    }
    case 'data': {
      const part = (await corpus())[choice.part];
      const { from, length } = choice;
      if (from < 0 || length < 1 || from >= part.length)
        throw new Error(
          `The ${choice.part} part has ${part.length.toLocaleString('en-US')} ${unitOf(vocabulary)}s: ${from} is not among them.`,
        );
      const ids = part.slice(from, from + length);
      return { ids, after: part[from + length] ?? nothing, what: `${choice.part} text` };
    }
    case 'example':
      throw new Error('A text has no examples.');
  }
}
