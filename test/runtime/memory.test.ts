import assert from 'node:assert/strict';
import { Builder } from '../../src/graph/builder.ts';
import { tensor } from '../../src/graph/graph.ts';
import { lower } from '../../src/onnx/lower.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import type { Tensor } from '../../src/runtime/runtime.ts';

const runtime = createRuntime();
const side = 256;
/** Bytes of one matrix: a session holds its product and more, a run makes one. */
const each = side * side * 4;

function model(): Uint8Array {
  const b = new Builder();
  const axis = (name: string) => ({ name, size: side });
  const product = b.contract(b.parameter(tensor([axis('I'), axis('K')])), b.parameter(tensor([axis('K'), axis('J')])), ['K']);
  return lower(b.graph([b.sum(b.tanh(product)), b.tanh(product)]), { inputs: ['a', 'b'], outputs: ['sum', 'y'] }).bytes;
}

describe('native memory', function () {
  this.timeout(60_000);
  const bytes = model();
  const matrix: Tensor = { type: 'float32', dims: [side, side], data: new Float32Array(side * side) };

  /** Growth of the process after the first `warm` rounds, in bytes. */
  async function growth(rounds: number, warm: number, round: () => Promise<void>): Promise<number> {
    let before = 0;
    for (let k = 0; k < rounds; k += 1) {
      await round();
      if (k === warm) before = process.memoryUsage().rss;
    }
    return process.memoryUsage().rss - before;
  }

  it('is given back when a session is released', async () => {
    const grown = await growth(200, 40, async () => {
      const session = await runtime.open(bytes, { device: 'cpu', threads: 1, resident: ['sum'] });
      await session.run({ a: matrix, b: matrix }, ['sum']);
      await session.release();
    });
    assert.ok(grown < 160 * each, `${Math.round(grown / 1e6)} MB more after 160 sessions`);
  });

  it('does not grow with the runs of a session', async () => {
    const session = await runtime.open(bytes, { device: 'cpu', threads: 1 });
    const y: Tensor = { type: 'float32', dims: [side, side], data: new Float32Array(side * side) };
    const grown = await growth(1000, 100, async () => {
      await session.compute({ a: matrix, b: matrix }, ['y'], { y });
    });
    await session.release();
    assert.ok(grown < 450 * each, `${Math.round(grown / 1e6)} MB more after 900 runs`);
  });
});
