// The window as a table: a line a timestep, with means, shares of saturated units, the chosen unit and gradients.

import type { Table, TraceState } from '../shared/messages.ts';
import { pack } from '../shared/packed.ts';
import type { Layer } from './layer.ts';
import { saturation } from './pooling.ts';

/** Lines of a table. */
const MOST = 1000;

/** `tint` and `tokens` are of the whole sequence. */
export async function windowTable(layer: Layer, trace: TraceState, tint: Float32Array, tokens: readonly string[]): Promise<Table> {
  const { from } = trace.window;
  const to = Math.min(trace.window.to, from + MOST);
  const columns: { readonly name: string; readonly unit: string; readonly values: Float32Array }[] = [];
  if (trace.tints.length > 0)
    columns.push({ name: trace.tint, unit: trace.tint === 'surprise' ? 'bit' : 'norm', values: tint.subarray(from, to) });
  for (const { line, letter, units, quantity } of layer.rows) {
    const values = await layer.values(line, { from, to });
    const steps = Array.from({ length: to - from }, (_, t) => values.subarray(t * units, (t + 1) * units));
    columns.push({
      name: `${letter} mean`,
      unit: '',
      values: Float32Array.from(steps, (own) => own.reduce((sum, v) => sum + v, 0) / units),
    });
    if (quantity === 'gate') {
      const { below, above } = saturation(values, units);
      columns.push({ name: `${letter} < .1`, unit: '%', values: below.map((share) => 100 * share) });
      columns.push({ name: `${letter} > .9`, unit: '%', values: above.map((share) => 100 * share) });
    }
    if (trace.unit < units)
      columns.push({ name: `${letter}[${trace.unit}]`, unit: '', values: Float32Array.from(steps, (own) => own[trace.unit]!) });
  }
  if (trace.gradient && !trace.gradientWaits)
    for (const row of layer.stateRows) {
      const norm = await layer.gradientNorm(row.line);
      columns.push({ name: `|∂L/∂${row.letter}|`, unit: '', values: norm.subarray(from, to) });
    }
  return {
    title: `${trace.title}, ${trace.layer}`,
    columns: columns.map(({ name, unit }) => ({ name, unit })),
    from,
    tokens: tokens.slice(from, to),
    values: pack(Object.fromEntries(columns.map(({ values }, index) => [String(index), values]))),
    ...(to < trace.window.to ? { cut: trace.window.to - from } : {}),
  };
}
