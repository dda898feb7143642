// Rows of different lengths through the runtime, whichever trainer: twice the padding changes neither loss nor gradient norm, weights nor metrics.

import assert from 'node:assert/strict';
import type { Batch } from '../../src/data/dataset.ts';
import type { Model } from '../../src/graph/model.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import { initialise } from '../../src/training/initialise.ts';
import { Tally } from '../../src/training/metrics.ts';
import { openPartsTrainer } from '../../src/training/parts-trainer.ts';
import { openSessionTrainer } from '../../src/training/session-trainer.ts';
import type { Trainer } from '../../src/training/trainer.ts';
import { longerLength, widened } from '../../src/training/widen.ts';
import { assertClose } from '../onnx/lowered.ts';
import { settingsWith } from '../passes/models.ts';
import { batchOf, lengths, modelOf, texts } from './ragged.ts';

describe('padding', function () {
  this.timeout(30_000);
  const runtime = createRuntime();
  const settings = settingsWith({ batch: lengths.length });
  const trainers = {
    session: (model: Model): Promise<Trainer> =>
      openSessionTrainer(model, settings, initialise(model.weights, 1), runtime, { device: 'cpu', threads: 1 }),
    parts: (model: Model): Promise<Trainer> => openPartsTrainer(model, settings, initialise(model.weights, 1), runtime, 2),
  };
  for (const [name, text] of Object.entries(texts))
    for (const [kind, open] of Object.entries(trainers))
      it(`changes nothing in a ${name} (${kind})`, async () => {
        const model = await modelOf(text);
        const outcome = async (steps: number) => {
          const trainer = await open(model);
          const numbers: number[] = [];
          for (let step = 1; step <= 3; step += 1) {
            const { loss, gradientNorm } = await trainer.step(batchOf(model, steps), step, 0.01);
            numbers.push(loss, gradientNorm);
          }
          const { sum, count, judged } = await trainer.evaluate(batchOf(model, steps));
          const tally = new Tally(model.judged!, ['x', 'y', 'z']);
          tally.add(judged!);
          const metrics = tally.metrics([{ kind: 'accuracy' }, { kind: 'f1' }, { kind: 'exact' }, { kind: 'perplexity' }]);
          const state = await trainer.state();
          await trainer.close();
          return {
            numbers: [...numbers, sum, count, ...Object.values(metrics)],
            weights: [...state].filter(([each]) => !each.includes('#')),
          };
        };
        const [little, much] = [await outcome(7), await outcome(14)];
        assertClose(much.numbers, little.numbers, 'losses, norms, metrics', 1e-6);
        for (const [k, [weight, { data }]] of little.weights.entries()) assertClose(much.weights[k]![1].data, data, weight, 1e-5);
        const all = lengths.reduce((sum, each) => sum + each, 0) - (text.includes('next(') ? lengths.length : 0);
        assert.equal(little.numbers[7], text.includes('tag: one of') ? lengths.length : all);
      });

  it('is all that there is where nothing can be compared: nothing is learned', async () => {
    const model = await modelOf(texts.tagger);
    const nothing = { ...batchOf(model, 7), inputs: { ...batchOf(model, 7).inputs, tags: new Int32Array(7 * lengths.length).fill(-1) } };
    const start = initialise(model.weights, 1);
    for (const open of Object.values(trainers)) {
      const trainer = await open(model);
      assert.deepEqual(await trainer.step(nothing, 1, 0.01), { loss: 0, gradientNorm: 0 });
      const state = await trainer.state();
      const { sum, count, judged } = await trainer.evaluate(nothing);
      await trainer.close();
      for (const { name } of model.weights) assert.deepEqual(state.get(name)!.data, start.get(name)!.data, name);
      assert.deepEqual([sum, count, judged!.counted.some((each) => each !== 0)], [0, 0, false]);
    }
  });

  it('is added where a device compiles a step for each length, so that there are few', async () => {
    assert.deepEqual(
      [1, 2, 7, 16, 17, 18, 19, 33, 36, 64, 65, 100, 1000].map(longerLength),
      [1, 2, 7, 16, 18, 18, 20, 36, 36, 64, 72, 104, 1024],
    );
    for (let length = 1; length < 3000; length += 1) assert.ok(longerLength(length) >= length && longerLength(length) <= length * 1.125);
    const model = await modelOf(texts.tagger);
    const short = batchOf(model, 17);
    const wide = widened(short, model);
    assert.deepEqual(wide.sizes, { T: 18 });
    assert.deepEqual(wide.inputs['lengths(T)'], short.inputs['lengths(T)']);
    for (const name of ['input', 'tags'])
      assert.deepEqual([...wide.inputs[name]!], [...short.inputs[name]!, ...new Array(lengths.length).fill(0)]);
    assert.equal(widened(batchOf(model, 16), model).sizes.T, 16);
    const { 'lengths(T)': _, ...whole } = short.inputs;
    assert.equal(widened({ ...short, inputs: whole }, model).sizes.T, 17);
  });

  it('a batch of fewer rows than parts is learned from as well', async () => {
    const model = await modelOf(texts.classifier);
    const trainer = await trainers.parts(model);
    const one: Batch = {
      rows: 1,
      sizes: { T: 2 },
      inputs: { input: Int32Array.of(1, 2), tag: Int32Array.of(1), 'lengths(T)': Int32Array.of(2) },
      reset: true,
    };
    const losses = [];
    for (let step = 1; step <= 20; step += 1) losses.push((await trainer.step(one, step, 0.05)).loss);
    await trainer.close();
    assert.ok(losses.at(-1)! < losses[0]! / 2);
  });

  it('frozen lines stay as they are, in either trainer', async () => {
    const model = await modelOf(texts.classifier);
    const frozen = settingsWith({ batch: lengths.length, freeze: ['h'], optimizer: { kind: 'adamw', rate: 0.01, decay: 0.1 } });
    const start = initialise(model.weights, 1);
    for (const trainer of [
      await openSessionTrainer(model, frozen, start, runtime, { device: 'cpu', threads: 1 }),
      await openPartsTrainer(model, frozen, start, runtime, 2),
    ]) {
      await trainer.step(batchOf(model, 7), 1, 0.01);
      const state = await trainer.state();
      for (const { name } of model.weights) {
        const same = state.get(name)!.data.every((value, k) => value === start.get(name)!.data[k]);
        assert.equal(same, name.startsWith('h.'), name);
      }
      assert.ok(![...state.keys()].some((name) => name.startsWith('h.') && name.includes('#m')));
      await trainer.close();
    }
    await assert.rejects(
      openSessionTrainer(model, settingsWith({ freeze: ['encoder'] }), start, runtime, { device: 'cpu' }),
      /`freeze: \[encoder\]`: M has no weights in a line encoder\. It has them in .*h/,
    );
  });
});
