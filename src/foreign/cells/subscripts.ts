// Parts of vectors and matrices, as the language picks them.

import { contiguous, sameNumbers, type View } from './expression.ts';

/** What is written behind the name of what is viewed: `[4:8]`, `[1]`, `.T`; undefined where the language has no such part. */
export function subscript({ of, offset, strides, shape }: View): string | undefined {
  const is = (wanted: readonly number[], steps: readonly number[]): boolean => sameNumbers(shape, wanted) && sameNumbers(strides, steps);
  if (of.shape.length === 1) {
    if (shape.length === 0) return `[${offset}]`;
    return is(shape.slice(0, 1), [1]) ? `[${offset}:${offset + shape[0]!}]` : undefined;
  }
  const [rows, columns] = of.shape.slice(-2) as [number, number];
  if (of.shape.length === 2) {
    const row = offset / columns;
    if (offset === 0 && is([columns, rows], [1, columns])) return '.T';
    if (!Number.isInteger(row)) return undefined;
    if (is([columns], [1])) return `[${row}]`;
    return shape.length === 2 && is([shape[0]!, columns], contiguous([rows, columns])) ? `[${row}:${row + shape[0]!}]` : undefined;
  }
  const place = offset / (rows * columns);
  if (of.shape.length !== 3 || !Number.isInteger(place)) return undefined;
  if (is([rows, columns], [columns, 1])) return `[${place}]`;
  return is([columns, rows], [1, columns]) ? `[${place}].T` : undefined;
}

/** The matrix of 0 and 1 that puts a vector's elements in another order, for a vector of a vector. */
export function orderOf({ of, offset, strides, shape }: View): Float32Array {
  const [count, size] = [shape[0]!, of.shape[0]!];
  const data = new Float32Array(count * size);
  for (let k = 0; k < count; k += 1) data[k * size + offset + k * strides[0]!] = 1;
  return data;
}
