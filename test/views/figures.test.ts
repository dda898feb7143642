import assert from 'node:assert/strict';
import { count, duration, fixed, percent, short, signed, visibleToken } from '../../src/shared/figures.ts';
import { numberText } from '../../src/shared/numbers.ts';

const cases: readonly (readonly [text: string, expected: string])[] = [
  [numberText(0.714), '.71'],
  [numberText(-0.714), '−.71'],
  [numberText(8.346), '8.35'],
  [numberText(9.996), '10.0'],
  [numberText(38.21), '38.2'],
  [numberText(348.4), '348'],
  [numberText(3.6e-10), '3.6e−10'],
  [numberText(-2e-7), '−2.0e−7'],
  [numberText(3.1e38), '3.1e38'],
  [numberText(0), '0'],
  [numberText(Number.NaN), 'NaN'],
  [numberText(Number.NEGATIVE_INFINITY), '−∞'],
  [fixed(0.5, 1), '.5'],
  [fixed(-12.34, 1), '−12.3'],
  [fixed(0.001, 2), '.00'],
  [short(0.0081), '.01'],
  [short(43.21), '43.2'],
  [percent(0.59), '59 %'],
  [percent(0.382, 1), '38.2 %'],
  [percent(0.001), '< 1 %'],
  [percent(0.9999), '> 99 %'],
  [percent(0.00001, 1), '< .1 %'],
  [percent(0), '0 %'],
  [percent(1), '100 %'],
  [signed(0.51), '+.51'],
  [signed(-5.04), '−5.04'],
  [count(10_000), '10,000'],
  [duration(18.2), '18 s'],
  [duration(63), '1:03 min'],
  [duration(7500), '2:05 h'],
  [visibleToken(' '), '␣'],
  [visibleToken('a\n'), 'a⏎'],
];

describe('figures', () => {
  for (const [text, expected] of cases) it(expected, () => assert.equal(text, expected));
});
