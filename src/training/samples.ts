// What a model writes or answers while it learns: when, and of answers what, with the truth beside.

import type { Batch, Dataset } from '../data/dataset.ts';
import { decode } from '../data/vocabulary.ts';
import type { Model } from '../graph/model.ts';
import type { InputShape, Scale, Vocabulary } from '../shared/dataset.ts';
import { numberText } from '../shared/numbers.ts';
import type { Sample } from '../shared/training.ts';
import type { Judged } from './trainer.ts';

/** When it is time for a sample: after so many steps as the source says; else about ten times in a training, not in its first seconds, and so that little
 *  of the time goes by with them. */
export class Occasions {
  readonly #now: () => number;
  readonly #every: number;
  readonly #isAsked: boolean;
  /** Step of the last sample, and the time before which there is none. */
  #last: number;
  #from: number;

  /** `asked`: what the source says, if anything; `steps` of the whole training, of which some are `done`. `now` in milliseconds. */
  constructor(asked: number | undefined, steps: number, done: number, now: () => number) {
    this.#now = now;
    this.#isAsked = asked !== undefined;
    this.#every = asked ?? Math.max(1, Math.ceil(steps / USUAL));
    this.#last = this.#every === 0 ? done : done - (done % this.#every);
    this.#from = now() + FIRST;
  }

  /** `isEnd`: the last step, which has a sample of its own unless there are none. */
  isDue(step: number, isEnd: boolean): boolean {
    if (this.#every === 0) return false;
    if (isEnd && !this.#isAsked) return true;
    return step - this.#last >= this.#every && (this.#isAsked || this.#now() >= this.#from);
  }

  /** One was made, from `start` until now. */
  made(step: number, start: number): void {
    const now = this.#now();
    this.#last = step - (step % this.#every);
    this.#from = Math.max(this.#from, now + (now - start) / SHARE);
  }
}

/** Samples of a training where nothing is said; milliseconds before the first; share of the time that they may take. */
const USUAL = 10;
const FIRST = 3000;
const SHARE = 0.03;

/** Rows of a sample; timesteps or numbers of each that are shown; and of the numbers that were read, the last. */
const ROWS = 5;
const SHOWN = 60;
const LAST = 8;
/** Numbers of a step that are shown; of an image there are too many. */
const WIDEST = 400;

/** The first rows of a batch: what was read, what is true, and what the model says. */
export function examplesOf(
  { inputs, rows, sizes }: Batch,
  judged: Judged,
  { judged: comparison }: Pick<Model, 'judged'>,
  dataset: Dataset,
): Sample {
  const width = judged.predicted.length / Math.max(1, rows);
  const [read] = dataset.inputs.filter(({ compared }) => !compared);
  const vocabulary = dataset.vocabularies[comparison?.classes ?? ''];
  const scale = dataset.scales[comparison?.input ?? ''];
  const answer = (values: Float32Array, row: number): string => {
    const places: number[] = [];
    for (let k = row * width; k < (row + 1) * width && places.length < SHOWN; k += 1) if (judged.counted[k] !== 0) places.push(k);
    if (vocabulary !== undefined)
      return textOf(
        vocabulary,
        places.map((k) => values[k]!),
      );
    return places.map((k) => (comparison?.loss === 'binary' ? (values[k]! > 0 ? 'yes' : 'no') : plain(values[k]!, k, scale))).join(' ');
  };
  /** The values of a row, [steps, ...] without padding, and how many there are of each step. */
  const valuesOf = ({ name, shape }: InputShape, row: number): { values: number[]; width: number } => {
    const all = inputs[name]!;
    const dimension = typeof shape[0] === 'string' && sizes[shape[0]] !== undefined ? shape[0] : undefined;
    const steps = dimension === undefined ? 1 : (inputs[`lengths(${dimension})`]?.[row] ?? sizes[dimension]!);
    const width = all.length / rows / (dimension === undefined ? 1 : sizes[dimension]!);
    return {
      width,
      values: Array.from({ length: steps * width }, (_, k) => all[(Math.floor(k / width) * rows + row) * width + (k % width)]!),
    };
  };
  const question = (row: number): string => {
    if (read === undefined) return '';
    const { values, width } = valuesOf(read, row);
    const own = dataset.vocabularies[read.classes ?? ''];
    if (own !== undefined) return `${textOf(own, values.slice(0, SHOWN))}${values.length > SHOWN ? ' …' : ''}`;
    // Of numbers, what came last.
    const scaleRead = dataset.scales[read.name];
    const steps = Array.from({ length: values.length / width }, (_, t) =>
      values.slice(t * width, (t + 1) * width).map((value, k) => plain(value, k, scaleRead)),
    );
    if (width > WIDEST) return `${read.shape.join(' × ')} numbers`;
    const last = steps.slice(-LAST).map((step) => (step.length === 1 ? step[0]! : `(${step.join(' ')})`));
    return `${steps.length > LAST ? '… ' : ''}${last.join(' ')}`;
  };
  return {
    kind: 'examples',
    rows: Array.from({ length: Math.min(ROWS, rows) }, (_, row) => ({
      input: question(row),
      truth: answer(judged.target, row),
      predicted: answer(judged.predicted, row),
    })),
  };
}

/** A number in the data's own unit; what rounding has left of a zero is one. */
function plain(value: number, k: number, scale: Scale | undefined): string {
  if (scale === undefined) return numberText(value);
  const [mean, deviation] = [scale.mean[k % scale.mean.length]!, scale.deviation[k % scale.deviation.length]!];
  const own = value * deviation + mean;
  return numberText(Math.abs(own) < 1e-6 * deviation ? 0 : own);
}

/** Labels are set apart; texts are put together as they were cut, without what surrounds them. */
function textOf(vocabulary: Vocabulary, ids: readonly number[]): string {
  if (vocabulary.by === 'label') return ids.map((id) => vocabulary.tokens[id] ?? '').join(' ');
  const { begin, end } = vocabulary;
  return decode(
    vocabulary,
    ids.filter((id) => id !== begin && id !== end),
  );
}
