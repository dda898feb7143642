// A node of a step, with the values that it reads.

import type { Attributes } from '../../onnx/attributes.ts';
import type { NodeProto, TensorProto } from '../../onnx/proto.ts';
import { PartError } from '../part.ts';
import type { Expressions } from './expressions.ts';
import type { Tensor, Value } from './value.ts';

/** The values of a node's outputs. Throws PartError. */
export type Rule = (step: Step) => readonly Value[];

export interface Step {
  readonly make: Expressions;
  readonly node: NodeProto;
  readonly attributes: Attributes;
  /** Whether a size is the number of sequences side by side. */
  isBatch(size: number): boolean;
  /** undefined where the node has no such input. */
  input(index: number): Value | undefined;
  /** A tensor written into the file. */
  constant(tensor: TensorProto): Value;
}

/** Throws PartError where the input is missing, or counts. */
export function tensorIn(step: Step, index: number): Tensor {
  const value = step.input(index);
  if (value === undefined) throw new PartError(`It lacks its input ${index + 1}.`);
  return asTensor(step.make, value);
}

function asTensor(make: Expressions, value: Value): Tensor {
  if (value.kind === 'tensor') return value;
  const [only] = value.data;
  if (value.data.length !== 1) throw new PartError('It computes with whole numbers, which the equations have no way to write.');
  return { kind: 'tensor', of: make.constant(only!), offset: 0, axes: value.shape.map((size) => ({ size, stride: 0, isBatch: false })) };
}

export function integersIn(step: Step, index: number, attribute: string): readonly number[] | undefined {
  const value = step.input(index);
  if (value === undefined) {
    const given = step.node.attribute.find(({ name }) => name === attribute);
    return given?.ints?.map(Number);
  }
  if (value.kind === 'integers') return value.data;
  throw new PartError(`Its ${attribute} are not known before the step.`);
}

/** A place that may be counted from the end. */
export function placeOf(place: number, size: number): number {
  const at = place < 0 ? place + size : place;
  if (at < 0 || at >= Math.max(size, 1)) throw new PartError(`Place ${place} of ${size} is none.`);
  return at;
}
