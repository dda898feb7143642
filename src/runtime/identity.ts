// The smallest ONNX model: y = x, of any rank. It tells whether a device works, and reads tensors back from it.

import protobuf from 'protobufjs/minimal.js';
import type { Tensor } from './runtime.ts';

/** ONNX's TensorProto.DataType. */
const elementType: Readonly<Record<Tensor['type'], number>> = { float32: 1, int32: 6, int64: 7, bool: 9, float64: 11 };

export function identityModel(type: Tensor['type']): Uint8Array {
  const node = message((writer) => text(text(text(writer, 1, 'x'), 2, 'y'), 4, 'Identity'));
  const port = (name: string): Uint8Array => {
    const tensorType = message((writer) => integer(writer, 1, elementType[type]));
    const valueType = message((writer) => part(writer, 1, tensorType));
    return message((writer) => part(text(writer, 1, name), 2, valueType));
  };
  const graph = message((writer) => part(part(part(text(writer, 2, 'identity'), 1, node), 11, port('x')), 12, port('y')));
  const opset = message((writer) => integer(writer, 2, 17));
  return message((writer) => part(part(integer(writer, 1, 8), 7, graph), 8, opset));
}

type Writer = protobuf.Writer;
const message = (write: (writer: Writer) => Writer): Uint8Array => write(protobuf.Writer.create()).finish();
const integer = (writer: Writer, field: number, value: number): Writer => writer.uint32(field << 3).int32(value);
const text = (writer: Writer, field: number, value: string): Writer => writer.uint32((field << 3) | 2).string(value);
const part = (writer: Writer, field: number, bytes: Uint8Array): Writer => writer.uint32((field << 3) | 2).bytes(bytes);
