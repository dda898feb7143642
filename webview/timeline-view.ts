// The timeline on the page: its canvas, its focusable rows, the pointer's preview, brush and wheel.

import { count, percent, visibleToken } from '../src/shared/figures.ts';
import type { Peek, Row, TraceState, Window } from '../src/shared/messages.ts';
import { numberText } from '../src/shared/numbers.ts';
import { type Places, placeName } from './attention.ts';
import { formulaOf } from './cell.ts';
import type { Host } from './channel.ts';
import { element } from './controls.ts';
import { placeUnder } from './image-attention.ts';
import { gradientSentence, overviewSentence, rowSentence, unitLinesSentence } from './sentences.ts';
import { lengthOf, type Shown, timescaleOf, unitAt } from './shown.ts';
import { type Region, Stage } from './stage.ts';
import type { Surface } from './surface.ts';
import type { Theme } from './theme.ts';
import { brushOf, drawTimeline, type Pointer } from './timeline.ts';
import { layOut, type RowBox, type TimelineLayout } from './timeline-layout.ts';

/** Half of the width in which a brush's handle can be caught. */
const HANDLE = 6;
/** Pixels above and below a row's lower edge that drag it. */
const DIVIDER = 3;

type Drag =
  | { readonly kind: 'pan' | 'start' | 'end'; readonly x: number; readonly window: Window }
  | { readonly kind: 'row'; readonly line: string; readonly y: number; readonly extra: number };

export class TimelineView {
  private readonly stage = new Stage('timeline');
  private readonly tip = element('div', 'tip');
  private readonly host: Host;
  private readonly redraw: () => void;
  private readonly extra = new Map<string, number>();
  private shown: Shown | undefined;
  private layout: TimelineLayout | undefined;
  private pointer: Pointer | undefined;
  private peek: { readonly of: Pointer; readonly values: Peek } | undefined;
  private drag: Drag | undefined;
  private told = '';

  constructor(host: Host, redraw: () => void) {
    this.host = host;
    this.redraw = redraw;
    this.tip.hidden = true;
    this.stage.element.append(this.tip);
    const { canvas, element: box } = this.stage;
    canvas.addEventListener('pointerdown', (event) => this.press(event));
    canvas.addEventListener('pointermove', (event) => this.move(event));
    canvas.addEventListener('pointerup', () => this.release());
    canvas.addEventListener('pointercancel', () => this.release());
    canvas.addEventListener('pointerleave', () => this.preview(undefined));
    canvas.addEventListener('dblclick', (event) => this.showAll(event));
    box.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
  }

  get element(): HTMLElement {
    return this.stage.element;
  }

  /** The row that has the focus. */
  get row(): string | undefined {
    const id = this.stage.focused();
    return id?.startsWith('row:') ? id.slice(4) : undefined;
  }

  draw(shown: Shown, theme: Theme): void {
    const { trace } = shown.state;
    if (trace === null) return;
    this.shown = shown;
    const layout = layOut(trace, this.stage.width, this.stage.height, this.extra);
    this.layout = layout;
    const surface = this.stage.surface(layout.height, theme);
    drawTimeline(surface, shown, layout, this.pointer);
    this.stage.place(this.regions(shown, layout));
    this.showTip(shown, layout);
    this.tellSize(layout, surface.ratio);
  }

  /** Draws it anywhere: into a file. */
  picture(surface: Surface, shown: Shown): void {
    if (this.layout !== undefined) drawTimeline(surface, shown, this.layout, undefined);
  }

  get size(): { readonly width: number; readonly height: number } {
    return { width: this.stage.width, height: this.layout?.height ?? this.stage.height };
  }

  private regions(shown: Shown, layout: TimelineLayout): Region[] {
    const whole = { x: 2, width: layout.width - 4 };
    const rows = layout.rows.map((box) => ({
      id: `row:${box.row.line}`,
      ...whole,
      y: box.y,
      height: box.height,
      label: rowSentence(shown, box.row),
    }));
    const lines = layout.gates ?? layout.states;
    const last = layout.states ?? layout.gates;
    return [
      { id: 'overview', ...whole, y: layout.overview.y, height: layout.overview.height, label: overviewSentence(shown) },
      ...rows,
      ...(lines === undefined || last === undefined
        ? []
        : [{ id: 'unit', ...whole, y: lines.y, height: last.y + last.height - lines.y, label: unitLinesSentence(shown) }]),
      ...(layout.gradient === undefined ? [] : [{ id: 'gradient', ...whole, ...layout.gradient, label: gradientSentence(shown) }]),
    ];
  }

  /** The host pools to the pixels that there are. */
  private tellSize(layout: TimelineLayout, ratio: number): void {
    const size = { width: Math.round(layout.plot * ratio), height: Math.round((layout.rows[0]?.height ?? 40) * ratio), ratio };
    const said = JSON.stringify(size);
    if (said === this.told) return;
    this.told = said;
    this.host.request('size', size).catch(() => {});
  }

