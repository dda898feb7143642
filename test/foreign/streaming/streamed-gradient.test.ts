// Gradients through the calls of a streamed model, against central differences of all of its calls.

import assert from 'node:assert/strict';
import { type OutputGradient, outputGradient, replaySeeded } from '../../../src/foreign/gradient.ts';
import { callKey } from '../../../src/foreign/part.ts';
import { ForeignSession } from '../../../src/foreign/session.ts';
import { portsOf } from '../../../src/foreign/streaming/ports.ts';
import type { StreamRule } from '../../../src/foreign/streaming/rule.ts';
import { streamRun } from '../../../src/foreign/streaming/run.ts';
import { encodeModel, type ModelProto } from '../../../src/onnx/proto.ts';
import { valueInfo } from '../../../src/onnx/write.ts';
import { createRuntime } from '../../../src/runtime/onnxruntime.ts';
import type { Tensor } from '../../../src/runtime/runtime.ts';
import { ints, lstm, lstmWeights, model, node, weights } from './models.ts';

const runtime = createRuntime();
const [I, H, N] = [3, 2, 6];
const frames = Float32Array.from({ length: N * I }, (_, k) => Math.sin(k * 1.7) + Math.cos(k * 0.3));
const float = (name: string, ...dims: number[]) => valueInfo(name, 'float32', dims);

/** Two LSTMs whose states are one tensor, with a running mean before them and another, of what they give, behind. */
const layers = model({
  nodes: [
    node('Mul', ['m', 'keep'], ['kept']),
    node('Add', ['kept', 'x'], ['mean']),
    node('Tanh', ['mean'], ['m_next']),
    node('Split', ['s'], ['ha', 'ca', 'hb', 'cb'], { axis: 0, num_outputs: 4 }),
    lstm('a', 'm_next', H, 'ha', 'ca'),
    node('Squeeze', ['a.Y', '1'], ['a.y']),
    lstm('b', 'a.y', H, 'hb', 'cb'),
    node('Squeeze', ['b.Y', '1'], ['b.y']),
    node('Concat', ['a.Y_h', 'a.Y_c', 'b.Y_h', 'b.Y_c'], ['s_next'], { axis: 0 }),
    node('Mul', ['b.y', 'a.y'], ['both']),
    node('Mul', ['n', 'keep'], ['n_kept']),
    node('Add', ['n_kept', 'both'], ['n_next']),
    node('MatMul', ['n_next', 'V'], ['y']),
  ],
  initializers: [...lstmWeights('a', I, H), ...lstmWeights('b', H, H), weights('V', H, 2), ints('1', 1), weights('keep', 1)],
  inputs: [float('x', 1, 1, I), float('m', 1, 1, I), float('s', 4, 1, H), float('n', 1, 1, H)],
  outputs: [float('y', 1, 1, 2), float('m_next', 1, 1, I), float('s_next', 4, 1, H), float('n_next', 1, 1, H)],
  opset: 18,
});
const rule: StreamRule = {
  frames: [{ input: 'x', axis: 0 }],
  state: [
    { input: 'm', output: 'm_next' },
    { input: 's', output: 's_next', initial: [0.3, -0.2, 0.5, 0.1, -0.4, 0.2, 0.6, -0.3] },
    { input: 'n', output: 'n_next' },
  ],
  constants: {},
};

async function streamed(given: ModelProto, rules: StreamRule, cotangents: readonly (Tensor | undefined)[], output = 'y') {
  const session = new ForeignSession(runtime, given);
  const run = await session.stream(rules, { x: { dims: [N, I], data: frames } }, portsOf(given.graph));
  await session.release();
  const wanted = ['x', ...rules.state.map(({ input }) => input)];
  const found = await outputGradient(runtime, {
    model: given,
    calls: run.calls,
    states: rules.state,
    ran: run.ran,
    output,
    cotangents,
    wanted,
  });
  return { run, found };
}

/** The change of a weighted sum of all outputs with each number of the frames. */
async function differences(given: ModelProto, rules: StreamRule, cotangents: readonly (Tensor | undefined)[]): Promise<number[]> {
  const session = await runtime.open(encodeModel(given), { device: 'cpu', threads: 1 });
  const at = async (place: number, change: number): Promise<number> => {
    const data = Float32Array.from(frames);
    data[place]! += change;
    let sum = 0;
    for await (const { timestep, outputs } of streamRun(session, rules, { dims: [N, I], data }, portsOf(given.graph)))
      cotangents[timestep]?.data.forEach((weight: number | bigint, k: number) => {
        sum += Number(weight) * Number(outputs.y!.data[k]);
      });
    return sum;
  };
  const slopes: number[] = [];
  for (let place = 0; place < frames.length; place += 1) {
    const step = 8e-3;
    const [one, two] = [(await at(place, step)) - (await at(place, -step)), (await at(place, 2 * step)) - (await at(place, -2 * step))];
    slopes.push((8 * one - two) / (12 * step));
  }
  await session.release();
  return slopes;
}

