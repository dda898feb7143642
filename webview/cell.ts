// The cell as a diagram of one timestep: a flow whose widths are exact, the gates with their distributions, and one unit as arithmetic.
// A cell without such a structure shows its equations with their values, and no invented flow.

import { fixed, percent, short, visibleToken } from '../src/shared/figures.ts';
import type { Row, Structure, TraceState } from '../src/shared/messages.ts';
import { numberText } from '../src/shared/numbers.ts';
import { type Flow, flowOf, keepOf } from './cell-flow.ts';
import { colourAt, css, placeOf } from './colour.ts';
import { drawHistogram } from './histogram.ts';
import { columnOf, orderOf, rowOf, type Shown, summaryOf, timescaleOf, unitNow } from './shown.ts';
import { type Part, round, type Surface } from './surface.ts';
import { NARROW } from './timeline-layout.ts';

type Structured = Exclude<Structure, { kind: 'equations' }>;

interface Sizes {
  readonly width: number;
  readonly narrow: boolean;
  readonly big: boolean;
}

/** Height that the diagram takes. */
export function cellHeight(trace: TraceState, width: number, available: number): number {
  const { narrow, big } = sizesOf(width, available);
  const needed = trace.structure.kind === 'equations' ? 60 + trace.rows.length * EQUATION : narrow ? 580 : big ? 730 : 620;
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

function explanation(trace: TraceState, structure: Structured): readonly [string, string] {
  const letter = (line: string) => rowOf(trace, line)?.letter ?? line;
  if (structure.kind === 'additive') {
    const shows = structure.output === undefined ? '' : `, ${letter(structure.output.gate)} decides what leaves`;
    return [
      `top line: memory from left to right. ${letter(structure.keep)} cuts it, ${letter(structure.store)} · ${letter(structure.candidate)} adds to it${shows}.`,
      `Widths are means of |value|: kept + forgotten = ${structure.memory} exactly. Hatched = lost${structure.output === undefined ? '' : ' or held back'}.`,
    ];
  }
  const gate = letter(structure.gate);
  const [keep, store] = structure.inverted ? [`1 − ${gate}`, gate] : [gate, `1 − ${gate}`];
  const reset = structure.reset === undefined ? '' : `, ${letter(structure.reset)} edits what it sees`;
  return [
    `one line: ${structure.memory} is memory and output; ${keep} keeps, ${store} lets ${letter(structure.candidate)} in${reset}.`,
    `Widths are means of |value|: kept + forgotten = ${structure.memory} exactly. Hatched = lost.`,
  ];
}

/** The boxes below the flow. */
function gateRows(trace: TraceState, structure: Structured): readonly Row[] {
  const names =
    structure.kind === 'additive'
      ? [structure.keep, structure.store, structure.candidate, structure.output?.gate]
      : [structure.reset, structure.gate, structure.candidate];
  return names.flatMap((name) => (name === undefined ? [] : (rowOf(trace, name) ?? [])));
}

/** All units in their order, as stripes. */
function drawBarcode(
  surface: Surface,
  shown: Shown,
  row: Row,
  values: Float32Array,
  x: number,
  y: number,
  height: number,
  colour: string,
): void {
  const order = orderOf(shown, row);
  const stripes = Math.min(Math.floor(height), values.length);
  for (let stripe = 0; stripe < stripes; stripe++) {
    let far = 0.5;
    for (
      let place = Math.floor((stripe * values.length) / stripes);
      place < Math.floor(((stripe + 1) * values.length) / stripes);
      place++
    ) {
      const at = placeOf(values[order?.[place] ?? place]!, row.quantity, row.limit, row.softness);
      if (Math.abs(at - 0.5) > Math.abs(far - 0.5)) far = at;
    }
    surface.rect(x, y + (stripe * height) / stripes, 14, height / stripes + 0.3, {
      fill: css(colourAt(surface.theme.appearance, row.quantity, far)),
    });
  }
  surface.rect(x, y, 14, height, { stroke: colour });
}

function drawOperator(surface: Surface, x: number, y: number, sign: string, colour: string): void {
  surface.rect(x - 12, y - 12, 24, 24, { fill: surface.theme.background, stroke: colour, width: 1.8, radius: 12 });
  surface.text(x, y + 5.5, sign, { size: 16, weight: 600, anchor: 'middle' });
}

function drawGateBox(
  surface: Surface,
  shown: Shown,
  row: Row,
  unit: number,
  x: number,
  y: number,
  width: number,
  height: number,
  narrow: boolean,
): void {
  const { theme } = surface;
  const colour = theme.hue[row.identity];
  surface.rect(x, y, width, height, { fill: theme.raised, stroke: colour, width: 1.3, radius: 4 });
  const letter = surface.text(x + 9, y + 18, row.letter, { size: 14, weight: 700, mono: true, fill: colour });
  const now = columnOf(shown)?.[`now:${row.line}`];
  const summary = summaryOf(now);
  if (now === undefined || summary === undefined) return;
  const mean = surface.text(x + width - 8, y + 18, short(summary.mean), { size: 12, weight: 700, anchor: 'end' });
  if (!narrow)
    surface.text(x + 15 + letter, y + 18, row.name === row.letter ? '' : row.name, { size: 12, room: width - 32 - letter - mean });
  const base = y + height - (narrow ? 22 : 26);
  drawHistogram(
    surface,
    { x: x + 8, y: base, width: width - 16, height: narrow ? 40 : height - 76 },
    { row, now, unit },
    Math.max(6, Math.round(width / 6)),
  );
  const style = { size: 10.5, fill: theme.description };
  const [low, high] =
    row.quantity === 'gate'
      ? [`${percent(summary.below)}${narrow ? '' : ' shut'}`, `${percent(summary.above)}${narrow ? '' : ' open'}`]
      : ['−1', '1'];
  surface.text(x + 8, base + 14, low, style);
  surface.text(x + width - 8, base + 14, high, { ...style, anchor: 'end' });
}

function drawInputs(surface: Surface, shown: Shown, trace: TraceState, structure: Structured, y: number, { width, narrow }: Sizes): void {
  const { theme } = surface;
  let x = 16 + surface.text(16, y + 8, narrow ? 'inputs:' : 'inputs of every gate:', { fill: theme.description }) + 10;
  const box = (text: string, colour: string) => {
    const across = surface.measure(text) + 16;
    if (x + across > width - 16) return;
    surface.rect(x, y - 6, across, 20, { stroke: colour, radius: 3 });
    surface.text(x + 8, y + 8, text);
    x += across + 8;
  };
  const token = shown.numbers.column?.token;
  const shape = (sizes: readonly number[]) => `[${sizes.join(', ')}]`;
  for (const input of trace.inputs.slice(0, 2))
    box(`${input.name}${token === undefined ? '' : ` = ‘${visibleToken(token)}’`} ${shape(input.shape)}`, theme.dim);
  const state = structure.kind === 'additive' && structure.output !== undefined ? structure.output.state : structure.memory;
  const hidden = rowOf(trace, `${state}'`);
  if (hidden !== undefined)
    box(`${state} ${trace.t === 0 ? 'at start' : `at t ${trace.t - 1}`} [${hidden.units}]`, theme.hue[hidden.identity]);
  if (narrow || structure.kind !== 'additive' || structure.output === undefined) return;
  const formula = `${structure.output.state}′ = ${rowOf(trace, structure.output.gate)?.letter} · tanh(${structure.memory}′)`;
  if (x + surface.measure(formula, { size: 12, weight: 600, mono: true }) < width - 16)
    surface.text(width - 16, y + 8, formula, { size: 12, weight: 600, mono: true, anchor: 'end' });
}

/** What the output gate lets through of tanh(memory). */
function drawOutput(
  surface: Surface,
  trace: TraceState,
  gate: string,
  state: string,
  memory: string,
  output: NonNullable<Flow['output']>,
  y: number,
  width: number,
): void {
  const { theme } = surface;
  const row = rowOf(trace, gate)!;
  const colour = theme.hue[row.identity];
  const share = output.whole > 0 ? Math.min(1, output.shown / output.whole) : 0;
  const across = width - 32;
  surface.text(16, y + 12, 'shown to the next layer', { size: 12 });
  const sizes: readonly Part[] = [
    [`|${state}′| `, {}],
    [numberText(output.shown), { weight: 700 }],
    [` of |tanh ${memory}′| ${numberText(output.whole)}`, {}],
  ];
  surface.text(width - 16, y + 12, sizes, { size: 12, anchor: 'end' });
  surface.rect(16 + across * share, y + 18, across * (1 - share), 15, { hatch: theme.dim });
  surface.rect(16, y + 18, across, 15, { stroke: colour });
  surface.rect(16, y + 18, across * share, 15, { fill: colour, opacity: 0.85 });
  const label = `${percent(share)} shown by ${row.letter}`;
  const inside = surface.measure(label, { weight: 600 }) + 12 < across * share;
  surface.text(inside ? 22 : 22 + across * share, y + 29, label, {
    weight: 600,
    fill: inside ? theme.background : theme.foreground,
    ...(inside ? {} : { halo: theme.background }),
  });
  if (across * (1 - share) > 70) surface.text(width - 22, y + 29, 'held back', { anchor: 'end', halo: theme.background });
}

/** `13.4 × .62 + .99 × .07 = 8.35 → .72` in boxes. */
function drawArithmetic(
  surface: Surface,
  shown: Shown,
  trace: TraceState,
  structure: Structured,
  y: number,
  { width, narrow }: Sizes,
): void {
  const { theme } = surface;
  const { unit } = trace;
  const tau = timescaleOf(shown, unit);
  const name = surface.text(16, y + 14, `unit ${unit}`, { size: 13, weight: 700 });
  const timescale = Number.isFinite(tau) && tau > 0 ? ` · τ ${numberText(tau)} steps` : '';
  surface.text(28 + name, y + 14, narrow ? 'in numbers' : `the same step, in its own numbers${timescale}`, {
    size: 12,
    fill: theme.description,
  });
  const now = (line: string) => unitNow(shown, line, unit);
  const box = (line: string, label: string, amount: number): readonly [string, number, string] => [
    label,
    amount,
    theme.hue[rowOf(trace, line)?.identity ?? 'hidden'],
  ];
  const memory = `${structure.memory}'`;
  const before = box(memory, structure.memory, unitNow(shown, structure.memory, unit, 'before'));
  const after = box(memory, `${structure.memory}′`, now(memory));
  const letter = (line: string) => rowOf(trace, line)?.letter ?? line;
  const sequence: (string | readonly [string, number, string])[] = [];
  if (structure.kind === 'additive') {
    const { keep, store, candidate, output } = structure;
    sequence.push(before, '×', box(keep, letter(keep), now(keep)), '+', box(store, letter(store), now(store)), '×');
    sequence.push(box(candidate, letter(candidate), now(candidate)), '=', after);
    if (output !== undefined) sequence.push('→', box(`${output.state}'`, `${output.state}′`, now(`${output.state}'`)));
  } else {
    const kept = keepOf(structure, columnOf(shown))?.[unit] ?? Number.NaN;
    const gate = letter(structure.gate);
    const [first, second] = structure.inverted ? [`1−${gate}`, gate] : [gate, `1−${gate}`];
    sequence.push(before, '×', box(structure.gate, first, kept), '+', box(structure.gate, second, 1 - kept), '×');
    sequence.push(box(structure.candidate, letter(structure.candidate), now(structure.candidate)), '=', after);
  }
  const boxes = sequence.filter((part) => typeof part !== 'string').length;
  const gap = narrow ? 15 : 24;
  const across = (width - 32 - gap * (sequence.length - boxes)) / boxes;
  let x = 16;
  for (const part of sequence) {
    if (typeof part === 'string') {
      surface.text(x + gap / 2, y + 54, part, { size: 16, fill: theme.description, anchor: 'middle' });
      x += gap;
      continue;
    }
    const [label, amount, colour] = part;
    surface.rect(x, y + 26, across, 46, { fill: theme.raised, stroke: colour, width: 1.4, radius: 4 });
    surface.text(x + across / 2, y + 43, label, { size: 12, weight: 700, mono: true, fill: colour, anchor: 'middle' });
    surface.text(x + across / 2, y + 62, numberText(amount), { size: narrow ? 13 : 15, weight: 600, anchor: 'middle' });
    x += across + 0;
  }
}

/** The chosen unit's step in a sentence. */
function drawSaying(surface: Surface, shown: Shown, trace: TraceState, structure: Structured, y: number, narrow: boolean): void {
  const { theme } = surface;
  const parts = sayingOf(shown, trace, structure, narrow);
  if (parts.length > 0)
    surface.text(
      16,
      y + 8,
      parts.map(([text, row]) => [text, row === undefined ? {} : { weight: 700, fill: theme.hue[row.identity] }] as const),
      { size: 12 },
    );
}

function sayingOf(
  shown: Shown,
  trace: TraceState,
  structure: Structured,
  narrow: boolean,
): readonly (readonly [text: string, row?: Row | undefined])[] {
  const { unit } = trace;
  const kept = keepOf(structure, columnOf(shown))?.[unit] ?? Number.NaN;
  if (Number.isNaN(kept)) return [];
  if (structure.kind === 'interpolating')
    return [
      [
        narrow
          ? `It kept ${percent(kept, 1)} and moved ${percent(1 - kept, 1)} to the candidate.`
          : `It kept ${percent(kept, 1)} of its value and moved ${percent(1 - kept, 1)} of the way to the candidate.`,
      ],
    ];
  const before = unitNow(shown, structure.memory, unit, 'before');
  const stored = unitNow(shown, structure.store, unit) * unitNow(shown, structure.candidate, unit);
  const output =
    structure.output === undefined || narrow
      ? '.'
      : `, and shows ${percent(unitNow(shown, structure.output.gate, unit), 1)} of tanh(${structure.memory}′).`;
  return [
    ['It lost '],
    [numberText((1 - kept) * before), rowOf(trace, structure.keep)],
    [` (${percent(1 - kept, 1)}), took in `],
    [numberText(stored), rowOf(trace, structure.store)],
    [output],
  ];
}

const EQUATION = 74;

/** Each equation with the distribution of its values, in the order of the source. */
function drawEquations(surface: Surface, shown: Shown, trace: TraceState, width: number): void {
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
    if (trace.unit < row.units) {
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
