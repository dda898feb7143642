// What a trace holds, for debugger and views: names, shapes and places of a model's lines, without numbers.

import { type Axis, hasAxis, type Value } from '../graph/graph.ts';
import type { Instance, Line, Model } from '../graph/model.ts';
import { weighs } from '../graph/weighing.ts';
import type { LineRole } from '../shared/source.ts';
import type { ImagePlaces, InstanceDescription, LineDescription } from '../shared/trace.ts';
import type { Sizes } from './arrays.ts';

export interface Dimensions {
  /** The axis of time. */
  readonly time: string;
  readonly sizes: Sizes;
  /** Axes of other sequences, which have timesteps of their own. */
  readonly beside?: readonly string[];
  /** Tells of an axis whether it is the places of an image. */
  readonly image?: (axis: Axis) => ImagePlaces | undefined;
}

/** The axis that the model's sequence runs along: that of the input which is predicted, else the one that its first cell runs over, else that of the first
 *  input with a length of its own. */
export function timeAxis(model: Model): Axis | undefined {
  const predicted = model.inputs.find(({ name }) => name === model.prediction?.input)?.value.type.axes.filter(isOpen)[0];
  const running = model.instances.find((instance) => instance.axis !== undefined)?.axis;
  const axes = openAxes(model);
  return predicted ?? axes.find((axis) => axis.name === running) ?? axes[0];
}

/** Axes of the other sequences that the model's inputs have. */
export function axesBeside(model: Model): readonly string[] {
  const time = timeAxis(model);
  return [...new Set(openAxes(model).map(({ name }) => name))].filter((name) => name !== time?.name);
}

const isOpen = ({ name, size }: Axis): boolean => typeof size === 'string' && name !== 'B';

const openAxes = ({ inputs }: Model): readonly Axis[] => inputs.flatMap((input) => input.value.type.axes).filter(isOpen);

export function describeInstance(instance: Instance, model: Model, dimensions: Dimensions): InstanceDescription {
  const shape = (value: Value): number[] => shapeOf(value, dimensions);
  return {
    path: instance.path,
    cell: instance.cell,
    ...(instance.parent === undefined ? {} : { parent: instance.parent }),
    ...(instance.call === undefined ? {} : { call: instance.call }),
    definition: instance.definition,
    runs: instance.axis !== undefined,
    reverse: instance.reverse,
    lines: instance.lines.map((line) => describeLine(line, model, dimensions)),
    states: instance.states.map(({ name, after }) => ({ name, shape: shape(after), ...alongOf(after, dimensions) })),
    inputs: instance.inputs.map(({ name, value }) => ({
      name,
      shape: shape(value),
      perStep: stepsOf(value, dimensions) !== undefined,
      ...alongOf(value, dimensions),
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

function describeLine({ value, ...line }: Line, model: Model, dimensions: Dimensions): LineDescription {
  const { shape: words, ...rest } = line;
  // The shape of a model's line names time too; one step's value has it not.
  const steps = stepsOf(value, dimensions);
  const own = words.filter((word) => word !== (steps ?? dimensions.time));
  return {
    ...rest,
    shape: shapeOf(value, dimensions),
    dimensions: own,
    perStep: steps !== undefined,
    ...alongOf(value, dimensions),
    ...attentionOf(line.role, value, model, dimensions),
  };
}

/** Weights over the places of another sequence, or of the same; over a fixed number of places, where they weigh a sum: classes do not. */
function attentionOf(
  role: LineRole,
  value: Value,
  model: Model,
  dimensions: Dimensions,
): Pick<LineDescription, 'attention' | 'places' | 'image'> {
  const last = axesOfStep(value, dimensions).at(-1);
  if (role !== 'weights' || last === undefined) return {};
  const image = dimensions.image?.(last);
  if (image !== undefined) return { attention: true, image };
  if (typeof last.size === 'string') return { attention: true, places: last.size };
  return weighs(model, value, last.name) ? { attention: true } : {};
}

/** The axis of a value's timesteps: that of time, else of another sequence. */
function stepsOf(value: Value, { time, beside = [] }: Dimensions): string | undefined {
  return [time, ...beside].find((axis) => hasAxis(value, axis));
}

function alongOf(value: Value, dimensions: Dimensions): { readonly along?: string } {
  const steps = stepsOf(value, dimensions);
  return steps === undefined || steps === dimensions.time ? {} : { along: steps };
}

function axesOfStep(value: Value, dimensions: Dimensions): readonly Axis[] {
  const steps = stepsOf(value, dimensions);
  return value.type.axes.filter(({ name }) => name !== steps && name !== 'B');
}

/** The lengths of one step's value of one sequence: all axes but those of its steps and the batch. */
function shapeOf(value: Value, dimensions: Dimensions): number[] {
  return axesOfStep(value, dimensions).map(({ size }) => (typeof size === 'number' ? size : dimensions.sizes[size]!));
}
