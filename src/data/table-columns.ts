// The columns of a table on their way from cells to numbers: what each cell says is read with its row, and becomes classes once all rows are known.

import { basename } from 'node:path';
import type { InputShape } from '../shared/dataset.ts';
import { type CellPlace, isMissing, numberOf, numbersOf, stepWidth, textOf } from './cells.ts';
import { classesPerCell, numbersPerCell, unboundInput } from './errors.ts';
import { GrowingIds, growingFloats, growingOffsets, idsFor } from './growing.ts';
import { dimensionOf, type StoredInput } from './store.ts';
import type { RowsSource } from './table.ts';
import type { Cell, TableRow } from './table-rows.ts';
import { type Found, Tokens, visitTokens } from './vocabulary.ts';

/** What a row has for a column. */
export interface ReadCell {
  /** Steps, before those that are too many are cut off. */
  readonly length: number;
  readonly ids?: readonly number[];
  readonly numbers?: readonly number[];
  readonly missing: boolean;
}

export interface ColumnReader {
  readonly shape: InputShape;
  /** It has a step for each place of a dimension that the data binds. */
  readonly stepped: boolean;
  /** Its cells are texts that are cut into classes; else they are labels, or numbers. */
  readonly cut: boolean;
  readonly width: number;
  /** The names of its columns in the file. */
  readonly name: string;
  read(row: TableRow, vocabularies: Map<string, Tokens>): ReadCell;
  add(cell: ReadCell): void;
  /** How often each token occurs in rows: of all, or of those of a part. */
  counts(tokens: number, rows?: Int32Array): Int32Array;
  /** `framed`: its rows stand between ‹begin› and ‹end›. */
  finish(found: ReadonlyMap<string, Found>, framed: boolean): StoredInput;
}

/** The reader of an input from columns at their places. Throws DataError where they cannot be what the input wants. */
export function columnOf(shape: InputShape, places: readonly number[], name: string, source: RowsSource): ColumnReader {
  // Several columns for [Measure] are one vector a row, not a sequence.
  const stepped = dimensionOf(shape) !== undefined && !(places.length > 1 && shape.shape.length === 1);
  return shape.classes === undefined
    ? new NumberColumn(shape, places, stepped, name, source)
    : new ClassColumn(shape, places, stepped, name, source);
}

/** The class of a label that is missing. */
const MISSING = '‹missing›';

const longestOf = ({ longest = Number.POSITIVE_INFINITY }: RowsSource): number => longest;

/** Texts cut into classes, one a step; or labels: one a row, or one of each column. */
class ClassColumn implements ColumnReader {
  readonly shape: InputShape;
  readonly stepped: boolean;
  readonly cut: boolean;
  readonly width: number;
  readonly name: string;
  readonly #places: readonly number[];
  readonly #source: RowsSource;
  readonly #ids = new GrowingIds();
  /** Where texts begin; labels are as many in each row. */
  readonly #offsets = growingOffsets();
  #rows = 0;
  /** Rows whose class is missing. */
  readonly #missing = new Set<number>();

  constructor(shape: InputShape, places: readonly number[], stepped: boolean, name: string, source: RowsSource) {
    const [size = 1, ...more] = shape.shape;
    const isWide = places.length > 1;
    if (more.length > 0 || (isWide && (stepped || shape.shape.length === 0 || (typeof size === 'number' && size !== places.length))))
      throw unboundInput(
        basename(source.path),
        shape.name,
        `${places.length === 1 ? 'a column' : `${places.length} columns`} of classes cannot be [${shape.shape.join(', ')}].`,
      );
    this.shape = shape;
    this.stepped = stepped;
    this.cut = stepped || (!isWide && typeof size === 'number' && size !== 1);
    this.width = isWide ? places.length : this.cut && typeof size === 'number' ? size : 1;
    this.name = name;
    this.#places = places;
    this.#source = source;
  }

  read(row: TableRow, vocabularies: Map<string, Tokens>): ReadCell {
    const dimension = this.shape.classes!;
    let tokens = vocabularies.get(dimension);
    if (tokens === undefined) {
      tokens = new Tokens();
      vocabularies.set(dimension, tokens);
    }
    return this.cut ? this.#text(row, tokens) : this.#labels(row, tokens);
  }

