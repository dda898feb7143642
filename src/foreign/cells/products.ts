// Contractions: MatMul, Gemm, Einsum and 1 x 1 convolutions, as products of weights and vectors.

import { PartError } from '../part.ts';
import type { Expression } from './expression.ts';
import { contiguous, sizeOf } from './expression.ts';
import type { Expressions } from './expressions.ts';
import { joined } from './reduced.ts';
import { type Axis, expressionOf, permuted, SizeError, sliced, type Tensor } from './value.ts';

/** Axes `a.axes[k]` and `b.axes[j]` contracted. `shared`: pairs of axes that go side by side, as the batch does. The result has the shared axes, the
 *  rest of a, the rest of b. */
export function contracted(
  make: Expressions,
  a: Tensor,
  k: number,
  b: Tensor,
  j: number,
  shared: readonly (readonly [number, number])[],
): Tensor {
  const [x, y] = [a.axes[k]!, b.axes[j]!];
  if (x.size !== y.size && !make.isUndecided(x.size) && !make.isUndecided(y.size))
    throw new SizeError(`It multiplies ${x.size} numbers with ${y.size}.`, x.size, y.size);
  if ((x.isBatch || y.isBatch) && x.size > 1) throw new PartError('It sums over the sequences of the batch.');
  const together = shared.map(([p, q]): Axis => {
    const [one, other] = [a.axes[p]!, b.axes[q]!];
    return { size: Math.max(one.size, other.size), stride: 0, isBatch: one.isBatch || other.isBatch };
  });
  const side = shared.findIndex(([p, q]) => [a.axes[p]!, b.axes[q]!].some((axis) => axis.size > 1 && !axis.isBatch));
  if (side >= 0) return sideBySide(make, a, k, b, j, shared, side);
  const restOf = (tensor: Tensor, contractedAxis: number, side: 0 | 1): number[] =>
    tensor.axes.flatMap((_, at) => (at === contractedAxis || shared.some((pair) => pair[side] === at) ? [] : [at]));
  const [restA, restB] = [restOf(a, k, 0), restOf(b, j, 1)];
  const isBatched = (tensor: Tensor, axes: readonly number[]): boolean =>
    axes.some((at) => tensor.axes[at]!.isBatch && tensor.axes[at]!.size > 1);
  if (
    isBatched(a, [...restA, ...shared.map(([p]) => p)]) &&
    isBatched(b, [...restB, ...shared.map(([, q]) => q)]) &&
    !together.some(({ isBatch, size }) => isBatch && size > 1)
  )
    throw new PartError('It multiplies each sequence of the batch with each other.');
  const features = (tensor: Tensor, axes: readonly number[]): number[] =>
    axes.flatMap((at) => (tensor.axes[at]!.isBatch ? [] : [tensor.axes[at]!.size])).filter((size) => size > 1);
  const [ownA, ownB] = [features(a, restA), features(b, restB)];
  const sharedFeatures = together.filter(({ size, isBatch }) => size > 1 && !isBatch);
  if (sharedFeatures.length > 0)
    throw new PartError('It multiplies several matrices side by side, which the equations have no way to write.');
  const sharedOf = (side: 0 | 1): number[] => shared.map((pair) => pair[side]);
  const of = ((): Expression => {
    const rows = expressionOf(make, permuted(a, [...sharedOf(0), ...restA, k]));
    const columns = (last: boolean): Expression =>
      expressionOf(make, permuted(b, last ? [...sharedOf(1), ...restB, j] : [...sharedOf(1), j, ...restB]));
    if (b.of.isWeight && ownA.length === 0) return make.linear(columns(true), sizeOf(ownB), x.size, rows);
    if (a.of.isWeight && ownB.length === 0) return make.linear(rows, sizeOf(ownA), x.size, columns(false));
    if (x.size === 1 && ownA.length <= 1 && ownB.length <= 1) {
      const shape = [...ownA, ...ownB];
      const wide = (of: Expression, place: number): Expression => (of.shape.length === 0 ? of : make.spread(of, [place], shape));
      return make.product([wide(rows, 0), wide(columns(false), shape.length - 1)]);
    }
    if (ownA.length > 1 || ownB.length > 1)
      throw new PartError('It multiplies more than two dimensions, which the equations have no way to write.');
    return make.matmul(rows, columns(false));
  })();
  const strides = contiguous([...ownA, ...ownB]);
  let place = 0;
  const rest = [...restA.map((at) => a.axes[at]!), ...restB.map((at) => b.axes[at]!)].map(({ size, isBatch }): Axis => {
    const isFeature = size > 1 && !isBatch;
    return { size, isBatch, stride: isFeature ? strides[place++]! : 0 };
  });
  return { kind: 'tensor', of, offset: 0, axes: [...together, ...rest] };
}

