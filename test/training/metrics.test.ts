// Metrics by hand: on figures that can be counted on paper, with padding in between.

import assert from 'node:assert/strict';
import type { Metric } from '../../src/shared/settings.ts';
import { Tally, usualMetrics } from '../../src/training/metrics.ts';
import type { Judged } from '../../src/training/trainer.ts';

const kinds = (...names: Exclude<Metric['kind'], 'seasonal'>[]): Metric[] => names.map((kind) => ({ kind }));
const judged = (rows: number, predicted: number[], target: number[], counted = predicted.map(() => 1), sum = 0): Judged => ({
  rows,
  predicted: Float32Array.from(predicted),
  target: Float32Array.from(target),
  counted: Float32Array.from(counted),
  sum,
});
const rounded = (figures: Record<string, number>): Record<string, number> =>
  Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, Number(value.toFixed(6))]));

describe('metrics', () => {
  it('accuracy, macro F1, and rows all right', () => {
    const tally = new Tally({ loss: 'cross_entropy' }, ['a', 'b', 'c', 'never']);
    // truth a a a b b c; answers a a b b b a
    tally.add(judged(3, [0, 0, 1, 1, 1, 0], [0, 0, 0, 1, 1, 2]));
    // a: tp 2 fp 1 fn 1 -> 2/3; b: tp 2 fp 1 fn 0 -> 4/5; c: 0. Row by row: right, half, half.
    assert.deepEqual(rounded(tally.metrics(kinds('accuracy', 'f1', 'exact'))), { accuracy: 0.666667, f1: 0.488889, exact: 0.333333 });
    const { classes, confusion } = tally.byClass();
    assert.deepEqual(confusion, {
      classes: ['a', 'b', 'c'],
      counts: [
        [2, 1, 0],
        [0, 2, 0],
        [1, 0, 0],
      ],
    });
    assert.deepEqual(
      classes!.map(({ name, precision, recall, count }) => [name, Number(precision.toFixed(3)), Number(recall.toFixed(3)), count]),
      [
        ['a', 0.667, 0.667, 3],
        ['b', 0.667, 1, 2],
        ['c', 0, 0, 1],
      ],
    );
  });

  it('padding counts nowhere, however much there is', () => {
    const some = new Tally({ loss: 'cross_entropy' }, ['a', 'b']);
    some.add(judged(2, [0, 1, 1, 0], [0, 1, 0, 0], [1, 1, 1, 0], 1.5));
    const padded = new Tally({ loss: 'cross_entropy' }, ['a', 'b']);
    padded.add(judged(2, [0, 1, 1, 1, 1, 0, 0, 1], [0, 1, 0, 0, 0, 0, 1, 0], [1, 1, 0, 0, 1, 0, 0, 0], 1.5));
    const wanted = kinds('accuracy', 'f1', 'exact', 'perplexity', 'bits');
    assert.deepEqual(some.metrics(wanted), padded.metrics(wanted));
    assert.deepEqual(some.byClass(), padded.byClass());
    assert.equal(some.metrics(wanted).accuracy, 2 / 3);
  });

  it('by length: rows by how many answers they have, in ranges where there are many lengths', () => {
    const tally = new Tally({ loss: 'cross_entropy' }, ['a', 'b']);
    // Two rows of one answer, of which one is right; one of three with two right; the fourth has none, and is nowhere.
    tally.add(judged(4, [0, 9, 9, 1, 9, 9, 0, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0], [1, 0, 0, 1, 0, 0, 1, 1, 1, 0, 0, 0]));
    assert.deepEqual(tally.byLength(), [
      { from: 1, to: 1, rows: 2, accuracy: 1 / 2, exact: 1 / 2 },
      { from: 3, to: 3, rows: 1, accuracy: 2 / 3, exact: 0 },
    ]);
    const many = new Tally({ loss: 'cross_entropy' }, ['a', 'b']);
    // Of each length from 1 to 25 a row, whose first answer alone is right.
    for (let length = 1; length <= 25; length += 1)
      many.add(judged(1, [1, ...Array<number>(length - 1).fill(0)], Array<number>(length).fill(1)));
    const ranges = many.byLength();
    assert.deepEqual(ranges.slice(0, 2), [
      { from: 1, to: 3, rows: 3, accuracy: 3 / 6, exact: 1 / 3 },
      { from: 4, to: 6, rows: 3, accuracy: 3 / 15, exact: 0 },
    ]);
    assert.deepEqual(ranges.at(-1), { from: 25, to: 25, rows: 1, accuracy: 1 / 25, exact: 0 });
    assert.equal(ranges.length, 9);
  });

  it('rows without anything to compare are neither right nor wrong', () => {
    const tally = new Tally({ loss: 'cross_entropy' }, ['a', 'b']);
    tally.add(judged(2, [0, 0], [0, 0], [1, 0]));
    assert.deepEqual(tally.metrics(kinds('exact', 'accuracy')), { exact: 1, accuracy: 1 });
  });

  it('perplexity and bits from the sum of the cross-entropies', () => {
    const tally = new Tally({ loss: 'cross_entropy' }, ['a', 'b']);
    tally.add(judged(1, [0, 1], [0, 0], [1, 1], Math.log(4)));
    tally.add(judged(1, [0, 1], [0, 0], [1, 1], Math.log(4)));
    assert.deepEqual(rounded(tally.metrics(kinds('perplexity', 'bits'))), { perplexity: 2, bits: 1 });
  });

  it('errors of numbers in the unit of the data, each feature by its scale', () => {
    const tally = new Tally({ loss: 'mse' }, undefined, { mean: [5, 7], deviation: [10, 2] });
    // differences of .1 and -.5, then 0 and 1: 1, -1 and 0, 2 in the data's unit
    tally.add(judged(2, [0.1, 0, 0, 1], [0, 0.5, 0, 0]));
    assert.deepEqual(rounded(tally.metrics(kinds('rmse', 'mae'))), { rmse: Number(Math.sqrt(6 / 4).toFixed(6)), mae: 1 });
  });

  it('yes and no', () => {
    const tally = new Tally({ loss: 'binary' }, undefined);
    tally.add(judged(4, [1, 1, 0, 0], [1, 0, 0, 0]));
    assert.deepEqual(rounded(tally.metrics(kinds('accuracy', 'f1'))), { accuracy: 0.75, f1: 0.733333 });
  });

  it('what a loss does not allow is left out, and what fits is the default', () => {
    const tally = new Tally({ loss: 'mse' }, undefined);
    tally.add(judged(1, [1], [2]));
    assert.deepEqual(Object.keys(tally.metrics(kinds('accuracy', 'rmse', 'perplexity'))), ['rmse']);
    const usual = (loss: 'cross_entropy' | 'mse', ahead: boolean): string[] =>
      usualMetrics({ loss, ahead } as Parameters<typeof usualMetrics>[0]).map(({ kind }) => kind);
    assert.deepEqual(usual('cross_entropy', true), ['perplexity', 'bits']);
    assert.deepEqual(usual('cross_entropy', false), ['accuracy', 'f1']);
    assert.deepEqual(usual('mse', true), ['rmse', 'mae', 'persistence']);
  });
});