  private press(event: PointerEvent): void {
    const { shown, layout } = this;
    if (shown?.state.trace == null || layout === undefined || event.button !== 0) return;
    const trace = shown.state.trace;
    const { x, y } = this.stage.at(event);
    this.stage.canvas.setPointerCapture(event.pointerId);
    const edge = layout.rows.find((box) => Math.abs(box.y + box.height + (box.strip?.height ?? 0) - y) <= DIVIDER);
    if (y <= layout.overview.y + layout.overview.height + 2) this.grasp(x, trace, layout);
    else if (edge !== undefined) this.drag = { kind: 'row', line: edge.row.line, y, extra: this.extra.get(edge.row.line) ?? 0 };
    else if (x >= layout.x && x < layout.x + layout.plot) {
      const t = layout.xToTime(x);
      const under = this.unitUnder(y, shown, layout);
      // A place is no unit.
      const unit = under?.row.attention === undefined ? under?.unit : undefined;
      const pin = event.ctrlKey || event.metaKey;
      this.host.request('go', pin && unit !== undefined ? { unit, pin } : { t, ...(unit === undefined ? {} : { unit }) }).catch(() => {});
    }
  }

  /** Takes hold of the brush, or puts its middle where there is none. */
  private grasp(x: number, trace: TraceState, layout: TimelineLayout): void {
    const brush = brushOf(trace, layout);
    const { window } = trace;
    if (Math.abs(x - brush.x) <= HANDLE) this.drag = { kind: 'start', x, window };
    else if (Math.abs(x - brush.x - brush.width) <= HANDLE) this.drag = { kind: 'end', x, window };
    else if (x > brush.x && x < brush.x + brush.width) this.drag = { kind: 'pan', x, window };
    else if (x >= layout.x && x < layout.x + layout.plot) {
      const t = ((x - layout.x) / layout.plot) * trace.steps;
      const half = lengthOf(window) / 2;
      const moved = { from: Math.round(t - half), to: Math.round(t + half) };
      this.setWindow(moved);
      this.drag = { kind: 'pan', x, window: moved };
    }
  }

  private move(event: PointerEvent): void {
    const { shown, layout, drag } = this;
    if (shown?.state.trace == null || layout === undefined) return;
    const trace = shown.state.trace;
    const { x, y } = this.stage.at(event);
    if (drag === undefined) {
      this.preview(this.unitUnder(y, shown, layout, x));
      const onEdge = layout.rows.some((box) => Math.abs(box.y + box.height + (box.strip?.height ?? 0) - y) <= DIVIDER);
      this.stage.canvas.style.cursor = onEdge ? 'row-resize' : y < layout.ticks.y ? 'ew-resize' : 'crosshair';
      return;
    }
    if (drag.kind === 'row') {
      this.extra.set(drag.line, Math.max(0, drag.extra + y - drag.y));
      this.redraw();
      return;
    }
    const moved = Math.round(((x - drag.x) / layout.plot) * trace.steps);
    const { from, to } = drag.window;
    if (drag.kind === 'pan') this.setWindow({ from: from + moved, to: to + moved });
    if (drag.kind === 'start') this.setWindow({ from: Math.max(0, Math.min(from + moved, to - 4)), to });
    if (drag.kind === 'end') this.setWindow({ from, to: Math.min(trace.steps, Math.max(to + moved, from + 4)) });
  }

  private release(): void {
    this.drag = undefined;
  }

  private showAll(event: MouseEvent): void {
    const { shown, layout } = this;
    if (shown?.state.trace == null || layout === undefined) return;
    if (this.stage.at(event).y <= layout.overview.y + layout.overview.height) this.setWindow({ from: 0, to: shown.state.trace.steps });
  }

  private wheel(event: WheelEvent): void {
    const { shown, layout } = this;
    if (shown?.state.trace == null || layout === undefined || !(event.ctrlKey || event.shiftKey)) return;
    event.preventDefault();
    const trace = shown.state.trace;
    const amount = event.deltaY === 0 ? event.deltaX : event.deltaY;
    if (event.ctrlKey) this.setWindow(zoomed(trace, layout.xToTime(this.stage.at(event).x), Math.exp(amount / 300)));
    else {
      const by = Math.round((amount / 400) * lengthOf(trace.window)) || Math.sign(amount);
      this.setWindow({ from: trace.window.from + by, to: trace.window.to + by });
    }
  }

  private setWindow(window: Window): void {
    this.host.request('window', window).catch(() => {});
  }

  /** The cell of a heatmap at a place. */
  private unitUnder(y: number, shown: Shown, layout: TimelineLayout, x = layout.x): Pointer | undefined {
    const box = layout.rows.find((box) => y >= box.y && y < box.y + box.height);
    if (box === undefined || x < layout.x || x >= layout.x + layout.plot) return undefined;
    if (box.row.attention?.image !== undefined && shown.numbers.image !== undefined) {
      const found = placeUnder(x, y, layout, box, shown.state.trace!.window.from);
      return found === undefined ? undefined : { t: found.t, row: box.row, unit: found.place };
    }
    const place = Math.min(box.row.units - 1, Math.floor(((y - box.y) / box.height) * box.row.units));
    return { t: layout.xToTime(x), row: box.row, unit: unitAt(shown, box.row, place) };
  }

