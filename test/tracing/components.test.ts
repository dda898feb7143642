import assert from 'node:assert/strict';
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { random } from '../../src/shared/random.ts';
import { coordinates, evenly, principalComponents } from '../../src/tracing/components.ts';

describe('principal components', () => {
  for (const [count, kind] of [
    [300, 'many'],
    [30, 'few'],
  ] as const)
    it(`of ${kind} rows are the eigenvectors of the covariance, from the largest`, () => {
      const chance = random(3);
      const mix = Array.from({ length: 20 }, () => Array.from({ length: 20 }, () => chance.normal()));
      const rows = Array.from({ length: count }, () => {
        const free = Array.from({ length: 20 }, (_, k) => chance.normal() * 0.8 ** k);
        return mix.map((row) => 5 + row.reduce((sum, each, k) => sum + each * free[k]!, 0));
      });
      const { axes, explained, mean } = principalComponents(rows, 3);
      const centred = new Matrix(rows).subRowVector(Array.from(mean));
      const whole = new EigenvalueDecomposition(
        centred
          .transpose()
          .mmul(centred)
          .div(count - 1),
        { assumeSymmetric: true },
      );
      const values = [...whole.realEigenvalues].sort((a, b) => b - a);
      const sum = values.reduce((total, each) => total + each, 0);
      for (const k of [0, 1, 2]) {
        assert.ok(Math.abs(explained[k]! - values[k]! / sum) < 1e-9, `share ${k}: ${explained[k]} instead of ${values[k]! / sum}`);
        const vector = whole.eigenvectorMatrix.getColumn(whole.realEigenvalues.indexOf(values[k]!));
        const along = vector.reduce((total, each, unit) => total + each * axes[k]![unit]!, 0);
        assert.ok(Math.abs(Math.abs(along) - 1) < 1e-9, `axis ${k}`);
        assert.ok(Math.max(...axes[k]!) === Math.max(...axes[k]!.map(Math.abs)), `axis ${k} points the other way`);
      }
    });

  it('of states that move along one line are that line, and coordinates go along it', () => {
    const rows = [-2, -1, 0, 1, 2].map((each) => [1 + 3 * each, 2, -4 * each]);
    const found = principalComponents(rows, 2);
    assert.ok(Math.abs(found.explained[0]! - 1) < 1e-12 && found.explained[1]! < 1e-12);
    // The axis is (3, 0, -4) / 5, turned so that its largest number is positive.
    for (const [k, each] of [-2, -1, 0, 1, 2].entries()) assert.ok(Math.abs(coordinates(found, rows[k]!)[0]! + 5 * each) < 1e-9);
  });

  it('of what stands still explain nothing, and rows that are no numbers do not count', () => {
    const still = principalComponents([Float32Array.of(1, 2), Float32Array.of(1, 2)], 3);
    assert.deepEqual([still.explained, still.axes.length], [[0, 0], 2]);
    const broken = principalComponents(
      [
        [0, 1],
        [Number.NaN, 0],
        [0, 3],
      ],
      1,
    );
    assert.deepEqual([[...broken.mean], broken.explained], [[0, 2], [1]]);
  });

  it('of many rows take some, evenly, with both ends', () => {
    assert.deepEqual(evenly(5, 9), [0, 1, 2, 3, 4]);
    assert.deepEqual(evenly(101, 5), [0, 25, 50, 75, 100]);
  });
});
