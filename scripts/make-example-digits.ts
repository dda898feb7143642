// Writes examples/digits.npz: digits as seven strokes on 12 x 12 pixels, shifted, slanted, thick or thin, with noise, in 16 shades of grey.
// Arrays: `image` (N, 12, 12) and `digit` (N).

import { zipSync } from 'fflate';
import { chanceOf, writeExample } from './examples/chance.ts';

const SIZE = 12;
const EXAMPLES = 2400;

type Stroke = readonly [x0: number, y0: number, x1: number, y1: number];

/** The strokes of a figure of width 1 and height 2. */
const [top, middle, bottom]: readonly [Stroke, Stroke, Stroke] = [
  [0, 0, 1, 0],
  [0, 1, 1, 1],
  [0, 2, 1, 2],
];
const [upperLeft, upperRight, lowerLeft, lowerRight]: readonly [Stroke, Stroke, Stroke, Stroke] = [
  [0, 0, 0, 1],
  [1, 0, 1, 1],
  [0, 1, 0, 2],
  [1, 1, 1, 2],
];
const digits: readonly (readonly Stroke[])[] = [
  [top, upperLeft, upperRight, lowerLeft, lowerRight, bottom],
  [
    [0.6, 0, 0.6, 2],
    [0.2, 0.4, 0.6, 0],
  ],
  [top, upperRight, middle, lowerLeft, bottom],
  [top, upperRight, middle, lowerRight, bottom],
  [upperLeft, middle, upperRight, lowerRight],
  [top, upperLeft, middle, lowerRight, bottom],
  [top, upperLeft, middle, lowerLeft, lowerRight, bottom],
  [top, [1, 0, 0.4, 2]],
  [top, upperLeft, upperRight, middle, lowerLeft, lowerRight, bottom],
  [top, upperLeft, upperRight, middle, lowerRight, bottom],
];

const chance = chanceOf('digits');

function distance(x: number, y: number, [x0, y0, x1, y1]: Stroke): number {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const share = Math.max(0, Math.min(1, ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy)));
  return Math.hypot(x - x0 - share * dx, y - y0 - share * dy);
}

function image(digit: number): Uint8Array {
  const width = 3.5 + 2.5 * chance.uniform();
  const height = 3.4 + 1.1 * chance.uniform();
  const slant = 0.25 * chance.normal();
  const [left, above] = [(SIZE - width) / 2 + 0.7 * chance.normal(), (SIZE - 2 * height) / 2 + 0.7 * chance.normal()];
  const thick = 0.5 + 0.4 * chance.uniform();
  const place = (x: number, y: number): readonly [number, number] => [
    left + width * x + slant * height * (1 - y) + 0.25 * chance.normal(),
    above + height * y + 0.25 * chance.normal(),
  ];
  const strokes = digits[digit]!.map(([x0, y0, x1, y1]): Stroke => [...place(x0, y0), ...place(x1, y1)]);
  const pixels = new Uint8Array(SIZE * SIZE);
  for (let y = 0; y < SIZE; y += 1)
    for (let x = 0; x < SIZE; x += 1) {
      const nearest = Math.min(...strokes.map((stroke) => distance(x, y, stroke)));
      const ink = 1 / (1 + Math.exp((nearest - thick) / 0.22));
      const noise = chance.happens(0.06) ? 0.8 * chance.uniform() : 0;
      pixels[y * SIZE + x] = Math.round(15 * Math.min(1, Math.max(ink, noise)));
    }
  return pixels;
}

/** A .npy file of bytes (NEP 1, format version 1.0). */
function npy(shape: readonly number[], data: Uint8Array): Uint8Array {
  const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`;
  const header = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`;
  return Uint8Array.from([0x93, ...Buffer.from('NUMPY'), 1, 0, header.length & 255, header.length >> 8, ...Buffer.from(header), ...data]);
}

const labels = Uint8Array.from({ length: EXAMPLES }, () => chance.below(10));
const images = Uint8Array.from([...labels].flatMap((digit) => [...image(digit)]));
const options = { level: 9, mtime: new Date(2031, 0, 6) } as const;
writeExample(
  'digits.npz',
  zipSync({
    'image.npy': [npy([EXAMPLES, SIZE, SIZE], images), options],
    'digit.npy': [npy([EXAMPLES], labels), options],
  }),
);
