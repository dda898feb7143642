// What a file holds for one input: elements of the input's type, in the shape that the file has.

import type { Reading } from '../../data/text-stream.ts';
import type { FileChoice } from '../../shared/inputs.ts';
import type { Element, ElementData } from './elements.ts';
import type { Port, Sizes } from './ports.ts';

export interface Found {
  readonly dims: readonly number[];
  readonly data: ElementData;
  /** What it is called where it does not fit, as `x of data.npz`. */
  readonly what: string;
  /** The first axis may count calls of the model where it does not fit as one of the input. */
  readonly isSequence?: boolean;
  /** What to change where it does not fit. */
  readonly hint?: string;
  /** What a person should know. */
  readonly remarks?: readonly string[];
}

/** What is read, for which input. */
export interface Asked {
  readonly port: Port;
  readonly element: Element;
  readonly choice: FileChoice;
  readonly sizes: Sizes;
  readonly reading: Reading;
}
