// Attention over an image: a strip with a small picture for each word, bright where the model looked, and the current one large beside it.

import type { TraceState } from '../src/shared/messages.ts';
import type { ImagePlaces } from '../src/shared/trace.ts';
import { lengthOf, type Shown } from './shown.ts';
import type { Surface } from './surface.ts';
import type { RowBox, TimelineLayout } from './timeline-layout.ts';

/** The smallest picture of the strip, and the side of the large one. */
const SMALLEST = 22;
const LARGE = 84;

/** Where the pictures of a strip stand: `every` so many timesteps one, `side` pixels large. */
export function stripOf(
  layout: Pick<TimelineLayout, 'cell'>,
  { height }: { readonly height: number },
): { readonly side: number; readonly every: number } {
  const side = Math.max(SMALLEST, Math.min(layout.cell - 1, height));
  return { side, every: Math.max(1, Math.ceil((side + 1) / layout.cell)) };
}

/** The place of the image under a point of the strip, and whose word it is; undefined between the pictures. */
export function placeUnder(
  x: number,
  y: number,
  layout: TimelineLayout,
  box: RowBox,
  from: number,
): { readonly t: number; readonly place: number } | undefined {
  const { rows, columns } = box.row.attention!.image!;
  const { side, every } = stripOf(layout, box);
  const t = from + Math.floor((layout.xToTime(x) - from) / every) * every;
  const across = (x - (layout.timeToX(t) + ((every - 1) * layout.cell) / 2 - side / 2)) / side;
  const down = (y - box.y) / side;
  if (across < 0 || across >= 1 || down < 0 || down >= 1) return undefined;
  return { t, place: Math.floor(down * rows) * columns + Math.floor(across * columns) };
}

/** Draws the strip; false where there is no picture yet, or a pixel is several timesteps. */
export function drawImageStrip(surface: Surface, shown: Shown, trace: TraceState, layout: TimelineLayout, box: RowBox): boolean {
  const { row, y } = box;
  const image = row.attention?.image;
  const picture = shown.numbers.image;
  const window = shown.numbers.window;
  const pixels = picture?.values.pixels;
  if (image === undefined || picture === undefined || pixels === undefined || picture.layer !== trace.layer) return false;
  const weights = window?.layer === trace.layer ? window.values[`heat:${row.line}`] : undefined;
  if (window === undefined || weights === undefined || window.columns !== lengthOf(window)) return false;
  const { theme } = surface;
  const { side, every } = stripOf(layout, box);
  surface.clipped(layout.x, y, layout.plot, box.height, () => {
    for (let t = trace.window.from; t < trace.window.to; t += every) {
      const column = t - window.from;
      if (column < 0 || column >= window.columns) continue;
      const left = layout.timeToX(t) + ((every - 1) * layout.cell) / 2 - side / 2;
      surface.image(lookedAt(pixels, picture.shape, weights, column, window.columns, image), left, y, side, side);
    }
  });
  const now = trace.t - window.from;
  if (!layout.narrow && now >= 0 && now < window.columns) {
    const large = Math.min(LARGE, box.height - 22);
    surface.image(lookedAt(pixels, picture.shape, weights, now, window.columns, image), layout.padding, y + 22, large, large);
    surface.rect(layout.padding - 0.5, y + 21.5, large + 1, large + 1, { stroke: theme.cursor });
  }
  return true;
}

const made = new WeakMap<Float32Array, Map<number, HTMLCanvasElement>>();

/** The image, dark where nothing of the weight lies and as it is where most of it does. `weights` [places, columns]. */
function lookedAt(
  pixels: Float32Array,
  shape: readonly number[],
  weights: Float32Array,
  column: number,
  all: number,
  image: ImagePlaces,
): HTMLCanvasElement {
  const known = made.get(weights) ?? new Map<number, HTMLCanvasElement>();
  made.set(weights, known);
  let canvas = known.get(column);
  if (canvas !== undefined) return canvas;
  const [channels, height, width] = shape as readonly [number, number, number];
  canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d')!;
  const data = context.createImageData(width, height);
  data.data.set(shaded(pixels, [channels, height, width], weightsAt(weights, column, all), image));
  context.putImageData(data, 0, 0);
  known.set(column, canvas);
  return canvas;
}

const weightsAt = (weights: Float32Array, column: number, all: number): Float32Array =>
  Float32Array.from({ length: weights.length / all }, (_, place) => weights[place * all + column]!);

/** RGBA of 0 .. 255: each pixel times what its place has of the largest weight, a fifth of it at least. Grey images have one channel. */
export function shaded(
  pixels: ArrayLike<number>,
  [channels, height, width]: readonly [number, number, number],
  weights: ArrayLike<number>,
  { rows, columns }: ImagePlaces,
): Uint8ClampedArray {
  let most = 0;
  for (let k = 0; k < weights.length; k += 1) most = Math.max(most, weights[k]!);
  const result = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      const place = Math.floor((y * rows) / height) * columns + Math.floor((x * columns) / width);
      const light = 0.2 + 0.8 * (most > 0 ? weights[place]! / most : 0);
      const at = y * width + x;
      for (let c = 0; c < 3; c += 1) result[at * 4 + c] = 255 * light * pixels[(channels >= 3 ? c : 0) * width * height + at]!;
      result[at * 4 + 3] = 255;
    }
  return result;
}
