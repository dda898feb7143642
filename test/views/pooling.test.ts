import assert from 'node:assert/strict';
import { random } from '../../src/shared/random.ts';
import { byIndex } from '../../src/views/order.ts';
import { HeatPool, OUTLIER, poolMaximum, poolRange, saturation, unitStatistics } from '../../src/views/pooling.ts';

/** [steps, units] by a function. */
const filled = (steps: number, units: number, value: (t: number, unit: number) => number): Float32Array =>
  Float32Array.from({ length: steps * units }, (_, at) => value(Math.floor(at / units), at % units));

function pooled(
  values: Float32Array,
  units: number,
  columns: number,
  rows: number,
  place = byIndex(units),
  stretch = values.length / units,
): Float32Array {
  const steps = values.length / units;
  const pool = new HeatPool(steps, columns, rows, place, unitStatistics(values, units));
  for (let t = 0; t < steps; t += stretch) pool.add(values.subarray(t * units, (t + stretch) * units), t);
  return pool.finish();
}

describe('pooling of heatmaps', () => {
  it('copies where each value has its own pixel, in the order of the units', () => {
    const values = filled(3, 2, (t, unit) => 10 * t + unit);
    assert.deepEqual([...pooled(values, 2, 3, 2, Uint16Array.from([1, 0]))], [1, 11, 21, 0, 10, 20]);
  });

  it('takes the mean of a bucket of ordinary values', () => {
    const values = filled(8, 4, (t, unit) => (t + unit) % 2);
    for (const v of pooled(values, 4, 2, 1)) assert.ok(Math.abs(v - 0.5) < 1e-6);
  });

  it('keeps a spike that is far from its own unit, at any zoom', () => {
    const values = filled(1000, 16, (t, unit) => (t === 617 && unit === 5 ? -4 : 0.6 + 0.1 * Math.sin(t + unit)));
    for (const [columns, rows] of [
      [100, 4],
      [10, 1],
      [3, 2],
    ] as const) {
      const heat = pooled(values, 16, columns, rows);
      assert.equal(Math.min(...heat), -4, `${columns} x ${rows}`);
      assert.equal(heat.filter((v) => v < 0).length, 1);
    }
  });

  it('does not turn units that are always at their ends into noise', () => {
    const chance = random(1);
    const values = filled(2000, 8, (_, unit) => (unit % 2 === 0 ? 0.99 : 0.01) + 0.002 * chance.uniform());
    for (const v of pooled(values, 8, 100, 1)) assert.ok(Math.abs(v - 0.5) < 0.01, String(v));
  });

  it('makes a bucket with one value that is no number no number', () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const values = filled(500, 64, (t, unit) => (t === 333 && unit === 40 ? bad : 0.5));
      const heat = pooled(values, 64, 50, 8);
      assert.equal(heat.filter(Number.isNaN).length, 1);
      assert.ok(Number.isNaN(heat[5 * 50 + 33]!));
    }
  });

  it('does not depend on the stretches that it is read in', () => {
    const chance = random(2);
    const values = filled(240, 6, () => chance.normal());
    assert.deepEqual(pooled(values, 6, 37, 4, byIndex(6), 30), pooled(values, 6, 37, 4));
  });

  it('measures deviations of each unit apart', () => {
    const { mean, deviation } = unitStatistics(Float32Array.from([1, 10, 3, 10, Number.NaN, 10]), 2);
    assert.deepEqual([...mean], [2, 10]);
    assert.deepEqual([...deviation], [1, 0]);
    assert.equal(OUTLIER, 3.5);
  });
});

describe('pooling of lines', () => {
  it('takes the maximum of a pixel, never the mean', () => {
    assert.deepEqual([...poolMaximum(Float32Array.from([0, 9, 0, 1, 0, 2]), 3)], [9, 1, 2]);
  });

  it('shows a gap only where everything is a gap, if gaps are skipped', () => {
    const values = Float32Array.from([Number.NaN, 2, Number.NaN, Number.NaN]);
    assert.deepEqual([...poolMaximum(values, 2, true)], [2, Number.NaN]);
    assert.deepEqual([...poolMaximum(values, 2)], [Number.NaN, Number.NaN]);
  });

  it('gives least and largest value of each pixel, leaving out gaps', () => {
    const { low, high } = poolRange([3, 1, 0, 2, 0, 0], 3, (v) => v === 0);
    assert.deepEqual([...low], [1, 2, Number.NaN]);
    assert.deepEqual([...high], [3, 2, Number.NaN]);
  });

  it('counts saturated units', () => {
    const { below, above } = saturation(Float32Array.from([0.05, 0.5, 0.95, 0.99, 0.1, 0.9, 0.5, 0.01]), 4);
    assert.deepEqual([...below], [0.25, 0.25]);
    assert.deepEqual([...above], [0.5, 0]);
  });
});
