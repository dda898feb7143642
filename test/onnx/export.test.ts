import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { Builder } from '../../src/graph/builder.ts';
import { tensor, type Value } from '../../src/graph/graph.ts';
import { interpret, type NamedArray } from '../../src/graph/interpret.ts';
import type { Model } from '../../src/graph/model.ts';
import { buildModel, loadProgram } from '../../src/language/index.ts';
import { exportModel, finalName, metadataKeys } from '../../src/onnx/export.ts';
import { modelInfo } from '../../src/onnx/operators.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import type { Tensor } from '../../src/runtime/runtime.ts';
import { B, type CellName, layer, T } from '../graph/cells.ts';
import { languageModel, startOf } from '../passes/models.ts';
import { assertClose, feedsFor, tensorOf } from './lowered.ts';

const runtime = createRuntime();
const sizes = { T: 5, B: 3 };

/** The exported file in the runtime equals the model's graph in the interpreter. */
async function assertExported(model: Model): Promise<ReturnType<typeof exportModel>> {
  const weights = startOf(model);
  const exported = exportModel(model, { weights });
  assert.deepEqual(
    exported.operators.filter((name) => name.includes('.')),
    [],
    'operators of ONNX only',
  );
  const masks = new Set(model.dropout.map(({ value }) => value));
  const feeds = new Map<Value, NamedArray>(
    [...feedsFor(model.graph, sizes)].map(([value, array]) => {
      const weight = model.weights.find((each) => each.value === value);
      if (weight !== undefined) return [value, { ...array, data: Float64Array.from(weights.get(weight.name)!.data) }];
      return [value, masks.has(value) ? { ...array, data: array.data.map(() => 1) } : array];
    }),
  );
  const asked = [model.prediction!.logits, ...model.states.map(({ after }) => after)];
  const expected = interpret({ ...model.graph, results: asked }, feeds, sizes);
  const session = await runtime.open(exported.bytes, { device: 'cpu', threads: 1 });
  const given: [string, Tensor][] = [
    ...model.inputs.map(({ name, value }) => [name, tensorOf(value, feeds.get(value)!)] as [string, Tensor]),
    ...model.states.map(({ name, before }) => [name, tensorOf(before, feeds.get(before)!)] as [string, Tensor]),
  ];
  const results = await session.compute(Object.fromEntries(given.filter(([name]) => session.inputs.includes(name))));
  await session.release();
  ['logits', ...model.states.map(({ name }) => finalName(name))].forEach((name, k) => {
    const { dims, data } = sequenceFirst(expected[k]!);
    assert.deepEqual([...results[name]!.dims], dims, name);
    assertClose(results[name]!.data as Float32Array, data, name);
  });
  return exported;
}

/** The array with time first, then the batch, then the features. */
function sequenceFirst(array: NamedArray): { dims: number[]; data: Float64Array } {
  const b = new Builder();
  const place = ({ name }: { name: string }): number => ['T', 'B'].indexOf(name) + (['T', 'B'].includes(name) ? 0 : 3);
  const axes = [...array.axes].sort((one, other) => place(one) - place(other));
  const value = b.parameter(tensor(axes));
  const [turned] = interpret(b.graph([value]), new Map([[value, array]]));
  return { dims: axes.map(({ size }) => size), data: turned!.data };
}

const attributeOf = (exported: ReturnType<typeof exportModel>, operator: string, name: string) =>
  exported.model.graph.node.find((node) => node.op_type === operator)?.attribute.find((each) => each.name === name);
const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();

describe('export with standard operators', () => {
  const expected: Readonly<Record<CellName, string>> = {
    rnn: 'RNN',
    rnn_relu: 'RNN',
    lstm: 'LSTM',
    peephole_lstm: 'LSTM',
    gru: 'GRU',
    gru_2014: 'GRU',
    normed_lstm: 'Scan',
    // The minimal gated unit is a GRU whose two gates are one.
    mgu: 'GRU',
  };
  for (const [cell, operator] of Object.entries(expected) as [CellName, string][]) {
    for (const layers of [1, 2]) {
      it(`${layers} x ${cell} becomes ${operator}`, async () => {
        const { operators, model } = await assertExported(languageModel(cell, { layers, dropout: 0.5 }));
        const loops = operators.filter((each) => ['LSTM', 'GRU', 'RNN', 'Scan', 'Loop'].includes(each));
        assert.deepEqual(loops, [operator]);
        assert.equal(model.graph.node.filter((node) => node.op_type === operator).length, layers);
      });
    }
  }

  it('tells the two kinds of GRU apart', async () => {
    const after = await assertExported(languageModel('gru'));
    assert.equal(attributeOf(after, 'GRU', 'linear_before_reset')?.i, 1);
    const before = await assertExported(languageModel('gru_2014'));
    assert.equal(attributeOf(before, 'GRU', 'linear_before_reset'), undefined);
  });

  it('tells tanh and relu apart', async () => {
    const activation = async (cell: CellName): Promise<string> =>
      text(attributeOf(await assertExported(languageModel(cell)), 'RNN', 'activations')?.strings?.[0]);
    assert.deepEqual([await activation('rnn'), await activation('rnn_relu')], ['Tanh', 'Relu']);
  });

  it('holds each weight once, by its name where no operator has it', async () => {
    const model = languageModel('lstm');
    const exported = await assertExported(model);
    const names = exported.model.graph.initializer.map(({ name }) => name!).filter((name) => /^(x|h|T|logits)\./.test(name));
    assert.deepEqual(
      names.map((name) => name.replace(/_\d+$/, '')),
      ['x.table', 'logits.W', 'logits.b', 'T.W', 'T.R', 'T.B'],
    );
  });
});

