// Images with one or two things in them, and what they show: "a red circle above a blue square". The larger of two is named first, and where it stands is told
// along the side on which they are further apart: an image has one caption.

import type { Random } from '../shared/random.ts';
import { below, type Drawn, type Options, one, oneOf, type Task } from './task.ts';

const colours = {
  red: [0.85, 0.12, 0.1],
  green: [0.1, 0.6, 0.2],
  blue: [0.12, 0.25, 0.85],
  yellow: [0.95, 0.8, 0.1],
  purple: [0.55, 0.15, 0.65],
} as const;
const figures = ['circle', 'square', 'triangle'] as const;
const tokens = ['a', 'above', 'below', ...Object.keys(colours), ...figures, 'left', 'of', 'right'].sort();

interface Thing {
  readonly colour: keyof typeof colours;
  readonly figure: (typeof figures)[number];
  /** Its middle and half its side, in shares of the image. */
  readonly x: number;
  readonly y: number;
  readonly radius: number;
}

/** Numbers of a box: x, y, width, height in pixels, and the steps of its words: from, to. */
export const BOX = 6;
const MOST = 2;

export function shapes(options: Options): Task {
  const size = one(options, 'size', 64);
  return {
    inputs: [
      { name: 'image', width: 3 * size * size, shape: [3, size, size], over: 'whole' },
      { name: 'caption', tokens, by: 'word', width: 1, over: 'steps' },
      { name: 'boxes', width: MOST * BOX, shape: [MOST, BOX], over: 'whole', isExtra: true },
    ],
    lengths: [0, 0],
    varies: true,
    draw(chance): readonly Drawn[] {
      const things = thingsOf(chance);
      const background = 0.85 + 0.15 * chance.uniform();
      const { words, places } = captionOf(things);
      const boxes = Array.from({ length: MOST }, (_, k) => boxOf(things[k], places[k], size)).flat();
      return [() => paint(things, background, size), words.map((word) => tokens.indexOf(word)), boxes];
    },
  };
}

/** One thing, or a large one and a small one that are clearly beside or above each other. */
function thingsOf(chance: Random): readonly Thing[] {
  const thing = (least: number, most: number): Thing => {
    const radius = least + (most - least) * chance.uniform();
    const place = (): number => radius + (1 - 2 * radius) * chance.uniform();
    return {
      colour: oneOf(chance, Object.keys(colours) as (keyof typeof colours)[]),
      figure: oneOf(chance, figures),
      x: place(),
      y: place(),
      radius,
    };
  };
  if (below(chance, 5) === 0) return [thing(0.1, 0.2)];
  for (;;) {
    const [large, small] = [thing(0.15, 0.2), thing(0.09, 0.12)];
    const [x, y] = [Math.abs(large.x - small.x), Math.abs(large.y - small.y)];
    const [further, nearer] = [Math.max(x, y), Math.min(x, y)];
    if (further > large.radius + small.radius + 0.04 && further > 1.5 * nearer) return [large, small];
  }
}

/** The words, and which of them are about each thing, ‹begin› being step 0. */
function captionOf([first, second]: readonly Thing[]): {
  readonly words: readonly string[];
  readonly places: readonly (readonly [from: number, to: number])[];
} {
  const named = ({ colour, figure }: Thing): string[] => ['a', colour, figure];
  if (second === undefined) return { words: named(first!), places: [[1, 4]] };
  const [x, y] = [first!.x - second.x, first!.y - second.y];
  const where = Math.abs(y) > Math.abs(x) ? [y < 0 ? 'above' : 'below'] : [x < 0 ? 'left' : 'right', 'of'];
  const from = 4 + where.length;
  return {
    words: [...named(first!), ...where, ...named(second)],
    places: [
      [1, 4],
      [from, from + 3],
    ],
  };
}

function boxOf(thing: Thing | undefined, place: readonly [number, number] | undefined, size: number): readonly number[] {
  if (thing === undefined || place === undefined) return Array<number>(BOX).fill(Number.NaN);
  const { x, y, radius } = thing;
  return [(x - radius) * size, (y - radius) * size, 2 * radius * size, 2 * radius * size, ...place];
}

/** [3, size, size] of 0 .. 1; edges are smooth by four samples a pixel. */
function paint(things: readonly Thing[], background: number, size: number): Float32Array {
  const area = size * size;
  const image = new Float32Array(3 * area).fill(background);
  for (const { colour, figure, x, y, radius } of things) {
    const bound = (value: number): number => Math.min(size - 1, Math.max(0, Math.floor(value * size)));
    for (let row = bound(y - radius); row <= bound(y + radius); row += 1)
      for (let column = bound(x - radius); column <= bound(x + radius); column += 1) {
        let covered = 0;
        for (const [dx, dy] of SAMPLES)
          if (isInside(figure, ((column + dx) / size - x) / radius, ((row + dy) / size - y) / radius)) covered += 1 / SAMPLES.length;
        for (let channel = 0; channel < 3; channel += 1) {
          const at = channel * area + row * size + column;
          image[at]! += covered * (colours[colour][channel]! - image[at]!);
        }
      }
  }
  return image;
}

const SAMPLES = [
  [0.25, 0.25],
  [0.75, 0.25],
  [0.25, 0.75],
  [0.75, 0.75],
] as const;

/** From the middle of a figure, its half side as the unit; y goes down. */
function isInside(figure: Thing['figure'], x: number, y: number): boolean {
  if (figure === 'circle') return x * x + y * y <= 1;
  if (figure === 'square') return Math.max(Math.abs(x), Math.abs(y)) <= 0.9;
  return y <= 0.95 && y >= -0.95 && Math.abs(x) <= (y + 0.95) / 1.9;
}
