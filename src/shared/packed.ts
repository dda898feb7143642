// Named arrays of numbers in one ArrayBuffer: how numbers travel to a webview.

export interface Packed {
  /** Offset and length of each array, counted in numbers. */
  readonly places: Readonly<Record<string, readonly [offset: number, length: number]>>;
  /** Float32 in the machine's byte order. */
  readonly buffer: ArrayBuffer;
}

/** Copies the arrays into one buffer. */
export function pack(arrays: Readonly<Record<string, ArrayLike<number>>>): Packed {
  const places: Record<string, readonly [number, number]> = {};
  let length = 0;
  for (const [name, array] of Object.entries(arrays)) {
    places[name] = [length, array.length];
    length += array.length;
  }
  const all = new Float32Array(length);
  for (const [name, array] of Object.entries(arrays)) all.set(array, places[name]![0]);
  return { places, buffer: all.buffer };
}

/** Views into the buffer, without copying. A name that is not there is undefined. */
export function unpack({ places, buffer }: Packed): Readonly<Record<string, Float32Array | undefined>> {
  return Object.fromEntries(Object.entries(places).map(([name, [offset, length]]) => [name, new Float32Array(buffer, offset * 4, length)]));
}
