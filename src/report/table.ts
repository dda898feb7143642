// The numbers behind the charts, for a spreadsheet.

import type { Analysis, FixedPoints } from '../shared/analysis.ts';
import { ablationRows } from './ablation.ts';
import { attributionRows } from './attribution.ts';
import { probesRows } from './probes.ts';

/** The numbers behind the charts: `layer,quantity,name,place,value,low,high`. */
export function analysisTable(analysis: Analysis): string {
  const { layers, studies } = analysis;
  const rows: (readonly (string | number)[])[] = [['layer', 'quantity', 'name', 'place', 'value', 'low', 'high', 'sequences']];
  for (const { layer, curves, ways, direct, spectrum, gates, units, trajectories } of layers) {
    for (const { state, mean, low, high, sequences } of curves)
      for (const [lag, value] of mean.entries())
        rows.push([layer, 'gradient by lag', state, lag, value, low[lag]!, high[lag]!, sequences[lag]!]);
    for (const { state, product, timescales } of direct) {
      for (const [lag, value] of product.entries()) rows.push([layer, 'direct way by lag', state, lag, value, '', '', '']);
      for (const [unit, value] of timescales.entries()) rows.push([layer, 'timescale by unit', state, unit, value, '', '', '']);
    }
    for (const { name, factors } of ways)
      for (const { factor, bySteps } of factors)
        for (const [t, value] of bySteps.entries()) rows.push([layer, 'factor by step', `${name}: ${factor}`, t, value, '', '', '']);
    for (const { t, largest, smallest, radius } of spectrum.steps) {
      rows.push([layer, 'singular values', 'smallest, largest', t, '', smallest, largest, '']);
      rows.push([layer, 'spectral radius', '', t, radius, '', '', '']);
    }
    for (const { lag, largest, smallest } of spectrum.products)
      rows.push([layer, 'log10 singular values of the product', '', lag, '', smallest ?? '', largest, '']);
    for (const [k, value] of spectrum.lyapunov.entries()) rows.push([layer, 'Lyapunov exponent', '', k, value, '', '', '']);
    for (const { line, mean, below, above } of gates)
      for (const [unit, value] of mean.entries())
        rows.push(
          [layer, 'gate mean', line, unit, value, '', '', ''],
          [layer, 'gate below 0.1', line, unit, below[unit]!, '', '', ''],
          [layer, 'gate above 0.9', line, unit, above[unit]!, '', '', ''],
        );
    for (const { state, mean, deviation } of units)
      for (const [unit, value] of mean.entries())
        rows.push(
          [layer, 'state mean', state, unit, value, '', '', ''],
          [layer, 'state deviation', state, unit, deviation[unit]!, '', '', ''],
        );
    for (const [k, value] of trajectories.explained.entries())
      rows.push([layer, 'explained variance', trajectories.states.join(' '), k + 1, value, '', '', '']);
    for (const { sequence, timesteps, at } of trajectories.paths)
      for (const [k, t] of timesteps.entries())
        for (const [component, value] of at[k]!.entries())
          rows.push([layer, 'trajectory', `sequence ${sequence + 1}: component ${component + 1}`, t, value, '', '', '']);
  }
  rows.push(
    ...(studies.fixedPoints ?? []).flatMap(fixedPointRows),
    ...probesRows(analysis),
    ...attributionRows(analysis),
    ...ablationRows(analysis),
  );
  return csv(rows);
}

/** By their number from 1; the last column has the searches that ended there. */
function fixedPointRows({ layer, input, points }: FixedPoints): (readonly (string | number)[])[] {
  return points.flatMap(({ kind, stability, speed, radius, unstable, found, at, state }, k) => {
    const row = (name: string, value: number): (string | number)[] => [
      layer,
      `${kind} point, input at ${input}`,
      `${stability}: ${name}`,
      k + 1,
      value,
      '',
      '',
      found,
    ];
    return [
      row('q', speed),
      row('spectral radius', radius),
      row('unstable dimensions', unstable),
      ...at.map((each, component) => row(`component ${component + 1}`, each)),
      ...state.map((each, unit) => row(`unit ${unit}`, each)),
    ];
  });
}

export const csv = (rows: readonly (readonly (string | number)[])[]): string =>
  `${rows.map((row) => row.map(cell).join(',')).join('\n')}\n`;

const cell = (value: string | number): string => {
  const written = typeof value === 'number' && Number.isNaN(value) ? '' : String(value);
  return /[",\n]/.test(written) ? `"${written.replaceAll('"', '""')}"` : written;
};
