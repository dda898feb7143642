import assert from 'node:assert/strict';
import { buildModel } from '../../src/language/index.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import { openPartsTrainer } from '../../src/training/parts-trainer.ts';
import { openSessionTrainer } from '../../src/training/session-trainer.ts';
import type { TrainerState } from '../../src/training/trainer.ts';
import { blocksOf, Seldom, updateRatios } from '../../src/training/update-ratios.ts';
import { programOf } from '../language/load.ts';
import { languageModel, settingsWith, startOf, windowOf } from '../passes/models.ts';

const modelOf = async (call: string, more = '') =>
  buildModel(
    await programOf(`model M(input: [T] of Char) {\n  h = ${call}\n  loss = cross_entropy(linear(h, Char), next(input))\n}\n${more}`),
    {
      model: 'M',
      classes: { Char: 5 },
    },
  );
const own = `cell own(x: [I], size H) {
  state h: [H]
  param W: [H, I], W_b: [H, I], b: [H]

  a  = sigmoid(W @ x + b)
  h' = a * tanh(W_b @ x + b) + h
}
`;

describe('blocks of weights', function () {
  this.timeout(30_000);
  const cases: [call: string, blocks: string[]][] = [
    ['lstm(embed(input, 3), 2)', ['h.embed', 'h.f', 'h.g', 'h.i', 'h.o', 'loss.linear']],
    ['gru(embed(input, 3), 2, layers: 2)', ['h.embed', 'h[0].n', 'h[0].r', 'h[0].z', 'h[1].n', 'h[1].r', 'h[1].z', 'loss.linear']],
    ['rnn(embed(input, 3), 2)', ['h', 'h.embed', 'loss.linear']],
    ['own(embed(input, 3), 2)', ['h.a', 'h.embed', 'h.h', 'loss.linear']],
  ];
  for (const [call, blocks] of cases)
    it(`of ${call}`, async () => {
      assert.deepEqual([...new Set(blocksOf(await modelOf(call, own)).map(({ block }) => block))].sort(), blocks);
    });

  it('hold a weight by the first line that reads it', async () => {
    const found = blocksOf(await modelOf('own(embed(input, 3), 2)', own));
    assert.deepEqual(
      found.filter(({ name }) => /^h\.(W|W_b|b)$/.test(name)),
      [
        { name: 'h.W', block: 'h.a' },
        { name: 'h.W_b', block: 'h.h' },
        { name: 'h.b', block: 'h.a' },
      ],
    );
  });
});

describe('update ratios', function () {
  this.timeout(30_000);
  it('are the norm of the change over that of the weights', async () => {
    const model = await modelOf('lstm(embed(input, 3), 2)');
    const before: TrainerState = new Map(
      model.weights.map(({ name, value }) => {
        const shape = value.type.axes.map(({ size }) => Number(size));
        return [name, { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) }];
      }),
    );
    const after = new Map([...before].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]));
    // Weights of norm 5 (3, 4) that move by 0.13 (.05, .12); what is all zero has no ratio.
    before.get('h.W_f')!.data[0] = 3;
    before.get('h.b_f')!.data[1] = 4;
    after.get('h.W_f')!.data.set([3.0625, 0]);
    after.get('h.b_f')!.data.set([0, 4]);
    after.get('h.U_f')!.data[2] = 0.0625 * 2;
    const ratios = updateRatios(model, before, after);
    assert.deepEqual(Object.keys(ratios), ['h.f']);
    assert.ok(Math.abs(ratios['h.f']! - (0.0625 * Math.sqrt(5)) / 5) < 1e-12);
  });

  it('are the same in one session and in parts', async () => {
    const model = languageModel('lstm');
    const settings = settingsWith({ optimizer: { kind: 'sgd', rate: 0.1 } });
    const runtime = createRuntime();
    const found = [];
    for (const trainer of [
      await openSessionTrainer(model, settings, startOf(model), runtime, { device: 'cpu', threads: 1 }),
      await openPartsTrainer(model, settings, startOf(model), runtime, 2),
    ]) {
      const before = await trainer.state();
      await trainer.step(windowOf(1), 1, 0.1);
      found.push(updateRatios(model, before, await trainer.state()));
      await trainer.close();
    }
    const [one, two] = found as [Record<string, number>, Record<string, number>];
    assert.ok(Object.keys(one).length > 3);
    for (const [block, ratio] of Object.entries(one)) assert.ok(Math.abs(two[block]! / ratio - 1) < 1e-3 && ratio > 0, block);
  });

  it('are measured so seldom that they take two per cent of the time, and not twice in a second', () => {
    let clock = 0;
    const seldom = new Seldom(() => clock);
    assert.equal(seldom.isDue, true);
    const start = clock;
    clock += 100;
    seldom.took(start);
    clock = 5099;
    assert.equal(seldom.isDue, false);
    clock = 5100;
    assert.equal(seldom.isDue, true);
    seldom.took(5099);
    clock = 6099;
    assert.equal(seldom.isDue, false);
  });
});
