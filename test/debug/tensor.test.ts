import assert from 'node:assert/strict';
import { shortText, sparkline, statistics, type Tensor, tensorText } from '../../src/debug/tensor.ts';
import { numberText, shareText } from '../../src/shared/numbers.ts';

const vector = (data: readonly number[], range?: 'gate' | 'signed'): Tensor => ({
  shape: [data.length],
  dimensions: ['H'],
  data: Float64Array.from(data),
  ...(range && { range }),
});

describe('numbers and tensors as text', () => {
  for (const [value, text] of [
    [0.714, '.71'],
    [-0.05, '−.05'],
    [0.005, '.0050'],
    [9.99, '9.99'],
    [9.999, '10.0'],
    [-12.34, '−12.3'],
    [123.4, '123'],
    [12345.6, '12,346'],
    [3.6e-10, '3.6e−10'],
    [2.5e7, '2.5e7'],
    [0, '0'],
    [7, '7'],
    [Number.NaN, 'NaN'],
    [Number.NEGATIVE_INFINITY, '−∞'],
  ] as const)
    it(`${value} is ${text}`, () => assert.equal(numberText(value), text));

  it('shares are in per cent, and a little is not nothing', () => {
    assert.deepEqual([0, 0.004, 0.125, 1].map(shareText), ['0 %', '< 1 %', '13 %', '100 %']);
  });

  it('a gate is drawn from 0 to 1, squashed values from −1 to 1, others from the least to the greatest', () => {
    assert.equal(sparkline(vector([0.05, 0.95, 0.96, 0.99], 'gate'), 4), '▃▁▁█');
    assert.equal(sparkline(vector([-0.9, 0.1, 0.1, 0.1], 'signed'), 4), '▃▁█▁');
    assert.equal(sparkline(vector([5, 6, 7, 8]), 4), '████');
    assert.equal(sparkline(vector([3, 3]), 4), '█▁▁▁');
  });

  it('a tensor says its shape, mean, range and saturation', () => {
    assert.equal(tensorText(vector([0.05, 0.95, 0.96, 0.5], 'gate')), '[4] mean .61, .05 … .96, 25 % < .1, 50 % > .9 ▅▁▁▅▁█');
    assert.equal(tensorText({ ...vector([1, 2, 3, 4]), shape: [2, 2] }), '[2, 2] mean 2.50, 1 … 4 █▁█▁██');
    assert.equal(shortText(vector([0.5, 0.5, 0.9, 0.9], 'gate')), '.70 ▁▁██');
  });

  it('what is not finite is counted, and left out of the figures', () => {
    const { mean, broken } = statistics([1, Number.NaN, 3, Number.POSITIVE_INFINITY]);
    assert.deepEqual([mean, broken], [2, 2]);
    assert.match(tensorText(vector([1, Number.NaN])), /^\[2\] mean 1, 1 … 1, 1 not finite /);
    assert.equal(tensorText(vector([Number.NaN])), '[1] no finite value');
    assert.equal(tensorText(vector([])), '[0]');
  });
});
