// A cell without a flow that is known: its equations in the order of the source, each with the distribution of its values.

import { fixed, percent } from '../src/shared/figures.ts';
import type { TraceState } from '../src/shared/messages.ts';
import { numberText } from '../src/shared/numbers.ts';
import { drawHistogram } from './histogram.ts';
import { columnOf, type Shown, summaryOf } from './shown.ts';
import type { Part, Surface } from './surface.ts';
import { NARROW } from './timeline-layout.ts';

/** Height of one. */
const EQUATION = 74;

export const equationsHeight = (rows: number): number => 60 + rows * EQUATION;

export function drawEquations(surface: Surface, shown: Shown, trace: TraceState, width: number): void {
  const { theme } = surface;
  const narrow = width < NARROW;
  surface.text(16, 22, trace.layers.find(({ path }) => path === trace.layer)?.cell ?? '', { size: 14, weight: 600, mono: true });
  surface.text(width - 16, 22, narrow ? 'units' : 'each equation, and the distribution of its units', {
    fill: theme.description,
    anchor: 'end',
  });
  const plot = narrow ? 110 : Math.min(260, width * 0.36);
  trace.rows.forEach((row, index) => {
    const y = 38 + index * EQUATION;
    const colour = theme.hue[row.identity];
    const current = trace.line === row.line;
    surface.rect(12, y, width - 24, EQUATION - 8, {
      fill: theme.raised,
      stroke: current ? theme.cursor : theme.grid,
      width: current ? 1.4 : 1,
      radius: 4,
    });
    surface.rect(12, y, 3, EQUATION - 8, { fill: colour });
    const room = width - plot - 60;
    const name = surface.text(24, y + 20, row.line.replace("'", '′'), { size: 13, weight: 700, mono: true, fill: colour });
    surface.text(24 + name, y + 20, ` = ${row.text}`, { size: 12, mono: true, room: room - name });
    const now = columnOf(shown)?.[`now:${row.line}`];
    const previous = columnOf(shown)?.[`previous:${row.line}`];
    const summary = summaryOf(now);
    if (now === undefined || summary === undefined) return;
    const saturated = row.quantity === 'gate' ? ` · ${percent(summary.below)} < .1 · ${percent(summary.above)} > .9` : '';
    const mean: readonly Part[] = [
      ['mean ', { fill: theme.description }],
      [numberText(summary.mean), { weight: 700 }],
      [narrow ? '' : ` · ${numberText(row.units)} units${saturated}`, { fill: theme.description }],
    ];
    surface.text(24, y + 38, mean);
    if (trace.unit < row.units && row.attention === undefined) {
      const before = previous?.[trace.unit];
      const own = now[trace.unit]!;
      const change = before === undefined ? '' : ` (before ${numberText(before)})`;
      surface.text(24, y + 55, [
        [`unit ${trace.unit} `, { fill: theme.description }],
        [numberText(own), { weight: 700 }],
        [narrow ? '' : change, { fill: theme.description }],
      ]);
    }
    const box = { x: width - plot - 24, y: y + EQUATION - 26, width: plot, height: 36 };
    const distribution = { row, now, unit: trace.unit, ...(previous === undefined ? {} : { previous }) };
    drawHistogram(surface, box, distribution, Math.max(8, Math.round(plot / 6.4)));
    const ends =
      row.quantity === 'signed' ? (row.limit === 1 ? ['−1', '1'] : [`−${fixed(row.limit, 1)}`, fixed(row.limit, 1)]) : ['0', '1'];
    surface.text(box.x, box.y + 12, ends[0]!, { size: 9.5, fill: theme.description });
    surface.text(box.x + plot, box.y + 12, ends[1]!, { size: 9.5, fill: theme.description, anchor: 'end' });
  });
}
