// Streaming equals the whole sequence: rules are proposed for small models, and their frames are run against onnxruntime's LSTM over all of them.

import assert from 'node:assert/strict';
import { hintsOf, readSlot, regionOf } from '../../../src/foreign/streaming/hints.ts';
import { portsOf } from '../../../src/foreign/streaming/ports.ts';
import { proposeRule, type StreamProposal } from '../../../src/foreign/streaming/propose.ts';
import { parseRule, StreamError, type StreamRule } from '../../../src/foreign/streaming/rule.ts';
import { type StreamStep, streamRun } from '../../../src/foreign/streaming/run.ts';
import { encodeModel, type ModelProto } from '../../../src/onnx/proto.ts';
import { tensorProto, valueInfo } from '../../../src/onnx/write.ts';
import { createRuntime } from '../../../src/runtime/onnxruntime.ts';
import type { Tensor } from '../../../src/runtime/runtime.ts';
import { ints, lstm, lstmWeights, model, node, weights } from './models.ts';

const runtime = createRuntime();
const [I, H, N] = [5, 3, 12];
const data = Float32Array.from({ length: N * I }, (_, k) => Math.sin(k * 1.7) + Math.cos(k * 0.3));

function propose(given: ModelProto): StreamProposal {
  const { inputs, outputs } = portsOf(given.graph);
  return proposeRule(inputs, outputs, hintsOf(given));
}

/** `frame x @1 +2; hn>h cn>c; sr=16000; graph` */
const told = ({ frames, state, constants, confidence }: StreamProposal): string =>
  [
    `frame ${frames.map(({ input, axis, context }) => `${input}${axis === undefined ? '' : ` @${axis}`}${context === undefined ? '' : ` +${context}`}`).join(', ')}`,
    state.map(({ input, output }) => `${output}>${input}`).join(' '),
    ...Object.entries(constants).map(([name, value]) => `${name}=${value}`),
    confidence,
  ].join('; ');

async function compute(given: ModelProto, feeds: Record<string, Tensor>): Promise<Record<string, Tensor>> {
  const session = await runtime.open(encodeModel(given), { device: 'cpu', threads: 1 });
  try {
    return await session.compute(feeds);
  } finally {
    await session.release();
  }
}

async function stream(given: ModelProto, rule: StreamRule, frames: Float32Array = data, dims = [N, I]): Promise<StreamStep[]> {
  const session = await runtime.open(encodeModel(given), { device: 'cpu', threads: 1 });
  try {
    const steps: StreamStep[] = [];
    for await (const step of streamRun(session, rule, { dims, data: frames }, portsOf(given.graph))) steps.push(step);
    return steps;
  } finally {
    await session.release();
  }
}

const joined = (steps: readonly StreamStep[], name: string): number[] =>
  steps.flatMap(({ outputs }) => Array.from(outputs[name]!.data as Float32Array));

function near(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  assert.equal(actual.length, expected.length);
  for (let k = 0; k < actual.length; k++) assert.ok(Math.abs(actual[k]! - expected[k]!) < 1e-6, `${k}: ${actual[k]} is not ${expected[k]}`);
}

const half = (name: string, dims: number[]) => {
  const info = valueInfo(name, 'float32', dims);
  info.type!.tensor_type!.elem_type = 10;
  return info;
};

const float = (dims: number[], values: ArrayLike<number>): Tensor => ({ type: 'float32', dims, data: Float32Array.from(values) });

/** Two layers over the whole sequence: x [1, T, I] to y [1, T, 2]. */
const layers = [...lstmWeights('a', I, H), ...lstmWeights('b', H, H), weights('V', H, 2), ints('0', 0), ints('1', 1)];
const body = (ha = '', ca = '', hb = '', cb = '') => [
  node('Transpose', ['x'], ['x_t'], { perm: [1, 0, 2] }),
  lstm('a', 'x_t', H, ha, ca),
  node('Squeeze', ['a.Y', '1'], ['a.y']),
  lstm('b', 'a.y', H, hb, cb),
  node('Squeeze', ['b.Y', '1'], ['b.y']),
  node('Transpose', ['b.y'], ['b.t'], { perm: [1, 0, 2] }),
  node('MatMul', ['b.t', 'V'], ['y']),
];
const whole = model({
  nodes: body(),
  initializers: layers,
  inputs: [valueInfo('x', 'float32', [1, 'T', I])],
  outputs: [valueInfo('y', 'float32', [1, 'T', 2])],
});
const expected = async () => (await compute(whole, { x: float([1, N, I], data) })).y!.data as Float32Array;

