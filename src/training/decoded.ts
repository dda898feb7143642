// What decoded texts are worth beside what people wrote.

import type { Dataset, Part } from '../data/dataset.ts';
import { decode } from '../data/vocabulary.ts';
import { bleu } from './bleu.ts';
import { chrf } from './chrf.ts';

/** Figures of decoded texts, by their names in a report. */
export type DecodedMetric = 'bleu' | 'chrf' | 'exact';

/** BLEU and chrF2 of 100, as sacreBLEU has them; exact: the share of texts, 0 .. 1, that are one of their references but for white space. Nothing where
 *  there is no text. `references`: one or several for each hypothesis, in their order. */
export function decodedScores(
  wanted: readonly DecodedMetric[],
  hypotheses: readonly string[],
  references: readonly (readonly string[])[],
): Partial<Record<DecodedMetric, number>> {
  if (hypotheses.length !== references.length || references.some((own) => own.length === 0))
    throw new RangeError(`${hypotheses.length} hypotheses have references for ${references.filter((own) => own.length > 0).length}.`);
  if (hypotheses.length === 0) return {};
  const scores = { bleu, chrf, exact };
  return Object.fromEntries(wanted.map((name) => [name, scores[name](hypotheses, references)]));
}

function exact(hypotheses: readonly string[], references: readonly (readonly string[])[]): number {
  const plain = (text: string): string => text.replace(/\s+/gu, '');
  return hypotheses.filter((text, k) => references[k]!.some((each) => plain(each) === plain(text))).length / hypotheses.length;
}

/** What people wrote as the predicted input of an example: as the file has it, in small letters where the model knows no others; of a generated task what
 *  its classes say. */
export function referencesOf({ inputs, vocabularies }: Dataset, part: Part, index: number): readonly string[] {
  const predicted = inputs.find((input) => input.predicted && input.classes !== undefined);
  const vocabulary = vocabularies[predicted?.classes ?? ''];
  if (predicted === undefined || vocabulary === undefined) return [];
  const known = part.references?.(index);
  if (known !== undefined) return vocabulary.lower ? known.map((text) => text.toLowerCase()) : known;
  const { begin, end } = vocabulary;
  const ids = part.example(index).inputs[predicted.name]!;
  return [
    decode(
      vocabulary,
      Array.from(ids).filter((id) => id !== begin && id !== end),
    ),
  ];
}
