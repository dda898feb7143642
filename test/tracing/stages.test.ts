import assert from 'node:assert/strict';
import type { Model } from '../../src/graph/model.ts';
import type { Evaluator } from '../../src/tracing/evaluator.ts';
import { openTrace } from '../../src/tracing/trace.ts';
import { assertClose } from '../graph/numeric.ts';
import { InterpreterEvaluator } from './interpreter.ts';
import { languageModel, sourceOf } from './models.ts';

const STEPS = 9;
const shape = { V: 5, E: 3, H: 4 };

/** An interpreter that counts the loops that it runs. */
class Counting extends InterpreterEvaluator {
  loops = 0;

  override run(...given: Parameters<Evaluator['run']>): ReturnType<Evaluator['run']> {
    this.loops += given[0].nodes.filter(({ operation }) => operation === 'recur').length;
    return super.run(...given);
  }
}

describe('a trace whose hidden states are known, in stages', () => {
  const models: Readonly<Record<string, () => Model>> = {
    'an LSTM': () => languageModel(['lstm'], shape),
    'peepholes, whose gates see the cell': () => languageModel(['peephole_lstm'], shape),
    'two directions': () => languageModel(['gru', 'lstm'], shape, { bidirectional: true }),
  };
  for (const [name, make] of Object.entries(models))
    it(`${name}: has the values of one that computes everything, and runs no loop`, async () => {
      const source = sourceOf(make(), STEPS);
      const whole = await openTrace(source, new InterpreterEvaluator());
      const hidden = source.model.instances.filter(({ states }) => states.length > 0).map(({ path }) => ({ instance: path, line: "h'" }));
      const states = await whole.read({ addresses: hidden, from: 0, to: STEPS });
      const known = new Map(hidden.map(({ instance, line }, k) => [`${instance}/${line}`, states[k]!]));
      const evaluator = new Counting();
      const trace = await openTrace({ ...source, known }, evaluator);
      await trace.remember(2 ** 20);
      for (const { path, lines } of source.model.instances)
        for (const { name: line } of lines) {
          const [expected] = await whole.read({ addresses: [{ instance: path, line }], from: 0, to: STEPS });
          assertClose(await trace.recomputed({ instance: path, line }, 0, STEPS), expected!, 1e-5, `${path}/${line}`);
          // A window of it is read from what was remembered, and from the states of the stages.
          const [part] = await trace.read({ addresses: [{ instance: path, line }], from: 4, to: 6 });
          assertClose(
            part!,
            expected!.subarray((4 * expected!.length) / STEPS, (6 * expected!.length) / STEPS),
            1e-5,
            `${path}/${line} in part`,
          );
        }
      assert.equal(evaluator.loops, 0);
      const gradient = async (of: typeof trace): Promise<Float32Array> =>
        (await of.read({ addresses: [hidden[0]!], from: 0, to: STEPS, gradient: true }))[0]!;
      assertClose(await gradient(trace), await gradient(whole), 1e-5, 'gradient');
    });

  it('computes a state by its loop where that is no elementwise function', async () => {
    const source = sourceOf(languageModel(['lstm'], shape), STEPS);
    const whole = await openTrace(source, new InterpreterEvaluator());
    const { path } = source.model.instances.find(({ states }) => states.length > 0)!;
    const [cells] = await whole.read({ addresses: [{ instance: path, line: "c'" }], from: 0, to: STEPS });
    const evaluator = new Counting();
    const trace = await openTrace({ ...source, known: new Map([[`${path}/c'`, cells!]]) }, evaluator);
    await trace.remember(2 ** 20);
    const [expected] = await whole.read({ addresses: [{ instance: path, line: "h'" }], from: 0, to: STEPS });
    assertClose(await trace.recomputed({ instance: path, line: "h'" }, 0, STEPS), expected!, 1e-5, "h'");
    assert.ok(evaluator.loops > 0);
  });
});
