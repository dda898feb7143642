import assert from 'node:assert/strict';
import { random } from '../../src/shared/random.ts';
import { byIndex, bySimilarity, byTimescale, placesOf, timescalesFromGate, timescalesFromState } from '../../src/views/order.ts';

describe('order of units', () => {
  it('takes timescales from the mean of the gate that keeps: tau = -1 / ln(mean f)', () => {
    const taus = timescalesFromGate(Float32Array.from([0.5, 0.98, 0, 1, 0.5, 1, 0, 1]), 4);
    assert.ok(Math.abs(taus[0]! - 1 / Math.LN2) < 1e-4);
    assert.ok(Math.abs(taus[1]! - 99.4992) < 1e-2);
    assert.deepEqual([taus[2], taus[3]], [0, Number.POSITIVE_INFINITY]);
  });

  it('takes timescales from the autocorrelation of states that no gate keeps', () => {
    const chance = random(3);
    const units = 3;
    const keep = [0.95, 0.6, 0];
    const state = new Float32Array(units);
    const run = Float32Array.from({ length: 6000 * units }, (_, at) => {
      state[at % units] = state[at % units]! * keep[at % units]! + chance.normal();
      return state[at % units]!;
    });
    const taus = timescalesFromState([run], units);
    assert.ok(Math.abs(taus[0]! - 19.5) < 4, String(taus[0]));
    assert.ok(Math.abs(taus[1]! - 1.96) < 0.25, String(taus[1]));
    assert.ok(taus[2]! < 0.4, String(taus[2]));
  });

  it('does not correlate across the ends of separate stretches', () => {
    const up = Float32Array.from([0, 1, 2, 3]);
    const down = Float32Array.from([3, 2, 1, 0]);
    assert.deepEqual(timescalesFromState([up, down], 1), timescalesFromState([down, up], 1));
  });

  it('puts the longest timescale on top, ties by index', () => {
    assert.deepEqual([...byTimescale(Float32Array.from([2, 8, 2, Number.POSITIVE_INFINITY]))], [3, 1, 0, 2]);
  });

  it('puts units that move together next to each other', async () => {
    const chance = random(4);
    const shared = [0, 1, 2].map(() => Float32Array.from({ length: 100 }, () => chance.normal()));
    const units = 12;
    const values = Float32Array.from(
      { length: 100 * units },
      (_, at) => shared[at % 3]![Math.floor(at / units)]! * (1 + (at % units)) + 0.01 * chance.normal(),
    );
    const groups = [...(await bySimilarity(values, units))].map((unit) => unit % 3);
    assert.equal(groups.filter((group, index) => index > 0 && group !== groups[index - 1]).length, 2, groups.join(' '));
  });

  it('names each unit once, and its inverse gives the places', async () => {
    const chance = random(5);
    const order = await bySimilarity(
      Float32Array.from({ length: 40 * 9 }, () => chance.normal()),
      9,
    );
    assert.deepEqual([...order].sort(), [...byIndex(9)]);
    const places = placesOf(order);
    for (const [place, unit] of order.entries()) assert.equal(places[unit], place);
  });
});
