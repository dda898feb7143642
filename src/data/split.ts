// Which examples train, which validate, which test.

import type { PartName } from '../shared/dataset.ts';
import { random } from '../shared/random.ts';
import type { Split } from '../shared/settings.ts';
import { emptyPart } from './errors.ts';

export type Places = Readonly<Record<PartName, Int32Array>>;

/** Examples held out of `count`: a share below 1, else a number of them. */
const heldOut = (count: number, share: number): number => (share < 1 ? Math.round(count * share) : share);

/** How many examples each part has. Throws DataError where one that is asked for would have none. */
export function sizesOf(what: string, count: number, { validation, test }: Split): Record<PartName, number> {
  const testing = heldOut(count, test);
  // A share of what the test leaves: so the test part is the same whatever is validated on.
  const validating = validation < 1 ? Math.round((count - testing) * validation) : validation;
  const training = count - testing - validating;
  if (test > 0 && testing < 1) throw emptyPart(what, 'test', count, testing);
  if (validation > 0 && validating < 1) throw emptyPart(what, 'validation', count, validating);
  if (training < 1) throw emptyPart(what, 'training', count, Math.max(0, training));
  return { training, validation: validating, test: testing };
}

/** Rows drawn into the parts by the seed, each part in the order of the file. */
export function drawParts(what: string, count: number, split: Split): Places {
  const sizes = sizesOf(what, count, split);
  const order = shuffled(count, 'split', split.seed);
  const cut = (from: number, length: number): Int32Array => order.slice(from, from + length).sort();
  return {
    test: cut(0, sizes.test),
    validation: cut(sizes.test, sizes.validation),
    training: cut(sizes.test + sizes.validation, sizes.training),
  };
}

/** As drawParts, but the rows of one group stay together: captions of one image, turns of one conversation. `groups`: the group of each row, from 0.
 *  A part has as many rows as are asked for, or as its last group brings with it. */
export function drawGroups(what: string, groups: Int32Array, split: Split): Places {
  const sizes = sizesOf(what, groups.length, split);
  const members: number[][] = [];
  groups.forEach((group, row) => {
    members[group] ??= [];
    members[group].push(row);
  });
  const order = shuffled(members.length, 'split', split.seed);
  let next = 0;
  const take = (count: number): Int32Array => {
    const rows: number[] = [];
    while (rows.length < count && next < order.length) {
      for (const row of members[order[next]!] ?? []) rows.push(row);
      next += 1;
    }
    return Int32Array.from(rows).sort();
  };
  const [test, validation] = [take(sizes.test), take(sizes.validation)];
  const training = take(Number.POSITIVE_INFINITY);
  for (const [part, rows] of Object.entries({ test, validation, training }))
    if (rows.length === 0 && sizes[part as PartName] > 0) throw emptyPart(what, part, groups.length, 0);
  return { training, validation, test };
}

/** 0 .. count-1 in an order drawn by keys (Fisher & Yates 1938; Durstenfeld 1964). */
export function shuffled(count: number, ...keys: readonly (string | number)[]): Int32Array {
  const chance = random(...keys);
  const order = Int32Array.from({ length: count }, (_, k) => k);
  for (let k = count - 1; k > 0; k -= 1) {
    const other = Math.floor(chance.uniform() * (k + 1));
    const kept = order[k]!;
    order[k] = order[other]!;
    order[other] = kept;
  }
  return order;
}
