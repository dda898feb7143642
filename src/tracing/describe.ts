// What a trace holds, for debugger and views: names, shapes and places of a model's lines, without numbers.

import { type Axis, hasAxis, type Value } from '../graph/graph.ts';
import type { Instance, Line, Model } from '../graph/model.ts';
import type { LineRole } from '../shared/source.ts';
import type { InstanceDescription, LineDescription } from '../shared/trace.ts';
import type { Sizes } from './arrays.ts';

export interface Dimensions {
  /** The axis of time. */
  readonly time: string;
  readonly sizes: Sizes;
}

/** The axis that the model's sequence runs along: that of the input which it predicts (what is written, where something is read before), else that of the
 *  first cell that runs, else that of the first input with a length of its own. */
export function timeAxis(model: Model): Axis | undefined {
  const predicted = model.inputs.find(({ name }) => name === model.prediction?.input)?.value.type.axes[0];
  if (typeof predicted?.size === 'string' && predicted.name !== 'B') return predicted;
  const running = model.instances.find((instance) => instance.axis !== undefined)?.axis;
  const axes = model.inputs.flatMap((input) => input.value.type.axes).filter((axis) => typeof axis.size === 'string' && axis.name !== 'B');
  return axes.find((axis) => axis.name === running) ?? axes[0];
}

export function describeInstance(instance: Instance, model: Model, dimensions: Dimensions): InstanceDescription {
  const shape = (value: Value): number[] => shapeOf(value, dimensions);
  const perStep = (value: Value): boolean => hasAxis(value, dimensions.time);
  return {
    path: instance.path,
    cell: instance.cell,
    ...(instance.parent === undefined ? {} : { parent: instance.parent }),
    ...(instance.call === undefined ? {} : { call: instance.call }),
    definition: instance.definition,
    runs: instance.axis !== undefined,
    reverse: instance.reverse,
    lines: instance.lines.map((line) => describeLine(line, dimensions)),
    states: instance.states.map(({ name, after }) => ({ name, shape: shape(after) })),
    inputs: instance.inputs.map(({ name, value }) => ({
      name,
      shape: shape(value),
      perStep: perStep(value),
      integer: value.type.dtype === 'int',
      ...classesOf(value, model),
    })),
    weights: instance.weights.map(({ name, weight }) => ({
      name,
      weight,
      shape: model.weights.filter((each) => each.name === weight).flatMap((each) => shape(each.value)),
    })),
  };
}

/** Of an input of the model, whatever cell it is handed to. */
function classesOf(value: Value, { inputs }: Model): { readonly classes?: string } {
  const classes = inputs.find((input) => input.value === value)?.classes;
  return classes === undefined ? {} : { classes };
}

function describeLine({ value, ...line }: Line, dimensions: Dimensions): LineDescription {
  const { shape: words, ...rest } = line;
  // The shape of a model's line names time too; one step's value has it not.
  const own = words.filter((word) => word !== dimensions.time);
  const described = { ...rest, shape: shapeOf(value, dimensions), dimensions: own, perStep: hasAxis(value, dimensions.time) };
  return isAttention(line.role, value, dimensions) ? { ...described, attention: true } : described;
}

/** Weights over the places of another sequence, or of the same; a softmax over classes has a fixed number of them. */
function isAttention(role: LineRole, value: Value, { time }: Dimensions): boolean {
  const last = value.type.axes.filter(({ name }) => name !== time && name !== 'B').at(-1);
  return role === 'weights' && typeof last?.size === 'string';
}

/** The lengths of one step's value of one sequence: all axes but time and batch. */
function shapeOf(value: Value, { time, sizes }: Dimensions): number[] {
  return value.type.axes
    .filter(({ name }) => name !== time && name !== 'B')
    .map(({ size }) => (typeof size === 'number' ? size : sizes[size]!));
}
