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

/** Floats one behind the other; the same memory where there is one part. */
export function joinedFloats(parts: readonly Float32Array[]): Float32Array {
  const [only, ...more] = parts;
  if (only !== undefined && more.length === 0) return only;
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
