// Sums, means and softmax over features, and vectors joined.

import { PartError } from '../part.ts';
import type { Expression, Reduction } from './expression.ts';
import type { Expressions } from './expressions.ts';
import { integersIn, placeOf, type Step, tensorIn } from './step.ts';
import { type Axis, expressionOf, permuted, sliced, type Tensor, tensorOf } from './value.ts';

/** A reduction as ONNX's operators have it, of all given axes. */
export const reduced = (step: Step, name: Reduction['name'], before?: Before): Tensor[] => [
  reducedTensor(step, tensorIn(step, 0), name, before),
];

type Before = (make: Expressions, x: Expression) => Expression;

function reducedTensor(step: Step, given: Tensor, name: Reduction['name'], before?: Before): Tensor {
  const { make, attributes } = step;
  const rank = given.axes.length;
  const keepsShape = name === 'softmax';
  const wanted = keepsShape ? [attributes.int('axis', -1)] : integersIn(step, 1, 'axes');
  const isNone = wanted?.length === 0 && attributes.int('noop_with_empty_axes', 0) === 1;
  if (isNone) return given;
  const axes = wanted === undefined || wanted.length === 0 ? given.axes.map((_, k) => k) : wanted.map((axis) => placeOf(axis, rank));
  if (axes.some((k) => given.axes[k]!.isBatch && given.axes[k]!.size > 1))
    throw new PartError('It reduces over the sequences of the batch.');
  const isFeature = ({ size, isBatch }: Axis): boolean => size > 1 && !isBatch;
  const features = given.axes.flatMap((axis, k) => (isFeature(axis) ? [k] : []));
  const over = features.filter((k) => axes.includes(k));
  const own = expressionOf(make, given);
  const rows = features[0];
  // Heads side by side: each for itself.
  if (own.kind === 'view' && features.length === 2 && over.length === 1 && over[0] === features[1] && given.axes[rows!]!.size <= 16) {
    const parts = Array.from({ length: given.axes[rows!]!.size }, (_, k) => reducedTensor(step, sliced(given, rows!, k, 1), name, before));
    return joined(make, parts, keptPlace(rows!, axes, attributes.int('keepdims', 1) === 0 && !keepsShape));
  }
  let of = before === undefined ? own : before(make, own);
  if (keepsShape) {
    of = over.length === 0 ? make.constant(1) : make.reduction(name, of, features.length === 1 ? undefined : features.indexOf(over[0]!));
    const strides = tensorOf(
      of,
      given.axes.map(({ size, isBatch }) => (isBatch ? 1 : size)),
      undefined,
    ).axes;
    return { kind: 'tensor', of, offset: 0, axes: given.axes.map((axis, k) => ({ ...axis, stride: strides[k]!.stride })) };
  }
  if (over.length === features.length) {
    if (over.length > 0) of = make.reduction(name, of);
  } else for (const k of [...over].reverse()) of = make.reduction(name, of, features.indexOf(k));
  const kept = given.axes.map((axis, k): Axis => (axes.includes(k) ? { size: 1, stride: 0, isBatch: false } : axis));
  const strides = tensorOf(
    of,
    kept.map(({ size, isBatch }) => (isBatch ? 1 : size)),
    undefined,
  ).axes;
  const whole: Tensor = { kind: 'tensor', of, offset: 0, axes: kept.map((axis, k) => ({ ...axis, stride: strides[k]!.stride })) };
  const left = kept.flatMap((_, k) => (axes.includes(k) ? [] : [k]));
  return attributes.int('keepdims', 1) === 0 ? permuted(whole, left) : whole;
}

/** Where an axis is after others were taken away. */
const keptPlace = (axis: number, gone: readonly number[], areGone: boolean): number =>
  areGone ? axis - gone.filter((each) => each < axis).length : axis;

/** Tensors one behind the other along an axis. */
export function joined(make: Expressions, tensors: readonly Tensor[], along: number): Tensor {
  const [first] = tensors as [Tensor];
  if (tensors.length === 1) return first;
  const axis = placeOf(along, first.axes.length);
  const isFeature = ({ size, isBatch }: Axis): boolean => size > 1 && !isBatch;
  if (tensors.some(({ axes }) => axes[axis]!.isBatch && axes[axis]!.size > 1)) throw new PartError('It joins sequences of the batch.');
  const others = first.axes.map((_, k) => {
    const found = tensors.map(({ axes }) => axes[k]!);
    return k === axis ? undefined : (found.find(({ isBatch }) => isBatch) ?? found[0]!);
  });
  const isInner = others.some((each, k) => each !== undefined && k < axis && isFeature(each));
  const parts = isInner ? pieces(tensors, axis) : tensors;
  if (parts === undefined) throw new PartError('It joins rows of a matrix, which the equations have no way to write.');
  const of = make.joined(parts.map((tensor) => expressionOf(make, tensor)));
  const size = tensors.reduce((sum, { axes }) => sum + axes[axis]!.size, 0);
  const shape = others.map((each, k) => (k === axis ? size : each!.isBatch ? 1 : each!.size));
  const whole = tensorOf(of, shape, undefined);
  return { ...whole, axes: whole.axes.map((each, k) => (others[k]?.isBatch ? others[k]! : each)) };
}

/** Row by row, where there are few rows. */
function pieces(tensors: readonly Tensor[], axis: number): Tensor[] | undefined {
  const [first] = tensors as [Tensor];
  const rows = first.axes.flatMap(({ size, isBatch }, k) => (k < axis && size > 1 && !isBatch ? [k] : []));
  if (rows.length !== 1 || first.axes[rows[0]!]!.size > 8) return undefined;
  return Array.from({ length: first.axes[rows[0]!]!.size }, (_, k) => tensors.map((tensor) => sliced(tensor, rows[0]!, k, 1))).flat();
}
