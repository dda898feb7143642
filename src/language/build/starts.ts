// How a parameter starts.

import type { Initial } from '../../graph/model.ts';
import type { Core, Parameter } from '../check/core.ts';
import { evaluate } from '../check/dimensions.ts';

/** As written; else a matrix is uniform within 1/sqrt(n), n being what its product contracts, and a vector 0. */
export function startOf({ initial, shape, contracted }: Parameter, sizes: (name: string) => number | undefined): Initial {
  if (initial === undefined) {
    if (shape.length < 2) return { kind: 'constant', value: 0 };
    const n = evaluate(contracted ?? shape.at(-1)!, sizes) ?? 1;
    return { kind: 'uniform', bound: 1 / Math.sqrt(n) };
  }
  const value = initial.numbers[0] === undefined ? 0 : number(initial.numbers[0], sizes);
  switch (initial.name) {
    case undefined:
      return { kind: 'constant', value };
    case 'uniform':
      return { kind: 'uniform', bound: value };
    case 'normal':
      return { kind: 'normal', deviation: value };
    case 'chrono':
      return { kind: 'chrono', steps: value };
    default:
      return { kind: initial.name };
  }
}

/** A number written with numbers and dimensions: `1 / sqrt(H)`. */
function number(core: Core, sizes: (name: string) => number | undefined): number {
  const of = (inner: Core): number => number(inner, sizes);
  switch (core.op) {
    case 'number':
      return core.value;
    case 'dimension':
      return evaluate(core.dimension, sizes) ?? Number.NaN;
    case 'negate':
      return -of(core.of);
    case 'binary': {
      const [a, b] = core.operands.map(({ core: operand }) => of(operand)) as [number, number];
      const operations: Partial<Record<typeof core.operator, number>> = { '+': a + b, '-': a - b, '*': a * b, '/': a / b, '**': a ** b };
      return operations[core.operator] ?? Number.NaN;
    }
    case 'function': {
      const [x] = core.operands.map(({ core: operand }) => of(operand)) as [number];
      if (core.name === 'sqrt') return Math.sqrt(x);
      if (core.name === 'exp') return Math.exp(x);
      return core.name === 'log' || core.name === 'ln' ? Math.log(x) : Number.NaN;
    }
    default: {
      const length = core.type.kind === 'tensor' ? core.type.length : undefined;
      return length === undefined ? Number.NaN : (evaluate(length, sizes) ?? Number.NaN);
    }
  }
}
