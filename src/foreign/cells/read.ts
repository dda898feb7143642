// A step as its file spells it out, read as a cell of the language.
//
// Sizes are needed for that. Where a run has not told them yet, unknown ones are given numbers that nothing else has, and what they meet
// (the matrix that a vector is multiplied with, a bias) tells what they are; then the step is read again.

import { Attributes } from '../../onnx/attributes.ts';
import { nodeText } from '../operators/recurrent-operator.ts';
import { PartError, type StepBody } from '../part.ts';
import { BatchError, placesOf } from './batches.ts';
import { cellOf } from './cell.ts';
import type { Given, ReadCell, ReadOptions } from './given.ts';
import { type Guess, guesses, Sizes } from './sizes.ts';
import { SizeError } from './value.ts';

export type { Given, Layout, ReadCell, ReadOptions } from './given.ts';

/** Readings of one step at most: it may be long. */
const MOST_PLACES = 80;

/** Throws PartError where the step does what the language has no way to write. */
export function readStep(body: StepBody, given: (name: string) => Given | undefined, options: ReadOptions): ReadCell {
  let refusal: PartError | undefined;
  for (const guess of guesses(body, given)) {
    const sizes = new Sizes();
    for (let attempt = 0; attempt < 24; attempt += 1) {
      const outcome = tried(body, given, options, sizes, guess);
      if (!(outcome instanceof PartError)) return outcome;
      if (outcome instanceof SizeError && sizes.learn(...outcome.sizes)) continue;
      refusal ??= outcome;
      break;
    }
  }
  throw looksAround(body, options.place) ?? refusal ?? new PartError(`The sizes of ${options.place} do not fit together.`);
}

/** A step that convolves its states is refused for that, whatever else does not fit in it. */
function looksAround({ nodes }: StepBody, place: string): PartError | undefined {
  const node = nodes.find((each) => {
    const kernel = new Attributes(each).ints('kernel_shape');
    return /^Conv|Pool$/.test(each.op_type) && kernel.some((size) => size > 1);
  });
  if (node === undefined) return undefined;
  return new PartError(`${nodeText(node)} in ${place}: It looks at several places of an image, which the equations have no way to write.`);
}

/** One reading with the sizes that are known by now, for each place where the batch may be. */
function tried(
  body: StepBody,
  given: (name: string) => Given | undefined,
  options: ReadOptions,
  sizes: Sizes,
  { rank, ones }: Guess,
): ReadCell | PartError {
  const shapes = new Map<string, readonly number[]>();
  const own = [...new Set([...body.states.map(({ before }) => before), ...body.scanned])];
  const shapeOf = (name: string): readonly number[] => {
    const said = given(name)?.shape ?? Array.from({ length: rank }, () => undefined);
    let spare = ones && own.includes(name) ? said.filter((size) => size !== 1).length - 2 : 0;
    const likely = said.map((size) => (size === undefined && spare-- > 0 ? 1 : size));
    const known = shapes.get(name) ?? sizes.of(name, likely);
    shapes.set(name, known);
    return known;
  };
  const varying = own.filter((name) => given(name)?.type !== 'integer');
  let refusal: PartError | undefined;
  for (const place of placesOf(body, given, varying, shapeOf).slice(0, MOST_PLACES)) {
    try {
      return cellOf({ body, given, options, sizes, shapeOf, place });
    } catch (error) {
      if (!(error instanceof PartError)) throw error;
      // The first way to see it is the likeliest.
      if (refusal === undefined || refusal instanceof BatchError) refusal = error;
      if (error instanceof SizeError && sizes.isOpen(...error.sizes)) return error;
    }
  }
  return refusal ?? new PartError(`${options.place} has no state.`);
}
