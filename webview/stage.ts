// A scrolling box with a canvas as high as its content, and boxes over it that can be focused and speak for the parts of the picture.

import { CanvasSurface } from './canvas-surface.ts';
import type { Surface } from './surface.ts';
import type { Theme } from './theme.ts';

/** A part of the picture: where it is, and what it says. */
export interface Region {
  readonly id: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly label: string;
}

export class Stage {
  readonly element = document.createElement('div');
  readonly canvas = document.createElement('canvas');
  private readonly inner = document.createElement('div');
  private readonly regions = new Map<string, HTMLElement>();

  constructor(name: string) {
    this.element.className = `stage ${name}`;
    this.inner.className = 'inner';
    this.canvas.setAttribute('aria-hidden', 'true');
    this.inner.append(this.canvas);
    this.element.append(this.inner);
  }

  get width(): number {
    return this.element.clientWidth;
  }

  get height(): number {
    return this.element.clientHeight;
  }

  /** The canvas, cleared, at the size of the content. */
  surface(height: number, theme: Theme): CanvasSurface {
    this.inner.style.height = `${height}px`;
    return new CanvasSurface(this.canvas, this.width, height, theme);
  }

  /** Puts the regions in place, keeping the focus where it is. */
  place(regions: readonly Region[]): void {
    const ids = new Set(regions.map(({ id }) => id));
    for (const [id, box] of this.regions) {
      if (ids.has(id)) continue;
      box.remove();
      this.regions.delete(id);
    }
    for (const { id, x, y, width, height, label } of regions) {
      let box = this.regions.get(id);
      if (box === undefined) {
        box = document.createElement('div');
        box.className = 'region';
        box.tabIndex = 0;
        box.setAttribute('role', 'img');
        box.dataset.region = id;
        this.regions.set(id, box);
        this.inner.append(box);
      }
      const style = `left:${x}px;top:${y}px;width:${width}px;height:${height}px`;
      if (box.style.cssText !== style) box.style.cssText = style;
      if (box.getAttribute('aria-label') !== label) box.setAttribute('aria-label', label);
    }
  }

  /** Place of a pointer event within the content. */
  at(event: MouseEvent): { readonly x: number; readonly y: number } {
    const box = this.canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  /** The focused region. */
  focused(): string | undefined {
    return document.activeElement instanceof HTMLElement && this.inner.contains(document.activeElement)
      ? document.activeElement.dataset.region
      : undefined;
  }
}

/** How a view draws itself on any surface: for the screen and for files. */
export type Drawing = (surface: Surface) => void;
