import assert from 'node:assert/strict';
import { shareOfColour } from '../../src/views/tint.ts';
import { scrolled, windowAround } from '../../src/views/window.ts';

describe('windows', () => {
  it('stand around a timestep, inside the sequence', () => {
    assert.deepEqual(windowAround(28, 60, 400), { from: 0, to: 60 });
    assert.deepEqual(windowAround(200, 60, 400), { from: 170, to: 230 });
    assert.deepEqual(windowAround(399, 60, 400), { from: 340, to: 400 });
    assert.deepEqual(windowAround(3, 5, 5), { from: 0, to: 5 });
  });

  it('scroll by three quarters of themselves until a timestep is in view', () => {
    assert.deepEqual(scrolled({ from: 0, to: 60 }, 59, 400), { from: 0, to: 60 });
    assert.deepEqual(scrolled({ from: 0, to: 60 }, 60, 400), { from: 45, to: 105 });
    assert.deepEqual(scrolled({ from: 45, to: 105 }, 44, 400), { from: 0, to: 60 });
    assert.deepEqual(scrolled({ from: 0, to: 60 }, 399, 400), { from: 340, to: 400 });
    for (let t = 0; t < 400; t++) {
      const { from, to } = scrolled({ from: 130, to: 190 }, t, 400);
      assert.ok(from <= t && t < to && to - from === 60, `t ${t}`);
    }
  });

  it('tint by shares of full colour that no window changes', () => {
    const { share, max } = shareOfColour(Float32Array.from([Number.NaN, 1, 2, 4]), 'surprise');
    assert.ok(Number.isNaN(share[0]!) && share[3] === 1 && max === 4);
    const gradient = shareOfColour(Float32Array.from([1, 1e-3, 1e-9, 0]), 'gradient').share;
    assert.deepEqual(
      [...gradient].map((v) => Number(v.toFixed(3))),
      [1, 0.5, 0, 0],
    );
  });
});
