// The cell as a diagram of one timestep: a flow whose widths are exact, the gates with their distributions, and one unit as arithmetic.
// A cell without such a structure shows its equations with their values, and no invented flow.

import { percent } from '../src/shared/figures.ts';
import type { Row, TraceState } from '../src/shared/messages.ts';
import { numberText } from '../src/shared/numbers.ts';
import { drawEquations, equationsHeight } from './cell-equations.ts';
import { type Flow, flowOf, type Structured } from './cell-flow.ts';
import {
  drawArithmetic,
  drawBarcode,
  drawGateBox,
  drawInputs,
  drawOperator,
  drawOutput,
  drawSaying,
  explanation,
  type Sizes,
} from './cell-parts.ts';
import { columnOf, rowOf, type Shown } from './shown.ts';
import { type Part, round, type Surface } from './surface.ts';
import { NARROW } from './timeline-layout.ts';

/** Height that the diagram takes. */
export function cellHeight(trace: TraceState, width: number, available: number): number {
  const { narrow, big } = sizesOf(width, available);
  const needed = trace.structure.kind === 'equations' ? equationsHeight(trace.rows.length) : narrow ? 580 : big ? 730 : 620;
  return Math.max(available, needed);
}

const sizesOf = (width: number, available: number): Sizes => ({ width, narrow: width < NARROW, big: available > 680 && width >= NARROW });

/** `flow` may be between two timesteps: widths move, numbers do not. */
export function drawCell(surface: Surface, shown: Shown, width: number, available: number, moving?: Flow): void {
  const trace = shown.state.trace!;
  const { structure } = trace;
  if (structure.kind === 'equations') drawEquations(surface, shown, trace, width);
  else drawFlow(surface, shown, trace, structure, sizesOf(width, available), moving);
}

/** The arithmetic of the memory as text, with the letters of the rows. */
export function formulaOf(trace: TraceState): string {
  const { structure } = trace;
  const letter = (line: string) => rowOf(trace, line)?.letter ?? line;
  if (structure.kind === 'equations') return '';
  const memory = structure.memory;
  if (structure.kind === 'additive')
    return `${memory}′ = ${letter(structure.keep)} · ${memory} + ${letter(structure.store)} · ${letter(structure.candidate)}`;
  const gate = letter(structure.gate);
  const [keep, store] = structure.inverted ? [`(1 − ${gate})`, gate] : [gate, `(1 − ${gate})`];
  return `${memory}′ = ${keep} · ${memory} + ${store} · ${letter(structure.candidate)}`;
}