/** Several products, as heads have them: one after the other, joined. */
function sideBySide(
  make: Expressions,
  a: Tensor,
  k: number,
  b: Tensor,
  j: number,
  shared: readonly (readonly [number, number])[],
  side: number,
): Tensor {
  const [p, q] = shared[side]!;
  const [one, other] = [a.axes[p]!, b.axes[q]!];
  if (one.size !== other.size && one.size > 1 && other.size > 1)
    throw new SizeError(`It multiplies ${one.size} matrices with ${other.size}.`, one.size, other.size);
  const count = Math.max(one.size, other.size);
  if (one.isBatch || other.isBatch) throw new PartError('It multiplies sequences of the batch with something else.');
  if (count > 16) throw new PartError(`It multiplies ${count} matrices side by side, which the equations have no way to write.`);
  const at = (tensor: Tensor, axis: number, place: number): Tensor => sliced(tensor, axis, Math.min(place, tensor.axes[axis]!.size - 1), 1);
  const parts = Array.from({ length: count }, (_, place) => contracted(make, at(a, p, place), k, at(b, q, place), j, shared));
  return joined(make, parts, side);
}

/** As NumPy's `a @ b`. */
export function matmul(make: Expressions, a: Tensor, b: Tensor): Tensor {
  const one: Axis = { size: 1, stride: 0, isBatch: false };
  const [isVectorA, isVectorB] = [a.axes.length === 1, b.axes.length === 1];
  if (a.axes.length === 0 || b.axes.length === 0) throw new PartError('It multiplies a single number as a matrix.');
  const rank = Math.max(a.axes.length, b.axes.length, 2);
  const filled = (tensor: Tensor, isVector: boolean, isLeft: boolean): Tensor => {
    const own = !isVector ? tensor.axes : isLeft ? [one, ...tensor.axes] : [...tensor.axes, one];
    return { ...tensor, axes: [...Array.from({ length: rank - own.length }, () => one), ...own] };
  };
  const [left, right] = [filled(a, isVectorA, true), filled(b, isVectorB, false)];
  const shared = Array.from({ length: rank - 2 }, (_, k) => [k, k] as const);
  const whole = contracted(make, left, rank - 1, right, rank - 2, shared);
  const kept = whole.axes.flatMap((_, k) => ((k === rank - 2 && isVectorA) || (k === rank - 1 && isVectorB) ? [] : [k]));
  return permuted(whole, kept);
}

/** Two operands, one letter contracted. */
export function einsum(make: Expressions, equation: string, operands: readonly Tensor[]): Tensor {
  const [left, right] = equation.replace(/\s/g, '').split('->');
  const inputs = left!.split(',');
  const refuse = (): never => {
    throw new PartError(`Its equation “${equation}” is none that the equations can write.`);
  };
  if (operands.length !== 2 || inputs.length !== 2 || equation.includes('.') || inputs.some((each) => new Set(each).size !== each.length))
    return refuse();
  const [x, y] = inputs as [string, string];
  const output =
    right ??
    [...`${x}${y}`]
      .filter((each) => x.includes(each) !== y.includes(each))
      .sort()
      .join('');
  const summed = [...new Set(`${x}${y}`)].filter((each) => !output.includes(each));
  if (summed.length !== 1 || !x.includes(summed[0]!) || !y.includes(summed[0]!)) return refuse();
  const both = [...x].filter((each) => y.includes(each) && output.includes(each));
  const shared = both.map((each) => [x.indexOf(each), y.indexOf(each)] as const);
  const whole = contracted(make, operands[0]!, x.indexOf(summed[0]!), operands[1]!, y.indexOf(summed[0]!), shared);
  const letters = [...both, ...[...x, ...y].filter((each) => each !== summed[0] && !both.includes(each))];
  return permuted(
    whole,
    [...output].map((each) => letters.indexOf(each)),
  );
}
