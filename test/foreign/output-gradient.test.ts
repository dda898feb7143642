// Gradients of outputs of whole models, through operators and recurrent parts, against central differences of the untouched model.

import assert from 'node:assert/strict';
import { outputGradient } from '../../src/foreign/gradient.ts';
import { type Objective, objectiveOf } from '../../src/foreign/gradients/objective.ts';
import { ForeignSession } from '../../src/foreign/session.ts';
import { encodeModel, type ModelProto, type NodeProto, type TensorProto } from '../../src/onnx/proto.ts';
import { attribute, tensorProto, valueInfo } from '../../src/onnx/write.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import type { Tensor } from '../../src/runtime/runtime.ts';
import { generator } from './random-operators.ts';

const runtime = createRuntime();
const [T, B, I, H, C] = [5, 2, 3, 4, 3];

function numbers(seed: number, count: number): Float32Array {
  const random = generator(seed);
  return Float32Array.from({ length: count }, () => 1.4 * (random() - 0.5));
}

const weight = (name: string, dims: readonly number[], seed: number): TensorProto =>
  tensorProto(
    'float32',
    dims,
    numbers(
      seed,
      dims.reduce((product, size) => product * size, 1),
    ),
    name,
  );

const node = (op_type: string, input: string[], output: string[], attributes: NodeProto['attribute'] = []): NodeProto => ({
  op_type,
  name: `/${op_type.toLowerCase()}/${output[0]}`,
  input,
  output,
  attribute: attributes,
});

/** A bidirectional LSTM below a GRU from the end, with a residual path round it, and probabilities on top. */
function twoLayers(middle: 'Tanh' | 'LpPool' = 'Tanh'): ModelProto {
  const sizes = [attribute('hidden_size', H)];
  return {
    ir_version: 8,
    opset_import: [{ domain: '', version: 17 }],
    graph: {
      name: 'two',
      node: [
        node('LSTM', ['X', 'W1', 'R1', 'B1', 'lengths', 'h', 'c'], ['Y1', 'H1', ''], [...sizes, attribute('direction', 'bidirectional')]),
        node('Transpose', ['Y1'], ['Y1t'], [attribute('perm', [0, 2, 1, 3])]),
        node('Reshape', ['Y1t', 'flat'], ['Y1f']),
        node(middle, ['Y1f'], ['M'], middle === 'LpPool' ? [attribute('kernel_shape', [1])] : []),
        node(
          'GRU',
          ['M', 'W2', 'R2', 'B2'],
          ['Y2', ''],
          [...sizes, attribute('direction', 'reverse'), attribute('linear_before_reset', 1)],
        ),
        node('Squeeze', ['Y2', 'one'], ['Y2s']),
        node('MatMul', ['Y1f', 'P'], ['residual']),
        node('Add', ['Y2s', 'residual'], ['joined']),
        node('MatMul', ['joined', 'V'], ['scores']),
        node('Softmax', ['scores'], ['p'], [attribute('axis', -1)]),
      ],
      initializer: [
        weight('W1', [2, 4 * H, I], 1),
        weight('R1', [2, 4 * H, H], 2),
        weight('B1', [2, 8 * H], 3),
        weight('W2', [1, 3 * H, 2 * H], 4),
        weight('R2', [1, 3 * H, H], 5),
        weight('B2', [1, 6 * H], 6),
        weight('P', [2 * H, H], 7),
        weight('V', [H, C], 8),
        tensorProto('int64', [3], [T, B, 2 * H], 'flat'),
        tensorProto('int64', [1], [1], 'one'),
      ],
      input: [
        valueInfo('X', 'float32', [T, B, I]),
        valueInfo('lengths', 'int32', [B]),
        valueInfo('h', 'float32', [2, B, H]),
        valueInfo('c', 'float32', [2, B, H]),
      ],
      output: [valueInfo('p', 'float32', [T, B, C]), valueInfo('H1', 'float32', [2, B, H])],
    },
  };
}

