// Heatmaps as pictures of one pixel a cell, stretched when they are drawn; and what is no number as crossed cells.

import type { Row } from '../src/shared/messages.ts';
import { type Appearance, colourMap, placeOf } from './colour.ts';
import { round, type Surface } from './surface.ts';

export interface Heat {
  readonly picture: HTMLCanvasElement;
  readonly rows: number;
  readonly columns: number;
  /** Cells without a number, merged: [row, column, rows, columns]. */
  readonly crossed: readonly (readonly [row: number, column: number, rows: number, columns: number])[];
}

const pictures = new WeakMap<Float32Array, { readonly key: string; readonly heat: Heat }>();

/** `values` are row-major [rows, columns]. Made once for each array of numbers and appearance. */
export function heatOf(values: Float32Array, columns: number, row: Row, appearance: Appearance): Heat {
  const key = `${appearance} ${row.limit} ${row.softness}`;
  const made = pictures.get(values);
  if (made?.key === key) return made.heat;
  const heat = paint(values, columns, row, appearance);
  pictures.set(values, { key, heat });
  return heat;
}

function paint(values: Float32Array, columns: number, { quantity, limit, softness }: Row, appearance: Appearance): Heat {
  const rows = values.length / columns;
  const map = colourMap(appearance, quantity);
  const picture = document.createElement('canvas');
  picture.width = columns;
  picture.height = rows;
  const context = picture.getContext('2d')!;
  const image = context.createImageData(columns, rows);
  const missing: boolean[] = [];
  for (let cell = 0; cell < values.length; cell++) {
    const value = values[cell]!;
    if (!Number.isFinite(value)) {
      missing[cell] = true;
      continue;
    }
    const entry = Math.max(0, Math.min(255, Math.round(placeOf(value, quantity, limit, softness) * 255)));
    const [red, green, blue] = map[entry]!;
    image.data[cell * 4] = red;
    image.data[cell * 4 + 1] = green;
    image.data[cell * 4 + 2] = blue;
    image.data[cell * 4 + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return { picture, rows, columns, crossed: missing.length === 0 ? [] : merged(missing, rows, columns) };
}

/** Rectangles that cover the cells: runs down each column, joined with equal runs of the next. */
function merged(missing: readonly boolean[], rows: number, columns: number): (readonly [number, number, number, number])[] {
  const done: [number, number, number, number][] = [];
  let open: [number, number, number, number][] = [];
  for (let column = 0; column < columns; column++) {
    const runs: [number, number, number, number][] = [];
    for (let row = 0; row < rows; row++) {
      if (!missing[row * columns + column]) continue;
      const start = row;
      while (row < rows && missing[row * columns + column]) row++;
      const before = open.find((run) => run[0] === start && run[2] === row - start);
      if (before !== undefined) {
        before[3]++;
        runs.push(before);
      } else runs.push([start, column, row - start, 1]);
    }
    done.push(...open.filter((run) => !runs.includes(run)));
    open = runs;
  }
  return [...done, ...open];
}

/** Draws a heatmap into a box, and crosses what is no number. */
export function drawHeat(surface: Surface, heat: Heat, x: number, y: number, width: number, height: number): void {
  surface.image(heat.picture, x, y, width, height);
  for (const [row, column, rows, columns] of heat.crossed) {
    const [left, top] = [x + (column * width) / heat.columns, y + (row * height) / heat.rows];
    const across = Math.max(1 / surface.ratio, (columns * width) / heat.columns);
    const down = Math.max(1 / surface.ratio, (rows * height) / heat.rows);
    drawCrossed(surface, left, top, across, down);
  }
}

/** Crossed cells in the error's colour, never a colour of a map; too small to be crossed, they are filled. */
export function drawCrossed(surface: Surface, x: number, y: number, width: number, height: number): void {
  const { theme } = surface;
  if (width < 5 || height < 5) {
    surface.rect(x, y, width, height, { fill: theme.error });
    return;
  }
  surface.clipped(x, y, width, height, () => {
    surface.rect(x, y, width, height, { fill: theme.background });
    let lines = '';
    const step = 7;
    const reach = width + height;
    for (let shift = -Math.ceil(height / step) * step; shift < reach; shift += step) {
      lines += `M${round(x + shift)} ${round(y)}l${round(height)} ${round(height)}`;
      lines += `M${round(x + shift)} ${round(y + height)}l${round(height)} ${round(-height)}`;
    }
    surface.path(lines, { stroke: theme.error, width: 0.9, opacity: 0.85 });
  });
  surface.rect(x + 0.5, y + 0.5, Math.max(0, width - 1), Math.max(0, height - 1), { stroke: theme.error });
}
