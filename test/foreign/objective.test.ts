import assert from 'node:assert/strict';
import { type Objective, objectiveOf } from '../../src/foreign/gradients/objective.ts';
import type { Tensor } from '../../src/runtime/runtime.ts';
import { random } from '../../src/shared/random.ts';

const double = (dims: readonly number[], ...data: readonly number[]): Tensor => ({ type: 'float64', dims, data: Float64Array.from(data) });
const classes = (dims: readonly number[], ...data: readonly number[]): Tensor => ({
  type: 'int64',
  dims,
  data: BigInt64Array.from(data, BigInt),
});

function draw(seed: string, positive: boolean, ...dims: readonly number[]): Tensor {
  const { uniform } = random('objective', seed);
  const data = Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => (positive ? 0.1 + uniform() : 4 * uniform() - 2));
  return double(dims, ...data);
}

/** The cotangent against central differences of the value. */
function check(output: Tensor, objective: Objective): void {
  const { value, cotangent } = objectiveOf(output, objective);
  assert.deepEqual(cotangent.dims, output.dims);
  const step = 1e-5;
  (output.data as Float64Array).forEach((_, k) => {
    const at = (change: number): number => {
      const data = (output.data as Float64Array).slice();
      data[k]! += change;
      return objectiveOf({ ...output, data }, objective).value;
    };
    const slope = (at(step) - at(-step)) / (2 * step);
    assert.ok(
      Math.abs(slope - Number(cotangent.data[k])) < 1e-8 * Math.max(1, Math.abs(slope)),
      `[${k}]: ${cotangent.data[k]}, not ${slope}`,
    );
  });
  assert.ok(Number.isFinite(value));
}

describe('objectives of gradients', () => {
  const output = draw('output', false, 2, 3);
  const chances = draw('chances', true, 2, 3);

  it('are one element, counted from either end', () => {
    check(output, { kind: 'element', index: [1, -1] });
    const { value, cotangent } = objectiveOf(double([2, 2], 1, 2, 3, 4), { kind: 'element', index: [-1, 0] });
    assert.equal(value, 3);
    assert.deepEqual([...(cotangent.data as Float64Array)], [0, 0, 1, 0]);
    check(double([], 2), { kind: 'element', index: [] });
  });
  it('are the sum', () => check(output, { kind: 'sum' }));
  it('are the mean squared error, where the target is known', () => {
    check(output, { kind: 'squared error', target: draw('target', false, 2, 3) });
    const target = double([3], 1, Number.NaN, 5);
    check(double([3], 0, 7, 3), { kind: 'squared error', target });
    assert.equal(objectiveOf(double([3], 0, 7, 3), { kind: 'squared error', target }).value, 2.5);
  });
  for (const [from, scores] of [
    ['logits', output],
    ['probabilities', chances],
  ] as const) {
    it(`are the cross entropy from ${from}`, () => {
      check(scores, { kind: 'cross entropy', from, target: classes([2], 2, 0) });
      check(scores, { kind: 'cross entropy', from, target: classes([2], -1, 1) });
      check(scores, { kind: 'cross entropy', from, target: double([2, 3], 0.2, 0.3, 0.5, 0, 1, 0) });
      // Weights that add up to something else than 1
      check(scores, { kind: 'cross entropy', from, target: double([2, 3], 2, 0, 0.5, 0, 0, 0.3) });
    });
  }
  it('agree between logits and their softmax', () => {
    const softmax = [Math.E, 1].map((each) => each / (Math.E + 1));
    const target = classes([1], 1);
    const a = objectiveOf(double([1, 2], 1, 0), { kind: 'cross entropy', from: 'logits', target }).value;
    const b = objectiveOf(double([1, 2], ...softmax), { kind: 'cross entropy', from: 'probabilities', target }).value;
    assert.ok(Math.abs(a - b) < 1e-12 && Math.abs(a - Math.log(Math.E + 1)) < 1e-12);
  });
  it('are in float32 for outputs in float32', () => {
    const { cotangent } = objectiveOf({ type: 'float32', dims: [2], data: Float32Array.of(1, 2) }, { kind: 'sum' });
    assert.ok(cotangent.data instanceof Float32Array);
  });
  it('say what does not fit', () => {
    assert.throws(
      () => objectiveOf(output, { kind: 'element', index: [1] }),
      /The output is \[2, 3\]: an element of it has 2 indices, not 1/,
    );
    assert.throws(() => objectiveOf(output, { kind: 'element', index: [1, 3] }), /it has no element 3 along axis 1/);
    assert.throws(
      () => objectiveOf(output, { kind: 'squared error', target: double([3], 1, 2, 3) }),
      /A target of float64 \[3\] does not fit/,
    );
    assert.throws(
      () => objectiveOf(output, { kind: 'cross entropy', from: 'logits', target: classes([2], 0, 3) }),
      /The target has class 3, and the output \[2, 3\] has 3 classes/,
    );
  });
});
