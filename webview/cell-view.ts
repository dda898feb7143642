// The cell on the page. Widths of the flow glide from one timestep to the next, unless less motion is asked for.

import { cellHeight, drawCell } from './cell.ts';
import { type Flow, flowOf } from './cell-flow.ts';
import type { Host } from './channel.ts';
import { cellSentence } from './sentences.ts';
import { columnOf, type Shown } from './shown.ts';
import { Stage } from './stage.ts';
import type { Surface } from './surface.ts';
import type { Theme } from './theme.ts';

const GLIDE = 120;

export class CellView {
  private readonly stage = new Stage('cell');
  private readonly redraw: () => void;
  private readonly still = matchMedia('(prefers-reduced-motion: reduce)');
  private shown: Shown | undefined;
  private target: Flow | undefined;
  private from: Flow | undefined;
  private started = 0;

  constructor(_host: Host, redraw: () => void) {
    this.redraw = redraw;
  }

  get element(): HTMLElement {
    return this.stage.element;
  }

  get size(): { readonly width: number; readonly height: number } {
    return { width: this.stage.width, height: this.heightFor(this.shown) };
  }

  draw(shown: Shown, theme: Theme): void {
    const { trace } = shown.state;
    if (trace === null) return;
    this.shown = shown;
    const height = this.heightFor(shown);
    const surface = this.stage.surface(height, theme);
    drawCell(surface, shown, this.stage.width, this.stage.height, this.moving(shown));
    this.stage.place([{ id: 'cell', x: 2, y: 2, width: this.stage.width - 4, height: height - 4, label: cellSentence(shown) }]);
  }

  picture(surface: Surface, shown: Shown): void {
    drawCell(surface, shown, this.stage.width, this.stage.height);
  }

  private heightFor(shown: Shown | undefined): number {
    return shown?.state.trace == null ? this.stage.height : cellHeight(shown.state.trace, this.stage.width, this.stage.height);
  }

  /** The flow on its way to the newest numbers. */
  private moving(shown: Shown): Flow | undefined {
    const { structure } = shown.state.trace!;
    if (structure.kind === 'equations') return undefined;
    const flow = flowOf(structure, columnOf(shown));
    if (flow === undefined) return undefined;
    if (JSON.stringify(flow) !== JSON.stringify(this.target)) {
      this.from = this.still.matches ? undefined : this.target;
      this.target = flow;
      this.started = performance.now();
    }
    const share = (performance.now() - this.started) / GLIDE;
    if (this.from === undefined || share >= 1) return undefined;
    this.redraw();
    return between(this.from, flow, share);
  }
}

function between(from: Flow, to: Flow, share: number): Flow {
  const mix = (a: number, b: number) => a + (b - a) * share;
  return {
    ...to,
    incoming: mix(from.incoming, to.incoming),
    kept: mix(from.kept, to.kept),
    forgotten: mix(from.forgotten, to.forgotten),
    stored: mix(from.stored, to.stored),
    cancelled: mix(from.cancelled, to.cancelled),
    outgoing: mix(from.outgoing, to.outgoing),
  };
}
