// Dimensions whose length differs from row to row: each batch is padded to its longest row, and what stands in the padding counts nowhere.
//
// A state does not step past its row's length, functions along the dimension look at what is there, `last` and `reverse` know where a row
// ends, and the loss leaves the padding out (SPEC section 2). So nobody writes a mask, and nobody forgets one.

import type { Axis, Size, Value } from '../../graph/graph.ts';
import type { Frame } from './frame.ts';

export class Ragged {
  readonly #root: Frame;
  readonly #isRagged: (size: string) => boolean;
  readonly #input: (size: string) => Value;
  readonly #masks = new Map<string, Value>();

  /** `input` is the length of each row along a dimension: integers with the axis B, a parameter of the model. */
  constructor(root: Frame, isRagged: (size: string) => boolean, input: (size: string) => Value) {
    this.#root = root;
    this.#isRagged = isRagged;
    this.#input = input;
  }

  /** The lengths of the rows along an axis [B], for use in a frame; undefined where all are as long as the axis. */
  lengths({ size }: Axis, frame: Frame): Value | undefined {
    return this.#has(size) ? frame.use(this.#input(size), this.#root) : undefined;
  }

  /** Whether a place of an axis is real and not padding [axis, B] (bool); [B] in the step of a run over it. */
  real(axis: Axis, frame: Frame): Value | undefined {
    if (!this.#has(axis.size)) return undefined;
    let mask = this.#masks.get(axis.name);
    if (mask === undefined) {
      const b = this.#root.builder;
      const { origin } = b;
      b.origin = undefined;
      mask = b.binary('less', b.iota(axis), this.#input(axis.size));
      b.origin = origin;
      this.#masks.set(axis.name, mask);
    }
    return frame.use(mask, this.#root);
  }

  #has(size: Size): size is string {
    return typeof size === 'string' && this.#isRagged(size);
  }
}
