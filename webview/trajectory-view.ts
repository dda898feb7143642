// The trajectory on the page: its canvas, the pointer's and the keyboard's preview, and the way to a timestep.

import { count, visibleToken } from '../src/shared/figures.ts';
import { numberText } from '../src/shared/numbers.ts';
import type { Host } from './channel.ts';
import { element } from './controls.ts';
import { trajectorySentence } from './sentences.ts';
import type { Shown } from './shown.ts';
import { Stage } from './stage.ts';
import type { Surface } from './surface.ts';
import type { Theme } from './theme.ts';
import { drawTrajectory, layOutTrajectory, pointNear, type TrajectoryLayout, type TrajectoryPoint } from './trajectory.ts';

/** Pixels within which the pointer finds a point. */
const NEAR = 14;

export class TrajectoryView {
  private readonly stage = new Stage('trajectory');
  private readonly tip = element('div', 'tip');
  private readonly host: Host;
  private readonly redraw: () => void;
  private shown: Shown | undefined;
  private layout: TrajectoryLayout | undefined;
  /** The timestep that is looked at, of which layer. */
  private preview: { readonly t: number; readonly layer: string } | undefined;

  constructor(host: Host, redraw: () => void) {
    this.host = host;
    this.redraw = redraw;
    this.tip.hidden = true;
    this.stage.element.append(this.tip);
    const { canvas } = this.stage;
    canvas.addEventListener('pointermove', (event) => this.hover(event));
    canvas.addEventListener('pointerleave', () => this.look(undefined));
    canvas.addEventListener('pointerdown', (event) => {
      const point = event.button === 0 ? this.under(event) : undefined;
      if (point !== undefined) this.go(point.t);
    });
  }

  get element(): HTMLElement {
    return this.stage.element;
  }

  get size(): { readonly width: number; readonly height: number } {
    return { width: this.stage.width, height: this.stage.height };
  }

  draw(shown: Shown, theme: Theme): void {
    const { trace } = shown.state;
    if (trace === null) return;
    this.shown = shown;
    const { width, height } = this.stage;
    this.layout = layOutTrajectory(shown, width, height);
    const surface = this.stage.surface(height, theme);
    const { layout } = this;
    const point = this.point;
    if (layout === undefined)
      surface.text(12, 24, trace.trajectory === '' ? 'This layer keeps no state.' : 'The states are being read.', {
        fill: theme.description,
      });
    else drawTrajectory(surface, shown, layout, point);
    this.stage.place([{ id: 'trajectory', x: 2, y: 2, width: width - 4, height: height - 4, label: trajectorySentence(shown) }]);
    this.showTip(point);
  }

  picture(surface: Surface, shown: Shown): void {
    if (this.layout !== undefined) drawTrajectory(surface, shown, this.layout, undefined);
  }

  /** Looks at the point so many further along, from the one that is looked at or the one where one stands; says what it is. */
  lookAlong(by: number): string | undefined {
    const { shown, layout } = this;
    if (shown?.state.trace == null || layout === undefined) return undefined;
    const t = this.preview?.t ?? shown.state.trace.t;
    const { points } = layout;
    const place = points.findIndex((each) => each.t >= t);
    const next = points[Math.max(0, Math.min(points.length - 1, (place < 0 ? points.length - 1 : place) + by))];
    this.look(next);
    return next === undefined ? undefined : textOf(next);
  }

  /** Moves the debugger to the point that is looked at. False where none is. */
  goThere(): boolean {
    const { point } = this;
    if (point !== undefined) this.go(point.t);
    return point !== undefined;
  }

  /** Looks away. False where nothing was looked at. */
  lookAway(): boolean {
    const looked = this.preview !== undefined;
    this.look(undefined);
    return looked;
  }

  private go(t: number): void {
    this.look(undefined);
    this.host.request('go', { t }).catch(() => {});
  }

  private get point(): TrajectoryPoint | undefined {
    const { preview, layout, shown } = this;
    return preview?.layer === shown?.state.trace?.layer ? layout?.points.find(({ t }) => t === preview?.t) : undefined;
  }

  private hover(event: PointerEvent): void {
    const point = this.under(event);
    this.stage.canvas.style.cursor = point === undefined ? 'default' : 'pointer';
    this.look(point);
  }

  private under(event: PointerEvent): TrajectoryPoint | undefined {
    const { x, y } = this.stage.at(event);
    return this.layout === undefined ? undefined : pointNear(this.layout, [x, y], NEAR);
  }

  private look(point: TrajectoryPoint | undefined): void {
    const layer = this.shown?.state.trace?.layer;
    if (point?.t === this.preview?.t) return;
    this.preview = point === undefined || layer === undefined ? undefined : { t: point.t, layer };
    this.redraw();
  }

  private showTip(point: TrajectoryPoint | undefined): void {
    const { tip } = this;
    tip.hidden = point === undefined;
    if (point === undefined) return;
    tip.replaceChildren(
      element('div', '', element('b', '', textOf(point))),
      element('div', 'mono', `(${numberText(point.at[0])}, ${numberText(point.at[1])})`),
    );
    const [x, y] = point.place;
    const [width, height] = [tip.offsetWidth, tip.offsetHeight];
    tip.style.left = `${Math.max(4, x + 14 + width > this.stage.width - 4 ? x - width - 14 : x + 14)}px`;
    tip.style.top = `${Math.max(4, y + 14 + height > this.stage.height - 4 ? y - height - 12 : y + 14)}px`;
  }
}

const textOf = ({ t, token }: TrajectoryPoint): string => `t ${count(t)} ‘${visibleToken(token)}’`;
