// Small pieces of ONNX: attributes, tensors, value descriptions.

import { halfBits } from '../shared/half.ts';
import {
  type AttributeProto,
  attributeTypes,
  type ElementType,
  elementTypes,
  type GraphProto,
  type TensorProto,
  type ValueInfo,
} from './proto.ts';

export type AttributeValue =
  | number
  | string
  | readonly number[]
  | readonly string[]
  | TensorProto
  | GraphProto
  | { readonly float: number };

const text = new TextEncoder();

/** Whole numbers become ints; a float attribute is written `{ float: 1 }`. */
export function attribute(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === 'number') return { name, type: attributeTypes.int, i: value };
  if (typeof value === 'string') return { name, type: attributeTypes.string, s: text.encode(value) };
  if (isList(value)) {
    if (value.every((each) => typeof each === 'number')) return { name, type: attributeTypes.ints, ints: [...value] };
    return { name, type: attributeTypes.strings, strings: value.map((each) => text.encode(String(each))) };
  }
  if ('float' in value) return { name, type: attributeTypes.float, f: value.float };
  if ('node' in value) return { name, type: attributeTypes.graph, g: value };
  return { name, type: attributeTypes.tensor, t: value };
}

const isList = (value: AttributeValue): value is readonly number[] | readonly string[] => Array.isArray(value);

/** A tensor of numbers; `data` in row-major order. */
export function tensorProto(type: ElementType, dims: readonly number[], data: ArrayLike<number>, name?: string): TensorProto {
  const bytes = bytesOf(type, data);
  return { data_type: elementTypes[type], dims: [...dims], raw_data: bytes, ...(name === undefined ? {} : { name }) };
}

function bytesOf(type: ElementType, data: ArrayLike<number>): Uint8Array {
  const view = ((): ArrayBufferView => {
    switch (type) {
      case 'float32':
        return Float32Array.from(data);
      case 'float64':
        return Float64Array.from(data);
      case 'float16':
        return Uint16Array.from(data, halfBits);
      case 'int32':
        return Int32Array.from(data);
      case 'int64':
        return BigInt64Array.from(Array.from(data, (each) => BigInt(each)));
      case 'bool':
      case 'uint8':
        return Uint8Array.from(data);
    }
  })();
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** Without dims, the rank is left open. */
export function valueInfo(name: string, type: ElementType, dims?: readonly (number | string)[]): ValueInfo {
  const shape =
    dims === undefined ? {} : { shape: { dim: dims.map((dim) => (typeof dim === 'number' ? { dim_value: dim } : { dim_param: dim })) } };
  return { name, type: { tensor_type: { elem_type: elementTypes[type], ...shape } } };
}