  private preview(pointer: Pointer | undefined): void {
    const same = pointer?.t === this.pointer?.t && pointer?.unit === this.pointer?.unit && pointer?.row.line === this.pointer?.row.line;
    if (same) return;
    this.pointer = pointer;
    this.redraw();
    if (pointer === undefined) return;
    this.host
      .request('peek', { t: pointer.t, unit: pointer.unit })
      .then((values) => {
        if (this.pointer !== pointer) return;
        this.peek = { of: pointer, values };
        this.redraw();
      })
      .catch(() => {});
  }

  private showTip(shown: Shown, layout: TimelineLayout): void {
    const { pointer, tip } = this;
    const box = layout.rows.find(({ row }) => row.line === pointer?.row.line);
    tip.hidden = pointer === undefined || box === undefined;
    if (pointer === undefined || box === undefined) return;
    tip.replaceChildren(...tipContent(shown, pointer, this.peek?.of === pointer ? this.peek.values : undefined));
    const x = layout.timeToX(pointer.t);
    const y = this.heightOf(shown, box, pointer);
    const [width, height] = [tip.offsetWidth, tip.offsetHeight];
    const left = x + 14 + width > layout.width - 4 ? x - width - 14 : x + 14;
    const top = y + 14 + height > this.stage.element.scrollTop + this.stage.height - 4 ? y - height - 12 : y + 14;
    tip.style.left = `${Math.max(4, left)}px`;
    tip.style.top = `${Math.max(this.stage.element.scrollTop + 4, top)}px`;
  }

  private heightOf(shown: Shown, { row, y, height }: RowBox, { unit }: Pointer): number {
    const order = shown.numbers.order?.values.order;
    const isShared = row.units === shown.state.trace?.units && row.attention === undefined;
    const place = isShared ? (order?.indexOf(unit) ?? unit) : unit;
    return y + ((place + 0.5) / row.units) * height;
  }
}

/** A window zoomed about t. */
export function zoomed(trace: TraceState, t: number, factor: number): Window {
  const { from, to } = trace.window;
  const length = Math.max(4, Math.min(trace.steps, Math.round((to - from) * factor)));
  const start = Math.round(t - ((t - from) / (to - from)) * length);
  const inside = Math.max(0, Math.min(start, trace.steps - length));
  return { from: inside, to: inside + length };
}

function tipContent(shown: Shown, { t, row, unit }: Pointer, peek: Peek | undefined): Node[] {
  const trace = shown.state.trace!;
  const tau = timescaleOf(shown, unit);
  const token = shown.numbers.window?.tokens[t - (shown.numbers.window?.from ?? 0)];
  const name = row.attention === undefined ? `unit ${unit}` : placeText(row.attention, unit);
  const head = element('div', '', element('b', '', name));
  if (row.attention === undefined && row.units === trace.units && Number.isFinite(tau))
    head.append(element('span', 'second', ` τ ${numberText(tau)} steps`));
  head.append(` · t ${count(t)}${token === undefined ? '' : ` ‘${visibleToken(token)}’`}`);
  return peek === undefined ? [head] : [head, ...equationLines(trace, row, peek)];
}

const placeText = (of: Places, unit: number): string => {
  const { heads, places } = of;
  return `${placeName(of, unit % places)}${heads === 1 ? '' : ` · head ${Math.floor(unit / places)}`}`;
};

/** The update of the memory with its numbers, and the value itself where it is none of them. */
function equationLines(trace: TraceState, row: Row, { now, before }: Peek): Node[] {
  const { structure } = trace;
  const value = now[row.line];
  const plain = element('div', 'mono', `${row.letter} = ${value === undefined ? 'no number' : numberText(value)}`);
  if (structure.kind === 'equations' || row.units !== trace.units || row.attention !== undefined) return [plain];
  const [after, held, candidate] = [now[`${structure.memory}'`], before[structure.memory], now[structure.candidate]];
  const gate = now[structure.kind === 'additive' ? structure.keep : structure.gate];
  if (after === undefined || held === undefined || candidate === undefined || gate === undefined) return [plain];
  const keep = structure.kind === 'interpolating' && structure.inverted ? 1 - gate : gate;
  const store = structure.kind === 'additive' ? (now[structure.store] ?? Number.NaN) : 1 - keep;
  const numbers = `${numberText(after)} = ${numberText(keep)} · ${numberText(held)} + ${numberText(store)} · ${numberText(candidate)}`;
  const forgets = element('div', '', 'forgets ', element('b', '', percent(1 - keep, 1)), ' here');
  const shownThere =
    structure.kind === 'additive'
      ? [structure.keep, structure.store, structure.candidate, `${structure.memory}'`]
      : [`${structure.memory}'`];
  const other = shownThere.includes(row.line) ? [] : [plain];
  return [element('div', 'mono', formulaOf(trace)), element('div', 'mono', numbers), ...other, forgets];
}
