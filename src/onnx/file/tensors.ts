// The values of a model's tensors as typed arrays. What a tensor claims is held against the bytes that there are before anything is allocated.

import { halfValue } from '../../shared/half.ts';
import type { TensorProto } from '../proto.ts';
import { dataLocations } from '../proto.ts';
import { fieldOf } from '../tensor-numbers.ts';
import { bytesOfElement, elementName, isReadable, type ReadableElement } from './elements.ts';
import { ModelFileError } from './error.ts';

export type TensorValues =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | readonly string[];

/** Row-major. float16 and bfloat16 come as Float32Array, bool as Uint8Array. The values may lie in the file's own bytes: they are not to be written to. */
export interface ModelTensor {
  readonly type: ReadableElement;
  readonly shape: readonly number[];
  readonly data: TensorValues;
}

/** What a tensor says of itself, checked as far as that goes without its values. */
export interface TensorClaim {
  readonly type: ReadableElement;
  readonly shape: readonly number[];
  readonly count: number;
  /** 0 of strings. */
  readonly bytes: number;
}

/** Values outside of the model file, which `external.ts` reads. */
export const isExternal = ({ data_location }: TensorProto): boolean => data_location === dataLocations.external;

/** What is wrong with a tensor, as the rest of a sentence; or what it claims to be. */
export function claimOf(tensor: TensorProto): TensorClaim | string {
  const name = elementName(tensor.data_type);
  if (!isReadable(name)) return `is ${name}, which is not supported`;
  const { dims: shape } = tensor;
  const size = `[${shape.slice(0, 10).join(', ')}${shape.length > 10 ? ', …' : ''}]`;
  if (shape.length > 64) return `has ${shape.length} dimensions, which is not supported`;
  if (shape.some((dim) => dim < 0)) return `is ${size}: a size is below 0`;
  const count = shape.includes(0) ? 0 : shape.reduce((product, dim) => product * dim, 1);
  if (!Number.isSafeInteger(count * 8)) return `would be ${size}, more than any file holds`;
  if (tensor.segment !== undefined) return 'is in segments, which is not supported';
  const bytes = count * bytesOfElement(name);
  if (isExternal(tensor)) {
    if (name === 'string') return 'has strings outside of the model file, which ONNX does not allow';
  } else if (name === 'string') {
    const strings = tensor.string_data?.length ?? 0;
    if (strings !== count) return `is ${size} and has ${strings} strings instead of ${count}`;
  } else {
    const raw = tensor.raw_data?.length ?? 0;
    const misplaced = (['float_data', 'double_data', 'int32_data', 'int64_data', 'uint64_data'] as const).find(
      (field) => (tensor[field]?.length ?? 0) > 0 && field !== fieldOf(tensor.data_type),
    );
    if (raw === 0 && misplaced !== undefined && count > 0)
      return `is ${name} and keeps its numbers in ${misplaced}, where that type has none`;
    if (raw !== bytes) return `is ${name} ${size} and has ${raw} bytes instead of ${bytes}`;
  }
  return { type: name, shape, count, bytes };
}

/** The values of a claim from the bytes that raw_data has. */
export function tensorOf({ type, shape, count }: TensorClaim, tensor: TensorProto, raw: Uint8Array): ModelTensor {
  if (type !== 'string') return { type, shape, data: numbersOf(type, raw, count) };
  const text = new TextDecoder();
  return { type, shape, data: (tensor.string_data ?? []).map((each) => text.decode(each)) };
}

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
};

function numbersOf(type: Exclude<ReadableElement, 'string'>, raw: Uint8Array, count: number): Exclude<TensorValues, readonly string[]> {
  if (type === 'float16' || type === 'bfloat16') {
    const bits = new Uint16Array(...aligned(raw, 2, count));
    return type === 'float16' ? Float32Array.from(bits, halfValue) : new Float32Array(Uint32Array.from(bits, (each) => each << 16).buffer);
  }
  return new arrays[type](...aligned(raw, bytesOfElement(type), count));
}

/** Where numbers of a size lie: in the bytes given, or in a copy where they do not lie at a multiple of the size. */
function aligned(raw: Uint8Array, size: number, count: number): [ArrayBuffer, number, number] {
  const at = raw.byteOffset % size === 0 ? raw : Uint8Array.from(raw);
  return [at.buffer as ArrayBuffer, at.byteOffset, count];
}

/** The numbers of a tensor as float32. Throws ModelFileError of strings. */
export function floatsOf({ type, data }: ModelTensor): Float32Array {
  if (data instanceof Float32Array) return data;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float32Array.from(data, Number);
  if (type === 'string') throw new ModelFileError('Strings are no numbers.');
  return Float32Array.from(data as ArrayLike<number>);
}
