// What an exported model gives: the scores that its loss compares, of models that answer once, at each step, or with numbers.

import assert from 'node:assert/strict';
import type { Value } from '../../src/graph/graph.ts';
import { interpret, type NamedArray } from '../../src/graph/interpret.ts';
import { buildModel } from '../../src/language/index.ts';
import { exportModel, metadataKeys } from '../../src/onnx/export.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import type { Tensor } from '../../src/runtime/runtime.ts';
import { programOf } from '../language/load.ts';
import { startOf } from '../passes/models.ts';
import { assertClose, feedsFor, tensorOf } from './lowered.ts';

interface Case {
  readonly text: string;
  readonly output: string;
  readonly operators: readonly string[];
  /** Of the output. */
  readonly dims: readonly (string | number)[];
}

const cases: Readonly<Record<string, Case>> = {
  'a classifier': {
    text: 'model M(x: [T] of Char, tag: one of Tag) {\n  h = lstm(embed(x, 4), 5)\n  loss = cross_entropy(linear(last(h), Tag), tag)\n}',
    output: 'scores',
    operators: ['LSTM'],
    dims: ['B', 3],
  },
  'a classifier whose scores have a line': {
    text: 'model M(x: [T] of Char, tag: one of Tag) {\n  h = gru(embed(x, 4), 5)\n  logits = linear(last(h), Tag)\n  loss = cross_entropy(logits, tag)\n}',
    output: 'logits',
    operators: ['GRU'],
    dims: ['B', 3],
  },
  'a tagger': {
    text: 'model M(x: [T] of Char, tags: [T] of Tag) {\n  h = bidirectional(lstm, embed(x, 4), 5, layers: 2)\n  logits = linear(h, Tag)\n  loss = cross_entropy(logits, tags)\n}',
    output: 'logits',
    operators: ['LSTM', 'LSTM'],
    dims: ['T', 'B', 3],
  },
  'a regressor': {
    text: 'model M(x: [T, 2], y: [2]) {\n  h = rnn(x, 5)\n  z = linear(last(h), 2)\n  loss = mse(z, y)\n}',
    output: 'z',
    operators: ['RNN'],
    dims: ['B', 2],
  },
  'two sequences': {
    text: `model M(source: [S] of Char, target: [T] of Tag) {
  encoder = bidirectional(gru, embed(source, 4), 3)
  decoder = attending_decoder(embed(target, 3), encoder, 5)
  logits  = linear(decoder, Tag)
  loss    = cross_entropy(logits, next(target))
}`,
    output: 'logits',
    operators: ['GRU', 'Scan'],
    dims: ['T', 'B', 3],
  },
};

describe('exported models of every kind', () => {
  const runtime = createRuntime();
  for (const [name, { text, output, operators, dims }] of Object.entries(cases))
    it(name, async () => {
      const model = buildModel(await programOf(text), { model: 'M', classes: { Char: 6, Tag: 3 } });
      const weights = startOf(model);
      const exported = exportModel(model, {
        weights,
        vocabularies: { Char: [...'abcdef'], Tag: [...'xyz'] },
        sources: new Map([['m.rnn', text]]),
      });
      const loops = exported.model.graph.node.map(({ op_type }) => op_type).filter((each) => /LSTM|GRU|RNN|Scan/.test(each));
      assert.deepEqual(loops, operators);
      const value = exported.model.graph.output.find((each) => each.name === output);
      assert.deepEqual(
        value?.type?.tensor_type?.shape?.dim.map(({ dim_value, dim_param }) => dim_param ?? dim_value),
        dims,
      );
      const kept = Object.fromEntries(exported.model.metadata_props!.map((entry) => [entry.key, entry.value]));
      assert.deepEqual(JSON.parse(kept[metadataKeys.sources]!), { 'm.rnn': text });
      assert.deepEqual(JSON.parse(kept[metadataKeys.vocabularies]!).Tag, ['x', 'y', 'z']);

      // any batch and any lengths
      for (const sizes of [
        { T: 5, S: 4, B: 3 },
        { T: 2, S: 6, B: 1 },
      ]) {
        const feeds = new Map<Value, NamedArray>(
          [...feedsFor(model.graph, sizes)].map(([parameter, array]) => {
            const weight = model.weights.find((each) => each.value === parameter);
            return [parameter, weight === undefined ? array : { ...array, data: Float64Array.from(weights.get(weight.name)!.data) }];
          }),
        );
        const [expected] = interpret({ ...model.graph, results: [model.judged!.scores] }, feeds, sizes);
        const session = await runtime.open(exported.bytes, { device: 'cpu', threads: 1 });
        const given: [string, Tensor][] = [
          ...model.inputs.map((input) => [input.name, tensorOf(input.value, feeds.get(input.value)!)] as [string, Tensor]),
          ...model.states.map((state) => [state.name, tensorOf(state.before, feeds.get(state.before)!)] as [string, Tensor]),
        ];
        const results = await session.compute(Object.fromEntries(given.filter(([input]) => session.inputs.includes(input))), [output]);
        await session.release();
        const named = dims.map((each) => (typeof each === 'number' ? undefined : each));
        assertClose(results[output]!.data as Float32Array, inOrder(expected!, named), output);
      }
    });
});

/** The numbers with the axes of these names first, in their order. */
function inOrder({ axes, data }: NamedArray, names: readonly (string | undefined)[]): Float64Array {
  const rest = axes.filter((axis) => !names.includes(axis.name));
  const order = names.map((name) => (name === undefined ? rest.shift()! : axes.find((axis) => axis.name === name)!));
  const stride = (axis: (typeof axes)[number]): number =>
    axes.slice(axes.indexOf(axis) + 1).reduce((product, { size }) => product * size, 1);
  const result = new Float64Array(data.length);
  for (let place = 0; place < data.length; place += 1) {
    let left = place;
    let from = 0;
    for (const axis of [...order].reverse()) {
      from += (left % axis.size) * stride(axis);
      left = Math.floor(left / axis.size);
    }
    result[place] = data[from]!;
  }
  return result;
}
