// LayerNormalization and its kin, as the lines that they stand for.

import { PartError } from '../part.ts';
import { placeOf, type Step, tensorIn } from './step.ts';
import { elementwise, expressionOf, type Tensor } from './value.ts';

/** `centres`: the mean is taken off first. */
export function normalised(step: Step, centres: boolean): Tensor[] {
  const { make, attributes } = step;
  const x = tensorIn(step, 0);
  const from = placeOf(attributes.int('axis', -1), x.axes.length);
  if (x.axes.some(({ size, isBatch }, k) => size > 1 && (k < from ? !isBatch : isBatch)))
    throw new PartError('It normalises over other axes than all features, which the equations have no way to write.');
  const own = expressionOf(make, x);
  const centred = centres ? make.minus(own, make.reduction('mean', own)) : own;
  const square = make.elementwise('power', [centred, make.constant(2)]);
  const spread = make.plus(make.reduction('mean', square), make.constant(attributes.float('epsilon') ?? 1e-5));
  const normed = make.elementwise('quotient', [centred, make.elementwise('sqrt', [spread])]);
  const strides = own.shape.length <= 1 ? [1] : undefined;
  if (strides === undefined) throw new PartError('It normalises a matrix, which the equations have no way to write.');
  const whole: Tensor = {
    kind: 'tensor',
    of: normed,
    offset: 0,
    axes: x.axes.map((axis) => ({ ...axis, stride: axis.size > 1 && !axis.isBatch ? 1 : 0 })),
  };
  const scaled = elementwise(make, [whole, tensorIn(step, 1)], ([a, b]) => make.product([b!, a!]));
  if (step.input(2) === undefined) return [scaled];
  return [elementwise(make, [scaled, tensorIn(step, 2)], ([a, b]) => make.plus(a!, b!))];
}
