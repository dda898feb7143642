// Axes as products of factors, each an axis of an input of the model or of none.

/** A part of an axis. */
export interface Factor {
  readonly size: number;
  /** Absent where it is of no input. */
  readonly of?: InputAxis;
}

export interface InputAxis {
  readonly input: string;
  readonly axis: number;
}

export type Axes = readonly (readonly Factor[])[];

export const sizeOfAxis = (factors: readonly Factor[]): number => factors.reduce((product, { size }) => product * size, 1);

/** An axis of another size: still that of its input where it was one alone. */
export function resized(factors: readonly Factor[], size: number): readonly Factor[] {
  if (sizeOfAxis(factors) === size) return factors;
  const real = factors.filter((each) => each.size !== 1);
  const [only] = real.length === 0 ? factors : real;
  return real.length <= 1 && only?.of !== undefined ? [{ size, of: only.of }] : [{ size }];
}
