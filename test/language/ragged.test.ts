// Rows of different lengths in one batch: each gives what it gives alone, whatever stands in the padding and however much of it there is.

import assert from 'node:assert/strict';
import { check } from '../../src/graph/check.ts';
import type { Value } from '../../src/graph/graph.ts';
import { interpret, type NamedArray } from '../../src/graph/interpret.ts';
import type { Model } from '../../src/graph/model.ts';
import { buildModel } from '../../src/language/index.ts';
import { array, assertClose, chance, checkGradients, gradients, randomFeeds, type Sizes } from '../graph/numeric.ts';
import { programOf } from './load.ts';

const ends = 'logits = linear(last(h), Tag)\n  loss   = cross_entropy(logits, tag)';
const each = 'logits = linear(h, Tag)\n  loss   = cross_entropy(logits, tags)';
const one = 'input: [T] of Char, tag: one of Tag';
const many = 'input: [T] of Char, tags: [T] of Tag';
const model = (inputs: string, lines: string): string => `model M(${inputs}) {\n  x = embed(input, 3)\n  ${lines}\n}`;

const models: Readonly<Record<string, string>> = {
  'an lstm, its last state': model(one, `h = lstm(x, 4)\n  ${ends}`),
  'two layers of gru, from the last state of another': model(one, `h = gru(x, 4, layers: 2, from: last(gru(x, 4, layers: 2)))\n  ${ends}`),
  'a tag at each step, both directions': model(many, `h = bidirectional(lstm, x, 3, layers: 2)\n  ${each}`),
  'the last value of a cell, which is not its state': `cell twice(x: [I], size H) {
  state h: [H]
  param W: [H, I] = uniform(0.5)
  h' = tanh(W @ x + 0.5 * h)
  y  = 2 * h'
}
${model(one, `h = twice(x, 4)\n  ${ends}`)}`,
  'the last of both directions': model(one, `h = bidirectional(gru, x, 3)\n  ${ends}`),
  'what comes next': model('input: [T] of Char', 'h = rnn(x, 4)\n  loss = cross_entropy(linear(h, Char), next(input))'),
  'mean, largest, smallest, variance, norm over time': model(
    one,
    'h = lstm(x, 3)\n  a = [mean(h, over: T); max(h, over: T); min(h, over: T); variance(h, over: T); norm(h, over: T); sum(h, over: T)]\n' +
      '  loss = cross_entropy(linear(a, Tag), tag)',
  ),
  'weights over time': model(
    one,
    's = sum(linear(x, 1), over: 1)\n  w = softmax(s)\n  h = linear(w @ x, 3)\n  loss = cross_entropy(linear(h, Tag), tag) + entropy(w)',
  ),
  'a product over time': model(one, 'h = gru(x, 3)\n  k = sum(x.T @ h, over: 3)\n  loss = cross_entropy(linear(k, Tag), tag)'),
  'the number of steps': model(one, `h = rnn(x, 3)\n  k = sum(h, over: T) / T\n  loss = cross_entropy(linear(k, Tag), tag)`),
  'self-attention': model(many, `h = attend(x, x, 4)\n  ${each}`),
  'a decoder that attends': `model M(source: [S] of Char, target: [T] of Tag) {
  encoder = bidirectional(gru, embed(source, 3), 3)
  decoder = attending_decoder(embed(target, 2), encoder, 4)
  loss    = cross_entropy(linear(decoder, Tag), next(target))
}`,
  'numbers at each step': 'model M(x: [T, 2], y: [T, 2]) {\n  h = lstm(x, 3)\n  loss = mse(linear(h, 2), y)\n}',
  'a number at the end': 'model M(x: [T, 2], y: [1]) {\n  h = gru(x, 3)\n  loss = huber(linear(last(h), 1), y)\n}',
  'the next numbers': 'model M(x: [T, 2]) {\n  h = gru(x, 3)\n  loss = mae(linear(h, 2), next(x))\n}',
  'a line one step ahead': model('input: [T] of Char', 'h = rnn(x, 3)\n  loss = mse(h, next(tanh(x)))'),
  'turned around': model(many, `h = reverse(rnn(reverse(tanh(linear(reverse(x), 3))), 3))\n  ${each}`),
};

