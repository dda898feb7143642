// Where a trained model looks while it writes the rows of its test part, beside where what it writes stands in what it reads: a part of a date, a thing in an image, a
// word of a sentence. Rows are decoded greedily, and places are judged in those that came out right.

import type { Box } from '../../src/data/dataset.ts';
import { checkpointOf } from '../../src/engine/chosen-weights.ts';
import { loadData } from '../../src/engine/features.ts';
import { openRunModel } from '../../src/engine/job.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import { alignmentErrorRate } from '../../src/shared/alignment.ts';
import type { Link } from '../../src/shared/trace.ts';
import { decodedScores, referencesOf } from '../../src/training/decoded.ts';
import { RowWriter, type WrittenRow } from '../../src/training/decoding/write.ts';
import { crossingsOf } from './word-table.ts';

export interface DecodedRow {
  readonly written: WrittenRow;
  readonly isRight: boolean;
  readonly boxes: readonly Box[];
  readonly links?: readonly Link[];
}

/** The first rows of a run's test part, and the share of them that is exactly one of its references. */
export async function decodedTest(
  folder: string,
  most = Number.POSITIVE_INFINITY,
): Promise<{ readonly rows: readonly DecodedRow[]; readonly exact: number }> {
  const { run, shapes, padded } = await openRunModel(folder);
  const data = await loadData(run.record.data, shapes, run.data);
  const part = data.parts.test;
  const { state } = await checkpointOf(run);
  const settings = { search: { kind: 'greedy' }, length: 60, prompt: '' } as const;
  const writer = await RowWriter.open({ model: padded(), shapes, kept: run.data }, state, settings, createRuntime(), true);
  try {
    const places = Array.from({ length: Math.min(most, part.size) }, (_, index) => index);
    const written = await writer.write(places.map((index) => ({ example: part.example(index) })));
    const rows = places.map((index): DecodedRow => {
      const links = part.alignment?.(index);
      const isRight = decodedScores(['exact'], [written[index]!.text], [referencesOf(data, part, index)]).exact === 1;
      return { written: written[index]!, isRight, boxes: part.boxes?.(index) ?? [], ...(links === undefined ? {} : { links }) };
    });
    return { rows, exact: rows.filter(({ isRight }) => isRight).length / rows.length };
  } finally {
    await writer.close();
  }
}

interface Look {
  /** The place with the largest weight. */
  readonly place: number;
  readonly weight: number;
}

/** Where each written token comes from by the only line of attention. */
export function looks({ attention }: WrittenRow): readonly Look[] {
  const [{ shape, data }] = Object.values(attention) as [WrittenRow['attention'][string]];
  const [steps, places] = [shape[0]!, shape.at(-1)!];
  return Array.from({ length: steps }, (_, step) => {
    const row = data.subarray(step * places, (step + 1) * places);
    const weight = row.reduce((most, each) => Math.max(most, each), 0);
    return { place: row.indexOf(weight), weight };
  });
}

export interface Figure {
  /** Share of the looks whose strongest place is where it should be, and the mean of its weight. */
  readonly right: number;
  readonly weight: number;
  readonly count: number;
}

function figureOf(found: readonly (Look & { readonly isRight: boolean })[]): Figure {
  const mean = (of: (each: (typeof found)[number]) => number): number => found.reduce((sum, each) => sum + of(each), 0) / found.length;
  return { right: mean(({ isRight }) => Number(isRight)), weight: mean(({ weight }) => weight), count: found.length };
}

const right = (rows: readonly DecodedRow[]): readonly DecodedRow[] => rows.filter(({ isRight }) => isRight);

// -------------------------------------------------------------------------------------------------------------------- dates

const dateParts = ['year', 'month', 'day'] as const;
export type DatePart = (typeof dateParts)[number];

/** The digits of 1998-05-03 by the part that they belong to; of the year those that all written forms have. */
const digits: Readonly<Record<DatePart, readonly number[]>> = { year: [2, 3], month: [5, 6], day: [8, 9] };