  #labels({ cells }: TableRow, tokens: Tokens): ReadCell {
    const labels = this.#places.map((place) => {
      const text = textOf(cells[place]);
      return typeof text === 'string' ? text.trim() : text.join(' ');
    });
    // What the model reads is never nothing: that it is missing is a class of its own.
    if (this.shape.compared && labels.includes('')) return { length: 1, ids: labels.map(() => 0), missing: true };
    const { lower } = this.#source;
    return {
      length: 1,
      ids: labels.map((label) => tokens.number(label === '' ? MISSING : lower ? label.toLowerCase() : label)),
      missing: false,
    };
  }

  #text({ cells, line }: TableRow, tokens: Tokens): ReadCell {
    const text = textOf(cells[this.#places[0]!]);
    const ids: number[] = [];
    const take = (token: string): void => {
      ids.push(tokens.number(token));
    };
    if (typeof text === 'string') visitTokens(text, this.#source, take);
    else text.forEach(take);
    if (this.stepped) return { length: ids.length, ids, missing: ids.length === 0 };
    if (ids.length === 0 && this.shape.compared) return { length: 1, ids: Array<number>(this.width).fill(0), missing: true };
    if (ids.length !== this.width) throw classesPerCell(this.#source.path, line, this.name, ids.length, this.width);
    return { length: 1, ids, missing: false };
  }

  add({ ids, missing }: ReadCell): void {
    if (missing) this.#missing.add(this.#rows);
    const most = this.stepped && this.#source.by !== 'pieces' ? longestOf(this.#source) : ids!.length;
    for (let k = 0; k < ids!.length && k < most; k += 1) this.#ids.push(ids![k]!);
    if (this.stepped) this.#offsets.push(this.#ids.length);
    this.#rows += 1;
  }

  counts(tokens: number, rows?: Int32Array): Int32Array {
    const counts = new Int32Array(tokens);
    const take = (row: number): void => {
      if (!this.#missing.has(row))
        this.#visit(row, (id) => {
          counts[id]! += 1;
        });
    };
    if (rows !== undefined) rows.forEach(take);
    else for (let row = 0; row < this.#rows; row += 1) take(row);
    return counts;
  }

  #visit(row: number, visit: (id: number) => void): void {
    if (this.stepped) this.#ids.visit(visit, this.#offsets.at(row), this.#offsets.at(row + 1));
    else this.#ids.visit(visit, row * this.width, (row + 1) * this.width);
  }

  finish(found: ReadonlyMap<string, Found>, framed: boolean): StoredInput {
    const { vocabulary, classes } = found.get(this.shape.classes!)!;
    const classesOf = (id: number): readonly number[] => (classes instanceof Int32Array ? [classes[id]!] : classes[id]!);
    const rows = this.#rows;
    const most = this.stepped ? longestOf(this.#source) : Number.POSITIVE_INFINITY;
    const nothing = vocabulary.tokens.length;
    // A row that is only compared with has nothing to say where another one begins and ends.
    const isAnswer = this.shape.compared && !this.shape.predicted;
    const edge = (id: number | undefined): number => (isAnswer ? nothing : (id ?? vocabulary.unknown ?? 0));
    const offsets = new Float64Array(rows + 1);
    for (let row = 0; row < rows; row += 1) {
      let length = 0;
      this.#visit(row, (id) => {
        length += classesOf(id).length;
      });
      offsets[row + 1] = offsets[row]! + Math.min(length, most) + (framed ? 2 : 0);
    }
    const data = idsFor(vocabulary.tokens.length + 1, offsets[rows]!);
    let at = 0;
    for (let row = 0; row < rows; row += 1) {
      const end = offsets[row + 1]! - (framed ? 1 : 0);
      if (framed) data[at++] = edge(vocabulary.begin);
      const missing = this.#missing.has(row);
      this.#visit(row, (id) => {
        for (const each of classesOf(id)) if (at < end) data[at++] = missing || each < 0 ? nothing : each;
      });
      if (framed) data[at++] = edge(vocabulary.end);
    }
    return { shape: this.shape, data, nothing, width: this.width, ...(this.stepped ? { offsets } : {}) };
  }
}

