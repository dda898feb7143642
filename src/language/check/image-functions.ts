// The types of functions of images.

import { textOf } from '../places.ts';
import { type Application, constantNumber, finish, numberValue, whole } from './application.ts';
import type { Core, Instance } from './core.ts';
import { constant, type Dimension, equate, over, show, showShape, times } from './dimensions.ts';
import { needNumbers } from './expressions.ts';
import { showType, tensorType, unknown, wrong } from './scope.ts';
import { isDefault, operandsOf } from './walk.ts';

/** x [C, Y, X] with a kernel W [O, C, height, width] gives [O, Y / stride, X / stride], rounded up: place j sees what is around place stride * j. */
export function convolve(application: Application): Core {
  const { node, scope, operands, stride } = application;
  const [x, kernel] = operands as [Core, Core];
  const [a, w] = operands.map((operand) => needNumbers(operand, scope, node));
  if (a === undefined || w === undefined) return unknown(node);
  const [image, weights] = [textOf(x.source), textOf(kernel.source)];
  if (a.shape.length !== 3) return wrong(scope, x.source, 'shape', `convolve takes an image [C, Y, X], and ${image} is ${showType(a)}.`);
  if (w.shape.length !== 4)
    return wrong(scope, kernel.source, 'shape', `The kernel of convolve is [O, C, height, width], and ${weights} is ${showType(w)}.`);
  const [channels, ...sides] = a.shape as [Dimension, Dimension, Dimension];
  if (!equate(w.shape[1]!, channels)) {
    const [height, width] = w.shape.slice(2);
    const advice = kernel.op === 'read' && kernel.binding.kind === 'param';
    const wanted = `${weights}: ${showShape([w.shape[0]!, channels, height!, width!])}`;
    const sizes = `${image} is ${showShape(a.shape)} and ${weights} is ${showShape(w.shape)}: ${show(channels)} and ${show(w.shape[1]!)}`;
    return wrong(
      scope,
      node,
      'shape',
      `\`${textOf(node)}\`: ${sizes} are different numbers of channels.${advice ? ` Write ${wanted}?` : ''}`,
    );
  }
  if (varies(kernel, scope.instance))
    return wrong(
      scope,
      kernel.source,
      'kernel',
      `The kernel of convolve is the same for all examples and steps, and ${weights} depends on the data.`,
    );
  const step = stride === undefined ? 1 : constantNumber(stride.value, scope);
  if (step === undefined || !Number.isInteger(step) || step < 1)
    return wrong(scope, stride!.value, 'number', '`stride:` takes a whole number from 1.');
  const shape = [w.shape[0]!, ...sides.map((side) => over(side, constant(step)))];
  return finish(application, [whole(x, a), whole(kernel, w)], tensorType(shape), { along: [0, 1, 2], numbers: [step] });
}

/** Whether a value may be another one for another example or step. */
function varies(value: Core, instance: Instance): boolean {
  if (value.op === 'step') return true;
  if (value.op !== 'read') {
    if (value.op === 'call' && value.layers.some(({ stateful }) => stateful)) return true;
    return operandsOf(value).some((operand) => varies(operand, instance));
  }
  const { binding } = value;
  if (binding.kind === 'param') return false;
  if (binding.kind === 'input') {
    const input = instance.inputs.find((each) => each.binding === binding);
    if (input?.argument === undefined) return instance.cell.$type === 'Model';
    return input.lifted || varies(input.argument, isDefault(input) || instance.parent === undefined ? instance : instance.parent);
  }
  const line = instance.lines.find((each) => each.binding === binding);
  return line === undefined || varies(line.core, instance);
}

/** Windows of n by n side by side: the last two dimensions divided by n, rounded up. */
export function pool(application: Application): Core {
  const { node, scope, operands, name } = application;
  const [x, side] = operands as [Core, Core];
  const type = needNumbers(x, scope);
  if (type === undefined) return unknown(node);
  const n = numberValue(side);
  if (n === undefined || !Number.isInteger(n) || n < 1)
    return wrong(scope, side.source, 'number', `The side of the windows is a whole number from 1, as in ${name}(${textOf(x.source)}, 2).`);
  if (type.shape.length < 2)
    return wrong(scope, x.source, 'shape', `${name} takes an image [C, Y, X], and ${textOf(x.source)} is ${showType(type)}.`);
  const along = [type.shape.length - 2, type.shape.length - 1];
  const shape = type.shape.map((dimension, k) => (along.includes(k) ? over(dimension, constant(n)) : dimension));
  return finish(application, [whole(x, type)], tensorType(shape), { along, numbers: [n] });
}

/** [C, Y, X] to [Y * X, C]: an image as a list of its places, row by row. */
export function places(application: Application): Core {
  const { node, scope, operands } = application;
  const [f] = operands as [Core];
  const type = needNumbers(f, scope);
  if (type === undefined) return unknown(node);
  const [channels, height, width] = type.shape;
  if (type.shape.length !== 3)
    return wrong(scope, f.source, 'shape', `places takes an image [C, Y, X], and ${textOf(f.source)} is ${showType(type)}.`);
  return finish(application, [whole(f, type)], tensorType([times(height!, width!), channels!]), { along: [1, 2] });
}
