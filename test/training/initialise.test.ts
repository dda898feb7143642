import assert from 'node:assert/strict';
import { makeValue, tensor } from '../../src/graph/graph.ts';
import type { Initial, Weight } from '../../src/graph/model.ts';
import { random } from '../../src/shared/random.ts';
import { draw, initialise } from '../../src/training/initialise.ts';

const weight = (name: string, initial: Initial, ...sizes: number[]): Weight => ({
  name,
  value: makeValue(tensor(sizes.map((size, k) => ({ name: `A${k}`, size })))),
  initial,
  origin: { instance: '', line: name },
});
const moments = (values: Float32Array): [number, number] => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return [mean, Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)];
};
const near = (actual: number, expected: number, within: number): void =>
  assert.ok(Math.abs(actual - expected) <= within, `${actual} is not ${expected} ± ${within}`);

describe('starting values', () => {
  it('depend on the seed and the name alone', () => {
    const normal: Initial = { kind: 'normal', deviation: 1 };
    const two = initialise([weight('a', normal, 3), weight('b', normal, 3)], 1);
    const three = initialise([weight('new', normal, 3), weight('b', normal, 3), weight('a', normal, 3)], 1);
    assert.deepEqual(two.get('a'), three.get('a'));
    assert.deepEqual(two.get('b'), three.get('b'));
    assert.notDeepEqual(two.get('a')!.data, two.get('b')!.data);
    assert.notDeepEqual(two.get('a')!.data, initialise([weight('a', normal, 3)], 2).get('a')!.data);
  });

  it('have the moments of their distribution', () => {
    const of = (initial: Initial, ...shape: number[]): [number, number] => moments(draw(initial, shape, random(3)));
    const cases: [[number, number], number][] = [
      [of({ kind: 'uniform', bound: 0.3 }, 200, 100), 0.3 / Math.sqrt(3)],
      [of({ kind: 'normal', deviation: 0.02 }, 200, 100), 0.02],
      [of({ kind: 'glorot' }, 200, 100), Math.sqrt(2 / 300)],
      [of({ kind: 'he' }, 200, 100), Math.sqrt(2 / 100)],
      [of({ kind: 'he' }, 50, 20, 3, 3), Math.sqrt(2 / 180)],
    ];
    for (const [[mean, deviation], expected] of cases) {
      near(mean / expected, 0, 0.03);
      near(deviation / expected, 1, 0.02);
    }
  });

  it('are orthogonal in the shorter direction', () => {
    for (const [rows, columns] of [
      [6, 6],
      [4, 7],
      [7, 4],
    ] as const) {
      const q = draw({ kind: 'orthogonal' }, [rows, columns], random(1));
      const wide = rows <= columns;
      const at = (vector: number, k: number): number => (wide ? q[vector * columns + k]! : q[k * columns + vector]!);
      for (let a = 0; a < Math.min(rows, columns); a += 1)
        for (let b = 0; b <= a; b += 1) {
          let sum = 0;
          for (let k = 0; k < Math.max(rows, columns); k += 1) sum += at(a, k) * at(b, k);
          near(sum, a === b ? 1 : 0, 1e-6);
        }
    }
  });

  it('are the identity, a constant, or logarithms of spans', () => {
    assert.deepEqual([...draw({ kind: 'identity' }, [2, 3], random(1))], [1, 0, 0, 0, 1, 0]);
    assert.deepEqual([...draw({ kind: 'constant', value: 0.5 }, [2], random(1))], [0.5, 0.5]);
    const spans = draw({ kind: 'chrono', steps: 100 }, [5000], random(1)).map(Math.exp);
    const [mean, deviation] = moments(spans);
    near(mean, 50, 1);
    near(deviation, 98 / Math.sqrt(12), 1);
    assert.ok(Math.min(...spans) >= 0.999 && Math.max(...spans) <= 99.001);
  });
});