/** x [T, B, 3] -> a step over it, written by hand -> h as logits. */
function handWritten(step: (b: Builder, given: Given) => Value, states = 1): Model {
  const b = new Builder();
  const [H, I] = [
    { name: 'H', size: 4 },
    { name: 'I', size: 3 },
  ];
  const square = { name: 'h', size: 4 };
  const weights = [
    ...['W', 'V'].map((name) => b.parameter(tensor([H, I]), name)),
    ...['U', 'S'].map((name) => b.parameter(tensor([square, H]), name)),
    ...['b', 'd'].map((name) => b.parameter(tensor([H]), name)),
  ];
  const x = b.parameter(tensor([T, B, I]), 'x');
  const before = Array.from({ length: states }, (_, k) => b.parameter(tensor([B, H]), `s${k}`));
  const body = new Builder();
  const parameters = [tensor([B, I]), ...weights.map(({ type }) => type), ...before.map(({ type }) => type)].map((type) =>
    body.parameter(type),
  );
  const [xt, W, V, U, S, bias, d, h] = parameters as [Value, Value, Value, Value, Value, Value, Value, Value];
  const given: Given = {
    h,
    wx: body.contract(W, xt, ['I']),
    vx: body.contract(xt, V, ['I']),
    // U's columns are those of the state here: y_H = sum over h of U[h, H] * state[h].
    u: (vector) => body.contract(body.rename(vector, 'H', 'h'), U, ['h']),
    s: (vector) => body.contract(S, body.rename(vector, 'H', 'h'), ['h']),
    bias,
    d,
  };
  const next = step(body, given);
  const after = [next, ...parameters.slice(8)];
  const [ys, ...final] = b.recur([x, ...weights, ...before], {
    axis: T,
    reverse: false,
    scanned: 1,
    held: weights.length,
    states,
    body: body.graph([next, ...after]),
  });
  const origin = { instance: '', line: '' };
  return {
    name: 'HandWritten',
    graph: b.graph([ys!, ...final]),
    weights: weights.map((value) => ({ name: `w.${value.name}`, value, initial: { kind: 'uniform', bound: 0.7 }, origin })),
    inputs: [{ name: 'x', value: x }],
    states: before.map((value, k) => ({ name: `h.s${k}`, before: value, after: final[k]!, instance: 'h' })),
    dropout: [],
    instances: [],
    prediction: { input: 'x', line: 'logits', logits: ys!, classes: '' },
  };
}

interface Given {
  readonly h: Value;
  readonly wx: Value;
  readonly vx: Value;
  readonly u: (vector: Value) => Value;
  readonly s: (vector: Value) => Value;
  readonly bias: Value;
  readonly d: Value;
}

