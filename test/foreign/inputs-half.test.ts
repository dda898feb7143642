// Floats of 16 bits: every one of them, the middles between them, and random numbers against their definition.

import assert from 'node:assert/strict';
import { halfBits, halfValue } from '../../src/shared/half.ts';
import { random } from '../../src/shared/random.ts';

/** By the definition: sign, five bits of exponent, ten of fraction. */
function defined(bits: number): number {
  const text = bits.toString(2).padStart(16, '0');
  const [sign, exponent, fraction] = [text[0] === '1' ? -1 : 1, Number.parseInt(text.slice(1, 6), 2), Number.parseInt(text.slice(6), 2)];
  if (exponent === 31) return fraction === 0 ? sign / 0 : Number.NaN;
  return exponent === 0 ? (sign * fraction) / 1024 / 2 ** 14 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

describe('halves', () => {
  it('are told apart, and come back, all 65,536', () => {
    for (let bits = 0; bits < 65536; bits += 1) {
      const value = halfValue(bits);
      assert.ok(Object.is(value, defined(bits)), `${bits}`);
      const isNoNumber = (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0;
      assert.equal(halfBits(value), isNoNumber ? 0x7e00 : bits);
    }
  });

  it('are rounded to the nearest, and from the middle to the even one', () => {
    for (let bits = 0; bits < 0x7c00; bits += 1) {
      // Behind the largest one stands what would come next, which is infinite.
      const [below, above] = [halfValue(bits), bits === 0x7bff ? 65536 : halfValue(bits + 1)];
      const middle = (below + above) / 2;
      const nudge = middle * 2 ** -50;
      for (const sign of [1, -1]) {
        const signBit = sign < 0 ? 0x8000 : 0;
        assert.equal(halfBits(sign * middle), signBit | (bits % 2 === 0 ? bits : bits + 1), `${middle}`);
        assert.equal(halfBits(sign * (middle - nudge)), signBit | bits, `below ${middle}`);
        assert.equal(halfBits(sign * (middle + nudge)), signBit | (bits + 1), `above ${middle}`);
      }
    }
    // By way of 32 bits this would stand in the middle first, and then become 1.
    assert.equal(halfValue(halfBits(1 + 2 ** -11 + 2 ** -40)), 1 + 2 ** -10);
  });

  it('of random numbers are the nearest there are', () => {
    const chance = random(7, 'halves');
    const all = Array.from({ length: 0x7c00 }, (_, bits) => halfValue(bits));
    for (let k = 0; k < 100_000; k += 1) {
      const value = (chance.uniform() < 0.5 ? -1 : 1) * 2 ** (-26 + 42 * chance.uniform());
      const found = halfValue(halfBits(value));
      let [low, high] = [0, all.length - 1];
      while (high - low > 1) {
        const at = (low + high) >> 1;
        if (all[at]! <= Math.abs(value)) low = at;
        else high = at;
      }
      const nearest = Math.min(Math.abs(all[low]! - Math.abs(value)), Math.abs(all[high]! - Math.abs(value)));
      if (Math.abs(value) >= 65520) assert.equal(Math.abs(found), Number.POSITIVE_INFINITY);
      else assert.equal(Math.abs(found - value), nearest, `${value}`);
    }
  });

  it('keep zeros, infinities and NaN', () => {
    assert.deepEqual(
      [0, -0, 1 / 0, -1 / 0, Number.NaN, 5e-324, 1e300, 65519.99, 65520].map(halfBits),
      [0, 0x8000, 0x7c00, 0xfc00, 0x7e00, 0, 0x7c00, 0x7bff, 0x7c00],
    );
  });
});
