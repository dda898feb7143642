import assert from 'node:assert/strict';
import { buildModel } from '../../src/language/index.ts';
import { describeInstance } from '../../src/tracing/describe.ts';
import { imagePlaces } from '../../src/tracing/image-places.ts';
import { shaded } from '../../webview/image-attention.ts';
import { programOf } from '../language/load.ts';

const SOURCE = `cell looking(y: [E], regions: [R, C], size H) {
  state s: [H]
  param W: [H, H], U: [C, H], v: [H]

  scores  = tanh(W @ s + regions @ U) @ v
  weights = softmax(scores, over: R)
  s'      = gru([y; weights @ regions], from: s)
}

model M(image: [3, 8, 12], caption: [T] of Word) {
  regions = places(conv_block(image, 4))
  decoder = looking(embed(caption, 4), regions, 5)
  p       = softmax(linear(decoder, 24))
  loss    = cross_entropy(linear(decoder, Word), next(caption))
}
`;

describe('attention over an image', () => {
  it('is a softmax over its places, however they are called, and no other that is as long', async () => {
    const model = buildModel(await programOf(SOURCE), { model: 'M', classes: { Word: 7 } });
    const dimensions = { time: 'T', sizes: { T: 3, B: 1 }, image: imagePlaces(model) };
    const lines = model.instances.flatMap((instance) => describeInstance(instance, model, dimensions).lines);
    assert.deepEqual(
      lines.flatMap(({ name, attention, image }) => (attention === true ? [[name, image]] : [])),
      [['weights', { input: 'image', rows: 4, columns: 6 }]],
    );
    assert.equal(lines.find(({ name }) => name === 'p')?.shape[0], 24);
  });

  it('leaves the image as it is where most of the weight lies, and dark where none does', () => {
    const pixels = [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0, 0, 0, 0];
    const picture = shaded(pixels, [3, 2, 2], [0.75, 0], { input: 'image', rows: 2, columns: 1 });
    assert.deepEqual([...picture.slice(0, 4)], [255, 128, 0, 255]);
    assert.deepEqual([...picture.slice(8, 12)], [51, 26, 0, 255]);
    assert.deepEqual([...shaded([1], [1, 1, 1], [1], { input: 'x', rows: 1, columns: 1 })], [255, 255, 255, 255]);
  });
});
