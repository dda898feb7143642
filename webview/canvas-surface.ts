// Drawing on the screen.

import { fitted, fontOf, type Part, type Stroke, type Surface, type TextStyle } from './surface.ts';
import type { Theme } from './theme.ts';

const hatches = new Map<string, HTMLCanvasElement>();
const widths = new Map<string, number>();

export class CanvasSurface implements Surface {
  readonly theme: Theme;
  readonly ratio: number;
  private readonly context: CanvasRenderingContext2D;

  /** Takes the size of the canvas's box: `width` and `height` in pixels. */
  constructor(canvas: HTMLCanvasElement, width: number, height: number, theme: Theme, ratio = devicePixelRatio) {
    this.theme = theme;
    this.ratio = ratio;
    const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== across || canvas.height !== down) {
      canvas.width = across;
      canvas.height = down;
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
    }
    this.context = canvas.getContext('2d')!;
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.context.clearRect(0, 0, width, height);
  }

  rect(x: number, y: number, width: number, height: number, style: Stroke): void {
    const path = new Path2D();
    if (style.radius === undefined) path.rect(x, y, width, height);
    else path.roundRect(x, y, width, height, style.radius);
    this.paint(path, style);
  }

  path(data: string, style: Stroke): void {
    if (data !== '') this.paint(new Path2D(data), style);
  }

  text(x: number, y: number, text: string | readonly Part[], style: TextStyle = {}): number {
    const { context, theme } = this;
    const parts: readonly Part[] =
      typeof text === 'string' ? [[fitted(text, style.room, (part) => this.measure(part, style)), style]] : text;
    const width = this.measure(parts, style);
    let at = style.anchor === 'end' ? x - width : style.anchor === 'middle' ? x - width / 2 : x;
    for (const [part, own] of parts) {
      const merged = { ...style, ...own };
      context.font = fontOf(theme, merged);
      context.globalAlpha = merged.opacity ?? 1;
      if (merged.halo !== undefined) {
        context.strokeStyle = merged.halo;
        context.lineWidth = 3;
        context.lineJoin = 'round';
        context.strokeText(part, at, y);
      }
      context.fillStyle = merged.fill ?? theme.foreground;
      context.fillText(part, at, y);
      at += this.measure(part, merged);
    }
    context.globalAlpha = 1;
    return width;
  }

  measure(text: string | readonly Part[], style: TextStyle = {}): number {
    if (typeof text !== 'string') return text.reduce((sum, [part, own]) => sum + this.measure(part, { ...style, ...own }), 0);
    const font = fontOf(this.theme, style);
    const key = `${font}|${text}`;
    let width = widths.get(key);
    if (width === undefined) {
      this.context.font = font;
      width = this.context.measureText(text).width;
      if (widths.size > 4096) widths.clear();
      widths.set(key, width);
    }
    return width;
  }

  image(picture: HTMLCanvasElement, x: number, y: number, width: number, height: number): void {
    this.context.imageSmoothingEnabled = false;
    this.context.drawImage(picture, x, y, width, height);
  }

  clipped(x: number, y: number, width: number, height: number, draw: () => void): void {
    this.context.save();
    this.context.beginPath();
    this.context.rect(x, y, width, height);
    this.context.clip();
    draw();
    this.context.restore();
  }

  private paint(path: Path2D, { fill, stroke, width = 1, opacity = 1, dash = [], hatch }: Stroke): void {
    const { context } = this;
    context.globalAlpha = opacity;
    if (fill !== undefined) {
      context.fillStyle = fill;
      context.fill(path);
    }
    if (hatch !== undefined) {
      context.fillStyle = this.hatching(hatch);
      context.fill(path);
    }
    if (stroke !== undefined) {
      context.strokeStyle = stroke;
      context.lineWidth = width;
      context.lineJoin = 'round';
      context.setLineDash(dash as number[]);
      context.stroke(path);
      context.setLineDash([]);
    }
    context.globalAlpha = 1;
  }

  private hatching(colour: string): CanvasPattern {
    const key = `${colour} ${this.ratio}`;
    let tile = hatches.get(key);
    if (tile === undefined) {
      tile = document.createElement('canvas');
      const size = Math.max(4, Math.round(6 * this.ratio));
      tile.width = size;
      tile.height = size;
      const pen = tile.getContext('2d')!;
      pen.strokeStyle = colour;
      pen.lineWidth = this.ratio * 1.1;
      pen.beginPath();
      for (const shift of [-size, 0, size]) {
        pen.moveTo(shift, size);
        pen.lineTo(shift + size, 0);
      }
      pen.stroke();
      hatches.set(key, tile);
    }
    const pattern = this.context.createPattern(tile, 'repeat')!;
    pattern.setTransform(new DOMMatrix().scale(1 / this.ratio));
    return pattern;
  }
}