/** h and c of both layers stacked: [2, 1, H] each. `swapped`: c before h in the outputs. */
function stacked(names: readonly [string, string, string, string] = ['h', 'c', 'hn', 'cn'], swapped = false): ModelProto {
  const [h, c, hn, cn] = names;
  const cut = (from: string, k: number, to: string) => node('Slice', [from, `${k}`, `${k + 1}`, '0'], [to]);
  const outputs = [hn, cn].map((name) => valueInfo(name, 'float32', [2, 1, H]));
  return model({
    nodes: [
      cut(h, 0, 'ha'),
      cut(h, 1, 'hb'),
      node('Split', [c, '11'], ['ca', 'cb']),
      ...body('ha', 'ca', 'hb', 'cb'),
      node('Concat', ['a.Y_h', 'b.Y_h'], [hn], { axis: 0 }),
      node('Concat', ['a.Y_c', 'b.Y_c'], [cn], { axis: 0 }),
    ],
    initializers: [...layers, ints('2', 2), ints('11', 1, 1)],
    inputs: [valueInfo('x', 'float32', [1, 1, I]), ...[h, c].map((name) => valueInfo(name, 'float32', [2, 1, H]))],
    outputs: [valueInfo('y', 'float32', [1, 1, 2]), ...(swapped ? outputs.reverse() : outputs)],
  });
}

/** h and c of both layers in the last axis of one tensor [1, 2, H, 2], as Keras models have it. */
function packed(): ModelProto {
  const nodes = [];
  for (const [l, layer] of ['a', 'b'].entries())
    for (const [s, state] of ['h', 'c'].entries()) {
      nodes.push(node('Slice', ['s', `p${l}${s}`, `q${l}${s}`, 'axes'], [`cut.${layer}${state}`]));
      nodes.push(node('Squeeze', [`cut.${layer}${state}`, 'axes'], [`flat.${layer}${state}`]));
      nodes.push(node('Unsqueeze', [`flat.${layer}${state}`, '0'], [`${state}${layer}`]));
    }
  const stack = (state: string): string[] => ['a', 'b'].map((layer) => `${layer}.Y_${state}`);
  return model({
    nodes: [
      ...nodes,
      ...body('ha', 'ca', 'hb', 'cb'),
      ...['h', 'c'].flatMap((state) => [
        node('Concat', stack(state), [`all.${state}`], { axis: 0 }),
        node('Transpose', [`all.${state}`], [`turned.${state}`], { perm: [1, 0, 2] }),
        node('Unsqueeze', [`turned.${state}`, '3'], [`last.${state}`]),
      ]),
      node('Concat', ['last.h', 'last.c'], ['Identity_1'], { axis: -1 }),
    ],
    initializers: [
      ...layers,
      ints('3', 3),
      ints('axes', 1, 3),
      ...[0, 1].flatMap((l) => [0, 1].flatMap((s) => [ints(`p${l}${s}`, l, s), ints(`q${l}${s}`, l + 1, s + 1)])),
    ],
    inputs: [valueInfo('x', 'float32', [1, 1, I]), valueInfo('s', 'float32', [1, 2, H, 2])],
    outputs: [valueInfo('y', 'float32', [1, 1, 2]), valueInfo('Identity_1', 'float32', [1, 2, H, 2])],
  });
}

