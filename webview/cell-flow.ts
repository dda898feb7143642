// What one step keeps, loses, stores and shows, in mean |value| over the units. With gates in [0, 1] the L1 balance is exact:
//   mean|c| = kept + forgotten,  mean|c'| = kept + stored - cancelled,  mean|tanh c'| = shown + held back.
// So the widths of the flow are data, not decoration.

import type { Structure } from '../src/shared/messages.ts';
import type { Arrays } from './shown.ts';

export interface Flow {
  readonly incoming: number;
  readonly kept: number;
  readonly forgotten: number;
  readonly stored: number;
  readonly cancelled: number;
  readonly outgoing: number;
  /** Of an output gate. */
  readonly output?: { readonly shown: number; readonly whole: number };
}

/** A cell with a flow. */
export type Structured = Exclude<Structure, { kind: 'equations' }>;

/** Undefined while numbers are missing. */
export function flowOf(structure: Structured, column: Arrays | undefined): Flow | undefined {
  const before = column?.[`before:${structure.memory}`];
  const after = column?.[`now:${structure.memory}'`];
  const candidate = column?.[`now:${structure.candidate}`];
  const keep = keepOf(structure, column);
  const store = structure.kind === 'additive' ? column?.[`now:${structure.store}`] : keep?.map((value) => 1 - value);
  if (before === undefined || after === undefined || candidate === undefined || keep === undefined || store === undefined) return undefined;
  const incoming = meanSize(before.length, (unit) => before[unit]!);
  const kept = meanSize(before.length, (unit) => keep[unit]! * before[unit]!);
  const stored = meanSize(before.length, (unit) => store[unit]! * candidate[unit]!);
  const outgoing = meanSize(after.length, (unit) => after[unit]!);
  const flow = { incoming, kept, forgotten: incoming - kept, stored, cancelled: kept + stored - outgoing, outgoing };
  if (structure.kind !== 'additive' || structure.output === undefined) return flow;
  const hidden = column?.[`now:${structure.output.state}'`];
  if (hidden === undefined) return flow;
  const whole = meanSize(after.length, (unit) => Math.tanh(after[unit]!));
  return { ...flow, output: { shown: meanSize(hidden.length, (unit) => hidden[unit]!), whole } };
}

/** The share of the memory that each unit keeps. */
export function keepOf(structure: Structured, column: Arrays | undefined): Float32Array | undefined {
  if (structure.kind === 'additive') return column?.[`now:${structure.keep}`];
  const gate = column?.[`now:${structure.gate}`];
  return structure.inverted ? gate?.map((value) => 1 - value) : gate;
}

function meanSize(units: number, value: (unit: number) => number): number {
  let sum = 0;
  for (let unit = 0; unit < units; unit++) sum += Math.abs(value(unit));
  return sum / units;
}
