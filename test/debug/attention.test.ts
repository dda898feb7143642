import assert from 'node:assert/strict';
import { collapse, coverage, distanceFromUniform, entropy, overlap, uniformity } from '../../src/shared/attention.ts';

const near = (actual: number, expected: number): void => assert.ok(Math.abs(actual - expected) < 1e-12, `${actual} instead of ${expected}`);

describe('what is asked of attention', () => {
  it('entropy and uniformity: ln n and 1 where all are alike, 0 where one place has all', () => {
    near(entropy([0.25, 0.25, 0.25, 0.25]), Math.log(4));
    near(entropy([0.5, 0.25, 0.25]), 1.5 * Math.LN2);
    near(uniformity([0.2, 0.2, 0.2, 0.2, 0.2]), 1);
    assert.equal(uniformity([0, 1, 0]), 0);
    assert.equal(uniformity([1]), 0);
    assert.ok(Number.isNaN(entropy([Number.NaN, 1])));
  });

  it('distance from uniform: the weight that would have to be moved', () => {
    near(distanceFromUniform([1, 0, 0, 0]), 0.75);
    near(distanceFromUniform([0.5, 0.5, 0, 0]), 0.5);
    near(distanceFromUniform([0.25, 0.25, 0.25, 0.25]), 0);
  });

  it('coverage is the sum of the rows, and collapse the overlap with the mean of those before', () => {
    const rows = [
      [1, 0, 0],
      [0.5, 0.5, 0],
      [0.5, 0.5, 0],
    ];
    assert.deepEqual(Array.from(coverage(rows)), [2, 1, 0]);
    near(overlap(rows[0]!, rows[1]!), 0.5);
    assert.ok(Number.isNaN(collapse(rows[0]!, [])));
    near(collapse(rows[2]!, rows.slice(0, 2)), 0.75);
    near(
      collapse(
        [0.2, 0.8],
        [
          [0.2, 0.8],
          [0.2, 0.8],
        ],
      ),
      1,
    );
    near(
      collapse(
        [0, 1],
        [
          [1, 0],
          [1, 0],
        ],
      ),
      0,
    );
  });
});
