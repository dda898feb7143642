// Writes examples/gestures.jsonl: six gestures as a finger draws them, a line of JSON each: the way from one point to the next, in hundredths of the screen.
// Hands differ in size, speed, slant and steadiness.

import { type Chance, chanceOf, writeExample } from './examples/chance.ts';

/** A place on the gesture's curve, of 0 .. 1 of its length. */
type Curve = (share: number) => readonly [x: number, y: number];

const corners = (...points: readonly (readonly [number, number])[]): Curve => {
  const sides = points.slice(1).map(([x, y], k) => Math.hypot(x - points[k]![0], y - points[k]![1]));
  const whole = sides.reduce((sum, side) => sum + side, 0);
  return (share) => {
    let left = share * whole;
    const k = Math.max(
      0,
      sides.findIndex((side) => {
        if (left <= side) return true;
        left -= side;
        return false;
      }),
    );
    const [[x0, y0], [x1, y1]] = [points[k]!, points[k + 1]!];
    const part = Math.min(1, left / sides[k]!);
    return [x0 + part * (x1 - x0), y0 + part * (y1 - y0)];
  };
};
const turn = (turns: number, radius: (share: number) => number): Curve => {
  return (share) => [radius(share) * Math.sin(2 * Math.PI * turns * share), -radius(share) * Math.cos(2 * Math.PI * turns * share)];
};

const gestures: Readonly<Record<string, Curve>> = {
  circle: turn(1, () => 1),
  spiral: turn(2, (share) => 0.2 + share),
  zigzag: corners([-1, -1], [1, -1], [-1, 1], [1, 1]),
  tick: corners([-1, 0], [-0.3, 1], [1, -1]),
  square: corners([-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]),
  triangle: corners([0, -1], [1, 1], [-1, 1], [0, -1]),
};
const names = Object.keys(gestures);
const ROWS = 1100;

function drawn(curve: Curve, chance: Chance): number[][] {
  const steps = chance.between(12, 30);
  const size = 20 + 30 * chance.uniform();
  const slant = 0.35 * chance.normal();
  const narrow = 0.7 + 0.5 * chance.uniform();
  const unsteady = 0.07;
  const points = Array.from({ length: steps + 1 }, (_, k) => {
    // A hand is slow at both ends.
    const share = k / steps;
    const [x, y] = curve(share + 0.08 * Math.sin(2 * Math.PI * share) * -1);
    const [a, b] = [narrow * x + unsteady * chance.normal(), y + unsteady * chance.normal()];
    return [size * (Math.cos(slant) * a - Math.sin(slant) * b), size * (Math.sin(slant) * a + Math.cos(slant) * b)] as const;
  });
  return points.slice(1).map(([x, y], k) => [Math.round(x - points[k]![0]), Math.round(y - points[k]![1])]);
}

const chance = chanceOf('gestures');
const rows = Array.from({ length: ROWS }, () => {
  const name = chance.pick(names);
  return JSON.stringify({ gesture: name, moves: drawn(gestures[name]!, chance) });
});
writeExample('gestures.jsonl', `${rows.join('\n')}\n`);
