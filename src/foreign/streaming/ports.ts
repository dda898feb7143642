// What a model takes and gives, as a streaming rule sees it.

import { elementTypes, type GraphProto, type ValueInfo } from '../../onnx/proto.ts';

export interface Port {
  readonly name: string;
  /** `float32`, `int64` and so on; `type 17` where the runtime has no name for it here. */
  readonly type: string;
  /** A name or undefined where a dimension is free; undefined as a whole where the model tells no shape. */
  readonly dims?: readonly (number | string | undefined)[];
}

/** Inputs without those that initialisers fill, and outputs. */
export function portsOf(graph: GraphProto): { inputs: readonly Port[]; outputs: readonly Port[] } {
  const filled = new Set(graph.initializer.map(({ name }) => name));
  return { inputs: graph.input.filter(({ name }) => !filled.has(name)).map(portOf), outputs: graph.output.map(portOf) };
}

const typeNames = new Map<number, string>([
  ...Object.entries(elementTypes).map(([name, number]) => [number, name] as const),
  [3, 'int8'],
  [4, 'uint16'],
  [5, 'int16'],
  [8, 'string'],
  [10, 'float16'],
  [12, 'uint32'],
  [13, 'uint64'],
  [16, 'bfloat16'],
]);

function portOf({ name, type }: ValueInfo): Port {
  const tensor = type?.tensor_type;
  const known = typeNames.get(tensor?.elem_type ?? 0) ?? `type ${tensor?.elem_type ?? 0}`;
  const dims = tensor?.shape?.dim.map(({ dim_value, dim_param }) => {
    if (dim_value !== undefined && dim_value > 0) return dim_value;
    return dim_param === undefined || dim_param === '' || dim_param === '?' ? undefined : dim_param;
  });
  return { name, type: known, ...(dims === undefined ? {} : { dims }) };
}

/** `float32 [1, T, 257]` */
export const printPort = ({ type, dims }: Port): string =>
  `${type} ${dims === undefined ? '[...]' : `[${dims.map((dim) => dim ?? '?').join(', ')}]`}`;

/** Whether a value of the one can be fed to the other, as far as both shapes tell. */
export function canFeed(output: Port, input: Port): boolean {
  if (output.type !== input.type) return false;
  if (output.dims === undefined || input.dims === undefined) return true;
  if (output.dims.length !== input.dims.length) return false;
  return output.dims.every((dim, k) => typeof dim !== 'number' || typeof input.dims![k] !== 'number' || dim === input.dims![k]);
}

/** Dimensions with free ones set: by name from `sizes`, else 1. */
export const concreteDims = (port: Port, sizes: Readonly<Record<string, number>> = {}): number[] =>
  (port.dims ?? []).map((dim) => (typeof dim === 'number' ? dim : typeof dim === 'string' ? (sizes[dim] ?? 1) : 1));

export const elementCount = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);
