// ONNX models as plain objects, and their bytes. Encoder and decoder are led by ONNX's published schema (schema/onnx.proto);
// the interfaces name the part of it that is read or written here.

import protobuf from 'protobufjs/light.js';
import { decodeMessage, type Promised } from './decode.ts';
import schema from './schema/onnx.json' with { type: 'json' };
import type { DecodeLimits } from './wire.ts';

export interface ModelProto {
  ir_version: number;
  opset_import: OperatorSetId[];
  producer_name?: string;
  producer_version?: string;
  domain?: string;
  doc_string?: string;
  graph: GraphProto;
  metadata_props?: StringEntry[];
  model_version?: number;
  training_info?: unknown[];
  functions?: FunctionProto[];
}

/** A model-local operator: nodes over the names of its inputs, with attributes that a call gives. */
export interface FunctionProto {
  name: string;
  domain?: string;
  overload?: string;
  input: string[];
  output: string[];
  /** Names of attributes without a default. */
  attribute?: string[];
  /** Attributes with their defaults. */
  attribute_proto?: AttributeProto[];
  node: NodeProto[];
  opset_import?: OperatorSetId[];
  value_info?: ValueInfo[];
  doc_string?: string;
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
  sparse_initializer?: SparseTensorProto[];
  quantization_annotation?: { tensor_name?: string; quant_parameter_tensor_names?: StringEntry[] }[];
}

export interface NodeProto {
  op_type: string;
  domain?: string;
  overload?: string;
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
  tensors?: TensorProto[];
  graphs?: GraphProto[];
  sparse_tensor?: SparseTensorProto;
  tp?: TypeProto;
  /** Inside a function: the attribute of the call that this one takes its value from. */
  ref_attr_name?: string;
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
  string_data?: Uint8Array[];
  segment?: unknown;
  external_data?: StringEntry[];
  data_location?: number;
}

/** Values in `values`, which has the name; their places in `indices`. */
export interface SparseTensorProto {
  values?: TensorProto;
  indices?: TensorProto;
  dims?: number[];
}

export interface ValueInfo {
  name: string;
  type?: TypeProto;
  doc_string?: string;
  metadata_props?: StringEntry[];
}

/** One of them. */
export interface TypeProto {
  tensor_type?: TensorTypeProto;
  sequence_type?: { elem_type?: TypeProto };
  optional_type?: { elem_type?: TypeProto };
  map_type?: { key_type?: number; value_type?: TypeProto };
  sparse_tensor_type?: TensorTypeProto;
  opaque_type?: { domain?: string; name?: string };
}

export interface TensorTypeProto {
  elem_type: number;
  shape?: { dim: { dim_value?: number; dim_param?: string }[] };
}

export interface StringEntry {
  key: string;
  value: string;
}

/** TensorProto.DataType */
export const elementTypes = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9, float16: 10, float64: 11 } as const;
export type ElementType = keyof typeof elementTypes;

/** AttributeProto.AttributeType */
export const attributeTypes = { float: 1, int: 2, string: 3, tensor: 4, graph: 5, floats: 6, ints: 7, strings: 8 } as const;

/** What the interfaces above promise and a file may lack, by the schema's messages. */
const promised: Promised = {
  ModelProto: { ir_version: 0 },
  OperatorSetIdProto: { domain: '', version: 0 },
  GraphProto: { name: '' },
  FunctionProto: { name: '' },
  NodeProto: { op_type: '' },
  AttributeProto: { name: '', type: 0 },
  TensorProto: { data_type: 0 },
  ValueInfoProto: { name: '' },
  Tensor: { elem_type: 0 },
  StringStringEntryProto: { key: '', value: '' },
};

/** TensorProto.DataLocation */
export const dataLocations = { inModel: 0, external: 1 } as const;

const root = protobuf.Root.fromJSON(schema as protobuf.INamespace);
const ModelType = root.lookupType('onnx.ModelProto');

/** The schema's names of the element types by their numbers: `FLOAT`, `BFLOAT16`. */
export const dataTypeNames: Readonly<Record<number, string>> = root.lookupEnum('onnx.TensorProto.DataType').valuesById;

const TensorType = root.lookupType('onnx.TensorProto');

/** A tensor that was made in memory, with its numbers as `raw_data`, as decoded ones have them. */
export function settledTensor(tensor: TensorProto): TensorProto {
  const bytes = TensorType.encode(tensor as unknown as protobuf.Message).finish();
  return decodeMessage(TensorType, promised, bytes) as unknown as TensorProto;
}

export const encodeModel = (model: ModelProto): Uint8Array => ModelType.encode(model as unknown as protobuf.Message).finish();

/**
 * Absent repeated fields come back as empty lists; 64-bit integers as numbers, the largest as the next double that the encoder can write; the numbers of tensors
 * as `raw_data`, whichever field they were in. Bytes are views of those given. `graph` may be missing; names that are absent are empty.
 * Throws DecodeError where the bytes are no ONNX model.
 */
export const decodeModel = (bytes: Uint8Array, limits?: DecodeLimits): ModelProto =>
  decodeMessage(ModelType, promised, bytes, limits) as unknown as ModelProto;
