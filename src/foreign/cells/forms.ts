// What expressions look like, as far as it matters for how they are written.

import { type Expression, isMadeOf, operandsOf, type Spread, sameNumbers } from './expression.ts';

/** What is read as it stands: an input, a state, a slice of one, a number or a weight. */
export function isPlain(of: Expression): boolean {
  return of.isWeight || of.kind === 'leaf' || of.kind === 'constant' || (of.kind === 'view' && of.of.kind === 'leaf');
}

/** Whether the language, which finds each size from the right, spreads it alike. */
export function isAligned({ of, axes, shape }: Spread): boolean {
  let place = shape.length - 1;
  const found = [...of.shape].reverse().map((size) => {
    while (place >= 0 && shape[place] !== size) place -= 1;
    return place--;
  });
  return sameNumbers(found.reverse(), axes);
}

/** x - mean(x) */
export const isCentred = (of: Expression): boolean =>
  of.kind === 'sum' && of.terms.some(({ sign, of: mean }) => sign < 0 && mean.kind === 'reduction' && mean.name === 'mean');

/** x by its own size. */
export const isNormed = (of: Expression): boolean =>
  of.kind === 'elementwise' && of.name === 'quotient' && isMadeOf(of.operands[1]!, of.operands[0]!);

/** A state before the step, or what a gate lets through of it. */
export function isPast(of: Expression): boolean {
  if (of.kind === 'leaf') return of.role === 'state';
  return (of.kind === 'view' || of.kind === 'product') && operandsOf(of).some(isPast);
}

/** Made of the step's inputs alone. */
export function isInput(of: Expression): boolean {
  if (of.kind === 'leaf') return of.role === 'scanned';
  const operands = operandsOf(of);
  return operands.length > 0 && operands.every((each) => each.isWeight || isInput(each));
}
