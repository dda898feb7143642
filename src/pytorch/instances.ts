// Of a checked call: where its module stands, which inputs are settings, and which state is kept where.

import type { Core, Instance, InstanceInput } from '../language/check/core.ts';
import { operandsOf } from '../language/check/walk.ts';
import { attributeName, fieldName } from './python.ts';
import type { Value } from './scope.ts';

/** An input that is a number of the header, not data: `pace = 0.5`. */
export function isSetting({ type, declaration }: InstanceInput['binding']): boolean {
  return (
    type.kind === 'tensor' &&
    type.shape.length === 0 &&
    type.classes === undefined &&
    'fallback' in declaration &&
    declaration.fallback !== undefined
  );
}

export interface Place {
  readonly attribute: string;
  /** Its place in a list of modules, where the call has layers or heads. */
  readonly index: number | undefined;
}

/** Where a call is in the module around it: `h[1]` is 1 of `h`; with layers of heads, `h[1][0]` of four heads each is 4 of `h`. */
export function placeOf(instance: Instance): Place {
  const { path, parent } = instance;
  const own = parent === undefined || parent.path === '' ? path : path.slice(parent.path.length + 1);
  const [, name, indices] = /^(.*?)((?:\[\d+\])*)$/.exec(own)!;
  const attribute = attributeName(name!.replaceAll('.', '_'));
  if (indices === '') return { attribute, index: undefined };
  const stem = path.slice(0, path.length - indices!.length);
  const isBeside = (each: Instance): boolean => each.path.startsWith(`${stem}[`) && /^(\[\d+\])+$/.test(each.path.slice(stem.length));
  return { attribute, index: parent!.nested.filter(isBeside).indexOf(instance) };
}

/** The path of its module from the module around it: `h`, `h[1]`. */
export function modulePath(instance: Instance): string {
  const { attribute, index } = placeOf(instance);
  return index === undefined ? attribute : `${attribute}[${index}]`;
}

/** Calls within a step whose state nobody hands over: it is kept from step to step with that of the cell around. */
export const implicitOf = (instance: Instance): readonly Instance[] =>
  instance.nested.filter((nested) => nested.stateful && nested.lift.length === 0 && !isHanded(nested, instance));

function isHanded(nested: Instance, { lines, states }: Instance): boolean {
  const hands = (core: Core): boolean =>
    (core.op === 'call' && core.layers.includes(nested) && core.from !== undefined) || operandsOf(core).some(hands);
  return lines.some(({ core }) => hands(core)) || states.some(({ initial }) => initial !== undefined && hands(initial));
}

/** What such a state is called in the state around it. */
export function stateKey(nested: Instance): string {
  const { attribute, index } = placeOf(nested);
  return index === undefined ? attribute : `${attribute}_${index}`;
}

/** A state that is handed over, by the names of the cell's states. */
export function stateCode(from: Value, { states }: Instance): string {
  if (from.kind === 'record') return from.code;
  return `Lines(${fieldName(states[0]!.binding.name)}=${from.code})`;
}