const classes = { Char: 5, Tag: 4 };
const dimensions = ['T', 'S'];

async function built(text: string, ragged: readonly string[]): Promise<Model> {
  const program = await programOf(text);
  assert.deepEqual(
    program.faults.filter(({ severity }) => severity === 'error').map(({ message }) => message),
    [],
  );
  const made = buildModel(program, { model: 'M', classes, ragged });
  assert.deepEqual(check(made.graph), []);
  return made;
}

/** The lengths of three rows along each dimension. */
const rows = [5, 2, 3].map((T, k) => ({ T, S: [1, 4, 2][k]! }));

/** Rows of data by the names of the model's inputs, and the weights by theirs: the same for every way to batch them. */
function dataOf(made: Model): { rows: readonly Map<string, NamedArray>[]; weights: Map<string, NamedArray> } {
  const next = chance(3);
  const draw = ({ name, value, classes: of }: Model['inputs'][number], sizes: Sizes): NamedArray => {
    const size = of === undefined ? 0 : classes[of as 'Char'];
    const drawn = array(value, sizes, () => (of === undefined ? 2 * next() - 1 : Math.floor(size * next())));
    const isAhead = name.startsWith('next(');
    const T = sizes[String(value.type.axes[0]!.size)]!;
    const perStep = drawn.data.length / T;
    // behind the last step comes nothing
    return isAhead
      ? { ...drawn, data: drawn.data.map((x, k) => (k >= (T - 1) * perStep ? (of === undefined ? Number.NaN : -1) : x)) }
      : drawn;
  };
  return {
    rows: rows.map((sizes) => new Map(made.inputs.map((input) => [input.name, draw(input, { ...sizes, B: 1 })]))),
    weights: new Map(made.weights.map(({ name, value }) => [name, array(value, {}, () => 2 * next() - 1)])),
  };
}

type Data = ReturnType<typeof dataOf>;

function feedsOf(made: Model, { weights }: Data, inputs: (name: string) => NamedArray, sizes: Sizes): Map<Value, NamedArray> {
  const feeds = new Map<Value, NamedArray>();
  for (const { name, value } of made.weights) feeds.set(value, weights.get(name)!);
  for (const { name, value } of made.inputs) feeds.set(value, inputs(name));
  for (const { before } of made.states)
    feeds.set(
      before,
      array(before, sizes, () => 0),
    );
  for (const { value } of made.dropout)
    feeds.set(
      value,
      array(value, sizes, () => 1),
    );
  return feeds;
}

/** All rows in one batch, with so much padding, and `filling` in it. */
function batchOf(made: Model, data: Data, padding: number, filling: () => number): { feeds: Map<Value, NamedArray>; sizes: Sizes } {
  const longest = (name: 'T' | 'S'): number => padding + Math.max(...rows.map((row) => row[name]));
  const sizes = { T: longest('T'), S: longest('S'), B: rows.length };
  const inputs = (name: string): NamedArray => {
    const { value } = made.inputs.find((input) => input.name === name)!;
    const dimension = dimensions.find((each) => name === `lengths(${each})`);
    if (dimension !== undefined) return array(value, sizes, (row) => rows[row]![dimension as 'T']);
    const whole = array(value, sizes, () => (value.type.dtype === 'int' ? Math.floor(Math.abs(filling()) * 4) : filling()));
    const place = whole.axes.findIndex(({ name: axis }) => axis === 'B');
    const inner = whole.axes.slice(place + 1).reduce((product, { size }) => product * size, 1);
    data.rows.forEach((row, k) => {
      const own = row.get(name)!.data;
      for (let n = 0; n < own.length; n += 1) whole.data[(Math.floor(n / inner) * rows.length + k) * inner + (n % inner)] = own[n]!;
    });
    return whole;
  };
  return { feeds: feedsOf(made, data, inputs, sizes), sizes };
}

