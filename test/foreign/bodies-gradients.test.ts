// Gradients of models whose parts stand in branches and in bodies of loops that are no parts themselves, against central differences.

import assert from 'node:assert/strict';
import { type OutputGradient, outputGradient, replaySeeded } from '../../src/foreign/gradient.ts';
import { ForeignSession, type RanPart } from '../../src/foreign/session.ts';
import { encodeModel, type GraphProto, type ModelProto, type NodeProto } from '../../src/onnx/proto.ts';
import { tensorProto, valueInfo } from '../../src/onnx/write.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import type { Tensor } from '../../src/runtime/runtime.ts';
import { node } from './differences.ts';
import { lstm, lstmWeights, weights } from './streaming/models.ts';

const runtime = createRuntime();
const [T, B, I, H] = [4, 2, 3, 2];

const float = (name: string, ...dims: number[]) => valueInfo(name, 'float32', dims);
const graph = (name: string, nodes: readonly NodeProto[], outputs: readonly string[], more: Partial<GraphProto> = {}): GraphProto => ({
  name,
  node: [...nodes],
  initializer: [],
  input: [],
  output: outputs.map((each) => valueInfo(each, 'float32')),
  ...more,
});
const modelOf = (nodes: readonly NodeProto[], inputs: GraphProto['input']): ModelProto => ({
  ir_version: 8,
  opset_import: [{ domain: '', version: 17 }],
  graph: graph('main', nodes, ['y'], {
    input: inputs,
    initializer: [
      ...lstmWeights('a', I, H),
      weights('U', H, H),
      weights('W', I, H),
      weights('V', H, I),
      tensorProto('int64', [], [3], 'three'),
      tensorProto('int64', [1], [1], 'one'),
    ],
  }),
});
const x: Tensor = { type: 'float32', dims: [T, B, I], data: Float32Array.from({ length: T * B * I }, (_, k) => Math.sin(1.3 * k) + 0.4) };

