// A model of floats as a converter to halves writes it: every tensor, port and cast of floats is one of halves.

import {
  type AttributeProto,
  decodeModel,
  elementTypes,
  encodeModel,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type TypeProto,
} from '../../src/onnx/proto.ts';
import { attribute, tensorProto } from '../../src/onnx/write.ts';
import type { Tensor } from '../../src/runtime/runtime.ts';
import { halfBits } from '../../src/shared/half.ts';

const { float32, float16 } = elementTypes;

export const modelInHalves = (model: ModelProto): ModelProto => {
  const copy = decodeModel(encodeModel(model));
  return { ...copy, graph: graphInHalves(copy.graph) };
};

export const feedsInHalves = (feeds: Readonly<Record<string, Tensor>>): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(feeds).map(([name, tensor]) => [
      name,
      tensor.type === 'float32'
        ? { type: 'float16', dims: tensor.dims, data: Uint16Array.from(tensor.data as Float32Array, halfBits) }
        : tensor,
    ]),
  );

function graphInHalves(graph: GraphProto): GraphProto {
  const ports = [...graph.input, ...graph.output, ...(graph.value_info ?? [])];
  for (const { type } of ports) inHalves(type);
  return {
    ...graph,
    initializer: graph.initializer.map(tensorInHalves),
    node: graph.node.map((node) => ({
      ...node,
      attribute: withDefaults(node).map((each) => {
        if (each.g !== undefined) return { ...each, g: graphInHalves(each.g) };
        if (each.t !== undefined) return { ...each, t: tensorInHalves(each.t) };
        if (node.op_type === 'Cast' && each.name === 'to' && Number(each.i) === float32) return { ...each, i: float16 };
        return node.op_type === 'Constant' && each.name === 'value_float'
          ? { name: 'value', type: 4, t: tensorProto('float16', [], [each.f ?? 0]) }
          : each;
      }),
    })),
  };
}

/** What makes floats unless it is told otherwise is told. */
function withDefaults({ op_type, attribute: own }: NodeProto): AttributeProto[] {
  if (op_type === 'ConstantOfShape' && own.length === 0) return [attribute('value', tensorProto('float32', [1], [0]))];
  return op_type === 'SequenceEmpty' && own.length === 0 ? [attribute('dtype', float16)] : own;
}

function inHalves(type: TypeProto | undefined): void {
  if (type?.tensor_type?.elem_type === float32) type.tensor_type.elem_type = float16;
  if (type?.sequence_type !== undefined) inHalves(type.sequence_type.elem_type);
}

function tensorInHalves(tensor: TensorProto): TensorProto {
  if (tensor.data_type !== float32) return tensor;
  const bytes = (tensor.raw_data ?? new Uint8Array()).slice();
  return tensorProto('float16', tensor.dims, new Float32Array(bytes.buffer, 0, bytes.length / 4), tensor.name);
}
