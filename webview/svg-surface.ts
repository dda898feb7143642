// Drawing into a file: the same marks as on the screen, as SVG text.

import { fitted, fontOf, type Part, round, type Stroke, type Surface, type TextStyle } from './surface.ts';
import type { Theme } from './theme.ts';

export class SvgSurface implements Surface {
  readonly theme: Theme;
  readonly ratio = 2;
  private readonly width: number;
  private readonly height: number;
  private readonly pen = document.createElement('canvas').getContext('2d')!;
  private readonly marks: string[] = [];
  private readonly hatches = new Map<string, string>();
  private clips = 0;

  constructor(width: number, height: number, theme: Theme) {
    this.width = width;
    this.height = height;
    this.theme = theme;
  }

  rect(x: number, y: number, width: number, height: number, style: Stroke): void {
    const corner = style.radius === undefined ? '' : ` rx="${style.radius}"`;
    this.mark(`<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}"${corner}`, style);
  }

  path(data: string, style: Stroke): void {
    if (data !== '') this.mark(`<path d="${data}"`, style);
  }

  text(x: number, y: number, text: string | readonly Part[], style: TextStyle = {}): number {
    const parts: readonly Part[] =
      typeof text === 'string' ? [[fitted(text, style.room, (part) => this.measure(part, style)), style]] : text;
    const spans = parts.map(([part, own]) => {
      const merged = { ...style, ...own };
      const font = fontOf(this.theme, merged).replaceAll('"', "'");
      const halo = merged.halo === undefined ? '' : `;paint-order:stroke;stroke:${merged.halo};stroke-width:3px`;
      const opacity = merged.opacity === undefined ? '' : ` opacity="${merged.opacity}"`;
      return `<tspan style="font:${font}${halo}" fill="${merged.fill ?? this.theme.foreground}"${opacity}>${escaped(part)}</tspan>`;
    });
    this.marks.push(
      `<text x="${round(x)}" y="${round(y)}" text-anchor="${style.anchor ?? 'start'}" xml:space="preserve">${spans.join('')}</text>`,
    );
    return this.measure(parts, style);
  }

  measure(text: string | readonly Part[], style: TextStyle = {}): number {
    if (typeof text !== 'string') return text.reduce((sum, [part, own]) => sum + this.measure(part, { ...style, ...own }), 0);
    this.pen.font = fontOf(this.theme, style);
    return this.pen.measureText(text).width;
  }

  image(picture: HTMLCanvasElement, x: number, y: number, width: number, height: number): void {
    const place = `x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}"`;
    this.marks.push(`<image ${place} preserveAspectRatio="none" style="image-rendering:pixelated" href="${picture.toDataURL()}"/>`);
  }

  clipped(x: number, y: number, width: number, height: number, draw: () => void): void {
    const id = `clip${++this.clips}`;
    this.marks.push(
      `<clipPath id="${id}"><rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}"/></clipPath>`,
    );
    this.marks.push(`<g clip-path="url(#${id})">`);
    draw();
    this.marks.push('</g>');
  }

  /** The whole file. */
  file(title: string): string {
    const size = `width="${this.width}" height="${this.height}" viewBox="0 0 ${this.width} ${this.height}"`;
    const patterns = [...this.hatches].map(
      ([colour, id]) =>
        `<pattern id="${id}" width="6" height="6" patternUnits="userSpaceOnUse"><path d="M-6 6L0 0M0 6L6 0M6 6L12 0" stroke="${colour}" stroke-width="1.1"/></pattern>`,
    );
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img">`,
      `<title>${escaped(title)}</title>`,
      `<defs>${patterns.join('')}</defs>`,
      `<rect width="100%" height="100%" fill="${this.theme.background}"/>`,
      ...this.marks,
      '</svg>\n',
    ].join('\n');
  }

  private mark(start: string, { fill, stroke, width = 1, opacity, dash = [], hatch }: Stroke): void {
    const line =
      stroke === undefined
        ? ''
        : ` stroke="${stroke}" stroke-width="${width}"${dash.length > 0 ? ` stroke-dasharray="${dash.join(' ')}"` : ''}`;
    const alpha = opacity === undefined ? '' : ` opacity="${opacity}"`;
    if (hatch !== undefined && fill !== undefined) this.marks.push(`${start} fill="${fill}"${alpha}/>`);
    this.marks.push(`${start} fill="${hatch !== undefined ? `url(#${this.hatch(hatch)})` : (fill ?? 'none')}"${line}${alpha}/>`);
  }

  private hatch(colour: string): string {
    const id = this.hatches.get(colour) ?? `hatch${this.hatches.size}`;
    this.hatches.set(colour, id);
    return id;
  }
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