describe('recognition by structure', () => {
  const loopOf = async (step: Parameters<typeof handWritten>[0]): Promise<string | undefined> =>
    (await assertExported(handWritten(step))).operators.find((each) => ['LSTM', 'GRU', 'RNN', 'Scan'].includes(each));
  const plus = (b: Builder, ...terms: Value[]): Value => terms.reduce((sum, term) => b.plus(sum, term));

  const rnns: Record<string, Parameters<typeof handWritten>[0]> = {
    'bias first, transposed weights': (b, { bias, u, h, vx }) => b.tanh(plus(b, bias, u(h), vx)),
    'two biases, and a number': (b, { bias, d, u, h, wx }) => b.tanh(plus(b, u(h), bias, b.constant(0.5), plus(b, d, wx))),
    'two matrices of the input': (b, { u, h, wx, vx }) => b.relu(plus(b, wx, u(h), vx)),
    'a difference': (b, { bias, u, h, wx }) => b.sigmoid(b.minus(wx, b.plus(u(h), b.neg(bias)))),
  };
  for (const [name, step] of Object.entries(rnns)) {
    it(`RNN: ${name}`, async () => {
      assert.equal(await loopOf(step), 'RNN');
    });
  }

  const gru = (mix: (b: Builder, z: Value, n: Value, h: Value) => Value): Parameters<typeof handWritten>[0] => {
    return (b, { wx, vx, u, s, h, bias, d }) => {
      const z = b.sigmoid(plus(b, s(h), vx, d));
      const r = b.sigmoid(b.plus(wx, u(h)));
      return mix(b, z, b.tanh(plus(b, b.times(b.plus(bias, u(h)), r), vx)), h);
    };
  };
  const grus: Record<string, Parameters<typeof handWritten>[0]> = {
    'z keeps': gru((b, z, n, h) => b.plus(b.times(h, z), b.times(n, b.complement(z)))),
    'z renews': gru((b, z, n, h) => b.plus(b.times(z, n), b.times(b.complement(z), h))),
    'z keeps, as a step from n': gru((b, z, n, h) => b.plus(n, b.times(z, b.minus(h, n)))),
    'z renews, as a step from h': gru((b, z, n, h) => b.plus(b.times(b.minus(n, h), z), h)),
  };
  for (const [name, step] of Object.entries(grus)) {
    it(`GRU: ${name}`, async () => {
      assert.equal(await loopOf(step), 'GRU');
    });
  }

  const others: Record<string, Parameters<typeof handWritten>[0]> = {
    'a mixture of other gates': (b, { wx, u, s, h }) => {
      const z = b.sigmoid(b.plus(wx, u(h)));
      const k = b.sigmoid(s(h));
      return b.plus(b.times(b.complement(k), b.tanh(wx)), b.times(z, h));
    },
    'a product of inputs': (b, { wx, vx, u, h }) => b.tanh(b.plus(b.times(wx, vx), u(h))),
    'a sum within the activation': (b, { wx, u, h, bias }) => b.plus(b.sigmoid(b.plus(u(h), bias)), wx),
    'another activation': (b, { wx, u, h }) => b.unary('softplus', b.plus(wx, u(h))),
    'a residual step': (b, { wx, u, h }) => b.plus(h, b.tanh(b.plus(wx, u(h)))),
  };
  for (const [name, step] of Object.entries(others)) {
    it(`no operator for ${name}`, async () => {
      assert.equal(await loopOf(step), 'Scan');
    });
  }
});

describe('export of two directions', () => {
  function bidirectional(forward: CellName, backward: CellName, sizes = [4, 4], viaReverse = false): Model {
    const b = new Builder();
    const x = b.parameter(tensor([T, B, { name: 'I', size: 3 }]), 'x');
    const one = layer(b, forward, x, sizes[0]!, { prefix: 'f.' });
    const turned = viaReverse ? b.reverse(x, 'T') : x;
    const other = layer(b, backward, turned, sizes[1]!, { prefix: 'b.', reverse: !viaReverse });
    const back = viaReverse ? b.reverse(other.lines["h'"]!, 'T') : other.lines["h'"]!;
    const logits = b.concat([one.lines["h'"]!, back], ['H', 'H'], { name: 'K', size: sizes[0]! + sizes[1]! });
    const origin = { instance: '', line: '' };
    const weights = [...Object.values(one.weights), ...Object.values(other.weights)];
    const states = [one, other].flatMap(({ initial, final }, k) =>
      Object.keys(initial).map((name) => ({ name: `${k}.${name}`, before: initial[name]!, after: final[name]!, instance: '' })),
    );
    return {
      name: 'Both',
      graph: b.graph([logits, ...states.map(({ after }) => after)]),
      weights: weights.map((value) => ({ name: value.name!, value, initial: { kind: 'uniform', bound: 0.7 }, origin })),
      inputs: [{ name: 'x', value: x }],
      states,
      dropout: [],
      instances: [],
      prediction: { input: 'x', line: 'logits', logits, classes: '' },
    };
  }
  const directions = ({ model }: ReturnType<typeof exportModel>): string[] =>
    model.graph.node
      .filter(({ op_type }) => ['LSTM', 'GRU', 'RNN'].includes(op_type))
      .map((node) => `${node.op_type} ${text(node.attribute.find(({ name }) => name === 'direction')?.s)}`);

  it('two of a kind are one operator', async () => {
    for (const cell of ['lstm', 'peephole_lstm', 'gru', 'gru_2014'] as const)
      assert.deepEqual(directions(await assertExported(bidirectional(cell, cell))), [
        `${cell.includes('lstm') ? 'LSTM' : 'GRU'} bidirectional`,
      ]);
    assert.deepEqual(directions(await assertExported(bidirectional('rnn', 'rnn'))), ['RNN bidirectional']);
  });

  it('a run over the reversed sequence is one from the end', async () => {
    const exported = await assertExported(bidirectional('lstm', 'lstm', [4, 4], true));
    assert.deepEqual(directions(exported), ['LSTM bidirectional']);
  });

  it('two of different kinds or sizes are two', async () => {
    assert.deepEqual(directions(await assertExported(bidirectional('lstm', 'gru'))), ['LSTM forward', 'GRU reverse']);
    assert.deepEqual(directions(await assertExported(bidirectional('gru', 'gru', [4, 5]))), ['GRU forward', 'GRU reverse']);
    assert.deepEqual(directions(await assertExported(bidirectional('gru', 'gru_2014'))), ['GRU forward', 'GRU reverse']);
    assert.deepEqual(directions(await assertExported(bidirectional('rnn', 'rnn_relu'))), ['RNN forward', 'RNN reverse']);
  });
});

