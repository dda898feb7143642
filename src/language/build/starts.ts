// How a parameter starts.

import type { Initial } from '../../graph/model.ts';
import type { Core, Parameter, StateVariable } from '../check/core.ts';
import { evaluate, isSame } from '../check/dimensions.ts';

/** As written; else a vector is 0, and a matrix uniform within 1/sqrt(n), n being what its product contracts. In a cell with state, a matrix whose rows make a
 *  state has the state's size for n, as PyTorch's recurrent layers have: what comes from the input then does not drown what comes from the past. */
export function startOf(
  { initial, shape, contracted }: Parameter,
  states: readonly StateVariable[],
  sizes: (name: string) => number | undefined,
): Initial {
  if (initial === undefined) {
    if (shape.length < 2) return { kind: 'constant', value: 0 };
    const isOfState = states.some(
      ({ binding: { type } }) => type.kind === 'tensor' && type.shape.length === 1 && isSame(type.shape[0]!, shape[0]!),
    );
    const own = contracted ?? shape.at(-1)!;
    if (isOfState && !isSame(own, shape[0]!)) return { kind: 'glorot' };
    const n = evaluate(own, sizes) ?? 1;
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
