// ONNX models as plain objects, and their bytes. Encoder and decoder come from ONNX's published schema (schema/onnx.proto);
// the interfaces name the part of it that is read or written here.

import protobuf from 'protobufjs/light.js';
import schema from './schema/onnx.json' with { type: 'json' };

export interface ModelProto {
  ir_version: number;
  opset_import: OperatorSetId[];
  producer_name?: string;
  producer_version?: string;
  domain?: string;
  doc_string?: string;
  graph: GraphProto;
  metadata_props?: StringEntry[];
}

export interface OperatorSetId {
  domain: string;
  version: number;
}

export interface GraphProto {
  name: string;
  node: NodeProto[];
  initializer: TensorProto[];
  input: ValueInfo[];
  output: ValueInfo[];
  value_info?: ValueInfo[];
  doc_string?: string;
  metadata_props?: StringEntry[];
}

export interface NodeProto {
  op_type: string;
  domain?: string;
  name?: string;
  input: string[];
  output: string[];
  attribute: AttributeProto[];
  doc_string?: string;
  metadata_props?: StringEntry[];
}

export interface AttributeProto {
  name: string;
  type: number;
  f?: number;
  i?: number;
  s?: Uint8Array;
  t?: TensorProto;
  g?: GraphProto;
  floats?: number[];
  ints?: number[];
  strings?: Uint8Array[];
}

export interface TensorProto {
  name?: string;
  data_type: number;
  dims: number[];
  raw_data?: Uint8Array;
  float_data?: number[];
  int32_data?: number[];
  int64_data?: number[];
  double_data?: number[];
  uint64_data?: number[];
  external_data?: StringEntry[];
  data_location?: number;
}

export interface ValueInfo {
  name: string;
  type?: TypeProto;
  doc_string?: string;
}

export interface TypeProto {
  tensor_type?: { elem_type: number; shape?: { dim: { dim_value?: number; dim_param?: string }[] } };
}

export interface StringEntry {
  key: string;
  value: string;
}

/** TensorProto.DataType */
export const elementTypes = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9, float64: 11 } as const;
export type ElementType = keyof typeof elementTypes;

/** AttributeProto.AttributeType */
export const attributeTypes = { float: 1, int: 2, string: 3, tensor: 4, graph: 5, floats: 6, ints: 7, strings: 8 } as const;

const ModelType = protobuf.Root.fromJSON(schema as protobuf.INamespace).lookupType('onnx.ModelProto');

export const encodeModel = (model: ModelProto): Uint8Array => ModelType.encode(model as unknown as protobuf.Message).finish();

/** Absent repeated fields come back as empty lists; 64-bit integers as numbers. Throws where the bytes are no ONNX model. */
export const decodeModel = (bytes: Uint8Array): ModelProto =>
  ModelType.toObject(ModelType.decode(bytes), { longs: Number, arrays: true }) as ModelProto;