describe('foreign/streaming: runs', () => {
  it('with separate states equals the whole sequence', async () => {
    const given = stacked();
    const rule = propose(given);
    assert.equal(told(rule), 'frame x @1; hn>h cn>c; graph');
    const want = await expected();
    near(joined(await stream(given, rule), 'y'), want);
    // The states matter: without them the outputs would be others.
    const without = joined(await stream(given, { ...rule, state: rule.state.map((each) => ({ ...each, initial: 0.5 })) }), 'y');
    assert.ok(without.some((value, k) => Math.abs(value - want[k]!) > 1e-3));
  });

  it('finds the states whatever their names and order say', async () => {
    const given = stacked(['one', 'two', 'three', 'four'], true);
    const rule = propose(given);
    assert.equal(told(rule), 'frame x @1; three>one four>two; graph');
    near(joined(await stream(given, rule), 'y'), await expected());
    assert.equal(told(propose(stacked(['h', 'c', 'c_out', 'h_out']))), 'frame x @1; c_out>h h_out>c; graph');
  });

  it('with a packed state equals the whole sequence, and tells its slots', async () => {
    const given = packed();
    const rule = propose(given);
    assert.equal(told(rule), 'frame x @1; Identity_1>s; graph');
    const steps = await stream(given, parseRule(JSON.parse(JSON.stringify(rule))));
    near(joined(steps, 'y'), await expected());
    const slots = rule.state[0]!.slots!;
    assert.deepEqual(
      slots.map(({ operator, state, offset, strides, sizes }) => [operator, state, offset, strides.join(), sizes.join()]),
      [
        ['LSTM_a.Y', 'h', 0, '0,0,2', '1,1,3'],
        ['LSTM_a.Y', 'c', 1, '0,0,2', '1,1,3'],
        ['LSTM_b.Y', 'h', 6, '0,0,2', '1,1,3'],
        ['LSTM_b.Y', 'c', 7, '0,0,2', '1,1,3'],
      ],
    );
    const apart = await stream(stacked(), propose(stacked()));
    for (const t of [0, 5, N - 1]) {
      const state = steps[t]!.outputs.Identity_1!.data as Float32Array;
      const read = (which: string) => slots.filter((slot) => slot.state === which).flatMap((slot) => [...readSlot(slot, state)]);
      near(read('h'), apart[t]!.outputs.hn!.data as Float32Array);
      near(read('c'), apart[t]!.outputs.cn!.data as Float32Array);
    }
  });

  it('tells no slots of a state that is computed with before it is one', () => {
    const given = model({
      nodes: [node('Mul', ['h', 'half'], ['h2']), lstm('a', 'x', H, 'h2', 'c'), node('MatMul', ['a.Y_h', 'V'], ['y'])],
      initializers: [...layers, tensorProto('float32', [], [0.5], 'half')],
      inputs: [valueInfo('x', 'float32', [1, 1, I]), ...['h', 'c'].map((name) => valueInfo(name, 'float32', [1, 1, H]))],
      outputs: [valueInfo('y', 'float32', [1, 1, 2]), ...['a.Y_h', 'a.Y_c'].map((name) => valueInfo(name, 'float32', [1, 1, H]))],
    });
    const rule = propose(given);
    assert.equal(told(rule), 'frame x @0; a.Y_h>h a.Y_c>c; graph');
    assert.deepEqual(
      rule.state.map(({ slots }) => slots?.length),
      [undefined, 1],
    );
    assert.equal(regionOf(given, 'h', 'h2'), undefined);
    assert.deepEqual(regionOf(given, 'c', 'c'), { offset: 0, strides: [0, 0, 1], sizes: [1, 1, 3] });
  });

  it('puts context before each frame, and feeds what stays the same', async () => {
    const [fresh, context] = [8, 1];
    const given = (stepwise: boolean): ModelProto =>
      model({
        nodes: [
          node('Equal', ['sr', '16k'], ['right']),
          node('Where', ['right', 'one', 'none'], ['scale']),
          node('Mul', ['audio', 'scale'], ['scaled']),
          ...(stepwise ? [node('Unsqueeze', ['scaled', '0'], ['x_t'])] : [node('Unsqueeze', ['scaled', '1'], ['x_t'])]),
          lstm('w', 'x_t', H, ...(stepwise ? (['h', 'c'] as const) : [])),
          node('Squeeze', ['w.Y', stepwise ? '01' : '12'], ['y']),
        ],
        initializers: [
          ...lstmWeights('w', fresh + context, H),
          ints('0', 0),
          ints('1', 1),
          ints('01', 0, 1),
          ints('12', 1, 2),
          tensorProto('int64', [], [16000], '16k'),
          tensorProto('float32', [], [1], 'one'),
          tensorProto('float32', [], [0], 'none'),
        ],
        inputs: [
          valueInfo('audio', 'float32', [stepwise ? 1 : 'T', fresh + context]),
          ...(stepwise ? ['h', 'c'].map((name) => valueInfo(name, 'float32', [1, 1, H])) : []),
          valueInfo('sr', 'int64', []),
        ],
        outputs: [
          valueInfo('y', 'float32', ['B', H]),
          ...(stepwise ? ['w.Y_h', 'w.Y_c'].map((name) => valueInfo(name, 'float32', [1, 1, H])) : []),
        ],
      });
    const rule = propose(given(true));
    assert.equal(told(rule), 'frame audio +1; w.Y_h>h w.Y_c>c; sr=16000; graph');
    const sound = Float32Array.from({ length: N * fresh }, (_, k) => Math.sin(k / 3));
    const frames = Array.from({ length: N }, (_, t) => [
      t === 0 ? 0 : sound[t * fresh - 1]!,
      ...sound.subarray(t * fresh, (t + 1) * fresh),
    ]).flat();
    const { y } = await compute(given(false), {
      audio: float([N, fresh + context], frames),
      sr: { type: 'int64', dims: [], data: BigInt64Array.of(16000n) },
    });
    near(joined(await stream(given(true), rule, sound, [N, fresh]), 'y'), y!.data as Float32Array);
  });

  it('feeds tokens as whole numbers', async () => {
    const nodes = (h = '', c = '') => [
      node('Gather', ['E', 'tokens'], ['e']),
      node('Transpose', ['e'], ['x_t'], { perm: [1, 0, 2] }),
      lstm('a', 'x_t', H, h, c),
      node('Squeeze', ['a.Y', '1'], ['y']),
    ];
    const initializers = [...layers, weights('E', 9, I)];
    const given = model({
      nodes: nodes('h', 'c'),
      initializers,
      inputs: [valueInfo('tokens', 'int64', [1, 1]), ...['h', 'c'].map((name) => valueInfo(name, 'float32', [1, 1, H]))],
      outputs: [valueInfo('y', 'float32', [1, 1, H]), ...['a.Y_h', 'a.Y_c'].map((name) => valueInfo(name, 'float32', [1, 1, H]))],
    });
    const all = model({
      nodes: nodes(),
      initializers,
      inputs: [valueInfo('tokens', 'int64', [1, 'T'])],
      outputs: [valueInfo('y', 'float32', ['T', 1, H])],
    });
    const rule = propose(given);
    assert.equal(told(rule), 'frame tokens @1; a.Y_h>h a.Y_c>c; graph');
    const tokens = Float32Array.of(3, 1, 4, 1, 5, 8, 2, 6);
    const { y } = await compute(all, { tokens: { type: 'int64', dims: [1, 8], data: BigInt64Array.from([...tokens], BigInt) } });
    near(joined(await stream(given, rule, tokens, [8]), 'y'), y!.data as Float32Array);
  });

  it('converts frames, states and constants to the types that the model wants', async () => {
    // Halves and whole numbers are read back as floats: what is fed is what was meant.
    const given = model({
      nodes: [
        node('Cast', ['x'], ['xf'], { to: 1 }),
        node('Cast', ['h'], ['hf'], { to: 1 }),
        node('Cast', ['k'], ['kf'], { to: 1 }),
        node('Add', ['xf', 'hf'], ['xh']),
        node('Add', ['xh', 'kf'], ['y']),
        node('Cast', ['y'], ['hn'], { to: 10 }),
      ],
      inputs: [...['x', 'h'].map((name) => half(name, [1, 2])), valueInfo('k', 'int32', [1])],
      outputs: [valueInfo('y', 'float32', [1, 2]), half('hn', [1, 2])],
    });
    const rule: StreamRule = { frames: [{ input: 'x' }], state: [{ input: 'h', output: 'hn', initial: [0.5, -2] }], constants: { k: 3 } };
    assert.deepEqual(joined(await stream(given, rule, Float32Array.of(1.5, -1, 0.25, 8), [2, 2]), 'y'), [5, 0, 8.25, 11]);
  });

  it('can be cancelled between frames, and keeps nothing', async () => {
    const given = stacked();
    const session = await runtime.open(encodeModel(given), { device: 'cpu', threads: 1 });
    const stop = new AbortController();
    const seen: number[] = [];
    let fed: Tensor | undefined;
    try {
      await assert.rejects(async () => {
        for await (const step of streamRun(
          session,
          propose(given),
          { dims: [N, I], data },
          { ...portsOf(given.graph), fetch: ['y'], signal: stop.signal },
        )) {
          assert.deepEqual(Object.keys(step.outputs), ['y']);
          if (fed !== undefined) assert.notEqual(step.feeds.h, fed);
          fed = step.feeds.h;
          seen.push(step.timestep);
          if (step.timestep === 2) stop.abort(new Error('enough'));
        }
      }, /enough/);
    } finally {
      await session.release();
    }
    assert.deepEqual(seen, [0, 1, 2]);
  });

  it('says what does not fit', async () => {
    const given = stacked();
    const rule = propose(given);
    const fails = (changed: Partial<StreamRule>, dims: number[], why: RegExp) =>
      assert.rejects(stream(given, { ...rule, ...changed }, new Float32Array(dims.reduce((a, b) => a * b, 1)), dims), (error) => {
        assert.ok(error instanceof StreamError);
        assert.match(error.message, why);
        return true;
      });
    await fails({}, [N, I + 1], /x is float32 \[1, 1, 5\]: a frame of \[6\] does not fit\./);
    await fails({ frames: [{ input: 'x', context: 2 }] }, [N, I], /2 of them context: a frame of \[5\] does not fit/);
    await fails({ state: [] }, [N, I], /h \(float32 \[2, 1, 3\]\) is neither a frame nor a state/);
    assert.equal((await stream(given, { ...rule, frames: [{ input: 'x', context: 2 }] }, new Float32Array(9), [3, 3])).length, 3);
  });
});
