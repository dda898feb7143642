// Where an expression is built: its frame, its instance, the values of its names; and the axes of its dimensions.

import { type Axis, type DataType, type TensorType as GraphType, tensor, type Value } from '../../graph/graph.ts';
import type { Binding, Core, FunctionNode, Instance, LossName, TensorType } from '../check/core.ts';
import { type Dimension, evaluate, variableOf } from '../check/dimensions.ts';
import { showWritten } from '../check/written.ts';
import { type Built, type BuiltTensor, freshName } from './built.ts';
import type { Frame } from './frame.ts';
import type { Ragged } from './ragged.ts';

/** What the model as a whole provides, and keeps. */
export interface Surroundings {
  readonly root: Frame;
  /** The length of a data dimension, where it is a number. */
  size(name: string): number | undefined;
  /** What a dimension that is bound when the graph runs is called there: `T` where it is the only one, whatever the model calls it. */
  symbol(name: string): string;
  weight(instance: Instance, parameter: Instance['params'][number], axes: readonly Axis[]): Value;
  /** The input of the model one step ahead. */
  ahead(input: Binding): BuiltTensor;
  /** What a network in a file makes of an input of the model: data too. */
  made(node: FunctionNode & Core): BuiltTensor;
  mask(value: Value, axes: readonly Axis[], rate: number): Value;
  /** Which steps are real, where rows have lengths of their own. */
  readonly ragged: Ragged;
  /** A loss function of the model's own lines has been built: what it compares. */
  judged(comparison: Comparison): void;
  /** The first state of a run that is handed on from window to window; `initial` where it does not start at zero. */
  carried(name: string, instance: Instance, axes: readonly Axis[], initial: number): { readonly before: Value; after(value: Value): void };
}

/** What a loss function compares, before anything is averaged. */
export interface Comparison {
  readonly loss: LossName;
  readonly scores: Value;
  readonly target: Value;
  /** Whether there is a target (bool); absent where there always is. Padding is not told here. */
  readonly counted?: Value;
  /** The axis of the classes. */
  readonly over?: string;
  /** The dimensions of the target, in order. */
  readonly axes: readonly Axis[];
  readonly classes?: Dimension;
  readonly input?: string;
  readonly ahead: boolean;
}

export interface Environment {
  readonly frame: Frame;
  readonly instance: Instance;
  readonly bindings: Map<Binding, Built>;
  /** What the cell runs over without a recurrence, here and in the calls around. */
  readonly implicit: readonly Axis[];
  /** The step's number: the axis it counts along. */
  readonly steps: Axis | undefined;
}

export const batch: Axis = { name: 'B', size: 'B' };

/** The axes of dimensions, named so that none meets another by accident. */
export class Axes {
  /** The length of a data dimension, where it is a number. */
  readonly size: Surroundings['size'];
  readonly #symbol: Surroundings['symbol'];

  constructor({ size, symbol }: Pick<Surroundings, 'size' | 'symbol'>) {
    this.size = size;
    this.#symbol = symbol;
  }

  /** A number, or the symbol for what is known when the graph runs. */
  length(dimension: Dimension): number | string {
    const size = evaluate(dimension, this.size);
    if (size !== undefined) return size;
    const variable = variableOf(dimension);
    if (variable === undefined) throw new SizeUnknown(dimension);
    return this.#symbol(variable.name);
  }

  /** Axes for the dimensions of a shape as it is written, each name once. */
  of(shape: readonly Dimension[], environment: Environment): Axis[] {
    const axes: Axis[] = [];
    for (const dimension of shape)
      axes.push(this.one(dimension, environment.instance, (name) => axes.some((axis) => axis.name === name), environment));
    return axes;
  }

  one(dimension: Dimension, instance: Instance | undefined, isTaken: (name: string) => boolean, environment: Environment): Axis {
    const size = this.length(dimension);
    const written = typeof size === 'string' || instance === undefined ? `${size}` : showWritten(dimension, instance);
    const name = freshName(written.replaceAll(' ', ''), (each) => isTaken(each) || this.isReserved(each, environment));
    return { name, size };
  }

  /** A length that has to be known. */
  number(dimension: Dimension): number {
    const size = evaluate(dimension, this.size);
    if (size === undefined) throw new SizeUnknown(dimension);
    return size;
  }

  isReserved(name: string, { frame, implicit }: Environment): boolean {
    if (name === batch.name || implicit.some((axis) => axis.name === name)) return true;
    for (let each: Frame | undefined = frame; each !== undefined; each = each.parent) if (each.axis?.name === name) return true;
    return false;
  }
}

/** The length of a dimension that the data should have told. */
export class SizeUnknown extends Error {
  readonly dimension: Dimension;
  constructor(dimension: Dimension) {
    super('a dimension is known neither from the model nor from its data');
    this.dimension = dimension;
  }
}

/** The axes of an input of the model. */
export function inputAxes({ shape }: TensorType, lengths: Axes): readonly Axis[] {
  const axes: Axis[] = [];
  for (const dimension of shape) {
    const size = lengths.length(dimension);
    axes.push({ name: freshName(`${size}`, (name) => name === batch.name || axes.some((axis) => axis.name === name)), size });
  }
  return axes;
}

const dataType = (type: TensorType): DataType => (type.classes === undefined ? 'float' : 'int');
export const inputType = (type: TensorType, axes: readonly Axis[]): GraphType => {
  const isSequence = typeof axes[0]?.size === 'string';
  return tensor(isSequence ? [axes[0]!, batch, ...axes.slice(1)] : [batch, ...axes], dataType(type));
};

/** The axes of a mask: those of the value, and of each run around it, so that every step and example has its own. */
export function maskAxes(value: Value, { frame }: Environment): Axis[] {
  const axes = [...value.type.axes];
  for (let each: Frame | undefined = frame; each?.axis !== undefined; each = each.parent) axes.unshift(each.axis);
  return axes;
}
