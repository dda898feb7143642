// The trajectory of one sequence's states in the plane of their first two principal components.

import type { Address, ReadRequest } from '../shared/trace.ts';
import { coordinates, evenly, principalComponents } from './components.ts';

/** Timesteps that the components are of, evenly chosen. */
const ROWS = 1000;
/** Timesteps read at once. */
const CHUNK = 1024;

/** [T, 3]: after each timestep the places along two components, and the distance from the mean of all of them. The states of all addresses are
 *  taken together. Where the states are one number, the second place is 0. */
export async function trajectory(
  read: (request: ReadRequest) => Promise<readonly Float32Array[]>,
  addresses: readonly Address[],
  steps: number,
): Promise<Float32Array> {
  const rowsOf = async (from: number, to: number): Promise<Float32Array[]> => {
    const values = await read({ addresses, from, to });
    const widths = values.map((data) => data.length / (to - from));
    return Array.from({ length: to - from }, (_, k) => {
      const row = new Float32Array(widths.reduce((sum, width) => sum + width, 0));
      let start = 0;
      for (const [place, data] of values.entries()) {
        row.set(data.subarray(k * widths[place]!, (k + 1) * widths[place]!), start);
        start += widths[place]!;
      }
      return row;
    });
  };
  const chosen = new Set(evenly(steps, ROWS));
  const sample: Float32Array[] = [];
  for (let from = 0; from < steps; from += CHUNK) {
    const rows = await rowsOf(from, Math.min(from + CHUNK, steps));
    sample.push(...rows.filter((_, k) => chosen.has(from + k)));
  }
  const components = principalComponents(sample, 2);
  const found = new Float32Array(steps * 3);
  for (let from = 0; from < steps; from += CHUNK) {
    const rows = await rowsOf(from, Math.min(from + CHUNK, steps));
    for (const [k, row] of rows.entries()) {
      const [x, y = 0] = coordinates(components, row);
      const distance = Math.sqrt(row.reduce((sum, each, unit) => sum + (each - components.mean[unit]!) ** 2, 0));
      found.set([x!, y, distance], (from + k) * 3);
    }
  }
  return found;
}