describe('export of models in the language', () => {
  const own = `
cell mine(x: [I], size H) {
  state h, c: [H]
  param A: [H, I], B: [H, H], k: [H]
  a  = sigmoid(A @ x + B @ h + k)
  c' = a * c + (1 - a) * tanh(B @ h)
  h' = tanh(c')
}`;
  const calls: Readonly<Record<string, string>> = {
    'rnn(x, 5)': 'RNN',
    'rnn(x, 5, activation: relu)': 'RNN',
    'irnn(x, 5)': 'RNN',
    'lstm(x, 5)': 'LSTM',
    'peephole_lstm(x, 5)': 'LSTM',
    'gru(x, 5)': 'GRU',
    'gru_2014(x, 5)': 'GRU',
    'lstm(x, 5, layers: 2, dropout: 0.2)': 'LSTM LSTM',
    'residual(gru, x, layers: 2)': 'GRU GRU',
    'normed_lstm(x, 5)': 'Scan',
    'mine(x, 5)': 'Scan',
  };
  for (const [call, expected] of Object.entries(calls)) {
    it(call, async () => {
      const text = `${own}
model M(input: [T] of Char) {
  x      = embed(input, 4)
  h      = ${call}
  logits = linear(h, Char)
  loss   = cross_entropy(logits, next(input))
}`;
      const program = await loadProgram('/m.rnn', async (path) => (path === '/m.rnn' ? text : readFile(path, 'utf8')));
      const { model } = await assertExported(buildModel(program, { model: 'M', classes: { Char: 7 } }));
      const loops = model.graph.node.map(({ op_type }) => op_type).filter((name) => ['LSTM', 'GRU', 'RNN', 'Scan'].includes(name));
      assert.equal(loops.join(' '), expected);
    });
  }
});

describe('information on a model file', () => {
  it('tells inputs, outputs, operators, sizes and what Unroll kept', () => {
    const model = languageModel('lstm', { V: 7, I: 3, H: 4 });
    const sources = new Map([['m.rnn', 'model M() {}']]);
    const { bytes } = exportModel(model, { weights: startOf(model), vocabularies: { Char: ['a', 'b'] }, sources });
    const info = modelInfo(bytes);
    assert.deepEqual(info.inputs, [
      { name: 'text', type: 'int32', shape: ['T', 'B'] },
      { name: 'h.h', type: 'float32', shape: ['B', 4] },
      { name: 'h.c', type: 'float32', shape: ['B', 4] },
    ]);
    assert.deepEqual(info.outputs, [
      { name: 'logits', type: 'float32', shape: ['T', 'B', 7] },
      { name: 'h.h.final', type: 'float32', shape: ['B', 4] },
      { name: 'h.c.final', type: 'float32', shape: ['B', 4] },
    ]);
    assert.equal(info.operators.LSTM, 1);
    assert.equal(info.bytes, bytes.length);
    assert.deepEqual(info.opsets, { '': 21 });
    assert.equal(info.metadata[metadataKeys.model], 'lstm');
    assert.equal(info.metadata[metadataKeys.vocabularies], '{"Char":["a","b"]}');
    assert.equal(info.metadata[metadataKeys.sources], '{"m.rnn":"model M() {}"}');
  });

  it('refuses what is no model', () => {
    assert.throws(() => modelInfo(Buffer.from('hello')), /This is no ONNX model/);
    assert.throws(() => modelInfo(new Uint8Array(0)), /This is no ONNX model/);
  });
});
