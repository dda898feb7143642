// What a cell of a table says, as the input that it binds wants it.

import { noNumber, numbersPerCell } from './errors.ts';
import type { Cell } from './table-rows.ts';

/** Where a cell stands, for what is said of it. */
export interface CellPlace {
  readonly path: string;
  readonly line: number;
  readonly column: string;
}

/** How a missing value is written, in any case of letters. */
const MISSING = /^(|na|n\/a|nan|null|none|\?|-)$/i;

export const isMissing = (cell: Cell): boolean =>
  cell === undefined || cell === null || (typeof cell === 'string' && MISSING.test(cell.trim()));

/** A number that 32 bits can hold. */
export const isNumberText = (text: string): boolean => text.trim() !== '' && Number.isFinite(Math.fround(Number(text.trim())));

/** One number; NaN where it is missing. Throws DataError where it is something else. */
export function numberOf(cell: Cell, { path, line, column }: CellPlace): number {
  if (typeof cell === 'number' && Number.isFinite(Math.fround(cell))) return cell;
  if (typeof cell === 'boolean') return Number(cell);
  if (isMissing(cell)) return Number.NaN;
  if (typeof cell === 'string' && isNumberText(cell)) return Number(cell.trim());
  throw noNumber(path, line, column, typeof cell === 'string' ? cell : String(JSON.stringify(cell)));
}

/** The numbers of a cell: a list of JSON (of lists, where a step has several), or numbers with white space, commas or semicolons between. `width`: how
 *  many a step has. */
export function numbersOf(cell: Cell, width: number, place: CellPlace): number[] {
  const flat = flattened(cell, place);
  if (Array.isArray(cell) && cell.some(Array.isArray)) {
    const lengths = cell.map((step) => (Array.isArray(step) ? step.length : 1));
    const other = lengths.find((length) => length !== lengths[0]);
    if (other !== undefined) throw numbersPerCell(place.path, place.line, place.column, other, lengths[0]!);
  }
  if (flat.length % width !== 0) throw numbersPerCell(place.path, place.line, place.column, flat.length, width);
  return flat;
}

/** How many numbers a step has in a list of lists; 1 elsewhere. */
export const stepWidth = (cell: Cell): number => (Array.isArray(cell) && Array.isArray(cell[0]) ? cell[0].length : 1);

function flattened(cell: Cell, place: CellPlace): number[] {
  if (Array.isArray(cell)) return cell.flatMap((each) => flattened(each as Cell, place));
  if (typeof cell !== 'string') return [numberOf(cell, place)];
  const text = cell.trim();
  if (text === '') return [];
  if (text.startsWith('[')) {
    try {
      return flattened(JSON.parse(text) as Cell, place);
    } catch {
      throw noNumber(place.path, place.line, place.column, text);
    }
  }
  return text.split(/[\s,;]+/).map((part) => numberOf(part, place));
}

/** A text; a list of JSON is its tokens, which are not cut any further. */
export function textOf(cell: Cell): string | readonly string[] {
  if (Array.isArray(cell)) return cell.map(String);
  return cell === undefined || cell === null ? '' : String(cell);
}
