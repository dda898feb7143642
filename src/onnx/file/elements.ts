// The types of a tensor's elements: their names, their bytes, and which are read.

import { dataTypeNames, type TypeProto, type ValueInfo } from '../proto.ts';

/** Bytes an element of the types that are read; strings have none of their own. */
const sizes = {
  float32: 4,
  float64: 8,
  float16: 2,
  bfloat16: 2,
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  uint8: 1,
  uint16: 2,
  uint32: 4,
  uint64: 8,
  bool: 1,
  string: 0,
} as const;

export type ReadableElement = keyof typeof sizes;

/** `float32`, `bfloat16`, `float8e4m3fn`, by TensorProto.DataType; `type 77` where the schema has none. */
export function elementName(type: number | undefined): string {
  const name = type === undefined || type === 0 ? undefined : dataTypeNames[type];
  if (name === undefined) return `type ${type ?? '?'}`;
  return { FLOAT: 'float32', DOUBLE: 'float64' }[name] ?? name.toLowerCase();
}

export const isReadable = (name: string): name is ReadableElement => Object.hasOwn(sizes, name);

export const bytesOfElement = (name: ReadableElement): number => sizes[name];

/** A value's type in words, and its shape where it is a tensor whose rank is known. */
export interface TypeDescription {
  readonly type: string;
  /** Sizes; symbolic dimensions by their names; `?` where one has none, which stands for another size each time. */
  readonly shape?: readonly (number | string)[];
}

/** `float32`; `sequence of float32`, `optional int64`, `map from int64 to float32`, `sparse float32`. */
export function describeType(type: TypeProto | undefined): TypeDescription {
  const tensor = type?.tensor_type ?? type?.sparse_tensor_type;
  if (tensor !== undefined) {
    const shape = tensor.shape?.dim.map(dimension);
    const name = elementName(tensor.elem_type);
    return { type: type?.tensor_type === undefined ? `sparse ${name}` : name, ...(shape === undefined ? {} : { shape }) };
  }
  const inner = (of: TypeProto | undefined): string => {
    const { type: name, shape } = describeType(of);
    return shape === undefined ? name : `${name} [${shape.join(', ')}]`;
  };
  if (type?.sequence_type !== undefined) return { type: `sequence of ${inner(type.sequence_type.elem_type)}` };
  if (type?.optional_type !== undefined) return { type: `optional ${inner(type.optional_type.elem_type)}` };
  if (type?.map_type !== undefined)
    return { type: `map from ${elementName(type.map_type.key_type)} to ${inner(type.map_type.value_type)}` };
  if (type?.opaque_type !== undefined) return { type: `opaque ${type.opaque_type.name ?? ''}`.trim() };
  return { type: 'type ?' };
}

/** Names that exporters write for a dimension of which nothing is known. */
const nameless = new Set(['', '?', 'None', 'none', '-1', 'null', 'undefined']);

function dimension({ dim_value, dim_param }: { dim_value?: number; dim_param?: string }): number | string {
  if (dim_param !== undefined && !nameless.has(dim_param)) return dim_param;
  return dim_value !== undefined && dim_value >= 0 && (dim_param === undefined || dim_value > 0) ? dim_value : '?';
}

export const describeValue = ({ type }: ValueInfo): TypeDescription => describeType(type);
