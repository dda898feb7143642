// What a model wants of its data, and what a run keeps of the data that it was trained on: plain data.

import type { NetworkUse } from './network.ts';

/** An input of a model, as the data that binds it must be. */
export interface InputShape {
  readonly name: string;
  /** Lengths in order: a number, or the name of a dimension that the data binds. */
  readonly shape: readonly (number | string)[];
  /** What its classes are called (`Char`, `Language`), where it holds classes and not numbers. */
  readonly classes?: string;
  /** The model compares something with next(name). */
  readonly predicted: boolean;
  /** A loss compares something with it, and the model reads it nowhere else: where it is missing, nothing is lost. */
  readonly compared: boolean;
  /** No data of its own, but what a network makes of another input. */
  readonly network?: NetworkUse;
  /** Networks read it, and the model nowhere else: batches need not have it. */
  readonly forNetworks?: true;
}

/** The classes of a dimension. Token k has the number k. */
export interface Vocabulary {
  /** How texts are cut; `label`: a whole cell is one class. */
  readonly by: 'char' | 'word' | 'pieces' | 'label';
  readonly lower: boolean;
  /** Words are cut at apostrophes too (`l' homme`, `do n't`), as the sources of sentences have it. */
  readonly apostrophes?: true;
  readonly tokens: readonly string[];
  /** The number of ‹unknown›, where rare words were cut. */
  readonly unknown?: number;
  /** The numbers of ‹begin› and ‹end›, which surround rows that are predicted. */
  readonly begin?: number;
  readonly end?: number;
  /** Byte pairs in the order in which they are joined, as pairs of numbers of tokens. */
  readonly merges?: readonly (readonly [left: number, right: number])[];
}

/** number in the file = mean + deviation * number that the model sees; one of each a feature, or one for all. */
export interface Scale {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** What a run keeps of its data, so that it opens without it. */
export interface KeptData {
  /** By the name of their dimension: `Char`. */
  readonly vocabularies: Readonly<Record<string, Vocabulary>>;
  /** Lengths that the data has bound to a number: `Measure: 4`. Not those of `ragged`, nor the window of a text. */
  readonly sizes: Readonly<Record<string, number>>;
  /** Dimensions whose length differs from example to example: batches are padded, and have the input `lengths(T)`. */
  readonly ragged: readonly string[];
  /** By the name of the input that was normalised. */
  readonly scales: Readonly<Record<string, Scale>>;
}

export type PartName = 'training' | 'validation' | 'test';

/** What `Unroll: Preview Data` shows. */
export interface DataPreview {
  /** `names.csv`, `adding(length: 100)`. */
  readonly title: string;
  readonly parts: readonly {
    readonly name: PartName;
    /** Absent where they are endless. */
    readonly examples?: number;
    /** Timesteps in all; absent where there are none or they are endless. */
    readonly steps?: number;
  }[];
  readonly inputs: readonly PreviewedInput[];
  /** Lengths of the ragged dimensions, as a histogram of at most 40 bars: `from` .. `to` inclusive. */
  readonly lengths: readonly {
    readonly dimension: string;
    readonly least: number;
    readonly mean: number;
    readonly most: number;
    readonly bars: readonly { readonly from: number; readonly to: number; readonly count: number }[];
  }[];
  readonly vocabularies: readonly {
    readonly dimension: string;
    readonly by: Vocabulary['by'];
    readonly size: number;
    /** The most frequent first, at most 200, counted in the training part. */
    readonly classes: readonly { readonly token: string; readonly count: number }[];
    /** Share of ‹unknown› by part, 0 .. 1. */
    readonly unknown: Readonly<Partial<Record<PartName, number>>>;
  }[];
  /** Some of each part, as the model will see them. */
  readonly examples: readonly {
    readonly part: PartName;
    readonly index: number;
    /** By the name of the input: tokens of classes, or numbers (of the features of a step, joined with spaces), one entry a timestep; of an image the
     *  address of its picture (`data:image/png;base64,...`). */
    readonly cells: Readonly<Record<string, readonly string[]>>;
  }[];
  /** What a person should know: rows left out, missing values, classes that only the validation part has. */
  readonly remarks: readonly string[];
}

export interface PreviewedInput {
  readonly name: string;
  /** `[T] of Char`, `[24, 1]`, `one of Language`. */
  readonly type: string;
  /** Where it comes from: `column "name", by character`. */
  readonly from: string;
  /** Of numbers, in the training part, before they are normalised. Absent where its columns have their own. */
  readonly numbers?: PreviewedNumbers;
  /** Of several columns: each of them. */
  readonly features?: readonly (PreviewedNumbers & { readonly name: string })[];
}

export interface PreviewedNumbers {
  readonly least: number;
  readonly mean: number;
  readonly most: number;
  readonly deviation: number;
  readonly missing: number;
}
