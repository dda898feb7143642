import assert from 'node:assert/strict';
import { measureAnalysis } from '../../src/cli/bench/analysis.ts';
import { measureCaptions } from '../../src/cli/bench/captions.ts';
import { cells } from '../../src/cli/bench/cases.ts';
import { measure } from '../../src/cli/bench/measure.ts';
import { measureTrace } from '../../src/cli/bench/traces.ts';
import { measureDecoding, measureTranslation } from '../../src/cli/bench/translation.ts';
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

  it('measures a translation model on sentences of different lengths', async () => {
    const small = { name: 'H4', words: 12, embedding: 3, units: 4, batch: 16, lengths: [2, 5] } as const;
    const measured = await measureTranslation(small, 2, { rounds: 2, steps: 3 }, undefined);
    assert.ok(measured.step > 0 && measured.ratio === undefined);
    const decoded = await measureDecoding(small, { rounds: 1, steps: 3 }, undefined);
    assert.ok(decoded.step > 0 && decoded.cell === 'decoding');
  });

  it('measures a model of images', async () => {
    const small = { name: '8 px', pixels: 8, channels: [2, 3, 4], embedding: 3, units: 4, batch: 6 } as const;
    const measured = await measureCaptions(small, 2, { rounds: 1, steps: 3 }, undefined);
    assert.ok(measured.step > 0 && measured.ratio === undefined);
  });

  it('measures a trace beside the run of its model', async () => {
    const measured = await measureTrace({ operator: 'GRU', hidden: 128, target: 2 }, 1, 1, createRuntime());
    assert.equal(measured.size, 'H128');
    assert.ok(measured.untouched > 0 && measured.replayed < measured.traced);
    assert.ok(Math.abs(measured.ratio - measured.traced / measured.untouched) < 1e-9);
  });

  it('measures analyses beside a training step', async () => {
    const small = { name: 'T12 H8', inputs: 4, size: 8, batch: 2, steps: 12 };
    for (const what of ['gradient', 'whole'] as const) {
      const { took, step, ratio } = await measureAnalysis({ what, cell: 'gru', size: small, target: 1 }, 1, 1, createRuntime());
      assert.ok(took > 0 && step > 0);
      assert.equal(ratio, what === 'gradient' ? took / step : took);
    }
  });
});
