// States that are handed over: `from: last(encoder)`, `start: unit(H)`.

import { textOf } from '../places.ts';
import { unifyShapes } from './alignment.ts';
import type { Core, TensorType, Type } from './core.ts';
import { isSame, show, showShape } from './dimensions.ts';
import { asTensor, type Scope, showType, wrong } from './scope.ts';

/** Every state that is wanted is given, by name and shape; says what is wrong where not. `who` wants it. */
export function matchStates(wanted: ReadonlyMap<string, Type>, from: Core, scope: Scope, who: string): boolean {
  const text = textOf(from.source);
  const { type } = from;
  const names = [...wanted.keys()];
  if (type.kind === 'record' && type.layers !== undefined && type.layers.length > 1) {
    wrong(
      scope,
      from.source,
      'from',
      `\`from: ${text}\`: it has ${type.layers.length} layers, one is needed: name it, as in last(run[${type.layers.length - 1}]).`,
    );
    return false;
  }
  if (type.kind === 'record' && names.every((name) => type.states.has(name))) {
    for (const [name, want] of wanted) {
      const [a, b] = [asTensor(want), asTensor(type.states.get(name)!)];
      if (a === undefined || b === undefined) continue;
      if (!unifyShapes(a.shape, b.shape)) {
        wrong(
          scope,
          from.source,
          'from',
          `${name} of ${who} is ${showShape(a.shape)}; \`from: ${text}\` gives ${showShape(b.shape)}.${sizeConflict(a, b, text)}`,
        );
        return false;
      }
    }
    return true;
  }
  if (names.length === 1 && asTensor(type) !== undefined) {
    const [a, b] = [asTensor(wanted.get(names[0]!)!), asTensor(type)];
    if (a === undefined || unifyShapes(a.shape, b!.shape)) return true;
    wrong(
      scope,
      from.source,
      'from',
      `${names[0]} of ${who} is ${showShape(a.shape)}; \`from: ${text}\` gives ${showShape(b!.shape)}.${sizeConflict(a, b!, text)}`,
    );
    return false;
  }
  if (type.kind === 'record') {
    const has = [...type.states.keys()];
    wrong(
      scope,
      from.source,
      'from',
      `\`from: ${text}\`: it is a ${type.cell} with the state ${has.join(' and ') || 'of none'}; ${who} needs ${names.join(' and ')}.`,
    );
  } else
    wrong(scope, from.source, 'from', `\`from: ${text}\`: ${who} needs the state ${names.join(' and ')}, and this is ${showType(type)}.`);
  return false;
}

function sizeConflict(a: TensorType, b: TensorType, text: string): string {
  const index = a.shape.findIndex((dimension, k) => b.shape[k] !== undefined && !isSame(dimension, b.shape[k]!));
  if (index < 0 || a.shape.length !== b.shape.length) return '';
  return ` The size is ${show(b.shape[index]!)} by \`from: ${text}\` and ${show(a.shape[index]!)} by the argument.`;
}
