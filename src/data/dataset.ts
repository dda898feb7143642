// Data as models take it: examples in parts, and batches of them.

import type { InputShape, KeptData, PartName } from '../shared/dataset.ts';
import type { DataSource } from '../shared/settings.ts';
import type { Link } from '../shared/trace.ts';

/** The data of a `train` statement, bound to the inputs of its model. */
export interface Dataset extends KeptData {
  readonly source: DataSource;
  readonly inputs: readonly InputShape[];
  /** SHA-256 of the file, hexadecimal (of a task: of what it says): tells whether it has changed since. */
  readonly digest: string;
  /** What a person should know: rows left out, classes that only a held-out part has. */
  readonly remarks: readonly string[];
  /** Numbers of the training part that the file lacks, by the name of the input: they are filled before the model sees them. */
  readonly missing?: Readonly<Record<string, number>>;
  /** One sequence that goes on from batch to batch (a text), instead of examples. */
  readonly running: boolean;
  /** Held-out examples are judged at their last step only, which has a full window of context before it (windows of a series). */
  readonly judgedAtEnd?: boolean;
  readonly parts: Readonly<Record<PartName, Part>>;
}

export interface Part {
  readonly name: PartName;
  /** Examples; tokens of a running text. Infinity where they never end. */
  readonly size: number;
  /** Of a running text: `length` steps from `index` on (all that is left unless told otherwise). */
  example(index: number, length?: number): Example;
  /** Steps of an example in its longest dimension, where that is known without making it. */
  length?(index: number): number;
  /** What people have written as the input that is predicted, as the file has it, one or several: a text that the model decodes is compared with it. */
  references?(index: number): readonly string[];
  /** Which steps of the two sequences of a pair say the same, where the data tells. */
  alignment?(index: number): readonly Link[] | undefined;
  /** What stands where in the image of an example, where the data tells. */
  boxes?(index: number): readonly Box[];
}

/** A thing in an image: its left upper corner and its sides, in pixels, and the words of the caption that are about it, `from` .. `to` - 1 as steps (‹begin› is step 0). */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly from: number;
  readonly to: number;
}

/** Steps of an example in its longest dimension. */
export const lengthOf = (part: Part, index: number): number =>
  part.length?.(index) ?? Math.max(0, ...Object.values(part.example(index).lengths));

/** One example, without batch axis and padding. */
export interface Example {
  /** By the name of the input, `next(x)` among them; row-major in the shape of the input. A class below 0, or a number that is NaN, is nothing:
   *  as a target it counts nowhere. */
  readonly inputs: Readonly<Record<string, Int32Array | Float32Array>>;
  /** Of the dimensions that are no number: `T`. */
  readonly lengths: Readonly<Record<string, number>>;
}

/** What a step of training is given. */
export interface Batch {
  readonly rows: number;
  /** Lengths of the axes that are no number, padding included: `T`. Not B, which is `rows`. */
  readonly sizes: Readonly<Record<string, number>>;
  /** By the name of the model's input (`name`, `next(name)`, `lengths(T)`), row-major: [T, B, ...] where the first dimension is no number, else
   *  [B, ...]. `lengths(T)`: [B], the real length of each row, for each ragged dimension. Padding is class 0, number 0. */
  readonly inputs: Readonly<Record<string, Int32Array | Float32Array>>;
  /** Carried states are zeroed before it: always, but in a running text. */
  readonly reset: boolean;
}

/** The batches of passes over a part. */
export interface Batches {
  /** Batches of one pass. */
  readonly count: number;
  /** Batch `index` of the whole training, from 0: pass floor(index / count), shuffled by the seed and the pass. The same index gives the same batch. */
  at(index: number): Batch;
  /** What stands before the first batch of a running text: read first, and not counted. */
  readonly lead?: Batch;
}
