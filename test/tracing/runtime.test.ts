import assert from 'node:assert/strict';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import { RuntimeEvaluator } from '../../src/tracing/evaluator.ts';
import { openTrace } from '../../src/tracing/trace.ts';
import { assertClose } from '../graph/numeric.ts';
import { InterpreterEvaluator } from './interpreter.ts';
import { languageModel, sourceOf } from './models.ts';

describe('a trace by the runtime', () => {
  it('has the values and gradients of one by the interpreter', async () => {
    const source = sourceOf(languageModel(['lstm', 'gru'], { V: 5, E: 3, H: 4 }, { bidirectional: true }), 12);
    const native = await openTrace(source, new RuntimeEvaluator(createRuntime(), { B: 1 }));
    const plain = await openTrace(source, new InterpreterEvaluator());
    assert.ok(native.description.parity < 1e-5);
    for (const { path, lines } of source.model.instances) {
      const addresses = lines.map(({ name }) => ({ instance: path, line: name }));
      for (const gradient of [false, true]) {
        const request = { addresses, from: 3, to: 9, gradient };
        const expected = await plain.read(request);
        for (const [k, values] of (await native.read(request)).entries())
          assertClose(values, expected[k]!, 1e-4, `${gradient ? 'gradient of ' : ''}${path}/${lines[k]!.name}`);
      }
    }
    await native.close();
  }).timeout(20_000);
});
