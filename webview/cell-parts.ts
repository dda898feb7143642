// Parts of the cell's diagram: stripes of all units, operators, gates with their distributions, and the step of one unit in numbers and words.

import { percent, short, visibleToken } from '../src/shared/figures.ts';
import type { Row, TraceState } from '../src/shared/messages.ts';
import { numberText } from '../src/shared/numbers.ts';
import { type Flow, keepOf, type Structured } from './cell-flow.ts';
import { colourAt, css, placeOf } from './colour.ts';
import { drawHistogram } from './histogram.ts';
import { columnOf, orderOf, rowOf, type Shown, summaryOf, timescaleOf, unitNow } from './shown.ts';
import type { Part, Surface } from './surface.ts';

export interface Sizes {
  readonly width: number;
  readonly narrow: boolean;
  readonly big: boolean;
}

/** All units in their order, as stripes. */
export function drawBarcode(
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

export function drawOperator(surface: Surface, x: number, y: number, sign: string, colour: string): void {
  surface.rect(x - 12, y - 12, 24, 24, { fill: surface.theme.background, stroke: colour, width: 1.8, radius: 12 });
  surface.text(x, y + 5.5, sign, { size: 16, weight: 600, anchor: 'middle' });
}

export function drawGateBox(
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

export function drawInputs(
  surface: Surface,
  shown: Shown,
  trace: TraceState,
  structure: Structured,
  y: number,
  { width, narrow }: Sizes,
): void {
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
export function drawOutput(
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
export function drawArithmetic(
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
export function drawSaying(surface: Surface, shown: Shown, trace: TraceState, structure: Structured, y: number, narrow: boolean): void {
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

/** How the diagram is read, in two lines. */
export function explanation(trace: TraceState, structure: Structured): readonly [string, string] {
  const letter = (line: string) => rowOf(trace, line)?.letter ?? line;
  if (structure.kind === 'additive') {
    const shows = structure.output === undefined ? '' : `, ${letter(structure.output.gate)} decides what leaves`;
    return [
      `${letter(structure.keep)} cuts the line, ${letter(structure.store)} · ${letter(structure.candidate)} adds to it${shows}.`,
      `Widths are means of |value|. Hatched = lost${structure.output === undefined ? '' : ' or held back'}.`,
    ];
  }
  const gate = letter(structure.gate);
  const [keep, store] = structure.inverted ? [`1 − ${gate}`, gate] : [gate, `1 − ${gate}`];
  const reset = structure.reset === undefined ? '' : `, ${letter(structure.reset)} edits what it sees`;
  return [
    `${structure.memory} is memory and output; ${keep} keeps, ${store} lets ${letter(structure.candidate)} in${reset}.`,
    'Widths are means of |value|. Hatched = lost.',
  ];
}
