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

  it('have the shape of their distribution', () => {
    const largest = (values: Float32Array): number => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    // Glorot & Bengio 2010, eq. 16: even up to the root of 6 / (in + out).
    const bound = Math.sqrt(6 / 300);
    const glorot = draw({ kind: 'glorot' }, [200, 100], random(4));
    assert.ok(largest(glorot) <= bound && largest(glorot) > 0.999 * bound);
    near(glorot.filter((value) => Math.abs(value) < bound / 2).length / glorot.length, 0.5, 0.01);
    // He et al. 2015, eq. 10: a bell of variance 2 / in, in being the columns of [out, in].
    const he = draw({ kind: 'he' }, [100, 200], random(4));
    const deviation = Math.sqrt(2 / 200);
    for (const [times, share] of [
      [1, 0.6827],
      [2, 0.9545],
      [3, 0.9973],
    ] as const)
      near(he.filter((value) => Math.abs(value) < times * deviation).length / he.length, share, 0.01);
    // A bias of a forget gate remembers 1 .. T - 1 steps, evenly (Tallec & Ollivier 2018): its sigmoid is 1 - 1 / (1 + steps).
    const steps = draw({ kind: 'chrono', steps: 50 }, [4000], random(4)).map((value) => 1 / (1 - 1 / (1 + Math.exp(-value))) - 1);
    for (const quarter of [0.25, 0.5, 0.75]) near(steps.filter((each) => each < 1 + 48 * quarter).length / 4000, quarter, 0.02);
  });

  it('are drawn evenly from all orthogonal matrices (Saxe et al. 2013; Mezzadri 2007)', () => {
    // Of a Haar matrix, the trace has mean 0 and variance 1, and so has each entry times the root of its size.
    const traces: number[] = [];
    const corners: number[] = [];
    const chance = random(5);
    for (let k = 0; k < 2000; k += 1) {
      const q = draw({ kind: 'orthogonal' }, [5, 5], chance);
      traces.push(q[0]! + q[6]! + q[12]! + q[18]! + q[24]!);
      corners.push(q[0]! * Math.sqrt(5), q[23]! * Math.sqrt(5));
    }
    for (const values of [traces, corners]) {
      const [mean, deviation] = moments(Float32Array.from(values));
      near(mean, 0, 0.08);
      near(deviation, 1, 0.08);
    }
    // Also where rows are many, each is orthogonal to each.
    const big = draw({ kind: 'orthogonal' }, [160, 160], random(6));
    let worst = 0;
    for (let a = 0; a < 160; a += 7)
      for (let b = 0; b < 160; b += 3) {
        let sum = 0;
        for (let k = 0; k < 160; k += 1) sum += big[a * 160 + k]! * big[b * 160 + k]!;
        worst = Math.max(worst, Math.abs(sum - (a === b ? 1 : 0)));
      }
    assert.ok(worst < 1e-6, `${worst}`);
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
    // Le et al. 2015: the recurrent matrix of a ReLU network.
    assert.deepEqual([...draw({ kind: 'identity' }, [2, 3], random(1))], [1, 0, 0, 0, 1, 0]);
    assert.deepEqual([...draw({ kind: 'constant', value: 0.5 }, [2], random(1))], [0.5, 0.5]);
    const spans = draw({ kind: 'chrono', steps: 100 }, [5000], random(1)).map(Math.exp);
    const [mean, deviation] = moments(spans);
    near(mean, 50, 1);
    near(deviation, 98 / Math.sqrt(12), 1);
    assert.ok(Math.min(...spans) >= 0.999 && Math.max(...spans) <= 99.001);
  });
});