interface Outcome {
  readonly loss: number;
  /** Of the sum of all losses, by weight. */
  readonly gradients: readonly Float64Array[];
  readonly count: number;
}

function outcome(made: Model, feeds: Map<Value, NamedArray>, sizes: Sizes): Outcome {
  const [loss, counted] = interpret({ ...made.graph, results: [made.loss!, made.losses!.counted] }, feeds, sizes);
  const count = counted!.data.reduce((sum, x) => sum + x, 0);
  const weights = made.weights.map(({ value }) => value);
  const found = gradients(made.graph, made.loss!, weights, feeds, sizes).map(({ data }) => data.map((x) => x * count));
  return { loss: loss!.data[0]! * count, gradients: found, count };
}

describe('rows of different lengths', () => {
  for (const [name, text] of Object.entries(models)) {
    it(`${name}: a batch gives the sum of what its rows give alone`, async () => {
      const [plain, ragged] = [await built(text, []), await built(text, dimensions)];
      const data = dataOf(plain);
      const alone = data.rows.map((row, k) => {
        const sizes = { ...rows[k]!, B: 1 };
        return outcome(
          plain,
          feedsOf(plain, data, (input) => row.get(input)!, sizes),
          sizes,
        );
      });
      const batch = batchOf(ragged, data, 0, chance(5));
      const together = outcome(ragged, batch.feeds, batch.sizes);
      const sum = (of: (row: Outcome) => number): number => alone.reduce((total, row) => total + of(row), 0);
      assert.equal(
        together.count,
        sum(({ count }) => count),
      );
      assertClose([together.loss], [sum(({ loss }) => loss)], 1e-10, 'loss');
      together.gradients.forEach((gradient, k) => {
        const expected = gradient.map((_, n) => sum((row) => row.gradients[k]![n]!));
        assertClose(gradient, expected, 1e-9, `gradient of ${ragged.weights[k]!.name}`);
      });
    });

    it(`${name}: twice the padding with other numbers in it changes neither loss nor gradients`, async () => {
      const ragged = await built(text, dimensions);
      const data = dataOf(await built(text, []));
      const little = batchOf(ragged, data, 0, () => 0);
      const much = batchOf(ragged, data, 5, chance(8));
      const [a, b] = [outcome(ragged, little.feeds, little.sizes), outcome(ragged, much.feeds, much.sizes)];
      assert.equal(b.count, a.count);
      assertClose([b.loss], [a.loss], 1e-10, 'loss');
      b.gradients.forEach((gradient, k) => {
        assertClose(gradient, a.gradients[k]!, 1e-9, `gradient of ${ragged.weights[k]!.name}`);
      });
    });
  }

  it('gradients with masks are the central differences', async () => {
    const made = await built(model(one, `h = bidirectional(rnn, x, 2)\n  ${ends}`), dimensions);
    const sizes = { T: 3, B: 2 };
    const feeds = randomFeeds(made.graph, sizes);
    const lengths = made.inputs.find(({ name }) => name === 'lengths(T)')!.value;
    feeds.set(
      lengths,
      array(lengths, sizes, (row) => [3, 1][row]!),
    );
    checkGradients(made.graph, made.loss!, sizes, feeds);
  });

  /** Models that look at another sequence, on small numbers: every place of every weight is moved. */
  const looking: Readonly<Record<string, string>> = {
    additive: 'h = rnn(y, 2)\n  seen = additive(h, encoder, 2)',
    dot: 'h = rnn(y, 2)\n  seen = dot(h, encoder)',
    general: 'h = rnn(y, 2)\n  seen = general(h, encoder)',
    concat: 'h = rnn(y, 2)\n  seen = concat(h, encoder, 2)',
    'several heads': 'h = rnn(y, 2)\n  seen = attend(h, encoder, 2, heads: 2)',
    'causal heads over itself': 'h = linear(last(encoder), 2)\n  seen = linear(attend(y, y, 2, heads: 2, causal: true), 2) + h',
    attending_decoder: 'seen = attending_decoder(y, encoder, 2)',
    'attending_decoder of an lstm': 'seen = attending_decoder(y, encoder, 2, unit: lstm)',
    input_feeding_decoder: 'seen = input_feeding_decoder(y, encoder, last(lstm(encoder, 2)))',
    'covering_decoder and its penalty': 'seen = covering_decoder(y, encoder, 2)\n  more = 0.3 * mean(seen.overlap)',
    'a block of a transformer':
      'a = y + linear(attend(layer_norm(y), layer_norm(y), 1, heads: 2, causal: true), 2)\n' +
      '  b = a + linear(attend(layer_norm(a), encoder, 1, heads: 2), 2)\n  seen = b + feed_forward(layer_norm(b), 2, H: 2)',
    'normed cells': 'seen = normed_lstm(y, 2) + linear(mean(layer_norm(encoder), over: S), 2)',
    'a translation model':
      'deep = attending_decoder(y, bidirectional(gru, encoder, 1), 2)\n  seen = layer_norm(tanh(linear([deep; y; deep.context], 2)))',
  };
  for (const [what, lines] of Object.entries(looking))
    it(`gradients of what looks at a source, padded on both sides, are the central differences: ${what}`, async () => {
      const extra = lines.includes('more =') ? ' + more' : '';
      const text = `model M(source: [S] of Char, target: [T] of Tag) {
  encoder = bidirectional(rnn, embed(source, 1), 1)
  y       = embed(target, 2)
  ${lines}
  loss    = cross_entropy(linear(seen, Tag), next(target))${extra}
}`;
      const made = await built(text, dimensions);
      const data = dataOf(await built(text, []));
      const { feeds, sizes } = batchOf(made, data, 1, chance(5));
      checkGradients(made.graph, made.loss!, sizes, feeds);
    }).timeout(60_000);

  it('what is compared is told with what counts of it', async () => {
    const made = await built(models['a tag at each step, both directions']!, dimensions);
    const data = dataOf(await built(models['a tag at each step, both directions']!, []));
    const { feeds, sizes } = batchOf(made, data, 1, chance(5));
    const { judged } = made;
    assert.ok(judged !== undefined);
    assert.deepEqual([judged.loss, judged.classes, judged.input, judged.ahead], ['cross_entropy', 'Tag', 'tags', false]);
    const [counted] = interpret({ ...made.graph, results: [judged.counted] }, feeds, sizes);
    assert.equal(
      counted!.data.reduce((sum, x) => sum + x, 0),
      5 + 2 + 3,
    );
  });

  it('a target without a number costs nothing and counts nowhere', async () => {
    const made = await built('model M(x: [2], y: [2]) {\n  loss = mse(linear(x, 2), y)\n}', []);
    const feeds = randomFeeds(made.graph, { B: 2 });
    const y = made.inputs.find(({ name }) => name === 'y')!.value;
    const targets = feeds.get(y)!;
    const run = (data: Float64Array): number[] =>
      interpret({ ...made.graph, results: [made.loss!, made.losses!.counted] }, new Map([...feeds, [y, { ...targets, data }]]), {
        B: 2,
      }).flatMap(({ data: found }) => [...found]);
    const [first, second] = [targets.data.slice(0, 2), targets.data.slice(2)];
    const alone = run(Float64Array.from([...first, Number.NaN, Number.NaN]));
    assert.deepEqual(alone.slice(1), [1, 0]);
    const both = run(Float64Array.from([...first, ...second]));
    assert.notEqual(both[0], alone[0]);
    const half = run(Float64Array.from([first[0]!, Number.NaN, Number.NaN, Number.NaN]));
    assert.deepEqual(half.slice(1), [1, 0]);
  });
});
