// A training step of a translation model beside PyTorch, and its decoding: bidirectional GRU, additive attention before each step, GRU; sentences of different
// lengths, padded.

import { readFile } from 'node:fs/promises';
import type { Batch } from '../../data/dataset.ts';
import type { Model } from '../../graph/model.ts';
import { buildModel, loadProgram } from '../../language/index.ts';
import { createRuntime } from '../../runtime/onnxruntime.ts';
import { random } from '../../shared/random.ts';
import { GreedyLoop } from '../../training/decoding/loop.ts';
import { initialise } from '../../training/initialise.ts';
import type { Effort } from './measure.ts';
import type { Peer } from './peer.ts';
import { inTurns, type Turns, turnsOf } from './turns.ts';

/** Words of each language, width of embeddings, units of each direction and of the decoder, rows of a batch, and words of a sentence. */
export interface TranslationSize {
  readonly name: string;
  readonly words: number;
  readonly embedding: number;
  readonly units: number;
  readonly batch: number;
  readonly lengths: readonly [least: number, most: number];
}

export const translationSize: TranslationSize = { name: 'H128', words: 4000, embedding: 128, units: 128, batch: 64, lengths: [5, 20] };

export interface MeasuredTranslation extends Turns {
  readonly cell: 'translation' | 'decoding';
  readonly size: string;
  readonly beside?: string;
  readonly target: number;
}

const TARGETS = { translation: 0.7, decoding: 0.5 } as const;

/** Turns of both that alternate. */
export async function measureTranslation(
  size: TranslationSize,
  threads: number,
  effort: Effort,
  peer: Peer | undefined,
): Promise<MeasuredTranslation> {
  const batch = someSentences(size);
  const turns = await inTurns(
    await translationModel(size),
    batch,
    threads,
    effort,
    peer && ((steps) => peer.translation(size, batch, steps)),
  );
  return named('translation', size, turns);
}

/** Of a whole batch: the source is read, and as many words written as the longest row has, the best of each step. Ours has one thread, whatever the other has. */
export async function measureDecoding(size: TranslationSize, effort: Effort, peer: Peer | undefined): Promise<MeasuredTranslation> {
  const model = await translationModel(size);
  const batch = someSentences(size);
  const length = batch.sizes.T!;
  const loop = await GreedyLoop.open(model, initialise(model.weights, 1), { begin: 0, never: [0] }, createRuntime());
  try {
    const other = peer && ((times: number) => peer.translation(size, batch, times, length));
    return named('decoding', size, await turnsOf(() => loop.write(batch, length), effort, other));
  } finally {
    await loop.close();
  }
}

const named = (cell: MeasuredTranslation['cell'], size: TranslationSize, turns: Turns): MeasuredTranslation => ({
  ...{ cell, size: size.name, target: TARGETS[cell], ...turns },
  ...(turns.other === undefined ? {} : { beside: 'PyTorch, a loop over GRUCell' }),
});

/** The model as a user would write it. */
async function translationModel({ words, embedding, units }: TranslationSize): Promise<Model> {
  const text = `use std 1

model Bench(source: [S] of English, target: [T] of French) {
  encoder = bidirectional(gru, embed(source, ${embedding}), ${units})
  decoder = attending_decoder(embed(target, ${embedding}), encoder, ${units})
  logits  = linear(decoder, French)
  loss    = cross_entropy(logits, next(target))
}
`;
  const program = await loadProgram(path, (file) => (file === path ? Promise.resolve(text) : readFile(file, 'utf8')));
  return buildModel(program, { model: 'Bench', classes: { English: words, French: words }, ragged: ['S', 'T'] });
}

const path = '/bench.rnn';

/** Words drawn by chance; the longest sentences have all the steps that there are. */
function someSentences({ words, batch, lengths: [least, most] }: TranslationSize): Batch {
  const chance = random('sentences');
  const below = (count: number): number => Math.floor(chance.uniform() * count);
  const lengths = (): Int32Array => Int32Array.from({ length: batch }, (_, row) => (row === 0 ? most : least + below(most - least + 1)));
  const [source, target] = [lengths(), lengths()];
  const sentences = (own: Int32Array, isNext = false): Int32Array =>
    Int32Array.from({ length: most * batch }, (_, k) => {
      const [step, row] = [Math.floor(k / batch), k % batch];
      // The last step of a row has nothing to come.
      return step >= own[row]! ? 0 : isNext && step === own[row]! - 1 ? -1 : below(words);
    });
  return {
    rows: batch,
    sizes: { S: most, T: most },
    inputs: {
      'lengths(S)': source,
      'lengths(T)': target,
      source: sentences(source),
      target: sentences(target),
      'next(target)': sentences(target, true),
    },
    reset: true,
  };
}