/** The gradient of the frames. */
const ofFrames = ({ cotangents }: OutputGradient): number[] =>
  Array.from({ length: N }, (_, call) =>
    Array.from((cotangents.get(callKey('x', call))?.data as Float32Array) ?? new Float32Array(I)),
  ).flat();

function near(found: readonly number[], expected: readonly number[]): void {
  const largest = Math.max(...expected.map(Math.abs));
  assert.ok(largest > 1e-4, `the largest is ${largest}`);
  expected.forEach((each, k) => {
    assert.ok(Math.abs(each - found[k]!) < 4e-3 * largest + 2e-5, `${k}: ${found[k]} instead of ${each}`);
  });
}

const y = (...data: number[]): Tensor => ({ type: 'float32', dims: [1, 1, 2], data: Float32Array.from(data) });

describe('the gradient of a streamed model', () => {
  it('goes through all of its calls: parts, and states of ordinary operators before and behind them', async () => {
    const cotangents = [undefined, y(0.5, -1), undefined, y(0, 0.3), undefined, y(1, 0.7)];
    const { found, run } = await streamed(layers, rule, cotangents);
    assert.deepEqual(found.missing, []);
    assert.deepEqual(
      run.ran.map(({ bound }) => bound.lengths),
      [[N], [N]],
    );
    near(ofFrames(found), await differences(layers, rule, cotangents));
  });

  it('is that of the states in every call, and of the gates behind them', async () => {
    const cotangents = [undefined, undefined, undefined, undefined, undefined, y(1, 0.7)];
    const { found, run } = await streamed(layers, rule, cotangents);
    // What the first layer reads is m_next, which also goes on to the next call.
    const { part, bound } = run.ran[0]!;
    const replayed = await replaySeeded(runtime, part, bound, [0], found.of(bound));
    const { inputs, line: instance } = replayed.source.runs[0]!;
    const read = (at: string, line: string) =>
      replayed.trace.read({ addresses: [{ instance: at, line }], from: 0, to: N, gradient: true }).then(([data]) => Array.from(data!));
    const [x, c, initial] = [await read('', inputs.get('x')!), await read(instance, "c'"), await read('', inputs.get('c_0')!)];
    await replayed.trace.close();
    // m(t) = tanh(keep m(t-1) + x(t))
    const keep = new Float32Array(Uint8Array.from(weights('keep', 1).raw_data!).buffer)[0]!;
    let ahead = [0, 0, 0];
    const expected: number[][] = [];
    for (let call = N - 1; call >= 0; call -= 1) {
      const m = (run.calls[call + 1]?.m ?? run.outputs.m_next!).data;
      const net = ahead.map((each, k) => (each + x[call * I + k]!) * (1 - Number(m[k]) ** 2));
      expected.unshift(net);
      ahead = net.map((each) => each * keep);
    }
    near(ofFrames(found), expected.flat());
    assert.ok(c.every((each) => each !== 0) && initial.some((each) => each !== 0));
    // The initial state is an input, too: h of a, c of a, h and c of b.
    near(initial, Array.from(found.cotangents.get('s')!.data as Float32Array).slice(H, 2 * H));
  });

  it('names a part that is not handed its state as it was', async () => {
    const faded = {
      ...layers,
      graph: {
        ...layers.graph,
        node: layers.graph.node.map((each) =>
          each.op_type === 'Concat' ? { ...each, input: ['a.Y_h', 'a.Y_c', 'b.Y_h', 'b.Y_h'] } : each,
        ),
      },
    };
    const { found } = await streamed(faded, rule, [undefined, undefined, undefined, undefined, undefined, y(1, 1)]);
    assert.ok(
      found.missing.some((each) => /^LSTM “LSTM_b\.Y” has no gradient here/.test(each)),
      found.missing.join('\n'),
    );
    assert.ok(
      ofFrames(found).some((each) => each !== 0),
      'by the first layer, beside the second',
    );
  });

  it('names what comes back to a part over the calls by another way than its state', async () => {
    const back = {
      ...layers,
      graph: {
        ...layers.graph,
        node: [
          node('Concat', ['n', 'n'], ['nn'], { axis: 2 }),
          node('Slice', ['nn', '0', '3', '2'], ['n3']),
          // The mean at a call is of what the parts gave in the one before.
          ...layers.graph.node.map((each) => (each.output[0] === 'kept' ? { ...each, input: ['n3', 'keep'] } : each)),
        ],
        initializer: [...layers.graph.initializer, ints('0', 0), ints('3', 3), ints('2', 2)],
      },
    };
    const { found } = await streamed(back, rule, [undefined, undefined, undefined, undefined, undefined, y(1, 1)]);
    assert.ok(found.missing.length > 0 && found.missing.every((each) => /has a way back to itself over the calls/.test(each)));
  });
});
