import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { swiftShaderEnvironment } from '../runtime/swiftshader.ts';
import type { Trained } from './webgpu-losses.ts';

const script = fileURLToPath(new URL('webgpu-losses.ts', import.meta.url));
const cells = ['lstm', 'gru', 'rnn', 'mgu', 'normed_lstm'];
/** Models of the language whose rows are padded; a bidirectional one among them, one with images, and one that translates. */
const ragged = ['classifier', 'tagger', 'images', 'translation'];

function assertNear(actual: readonly number[], expected: readonly number[], tolerance: number, what: string): void {
  assert.equal(actual.length, expected.length, what);
  actual.forEach((value, k) => {
    assert.ok(Math.abs(value - expected[k]!) < tolerance, `${what} ${k}: ${value} on WebGPU, ${expected[k]} on the CPU`);
  });
}

describe('training on WebGPU', function () {
  this.timeout(300_000);
  let results: Record<string, { cpu: Trained; webgpu: Trained }>;

  before(async () => {
    const env = { ...process.env, ...swiftShaderEnvironment() };
    const { stdout } = await promisify(execFile)(process.execPath, [script, ...cells, ...ragged], { env, maxBuffer: 2 ** 24 });
    results = JSON.parse(stdout);
  });

  for (const cell of [...cells, ...ragged]) {
    it(`${cell}: twenty steps as on the CPU`, () => {
      const { cpu, webgpu } = results[cell]!;
      assert.equal(cpu.losses.length, 20);
      assert.ok(cpu.losses[16]! < cpu.losses[0]! - 0.02, 'the loss on the same window falls');
      if (cells.includes(cell)) assert.notEqual(cpu.validation[0], cpu.validation[1], 'the state is carried on in validation');
      assertNear(webgpu.losses, cpu.losses, 5e-5, 'loss');
      assertNear(webgpu.norms, cpu.norms, 1e-3, 'gradient norm');
      assertNear(webgpu.validation, cpu.validation, 5e-5, 'validation loss');
      assertNear(webgpu.judged, cpu.judged, 1e-3, 'answers');
      assert.deepEqual(Object.keys(webgpu.sums).sort(), Object.keys(cpu.sums).sort());
      for (const [name, sum] of Object.entries(cpu.sums)) assertNear([webgpu.sums[name]!], [sum], 1e-3 * Math.max(1, sum), name);
    });
  }
});
