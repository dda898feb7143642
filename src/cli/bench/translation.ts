// A training step of a translation model beside PyTorch, and its decoding: bidirectional GRU, additive attention before each step, GRU; sentences of different
// lengths, padded.

import { readFile } from 'node:fs/promises';
import { setTimeout as rest } from 'node:timers/promises';
import type { Batch } from '../../data/dataset.ts';
import type { Model } from '../../graph/model.ts';
import { buildModel, loadProgram } from '../../language/index.ts';
import { createRuntime } from '../../runtime/onnxruntime.ts';
import { random } from '../../shared/random.ts';
import type { TrainSettings } from '../../shared/settings.ts';
import { GreedyLoop } from '../../training/decoding/loop.ts';
import { initialise } from '../../training/initialise.ts';
import { openTrainer } from '../../training/open-trainer.ts';
import type { Effort } from './measure.ts';
import type { Peer } from './peer.ts';

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

export interface MeasuredTranslation {
  readonly cell: 'translation' | 'decoding';
  readonly size: string;
  /** Medians in milliseconds, and the ratio of ours to the other's. */
  readonly step: number;
  readonly beside?: string;
  readonly other?: number;
  readonly ratio?: number;
  readonly target: number;
}

const TARGETS = { translation: 0.7, decoding: 0.5 } as const;
const WARM_UP = 2;
/** As between the turns of other steps. */
const PAUSE = 60;

/** Turns of both that alternate. */
export async function measureTranslation(
  size: TranslationSize,
  threads: number,
  { rounds, steps }: Effort,
  peer: Peer | undefined,
): Promise<MeasuredTranslation> {
  const model = await translationModel(size);
  const settings: TrainSettings = {
    batch: size.batch,
    window: 1,
    optimizer: { kind: 'adam', rate: 0.001 },
    clip: 1,
    seed: 1,
    device: 'cpu',
  };
  const batch = someSentences(size);
  const trainer = await openTrainer(model, settings, initialise(model.weights, 1), { device: 'cpu', threads });
  const times: Record<'step' | 'other', number[]> = { step: [], other: [] };
  let number = 0;
  try {
    for (let round = 0; round < rounds; round += 1) {
      for (let k = 0; k < steps; k += 1) {
        const start = performance.now();
        number += 1;
        await trainer.step(batch, number, settings.optimizer.rate);
        if (k >= WARM_UP) times.step.push(performance.now() - start);
      }
      await rest(PAUSE);
      if (peer === undefined) continue;
      times.other.push(...(await peer.translation(size, batch, steps)).slice(WARM_UP));
      await rest(PAUSE);
    }
  } finally {
    await trainer.close();
  }
  return measured('translation', size, times);
}

/** Of a whole batch: the source is read, and as many words written as the longest row has, the best of each step. Ours has one thread, whatever the other has. */
export async function measureDecoding(
  size: TranslationSize,
  { rounds, steps }: Effort,
  peer: Peer | undefined,
): Promise<MeasuredTranslation> {
  const model = await translationModel(size);
  const batch = someSentences(size);
  const length = batch.sizes.T!;
  const loop = await GreedyLoop.open(model, initialise(model.weights, 1), { begin: 0, never: [0] }, createRuntime());
  const times: Record<'step' | 'other', number[]> = { step: [], other: [] };
  try {
    for (let round = 0; round < rounds; round += 1) {
      for (let k = 0; k < steps; k += 1) {
        const start = performance.now();
        await loop.write(batch, length);
        if (k >= WARM_UP) times.step.push(performance.now() - start);
      }
      await rest(PAUSE);
      if (peer === undefined) continue;
      times.other.push(...(await peer.translation(size, batch, steps, length)).slice(WARM_UP));
      await rest(PAUSE);
    }
  } finally {
    await loop.close();
  }
  return measured('decoding', size, times);
}

function measured(
  cell: MeasuredTranslation['cell'],
  size: TranslationSize,
  times: Readonly<Record<'step' | 'other', readonly number[]>>,
): MeasuredTranslation {
  const step = median(times.step);
  const common = { cell, size: size.name, step, target: TARGETS[cell] };
  if (times.other.length === 0) return common;
  const other = median(times.other);
  return { ...common, beside: 'PyTorch, a loop over GRUCell', other, ratio: step / other };
}

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

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}
