import assert from 'node:assert/strict';
import { type Course, gateUnits, participationRatio, stateUnits } from '../../src/analysis/units.ts';
import { random } from '../../src/shared/random.ts';

const course = (steps: number, batch: number, units: number, value: (t: number, row: number, unit: number) => number): Course => ({
  steps,
  batch,
  data: Float32Array.from({ length: steps * batch * units }, (_, k) =>
    value(Math.floor(k / (batch * units)), Math.floor(k / units) % batch, k % units),
  ),
});

describe('units', () => {
  it('of a gate are shut, open, or between', () => {
    const found = gateUnits([course(10, 2, 3, (t, _, unit) => [0.05, 0.95, t < 5 ? 0.05 : 0.5][unit]!)]);
    assert.deepEqual(found.below, [1, 0, 0.5]);
    assert.deepEqual(found.above, [0, 1, 0]);
    assert.ok(Math.abs(found.mean[2]! - 0.275) < 1e-6);
  });

  it('of a state are dead, stuck, drifting, or none of it', () => {
    const chance = random(1);
    const found = stateUnits('c', [course(80, 3, 5, (t, row, unit) => [0, 0.7, 0.1 * t, chance.normal(), Math.sin(t + row)][unit]!)]);
    assert.deepEqual([found.dead, found.stuck, found.drifting], [[0], [1], [2]]);
  });

  it('fill as many dimensions as their covariance has alike', () => {
    const chance = random(2);
    const free = course(2000, 1, 6, () => chance.normal());
    const line = course(2000, 1, 6, (t, _, unit) => (unit + 1) * Math.sin(t));
    assert.ok(Math.abs(participationRatio([free], new Float64Array(6)) - 6) < 0.1);
    assert.ok(Math.abs(participationRatio([line], new Float64Array(6)) - 1) < 1e-3);
    // Variances 4 and 1: (4 + 1)² / (16 + 1).
    const two = course(2, 2, 2, (t, row, unit) => (unit === 0 ? (t === 0 ? 2 : -2) : row === 0 ? 1 : -1));
    assert.ok(Math.abs(participationRatio([two], [0, 0]) - 25 / 17) < 1e-6);
  });
});
