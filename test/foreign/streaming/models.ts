// Small recurrent models, whole and made for one frame a call, with the same weights.

import { decodeModel, encodeModel, type ModelProto, type NodeProto, type TensorProto, type ValueInfo } from '../../../src/onnx/proto.ts';
import { type AttributeValue, attribute, tensorProto } from '../../../src/onnx/write.ts';

export const node = (
  op: string,
  input: readonly string[],
  output: readonly string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
): NodeProto => ({
  op_type: op,
  name: `${op}_${output.find((name) => name !== '')}`,
  input: [...input],
  output: [...output],
  attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
});

/** Numbers between -0.7 and 0.7 that a name always gives alike. */
export function weights(name: string, ...dims: number[]): TensorProto {
  let seed = [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) >>> 0, 7);
  const data = Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return (1.4 * seed) / 2 ** 32 - 0.7;
  });
  return tensorProto('float32', dims, data, name);
}

export const ints = (name: string, ...values: number[]): TensorProto => tensorProto('int64', [values.length], values, name);

/** Written and read again, as a file would be. */
export const model = (given: {
  nodes: NodeProto[];
  initializers?: TensorProto[];
  inputs: ValueInfo[];
  outputs: ValueInfo[];
  opset?: number;
}): ModelProto =>
  decodeModel(
    encodeModel({
      ir_version: 8,
      opset_import: [{ domain: '', version: given.opset ?? 17 }],
      graph: { name: 'g', node: given.nodes, initializer: given.initializers ?? [], input: given.inputs, output: given.outputs },
    }),
  );

/** Weights of an LSTM layer called `name`. */
export const lstmWeights = (name: string, I: number, H: number): TensorProto[] => [
  weights(`${name}.W`, 1, 4 * H, I),
  weights(`${name}.R`, 1, 4 * H, H),
  weights(`${name}.B`, 1, 8 * H),
];

/** X [T, B, I] to Y, Y_h, Y_c, called `name.Y` and so on. */
export const lstm = (name: string, x: string, H: number, h = '', c = ''): NodeProto =>
  node('LSTM', [x, `${name}.W`, `${name}.R`, `${name}.B`, '', h, c], [`${name}.Y`, `${name}.Y_h`, `${name}.Y_c`], { hidden_size: H });
