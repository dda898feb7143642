// A training step of a model that tells what images show, beside PyTorch: blocks of convolutions, a GRU that attends to their places before each word.

import { readFile } from 'node:fs/promises';
import type { Batch } from '../../data/dataset.ts';
import { evaluationBatches } from '../../data/load.ts';
import { loadTask } from '../../data/tasks.ts';
import type { Model } from '../../graph/model.ts';
import { buildModel, inputShapes, loadProgram } from '../../language/index.ts';
import type { Effort } from './measure.ts';
import type { Peer } from './peer.ts';
import { inTurns, type Turns } from './turns.ts';

/** Pixels of a side, a multiple of four; channels of each block; width of the embedding, units of the decoder, and images of a batch. */
export interface CaptionsSize {
  readonly name: string;
  readonly pixels: number;
  readonly channels: readonly [number, number, number];
  readonly embedding: number;
  readonly units: number;
  readonly batch: number;
}

/** That of examples/captions.rnn. */
export const captionsSize: CaptionsSize = { name: '32 px', pixels: 32, channels: [16, 32, 64], embedding: 32, units: 64, batch: 50 };

export interface MeasuredCaptions extends Turns {
  readonly cell: 'captions';
  readonly size: string;
  readonly beside?: string;
}

/** Turns of both that alternate, on images of the task `shapes`. */
export async function measureCaptions(
  size: CaptionsSize,
  threads: number,
  effort: Effort,
  peer: Peer | undefined,
): Promise<MeasuredCaptions> {
  const { model, batch, words } = await captionsModel(size);
  const turns = await inTurns(model, batch, threads, effort, peer && ((steps) => peer.captions(size, words, batch, steps)));
  return {
    ...{ cell: 'captions', size: size.name, ...turns },
    ...(peer === undefined ? {} : { beside: 'PyTorch, a loop over GRUCell' }),
  };
}

/** The model as a user would write it, and a batch. */
async function captionsModel({ pixels, channels, embedding, units, batch }: CaptionsSize): Promise<{
  readonly model: Model;
  readonly batch: Batch;
  readonly words: number;
}> {
  const [first, second, third] = channels;
  const text = `use std 1

model Bench(image: [3, ${pixels}, ${pixels}], caption: [T] of Word) {
  b       = conv_block(conv_block(image, ${first}), ${second})
  regions = places(relu(channel_norm(conv(b, ${third}))))
  decoder = attending_decoder(embed(caption, ${embedding}), regions, ${units})
  logits  = linear(decoder, Word)
  loss    = cross_entropy(logits, next(caption))
}
`;
  const program = await loadProgram(path, (file) => (file === path ? Promise.resolve(text) : readFile(file, 'utf8')));
  const shapes = inputShapes(program, { model: 'Bench', arguments: {} });
  const split = { validation: batch, test: 0, seed: 1 };
  const data = loadTask({ kind: 'task', task: 'shapes', count: 2 * batch, options: { size: pixels }, ...split }, shapes);
  const words = data.vocabularies.Word!.tokens.length;
  const model = buildModel(program, { model: 'Bench', classes: { Word: words }, ragged: ['T'] });
  return { model, batch: evaluationBatches(data, 'validation', { batch, window: 1 })!.at(0), words };
}

const path = '/bench.rnn';
