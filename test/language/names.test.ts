// Instances, weights and lines by name; roles; starting values; counts of parameters.

import assert from 'node:assert/strict';
import type { Model } from '../../src/graph/model.ts';
import { buildModel, ModelFaults, parameterCounts } from '../../src/language/index.ts';
import { programOf } from './load.ts';
import { samples } from './samples.ts';

const classes = { Char: 9, Word: 11, Symbol: 5, English: 6, French: 7, Digit: 4 };

async function built(text: string, name?: string, given: Record<string, string | number> = {}): Promise<Model> {
  const program = await programOf(text);
  return buildModel(program, { model: name ?? program.models[0]!.name, classes, arguments: given });
}

describe('names of a model', () => {
  it('weights are called by their lines', async () => {
    const { weights } = await built(samples.tied);
    assert.deepEqual(
      weights.map(({ name }) => name).filter((name) => !/_[zn]$/.test(name)),
      ['x.table', 'h[0].W_r', 'h[0].U_r', 'h[0].b_r', 'h[1].W_r', 'h[1].U_r', 'h[1].b_r', 'h[2].W_r', 'h[2].U_r', 'h[2].b_r'],
    );
  });

  it('calls within larger lines add their cell, a second one its number', async () => {
    const { weights, instances } = await built(
      'model M(x: [T, 3], y: [T, 2]) {\n  a = linear(x, 2) + linear(x, 2)\n  b = bidirectional(rnn, a, 1)\n  loss = mse(linear(b, 2), y)\n}\n',
    );
    assert.deepEqual(
      weights.map(({ name }) => name).filter((name) => /W$/.test(name)),
      ['a.linear.W', 'a.linear_2.W', 'b.forward.W', 'b.backward.W', 'loss.linear.W'],
    );
    assert.deepEqual(
      instances.map(({ path, cell, parent, reverse, axis }) => [path, cell, parent, reverse, axis]),
      [
        ['', 'M', undefined, false, undefined],
        ['a.linear', 'linear', '', false, 'T'],
        ['a.linear_2', 'linear', '', false, 'T'],
        ['b', 'bidirectional', '', false, undefined],
        ['b.forward', 'rnn', 'b', false, 'T'],
        ['b.backward', 'rnn', 'b', true, 'T'],
        ['loss.linear', 'linear', '', false, 'T'],
      ],
    );
  });

  it('the arguments of a model choose its cell and sizes', async () => {
    const { weights } = await built(samples.writer, 'Writer', { unit: 'gru', H: 5 });
    const sizes = Object.fromEntries(weights.map(({ name, value }) => [name, value.type.axes.map(({ size }) => size)]));
    assert.deepEqual(sizes['h[0].W_r'], [5, 12]);
    assert.deepEqual(sizes['h[1].U_n'], [5, 5]);
    assert.deepEqual(sizes['logits.W'], [9, 5]);
  });

  it('weights are shared where the model says so', async () => {
    const { weights } = await built(
      'model Chat(said: [S] of Word, reply: [T] of Word) {\n  x = embed(said, 4)\n  y = embed(reply, 4, weights: x)\n  s = gru(x, 4)\n  h = gru(y, 4, from: last(s), weights: s)\n  logits = h @ x.table.T\n  loss = cross_entropy(logits, next(reply))\n}\n',
    );
    assert.deepEqual(
      weights.map(({ name }) => name),
      ['x.table', ...['r', 'z', 'n'].flatMap((gate) => [`s.W_${gate}`, `s.U_${gate}`, `s.b_${gate}`]), 's.d_n'],
    );
  });

  it('inputs, the input one step ahead, carried states, masks, prediction', async () => {
    const model = await built(samples.writer);
    assert.deepEqual(
      model.inputs.map(({ name, classes: vocabulary, value }) => [name, vocabulary, value.type.dtype]),
      [
        ['input', 'Char', 'int'],
        ['next(input)', 'Char', 'int'],
      ],
    );
    assert.deepEqual(
      model.states.map(({ name }) => name),
      ['h[0].h', 'h[0].c', 'h[1].h', 'h[1].c'],
    );
    assert.deepEqual(
      model.dropout.map(({ rate, value }) => [rate, value.type.axes.map(({ name }) => name)]),
      [
        [0.1, ['T', 'B', 'E']],
        [0.2, ['T', 'B', 'H']],
      ],
    );
    assert.deepEqual([model.prediction?.input, model.prediction?.line, model.prediction?.classes], ['input', 'logits', 'Char']);
    const parameters = [...model.weights, ...model.inputs].map(({ value }) => value);
    assert.deepEqual(
      [...parameters, ...model.states.map(({ before }) => before), ...model.dropout.map(({ value }) => value)],
      model.graph.parameters,
    );
  });

  it('a state that starts at a number carries it; what runs backwards carries nothing', async () => {
    const { states } = await built(samples.cells, 'Speeds');
    assert.deepEqual(
      states.map(({ name, initial }) => [name, initial]),
      [
        ['h.fast.h', undefined],
        ['h.slow.h', undefined],
        ['s.a', 1],
        ['s.b', 1],
        ['s.n', 2],
      ],
    );
    const backwards = await built(samples.looking);
    assert.deepEqual(
      backwards.states.map(({ name }) => name),
      ['encoder.forward.h'],
    );
  });

  it('roles are told from the equations', async () => {
    const { instances } = await built(samples.writer);
    const roles = (path: string): Record<string, string> =>
      Object.fromEntries(instances.find((instance) => instance.path === path)!.lines.map(({ name, role }) => [name, role]));
    assert.deepEqual(roles('h[0]'), { f: 'gate', i: 'gate', g: 'candidate', o: 'gate', "c'": 'state', "h'": 'state' });
    assert.deepEqual(roles(''), { x: 'value', h: 'value', logits: 'scores', loss: 'loss' });
    const { instances: others } = await built(samples.looking);
    const decoder = others.find(({ path }) => path === 'decoder')!;
    assert.deepEqual(
      decoder.lines.map(({ name, role }) => [name, role]),
      [
        ['scores', 'scores'],
        ['weights', 'weights'],
        ['context', 'value'],
        ["s'", 'state'],
      ],
    );
  });

  it('lines have their place, text, comment and shape', async () => {
    const { instances } = await built(samples.cells, 'Speeds');
    const gated = instances.find(({ path }) => path === 'h.fast')!;
    const [line] = gated.lines;
    assert.equal(line!.text, 'sigmoid(W_f @ x + U_f @ h + b_f)');
    assert.equal(line!.comment, 'what to keep');
    assert.deepEqual(line!.shape, ['H']);
    assert.deepEqual(line!.range.start, { line: 6, column: 2 });
    assert.equal(gated.parent, 'h');
    assert.deepEqual(
      instances.find(({ path }) => path === '')!.lines.map(({ name, shape, calls }) => [name, shape, calls]),
      [
        ['h', ['T', '8'], 'h'],
        ['s', ['T', '4'], 's'],
        ['loss', ['T', '1'], undefined],
      ],
    );
  });

  it('lines come out as [T, B, ...] in the order of their shapes', async () => {
    for (const [name, text] of Object.entries(samples))
      for (const { path, lines, axis } of (await built(text)).instances)
        for (const { name: line, value } of lines) {
          const axes = value.type.axes.map((each) => each.name);
          const isPerStep = axis !== undefined && axes.includes(axis);
          if (isPerStep) assert.deepEqual(axes.slice(0, 2), [axis, 'B'], `${name}: ${path}.${line} has ${axes.join(', ')}`);
        }
  });

  it('a dimension keeps its name in the graph; one called B is not the batch', async () => {
    const { inputs, instances } = await built(
      'model M(input: [Time] of Char) {\n  x = embed(input, 2)\n  h = rnn(x, 3)\n  loss = cross_entropy(linear(h, Char), next(input))\n}\n',
    );
    assert.deepEqual(
      inputs.map(({ value }) => value.type.axes),
      [0, 1].map(() => [
        { name: 'Time', size: 'Time' },
        { name: 'B', size: 'B' },
      ]),
    );
    assert.equal(instances.find(({ path }) => path === 'h')!.axis, 'Time');
    assert.deepEqual(instances[0]!.lines[0]!.shape, ['Time', '2']);
    const other = await built(
      'model M(x: [B, 4], y: [T, 4]) {\n  h = gru(x, 3)\n  s = gru(y, 3, from: last(h))\n  loss = mse(linear(s, 4), y)\n}\n',
    );
    assert.deepEqual(
      other.inputs.map(({ value }) => value.type.axes.map(({ name }) => name)),
      [
        ['B.2', 'B', '4'],
        ['T', 'B', '4'],
      ],
    );
  });

  it('starting values', async () => {
    const { weights } = await built(
      `cell start(x: [I], size H) {
  param A: [H, I], b: [H], c: [H] = 1.5, D: [I, H], E: [H, H] = uniform(1 / sqrt(H)), F: [H, H] = orthogonal, G: [H, H] = identity
  param K: [H, I] = normal(0.001), L: [H] = chrono(100), M: [H, I] = glorot, N: [H, I] = he
  y = A @ x + b + c + x @ D + E @ (F @ (G @ (K @ x))) + L + M @ x + N @ x
}
model S(x: [T, 25], y: [T, 16]) {
  s = start(x, 16)
  loss = mse(s, y)
}
`,
    );
    assert.deepEqual(Object.fromEntries(weights.map(({ name, initial }) => [name.slice(2), initial])), {
      A: { kind: 'uniform', bound: 0.2 },
      b: { kind: 'constant', value: 0 },
      c: { kind: 'constant', value: 1.5 },
      D: { kind: 'uniform', bound: 0.2 },
      E: { kind: 'uniform', bound: 0.25 },
      F: { kind: 'orthogonal' },
      G: { kind: 'identity' },
      K: { kind: 'normal', deviation: 0.001 },
      L: { kind: 'chrono', steps: 100 },
      M: { kind: 'glorot' },
      N: { kind: 'he' },
    });
  });

  it('what cannot be built says why, with its place', async () => {
    const broken = await programOf('model M(x: [T, 4]) {\n  h = lstm(y, 3)\n  loss = mse(x, x)\n}\n');
    assert.throws(
      () => buildModel(broken, { model: 'M', classes }),
      (error) => error instanceof ModelFaults && error.place.start.line === 1 && /`y`/.test(error.message),
    );
    const open = await programOf('model M(input: [T] of Nowhere) {\n  h = embed(input, 4)\n  loss = mse(h, h)\n}\n');
    assert.throws(
      () => buildModel(open, { model: 'M', classes: {} }),
      (error) => error instanceof ModelFaults && /Nowhere/.test(error.message),
    );
    await assert.rejects(
      async () => buildModel(await programOf(samples.tied), { model: 'Other', classes }),
      /has no model Other\. It has Words/,
    );
  });

  it('parameters are counted', async () => {
    const program = await programOf(samples.tied);
    const root = program.instances.get(program.models[0]!)!;
    const gru = 3 * (16 * 16 + 16 * 16 + 16) + 16;
    assert.deepEqual(
      parameterCounts(root, { Word: 11 }).map(({ path, count }) => [path, count]),
      [
        ['', 11 * 16 + 3 * gru],
        ['x', 11 * 16],
        ['h[0]', gru],
        ['h[1]', gru],
        ['h[2]', gru],
      ],
    );
    assert.equal(parameterCounts(root)[0]!.count, undefined);
  });
});