async function gradientsOf(
  model: ModelProto,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<{ ran: readonly RanPart[]; found: OutputGradient }> {
  const session = new ForeignSession(runtime, model);
  const { outputs, ran } = await session.run(feeds);
  await session.release();
  const y = outputs.y!;
  const cotangent: Tensor = { ...y, data: Float32Array.from(y.data as Float32Array, (_, k) => Math.cos(k)) };
  const plain = await runtime.open(encodeModel(model), { device: 'cpu', threads: 1 });
  const objective = async (place: number, change: number): Promise<number> => {
    const data = Float32Array.from(x.data as Float32Array);
    data[place]! += change;
    const found = (await plain.compute({ ...feeds, x: { ...x, data } })).y!.data as Float32Array;
    return found.reduce((sum, each, k) => sum + each * Math.cos(k), 0);
  };
  const found = await outputGradient(runtime, { model, calls: [feeds], ran, output: 'y', cotangents: [cotangent], wanted: ['x'] });
  const own = found.cotangents.get('x')!.data as Float32Array;
  const step = 8e-3;
  for (let place = 0; place < own.length; place += 1) {
    const one = (await objective(place, step)) - (await objective(place, -step));
    const two = (await objective(place, 2 * step)) - (await objective(place, -2 * step));
    const expected = (8 * one - two) / (12 * step);
    assert.ok(
      Math.abs(expected - own[place]!) < 4e-3 * Math.max(1, Math.abs(expected)),
      `x[${place}]: ${own[place]} instead of ${expected}`,
    );
  }
  await plain.release();
  assert.ok(own.some((each) => Math.abs(each) > 0.05));
  return { ran, found };
}

/** Gradients of a line over all steps and sequences. */
async function lineOf({ part, bound }: RanPart, { of }: OutputGradient, line: string): Promise<Float32Array> {
  const { trace, source } = await replaySeeded(runtime, part, bound, [...bound.lengths.keys()], of(bound));
  try {
    const [read] = await trace.read({
      addresses: [{ instance: source.runs[0]!.line, line }],
      from: 0,
      to: bound.lengths[0]!,
      gradient: true,
    });
    return read!;
  } finally {
    await trace.close();
  }
}

const layer = [lstm('a', 'x', H), node('Squeeze', ['a.Y', 'one'], ['r'])];
/** A recurrence of its own, unrolled in the branch. */
const unrolled = (): NodeProto[] => {
  const nodes: NodeProto[] = [];
  let state = '';
  for (let t = 0; t < 3; t += 1) {
    nodes.push(
      node('Constant', [], [`t${t}`], { value: tensorProto('int64', [], [t]) }),
      node('Gather', ['x', `t${t}`], [`x${t}`], { axis: 0 }),
    );
    nodes.push(node('MatMul', [`x${t}`, 'W'], [`wx${t}`]));
    if (t === 0) nodes.push(node('Tanh', [`wx${t}`], [`h${t}`]));
    else
      nodes.push(
        node('MatMul', [state, 'U'], [`uh${t}`]),
        node('Add', [`wx${t}`, `uh${t}`], [`n${t}`]),
        node('Tanh', [`n${t}`], [`h${t}`]),
      );
    state = `h${t}`;
  }
  return [...nodes, node('Mul', ['h1', 'h2'], ['r'])];
};

describe('gradients of parts in bodies', () => {
  it('go through the branch that ran', async () => {
    const model = modelOf(
      [
        node('If', ['flag'], ['u'], { then_branch: graph('then', layer, ['r']), else_branch: graph('else', unrolled(), ['r']) }),
        node('Mul', ['u', 'u'], ['y']),
      ],
      [float('x', T, B, I), valueInfo('flag', 'bool', [])],
    );
    for (const flag of [1, 0]) {
      const { ran, found } = await gradientsOf(model, { x, flag: { type: 'bool', dims: [], data: Uint8Array.of(flag) } });
      assert.deepEqual(found.missing, []);
      assert.deepEqual(
        ran.map(({ part }) => part.form),
        [flag === 1 ? 'operator' : 'unrolled'],
      );
      assert.ok((await lineOf(ran[0]!, found, "h'")).some((each) => Math.abs(each) > 1e-2));
    }
  });

  it('go through a loop that runs a part several times, in every one of its turns', async () => {
    // z = x, three times: z = LSTM(z) V + x
    const body = graph(
      'body',
      [
        lstm('a', 'z', H),
        node('Squeeze', ['a.Y', 'one'], ['r']),
        node('MatMul', ['r', 'V'], ['back']),
        node('Add', ['back', 'x'], ['z_next']),
        node('Identity', ['goes'], ['goes_on']),
      ],
      ['goes_on', 'z_next'],
      { input: [valueInfo('i', 'int64', []), valueInfo('goes', 'bool', []), float('z', T, B, I)] },
    );
    body.output[0] = valueInfo('goes_on', 'bool', []);
    const model = modelOf([node('Loop', ['three', '', 'x'], ['y'], { body })], [float('x', T, B, I)]);
    const { ran, found } = await gradientsOf(model, { x });
    assert.deepEqual(found.missing, []);
    assert.deepEqual(
      ran.map(({ part, iteration }) => `${part.form} ${iteration}`),
      ['operator 0', 'operator 1', 'operator 2'],
    );
    const norms = [];
    for (const each of ran) norms.push((await lineOf(each, found, "h'")).reduce((sum, value) => sum + value * value, 0));
    assert.equal(new Set(norms).size, 3, 'each turn has gradients of its own');
  });

  it('go through a Scan in a loop, whose turns take branches of their own', async () => {
    const step = graph(
      'step',
      [
        node('MatMul', ['xt', 'W'], ['wx']),
        node('MatMul', ['h', 'U'], ['uh']),
        node('Add', ['wx', 'uh'], ['net']),
        node('Tanh', ['net'], ['h_next']),
        node('Identity', ['h_next'], ['shown']),
      ],
      ['h_next', 'shown'],
      { input: [float('h', B, H), float('xt', B, I)] },
    );
    const body = graph(
      'body',
      [
        node('Scan', ['h0', 'z'], ['last', 'r'], { body: step, num_scan_inputs: 1 }),
        node('MatMul', ['r', 'V'], ['back']),
        node('Equal', ['i', 'none'], ['isFirst']),
        node('If', ['isFirst'], ['mixed'], {
          then_branch: graph('then', [node('Sin', ['back'], ['m'])], ['m']),
          else_branch: graph('else', [node('Mul', ['back', 'x'], ['m'])], ['m']),
        }),
        node('Add', ['mixed', 'x'], ['z_next']),
        node('Identity', ['goes'], ['goes_on']),
      ],
      ['goes_on', 'z_next', 'last'],
      { input: [valueInfo('i', 'int64', []), valueInfo('goes', 'bool', []), float('z', T, B, I)] },
    );
    body.output[0] = valueInfo('goes_on', 'bool', []);
    const model = modelOf(
      [
        node('Loop', ['three', '', 'x'], ['z_last', 'lasts'], { body }),
        node('ReduceSum', ['lasts'], ['sum'], { keepdims: 0 }),
        node('Mul', ['z_last', 'sum'], ['y']),
      ],
      [float('x', T, B, I)],
    );
    model.graph.initializer.push(tensorProto('int64', [], [0], 'none'), tensorProto('float32', [B, H], new Float32Array(B * H), 'h0'));
    const { ran, found } = await gradientsOf(model, { x });
    assert.deepEqual(found.missing, []);
    assert.deepEqual(
      ran.map(({ part, iteration }) => `${part.form} ${iteration}`),
      ['scan 0', 'scan 1', 'scan 2'],
    );
    for (const each of ran) assert.ok((await lineOf(each, found, "h'")).some((value) => Math.abs(value) > 1e-2));
  });
});
