// A path from a baseline to an input, in pieces: where gradients are taken on it, and which pieces are halved.

import type { AttributedSequence } from '../../shared/analysis.ts';

/** The residual that is asked for, relative to the output's change along the path. */
export const LIMIT = 1e-3;
/** Points of a piece of the path, and the most of a sequence in all. */
export const POINTS = 8;
const MOST_POINTS = 256;

/** A point of a sequence's path to compute: the output there, or the gradient, which is added to a piece's sums. */
export interface Job {
  readonly row: number;
  readonly share: number;
  readonly weight: number;
  readonly output?: (value: number) => void;
  readonly sums?: readonly Float64Array[];
}

/** A piece of a path, with its part of the integrals. */
interface Piece {
  readonly from: number;
  readonly to: number;
  /** By value along the path; empty until it is computed. */
  readonly sums: Float64Array[];
}

/** The path of one sequence, in pieces. That the sums of a piece are the output's change over it holds for each by itself, so it is known where the
 *  path is too steep for its points, and those pieces are halved. */
export class Path {
  readonly #row: number;
  #pieces: Piece[] = [
    { from: 0, to: 0.5, sums: [] },
    { from: 0.5, to: 1, sums: [] },
  ];
  readonly #outputs = new Map<number, number>();
  #points = 0;

  constructor(row: number) {
    this.#row = row;
  }

  /** What is not yet known of the pieces. */
  jobs(points: readonly number[], weights: readonly number[], widths: readonly number[]): Job[] {
    const row = this.#row;
    const jobs: Job[] = [];
    const open = this.#pieces.filter(({ sums }) => sums.length === 0);
    for (const end of new Set(open.flatMap(({ from, to }) => [from, to])))
      if (!this.#outputs.has(end)) jobs.push({ row, share: end, weight: 0, output: (value) => this.#outputs.set(end, value) });
    for (const { from, to, sums } of open) {
      sums.push(...widths.map((width) => new Float64Array(width)));
      this.#points += points.length;
      for (const [k, point] of points.entries())
        jobs.push({ row, share: from + (to - from) * point, weight: (to - from) * weights[k]!, sums });
    }
    return jobs;
  }

  /** Halves the pieces that miss most; false where all is well, or enough has been tried. */
  refine(): boolean {
    const allowed = LIMIT * Math.abs(this.#change);
    const misses = this.#pieces.map((piece) => this.#miss(piece));
    if (misses.reduce((sum, each) => sum + each, 0) <= allowed) return false;
    const room = Math.floor((MOST_POINTS - this.#points) / (2 * POINTS));
    const worst = [...this.#pieces.keys()]
      .filter((k) => misses[k]! > allowed / (2 * this.#pieces.length))
      .sort((a, b) => misses[b]! - misses[a]!)
      .slice(0, room);
    if (worst.length === 0) return false;
    this.#pieces = this.#pieces.flatMap((piece, k): Piece[] => {
      if (!worst.includes(k)) return [piece];
      const middle = (piece.from + piece.to) / 2;
      return [
        { from: piece.from, to: middle, sums: [] },
        { from: middle, to: piece.to, sums: [] },
      ];
    });
    return true;
  }

  get #change(): number {
    return this.#outputs.get(1)! - this.#outputs.get(0)!;
  }

  #miss({ from, to, sums }: Piece): number {
    return Math.abs(this.#outputs.get(to)! - this.#outputs.get(from)! - sums.reduce((sum, each) => sum + total(each), 0));
  }

  result(
    widths: readonly number[],
  ): Pick<AttributedSequence, 'atInput' | 'atBaseline' | 'residual' | 'points'> & { readonly values: readonly Float64Array[] } {
    const change = Math.abs(this.#change);
    const missed = this.#pieces.reduce((sum, piece) => sum + this.#miss(piece), 0);
    return {
      values: widths.map((width, n) => {
        const values = new Float64Array(width);
        for (const { sums } of this.#pieces) for (let at = 0; at < width; at += 1) values[at]! += sums[n]![at]!;
        return values;
      }),
      atInput: this.#outputs.get(1)!,
      atBaseline: this.#outputs.get(0)!,
      residual: change === 0 ? (missed === 0 ? 0 : Number.POSITIVE_INFINITY) : missed / change,
      points: this.#points,
    };
  }
}

const total = (values: Float64Array): number => values.reduce((sum, each) => sum + each, 0);
