// Models in the graph: PyTorch's values, gradients against central differences, names.

import assert from 'node:assert/strict';
import { check } from '../../src/graph/check.ts';
import type { Value } from '../../src/graph/graph.ts';
import { interpret, type NamedArray } from '../../src/graph/interpret.ts';
import type { Model } from '../../src/graph/model.ts';
import { buildModel } from '../../src/language/index.ts';
import { array, assertClose, chance, checkGradients, gradients, randomFeeds } from '../graph/numeric.ts';
import { languageModelOracles, type Oracle } from '../oracles/oracles.ts';
import { programOf } from './load.ts';
import { samples } from './samples.ts';

const languageModel = (call: string): string => `
model M(input: [T] of Char) {
  x      = embed(input, 3)
  h      = ${call}
  logits = linear(h, Char)
  loss   = cross_entropy(logits, next(input))
}
`;

async function modelOf(text: string, classes: Record<string, number> = { Char: 6 }): Promise<Model> {
  const program = await programOf(text);
  assert.deepEqual(
    program.faults.filter(({ severity }) => severity === 'error').map(({ message }) => message),
    [],
  );
  const model = buildModel(program, { model: program.models[0]!.name, classes });
  assert.deepEqual(check(model.graph), []);
  return model;
}

const named = ({ shape, data }: Oracle, axes: readonly string[]): NamedArray => ({
  axes: axes.map((name, k) => ({ name, size: shape[k]! })),
  data: Float64Array.from(data),
});

