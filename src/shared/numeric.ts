// Numbers as arrays and tensors hold them.

/** Row-major elements of any type that has an array of its own; halves are bits in a Uint16Array, truth values 0 and 1 in a Uint8Array. */
export type NumericData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;
