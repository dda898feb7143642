// Records of what calls and runs give.

import type { Axis } from '../../graph/graph.ts';
import type { Instance } from '../check/core.ts';
import { type Built, type BuiltRecord, type BuiltTensor, mapTensors, tensorOf } from './built.ts';
import type { BuiltInstance } from './frame.ts';

/** Of a call that was inlined, or vectorised over `lift`. */
export function recordOf(instance: Instance, built: BuiltInstance, value: Built | undefined, lift: readonly Axis[]): BuiltRecord {
  const out = (each: Built): Built => (lift.length === 0 ? each : mapTensors(each, (one) => ({ ...one, axes: [...lift, ...one.axes] })));
  const states = new Map<string, Built>();
  const fields = new Map<string, Built>();
  for (const [name, { after }] of built.states) states.set(name, out(after));
  for (const [name, line] of built.lines) fields.set(name.replace(/'$/, ''), out(line));
  for (const [name, state] of states) fields.set(name, state);
  for (const parameter of instance.params) {
    const weight = built.params.get(parameter.binding.name);
    if (weight !== undefined) fields.set(parameter.binding.name, weight);
  }
  const tensorValue = value === undefined || !hasTensor(value) ? undefined : (out(tensorOf(value)) as BuiltTensor);
  return { kind: 'record', fields, states, ...(tensorValue === undefined ? {} : { value: tensorValue }) };
}

/** last(run): its states after the last step. */
export function lastOf(run: BuiltRecord): BuiltRecord {
  const states = run.finals ?? new Map<string, Built>();
  const value = valueFinal(run);
  const layers = run.layers?.map(lastOf);
  return { kind: 'record', fields: states, states, ...(value === undefined ? {} : { value }), ...(layers === undefined ? {} : { layers }) };
}

/** The last value of a run, where it is one of its states. */
export function valueFinal(run: BuiltRecord): BuiltTensor | undefined {
  if (run.value === undefined || run.finals === undefined) return undefined;
  for (const [name, state] of run.states)
    if (state.kind === 'tensor' && state.value === run.value.value) return tensorOf(run.finals.get(name)!);
  return undefined;
}

/** It has a value where a tensor is wanted. */
export const hasTensor = (built: Built): boolean => built.kind === 'tensor' || built.value !== undefined;