const feeds: Record<string, Tensor> = {
  X: { type: 'float32', dims: [T, B, I], data: numbers(20, T * B * I) },
  lengths: { type: 'int32', dims: [B], data: Int32Array.of(5, 3) },
  h: { type: 'float32', dims: [2, B, H], data: numbers(21, 2 * B * H) },
  c: { type: 'float32', dims: [2, B, H], data: numbers(22, 2 * B * H) },
};

async function measured(model: ModelProto, output: string, of: (data: Float32Array) => number, input: string): Promise<Float64Array> {
  const session = await runtime.open(encodeModel(model), { device: 'cpu', threads: 1 });
  const given = feeds[input]!;
  const step = 4e-3;
  const at = async (place: number, change: number): Promise<number> => {
    const data = Float32Array.from(given.data as Float32Array);
    data[place]! += change;
    return of((await session.compute({ ...feeds, [input]: { ...given, data } }, [output]))[output]!.data as Float32Array);
  };
  const found = new Float64Array(given.data.length);
  for (let place = 0; place < found.length; place += 1) {
    const [one, two] = [(await at(place, step)) - (await at(place, -step)), (await at(place, 2 * step)) - (await at(place, -2 * step))];
    found[place] = (8 * one - two) / (12 * step);
  }
  await session.release();
  return found;
}

async function calculated(model: ModelProto, output: string, objective: Objective, wanted: readonly string[]) {
  const session = new ForeignSession(runtime, model);
  const { outputs, ran } = await session.run(feeds);
  await session.release();
  return outputGradient(runtime, {
    model,
    calls: [feeds],
    ran,
    output,
    cotangents: [objectiveOf(outputs[output]!, objective).cotangent],
    wanted,
  });
}

function assertNear(found: Tensor, expected: Float64Array, what: string): void {
  const largest = expected.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
  assert.ok(largest > 1e-3, `${what} is not zero`);
  expected.forEach((each, k) => {
    assert.ok(
      Math.abs(each - (found.data as Float32Array)[k]!) < 4e-3 * largest + 2e-5,
      `${what}[${k}]: ${(found.data as Float32Array)[k]} instead of ${each}`,
    );
  });
}

describe('the gradient of an output', () => {
  it('of one element goes through two layers, both directions and a residual path', async () => {
    const model = twoLayers();
    const index = [1, 0, 2];
    const place = (index[0]! * B + index[1]!) * C + index[2]!;
    const { cotangents, missing } = await calculated(model, 'p', { kind: 'element', index }, ['X', 'h', 'c']);
    assert.deepEqual(missing, []);
    for (const input of ['X', 'h', 'c'])
      assertNear(cotangents.get(input)!, await measured(model, 'p', (data) => data[place]!, input), input);
  });

  it('of a last state, and of a loss against a target', async () => {
    const model = twoLayers();
    const sum = await calculated(model, 'H1', { kind: 'sum' }, ['X']);
    assertNear(sum.cotangents.get('X')!, await measured(model, 'H1', (data) => data.reduce((all, each) => all + each, 0), 'X'), 'X of H1');
    const target = Int32Array.from({ length: T * B }, (_, k) => k % C);
    const entropy = await calculated(
      model,
      'p',
      { kind: 'cross entropy', target: { type: 'int32', dims: [T, B], data: target }, from: 'probabilities' },
      ['X'],
    );
    const loss = (data: Float32Array): number => target.reduce((all, right, k) => all - Math.log(data[k * C + right]!), 0) / target.length;
    assertNear(entropy.cotangents.get('X')!, await measured(model, 'p', loss, 'X'), 'X of the loss');
  });

  it('names what has no gradient, and goes on by other paths', async () => {
    const { cotangents, missing } = await calculated(twoLayers('LpPool'), 'p', { kind: 'element', index: [1, 0, 2] }, ['X']);
    assert.equal(cotangents.get('Y2')!.dims.join(), [T, 1, B, H].join());
    assert.ok(cotangents.has('Y1'), 'by the residual path');
    assert.equal(missing.length, 1);
    assert.match(missing[0]!, /^LpPool “\/lppool\/M” has no gradient here/);
  });
});
