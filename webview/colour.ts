// Colour by kind of quantity: green for gates in [0, 1], blue - orange for signed values, violet for probabilities; and one hue for each role of a
// line. Maps are given by nine stops at equal steps of perceived difference and interpolated in OKLab (Ottosson 2020).
// Nothing of it is red against green; the roles stay at least .10 apart in OKLab for colour-blind eyes (a test holds it).

import type { Identity } from '../src/shared/messages.ts';

export type Appearance = 'dark' | 'light' | 'contrast';
export type MapName = 'gate' | 'signed' | 'share';
export type Rgb = readonly [red: number, green: number, blue: number];

/** Stops at 0, 1/8 .. 1; for `signed` at -1, -3/4 .. 1. */
export const STOPS: Readonly<Record<Appearance, Readonly<Record<MapName, string>>>> = {
  dark: {
    gate: '#1d2220 #1f3c31 #185844 #1f7452 #289160 #4aad6d #6dca7a #a0e08c #d9f0a1',
    share: '#211f25 #382c56 #533588 #7d43ac #a756c8 #cf73cb #f193cc #ffbbcb #ffe0c8',
    signed: '#82d4f8 #40a1e1 #1b6eb0 #1c436d #23201f #69341e #ab541d #df8537 #f9c46e',
  },
  light: {
    gate: '#f7fbf8 #c7eccb #97d7a3 #68bd85 #3ea16a #248358 #086645 #014933 #002f22',
    share: '#fbf9fc #f1d2ed #e3abe0 #d185d4 #b861c6 #9146b7 #6c2ba3 #48207b #281657',
    signed: '#0d317a #1f65b5 #569bdd #9fcff1 #fbf9f7 #f2c78f #e08b42 #b55913 #803009',
  },
  contrast: {
    gate: '#000000 #000c06 #002f1f #005739 #00824c #33af62 #6edb7b #b9f3b9 #ffffff',
    share: '#000000 #0a021c #2b0f55 #552290 #9231ba #c659ce #f589ce #ffc6e5 #ffffff',
    signed: '#c7f4ff #4aaaed #005aa8 #001b44 #000000 #391306 #964512 #ec8c35 #ffedb1',
  },
};

/** The hue of each role: for letters, lines and histograms, never to fill a heatmap. */
export const HUES: Readonly<Record<Appearance, Readonly<Record<Identity, string>>>> = {
  dark: {
    forget: '#F76A20',
    store: '#68C6FF',
    candidate: '#00AD7A',
    output: '#BE6AD6',
    cell: '#F7BF61',
    reset: '#FF9DD2',
    hidden: '#E8E8E8',
  },
  light: {
    forget: '#CB4500',
    store: '#0046A7',
    candidate: '#00855B',
    output: '#4C196E',
    cell: '#6E3700',
    reset: '#860055',
    hidden: '#161616',
  },
  contrast: {
    forget: '#EB763F',
    store: '#73D0FF',
    candidate: '#A5FF8E',
    output: '#B47BFA',
    cell: '#EAB900',
    reset: '#FF97DD',
    hidden: '#FFFFFF',
  },
};

/** The second code beside the hue. */
export const DASHES: Readonly<Record<Identity, readonly number[]>> = {
  forget: [],
  store: [4, 2],
  candidate: [6, 2, 1, 2],
  output: [1, 2],
  cell: [],
  reset: [2, 3],
  hidden: [4, 2],
};

const ENTRIES = 256;
const maps = new Map<string, readonly Rgb[]>();

/** 256 colours. */
export function colourMap(appearance: Appearance, name: MapName): readonly Rgb[] {
  const key = `${appearance} ${name}`;
  let map = maps.get(key);
  if (map === undefined) {
    const stops = STOPS[appearance][name].split(' ').map((hex) => toLab(rgbOf(hex)));
    map = Array.from({ length: ENTRIES }, (_, entry) => {
      const at = (entry / (ENTRIES - 1)) * (stops.length - 1);
      const below = Math.min(stops.length - 2, Math.floor(at));
      const [from, to] = [stops[below]!, stops[below + 1]!];
      const share = at - below;
      return fromLab([0, 1, 2].map((axis) => from[axis]! * (1 - share) + to[axis]! * share) as unknown as Lab);
    });
    maps.set(key, map);
  }
  return map;
}

/** The colour at a place 0 .. 1 of a map. */
export function colourAt(appearance: Appearance, name: MapName, place: number): Rgb {
  return colourMap(appearance, name)[Math.max(0, Math.min(ENTRIES - 1, Math.round(place * (ENTRIES - 1))))]!;
}

export const css = ([red, green, blue]: Rgb): string => `rgb(${red} ${green} ${blue})`;

/** What can be read on a colour: of near black and white the one with more contrast, at least 4.3 to 1 on every colour of the maps. */
export const inkOn = (colour: Rgb): string => (luminance(colour) > 0.19 ? '#101010' : '#ffffff');

/** Relative luminance, 0 .. 1. */
export function luminance(colour: Rgb): number {
  const [red, green, blue] = toLinear(colour);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Where a value stands on its colour scale, 0 .. 1: gates from 0 to 1, signed ones about the middle, linear or by asinh. */
export function placeOf(value: number, quantity: MapName, limit: number, softness: number): number {
  if (quantity !== 'signed') return value;
  const share = softness > 0 ? Math.asinh(value / softness) / Math.asinh(limit / softness) : value / limit;
  return 0.5 + 0.5 * share;
}

export const rgbOf = (hex: string): Rgb => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as unknown as Rgb;

export type Lab = readonly [lightness: number, a: number, b: number];

const linear = (channel: number): number => {
  const share = channel / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
};

const encoded = (share: number): number => {
  const inside = Math.max(0, Math.min(1, share));
  return Math.round(255 * (inside <= 0.0031308 ? 12.92 * inside : 1.055 * inside ** (1 / 2.4) - 0.055));
};

/** sRGB to linear light, 0 .. 1. */
export const toLinear = (colour: Rgb): Rgb => colour.map(linear) as unknown as Rgb;

/** OKLab of linear light. */
export function labOfLinear([r, g, b]: Rgb): Lab {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

export const toLab = (colour: Rgb): Lab => labOfLinear(toLinear(colour));

export function fromLab([lightness, a, b]: Lab): Rgb {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    encoded(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    encoded(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    encoded(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}
