// Where in a step's tensors the sequences of a batch lie: files do not say it, so likely places are tried one after the other.

import { PartError, type StepBody } from '../part.ts';
import type { Given } from './given.ts';

export interface BatchPlace {
  /** Of states and of what is scanned. */
  readonly batches: ReadonlyMap<string, number | undefined>;
  /** What comes from outside, depends on the model's input and has this rank or more may be another for each sequence. */
  readonly heldRank: number;
  /** States and inputs of two dimensions are matrices; else they are written as one vector. */
  readonly matrices: boolean;
}

/** Places to try, likely ones first. `shapeOf` of the names in `varying`: states and what is scanned. */
export function placesOf(
  body: StepBody,
  given: (name: string) => Given | undefined,
  varying: readonly string[],
  shapeOf: (name: string) => readonly number[],
): BatchPlace[] {
  const shapes = varying.map(shapeOf);
  const ranks = readsOthers(body, given) ? heldRanks : [0];
  return batchesOf(shapes).flatMap((batches) =>
    (hasMatrices(shapes, batches) ? [false, true] : [false]).flatMap((matrices) =>
      ranks.map((heldRank) => ({ batches: new Map(varying.map((name, k) => [name, batches[k]])), heldRank, matrices })),
    ),
  );
}

/** Whether the step reads what comes from outside and depends on the model's input. */
function readsOthers({ nodes, states, scanned }: StepBody, given: (name: string) => Given | undefined): boolean {
  const own = new Set([...states.map(({ before }) => before), ...scanned, ...nodes.flatMap(({ output }) => output)]);
  return nodes.some(({ input }) =>
    input.some((name) => !own.has(name) && given(name)?.isConstant === false && given(name)?.type !== 'integer'),
  );
}

const hasMatrices = (shapes: readonly (readonly number[])[], batches: readonly (number | undefined)[]): boolean =>
  shapes.some((shape, k) => shape.filter((size, axis) => size !== 1 && axis !== batches[k]).length === 2);

/** That a matrix has as many rows as the batch has sequences may be chance. */
const heldRanks = [2, 3, Number.POSITIVE_INFINITY];

/** The batch is not where it was taken to be. */
export class BatchError extends PartError {}

/** Places of the batch axis, value by value, likely ones first: all first, all second, all last, none. */
function batchesOf(shapes: readonly (readonly number[])[]): (number | undefined)[][] {
  const choices: (number | undefined)[][] = [];
  const add = (choice: (number | undefined)[]): void => {
    if (!choices.some((each) => each.every((batch, k) => batch === choice[k]))) choices.push(choice);
  };
  const at = (shape: readonly number[], place: number): number | undefined =>
    shape.length < 2 ? undefined : Math.min(place, shape.length - 1);
  // [1, B, H] has its batch in the middle.
  const usual = (shape: readonly number[], batch?: number): number | undefined => {
    if (shape.length < 2) return undefined;
    const own = shape.findIndex((size, k) => k < shape.length - 1 && (batch === undefined ? size > 1 : size === batch));
    return own >= 0 ? own : batch === undefined ? shape.length - 2 : usual(shape);
  };
  for (const first of shapes.slice(0, 3)) {
    const place = usual(first);
    if (place !== undefined && first[place]! > 1) add(shapes.map((shape) => usual(shape, first[place])));
  }
  add(shapes.map((shape) => usual(shape)));
  add(shapes.map((shape) => at(shape, 0)));
  add(shapes.map((shape) => at(shape, 1)));
  add(shapes.map((shape) => at(shape, shape.length - 1)));
  const own = shapes.map((shape) => [usual(shape), ...shape.map((_, k) => k), undefined]);
  const kinds = [...new Set(shapes.map((shape) => shape.length))];
  if (shapes.length <= 6)
    for (let k = 0; k < 36 && kinds.length > 0; k += 1) {
      const [first, second] = [k % 6, Math.floor(k / 6)];
      add(own.map((places, j) => places[(shapes[j]!.length === kinds[0] ? first : second) % places.length]));
    }
  add(shapes.map(() => undefined));
  return choices;
}
