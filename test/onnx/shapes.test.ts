import assert from 'node:assert/strict';
import { valueShapes } from '../../src/onnx/file/shapes.ts';
import { decodeModel, encodeModel, type ModelProto, type NodeProto, type TensorProto } from '../../src/onnx/proto.ts';
import { attribute, tensorProto, valueInfo } from '../../src/onnx/write.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';

type Settings = Readonly<Record<string, Parameters<typeof attribute>[1]>>;

/** Every value of a network is asked of the runtime, and of the rules. */
class Network {
  readonly #nodes: NodeProto[] = [];
  readonly #initializers: TensorProto[] = [];
  #count = 0;

  weight(...dims: number[]): string {
    const name = `w${this.#initializers.length}`;
    const count = dims.reduce((product, size) => product * size, 1);
    this.#initializers.push(
      tensorProto(
        'float32',
        dims,
        Float32Array.from({ length: count }, (_, k) => 0.1 * Math.sin(k)),
        name,
      ),
    );
    return name;
  }

  integers(...values: number[]): string {
    const name = `i${this.#initializers.length}`;
    this.#initializers.push(tensorProto('int64', [values.length], values, name));
    return name;
  }

  add(op_type: string, input: string[], settings: Settings = {}): string {
    const output = `v${this.#count++}`;
    const attributes = Object.entries(settings).map(([name, value]) => attribute(name, value));
    this.#nodes.push({ op_type, input, output: [output], attribute: attributes });
    return output;
  }

  get values(): string[] {
    return this.#nodes.flatMap(({ output }) => output);
  }

  model(given: readonly (number | string)[]): ModelProto {
    return {
      ir_version: 8,
      opset_import: [{ domain: '', version: 17 }],
      graph: {
        name: 'network',
        // Behind those that read them.
        node: this.#nodes.toReversed(),
        initializer: this.#initializers,
        input: [valueInfo('image', 'float32', [...given])],
        output: this.values.map((name) => ({ name })),
      },
    };
  }
}

function network(): Network {
  const n = new Network();
  const stem = n.add('Conv', ['image', n.weight(8, 3, 3, 3), n.weight(8)], { strides: [2, 2], pads: [1, 1, 1, 1] });
  const normed = n.add('BatchNormalization', [stem, n.weight(8), n.weight(8), n.weight(8), n.add('Exp', [n.weight(8)])]);
  const clipped = n.add('Clip', [normed]);
  const depthwise = n.add('Conv', [clipped, n.weight(8, 1, 3, 3)], { group: 8, dilations: [2, 2], pads: [2, 2, 2, 2] });
  const gate = n.add('HardSigmoid', [n.add('Conv', [n.add('GlobalAveragePool', [depthwise]), n.weight(8, 8, 1, 1)])]);
  const excited = n.add('Mul', [depthwise, gate]);
  const pooled = n.add('MaxPool', [excited], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 });
  const same = n.add('AveragePool', [excited], { kernel_shape: [3, 3], strides: [2, 2], auto_pad: 'SAME_UPPER' });
  const padded = n.add('Pad', [pooled, n.integers(0, 0, 0, 0, 0, 0, 1, 1)]);
  n.add('Conv', [padded, n.weight(4, 8, 2, 2)], { auto_pad: 'VALID' });
  const joined = n.add('Concat', [n.add('Sigmoid', [same]), same], { axis: 1 });
  const rows = n.add('Transpose', [joined], { perm: [0, 2, 3, 1] });
  n.add('Reshape', [rows, n.integers(0, -1, 16)]);
  n.add('ReduceMean', [joined], { axes: [2, 3], keepdims: 0 });
  const flat = n.add('Flatten', [n.add('GlobalMaxPool', [joined])]);
  n.add('Gemm', [flat, n.weight(5, 16), n.weight(5)], { transB: 1 });
  const line = n.add('Squeeze', [n.add('GlobalAveragePool', [joined]), n.integers(2, -1)]);
  n.add('MatMul', [line, n.weight(16, 7)]);
  n.add('Unsqueeze', [line, n.integers(1)]);
  return n;
}

describe('shapes inside a network, by the rules of its operators', () => {
  it('are those that the runtime gives its values', async () => {
    const made = network();
    const model = made.model(['N', 3, 37, 52]);
    const shapes = valueShapes(decodeModel(encodeModel(model)).graph);
    const session = await createRuntime().open(encodeModel(model), { device: 'cpu' });
    const image = { type: 'float32', dims: [2, 3, 37, 52], data: new Float32Array(2 * 3 * 37 * 52).fill(0.5) } as const;
    const outputs = await session.compute({ image });
    await session.release();
    for (const name of made.values) {
      const found = shapes.get(name);
      assert.ok(found !== undefined, `${name} has a shape`);
      const { dims } = outputs[name]!;
      // Constants have no axis of examples.
      const first = dims[0] === 2 ? '?' : dims[0];
      assert.deepEqual(found, [first, ...dims.slice(1)], name);
    }
  });

  it('stay unknown where a size hangs on numbers of a run', () => {
    const n = new Network();
    const size = n.add('Shape', ['image']);
    const odd = n.add('Reshape', ['image', size]);
    const shapes = valueShapes(n.model([1, 3, 4, 4]).graph);
    assert.deepEqual([shapes.get(odd), shapes.get(size)], [undefined, undefined]);
  });

  it('have lengths that nobody knows where the input has', () => {
    const n = new Network();
    const seen = n.add('Conv', ['image', n.weight(8, 3, 3, 3)]);
    assert.deepEqual(valueShapes(n.model(['N', 3, 'H', 20]).graph).get(seen), ['?', 8, '?', 18]);
    assert.deepEqual(valueShapes(n.model(['N', 3, 'H', 20]).graph, ['?', 3, 10, 20]).get(seen), ['?', 8, 8, 18]);
  });
});
