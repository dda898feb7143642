// What is in view of a trace, as a table and as a file: the window of a layer, or its trajectory.

import type { Table, TraceState } from '../shared/messages.ts';
import { type ExportedFile, numbersFile } from './export.ts';
import type { Layer } from './layer.ts';
import { COLUMNS, trajectoryTable } from './trajectory.ts';
import { windowTable } from './window-table.ts';

export interface InView {
  readonly layer: Layer;
  readonly state: TraceState;
  readonly isTrajectory: boolean;
}

/** `tint`: by timestep, as the timeline is coloured. */
export const tableOf = async ({ layer, state, isTrajectory }: InView, tint: Float32Array): Promise<Table> =>
  isTrajectory
    ? trajectoryTable(layer, state, await layer.trajectory(state.trajectory))
    : windowTable(layer, state, tint, layer.sequence.tokens);

/** Of a line, or of the first state: [timesteps, units]; of a trajectory its components. */
export async function fileOf(
  { layer, state, isTrajectory }: InView,
  format: 'csv' | 'npy',
  line: string | undefined,
): Promise<ExportedFile> {
  const { window } = state;
  const { from, to } = window;
  const tokens = layer.sequence.tokens.slice(from, to);
  const name = `${state.model}-${state.layer}`;
  if (isTrajectory) {
    const values = (await layer.trajectory(state.trajectory)).subarray(COLUMNS.length * from, COLUMNS.length * to);
    return numbersFile(format, { name: `${name}-trajectory`, from, units: COLUMNS.length, names: COLUMNS, tokens, values });
  }
  const row = layer.row(line ?? '') ?? layer.stateRows[0] ?? layer.rows[0];
  if (row === undefined) throw new Error(`The layer ${state.layer} has no line whose numbers could be saved.`);
  const values = await layer.values(row.line, window);
  return numbersFile(format, { name: `${name}-${row.letter}`, from, units: row.units, tokens, values });
}
