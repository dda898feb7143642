// Padding is left out of what counts only: the same loss, gradients and evaluation, by rows that are fewer.

import assert from 'node:assert/strict';
import { check } from '../../src/graph/check.ts';
import { differentiate } from '../../src/graph/differentiate.ts';
import { type Graph, tensor } from '../../src/graph/graph.ts';
import { arranged, interpret, type NamedArray } from '../../src/graph/interpret.ts';
import { packPadded } from '../../src/graph/passes/pack.ts';
import { simplify } from '../../src/graph/passes/simplify.ts';
import { print } from '../../src/graph/print.ts';
import { select } from '../../src/graph/prune.ts';
import { gradientGraph, stepGraphs } from '../../src/training/step.ts';
import { array } from '../graph/numeric.ts';
import { assertClose, feedsFor, runLowered } from '../onnx/lowered.ts';
import { batchOf, modelOf, texts } from '../training/ragged.ts';
import { settingsWith } from './models.ts';
import { after, B, H, I, T } from './passes.ts';

describe('packing', () => {
  it('computes products for the places that count, and sums them there', () => {
    const text = after(
      (graph) => simplify(packPadded(graph)),
      (b, float) => {
        const lengths = b.parameter(tensor([B], 'int'), 'lengths');
        const mask = b.binary('less', b.iota(T), lengths);
        const scores = b.exp(b.contract(float('x', T, B, H), float('w', H, I), ['H']));
        return [b.sum(b.where(mask, b.plus(b.max(scores, ['I']), float('v', B)), b.constant(0)))];
      },
    );
    assert.equal(
      text,
      [
        '%1: int [T] = iota(axis: T)',
        '%2: bool [T, B] = less(%1, lengths)',
        '%3: [T*B, H=3] = pack(x, %2, to: T*B)',
        '%4: [T*B, I=2] = contract(%3, w, over: H)',
        '%5: [T*B, I=2] = exp(%4)',
        '%6: [T*B] = max(%5, over: I)',
        '%7: [T, B] = broadcast(v, axis: T)',
        '%8: [T*B] = pack(%7, %2, to: T*B)',
        '%9: [T*B] = add(%6, %8)',
        '%10: [] = sum(%9, over: T*B)',
      ].join('\n'),
    );
  });

  it('leaves as it is what is read elsewhere too, what looks at other places, and masks that do not tell padding', () => {
    const unchanged = (graph: Graph): void => assert.equal(print(packPadded(graph)).includes('pack'), false);
    for (const kind of ['read', 'shifted', 'given'] as const)
      after(
        (graph) => {
          unchanged(graph);
          return graph;
        },
        (b, float) => {
          const lengths = b.parameter(tensor([B], 'int'), 'lengths');
          const mask = kind === 'given' ? b.binary('less', float('m', T, B), b.constant(0)) : b.binary('less', b.iota(T), lengths);
          const scores = b.contract(float('x', T, B, H), float('w', H, I), ['H']);
          const lost = b.max(kind === 'shifted' ? b.shift(scores, 'T', 1) : scores, ['I']);
          return [b.sum(b.where(mask, lost, b.constant(0))), ...(kind === 'read' ? [b.max(scores, ['T'])] : [])];
        },
      );
  });

  for (const name of ['tagger', 'translation'] as const) {
    it(`keeps loss, gradients and evaluation of a ${name}`, async () => {
      const model = await modelOf(texts[name]);
      const batch = batchOf(model, 8);
      const sizes = { ...batch.sizes, B: batch.rows };
      const given = new Map(model.inputs.map(({ name, value }) => [value, batch.inputs[name]!]));
      const feeds = new Map(
        [...feedsFor(model.graph, sizes)].map(([value, fed]) => {
          const own = given.get(value);
          return [value, own === undefined ? fed : array(value, sizes, (k) => own[k]!)];
        }),
      );
      const losses = model.losses!;
      const weights = model.weights.map(({ value }) => value);
      const plain = differentiate(select(model.graph, [model.loss!, losses.counted, losses.value]), model.loss!, weights);
      const [loss, counted, , ...expected] = interpret(plain.graph, feeds, sizes);
      const count = counted!.data.reduce((sum, each) => sum + each, 0);

      const { graph } = gradientGraph(model);
      assert.deepEqual(check(graph), []);
      assert.match(print(graph), / pack\(/);
      assert.match(print(graph), /\[T\*B, O=3\] = contract/);
      const [sum, total, ...rest] = interpret(graph, feeds, sizes);
      assertClose([sum!.data[0]! / count, total!.data[0]!], [loss!.data[0]!, count], 'loss and count', 1e-12);
      const found = rest.slice(model.states.length);
      const order = (each: NamedArray, k: number): Float64Array => arranged(each, array(weights[k]!, sizes, () => 0).axes).data;
      found.forEach((each, k) => {
        assertClose(
          each.data.map((element) => element / count),
          order(expected[k]!, k),
          model.weights[k]!.name,
          1e-10,
        );
      });
      const lowered = await runLowered(graph, feeds);
      lowered.slice(2 + model.states.length).forEach(({ data }, k) => {
        assertClose(data as Float32Array, found[k]!.data, `${model.weights[k]!.name} in the runtime`);
      });

      const [packed, padded] = [true, false].map((pack) => stepGraphs(model, settingsWith(), pack).evaluation);
      assert.match(print(packed!.graph), / pack\(/);
      assert.doesNotMatch(print(padded!.graph), /pack\(/);
      const evaluated = interpret(padded!.graph, feeds, sizes);
      interpret(packed!.graph, feeds, sizes).forEach((each, k) => {
        assertClose(each.data, evaluated[k]!.data, packed!.outputs[k]!, 1e-12);
      });
    });
  }
});
