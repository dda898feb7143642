// A cell that runs over the rows of an image is traced as one over a sequence.

import assert from 'node:assert/strict';
import { check } from '../../src/graph/check.ts';
import { interpret } from '../../src/graph/interpret.ts';
import { buildModel } from '../../src/language/index.ts';
import { fixedTime, loosened } from '../../src/tracing/loosen.ts';
import { randomFeeds } from '../graph/numeric.ts';
import { programOf } from '../language/load.ts';

const text = `model Rows(image: [4, 3], digit: one of Digit) {
  h      = gru(image, 4)
  logits = linear(last(h), Digit)
  loss   = cross_entropy(logits, digit)
}`;

describe('a dimension of a fixed length', () => {
  it('is loosened, and the model computes what it did', async () => {
    const model = buildModel(await programOf(text), { model: 'Rows', classes: { Digit: 3 } });
    assert.deepEqual(fixedTime(model), { name: '4', size: 4 });
    const loose = loosened(model, '4');
    assert.deepEqual(check(loose.graph), []);
    assert.equal(loose.instances.find(({ path }) => path === 'h')!.lines[0]!.value.type.axes[0]!.size, '4');
    const feeds = randomFeeds(model.graph, { B: 2 });
    const renewed = new Map(model.graph.parameters.map((parameter, k) => [loose.graph.parameters[k]!, feeds.get(parameter)!]));
    const [before] = interpret({ ...model.graph, results: [model.loss!] }, feeds, { B: 2 });
    const [after] = interpret({ ...loose.graph, results: [loose.loss!] }, renewed, { B: 2, 4: 4 });
    assert.deepEqual(after!.data, before!.data);
  });

  it('is not looked for where there is a sequence', async () => {
    const model = buildModel(await programOf('model M(x: [T, 3], y: [1]) {\n  loss = mse(linear(last(gru(x, 3)), 1), y)\n}'), {
      model: 'M',
      classes: {},
    });
    assert.equal(fixedTime(model), undefined);
  });
});
