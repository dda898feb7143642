// What a step is read from, and what reading it gives.

import type { CellText, Numbers, PartKind } from '../part.ts';

/** What is known of a value that the step reads and does not make: of states before the step, of scanned and of held values. */
export interface Given {
  readonly type: 'float' | 'integer' | 'boolean';
  /** Sizes that are not known are absent; absent altogether where not even the rank is known. */
  readonly shape?: readonly (number | undefined)[];
  /** The same whatever the model is given: a weight. */
  readonly isConstant: boolean;
  /** Its numbers, where they are known: needed of whole numbers, and of weights once they are asked for. */
  data?(): ArrayLike<number | bigint> | undefined;
}

export interface ReadOptions {
  /** What the step is called in errors: `the body of Loop “x”`. */
  readonly place: string;
  /** For the doc comment. */
  readonly title: string;
  /** Of a state with an initial value other than zero. */
  hasInitial(before: string): boolean;
}

/** How the numbers of a value lie: which axis of its tensor is the batch. */
export interface Layout {
  /** The body's. */
  readonly name: string;
  readonly batch: number | undefined;
}

export interface ReadCell {
  readonly kind: PartKind;
  /** Numbers of the state that is the cell's value, and of the step's input; absent where only a run tells. */
  readonly hidden: number | undefined;
  readonly input: number | undefined;
  readonly cell: CellText;
  /** By the cell's names of its inputs, its held inputs and, as `h_0`, its initial states. */
  readonly inputs: ReadonlyMap<string, Layout>;
  /** By names of lines: states after the step and outputs, with the body's values that they are. */
  readonly lines: ReadonlyMap<string, Layout>;
  /** The numbers of the parameters. Throws PartError where one has none. */
  weights(): ReadonlyMap<string, Numbers>;
}