function drawFlow(surface: Surface, shown: Shown, trace: TraceState, structure: Structured, sizes: Sizes, moving: Flow | undefined): void {
  const { theme } = surface;
  const { width, narrow, big } = sizes;
  const column = columnOf(shown);
  const exact = flowOf(structure, column);
  const memory = rowOf(trace, `${structure.memory}'`)!;
  const keepRow = rowOf(trace, structure.kind === 'additive' ? structure.keep : structure.gate)!;
  const storeRow = structure.kind === 'additive' ? rowOf(trace, structure.store)! : rowOf(trace, structure.candidate)!;
  const colour = theme.hue[memory.identity];
  const keepColour = theme.hue[keepRow.identity];
  const storeColour = theme.hue[storeRow.identity];
  surface.text(16, 22, formulaOf(trace), { size: 14, weight: 600, mono: true, room: width - (narrow ? 90 : 220) });
  const unitText = narrow ? `mean |${structure.memory}|` : `width = mean |${structure.memory}| over ${numberText(trace.units)} units`;
  surface.text(width - 16, 22, unitText, { fill: theme.description, anchor: 'end' });
  if (exact === undefined) return;
  const flow = moving ?? exact;

  const scale = Math.min(
    (narrow ? 56 : big ? 128 : 92) / Math.max(flow.incoming, flow.kept + flow.stored, 1e-12),
    (narrow ? 34 : 62) / Math.max(flow.forgotten, flow.stored, 1e-12),
  );
  const wide = (amount: number) => Math.max(0.8, amount * scale);
  const left = narrow ? 52 : 96;
  const right = width - (narrow ? 52 : 100);
  const cut = Math.round(left + (right - left) * 0.25);
  const sum = Math.round(left + (right - left) * 0.66);
  const middle = narrow ? 84 : big ? 132 : 106;
  const top = middle - wide(flow.kept) / 2;
  const [incoming, kept, forgotten, stored, outgoing] = [flow.incoming, flow.kept, flow.forgotten, flow.stored, flow.outgoing].map(
    wide,
  ) as [number, number, number, number, number];

  surface.rect(left, top, cut - left, incoming, { fill: colour, opacity: 0.75 });
  surface.rect(cut, top, sum - cut, kept, { fill: colour, opacity: 0.75 });
  const fall = middle + (narrow ? 76 : big ? 108 : 82);
  const bend = top + kept;
  const drop = [
    `M${cut} ${round(bend)}C${cut + 36} ${round(bend)} ${round(cut + 36 + forgotten)} ${round(bend + 10)} ${round(cut + 36 + forgotten)} ${fall}`,
    `h${round(-forgotten)}C${cut + 36} ${round(bend + forgotten + 10)} ${cut + 26} ${round(bend + forgotten)} ${cut} ${round(bend + forgotten)}z`,
  ].join('');
  surface.path(drop, { hatch: keepColour, stroke: keepColour });
  const lost: readonly Part[] = [
    ['forgotten ', {}],
    [numberText(exact.forgotten), { weight: 700 }],
  ];
  surface.text(cut - 10, fall - 6, lost, { size: 12, fill: keepColour, anchor: 'end' });
  if (exact.incoming > 0)
    surface.text(cut - 10, fall + 9, `${percent(exact.forgotten / exact.incoming, 1)} of |${structure.memory}|`, {
      fill: theme.description,
      anchor: 'end',
    });

  const feed = sum - (narrow ? 4 : 10);
  const bottom = middle + (narrow ? 138 : big ? 202 : 170);
  const rise = [
    `M${round(feed - stored)} ${bottom}V${round(bend + stored + 14)}`,
    `C${round(feed - stored)} ${round(bend + 4)} ${round(feed - stored + 6)} ${round(bend)} ${sum + 16} ${round(bend)}v${round(stored)}`,
    `C${feed + 6} ${round(bend + stored)} ${feed} ${round(bend + stored + 4)} ${feed} ${round(bend + stored + 16)}V${bottom}z`,
  ].join('');
  surface.path(rise, { fill: storeColour, opacity: 0.8 });
  const product =
    structure.kind === 'additive'
      ? `${storeRow.letter} · ${rowOf(trace, structure.candidate)!.letter}`
      : `(1 − ${keepRow.letter}) · ${storeRow.letter}`;
  const storedAt = middle + (narrow ? 90 : big ? 142 : 116);
  surface.text(
    feed + 8,
    storedAt,
    [
      ['stored ', {}],
      [numberText(exact.stored), { weight: 700 }],
    ],
    { size: 12, fill: storeColour },
  );
  surface.text(feed + 8, storedAt + 15, product, { mono: true, fill: theme.description });

  surface.rect(sum, top, 16, kept, { fill: colour, opacity: 0.75 });
  const half = (sum + 16 + right) / 2;
  const [joined, out] = [top + kept + stored, top + outgoing];
  surface.path(
    `M${sum + 16} ${round(top)}H${right}V${round(out)}C${half} ${round(out)} ${half} ${round(joined)} ${sum + 16} ${round(joined)}z`,
    {
      fill: colour,
      opacity: 0.75,
    },
  );
  const keptText: readonly Part[] = [
    ['kept ', {}],
    [numberText(exact.kept), { weight: 700 }],
    [exact.incoming > 0 ? ` ${percent(exact.kept / exact.incoming, 1)}` : '', { fill: theme.description }],
  ];
  const keptWidth = surface.text(cut + 18, top - 9, keptText, { size: 12 });
  if (exact.cancelled * scale > 1.5) {
    const long = `− ${numberText(exact.cancelled)} cancels (signs differ)`;
    const text = surface.measure(long) < right - 8 - (cut + 18 + keptWidth + 12) ? long : `− ${numberText(exact.cancelled)}`;
    surface.text(right - 8, top - 9, text, { fill: theme.description, anchor: 'end' });
  }

  const barcodeHeight = narrow ? 84 : big ? 150 : 112;
  drawBarcode(
    surface,
    shown,
    memory,
    column![`before:${structure.memory}`]!,
    left - 14,
    top + incoming / 2 - barcodeHeight / 2,
    barcodeHeight,
    colour,
  );
  drawBarcode(surface, shown, memory, column![`now:${memory.line}`]!, right, top + outgoing / 2 - barcodeHeight / 2, barcodeHeight, colour);
  const end = (x: number, y: number, anchor: 'start' | 'end', name: string, t: string, amount: number) => {
    surface.text(x, y - 6, name, { size: 14, weight: 700, mono: true, fill: colour, anchor });
    surface.text(x, y + 9, t, { fill: theme.description, anchor });
    surface.text(x, y + 24, numberText(amount), { size: 12, weight: 700, anchor });
  };
  end(left - 20, top + incoming / 2, 'end', structure.memory, trace.t === 0 ? 'start' : `t ${trace.t - 1}`, exact.incoming);
  end(right + 20, top + outgoing / 2, 'start', `${structure.memory}′`, `t ${trace.t}`, exact.outgoing);

  const gates = gateRows(trace, structure);
  const gateTop = bottom + (narrow ? 4 : 8);
  const gateHeight = narrow ? 104 : big ? 136 : 122;
  const across = (width - 32 - (gates.length - 1) * 10) / gates.length;
  const gateX = (index: number) => 16 + index * (across + 10);
  const keepX = gateX(gates.indexOf(keepRow)) + across / 2;
  surface.path(`M${round(keepX)} ${gateTop}V${fall + 22}H${cut}V${round(top + incoming / 2)}`, { stroke: keepColour, width: 1.6 });
  const mouth = feed - stored / 2;
  if (structure.kind === 'additive') {
    for (const line of [structure.store, structure.candidate])
      surface.path(`M${round(gateX(gates.findIndex((row) => row.line === line)) + across / 2)} ${gateTop}v-9H${round(mouth)}`, {
        stroke: theme.dim,
        width: 1.4,
      });
  } else {
    const candidate = gateX(gates.indexOf(storeRow)) + across / 2;
    surface.path(`M${round(candidate)} ${gateTop}v-9H${round(mouth)}`, { stroke: storeColour, width: 1.4 });
  }
  drawOperator(surface, mouth, bottom - 14, '×', storeColour);
  drawOperator(surface, cut, top + incoming / 2, '×', keepColour);
  drawOperator(surface, sum, top + (kept + stored) / 2, '+', colour);
  gates.forEach((row, index) => {
    drawGateBox(surface, shown, row, trace.unit, gateX(index), gateTop, across, gateHeight, narrow);
  });

  let y = gateTop + gateHeight + 14;
  drawInputs(surface, shown, trace, structure, y, sizes);
  y += 28;
  if (exact.output !== undefined && structure.kind === 'additive' && structure.output !== undefined) {
    drawOutput(surface, trace, structure.output.gate, structure.output.state, structure.memory, exact.output, y, width);
    y += 50;
  }
  drawArithmetic(surface, shown, trace, structure, y, sizes);
  y += 88;
  drawSaying(surface, shown, trace, structure, y, narrow);
  if (narrow || !big) return;
  y += 22;
  surface.path(`M16 ${y + 0.5}h${width - 32}`, { stroke: theme.grid });
  surface.text(16, y + 20, 'Read it so', { size: 12, weight: 600 });
  const explained = { size: 12, fill: theme.description, room: width - 112 };
  const [first, second] = explanation(trace, structure);
  surface.text(96, y + 20, first, explained);
  surface.text(96, y + 38, second, explained);
}

/** The boxes below the flow. */
function gateRows(trace: TraceState, structure: Structured): readonly Row[] {
  const names =
    structure.kind === 'additive'
      ? [structure.keep, structure.store, structure.candidate, structure.output?.gate]
      : [structure.reset, structure.gate, structure.candidate];
  return names.flatMap((name) => (name === undefined ? [] : (rowOf(trace, name) ?? [])));
}