describe('models in the graph', () => {
  const calls = { rnn: 'rnn(x, 4)', rnn_relu: 'rnn(x, 4, activation: relu)', lstm: 'lstm(x, 4)', gru: 'gru(x, 4)' };
  for (const [name, oracle] of Object.entries(languageModelOracles())) {
    it(`${name} computes what PyTorch computes`, async () => {
      const model = await modelOf(languageModel(calls[name as keyof typeof calls]));
      const [T, B] = oracle.tokens.shape as [number, number];
      const feeds = randomFeeds(model.graph, { T, B });
      for (const { name: weight, value } of model.weights) {
        const plain = name.startsWith('rnn') ? weight.replace(/^h\.(\w)$/, 'h.$1_h') : weight;
        const axes = value.type.axes.map((axis) => axis.name);
        feeds.set(value, named(oracle.weights[plain]!, axes));
      }
      for (const { name: input, value } of model.inputs)
        feeds.set(value, named(input === 'input' ? oracle.tokens : oracle.next, ['T', 'B']));
      for (const { before } of model.states) feeds.set(before, { ...feeds.get(before)!, data: feeds.get(before)!.data.map(() => 0) });
      const results = interpret(model.graph, feeds, { T, B });
      const at = (value: Value | undefined): Float64Array => results[model.graph.results.indexOf(value!)]!.data;
      assertClose(at(model.loss), oracle.loss.data, 1e-9, 'loss');
      assertClose(at(model.losses!.value), oracle.losses.data, 1e-9, 'losses');
      assertClose(at(model.prediction!.logits), oracle.logits.data, 1e-9, 'logits');
    });
  }

  it('heads stand side by side, each with its own parameters', async () => {
    const weightsOf = async (call: string): Promise<string[]> =>
      (await modelOf(`model M(x: [T, 4], y: [T, 6]) {\n  h = ${call}\n  loss = mse(h, y)\n}`, {})).weights.map(({ name }) => name);
    const own = ['W_q', 'W_k', 'W_v'];
    assert.deepEqual(
      await weightsOf('attend(x, x, 2, heads: 3)'),
      [0, 1, 2].flatMap((head) => own.map((name) => `h[${head}].${name}`)),
    );
    assert.deepEqual(
      await weightsOf('1 * attend(x, x, 3, heads: 2)'),
      [0, 1].flatMap((head) => own.map((name) => `h.attend[${head}].${name}`)),
    );
    assert.deepEqual(
      (await weightsOf('rnn(x, 3, heads: 2, layers: 2)')).filter((name) => name.endsWith('W')),
      ['h[0][0].W', 'h[0][1].W', 'h[1][0].W', 'h[1][1].W'],
    );
  });

  /** The value of a line of the model, rows of its last dimension, step after step. */
  const rowsOf = (model: Model, name: string, feeds: Map<Value, NamedArray>, sizes: Record<string, number>): number[][] => {
    const { value } = model.instances.find(({ path }) => path === '')!.lines.find((line) => line.name === name)!;
    const [{ axes, data }] = interpret({ ...model.graph, results: [value] }, feeds, sizes) as [NamedArray];
    const width = axes.at(-1)!.size;
    return Array.from({ length: data.length / width }, (_, row) => [...data.slice(row * width, (row + 1) * width)]);
  };

  it('heads compute what each computes alone', async () => {
    const textOf = (call: string): string => `model M(x: [T, 4], y: [T, 1]) {\n  h = ${call}\n  loss = mse(linear(h, 1), y)\n}`;
    const [whole, one] = [await modelOf(textOf('gru(x, 3, heads: 2)'), {}), await modelOf(textOf('gru(x, 3)'), {})];
    const sizes = { T: 5, B: 2 };
    const feeds = randomFeeds(whole.graph, sizes);
    const headOf = (head: number): number[][] => {
      const own = randomFeeds(one.graph, sizes);
      for (const { name, value } of [...one.inputs, ...one.weights, ...one.states.map(({ name, before }) => ({ name, value: before }))]) {
        const others = [...whole.inputs, ...whole.weights, ...whole.states.map((state) => ({ name: state.name, value: state.before }))];
        const other = others.find((each) => each.name === name.replace(/^h\./, `h[${head}].`));
        if (name !== 'loss.linear.W') own.set(value, feeds.get(other!.value)!);
      }
      return rowsOf(one, 'h', own, sizes);
    };
    const [first, second] = [headOf(0), headOf(1)];
    assert.notDeepEqual(first, second);
    assert.deepEqual(
      rowsOf(whole, 'h', feeds, sizes),
      first.map((row, k) => [...row, ...second[k]!]),
    );
  });

  it('images are halved, rounded up, and looked at place by place', async () => {
    const model = await modelOf(
      'model M(x: [2, 7, 5]) {\n  a = conv(x, 4, stride: 2)\n  b = max_pool(a, 3)\n  loss = mean(places(b))\n}',
      {},
    );
    const shapes = model.instances[0]!.lines.map(({ name, shape }) => `${name} ${shape}`);
    assert.deepEqual(shapes, ['a 4,4,3', 'b 4,2,1', 'loss ']);
    // As PyTorch's Conv2d starts: within one through the root of what a sum adds up.
    assert.deepEqual(model.weights[0]!.initial, { kind: 'uniform', bound: 1 / Math.sqrt(2 * 3 * 3) });
    const rows = await modelOf('model M(x: [2, 2, 3]) {\n  loss = places(x)\n}', {});
    const sizes = { B: 1 };
    const feeds = new Map(rows.graph.parameters.map((value) => [value, array(value, sizes, (place) => place)]));
    const found = rowsOf(rows, 'loss', feeds, sizes);
    assert.deepEqual(found, [[0, 6], [1, 7], [2, 8], [3, 9], [4, 10], [5, 11]]); // biome-ignore format: rows
  });

  it('equal quotients are equal, before and after they are numbers', async () => {
    const text =
      'cell twice(x: [C, Y, X]) {\n  a = max_pool(x, 2)\n  b = mean_pool(conv(x, C), 2) + a\n  y = b * conv(x, C, stride: 2)\n}\n';
    assert.deepEqual((await programOf(text)).faults, []);
    const model = await modelOf(`${text}model M(x: [2, 7, 6]) {\n  loss = twice(x)\n}`, {});
    assert.deepEqual(model.instances[0]!.lines[0]!.shape, ['2', '4', '3']);
  });

  it('sinusoids are those of the paper', async () => {
    const model = await modelOf('model M(x: [T, 5]) {\n  places = sinusoids(T, 5)\n  loss = mean((x - places) ** 2)\n}', {});
    const sizes = { T: 40, B: 1 };
    const found = rowsOf(model, 'places', randomFeeds(model.graph, sizes), sizes);
    const expected = Array.from({ length: 40 }, (_, t) =>
      [0, 1, 2, 3, 4].map((d) => (d % 2 === 0 ? Math.sin : Math.cos)(t / 10_000 ** ((d - (d % 2)) / 5))),
    );
    assertClose(found.flat(), expected.flat(), 1e-12, 'sinusoids');
  });

  const cells = [
    'rnn(x, 2)',
    'irnn(x, 2)',
    'lstm(x, 2)',
    'peephole_lstm(x, 2)',
    'gru(x, 2)',
    'gru_2014(x, 2)',
    'normed_lstm(x, 3)',
    'bidirectional(gru, x, 2)',
    'residual(rnn, x)',
    'lstm(x, 2, layers: 2)',
    'gru(x, 2, layers: 2, dropout: 0.5)',
    'residual(gru, x, layers: 2)',
    'feed_forward(layer_norm(x), 2)',
    'lstm(x, 2, from: last(lstm(x, 2)))',
    'lstm(x, 2, heads: 2)',
    'rnn(x, 2, heads: 2, layers: 2, dropout: 0.5)',
    'attend(x + sinusoids(T, 2), x, 2, heads: 3, causal: true)',
  ];
  for (const call of cells) {
    it(`gradients of ${call} are the central differences`, async () => {
      const model = await modelOf(`model M(x: [T, 2], y: [T, 2]) {\n  h = ${call}\n  loss = mse(linear(h, 2), y)\n}`, {});
      checkGradients(model.graph, model.loss!, { T: 3, B: 2 });
    }).timeout(20_000);
  }

  for (const [name, text] of Object.entries(samples)) {
    it(`the gradient of ${name} along a direction is the difference along it`, async () => {
      const model = await modelOf(text, { Char: 6, Word: 6, Symbol: 5, English: 4, French: 5, Digit: 4 });
      const sizes = { T: 3, S: 4, B: 2 };
      const feeds = randomFeeds(model.graph, sizes);
      const floats = model.graph.parameters.filter(({ type }) => type.dtype === 'float');
      const next = chance(7);
      const direction = new Map(floats.map((value) => [value, feeds.get(value)!.data.map(() => 2 * next() - 1)]));
      const lossAt = (step: number): number => {
        const moved = new Map(feeds);
        for (const [value, by] of direction) {
          const array = feeds.get(value)!;
          moved.set(value, { ...array, data: array.data.map((element, k) => element + step * by[k]!) });
        }
        return interpret({ ...model.graph, results: [model.loss!] }, moved, sizes)[0]!.data[0]!;
      };
      const slope = gradients(model.graph, model.loss!, floats, feeds, sizes)
        .map(({ data }, k) => data.reduce((sum, element, n) => sum + element * direction.get(floats[k]!)![n]!, 0))
        .reduce((a, b) => a + b);
      const h = 1e-5;
      const difference = (8 * (lossAt(h) - lossAt(-h)) - (lossAt(2 * h) - lossAt(-2 * h))) / (12 * h);
      assertClose([slope], [difference], 1e-6, 'slope');
    });
  }

  for (const line of [
    'lstm(x, 4)',
    'attend(x, x, 4, causal: true, heads: 2)',
    'residual(gru, x, layers: 2)',
    'gru(x, 4, heads: 2, layers: 2)',
  ])
    it(`${line} computes nothing from later steps`, async () => {
      const model = await modelOf(languageModel(line).replace(', 3)', ', 4)'));
      const sizes = { T: 5, B: 1 };
      const feeds = randomFeeds(model.graph, sizes);
      const [input] = model.inputs;
      const losses = (last: number): Float64Array => {
        const ids = feeds.get(input!.value)!;
        const changed = { ...ids, data: ids.data.map((id, t) => (t === 4 ? last : id)) };
        return interpret({ ...model.graph, results: [model.losses!.value] }, new Map([...feeds, [input!.value, changed]]), sizes)[0]!.data;
      };
      const [a, b] = [losses(2), losses(5)];
      assert.deepEqual([...a.slice(0, 4)], [...b.slice(0, 4)]);
      assert.notEqual(a[4], b[4]);
    });
});
