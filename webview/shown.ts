// What a webview knows: the host's state, the newest numbers of each part, and what only the pointer does here.

import type { Numbers, Row, TraceState, ViewState, Window } from '../src/shared/messages.ts';
import { unpack } from '../src/shared/packed.ts';

export type Arrays = Readonly<Record<string, Float32Array | undefined>>;

/** Numbers with their arrays laid open. */
export type Opened<Part extends Numbers['part']> = Omit<Extract<Numbers, { part: Part }>, 'values'> & { readonly values: Arrays };

export type AllNumbers = { [Part in Numbers['part']]?: Opened<Part> };

export interface Shown {
  readonly state: ViewState;
  readonly numbers: AllNumbers;
}

export function opened(numbers: Numbers): Opened<Numbers['part']> {
  return { ...numbers, values: unpack(numbers.values) };
}

/** The number of a unit at the current timestep; NaN while it is not known. */
export function unitNow(shown: Shown, line: string, unit: number, which: 'now' | 'previous' | 'before' = 'now'): number {
  return columnOf(shown)?.[`${which}:${line}`]?.[unit] ?? Number.NaN;
}

/** The column of the current layer; it may be of the timestep before for a moment. */
export function columnOf({ state, numbers }: Shown): Arrays | undefined {
  return numbers.column?.layer === state.trace?.layer ? numbers.column?.values : undefined;
}

/** Units from top to bottom, for rows that share the order. */
export function orderOf({ state, numbers }: Shown, row: Row): Float32Array | undefined {
  const isShared = row.units === state.trace?.units && row.attention === undefined;
  return isShared && numbers.order?.layer === state.trace.layer ? numbers.order.values.order : undefined;
}

/** Place of a unit from the top of a row. */
export function placeOfUnit(shown: Shown, row: Row, unit: number): number {
  const place = orderOf(shown, row)?.indexOf(unit) ?? -1;
  return place < 0 ? unit : place;
}

/** Unit at a place of a row. */
export const unitAt = (shown: Shown, row: Row, place: number): number => orderOf(shown, row)?.[place] ?? place;

/** Timescale of a unit in steps. */
export const timescaleOf = ({ numbers }: Shown, unit: number): number => numbers.order?.values.tau?.[unit] ?? Number.NaN;

export interface Summary {
  readonly mean: number;
  readonly below: number;
  readonly above: number;
  readonly units: number;
}

/** Mean, and shares of saturated units, of a column. */
export function summaryOf(values: Float32Array | undefined): Summary | undefined {
  if (values === undefined || values.length === 0) return undefined;
  let [sum, below, above] = [0, 0, 0];
  for (const value of values) {
    sum += value;
    if (value < 0.1) below++;
    if (value > 0.9) above++;
  }
  return { mean: sum / values.length, below: below / values.length, above: above / values.length, units: values.length };
}

/** Is the row that of a state after the step? */
export const isState = (row: Row): boolean => row.line.endsWith("'");

export const stateRows = (trace: TraceState): readonly Row[] => trace.rows.filter(isState);

export const lengthOf = ({ from, to }: Window): number => to - from;

/** The row of a line. */
export const rowOf = (trace: TraceState, line: string): Row | undefined => trace.rows.find((row) => row.line === line);