/** Of the digits of a date: do they come from the characters that say the same? */
export function dateFigures(rows: readonly DecodedRow[]): Readonly<Record<DatePart, Figure>> {
  const figure = (part: DatePart): Figure =>
    figureOf(
      right(rows).flatMap(({ written }) => {
        const [from, to] = placesOfDate(written.source.join(''))[part];
        const all = looks(written);
        return digits[part].map((step) => ({ ...all[step]!, isRight: all[step]!.place >= from && all[step]!.place < to }));
      }),
    );
  return { year: figure('year'), month: figure('month'), day: figure('day') };
}

/** From which character to which, the last excluded. */
export function placesOfDate(written: string): Readonly<Record<DatePart, readonly [from: number, to: number]>> {
  const numbers = [...written.matchAll(/\d+/g)].map(({ index, 0: text }) => [index, index + text.length] as const);
  const [first, second] = numbers as [readonly [number, number], readonly [number, number]];
  const end = numbers.at(-1)![1];
  const year = [end - 2, end] as const;
  const name = / ?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*/g;
  // "monday" and "mon" have no month in them, and stand first.
  const month = [...written.matchAll(name)].at(-1);
  if (month !== undefined)
    return { year, month: [month.index + (month[0].startsWith(' ') ? 1 : 0), month.index + month[0].length], day: first };
  // With points the day comes first, with slashes the month.
  return written.includes('/') ? { year, month: first, day: second } : { year, month: second, day: first };
}

// ------------------------------------------------------------------------------------------------------------------- images

/** Of the colours and the nouns of things in square images of `size` pixels: does the strongest place have its middle on that thing? */
export function boxFigures(rows: readonly DecodedRow[], size: number): Figure {
  return figureOf(
    right(rows).flatMap(({ written, boxes }) => {
      const all = looks(written);
      const grid = Math.sqrt(Object.values(written.attention)[0]!.shape.at(-1)!);
      // Words that are written have no ‹begin›, and the first of a thing is its article.
      return boxes.flatMap((box) =>
        Array.from({ length: box.to - box.from - 1 }, (_, k) => {
          const look = all[box.from + k]!;
          return { ...look, isRight: isWithin(look.place, grid, size, box) };
        }),
      );
    }),
  );
}

function isWithin(place: number, grid: number, size: number, { x, y, width, height }: Box): boolean {
  const middle = (k: number): number => ((k + 0.5) * size) / grid;
  const [column, row] = [middle(place % grid), middle(Math.floor(place / grid))];
  return column >= x && column <= x + width && row >= y && row <= y + height;
}

// -------------------------------------------------------------------------------------------------------------------- pairs

export interface PairFigures {
  /** Alignment error rate of the strongest places. */
  readonly errorRate: number;
  /** Of neighbours in the target whose sources stand the other way round ("maison rouge", "red house"): the share that is seen so. */
  readonly crossed: Figure;
}

export function pairFigures(rows: readonly DecodedRow[]): PairFigures {
  const known = right(rows).filter((row): row is DecodedRow & { links: readonly Link[] } => row.links !== undefined);
  const found = known.map(({ written }) =>
    looks(written)
      .slice(0, written.tokens.length)
      .map(({ place }, step) => ({ source: place, target: step + 1 })),
  );
  const crossed = known.flatMap(({ written, links }) => {
    const all = looks(written);
    return crossingsOf(links.filter((link) => link.sure)).map(({ source, target }) => {
      // Words that are written have no ‹begin›.
      const [one, other] = [all[target[0] - 1]!, all[target[1] - 1]!];
      const isRight = one.place === source[0] && other.place === source[1];
      return { place: one.place, weight: (one.weight + other.weight) / 2, isRight };
    });
  });
  return {
    errorRate: alignmentErrorRate(
      found,
      known.map(({ links }) => links),
    ),
    crossed: figureOf(crossed),
  };
}
