// What a call gives.

import type { Cell } from '../generated/ast.ts';
import { unifyShapes } from './alignment.ts';
import type { Core, Instance, RecordType, TensorType, Type } from './core.ts';
import { constant, type Dimension, times } from './dimensions.ts';
import { asTensor, type OpenInstance, tensorType } from './scope.ts';

/** What a call gives: fields and states, with the dimensions that it ran over before their own. */
export function recordOf(cell: Cell, instance: OpenInstance, value: Core | undefined): RecordType {
  const { lift } = instance;
  const fields = new Map<string, Type>();
  const states = new Map<string, Type>();
  for (const { binding: param } of instance.params) fields.set(param.name, param.type);
  for (const { binding: state } of instance.states) {
    const lifted = withLift(state.type, lift);
    states.set(state.name, lifted);
    fields.set(state.name, lifted);
  }
  for (const { binding: line } of instance.lines) fields.set(line.name.replace(/'$/, ''), withLift(line.type, lift));
  const tensor = value === undefined ? undefined : asTensor(value.type);
  return {
    kind: 'record',
    cell: cell.name,
    fields,
    states,
    ...(tensor === undefined ? {} : { value: withLift(tensor, lift) as TensorType }),
    instances: [instance],
  };
}

/** Heads side by side: their values joined along the last dimension, which is the same for all. */
export function joinedHeads(heads: readonly RecordType[]): RecordType | undefined {
  const shapes = heads.map(({ value }) => value?.shape);
  const [first] = shapes;
  const last = first?.at(-1);
  if (first === undefined || last === undefined || heads[0]!.value!.classes !== undefined) return undefined;
  if (!shapes.every((shape) => shape !== undefined && unifyShapes(first, shape))) return undefined;
  const value = tensorType([...first.slice(0, -1), times(constant(heads.length), last)]);
  const instances = heads.flatMap((head) => head.instances ?? []);
  return { kind: 'record', cell: heads[0]!.cell, fields: new Map(), states: new Map(), value, layers: heads, heads: true, instances };
}

/** What a call with `layers:` gives: the value of the top one, and each. */
export function layered(layers: readonly RecordType[]): RecordType {
  const { heads: _, ...top } = layers.at(-1)!;
  return { ...top, layers };
}

/** Those of a call, of all its layers and heads. */
export const instancesOf = ({ layers, instances }: RecordType): readonly Instance[] =>
  layers === undefined ? (instances ?? []) : layers.flatMap(instancesOf);

function withLift(type: Type, lift: readonly Dimension[]): Type {
  if (lift.length === 0) return type;
  if (type.kind === 'tensor')
    return tensorType([...lift, ...type.shape], {
      ...(type.classes === undefined ? {} : { classes: type.classes }),
      ...(type.boolean ? { boolean: true } : {}),
    });
  if (type.kind !== 'record') return type;
  const each = (map: ReadonlyMap<string, Type>): Map<string, Type> =>
    new Map([...map].map(([name, inner]) => [name, withLift(inner, lift)]));
  const states = each(type.states);
  // Which state the value is, is told by its being the same.
  const own = [...type.states].find(([, state]) => state === type.value)?.[0];
  const value = type.value === undefined ? undefined : own === undefined ? withLift(type.value, lift) : states.get(own);
  return {
    ...type,
    fields: each(type.fields),
    states,
    ...(value === undefined ? {} : { value: value as TensorType }),
    ...(type.layers === undefined ? {} : { layers: type.layers.map((layer) => withLift(layer, lift) as RecordType) }),
  };
}
