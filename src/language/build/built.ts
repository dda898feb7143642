// Values of the graph as the builder holds them: with their dimensions in order, and records of them.

import type { Builder } from '../../graph/builder.ts';
import { type Axis, hasAxis, type Value } from '../../graph/graph.ts';

/** A tensor. `axes` are the names of its dimensions in the order of the language; the batch, and what its cell runs over, are axes of
 *  the value besides. A dimension along which nothing changes may be missing from the value: `present` puts it there. */
export interface BuiltTensor {
  readonly kind: 'tensor';
  readonly value: Value;
  readonly axes: readonly Axis[];
  /** Of a loss: whether there is anything (bool); absent where there always is. */
  readonly counted?: Value;
}

export interface BuiltRecord {
  readonly kind: 'record';
  readonly fields: ReadonlyMap<string, Built>;
  readonly states: ReadonlyMap<string, Built>;
  readonly value?: BuiltTensor;
  readonly layers?: readonly BuiltRecord[];
  /** Of a run: its states after the last step. */
  readonly finals?: ReadonlyMap<string, Built>;
}

export type Built = BuiltTensor | BuiltRecord;

export const tensorOf = (built: Built): BuiltTensor => {
  if (built.kind === 'tensor') return built;
  if (built.value === undefined) throw new Error('a record without a value reached the graph');
  return built.value;
};

export const names = (axes: readonly Axis[]): string[] => axes.map(({ name }) => name);

/** A name that is not taken: `H`, `H.2`, `H.3`. */
export function freshName(name: string, isTaken: (name: string) => boolean): string {
  let found = name;
  for (let k = 2; isTaken(found); k += 1) found = `${name}.${k}`;
  return found;
}

/** The value with every dimension of it there. */
export function present(b: Builder, { value, axes }: BuiltTensor): Value {
  return widenedTo(b, value, axes);
}

/** The value with those axes that it lacks before its own. */
export function widenedTo(b: Builder, value: Value, axes: readonly Axis[]): Value {
  const missing = axes.filter((axis) => !hasAxis(value, axis.name));
  return missing.reverse().reduce((wide, axis) => b.broadcast(wide, axis), value);
}

/** Other names for the dimensions, all at once: they may change places. */
export function renamed(b: Builder, value: Value, from: readonly string[], to: readonly string[]): Value {
  let result = value;
  const moves = from.map((name, k) => [name, to[k]!] as const).filter(([name, other]) => name !== other && hasAxis(value, name));
  const later: [string, string][] = [];
  for (const [name, other] of moves) {
    const isBlocked = moves.some(([pending]) => pending === other) && hasAxis(result, other);
    const target = isBlocked ? freshName(`${other}~`, (each) => hasAxis(result, each)) : other;
    result = b.rename(result, name, target);
    if (isBlocked) later.push([target, other]);
  }
  for (const [name, other] of later) result = b.rename(result, name, other);
  return result;
}

/** The same tensor with its dimensions called otherwise. */
export function withAxes(b: Builder, tensor: BuiltTensor, to: readonly string[]): BuiltTensor {
  const axes = tensor.axes.map((axis, k) => ({ name: to[k]!, size: axis.size }));
  return { ...tensor, value: renamed(b, tensor.value, names(tensor.axes), to), axes };
}

/** A tensor whose values are elsewhere: inside or outside a recurrence. */
export const changed = (tensor: BuiltTensor, change: (value: Value) => Value): BuiltTensor => ({
  ...tensor,
  value: change(tensor.value),
  ...(tensor.counted === undefined ? {} : { counted: change(tensor.counted) }),
});

export function mapTensors(built: Built, change: (tensor: BuiltTensor) => BuiltTensor): Built {
  if (built.kind === 'tensor') return change(built);
  const each = (map: ReadonlyMap<string, Built>): Map<string, Built> =>
    new Map([...map].map(([name, inner]) => [name, mapTensors(inner, change)]));
  return {
    kind: 'record',
    fields: each(built.fields),
    states: each(built.states),
    ...(built.value === undefined ? {} : { value: change(built.value) }),
    ...(built.layers === undefined ? {} : { layers: built.layers.map((layer) => mapTensors(layer, change) as BuiltRecord) }),
    ...(built.finals === undefined ? {} : { finals: each(built.finals) }),
  };
}

export function tensorsIn(built: Built, found: BuiltTensor[] = []): BuiltTensor[] {
  if (built.kind === 'tensor') found.push(built);
  else {
    for (const inner of built.fields.values()) tensorsIn(inner, found);
    for (const inner of built.states.values()) tensorsIn(inner, found);
    if (built.value !== undefined) found.push(built.value);
  }
  return found;
}

/** A length of 1 taken away. */
export const squeezed = (b: Builder, value: Value, name: string): Value => (hasAxis(value, name) ? b.sum(value, [name]) : value);