/** Numbers: one column or several, one value a row, or a list of values in a cell with a step for each. */
class NumberColumn implements ColumnReader {
  readonly shape: InputShape;
  readonly stepped: boolean;
  readonly cut = false;
  width: number;
  readonly name: string;
  readonly #places: readonly number[];
  readonly #source: RowsSource;
  readonly #floats = growingFloats();
  /** Rows with nothing, before one that says how many numbers a row has. */
  #pending = 0;
  readonly #offsets = growingOffsets();

  constructor(shape: InputShape, places: readonly number[], stepped: boolean, name: string, source: RowsSource) {
    this.shape = shape;
    this.stepped = stepped;
    this.#places = places;
    this.name = name;
    this.#source = source;
    const own = stepped ? shape.shape.slice(1) : shape.shape;
    const known = own.filter((size): size is number => typeof size === 'number').reduce((product, size) => product * size, 1);
    this.width = own.every((size) => typeof size === 'number') ? known : places.length > 1 ? places.length : 0;
    if (!stepped && places.length > 1 && this.width !== places.length)
      throw unboundInput(
        basename(source.path),
        shape.name,
        `its shape is [${shape.shape.join(', ')}], and ${places.length} columns are given.`,
      );
  }

  read({ line, cells }: TableRow): ReadCell {
    const place: CellPlace = { path: this.#source.path, line, column: this.name };
    if (this.#places.length > 1) return this.#several(cells, place);
    const cell = cells[this.#places[0]!];
    if (!this.stepped && isMissing(cell)) return { length: 1, numbers: Array<number>(this.width).fill(Number.NaN), missing: true };
    // A sequence that is missing has no steps.
    if (this.stepped && isMissing(cell)) return { length: 0, numbers: [], missing: true };
    const numbers = numbersOf(cell, 1, place);
    if (!this.stepped) {
      // The first row says how many, where the model leaves it open.
      if (this.width === 0) this.width = numbers.length;
      if (numbers.length !== this.width) throw numbersPerCell(place.path, line, place.column, numbers.length, this.width);
      return { length: 1, numbers, missing: false };
    }
    if (this.width === 0) this.width = stepWidth(cell);
    if (numbers.length % this.width !== 0) throw numbersPerCell(place.path, line, place.column, numbers.length, this.width);
    return { length: numbers.length / this.width, numbers, missing: false };
  }

  /** A number of each column; where they hold lists, a step takes one of each. */
  #several(cells: readonly Cell[], place: CellPlace): ReadCell {
    if (!this.stepped) {
      const numbers = this.#places.map((at) => numberOf(cells[at], place));
      return { length: 1, numbers, missing: numbers.every(Number.isNaN) };
    }
    const lists = this.#places.map((at) => numbersOf(cells[at], 1, place));
    const length = lists[0]!.length;
    const other = lists.find((list) => list.length !== length);
    if (other !== undefined) throw numbersPerCell(place.path, place.line, place.column, other.length, length);
    return { length, numbers: Array.from({ length }, (_, t) => lists.map((list) => list[t]!)).flat(), missing: false };
  }

  add({ numbers, length }: ReadCell): void {
    if (this.width === 0) {
      this.#pending += 1;
      return;
    }
    for (; this.#pending > 0; this.#pending -= 1) for (let k = 0; k < this.width; k += 1) this.#floats.push(Number.NaN);
    const steps = this.stepped ? Math.min(length, longestOf(this.#source)) : length;
    const end = this.stepped ? steps * this.width : numbers!.length;
    for (let k = 0; k < end; k += 1) this.#floats.push(numbers![k]!);
    if (this.stepped) this.#offsets.push(this.#offsets.at(this.#offsets.length - 1) + steps);
  }

  counts(): Int32Array {
    return new Int32Array();
  }

  finish(): StoredInput {
    const { shape, width, stepped } = this;
    return {
      shape,
      data: this.#floats.finish(),
      width: Math.max(1, width),
      ...(stepped ? { offsets: this.#offsets.finish() } : {}),
    };
  }
}
