import assert from 'node:assert/strict';
import { cells } from '../../src/cli/bench/cases.ts';
import { measure } from '../../src/cli/bench/measure.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';

describe('the bench', function () {
  this.timeout(30_000);
  const size = { name: 'H128', inputs: 4, size: 8, batch: 4, steps: 3 };
  for (const cell of cells) {
    it(`measures ${cell.name}`, async () => {
      const measured = await measure(cell, size, 1, { rounds: 1, steps: 3 }, createRuntime());
      assert.ok(measured.step > 0 && measured.floor > 0);
      const copied = 'library' in cell.beside;
      assert.equal(measured.beside, copied ? 'lstm' : undefined);
      assert.equal(measured.target, copied ? 1.05 : undefined);
    });
  }
});
