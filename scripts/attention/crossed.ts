// Where the attention of a model is at neighbours that its held-out translations have the other way round.

import type { Example, Part } from '../../src/data/dataset.ts';
import { checkpointOf } from '../../src/engine/chosen-weights.ts';
import { loadData } from '../../src/engine/features.ts';
import { openRunModel } from '../../src/engine/job.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import type { InputShape } from '../../src/shared/dataset.ts';
import { RowWriter } from '../../src/training/decoding/write.ts';
import { adjectives, pronouns } from './english.ts';
import { looks } from './looked.ts';
import { alignedWords, type Crossing, crossingsOf, type WordPair } from './word-table.ts';

export type CrossingKind = 'adjective and noun' | 'verb and pronoun' | 'other words';

export interface SeenCrossing {
  readonly kind: CrossingKind;
  readonly source: readonly string[];
  readonly target: readonly string[];
  /** The two words of the target, in its order, the strongest place of each in the source, and its weight. */
  readonly words: readonly [string, string];
  readonly places: readonly [number, number];
  readonly weights: readonly [number, number];
  /** The strongest places are the two words that cross. */
  readonly isCrossed: boolean;
}

/** What of a pair's two sequences is a word: its step, and what it is. */
interface Side {
  readonly tokens: readonly string[];
  readonly ids: readonly number[];
  readonly steps: readonly number[];
}

/** Crossings in the pairs of a run by kind, and what the attention does at those that are held out, while the model reads what people wrote. */
export async function crossingFigures(
  folder: string,
): Promise<{ readonly pairs: number; readonly all: Readonly<Record<CrossingKind, number>>; readonly seen: readonly SeenCrossing[] }> {
  const { run, shapes, padded } = await openRunModel(folder);
  if (run.record.data.kind !== 'pairs') throw new Error(`${folder} is a run of ${run.record.data.kind}. Take one of pairs.`);
  const data = await loadData(run.record.data, shapes, run.data);
  const [source, target] = ['source', 'target'].map((side) => shapes.find(({ predicted }) => predicted === (side === 'target'))!);
  const sideOf = ({ inputs }: Example, { name, classes }: InputShape): Side => {
    const { tokens, unknown, begin, end } = data.vocabularies[classes!]!;
    const ids = Array.from(inputs[name]!).filter((id) => id !== begin && id !== end);
    // Marks and rare words say nothing of where a word comes from.
    const steps = ids.flatMap((id, step) => (id !== unknown && /\p{L}/u.test(tokens[id]!) ? [step] : []));
    return { tokens: ids.map((id) => tokens[id]!), ids, steps };
  };
  const { training, validation, test } = data.parts;
  const sidesOf = (part: Part) =>
    Array.from({ length: part.size }, (_, index) => {
      const example = part.example(index);
      return { example, source: sideOf(example, source!), target: sideOf(example, target!) };
    });
  const held = sidesOf(test);
  const all = [...held, ...sidesOf(training), ...sidesOf(validation)];
  const wordsOf = ({ tokens, steps }: Side): readonly string[] => steps.map((step) => tokens[step]!);
  const pairs = all.map((pair): WordPair => ({ source: wordsOf(pair.source), target: wordsOf(pair.target) }));
  const crossings = alignedWords(pairs).map(crossingsOf);
  const kindOf = (pair: WordPair, crossing: Crossing): CrossingKind => {
    const [one, other] = [pair.source[crossing.source[1]]!.toLowerCase(), pair.source[crossing.source[0]]!.toLowerCase()];
    return adjectives.has(one) && !pronouns.has(other) ? 'adjective and noun' : pronouns.has(other) ? 'verb and pronoun' : 'other words';
  };
  const counts = { 'adjective and noun': 0, 'verb and pronoun': 0, 'other words': 0 };
  crossings.forEach((own, k) => {
    for (const crossing of own) counts[kindOf(pairs[k]!, crossing)] += 1;
  });
  const { state } = await checkpointOf(run);
  const settings = { search: { kind: 'greedy' }, length: 60, prompt: '' } as const;
  const writer = await RowWriter.open({ model: padded(), shapes, kept: run.data }, state, settings, createRuntime(), true);
  try {
    const seen: SeenCrossing[] = [];
    for (const [k, pair] of held.entries()) {
      if (crossings[k]!.length === 0) continue;
      const { ids } = pair.target;
      const [written] = await writer.write([{ example: pair.example }], { prefix: ids, length: ids.length });
      const all = looks(written!);
      for (const crossing of crossings[k]!) {
        const steps = crossing.target.map((word) => pair.target.steps[word]!) as [number, number];
        const wanted = crossing.source.map((word) => pair.source.steps[word]!);
        const places = steps.map((step) => all[step]!.place) as [number, number];
        seen.push({
          ...{ kind: kindOf(pairs[k]!, crossing), source: pair.source.tokens, target: pair.target.tokens, places },
          words: steps.map((step) => pair.target.tokens[step]!) as [string, string],
          weights: steps.map((step) => all[step]!.weight) as [number, number],
          isCrossed: places.every((place, which) => place === wanted[which]),
        });
      }
    }
    return { pairs: all.length, all: counts, seen };
  } finally {
    await writer.close();
  }
}
