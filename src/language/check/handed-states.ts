// States that are handed over: `from: last(encoder)`, `start: unit(H)`.

import { textOf } from '../places.ts';
import { unifyShapes } from './alignment.ts';
import type { Core, TensorType, Type } from './core.ts';
import { type Dimension, isSame, show, showShape } from './dimensions.ts';
import { asTensor, type Scope, showType, wrong } from './scope.ts';

/** Every state that is wanted is given, by name and shape; says what is wrong where not. `who` wants it. */
export function matchStates(wanted: ReadonlyMap<string, Type>, from: Core, scope: Scope, who: string): boolean {
  const text = textOf(from.source);
  const { type } = from;
  const run = runOf(from) ?? text;
  const names = [...wanted.keys()];
  if (type.kind === 'record' && type.layers !== undefined && type.layers.length > 1) {
    const top = `last(${run}[${type.layers.length - 1}])`;
    wrong(scope, from.source, 'from', `\`from: ${text}\`: ${run} has ${type.layers.length} layers, one is needed: \`${top}\`.`, top);
    return false;
  }
  if (type.kind === 'record' && names.every((name) => type.states.has(name))) {
    for (const [name, want] of wanted) {
      const [a, b] = [asTensor(want), asTensor(type.states.get(name)!)];
      if (a === undefined || b === undefined) continue;
      if (!unifyShapes(a.shape, b.shape)) {
        wrong(scope, from.source, 'from', conflict(name, who, a, b, text));
        return false;
      }
    }
    return true;
  }
  if (names.length === 1 && asTensor(type) !== undefined) {
    const [a, b] = [asTensor(wanted.get(names[0]!)!), asTensor(type)];
    if (a === undefined || unifyShapes(a.shape, b!.shape)) return true;
    wrong(scope, from.source, 'from', conflict(names[0]!, who, a, b!, text));
    return false;
  }
  if (type.kind === 'record') {
    const has = [...type.states.keys()];
    const state = has.length === 0 ? 'no state' : `the state ${has.join(' and ')}`;
    wrong(scope, from.source, 'from', `\`from: ${text}\`: ${run} is a ${type.cell} with ${state}; ${who} needs ${names.join(' and ')}.`);
  } else
    wrong(scope, from.source, 'from', `\`from: ${text}\`: ${who} needs the state ${names.join(' and ')}, and this is ${showType(type)}.`);
  return false;
}

/** Where one size is at fault, that size; else both shapes. */
function conflict(name: string, who: string, wanted: TensorType, given: TensorType, text: string): string {
  const different = wanted.shape.flatMap((dimension, k) => {
    const other = given.shape[k];
    return other === undefined || isSame(dimension, other) ? [] : [{ dimension, other }];
  });
  const [first] = different;
  const size = first === undefined ? undefined : nameOf(first.dimension);
  if (size !== undefined && different.length === 1 && wanted.shape.length === given.shape.length)
    return `${size} is ${show(first!.other)} by \`from: ${text}\` and ${show(first!.dimension)} by the argument.`;
  return `${name} of ${who} is ${showShape(wanted.shape)}; \`from: ${text}\` gives ${showShape(given.shape)}.`;
}

/** What a dimension is called in its cell, whatever it is bound to. */
function nameOf({ terms }: Dimension): string | undefined {
  const [term] = terms;
  return terms.length === 1 && term!.factor === 1 && term!.variables.length === 1 ? term!.variables[0]!.name : undefined;
}

/** The run whose last step is handed over: `encoder` of last(encoder). */
function runOf(from: Core): string | undefined {
  return from.op === 'function' && from.name === 'last' ? textOf(from.operands[0]!.core.source) : undefined;
}
