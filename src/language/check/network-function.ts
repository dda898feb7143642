// The type of `onnx(...)`: what a network in a file makes of an input.

import type { NetworkPort } from '../../shared/network.ts';
import { textOf } from '../places.ts';
import { type Application, whole } from './application.ts';
import type { Core } from './core.ts';
import { constant, type Dimension, equate } from './dimensions.ts';
import { needNumbers } from './expressions.ts';
import { core, showType, suggestion, tensorType, unknown, wrong } from './scope.ts';

/** A network from a file, as it is: what it makes of an input of the model, once for each example. */
export function network({ node, scope, operands, output, name }: Application): Core {
  const [file, x] = operands as [Core, Core];
  if (file.type.kind !== 'text')
    return wrong(
      scope,
      file.source,
      'argument',
      'The first argument of onnx is a file, as in onnx("network.onnx", image, output: "features").',
    );
  const text = textOf(x.source);
  const isInput = x.op === 'read' && x.binding.kind === 'input' && scope.instance.cell.$type === 'Model';
  if (!isInput)
    return wrong(scope, x.source, 'argument', `onnx runs once for each example, so that ${text} has to be an input of the model.`);
  const type = needNumbers(x, scope);
  if (type === undefined) return unknown(node);
  const found = scope.file.networks?.get(file.type.text);
  if (found === undefined || 'fault' in found)
    return wrong(scope, file.source, 'network', found?.fault ?? `What ${file.type.text} is like is not known here.`);
  const [takes, ...more] = found.inputs;
  if (takes === undefined || more.length > 0) {
    const has = found.inputs.map((each) => each.name).join(', ') || 'none';
    return wrong(scope, file.source, 'network', `onnx takes a network of one input; ${file.type.text} has ${has}.`);
  }
  if (!fits(takes, type.shape)) {
    const wanted = takes.shape === undefined ? takes.type : `${takes.type} [${takes.shape.join(', ')}]`;
    return wrong(scope, x.source, 'shape', `${file.type.text} takes ${takes.name}: ${wanted}, and ${text} is ${showType(type)}.`);
  }
  const names = found.outputs.map((each) => each.name);
  const said = output === undefined ? undefined : scope.checker.expression(output.value, scope).type;
  if (said !== undefined && said.kind !== 'text')
    return wrong(scope, output!.value, 'argument', '`output:` takes a name, as in output: "features".');
  const asked = said?.text ?? (names.length === 1 ? names[0] : undefined);
  const gives = found.outputs.find((each) => each.name === asked) ?? found.inner?.find((each) => each.name === asked);
  if (gives === undefined) {
    const where = output?.value ?? node;
    const what = asked === undefined ? `Which of its outputs? \`output:\` says it.` : `${file.type.text} has no output ${asked}.`;
    const inner = found.inner?.findLast(({ shape }) => shape?.length === 3 && Number(shape[1]) * Number(shape[2]) > 1);
    const inside = inner === undefined ? '' : ` Values inside can be asked for too, as ${inner.name} [${inner.shape!.join(', ')}].`;
    const known = [...names, ...(found.inner ?? []).map((each) => each.name)];
    return wrong(
      scope,
      where,
      'network',
      `${what} It has ${names.join(', ')}.${inside}${asked === undefined ? '' : suggestion(asked, known)}`,
    );
  }
  const shape = gives.shape;
  if (gives.type !== 'float32' || shape === undefined || shape.includes('?')) {
    const is = shape === undefined ? gives.type : `${gives.type} [${shape.join(', ')}]`;
    return wrong(
      scope,
      output?.value ?? node,
      'network',
      `${gives.name} of ${file.type.text} is ${is}: needed is float32, with lengths that the file says.`,
    );
  }
  const use = { path: found.path, takes: takes.name, gives: gives.name, of: x.binding.name };
  const lengths = (shape as readonly number[]).map(constant);
  return core({ op: 'function', name, operands: [whole(x, type)], along: [], numbers: [], network: use }, tensorType(lengths), node);
}

function fits({ type, shape }: NetworkPort, own: readonly Dimension[]): boolean {
  if (type !== 'float32' || shape === undefined || shape.length !== own.length) return false;
  return shape.every((size, k) => size === '?' || equate(own[k]!, constant(size)));
}
