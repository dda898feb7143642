// What the views draw on. One drawing serves the screen (canvas), the exported file (SVG) and the tests (a list of what was drawn).

import type { Theme } from './theme.ts';

export interface Stroke {
  readonly fill?: string;
  readonly stroke?: string;
  /** Width of the stroke, 1 where not given. */
  readonly width?: number;
  readonly opacity?: number;
  readonly dash?: readonly number[];
  readonly radius?: number;
  /** Diagonal lines of this colour instead of a fill. */
  readonly hatch?: string;
}

export interface TextStyle {
  /** Pixels; 11 where not given. */
  readonly size?: number;
  readonly weight?: 400 | 600 | 700;
  readonly mono?: boolean;
  readonly fill?: string;
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly opacity?: number;
  /** A line around the letters in this colour, where they stand on a picture. */
  readonly halo?: string;
  /** The widest that it may be: longer text is cut and ends with an ellipsis. */
  readonly room?: number;
}

export type Part = readonly [text: string, style?: Omit<TextStyle, 'anchor' | 'room'>];

export interface Surface {
  readonly theme: Theme;
  /** Device pixels a pixel. */
  readonly ratio: number;
  rect(x: number, y: number, width: number, height: number, style: Stroke): void;
  /** A path in SVG's words. */
  path(data: string, style: Stroke): void;
  /** Text on a baseline; returns its width. */
  text(x: number, y: number, text: string | readonly Part[], style?: TextStyle): number;
  measure(text: string | readonly Part[], style?: TextStyle): number;
  /** A picture stretched without smoothing. */
  image(picture: HTMLCanvasElement, x: number, y: number, width: number, height: number): void;
  /** Draws only within a rectangle. */
  clipped(x: number, y: number, width: number, height: number, draw: () => void): void;
}

export const fontOf = (theme: Theme, { size = 11, weight = 400, mono = false }: TextStyle): string =>
  `${weight} ${size}px ${mono ? theme.mono : theme.font}`;

/** Cut to the room that there is. */
export function fitted(text: string, room: number | undefined, width: (text: string) => number): string {
  if (room === undefined || width(text) <= room) return text;
  let length = text.length;
  while (length > 0 && width(`${text.slice(0, length)}…`) > room) length--;
  return length > 0 ? `${text.slice(0, length).trimEnd()}…` : '';
}

/** `M1 2L3 4` through points; a gap where one is not finite. */
export function pathThrough(points: Iterable<readonly [x: number, y: number]>): string {
  let data = '';
  let pen = 'M';
  for (const [x, y] of points) {
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      pen = 'M';
      continue;
    }
    data += `${pen}${round(x)} ${round(y)}`;
    pen = 'L';
  }
  return data;
}

export const round = (number: number): number => Math.round(number * 100) / 100;
