// Gradients that go out: exact for as long as they are there, then zero.

import assert from 'node:assert/strict';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import { RuntimeEvaluator } from '../../src/tracing/evaluator.ts';
import { openTrace } from '../../src/tracing/trace.ts';
import { sourceOf } from '../analysis/models.ts';

const linear = `
cell plain(x: [I], size H) {
  state h: [H]
  param W: [H, I], U: [H, H]

  h' = W @ x + U @ h
}
`;

describe('a gradient that fades', () => {
  it('is what the equations say down to 1e-34, and zero below, instead of a number with few digits', async () => {
    const steps = 60;
    // One unit whose gradient halves twice a step, and is a tenth of that in a unit beside it.
    const source = await sourceOf(
      'plain(x, 2)',
      { steps, weights: (name, data) => name === 'h.U' && data.set([0.25, 0, 0, 0.25]) },
      linear,
    );
    const trace = await openTrace(source, new RuntimeEvaluator(createRuntime(), { B: 1 }));
    try {
      const seed = new Float32Array(2 * steps);
      seed.set([1, 0.1], 2 * (steps - 1));
      trace.seed([seed]);
      const [found] = await trace.read({ addresses: [{ instance: 'h', line: "h'" }], from: 0, to: steps, gradient: true });
      let zeros = 0;
      for (let t = 0; t < steps; t += 1)
        for (const [unit, start] of [1, 0.1].entries()) {
          const expected = start * 0.25 ** (steps - 1 - t);
          const value = found![2 * t + unit]!;
          if (expected > 1e-33) assert.ok(Math.abs(value / expected - 1) < 1e-6, `${value} at ${t}, not ${expected}`);
          if (expected < 1e-35) assert.equal(value, 0, `${value} at ${t}`);
          if (value === 0) zeros += 1;
        }
      assert.ok(zeros > 4);
    } finally {
      await trace.close();
    }
  });
});
